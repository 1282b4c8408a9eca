//! The parameters of a request, read by the method's row of the table.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::Error;
use crate::limits;
use crate::model::MessageId;

/// The most parameters that a method has.
const MOST: usize = 4;

/// A parameter of a method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// What it is for, as a phrase.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/openrpc.json is written by a test"))]
    pub(super) what: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// The id of a message.
    Id,
    /// The largest number of entries to return.
    Limit,
    /// A boolean.
    Flag,
    /// An array of strings.
    Texts,
}

impl Kind {
    /// What a parameter of this type must be.
    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Id => "an integer from 0 to 9007199254740991",
            Self::Limit => "an integer of at least 1",
            Self::Flag => "true or false",
            Self::Texts => "an array of strings",
        }
    }
}

/// The parameters of one request, each of which has the type that the table says.
pub(super) struct Arguments<'a> {
    params: &'static [Param],
    values: [Option<Value<'a>>; MOST],
}

pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Arguments<'a> {
    /// None yet.
    pub(super) fn new(params: &'static [Param]) -> Self {
        Self { params, values: [const { None }; MOST] }
    }

    /// Reads the `params` of a request, which may be missing.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameters`], or [`Error::BadJson`] for half a surrogate pair.
    pub(super) fn read(params: &'static [Param], json: Option<&'a str>) -> Result<Self, Error> {
        let mut arguments = Self::new(params);
        if let Some(json) = json {
            let mut reader = arguments.reader();
            if let Err(error) = reader.deserialize(&mut serde_json::Deserializer::from_str(json)) {
                return Err(match (error.is_data(), reader.current) {
                    (false, _) => Error::BadJson(error.to_string()),
                    (true, None) => Error::BadParameters("\"params\" must be an object".to_owned()),
                    (true, Some(param)) => {
                        Error::BadParameters(format!("\"{}\" must be {}", param.name, param.kind.expected()))
                    }
                });
            }
        }
        arguments.checked()
    }

    /// The deserializer's seed for them.
    pub(super) fn reader(&mut self) -> Reader<'_, 'a> {
        Reader { arguments: self, current: None }
    }

    /// Returns them if no required one is missing.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameters`].
    pub(super) fn checked(self) -> Result<Self, Error> {
        for (param, value) in self.params.iter().zip(&self.values) {
            if param.required && value.is_none() {
                let expected = param.kind.expected();
                return Err(Error::BadParameters(format!("\"{}\" is missing; it must be {expected}", param.name)));
            }
        }
        Ok(self)
    }

    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let place = self.params.iter().position(|param| param.name == name)?;
        self.values.get_mut(place)?.take()
    }

    /// A string; empty if it is not given.
    pub(super) fn text(&mut self, name: &str) -> Cow<'a, str> {
        self.optional_text(name).unwrap_or_default()
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        match self.take(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn id(&mut self, name: &str) -> Option<MessageId> {
        match self.take(name) {
            Some(Value::Number(number)) => MessageId::new(number),
            _ => None,
        }
    }

    /// The largest number of entries to return.
    pub(super) fn limit(&mut self) -> usize {
        match self.take("limit") {
            Some(Value::Number(number)) => usize::try_from(number).unwrap_or(usize::MAX).min(limits::LIST_MAX),
            _ => limits::LIST_DEFAULT,
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name) {
            Some(Value::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<Cow<'a, str>>> {
        match self.take(name) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }
}

/// Remembers which parameter it is at, so that an error can name it.
pub(super) struct Reader<'r, 'a> {
    arguments: &'r mut Arguments<'a>,
    current: Option<Param>,
}

impl<'de> DeserializeSeed<'de> for &mut Reader<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let params = self.arguments.params;
        while let Some(place) = map.next_key_seed(PlaceIn(params))? {
            let slot = place.and_then(|place| Some((params.get(place)?, self.arguments.values.get_mut(place)?)));
            let Some((param, value)) = slot else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.current = Some(*param);
            *value = match param.required {
                true => Some(map.next_value_seed(param.kind)?),
                false => map.next_value_seed(Optional(param.kind))?,
            };
            self.current = None;
        }
        Ok(())
    }
}

/// Reads a name, and gives its place in the list of parameters.
struct PlaceIn(&'static [Param]);

impl<'de> DeserializeSeed<'de> for PlaceIn {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for PlaceIn {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|param| param.name == name))
    }
}

/// A value that may be null, which is the same as a missing one.
struct Optional(Kind);

impl<'de> DeserializeSeed<'de> for Optional {
    type Value = Option<Value<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Optional {
    type Value = Option<Value<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.expected())
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        match self {
            Self::Text => deserializer.deserialize_str(self),
            Self::Id | Self::Limit => deserializer.deserialize_u64(self),
            Self::Flag => deserializer.deserialize_bool(self),
            Self::Texts => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Kind {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        let fits = match self {
            Self::Limit => number > 0,
            _ => MessageId::new(number).is_some(),
        };
        if fits { Ok(Value::Number(number)) } else { Err(E::custom("out of range")) }
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut texts = Vec::new();
        while let Some(value) = seq.next_element_seed(Self::Text)? {
            let Value::Text(text) = value else { return Err(A::Error::custom("not a string")) };
            texts.push(text);
        }
        Ok(Value::Texts(texts))
    }
}
