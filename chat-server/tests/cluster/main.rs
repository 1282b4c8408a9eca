//! Machines die while people chat: nothing that was acknowledged is lost or there twice, and the chat is back soon.
//!
//! `cargo test --release -p chat-server --test cluster` plays each fault once over NATS, and some in the other worlds. `CLUSTER_ROUNDS=100` plays 100 in
//! each of them, `CLUSTER_SEED=N` those of a run that has printed that seed, and `CLUSTER_USERS=250000` has so many users loaded; `-- --nocapture`
//! shows the table of how long it took to come back. A cluster needs root, for networks of its own.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod clients;
mod history;
mod judge;
mod random;
mod run;
mod world;

use run::run;
use world::Kind;

#[test]
fn one_server_alone() {
    run(Kind::Alone);
}

#[test]
fn three_servers_over_nats() {
    run(Kind::Nats);
}

#[test]
fn three_servers_over_nats_that_reach_each_other() {
    run(Kind::NatsDirect);
}

#[test]
fn three_servers_over_postgresql() {
    run(Kind::Postgres);
}
