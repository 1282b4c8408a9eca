//! Protocol 2 (`docs/protocol-2.md`): JSON-RPC 2.0, one object per line. A server [`parse`]s requests and writes answers and
//! events; a client writes requests and [`read`]s what comes. It relies on lines being complete, and on nothing about their
//! contents.

mod arguments;
#[cfg(test)]
mod contract;
mod envelope;
mod event;
mod forms;
mod limits;
mod methods;
#[cfg(test)]
mod openrpc;
mod people;
#[cfg(test)]
mod properties;
mod quick;
mod refusal;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use self::envelope::Envelope;
pub use self::envelope::Id;
pub use self::event::write_event;
pub use self::refusal::write_error;
pub use self::reply::{read_reply, write_reply};
pub use self::request::{Call, Rejected, parse, write_request};
use crate::error::Error;
use crate::protocol::Event;

/// Whether a line is one of protocol 2. All others are lines of protocol 1.
pub fn is_rpc(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'{' | b'['))
}

/// A line that a server has sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// A request succeeded.
    Answer {
        /// The request's id; `None` if it is not one that [`write_request`] writes.
        id: Option<u64>,
        /// JSON that [`read_reply`] takes.
        result: &'a str,
    },
    /// A request was refused.
    Refusal {
        /// The request's id; `None` if the server could not read it.
        id: Option<u64>,
        /// Why.
        error: Error,
    },
    /// Something has happened.
    Event(Event),
    /// An event that this version does not know. It can be ignored.
    UnknownEvent,
}

/// Reads a line that a server has sent.
///
/// # Errors
///
/// [`Error::BadReply`] if it is neither an answer nor an event.
pub fn read(line: &[u8]) -> Result<Incoming<'_>, Error> {
    let envelope = envelope::utf8(line).and_then(Envelope::read).map_err(|error| Error::BadReply(error.to_string()))?;
    let id = || envelope.id.and_then(|id| id.get().parse().ok());
    match (&envelope.result, &envelope.error) {
        (Some(result), None) => Ok(Incoming::Answer { id: id(), result: result.get() }),
        (None, Some(error)) => Ok(Incoming::Refusal { id: id(), error: refusal::read_error(error.get())? }),
        (None, None) => event::read(&envelope).map(|event| event.map_or(Incoming::UnknownEvent, Incoming::Event)),
        (Some(_), Some(_)) => Err(Error::BadReply("it has a result and an error".to_owned())),
    }
}
