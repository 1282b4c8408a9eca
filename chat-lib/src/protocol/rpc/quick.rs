//! Requests as most clients write them: compact, the members in the order of the documentation, the id a number, nothing wrong.
//! Their outer object needs no parser. All others are parsed in two passes, which tell what is wrong.

use serde::de::DeserializeSeed;

use super::arguments::Arguments;
use super::envelope::Id;
use super::methods;
use super::request::Call;

/// Parses a request, with its line's end or without; `None` if it is not one of these.
pub(super) fn parse(line: &str) -> Option<Call<'_>> {
    let rest = line.strip_prefix(r#"{"jsonrpc":"2.0","id":"#)?;
    let (id, rest) = rest.split_at_checked(rest.bytes().position(|byte| !byte.is_ascii_digit())?)?;
    let id = Id::of_digits(id)?;
    let rest = rest.strip_prefix(r#","method":""#)?;
    let (name, rest) = rest.split_at_checked(memchr::memchr(b'"', rest.as_bytes())?)?;
    let method = methods::find(name)?;
    let params = rest.strip_prefix(r#"","params":"#)?.trim_end_matches([' ', '\t', '\r', '\n']).strip_suffix('}')?;
    let mut arguments = Arguments::new(method.params);
    let mut deserializer = serde_json::Deserializer::from_str(params);
    arguments.reader().deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    let command = (method.command)(&mut arguments.checked().ok()?).ok()?;
    Some(Call { id: Some(id), command })
}
