//! A chat in the program: opened, asked, closed.

use crate::argument::{Out, bytes};
use crate::boundary::boundary;
use crate::buffer::chat_buffer;
use crate::handle::{chat, get, put, take};
use crate::options::chat_options;
use crate::status::chat_status;

/// Opens a chat, in memory or in a directory.
///
/// A program that keeps a chat in a directory should ignore SIGXFSZ: where the size of files is limited
/// (`ulimit -f`), that signal ends the process when a file is full. With it ignored, calls give CHAT_STORAGE.
///
/// - `options`: how; NULL for a chat in memory with the defaults.
/// - `chat_out`: where the handle goes.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT for options that make no sense; CHAT_DATA_IN_USE,
/// CHAT_DATA_FORMAT or CHAT_STORAGE if the directory cannot be had; CHAT_IO if the system has no thread left.
/// Memory: the chat is to be closed with chat_close(). Thread: any.
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

/// Does what a request line says, and gives the answer that the wire would give: a JSON object and
/// CR LF CR LF, whatever the line holds.
///
/// - `chat`: a chat.
/// - `line`: the line, with its end or without; may be NULL if `len` is 0.
/// - `len`: how many bytes it has.
/// - `answer_out`: where the answer goes.
///
/// Returns CHAT_OK, also if the answer is a refusal; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the answer is to be freed with chat_buffer_free(). Thread: any, many at once.
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

/// Closes a chat. Connections and servers that were made of it go on; its directory is free when the last
/// of them is freed.
///
/// - `chat`: a chat; NULL is left alone.
///
/// Returns CHAT_OK or CHAT_INVALID_HANDLE.
/// Memory: what it held is gone. Thread: any; it may wait for the disk.
#[unsafe(no_mangle)]
pub extern "C" fn chat_close(chat: *mut chat) -> chat_status {
    boundary(|| take(chat, |_| Ok(())))
}
