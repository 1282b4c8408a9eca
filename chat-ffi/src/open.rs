//! A chat in the process: opened, asked, closed.

use crate::argument::{Out, bytes};
use crate::boundary::boundary;
use crate::buffer::chat_buffer;
use crate::handle::{chat, free, get, put};
use crate::options::chat_options;
use crate::status::chat_status;

/// Opens a chat, in memory or in a directory.
///
/// A program that keeps a chat in a directory should ignore SIGXFSZ. Where the size of files is limited (`ulimit -f`),
/// that signal ends the process when a file is full; if it is ignored, calls fail with CHAT_STORAGE instead.
///
/// - `options`: the options; NULL for a chat in memory with the defaults.
/// - `chat_out`: receives the chat.
///
/// Fails with CHAT_INVALID_ARGUMENT for invalid options; CHAT_DATA_IN_USE, CHAT_DATA_FORMAT or CHAT_STORAGE if the
/// directory cannot be opened; CHAT_IO if the system cannot create a thread.
/// Memory: close the chat with chat_close().
///
/// cbindgen:postfix=CHAT_NONNULL(2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_open(options: *const chat_options, chat_out: *mut *mut chat) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both pointers and those in the options.
        let (out, chat) = unsafe { (Out::new(chat_out, "chat_out")?, chat_options::read(options)?.open()?) };
        out.set(put(chat));
        Ok(())
    })
}

/// Changes the settings while the chat is in use. Connections and sessions stay as they are; the new values hold from the
/// next request on. A subscriber keeps the `events_bytes` and a connection the `limit_loopback` that it began with, and
/// time limits that are running end no earlier than they would have.
///
/// The chat keeps replaced settings, some hundred bytes each time that something changes.
///
/// - `chat`: a chat.
/// - `options`: the new settings, where 0 stands for the default and not for what was set before; NULL for the defaults
///   throughout. `directory`, `sync`, `keep_read_seconds`, `keep_messages`, `keep_bytes`, `authenticate` and `authenticate_data` are ignored.
///
/// Fails with CHAT_INVALID_ARGUMENT for invalid options; nothing has changed then.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_reload(chat: *mut chat, options: *const chat_options) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let settings = unsafe { chat_options::read(options)?.settings()? };
        get(chat)?.reload(&settings);
        Ok(())
    })
}

/// Executes a request line, and gives the answer as a server would send it: a JSON object and CR LF CR LF.
///
/// - `chat`: a chat.
/// - `line`: the line, with or without its end; may be NULL if `len` is 0.
/// - `len`: the length of the line in bytes.
/// - `answer_out`: receives the answer.
///
/// An answer that is a refusal is not a failure of this function.
/// Memory: free the answer with chat_buffer_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_answer(
    chat: *mut chat,
    line: *const u8,
    len: usize,
    answer_out: *mut chat_buffer,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both pointers.
        let (out, line) = unsafe { (Out::new(answer_out, "answer_out")?, bytes(line, len, "line")?) };
        out.set(get(chat)?.answer(line).into());
        Ok(())
    })
}

/// Closes a chat. Its sessions, connections and servers keep working; its directory is in use until the last of them is
/// freed. May wait for the disk.
///
/// - `chat`: a chat; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_close(chat: *mut chat) -> chat_status {
    free(chat)
}
