//! JSON as Python's `json.dumps` writes it, to the byte.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Appends `value` as Python's `json.dumps` writes it: a space behind each comma and colon, and
/// every character that is not printable ASCII escaped.
#[expect(clippy::expect_used, reason = "a Vec takes all bytes, and no type of ours refuses to be serialized")]
pub(super) fn write(value: &impl Serialize, out: &mut Vec<u8>) {
    value.serialize(&mut Serializer::with_formatter(out, Python)).expect("writing to memory");
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    /// `fragment` comes without the characters that JSON itself has escaped.
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let printable = |byte: u8| matches!(byte, b' '..=b'~');
        if fragment.bytes().all(printable) {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                out.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    /// The right side is what `json.dumps` of CPython 3.11 gives for the left one.
    #[test]
    fn as_python_writes_it() {
        let table = [
            ("", r#""""#),
            ("halo", r#""halo""#),
            ("\"\\/", r#""\"\\/""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("\0\u{1}\u{1b}\u{1f}\u{7f}\u{80}", r#""\u0000\u0001\u001b\u001f\u007f\u0080""#),
            ("café Ω 你好 🚀", r#""caf\u00e9 \u03a9 \u4f60\u597d \ud83d\ude80""#),
            ("\u{2028}\u{feff}\u{ffff}\u{10ffff}", r#""\u2028\ufeff\uffff\udbff\udfff""#),
        ];
        for (text, wanted) in table {
            let mut out = Vec::new();
            super::write(&text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
        let mut out = Vec::new();
        super::write(&serde_json::json!({"a": [1, 2, []], "b": {}}), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a": [1, 2, []], "b": {}}"#);
    }
}
