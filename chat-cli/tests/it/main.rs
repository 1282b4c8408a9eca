//! The real client against real servers.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod bench;
mod cli;
mod common;
mod conform;
mod encrypted;
mod live;
mod screen;
mod signals;
mod terminal;
