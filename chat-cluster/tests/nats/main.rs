//! The engine on NATS, with real servers of it.

#![cfg(feature = "nats")]
#![allow(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

mod disturbed;
mod election;
mod link;
mod log;
mod refusals;
mod snapshots;

use std::sync::LazyLock;

use chat_cluster::{Engine, ServerCard};
use chat_cluster::{Nats, NatsOptions};
use chat_cluster_testing::NatsCluster;
use chat_lib::server::ServerId;
use chat_lib::store::{LogEntry, ReplicatedLog};

/// Three servers for tests that do not disturb them. Each test has a cluster of its own name there.
static NODES: LazyLock<NatsCluster> = LazyLock::new(|| NatsCluster::start(3));

/// The options for a cluster on some servers.
fn options(nodes: &NatsCluster, name: &str) -> NatsOptions {
    let options = NatsOptions::new(&nodes.urls().join(","), name).unwrap();
    nodes.monitor_urls().iter().fold(options, |options, url| options.monitor(url).unwrap())
}

fn connect(name: &str) -> Nats {
    Nats::connect(options(&NODES, name)).unwrap()
}

fn card(number: u8) -> ServerCard {
    ServerCard {
        id: ServerId::from_bytes([number; 16]),
        name: format!("server {number}"),
        address: None,
        version: "0.1.0".into(),
        applied: 7,
        serves: true,
    }
}

/// All records from a place to the end, if not all were trimmed.
fn all(log: &impl ReplicatedLog, mut from: u64) -> Vec<LogEntry> {
    let (last, mut entries) = (log.last().unwrap(), Vec::new());
    while from <= last {
        entries.extend(log.read(from, std::time::Duration::ZERO).unwrap());
        from = entries.last().map_or(u64::MAX, |entry: &LogEntry| entry.at + 1);
    }
    entries
}

#[test]
fn the_engine_tells_of_its_nodes() {
    let lines = connect("describe").describe().unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("(2.15.1): leader")).count(), 1, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("(2.15.1): follower, ")).count(), 2, "{lines:?}");
}
