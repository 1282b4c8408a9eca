//! The contract of stores and of logs, on servers of both engines that are set up as for work.

#![cfg(all(feature = "nats", feature = "postgres"))]
#![allow(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chat_cluster::{Engine, Nats, NatsOptions, Postgres, PostgresOptions};
use chat_cluster_testing::{NatsCluster, PostgresPair};
use chat_lib::Error;
use chat_lib::conformance::{self, Data, Fault};
use chat_lib::store::{Durable, KeepRead, Options, Replication, Store};
use tempfile::TempDir;

/// A place for one chat: a log of its own, and the directory of a server that is alone with it.
struct Alone {
    engine: Arc<dyn Engine>,
    directory: TempDir,
}

impl Data for Alone {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        let replication = Replication { takes_over: true, ..Replication::default() };
        let options = Options { keep_read: Some(KeepRead::Forever), ..Options::default() };
        let log = Arc::<dyn Engine>::clone(&self.engine);
        Ok(Box::new(Durable::replicated(self.directory.path(), log, replication, options)?.0))
    }

    fn is_durable(&self) -> bool {
        true
    }

    /// `chat-lib` tries that with a log that fails on command.
    fn fail_next_commit(&self, _fault: Fault) -> bool {
        false
    }
}

fn check(new: impl Fn(&str) -> Arc<dyn Engine>) {
    let count = AtomicUsize::new(0);
    conformance::check(|| Alone {
        engine: new(&format!("c{}", count.fetch_add(1, Ordering::Relaxed))),
        directory: tempfile::tempdir().unwrap(),
    });
}

#[test]
fn a_log_on_nats_keeps_the_contract() {
    let nodes = NatsCluster::start(3);
    let count = AtomicUsize::new(0);
    conformance::check_log(|| nats(&nodes, &format!("c{}", count.fetch_add(1, Ordering::Relaxed))));
}

#[test]
fn a_store_on_nats_keeps_the_contract() {
    let nodes = NatsCluster::start(3);
    check(|name| Arc::new(nats(&nodes, name)));
}

#[test]
fn a_store_on_postgresql_keeps_the_contract() {
    let pair = PostgresPair::start();
    check(|name| Arc::new(Postgres::open(&pair.url(), name, &PostgresOptions::default()).unwrap()));
}

fn nats(nodes: &NatsCluster, name: &str) -> Nats {
    let options = NatsOptions::new(&nodes.urls().join(","), name).unwrap();
    Nats::connect(nodes.monitor_urls().iter().fold(options, |options, url| options.monitor(url).unwrap())).unwrap()
}
