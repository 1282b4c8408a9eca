//! The C interface, called from Rust, and the header that describes it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod header;
mod operator;
#[path = "../../../chat-lib/tests/it/player.rs"]
mod player;
mod transcripts;
