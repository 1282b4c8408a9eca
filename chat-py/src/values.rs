//! What operators are told: users, sessions, the size of a restored dump.

use chat_lib::model::Invitation as LibInvitation;
use chat_lib::store::SessionInfo as LibSessionInfo;
use chat_lib::{Restored as LibRestored, UserInfo};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::value::{Shown, Time};

/// A user, as an operator sees it.
#[pyclass(frozen, eq, hash, get_all, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct User {
    /// The user name.
    name: String,
    /// The name that others see.
    full_name: String,
    /// Where the user is from; may be empty.
    country: String,
    /// Whether the user is banned.
    banned: bool,
}

impl From<&UserInfo> for User {
    fn from(UserInfo { profile, banned, .. }: &UserInfo) -> Self {
        Self {
            name: profile.user().to_string(),
            full_name: profile.full_name().to_owned(),
            country: profile.country().to_owned(),
            banned: *banned,
        }
    }
}

#[pymethods]
impl User {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = |text: &str| PyString::new(py, text).repr();
        let (full_name, country) = (text(&self.full_name)?, text(&self.country)?);
        let banned = if self.banned { ", banned=True" } else { "" };
        Ok(format!("User(name='{}', full_name={full_name}, country={country}{banned})", self.name))
    }
}

/// A live session, as an operator sees it.
#[pyclass(frozen, eq, hash, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct SessionInfo {
    /// The session's id, which is not its token and opens nothing.
    #[pyo3(get)]
    id: String,
    /// The name of the user whose session it is.
    #[pyo3(get)]
    user: String,
    /// The host and port that the user logged in from; `None` for a session that was opened in the process.
    #[pyo3(get)]
    address: Option<(String, u16)>,
    /// When it was opened, in UTC.
    #[pyo3(get)]
    opened: Time,
    /// When it was last used, in UTC. After a restart this may be too early, by at most a 64th of the time that a session
    /// lasts without being used.
    #[pyo3(get)]
    last_used: Time,
}

impl From<&LibSessionInfo> for SessionInfo {
    fn from(session: &LibSessionInfo) -> Self {
        Self {
            id: session.id.to_string(),
            user: session.user.user().to_string(),
            address: session.from.map(|address| (address.ip().to_string(), address.port())),
            opened: Time(session.opened),
            last_used: Time(session.last_used),
        }
    }
}

#[pymethods]
impl SessionInfo {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let opened = self.opened.shown(py)?;
        Ok(format!("SessionInfo(id='{}', user='{}', opened={opened})", self.id, self.user))
    }
}

/// An invitation that was not used yet.
#[pyclass(frozen, eq, hash, get_all, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Invitation {
    /// Its id, which is not its code: nobody can register with it.
    id: String,
    /// When it was created, in UTC.
    created: Time,
    /// When it ends unless it is used before, in UTC.
    expires: Time,
}

impl From<&LibInvitation> for Invitation {
    fn from(invitation: &LibInvitation) -> Self {
        let LibInvitation { id, created, expires, .. } = invitation;
        Self { id: id.to_string(), created: Time(*created), expires: Time(*expires) }
    }
}

#[pymethods]
impl Invitation {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Invitation(id='{}', expires={})", self.id, self.expires.shown(py)?))
    }
}

/// What a restored dump has brought.
#[pyclass(frozen, eq, hash, get_all, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Restored {
    /// How many users.
    users: u64,
    /// How many of these users came without the hash of a password, and cannot log in until they get a password.
    without_password: u64,
    /// How many messages.
    messages: u64,
}

impl From<LibRestored> for Restored {
    fn from(restored: LibRestored) -> Self {
        let LibRestored { users, without_password, messages, .. } = restored;
        Self { users, without_password, messages }
    }
}

#[pymethods]
impl Restored {
    fn __repr__(&self) -> String {
        let Self { users, without_password, messages } = self;
        format!("Restored(users={users}, without_password={without_password}, messages={messages})")
    }
}
