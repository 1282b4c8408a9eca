//! Engines for the tests of a cluster: NATS and PostgreSQL servers that are started, killed, stopped and cut off from each other.
//!
//! Everything panics where a test would: what is missing on the machine fails the test, and is never a reason to skip it. What was
//! started is killed when its owner is dropped, and also when the tests' process dies.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a helper of tests fails as they do")]

pub use nats::{NatsCluster, NatsOptions};
pub use network::{Host, Network};
pub use ports::free_ports;
pub use postgres::{Postgres, PostgresPair};
pub use process::Process;
pub use wait::{PATIENCE, eventually, until};

mod http;
mod install;
mod nats;
mod network;
mod ports;
mod postgres;
mod process;
mod wait;
