//! Protocol 1 (`docs/protocol.md`): words in, JSON as Python writes it out.

pub mod reply;
mod request;

pub use self::request::{from_words, parse, write};
