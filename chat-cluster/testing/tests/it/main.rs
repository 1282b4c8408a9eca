//! What starts and disturbs engines for tests does so.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod nats;
mod network;
mod postgres;
mod process;
