//! The version of the header and of the library.

use std::ffi::{CStr, c_char};

use crate::boundary::boundary;
use crate::error::Failure;
use crate::status::chat_status;

/// The header's major version: incremented by incompatible changes.
pub const CHAT_VERSION_MAJOR: u32 = 0;

/// The header's minor version: incremented by additions and, before 1.0, by incompatible changes.
pub const CHAT_VERSION_MINOR: u32 = 1;

/// The header's patch version: incremented by corrections.
pub const CHAT_VERSION_PATCH: u32 = 0;

/// The library's version as a number: major * 1000000 + minor * 1000 + patch, so 1002003 for 1.2.3. The header's is
/// CHAT_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn chat_version_number() -> u32 {
    number(CHAT_VERSION_MAJOR, CHAT_VERSION_MINOR, CHAT_VERSION_PATCH)
}

/// The library's version as text, such as "1.2.3". The header's is CHAT_VERSION.
///
/// Memory: it belongs to the library, and is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn chat_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Checks that the library is compatible with a header. Programs call CHAT_VERSION_CHECK(), which passes their header's
/// version.
///
/// - `header`: the header's version as a number.
///
/// Fails with CHAT_WRONG_VERSION if the library is older than the header, or has another major version (before 1.0,
/// another minor version).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_version_check(header: u32) -> chat_status {
    boundary(|| {
        let library = chat_version_number();
        let unit = if CHAT_VERSION_MAJOR == 0 { 1_000 } else { 1_000_000 };
        if library / unit == header / unit && library >= header {
            return Ok(());
        }
        let text = format!("the header has version number {header}, and the library {library}");
        Err(Failure::new(chat_status::CHAT_WRONG_VERSION, text))
    })
}

const fn number(major: u32, minor: u32, patch: u32) -> u32 {
    major * 1_000_000 + minor * 1_000 + patch
}

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_crates() {
        let text = format!("{CHAT_VERSION_MAJOR}.{CHAT_VERSION_MINOR}.{CHAT_VERSION_PATCH}");
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(VERSION.to_str(), Ok(text.as_str()));
    }

    #[test]
    fn which_headers_fit() {
        let fits = |major, minor, patch| chat_version_check(number(major, minor, patch)) == chat_status::CHAT_OK;
        let (major, minor, patch) = (CHAT_VERSION_MAJOR, CHAT_VERSION_MINOR, CHAT_VERSION_PATCH);
        assert!(fits(major, minor, patch));
        assert!(!fits(major, minor, patch + 1));
        assert!(!fits(major, minor + 1, 0));
        assert!(!fits(major + 1, 0, 0));
    }
}
