//! What an operator watches: metrics, and whether changes can be stored.

use crate::argument::Out;
use crate::boundary::boundary;
use crate::buffer::chat_buffer;
use crate::handle::{chat, get};
use crate::status::chat_status;

/// Gives what the chat has counted, in the text format of Prometheus (version 0.0.4). Everything that this process does with the
/// chat is counted, whether it came over a connection or not. No name of a user or room is in it, and nothing that a user wrote.
///
/// - `chat`: a chat.
/// - `metrics_out`: receives the text.
///
/// Memory: free the text with chat_buffer_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_metrics(chat: *mut chat, metrics_out: *mut chat_buffer) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(metrics_out, "metrics_out")? };
        out.set(get(chat)?.metrics().into_bytes().into());
        Ok(())
    })
}

/// Checks that what is sent now could be stored, as far as can be told at little cost.
///
/// - `chat`: a chat.
///
/// Fails with CHAT_STORAGE if the last change could not be stored and storing does not work yet, or if the data can only be
/// read.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_check_writable(chat: *mut chat) -> chat_status {
    boundary(|| Ok(get(chat)?.check_writable()?))
}
