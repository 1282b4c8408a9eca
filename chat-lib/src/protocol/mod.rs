//! The wire: bytes to lines ([`Frames`]), a line to a [`Request`], and a [`Reply`] or an [`Event`] to bytes; for clients also
//! the other way round. [`mod@line`] is protocol 1 (`docs/protocol.md`) and [`rpc`] protocol 2 (`docs/protocol-2.md`); commands,
//! replies and events are the same for both.

mod command;
mod event;
mod frame;
pub(crate) mod http;
pub mod line;
mod reply;
pub mod rpc;

pub(crate) use self::command::CommandKind;
pub use self::command::{Command, Request};
pub use self::event::{CloseReason, Event, RoomChange};
#[cfg(feature = "server")]
pub(crate) use self::frame::Ending;
pub use self::frame::{Frame, Frames};
pub use self::reply::{
    ConversationView, List, Login, MemberView, Presence, Reply, RoomView, ServerInfo, SessionView, UserView,
};
