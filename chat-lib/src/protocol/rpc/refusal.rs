//! Refusals: writes an [`Error`] as a line, and reads it back for clients.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::envelope::Id;
use super::forms::{read_json, write_json};
use super::reply::begin;
use crate::error::Error;

/// Appends the answer to a request that was refused.
pub fn write_error(id: &Id, error: &Error, out: &mut Vec<u8>) {
    begin(id, out);
    out.extend_from_slice(b",\"error\":");
    let mut data = Data { code: error.code().into(), ..Data::default() };
    match error {
        Error::LineTooLong { limit } => data.limit_bytes = Some(*limit),
        Error::TooManyAttempts { wait } | Error::RateLimited { wait } => {
            data.wait_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        _ => {}
    }
    let message = match error {
        Error::Refused { message, .. } => message.as_str().into(),
        error => error.to_string().into(),
    };
    write_json(&Refusal { code: error.number(), message, data: Some(data) }, out);
    out.extend_from_slice(b"}\n");
}

/// Reads the `error` of an answer.
///
/// # Errors
///
/// [`Error::BadReply`] if it is not one.
pub(super) fn read_error(error: &str) -> Result<Error, Error> {
    let Refusal { code, message, data } = read_json(error)?;
    let Data { code: word, limit_bytes, wait_ms } = data.unwrap_or_default();
    // Other servers of JSON-RPC give no words for these.
    let word = match (&*word, code) {
        ("", -32700) => "bad_json",
        ("", -32600) => "bad_request",
        ("", -32601) => "no_such_method",
        ("", -32602) => "bad_parameters",
        (word, _) => word,
    };
    Ok(match (word, limit_bytes, wait_ms) {
        ("line_too_long", Some(limit), _) => Error::LineTooLong { limit },
        ("too_many_attempts", _, Some(wait)) => Error::TooManyAttempts { wait: Duration::from_millis(wait) },
        ("rate_limited", _, Some(wait)) => Error::RateLimited { wait: Duration::from_millis(wait) },
        _ => Error::from_code(word, &message),
    })
}

#[derive(Deserialize, Serialize)]
struct Refusal<'a> {
    code: i32,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
}
