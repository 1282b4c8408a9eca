//! Sessions: of all users for an operator, of one's own for a user.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use chat_lib::protocol::SessionView;
use chat_lib::store::SessionInfo;

use super::{Element, next};
use crate::error::c_string;
use crate::handle::{chat_sessions, free};
use crate::status::chat_status;

/// What a list says of a session. All pointers are to NUL-terminated text.
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
    /// Whether it is the session that has asked for the list: 0 or 1; always 0 in an operator's list.
    pub current: c_int,
}

/// What a [`chat_session_info`] points to.
pub struct OpenSession {
    id: CString,
    user: CString,
    from: Option<CString>,
    opened: u64,
    last_used: u64,
    current: bool,
}

impl From<SessionInfo> for OpenSession {
    fn from(session: SessionInfo) -> Self {
        Self {
            id: c_string(session.id.to_string()),
            user: c_string(session.user.user().as_str()),
            from: session.from.map(|address| c_string(address.to_string())),
            opened: session.opened.as_millis(),
            last_used: session.last_used.as_millis(),
            current: false,
        }
    }
}

impl OpenSession {
    /// One of the sessions of `user`.
    pub(crate) fn of(user: &str, session: SessionView) -> Self {
        Self {
            id: c_string(session.session),
            user: c_string(user),
            from: session.from.map(|address| c_string(address.to_string())),
            opened: session.opened.as_millis(),
            last_used: session.last_used.as_millis(),
            current: session.current,
        }
    }
}

impl Element for OpenSession {
    type View = chat_session_info;

    fn view(&self) -> chat_session_info {
        let Self { id, user, from, opened, last_used, current } = self;
        chat_session_info {
            id: id.as_ptr(),
            user: user.as_ptr(),
            from: from.as_ref().map_or(ptr::null(), |from| from.as_ptr()),
            opened: *opened,
            last_used: *last_used,
            current: c_int::from(*current),
        }
    }
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
    // SAFETY: the caller's promise.
    unsafe { next(sessions, session_out, "session_out") }
}

/// Frees a list of sessions. The sessions themselves go on.
///
/// - `sessions`: a list of sessions; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_sessions_free(sessions: *mut chat_sessions) -> chat_status {
    free(sessions)
}
