//! What operators are told: users, sessions, the size of a restored dump.

use chat_lib::Restored as LibRestored;
use chat_lib::model::{Profile, SessionId};
use pyo3::prelude::*;
use pyo3::types::PyString;

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
}

impl From<&Profile> for User {
    fn from(profile: &Profile) -> Self {
        Self {
            name: profile.user().to_string(),
            full_name: profile.full_name().to_owned(),
            country: profile.country().to_owned(),
        }
    }
}

#[pymethods]
impl User {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = |text: &str| PyString::new(py, text).repr();
        let (full_name, country) = (text(&self.full_name)?, text(&self.country)?);
        Ok(format!("User(name='{}', full_name={full_name}, country={country})", self.name))
    }
}

/// A live session, as an operator sees it.
#[pyclass(frozen, eq, hash, get_all, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct SessionInfo {
    /// The session's id, which is not its token and opens nothing.
    id: String,
    /// The name of the user whose session it is.
    user: String,
}

impl SessionInfo {
    pub(crate) fn new(id: &SessionId, user: &Profile) -> Self {
        Self { id: id.to_string(), user: user.user().to_string() }
    }
}

#[pymethods]
impl SessionInfo {
    fn __repr__(&self) -> String {
        format!("SessionInfo(id='{}', user='{}')", self.id, self.user)
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
