//! Sessions: how a user gets one on a chat in the process, and what can be done with it, wherever it is, in a file for each
//! subject. `client.rs` opens sessions on a server, and `operator.rs` those without a password.

pub mod messages;
pub mod people;
pub mod reading;
pub mod rooms;

use std::ffi::{CString, c_char};

use chat_lib::model::SessionToken;
use chat_lib::{Error, Session};

use crate::argument::{Out, optional_text, reference, text};
use crate::boundary::boundary;
use crate::error::{Failure, c_string};
use crate::handle::{chat, chat_session, free, get, put};
use crate::status::chat_status;

/// The token of a session. Anyone who has it can act as the session's user, so keep it secret.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct chat_token {
    /// 36 characters, as in the protocol, and a NUL.
    pub text: [c_char; 37],
}

impl From<SessionToken> for chat_token {
    fn from(token: SessionToken) -> Self {
        let mut text = [0; 37];
        text.iter_mut().zip(token.to_string().bytes()).for_each(|(place, byte)| *place = byte as c_char);
        Self { text }
    }
}

impl chat_token {
    /// Text that is not a token opens no session.
    pub(crate) fn parse(&self) -> Result<SessionToken, Failure> {
        let [text @ .., 0] = &self.text.map(|c| c as u8) else { return Err(Error::NoSuchSession.into()) };
        Ok(SessionToken::parse(text).map_err(|_| Error::NoSuchSession)?)
    }
}

/// A session, and its user's name for C.
pub struct UserSession {
    pub(crate) session: Session,
    user: CString,
}

impl From<Session> for UserSession {
    fn from(session: Session) -> Self {
        let user = c_string(session.user().to_owned());
        Self { session, user }
    }
}

/// Logs in to a chat in the process. Takes tens of milliseconds, because the password is checked.
///
/// - `chat`: a chat.
/// - `user`: the user name.
/// - `password`: the password.
/// - `session_out`: receives the session.
///
/// Fails with CHAT_NO_SUCH_USER, CHAT_WRONG_PASSWORD or CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if the password was
/// changed meanwhile; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_login(
    chat: *mut chat,
    user: *const c_char,
    password: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, user, password) =
            unsafe { (Out::new(session_out, "session_out")?, text(user, "user")?, text(password, "password")?) };
        out.set(put(get(chat)?.login(user, password)?.into()));
        Ok(())
    })
}

/// Creates an account in a chat in the process, if it takes registrations, and opens the account's first session. Takes
/// tens of milliseconds, because the password is hashed.
///
/// - `chat`: a chat.
/// - `user`: the name to log in with.
/// - `password`: the password; only a hash of it is stored.
/// - `full_name`: the name that others see.
/// - `invitation`: the code of an invitation, where one is needed; NULL for none.
/// - `session_out`: receives the session.
///
/// Fails with CHAT_REGISTRATION_CLOSED, CHAT_INVITATION_REQUIRED, CHAT_NO_SUCH_INVITATION or CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD or
/// CHAT_INVALID_FULL_NAME; CHAT_TOO_MANY_ATTEMPTS; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4, 6)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_register(
    chat: *mut chat,
    user: *const c_char,
    password: *const c_char,
    full_name: *const c_char,
    invitation: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all five.
        let (out, user, password, full_name, invitation) = unsafe {
            let (out, user) = (Out::new(session_out, "session_out")?, text(user, "user")?);
            let (password, full_name) = (text(password, "password")?, text(full_name, "full_name")?);
            (out, user, password, full_name, optional_text(invitation, "invitation")?)
        };
        out.set(put(get(chat)?.register(user, password, full_name, invitation)?.into()));
        Ok(())
    })
}

/// Finds the live session that a token opens, in a chat in the process. This does not count as using it.
///
/// - `chat`: a chat.
/// - `token`: the token.
/// - `session_out`: receives the session.
///
/// Fails with CHAT_NO_SUCH_SESSION or CHAT_STORAGE.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_find_session(
    chat: *mut chat,
    token: *const chat_token,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, token) = unsafe { (Out::new(session_out, "session_out")?, reference(token, "token")?) };
        out.set(put(get(chat)?.session(token.parse()?)?.into()));
        Ok(())
    })
}

/// Gives the name of a session's user.
///
/// - `session`: a session.
/// - `user_out`: receives the user name.
///
/// Memory: the name belongs to the session, and is valid until the session is freed.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_user(session: *const chat_session, user_out: *mut *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(user_out, "user_out")? };
        out.set(get(session)?.user.as_ptr());
        Ok(())
    })
}

/// Gives a session's token, which opens the session again, in another process or over another connection.
///
/// - `session`: a session.
/// - `token_out`: receives the token.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_token(session: *const chat_session, token_out: *mut chat_token) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(token_out, "token_out")? };
        out.set(get(session)?.session.token().into());
        Ok(())
    })
}

/// Ends a session, and no other of the user's. The handle is still to be freed.
///
/// - `session`: the session.
///
/// Fails as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_session_logout(session: *mut chat_session) -> chat_status {
    boundary(|| Ok(get(session)?.session.logout()?))
}

/// Frees a handle to a session. The session itself goes on: its token opens it again.
///
/// - `session`: a session; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_session_free(session: *mut chat_session) -> chat_status {
    free(session)
}
