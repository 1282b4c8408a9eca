//! Lists that a program in C goes through: messages, users, sessions.

use std::ffi::{CString, c_char, c_int};
use std::sync::{Mutex, PoisonError};
use std::{ptr, vec};

use chat_lib::UserInfo;
use chat_lib::model::{Inbox, UserName};
use chat_lib::store::SessionInfo;

use crate::argument::Out;
use crate::boundary::boundary;
use crate::error::{Failure, c_string};
use crate::handle::{chat_inbox, chat_sessions, chat_users, get, take};
use crate::status::chat_status;

/// A list and the element that was given last, to which the caller has pointers.
pub struct List<T> {
    rest: vec::IntoIter<T>,
    current: Option<T>,
}

impl<T> List<T> {
    fn next(&mut self) -> Result<&T, Failure> {
        self.current = self.rest.next();
        self.current.as_ref().ok_or_else(Failure::end)
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self { rest: elements.into_iter().collect::<Vec<T>>().into_iter(), current: None }
    }
}

/// A message. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_message {
    /// The sender's user name.
    pub from: *const c_char,
    /// The sender's full name at the time of sending.
    pub from_name: *const c_char,
    /// The reader's full name.
    pub to_name: *const c_char,
    /// The text as it was sent. It may contain NULs, so use `text_len`, and control characters, so escape it before you
    /// print it to a terminal.
    pub text: *const c_char,
    /// The length of the text in bytes.
    pub text_len: usize,
}

/// The messages of an inbox.
pub struct Messages {
    list: List<Texts>,
    to_name: CString,
}

/// What a [`chat_message`] points to.
struct Texts {
    from: CString,
    from_name: CString,
    text: Vec<u8>,
}

impl Messages {
    pub(crate) fn new(inbox: &Inbox) -> Self {
        let texts = inbox.iter().map(|message| Texts {
            from: c_string(message.from.user().to_string()),
            from_name: c_string(message.from.full_name().to_owned()),
            text: [message.body().as_bytes(), b"\0"].concat(),
        });
        Self { list: texts.collect(), to_name: c_string(inbox.to().to_owned()) }
    }

    fn next(&mut self) -> Result<chat_message, Failure> {
        let Texts { from, from_name, text } = self.list.next()?;
        Ok(chat_message {
            from: from.as_ptr(),
            from_name: from_name.as_ptr(),
            to_name: self.to_name.as_ptr(),
            text: text.as_ptr().cast(),
            text_len: text.len() - 1,
        })
    }
}

/// Tells how many messages of an inbox are still to come.
///
/// - `inbox`: an inbox.
/// - `count_out`: receives the number.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_inbox_count(inbox: *const chat_inbox, count_out: *mut usize) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(count_out, "count_out")? };
        out.set(get(inbox)?.lock().unwrap_or_else(PoisonError::into_inner).list.rest.len());
        Ok(())
    })
}

/// Gives the next message of an inbox.
///
/// - `inbox`: an inbox.
/// - `message_out`: receives the message.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the message points to belongs to the inbox, and is valid until the next call with it.
/// Thread: one at a time for one inbox.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_inbox_next(inbox: *mut chat_inbox, message_out: *mut chat_message) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(message_out, "message_out")? };
        out.set(get(inbox)?.lock().unwrap_or_else(PoisonError::into_inner).next()?);
        Ok(())
    })
}

/// Frees an inbox. Messages that it has not given are lost.
///
/// - `inbox`: an inbox; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_inbox_free(inbox: *mut chat_inbox) -> chat_status {
    boundary(|| take(inbox, |_| Ok(())))
}

/// A user. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_user {
    /// The user name.
    pub name: *const c_char,
    /// The full name; "" in a list that has user names only.
    pub full_name: *const c_char,
    /// The country. Empty if the user has none, or if the list contains user names only.
    pub country: *const c_char,
    /// Whether the user is banned: 0 or 1; 0 in a list that has user names only.
    pub banned: c_int,
}

/// What a [`chat_user`] points to.
pub struct User {
    name: CString,
    full_name: CString,
    country: CString,
    banned: bool,
}

