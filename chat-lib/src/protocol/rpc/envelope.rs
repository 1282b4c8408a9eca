//! The outer object of every line, with its members as they came. They are parsed once it is known what they are for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::error::Error;

/// The id of a request: a JSON string, number or null, written back exactly as it came. It does not borrow from its request, which
/// may be answered later; a short one, as almost all are, takes no memory of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Id(SmolStr);

impl Id {
    /// The id of a refusal if the request's could not be read.
    pub const NULL: Self = Self(SmolStr::new_static("null"));

    /// The id of a request; `None` if it is of another type.
    pub(super) fn new(raw: &RawValue) -> Option<Self> {
        let is_id = matches!(raw.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9' | b'n'));
        is_id.then(|| Self(raw.get().into()))
    }

    /// The id that is a number of these digits; `None` if JSON writes it in another way.
    pub(super) fn of_digits(digits: &str) -> Option<Self> {
        let is_number = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
        is_number.then(|| Self(digits.into()))
    }

    /// Its JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// The members of a request, an answer or an event. Of members with the same name, the last one counts.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) jsonrpc: Option<&'a RawValue>,
    pub(super) id: Option<&'a RawValue>,
    pub(super) method: Option<&'a RawValue>,
    pub(super) params: Option<&'a RawValue>,
    pub(super) result: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// [`Error::BadJson`], or [`Error::BadRequest`] if it is JSON and not an object.
    pub(super) fn read(line: &'a str) -> Result<Self, Error> {
        if line.trim_ascii_start().starts_with('[') {
            return Err(Error::BadRequest("batches are not supported; send one request per line".to_owned()));
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let envelope = deserializer.deserialize_map(Members);
        let envelope = envelope.and_then(|envelope| deserializer.end().map(|()| envelope));
        envelope.map_err(|error| match error.is_data() {
            true => Error::BadRequest("it is not an object".to_owned()),
            false => Error::BadJson(error.to_string()),
        })
    }
}

/// A line as text.
///
/// # Errors
///
/// [`Error::BadJson`] if it is not UTF-8.
pub(super) fn utf8(line: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(line).map_err(|_| Error::BadJson("it is not UTF-8".to_owned()))
}

/// The text of a JSON string; `None` if it is something else, or has half a surrogate pair in it.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    match memchr::memchr(b'\\', text.as_bytes()) {
        None => Some(text.into()),
        Some(_) => serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned),
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(member) = map.next_key_seed(MemberName)? {
            let member = match member {
                Member::Jsonrpc => &mut envelope.jsonrpc,
                Member::Id => &mut envelope.id,
                Member::Method => &mut envelope.method,
                Member::Params => &mut envelope.params,
                Member::Result => &mut envelope.result,
                Member::Error => &mut envelope.error,
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *member = Some(map.next_value()?);
        }
        Ok(envelope)
    }
}

pub(super) enum Member {
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Other,
}

pub(super) struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "jsonrpc" => Member::Jsonrpc,
            "id" => Member::Id,
            "method" => Member::Method,
            "params" => Member::Params,
            "result" => Member::Result,
            "error" => Member::Error,
            _ => Member::Other,
        })
    }
}
