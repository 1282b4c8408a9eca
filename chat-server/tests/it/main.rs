//! The real binary, as operators and peers see it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod binary;
#[path = "../../../chat-lib/tests/it/tls/certificates.rs"]
#[allow(dead_code, reason = "what only the tests of the library need")]
mod certificates;
mod config;
mod crash;
mod data;
mod draining;
mod full_disk;
mod invitations;
mod live_crash;
mod messages;
mod monitor;
mod people;
#[path = "../../../chat-lib/tests/it/player.rs"]
mod player;
mod process;
mod secrets;
mod service;
mod size;
mod slow_readers;
mod terminal;
mod tls;
