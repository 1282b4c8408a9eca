//! Bytes as hexadecimal digits: what names things in a text has this form.

use std::fmt;

/// Writes bytes as lower-case hexadecimal digits.
///
/// # Errors
///
/// What `f` says.
pub fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads what [`write()`] has written, in lower or upper case; `None` for anything else.
///
/// ```
/// assert_eq!(chat_lib::hex::parse("00ff"), Some([0, 255]));
/// assert_eq!(chat_lib::hex::parse::<2>("00f"), None);
/// assert_eq!(chat_lib::hex::parse::<1>("+f"), None);
/// ```
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = parse_byte(*pair)?;
    }
    Some(bytes)
}

/// The byte that has these two digits.
pub fn parse_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    high.zip(low).map(|(high, low)| high << 4 | low)
}
