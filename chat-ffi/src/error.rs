//! The details of a failure, for the caller to ask for.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::ptr;

use chat_lib::{Error, printable};

use crate::status::chat_status;

/// The details of a failure. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_error {
    /// The status that the function returned.
    pub status: chat_status,
    /// The code, as in docs/protocol.md, "Refusals" and "Errors that never travel"; "" for a status that only C has.
    pub code: *const c_char,
    /// A sentence for people: what happened, who is at fault, and what to do. A server may have written it; control
    /// characters are escaped.
    pub message: *const c_char,
}

/// The details of the last call that failed on this thread; NULL if none has. Calls that succeed do not change them.
///
/// Memory: they belong to the library, and are valid until the next call on this thread fails, or the thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn chat_last_error() -> *const chat_error {
    LAST.try_with(|last| last.borrow().as_ref().map_or(ptr::null(), |last| &raw const *last.error))
        .unwrap_or(ptr::null())
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: chat_status,
    code: String,
    message: String,
}

impl Failure {
    pub(crate) fn new(status: chat_status, message: impl Into<String>) -> Self {
        Self { status, code: status.code().to_owned(), message: message.into() }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(chat_status::CHAT_INVALID_ARGUMENT, message)
    }

    /// That there is no more; not a failure, and not remembered.
    pub(crate) fn end() -> Self {
        Self::new(chat_status::CHAT_END, "there is no more")
    }

    /// Keeps it for [`chat_last_error`], and gives the status to return.
    pub(crate) fn report(self) -> chat_status {
        let Self { status, code, message } = self;
        if status != chat_status::CHAT_END {
            let (code, message) = (c_string(code), c_string(printable(&message).into_owned()));
            let error = Box::new(chat_error { status, code: code.as_ptr(), message: message.as_ptr() });
            // A thread that is at its end remembers nothing.
            LAST.try_with(|last| *last.borrow_mut() = Some(Last { error, _strings: (code, message) })).ok();
        }
        status
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, from_wire) = (error.code().to_owned(), matches!(error, Error::Refused { .. }));
        let message = error.with_reasons();
        // A server's refusal must not look like a failure of the connection to it.
        let known = chat_status::of_code(&code).filter(|status| !from_wire || status.travels());
        Self { status: known.unwrap_or(chat_status::CHAT_REFUSED), code, message }
    }
}

/// What [`chat_last_error`] points to.
struct Last {
    error: Box<chat_error>,
    _strings: (CString, CString),
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// With a NUL behind it, and the others left in.
pub(crate) fn c_bytes(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// With NULs left out, which C would take for the end.
pub(crate) fn c_string(text: impl Into<String>) -> CString {
    CString::new(text.into()).unwrap_or_else(|nul| {
        let bytes: Vec<u8> = nul.into_vec().into_iter().filter(|&byte| byte != 0).collect();
        CString::new(bytes).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    /// A program that printed why a call had failed printed what the server had written.
    #[test]
    fn a_servers_sentence_cannot_command_a_terminal() {
        let (code, message) = ("odd".to_owned(), "\u{1b}[2J\u{202e}no".to_owned());
        assert_eq!(Failure::from(Error::Refused { code, message }).report(), chat_status::CHAT_REFUSED);
        // SAFETY: there is an error, with strings, until the next call on this thread that fails.
        let message = unsafe { CStr::from_ptr((*chat_last_error()).message) };
        assert!(message.to_str().unwrap().contains(r"\u{1b}[2J\u{202e}no"), "{message:?}");
    }
}
