//! The real binary, as operators and peers see it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod binary;
mod config;
mod crash;
mod data;
mod full_disk;
mod live_crash;
mod messages;
mod people;
#[path = "../../../chat-lib/tests/it/player.rs"]
mod player;
mod process;
mod secrets;
mod service;
mod slow_readers;
mod terminal;
