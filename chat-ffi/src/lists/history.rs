//! Messages of conversations, with all that is known of each.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use chat_lib::model::{HistoryMessage, MessageId};

use super::{Element, next};
use crate::error::{c_bytes, c_string};
use crate::handle::{chat_history, free};
use crate::status::chat_status;

/// Greater than the id of every message, as 0 is less: where something ends at the last message.
pub const CHAT_MAX_ID: u64 = 9007199254740991;

/// A message of a conversation. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_history_message {
    /// Its number. Ids ascend in order of arrival over all conversations, and have gaps.
    pub id: u64,
    /// When it was sent, in milliseconds since 1970 (UTC).
    pub time: u64,
    /// The conversation: the other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    pub with: *const c_char,
    /// The sender's user name.
    pub from: *const c_char,
    /// The sender's full name at the time of sending.
    pub from_name: *const c_char,
    /// The text as it was sent; "" if it was deleted. It may contain NULs, so use `text_len`, and control characters, so escape
    /// it before you print it to a terminal.
    pub text: *const c_char,
    /// The length of the text in bytes.
    pub text_len: usize,
    /// The key that it was sent with, which only its sender sees; otherwise NULL.
    pub key: *const c_char,
    /// Whether it was deleted: 0 or 1.
    pub deleted: c_int,
}

impl chat_history_message {
    /// Where there is no message.
    pub(crate) const NONE: Self = Self {
        id: 0,
        time: 0,
        with: ptr::null(),
        from: ptr::null(),
        from_name: ptr::null(),
        text: ptr::null(),
        text_len: 0,
        key: ptr::null(),
        deleted: 0,
    };
}

/// What a [`chat_history_message`] points to.
pub struct Said {
    id: u64,
    time: u64,
    with: CString,
    from: CString,
    from_name: CString,
    text: Vec<u8>,
    key: Option<CString>,
    deleted: bool,
}

impl From<HistoryMessage> for Said {
    fn from(message: HistoryMessage) -> Self {
        Self {
            id: message.id.get(),
            time: message.time.as_millis(),
            with: c_string(message.with.as_str()),
            from: c_string(message.from.user().as_str()),
            from_name: c_string(message.from.full_name()),
            text: c_bytes(&message.text),
            key: message.key.map(|key| c_string(key.as_str())),
            deleted: message.deleted,
        }
    }
}

impl Element for Said {
    type View = chat_history_message;

    fn view(&self) -> chat_history_message {
        let Self { id, time, with, from, from_name, text, key, deleted } = self;
        chat_history_message {
            id: *id,
            time: *time,
            with: with.as_ptr(),
            from: from.as_ptr(),
            from_name: from_name.as_ptr(),
            text: text.as_ptr().cast(),
            text_len: text.len() - 1,
            key: key.as_ref().map_or(ptr::null(), |key| key.as_ptr()),
            deleted: c_int::from(*deleted),
        }
    }
}

/// The id with this number. Greater numbers stand for the greatest id.
pub(crate) fn id(number: u64) -> MessageId {
    MessageId::new(number).unwrap_or(MessageId::MAX)
}

/// Gives the next message of a list, in ascending order of ids.
///
/// - `history`: a list of messages.
/// - `message_out`: receives the message.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the message points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_history_next(
    history: *mut chat_history,
    message_out: *mut chat_history_message,
) -> chat_status {
    // SAFETY: the caller's promise.
    unsafe { next(history, message_out, "message_out") }
}

/// Frees a list of messages.
///
/// - `history`: a list of messages; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_history_free(history: *mut chat_history) -> chat_status {
    free(history)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_id_is_that_of_chat_lib() {
        assert_eq!(CHAT_MAX_ID, MessageId::MAX.get());
        assert_eq!((id(0), id(u64::MAX)), (MessageId::NONE, MessageId::MAX));
    }
}
