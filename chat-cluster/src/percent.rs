//! Percent-encoding, as URLs of engines have it.

use chat_lib::hex::parse_byte;

/// Undoes percent-encoding; `None` if two hexadecimal digits are missing after a `%`, or the outcome is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => after.split_first_chunk().and_then(|(digits, after)| Some((parse_byte(*digits)?, after)))?,
            byte => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