impl User {
    /// A user of whom only the name is known.
    pub(crate) fn named(name: &UserName) -> Self {
        Self {
            name: c_string(name.to_string()),
            full_name: CString::default(),
            country: CString::default(),
            banned: false,
        }
    }
}

impl From<&UserInfo> for User {
    fn from(UserInfo { profile, banned, .. }: &UserInfo) -> Self {
        Self {
            name: c_string(profile.user().to_string()),
            full_name: c_string(profile.full_name().to_owned()),
            country: c_string(profile.country().to_owned()),
            banned: *banned,
        }
    }
}

/// A list for a `chat_users`.
pub(crate) fn users(users: impl IntoIterator<Item = User>) -> Mutex<List<User>> {
    Mutex::new(users.into_iter().collect())
}

/// Gives the next user of a list.
///
/// - `users`: a list of users.
/// - `user_out`: receives the user.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the user points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_users_next(users: *mut chat_users, user_out: *mut chat_user) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(user_out, "user_out")? };
        let users = get(users)?;
        let mut users = users.lock().unwrap_or_else(PoisonError::into_inner);
        let User { name, full_name, country, banned } = users.next()?;
        out.set(chat_user {
            name: name.as_ptr(),
            full_name: full_name.as_ptr(),
            country: country.as_ptr(),
            banned: c_int::from(*banned),
        });
        Ok(())
    })
}

/// Frees a list of users.
///
/// - `users`: a list of users; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_users_free(users: *mut chat_users) -> chat_status {
    boundary(|| take(users, |_| Ok(())))
}

/// What an operator sees of a session. All pointers are to NUL-terminated text.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_session_info {
    /// The session's id, which is not its token and opens nothing.
    pub id: *const c_char,
    /// The name of its user.
    pub user: *const c_char,
    /// The IP address and port that the user logged in from, such as "192.0.2.1:40123"; NULL for a session that was opened
    /// in the process.
    pub from: *const c_char,
    /// When it was opened, in milliseconds since 1970 (UTC).
    pub opened: u64,
    /// When it was last used, in milliseconds since 1970 (UTC). After a restart this may be too early, by at most a 64th of
    /// the time that a session lasts without being used.
    pub last_used: u64,
}

/// What a [`chat_session_info`] points to.
pub struct OpenSession {
    id: CString,
    user: CString,
    from: Option<CString>,
    opened: u64,
    last_used: u64,
}

impl From<&SessionInfo> for OpenSession {
    fn from(session: &SessionInfo) -> Self {
        Self {
            id: c_string(session.id.to_string()),
            user: c_string(session.user.user().to_string()),
            from: session.from.map(|address| c_string(address.to_string())),
            opened: session.opened.as_millis(),
            last_used: session.last_used.as_millis(),
        }
    }
}

/// A list for a `chat_sessions`.
pub(crate) fn sessions(sessions: &[SessionInfo]) -> Mutex<List<OpenSession>> {
    Mutex::new(sessions.iter().map(OpenSession::from).collect())
}

/// Gives the next session of a list.
///
/// - `sessions`: a list of sessions.
/// - `session_out`: receives the session.
///
/// Returns CHAT_END if there are no more.
/// Memory: what it points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_sessions_next(
    sessions: *mut chat_sessions,
    session_out: *mut chat_session_info,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(session_out, "session_out")? };
        let sessions = get(sessions)?;
        let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let OpenSession { id, user, from, opened, last_used } = sessions.next()?;
        out.set(chat_session_info {
            id: id.as_ptr(),
            user: user.as_ptr(),
            from: from.as_ref().map_or(ptr::null(), |from| from.as_ptr()),
            opened: *opened,
            last_used: *last_used,
        });
        Ok(())
    })
}

/// Frees a list of sessions. The sessions themselves go on.
///
/// - `sessions`: a list of sessions; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_sessions_free(sessions: *mut chat_sessions) -> chat_status {
    boundary(|| take(sessions, |_| Ok(())))
}
