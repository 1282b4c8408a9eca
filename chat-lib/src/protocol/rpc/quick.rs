//! Requests as most clients write them, read in one pass: the method stands before its parameters, and nothing is wrong. All others
//! are read in two passes, which know which error comes first and which id it is answered with.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::arguments::Arguments;
use super::envelope::{Id, Member, MemberName};
use super::methods::{self, Method};
use super::request::Call;

/// Reads a request; `None` if it is not one of these.
pub(super) fn parse(line: &str) -> Option<Call<'_>> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let Parts { id, method, arguments } = deserializer.deserialize_map(Members).ok()?;
    deserializer.end().ok()?;
    let id = match id {
        Some(raw) => Some(Id::new(raw)?),
        None => None,
    };
    let command = (method.command)(&mut arguments.checked().ok()?).ok()?;
    Some(Call { id, command })
}

struct Parts<'a> {
    id: Option<&'a RawValue>,
    method: &'static Method,
    arguments: Arguments<'a>,
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let other = || A::Error::custom("to be read in two passes");
        let (mut version, mut id, mut method, mut arguments) = (None, None, None, None);
        while let Some(member) = map.next_key_seed(MemberName)? {
            match member {
                Member::Jsonrpc if version.is_none() => version = Some(map.next_value()?),
                Member::Id if id.is_none() => id = Some(map.next_value()?),
                Member::Method if method.is_none() => {
                    method = Some(methods::find(map.next_value()?).ok_or_else(other)?);
                }
                Member::Params if arguments.is_none() => {
                    let mut read = Arguments::new(method.ok_or_else(other)?.params);
                    map.next_value_seed(&mut read.reader())?;
                    arguments = Some(read);
                }
                _ => return Err(other()),
            }
        }
        let method = method.filter(|_| version == Some("2.0")).ok_or_else(other)?;
        Ok(Parts { id, method, arguments: arguments.unwrap_or_else(|| Arguments::new(method.params)) })
    }
}
