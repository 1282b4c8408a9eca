//! An event of the log as JSON, or in journald's native protocol. It relies on `tracing-subscriber` for the events, whose own
//! format is used for text.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use chat_lib::printable;
use serde::Serializer;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// A line with an object: `time`, `level`, `message`, and the event's own fields. Everything past ASCII is escaped, so that a
/// terminal shows it as it is.
pub(super) struct Json;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Json {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writeln!(out, "{}", json(*event.metadata().level(), &Fields::of(event)).ok_or(fmt::Error)?)
    }
}

/// A datagram for journald: a field a line. Those of the event are called `CHAT_` and their names, and are in `MESSAGE`, too,
/// which is what `journalctl` shows.
pub(super) struct Journald;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Journald {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str(&journald(*event.metadata().level(), &Fields::of(event)))
    }
}

/// An event that is only a message, as [`Json`] has it.
pub(super) fn json_message(level: Level, message: &str) -> Option<String> {
    json(level, &Fields { message: message.to_owned(), others: Vec::new() })
}

fn json(level: Level, fields: &Fields) -> Option<String> {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time)).ok()?;
    let (time, level) = (&*time, level.as_str());
    let first = [("time", time), ("level", level), ("message", &fields.message)];
    let first = first.into_iter().map(|(name, value)| (name, Value::from(value)));
    let mut line = Vec::new();
    serde_json::Serializer::new(&mut line).collect_map(first.chain(fields.others.iter().cloned())).ok()?;
    let mut ascii = String::with_capacity(line.len());
    // Whatever is past ASCII is within a string, and so is a DEL, which JSON does not escape.
    for c in str::from_utf8(&line).ok()?.chars() {
        if c.is_ascii() && c != '\x7f' {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").ok()?;
            }
        }
    }
    Some(ascii)
}

fn journald(level: Level, fields: &Fields) -> String {
    let priority = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    };
    let mut message = printable(&fields.message).into_owned();
    let mut own = String::new();
    for (name, value) in &fields.others {
        let (shown, value) = match value {
            Value::String(text) => (format!("{:?}", printable(text)), printable(text).into_owned()),
            other => (other.to_string(), other.to_string()),
        };
        let upper: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        message.push_str(&format!(" {name}={shown}"));
        own.push_str(&format!("CHAT_{}={value}\n", upper.to_ascii_uppercase()));
    }
    format!("SYSLOG_IDENTIFIER=chat-server\nPRIORITY={priority}\nMESSAGE={message}\n{own}")
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.push(field, value),
        }
    }

    /// With its reasons.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut told = value.to_string();
        let mut reason = value.source();
        while let Some(problem) = reason {
            told.push_str(&format!(": {problem}"));
            reason = problem.source();
        }
        self.push(field, told);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
