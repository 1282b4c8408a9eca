//! What was taken out of an inbox.

use std::ffi::{CString, c_char};
use std::sync::{Arc, Mutex, PoisonError};

use chat_lib::model::Inbox;

use super::{Element, List, list, next};
use crate::argument::Out;
use crate::boundary::boundary;
use crate::error::{c_bytes, c_string};
use crate::handle::{chat_inbox, free, get};
use crate::status::chat_status;

/// A message of an inbox. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_message {
    /// The sender's user name; "nobody" in the inbox of a room that was taken over a connection.
    pub from: *const c_char,
    /// The sender's full name at the time of sending.
    pub from_name: *const c_char,
    /// The reader's full name; "" in the inbox of a room.
    pub to_name: *const c_char,
    /// The text as it was sent. It may contain NULs, so use `text_len`, and control characters, so escape it before you
    /// print it to a terminal.
    pub text: *const c_char,
    /// The length of the text in bytes.
    pub text_len: usize,
}

/// What a [`chat_message`] points to.
pub struct Message {
    from: CString,
    from_name: CString,
    to_name: Arc<CString>,
    text: Vec<u8>,
}

/// A list for a `chat_inbox`.
pub(crate) fn messages(inbox: &Inbox) -> Mutex<List<Message>> {
    let to_name = Arc::new(c_string(inbox.to()));
    list(inbox.iter().map(|message| Message {
        from: c_string(message.from.user().as_str()),
        from_name: c_string(message.from.full_name()),
        to_name: Arc::clone(&to_name),
        text: c_bytes(message.body()),
    }))
}

impl Element for Message {
    type View = chat_message;

    fn view(&self) -> chat_message {
        let Self { from, from_name, to_name, text } = self;
        chat_message {
            from: from.as_ptr(),
            from_name: from_name.as_ptr(),
            to_name: to_name.as_ptr(),
            text: text.as_ptr().cast(),
            text_len: text.len() - 1,
        }
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
        out.set(get(inbox)?.lock().unwrap_or_else(PoisonError::into_inner).rest.len());
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
    // SAFETY: the caller's promise.
    unsafe { next(inbox, message_out, "message_out") }
}

/// Frees an inbox. Messages that it has not given are lost.
///
/// - `inbox`: an inbox; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_inbox_free(inbox: *mut chat_inbox) -> chat_status {
    free(inbox)
}
