//! Reads and writes the caller's pointers. Each is checked for NULL; that the others are valid is the caller's promise, as the
//! header demands.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use std::slice;

use crate::error::Failure;

/// Text that ends with NUL. `what` is the parameter's name.
///
/// # Safety
///
/// `text` is NULL or points to bytes up to a NUL, which stay as they are for `'a`.
#[inline(always)]
pub(crate) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::argument(format!("{what} is NULL")));
    }
    // SAFETY: it is not NULL, and the rest is this function's condition.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::argument(format!("{what} is not UTF-8")))
}

/// As [`text`], or `None` for NULL.
///
/// # Safety
///
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: this function's condition.
    unsafe { self::text(text, what) }.map(Some)
}

/// `length` bytes; `bytes` may be NULL if there are none.
///
/// # Safety
///
/// `bytes` is NULL or points to `length` bytes, which stay as they are for `'a`: no buffer that is written to
/// meanwhile may overlap them.
pub(crate) unsafe fn bytes<'a>(bytes: *const u8, length: usize, what: &str) -> Result<&'a [u8], Failure> {
    match (bytes.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::argument(format!("{what} is NULL"))),
        (false, length) if length > isize::MAX.unsigned_abs() => {
            Err(Failure::argument(format!("no {what} has {length} bytes")))
        }
        // SAFETY: it is not NULL and not too long, and the rest is this function's condition.
        _ => Ok(unsafe { slice::from_raw_parts(bytes, length) }),
    }
}

/// What `pointer` points to.
///
/// # Safety
///
/// `pointer` is NULL or points to a `T` that stays as it is for `'a`.
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: this function's condition.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::argument(format!("{what} is NULL")))
}

/// An array of NUL-terminated texts; `texts` may be NULL if it is empty.
///
/// # Safety
///
/// `texts` is NULL or points to `length` pointers, each of which is NULL or points to bytes up to a NUL; all of it stays as it
/// is for `'a`.
pub(crate) unsafe fn texts<'a>(
    texts: *const *const c_char,
    length: usize,
    what: &str,
) -> Result<Vec<&'a str>, Failure> {
    match (texts.is_null(), length) {
        (_, 0) => Ok(Vec::new()),
        (true, _) => Err(Failure::argument(format!("{what} is NULL"))),
        (false, length) if length > isize::MAX.unsigned_abs() / size_of::<*const c_char>() => {
            Err(Failure::argument(format!("no {what} has {length} elements")))
        }
        // SAFETY: it is not NULL and not too long, and the rest is this function's condition.
        _ => unsafe { slice::from_raw_parts(texts, length).iter().map(|each| text(*each, what)).collect() },
    }
}

/// An out parameter. It is checked before anything is done, and written only on success.
#[must_use]
pub(crate) struct Out<T>(Option<NonNull<T>>);

impl<T> Out<T> {
    /// # Safety
    ///
    /// `pointer` is NULL or can be written to for as long as this lives; what it points to need not be a `T`
    /// yet.
    pub(crate) unsafe fn new(pointer: *mut T, what: &str) -> Result<Self, Failure> {
        let pointer = NonNull::new(pointer).ok_or_else(|| Failure::argument(format!("{what} is NULL")))?;
        Ok(Self(Some(pointer)))
    }

    /// For NULL, nothing is written.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    pub(crate) unsafe fn optional(pointer: *mut T) -> Self {
        Self(NonNull::new(pointer))
    }

    pub(crate) fn set(self, value: T) {
        if let Some(pointer) = self.0 {
            // SAFETY: it can be written to by the condition of `new`; what was there is not dropped, being C's.
            unsafe { pointer.write(value) }
        }
    }
}
