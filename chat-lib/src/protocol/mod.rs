//! The wire, `docs/protocol.md` in types: bytes to lines ([`Frames`]), a line to a [`Command`], a
//! [`Reply`] to bytes, and for clients each of them the other way.

mod command;
mod frame;
pub(crate) mod http;
pub mod reply;

pub use self::command::Command;
pub use self::frame::{Frame, Frames};
pub use self::reply::Reply;
