//! What an operator can do with all of a chat's data: dump it, restore it, check it, and write out what there is of
//! one user.

use std::ffi::{c_char, c_int};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

use chat_lib::{Error, Restored};

use crate::argument::{Out, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, get};
use crate::status::chat_status;

/// What a restore has brought.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_restored {
    /// How many users.
    pub users: u64,
    /// How many of these users came without the hash of a password, and cannot log in until they get a password.
    pub without_password: u64,
    /// How many messages.
    pub messages: u64,
}

impl From<Restored> for chat_restored {
    fn from(restored: Restored) -> Self {
        let Restored { users, without_password, messages, .. } = restored;
        Self { users, without_password, messages }
    }
}

/// Writes all users and messages as they are at one moment, as lines of JSON (docs/dump.md). Sessions are not
/// included. The chat can be used meanwhile.
///
/// - `chat`: a chat.
/// - `fd`: a blocking file descriptor to write to.
/// - `with_hashes`: 1 to include the hashes of passwords, 0 to leave them out.
///
/// Fails with CHAT_IO if writing fails; CHAT_STORAGE. What was written until then is not a whole dump. SIGPIPE and SIGXFSZ
/// are raised as by write().
/// Memory: the descriptor is not closed.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_dump(chat: *mut chat, fd: c_int, with_hashes: c_int) -> chat_status {
    boundary(|| {
        let (chat, file) = (get(chat)?, file(fd)?);
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &*file);
        chat.dump(with_hashes != 0, &mut out)?;
        Ok(out.flush().map_err(Error::Io)?)
    })
}

/// Writes all that there is of one user, as lines of JSON (docs/dump.md, "The data of one user"): account, sessions, blocks,
/// conversations, rooms, all messages that the user has sent, and all direct ones that they were sent. The chat can be used
/// meanwhile.
///
/// - `chat`: a chat.
/// - `name`: the user.
/// - `fd`: a blocking file descriptor to write to.
///
/// Fails with CHAT_NO_SUCH_USER; CHAT_IO if writing fails; CHAT_STORAGE. SIGPIPE and SIGXFSZ are raised as by write().
/// Memory: the descriptor is not closed.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_export_user(chat: *mut chat, name: *const c_char, fd: c_int) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "name")? };
        let (chat, file) = (get(chat)?, file(fd)?);
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &*file);
        chat.export_user(name, &mut out)?;
        Ok(out.flush().map_err(Error::Io)?)
    })
}

/// Restores what chat_dump() has written, into a chat without users.
///
/// - `chat`: a chat.
/// - `fd`: a blocking file descriptor to read from, to its end.
/// - `restored_out`: receives how much was restored.
///
/// Fails with CHAT_NOT_EMPTY if there are users; CHAT_BAD_DUMP if a line is invalid or the end is missing; CHAT_IO if
/// reading fails; CHAT_STORAGE. The chat is then as it was before. If the process dies meanwhile, the directory cannot
/// be opened again.
/// Memory: the descriptor is not closed.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_restore(chat: *mut chat, fd: c_int, restored_out: *mut chat_restored) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(restored_out, "restored_out")? };
        let (chat, file) = (get(chat)?, file(fd)?);
        out.set(chat.restore(&mut BufReader::with_capacity(BUFFER_BYTES, &*file))?.into());
        Ok(())
    })
}

/// Reads all stored data and verifies that it is consistent. The chat can be used meanwhile.
///
/// - `chat`: a chat.
///
/// Fails with CHAT_STORAGE if something is damaged or cannot be read.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_check(chat: *mut chat) -> chat_status {
    boundary(|| Ok(get(chat)?.check()?))
}

/// Tells whether a chat's directory could only be read when it was opened. Everything that would change something then
/// fails with CHAT_STORAGE, also sending a message and logging in.
///
/// - `chat`: a chat.
/// - `read_only_out`: receives 0 or 1.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_is_read_only(chat: *mut chat, read_only_out: *mut c_int) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(read_only_out, "read_only_out")? };
        out.set(c_int::from(get(chat)?.is_read_only()));
        Ok(())
    })
}

/// Writes what makes the next start quick, as closing does: for a process that exits while something made of the
/// chat still uses it. The chat can be used meanwhile.
///
/// - `chat`: a chat.
///
/// Fails with CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_tidy(chat: *mut chat) -> chat_status {
    boundary(|| Ok(get(chat)?.tidy()?))
}

/// The file behind a descriptor of the caller's, which is not closed here.
fn file(fd: c_int) -> Result<ManuallyDrop<File>, Failure> {
    if fd < 0 {
        return Err(Failure::argument("fd is not a file descriptor"));
    }
    // SAFETY: it is not -1, and is only borrowed, being never closed here. One that is not open gives an error of the
    // system when it is used.
    Ok(ManuallyDrop::new(unsafe { File::from_raw_fd(fd) }))
}

const BUFFER_BYTES: usize = 64 * 1024;
