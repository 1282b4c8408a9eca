//! What an inbox and a list of users are gone through with.

use std::ffi::{CString, c_char};
use std::sync::PoisonError;
use std::vec;

use chat_lib::model::{Inbox, UserName};

use crate::argument::Out;
use crate::boundary::boundary;
use crate::error::{Failure, c_string};
use crate::handle::{chat_inbox, chat_users, get, take};
use crate::status::chat_status;

/// A message. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_message {
    /// The sender's user name.
    pub from: *const c_char,
    /// The full name that the sender had when sending.
    pub from_name: *const c_char,
    /// The full name of the reader.
    pub to_name: *const c_char,
    /// The text as it was typed. It may hold NULs, so mind `text_len`, and what a terminal obeys: escape it before you
    /// print it.
    pub text: *const c_char,
    /// How many bytes the text has.
    pub text_len: usize,
}

/// Messages on their way out.
pub struct Messages {
    messages: vec::IntoIter<Texts>,
    to_name: CString,
    shown: Option<Texts>,
}

/// What a [`chat_message`] points to.
struct Texts {
    from: CString,
    from_name: CString,
    text: Vec<u8>,
}

impl Messages {
    pub(crate) fn new(inbox: &Inbox) -> Self {
        let messages: Vec<Texts> = inbox
            .iter()
            .map(|message| Texts {
                from: c_string(message.from.user().to_string()),
                from_name: c_string(message.from.full_name().to_owned()),
                text: [message.body().as_bytes(), b"\0"].concat(),
            })
            .collect();
        Self { messages: messages.into_iter(), to_name: c_string(inbox.to().to_owned()), shown: None }
    }

    fn next(&mut self) -> Option<chat_message> {
        self.shown = self.messages.next();
        let Texts { from, from_name, text } = self.shown.as_ref()?;
        Some(chat_message {
            from: from.as_ptr(),
            from_name: from_name.as_ptr(),
            to_name: self.to_name.as_ptr(),
            text: text.as_ptr().cast(),
            text_len: text.len() - 1,
        })
    }
}

/// How many messages an inbox still has to give.
///
/// - `inbox`: an inbox.
/// - `count_out`: where the number goes.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept, and nothing given. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_inbox_count(inbox: *const chat_inbox, count_out: *mut usize) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(count_out, "count_out")? };
        out.set(get(inbox)?.lock().unwrap_or_else(PoisonError::into_inner).messages.len());
        Ok(())
    })
}

/// Gives the next message of an inbox, in order of arrival.
///
/// - `inbox`: an inbox.
/// - `message_out`: where the message goes.
///
/// Returns CHAT_OK; CHAT_END if there is no more; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: what the message points to is the inbox's, and valid until the next call with it. Thread: any, one
/// at a time for one inbox.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_inbox_next(inbox: *mut chat_inbox, message_out: *mut chat_message) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(message_out, "message_out")? };
        let messages = get(inbox)?;
        let message = messages.lock().unwrap_or_else(PoisonError::into_inner).next();
        out.set(message.ok_or_else(Failure::end)?);
        Ok(())
    })
}

/// Frees an inbox. Messages that it has not given are gone.
///
/// - `inbox`: an inbox; NULL is left alone.
///
/// Returns CHAT_OK or CHAT_INVALID_HANDLE.
/// Memory: what it held is gone. Thread: any.
#[unsafe(no_mangle)]
pub extern "C" fn chat_inbox_free(inbox: *mut chat_inbox) -> chat_status {
    boundary(|| take(inbox, |_| Ok(())))
}

/// User names on their way out.
pub struct Users {
    names: vec::IntoIter<CString>,
    shown: CString,
}

impl Users {
    pub(crate) fn new(users: &[UserName]) -> Self {
        let names: Vec<CString> = users.iter().map(|user| c_string(user.to_string())).collect();
        Self { names: names.into_iter(), shown: CString::default() }
    }
}

/// Gives the next user of a list.
///
/// - `users`: a list of users.
/// - `name_out`: where the user name goes.
///
/// Returns CHAT_OK; CHAT_END if there is no more; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the name is the list's, and valid until the next call with it. Thread: any, one at a time for one
/// list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_users_next(users: *mut chat_users, name_out: *mut *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(name_out, "name_out")? };
        let users = get(users)?;
        let mut users = users.lock().unwrap_or_else(PoisonError::into_inner);
        users.shown = users.names.next().ok_or_else(Failure::end)?;
        out.set(users.shown.as_ptr());
        Ok(())
    })
}

/// Frees a list of users.
///
/// - `users`: a list of users; NULL is left alone.
///
/// Returns CHAT_OK or CHAT_INVALID_HANDLE.
/// Memory: what it held is gone. Thread: any.
#[unsafe(no_mangle)]
pub extern "C" fn chat_users_free(users: *mut chat_users) -> chat_status {
    boundary(|| take(users, |_| Ok(())))
}
