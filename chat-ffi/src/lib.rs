//! libchat: the chat for programs in C. What a function does is said in `include/chat.h`, which is made of
//! the documentation here; this crate has no rule of the chat, only the way in and out:
//!
//! - [`boundary`] is what every function runs in: a panic becomes a status, a failure is remembered;
//! - [`handle`] gives out handles that are numbers in disguise, so that a wrong one is found out;
//! - `table` is what they are numbers of, in each process its own;
//! - [`argument`] is where pointers are read and written, and nothing else reads or writes them.
//!
//! After changing it, `CHAT_H=write cargo test -p chat-ffi --test header` writes the header anew.

// "# Safety" would say of every function what the header's beginning says of all: pointers are valid.
#![allow(clippy::missing_safety_doc)]

pub mod argument;
pub mod boundary;
pub mod buffer;
pub mod client;
pub mod connection;
pub mod data;
pub mod error;
pub mod handle;
pub mod lists;
pub mod log;
pub mod open;
pub mod operator;
pub mod options;
pub mod server;
pub mod session;
pub mod status;
mod table;
pub mod version;
