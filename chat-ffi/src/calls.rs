//! The five commands as calls, on a chat in the program. `client.rs` has the same over a connection.

use std::ffi::c_char;

use chat_lib::Error;
use chat_lib::model::SessionToken;

use crate::argument::{Out, reference, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, chat_inbox, chat_users, get, put};
use crate::lists::{Messages, Users};
use crate::status::chat_status;

/// What opens a session. Anyone who has it can act as its user, so keep it secret.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct chat_token {
    /// 36 characters, as on the wire, and a NUL.
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
    /// What is no token opens no session.
    pub(crate) fn parse(&self) -> Result<SessionToken, Failure> {
        let [text @ .., 0] = &self.text.map(|c| c as u8) else { return Err(Error::NoSuchSession.into()) };
        Ok(SessionToken::parse(text).map_err(|_| Error::NoSuchSession)?)
    }
}

/// Logs in, which opens a session. Takes tens of milliseconds, for the password is checked.
///
/// - `chat`: a chat.
/// - `user`: the user name.
/// - `password`: the password.
/// - `token_out`: where the session's token goes.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_USER, CHAT_WRONG_PASSWORD or CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if the
/// password was changed meanwhile; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING; CHAT_INVALID_ARGUMENT or
/// CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_login(
    chat: *mut chat,
    user: *const c_char,
    password: *const c_char,
    token_out: *mut chat_token,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, user, password) =
            unsafe { (Out::new(token_out, "token_out")?, text(user, "user")?, text(password, "password")?) };
        out.set(get(chat)?.login(user, password)?.into());
        Ok(())
    })
}

/// Puts a message into a mailbox. When it returns CHAT_OK, the message is safe.
///
/// - `chat`: a chat.
/// - `token`: the sender's session.
/// - `to`: the recipient's user name.
/// - `message`: what to say.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_SESSION, CHAT_NO_SUCH_RECIPIENT or CHAT_MAILBOX_FULL;
/// CHAT_LINE_TOO_LONG for a message that is longer than a line may be; CHAT_STORAGE;
/// CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_send(
    chat: *mut chat,
    token: *const chat_token,
    to: *const c_char,
    message: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (token, to, message) = unsafe { (reference(token, "token")?, text(to, "to")?, text(message, "message")?) };
        Ok(get(chat)?.send(&token.parse()?, to, message)?)
    })
}

/// Takes all unread messages out of a mailbox: nobody will get them again.
///
/// - `chat`: a chat.
/// - `token`: the reader's session.
/// - `inbox_out`: where the messages go.
///
/// Returns CHAT_OK, also if there are none; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or
/// CHAT_INVALID_HANDLE.
/// Memory: the inbox is to be freed with chat_inbox_free(). Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_take_inbox(
    chat: *mut chat,
    token: *const chat_token,
    inbox_out: *mut *mut chat_inbox,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, token) = unsafe { (Out::new(inbox_out, "inbox_out")?, reference(token, "token")?) };
        let inbox = get(chat)?.inbox(&token.parse()?)?;
        out.set(put(Messages::new(&inbox).into()));
        Ok(())
    })
}

/// Lists each user with a live session once, in order of login.
///
/// - `chat`: a chat.
/// - `token`: a session.
/// - `users_out`: where the list goes.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the list is to be freed with chat_users_free(). Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_active_users(
    chat: *mut chat,
    token: *const chat_token,
    users_out: *mut *mut chat_users,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, token) = unsafe { (Out::new(users_out, "users_out")?, reference(token, "token")?) };
        let users = get(chat)?.active_users(&token.parse()?)?;
        out.set(put(Users::new(&users).into()));
        Ok(())
    })
}

/// Ends a session, and no other.
///
/// - `chat`: a chat.
/// - `token`: the session.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_logout(chat: *mut chat, token: *const chat_token) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let token = unsafe { reference(token, "token")? };
        Ok(get(chat)?.logout(&token.parse()?)?)
    })
}
