//! libchat: the chat for programs in C. The documentation here becomes `include/chat.h`. This crate contains no rule of the
//! chat, only the C interface:
//!
//! - [`boundary`] wraps every function: a panic becomes a status, and the details of a failure are kept;
//! - [`handle`] gives out handles that are keys of a table, so that invalid ones are detected;
//! - `table` is that table, of which each process has its own;
//! - [`argument`] reads and writes the caller's pointers; nothing else does.
//!
//! [`session`] has what a user can do, [`operator`], [`invitations`] and [`data`] what an operator can do.
//!
//! After a change, `CHAT_H=write cargo test -p chat-ffi --test it header` regenerates the header.

// "# Safety" would repeat with every function what the header says once: pointers must be valid.
#![allow(clippy::missing_safety_doc)]

pub mod argument;
pub mod authenticator;
pub mod boundary;
pub mod buffer;
pub mod client;
pub mod connection;
pub mod data;
pub mod error;
pub mod event;
pub mod events;
pub mod handle;
pub mod health;
pub mod invitations;
pub mod lists;
pub mod log;
pub mod open;
pub mod operator;
pub mod options;
pub mod rooms;
pub mod server;
pub mod session;
pub mod status;
mod table;
pub mod version;
pub mod wake;
