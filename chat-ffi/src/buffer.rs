//! Buffers, the only memory that the caller owns.

use std::mem::ManuallyDrop;
use std::ptr;

/// Bytes that the caller owns, until chat_buffer_free(). They are followed by a NUL that `len` does not count. Text is
/// UTF-8 without other NULs, unless documented otherwise.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_buffer {
    /// The bytes. Never NULL before it is freed.
    pub data: *mut u8,
    /// Their number.
    pub len: usize,
    /// For the library only.
    pub capacity: usize,
}

impl From<Vec<u8>> for chat_buffer {
    fn from(mut bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        bytes.push(0);
        let mut bytes = ManuallyDrop::new(bytes);
        Self { data: bytes.as_mut_ptr(), len, capacity: bytes.capacity() }
    }
}

/// Frees a buffer and sets it to `{NULL, 0, 0}`.
///
/// - `buffer`: a buffer that the library has filled. NULL, and a buffer that was freed already, do nothing; but do not
///   free two copies of one buffer.
///
/// Thread: one at a time for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_buffer_free(buffer: *mut chat_buffer) {
    // SAFETY: it is NULL or the caller's buffer.
    let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
    let chat_buffer { data, len, capacity } =
        std::mem::replace(buffer, chat_buffer { data: ptr::null_mut(), len: 0, capacity: 0 });
    if !data.is_null() && len < capacity {
        // SAFETY: these are the parts of a vector, as `from` has left them; freed once, for `data` was not NULL.
        drop(unsafe { Vec::from_raw_parts(data, len, capacity) });
    }
}
