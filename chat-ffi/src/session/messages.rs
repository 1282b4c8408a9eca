//! Sending messages, and what concerns single ones.

use std::ffi::c_char;

use chat_lib::Sent;

use crate::argument::{Out, text, texts};
use crate::boundary::boundary;
use crate::handle::{chat_session, get};
use crate::lists::history::id;
use crate::status::chat_status;

/// A message that was sent.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_sent {
    /// Its number.
    pub id: u64,
    /// When it was sent, in milliseconds since 1970 (UTC).
    pub time: u64,
}

impl From<Sent> for chat_sent {
    fn from(sent: Sent) -> Self {
        Self { id: sent.id.get(), time: sent.time.as_millis() }
    }
}

/// Sends a message. Once it returns CHAT_OK, the message is kept.
///
/// - `session`: the sender's session.
/// - `to`: the recipient's user name, or a room, which begins with "#".
/// - `message`: the text.
/// - `sent_out`: receives the message's number and time; may be NULL.
///
/// Fails with CHAT_NO_SUCH_RECIPIENT, CHAT_BLOCKED or CHAT_MAILBOX_FULL; CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER;
/// CHAT_LINE_TOO_LONG if the text is longer than a request line may be; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_send(
    session: *mut chat_session,
    to: *const c_char,
    message: *const c_char,
    sent_out: *mut chat_sent,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, to, message) = unsafe { (Out::optional(sent_out), text(to, "to")?, text(message, "message")?) };
        out.set(get(session)?.session.send(to, message)?.into());
        Ok(())
    })
}

/// As chat_session_send(), with a key of the program's: when it is not known whether a message was sent, because the connection
/// was lost, sending it again with the same key does not store it twice.
///
/// - `session`: the sender's session.
/// - `to`: the recipient's user name, or a room, which begins with "#".
/// - `message`: the text.
/// - `key`: 1 to 64 bytes of any text. It is remembered for a day, and among the last 10,000 of the sender.
/// - `sent_out`: receives the number and time of the message, or of the one that was sent with the key before; may be NULL.
///
/// Fails with CHAT_KEY_REUSED if the key was used for another recipient; CHAT_INVALID_KEY; or as chat_session_send().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_send_with_key(
    session: *mut chat_session,
    to: *const c_char,
    message: *const c_char,
    key: *const c_char,
    sent_out: *mut chat_sent,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all four.
        let (out, to, message, key) =
            unsafe { (Out::optional(sent_out), text(to, "to")?, text(message, "message")?, text(key, "key")?) };
        out.set(get(session)?.session.send_with_key(to, message, key)?.into());
        Ok(())
    })
}

/// Sends one message to several users. All get it, or none; a user who is named twice gets it once.
///
/// - `session`: the sender's session.
/// - `to`: the recipients' user names.
/// - `count`: their number.
/// - `message`: the text; over a connection, it cannot contain CRLF.
///
/// Fails with CHAT_NO_SUCH_RECIPIENT if one of them does not exist, or if the list is empty; CHAT_BLOCKED or CHAT_MAILBOX_FULL because
/// of one of them; CHAT_TOO_MANY_RECIPIENTS; CHAT_LINE_TOO_LONG; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_send_to_all(
    session: *mut chat_session,
    to: *const *const c_char,
    count: usize,
    message: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (to, message) = unsafe { (texts(to, count, "to")?, text(message, "message")?) };
        Ok(get(session)?.session.send_to_all(&to, message)?)
    })
}

/// Deletes a message that the user has sent, or one in a room that the user owns: from now on its text is empty, for everyone,
/// and nobody has it unread.
///
/// - `session`: a session.
/// - `id`: the message.
///
/// Fails with CHAT_NO_SUCH_MESSAGE if the user can see no such message, or if it was deleted already; CHAT_NOT_YOUR_MESSAGE; or
/// as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_session_delete(session: *mut chat_session, id: u64) -> chat_status {
    boundary(|| Ok(get(session)?.session.delete(self::id(id))?))
}

/// Tells the other members of a conversation that the user is typing. It may be called with each key that is pressed: it is
/// passed on at most every 3 s, and only in rooms of up to 100 members.
///
/// - `session`: a session.
/// - `with`: the other user's name, or the room.
///
/// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_typing(session: *mut chat_session, with: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let with = unsafe { text(with, "with")? };
        Ok(get(session)?.session.typing(with)?)
    })
}
