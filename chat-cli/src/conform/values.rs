//! The placeholders in transcripts (`docs/conformance.md`): what they stand for, and texts with them filled in or compared. It does not
//! depend on who plays the transcripts.

use std::collections::BTreeMap;

use chat_lib::model::{MessageId, SessionToken};

/// What stands for the placeholders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(BTreeMap<String, Value>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
}

impl Value {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Values {
    /// With `$run`, which makes names unique, and `$line_bytes`, the longest line that the server takes.
    pub(crate) fn new(run: &str, line_bytes: u64) -> Self {
        let mut values = Self::default();
        values.0.insert("run".to_owned(), Value::Text(run.to_owned()));
        values.0.insert("line_bytes".to_owned(), Value::Number(line_bytes));
        values
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Binds a placeholder to what stands where it is expected first.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a `$T`, which must be a token, or an `$id`, which must be above those before it.
    pub(crate) fn bind(&mut self, name: &str, value: Value) -> Result<(), &'static str> {
        match (kind(name), &value) {
            (Some("T"), Value::Text(text)) if SessionToken::parse(text).is_ok() => {}
            (Some("T"), _) => return Err("a UUID of version 4 in lower case"),
            (Some("id"), Value::Number(number)) => {
                let ids = self.0.iter().filter(|(name, _)| kind(name) == Some("id")).map(|(_, value)| value);
                if MessageId::new(*number).is_none() || ids.into_iter().any(|before| *before >= value) {
                    return Err("an id above all before it, and below 2^53");
                }
            }
            (Some("id"), _) => return Err("the id of a message"),
            _ => {}
        }
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// The tokens that were bound.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter(|(name, _)| kind(name) == Some("T")).map(|(_, value)| value.to_text())
    }

    /// The bytes of a TEXT.
    ///
    /// # Errors
    ///
    /// Says what the transcript's author did wrong.
    pub(crate) fn fill(&self, template: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for (literal, name) in pieces(template) {
            unescape(literal, &mut bytes)?;
            if !name.is_empty() {
                let value = self.get(name).ok_or_else(|| format!("${name} stands for nothing yet"))?;
                bytes.extend_from_slice(value.to_text().as_bytes());
            }
        }
        Ok(bytes)
    }

    /// Compares an answer with a TEXT to the byte.
    ///
    /// # Errors
    ///
    /// Says where they differ.
    pub(crate) fn compare(&mut self, template: &str, answer: &[u8]) -> Result<(), String> {
        let mut rest = answer;
        let differs = |rest: &[u8]| format!("it differs from byte {} on", answer.len() - rest.len() + 1);
        for (literal, name) in pieces(template) {
            let mut wanted = Vec::new();
            unescape(literal, &mut wanted)?;
            rest = rest.strip_prefix(&wanted[..]).ok_or_else(|| {
                let same = rest.iter().zip(&wanted).take_while(|(one, other)| one == other).count();
                differs(rest.get(same..).unwrap_or_default())
            })?;
            let length = match self.get(name) {
                _ if name.is_empty() => continue,
                Some(value) => {
                    let text = value.to_text();
                    if rest.starts_with(text.as_bytes()) { text.len() } else { return Err(differs(rest)) }
                }
                None if name == "any" => string_length(rest),
                None => 36,
            };
            let (value, after) = rest.split_at_checked(length).ok_or_else(|| differs(rest))?;
            if name != "any" && self.get(name).is_none() {
                let value = Value::Text(String::from_utf8_lossy(value).into_owned());
                self.bind(name, value).map_err(|wanted| format!("${name} must be {wanted}"))?;
            }
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(differs(rest)) }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(other),
            _ => None,
        }
    }
}

/// A placeholder's name without its number.
fn kind(name: &str) -> Option<&str> {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (letters.len() < name.len()).then_some(letters)
}

/// Texts, each with the name of the placeholder that follows it: none behind the last.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(template);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0;
        while let Some((before, after)) = text.get(from..).and_then(|text| text.split_once('$')) {
            let letters = after.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'_').count();
            let digits = after.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
            let literal = text.get(..from + before.len());
            if let (1.., Some(literal), Some((name, after))) =
                (letters, literal, after.split_at_checked(letters + digits))
            {
                rest = Some(after);
                return Some((literal, name));
            }
            from += before.len() + 1;
        }
        rest = None;
        Some((text, ""))
    })
}

/// How many bytes there are before the end of the string of JSON that has begun.
fn string_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(bytes.len())
}

fn unescape(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let (escape, mut behind) = after.split_at_checked(1).unwrap_or_default();
        let byte = match escape {
            "r" => Some(b'\r'),
            "n" => Some(b'\n'),
            "t" => Some(b'\t'),
            "\\" => Some(b'\\'),
            "x" => behind.split_at_checked(2).and_then(|(digits, after)| {
                behind = after;
                u8::from_str_radix(digits, 16).ok()
            }),
            _ => None,
        };
        out.push(byte.ok_or_else(|| format!("\\{escape} is not an escape of a transcript"))?);
        rest = behind;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "609107b0-9f49-4d74-8195-f66446cd56e5";

    #[test]
    fn placeholders_and_escapes() {
        let mut values = Values::new("7k", 9);
        assert_eq!(values.fill("#a-$run $ $1 \\x41\\r\\n\\t\\\\").unwrap(), b"#a-7k $ $1 A\r\n\t\\");
        for bad in ["$T1", "\\q", "\\x4", "\\"] {
            assert!(values.fill(bad).is_err(), "{bad}");
        }
        values.compare("a $T1 b $T1", format!("a {TOKEN} b {TOKEN}").as_bytes()).unwrap();
        assert_eq!(values.fill("$T1").unwrap(), TOKEN.as_bytes());
        assert_eq!(values.tokens().collect::<Vec<_>>(), [TOKEN]);
        values.compare("{\"m\": \"$any\", \"c\": 1}", br#"{"m": "a \"b\" \\", "c": 1}"#).unwrap();
    }

    #[test]
    fn answers_that_differ() {
        let mut values = Values::new("7k", 9);
        for (template, answer, wanted) in [
            ("abc", "abd", "it differs from byte 3 on"),
            ("abc", "abcd", "it differs from byte 4 on"),
            ("abc", "ab", "it differs from byte 3 on"),
            ("a$run", "a8k", "it differs from byte 2 on"),
            ("$T1", "x", "it differs from byte 1 on"),
            ("$T1", "609107B0-9F49-4D74-8195-F66446CD56E5", "$T1 must be a UUID of version 4 in lower case"),
        ] {
            assert_eq!(values.compare(template, answer.as_bytes()), Err(wanted.to_owned()), "{template}");
        }
    }

    #[test]
    fn ids_ascend() {
        let mut values = Values::default();
        values.bind("id1", Value::Number(7)).unwrap();
        values.bind("id2", Value::Number(8)).unwrap();
        values.bind("time1", Value::Number(1)).unwrap();
        for bad in [Value::Number(8), Value::Number(1), Value::Number(1 << 53), Value::Text("9".to_owned())] {
            assert!(values.bind("id3", bad).is_err());
        }
    }
}
