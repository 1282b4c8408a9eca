//! A server whose engine fails.

use std::path::Path;
use std::sync::atomic::AtomicUsize;

use chat_lib::Config;
use chat_lib::conformance::TestLog;
use chat_lib::server::{Link, ServerId};
use chat_lib::store::{LogEntry, LogError, Options, Placed, ReplicatedLog};

use super::*;
use crate::{Cluster, SnapshotName};

/// An engine that refuses at once to say who is the owner, as one does where nobody listens, and counts how often it was asked.
#[derive(Default)]
struct Refusing {
    log: TestLog,
    asked: AtomicUsize,
}

impl ReplicatedLog for Refusing {
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        self.log.append(at, record)
    }

    fn read(&self, from: u64, wait: Duration) -> Result<Vec<LogEntry>, LogError> {
        self.log.read(from, wait)
    }

    fn last(&self) -> Result<u64, LogError> {
        self.log.last()
    }

    fn trim(&self, before: u64) -> Result<(), LogError> {
        self.log.trim(before)
    }
}

impl Engine for Refusing {
    fn claim(&self, _: &ServerCard) -> Result<ServerCard, EngineError> {
        Err(EngineError::new("refused"))
    }

    fn owner(&self) -> Result<Option<ServerCard>, EngineError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Err(EngineError::new("refused"))
    }

    fn release(&self, _: ServerId) -> Result<(), EngineError> {
        Ok(())
    }

    fn announce(&self, _: &ServerCard) -> Result<(), EngineError> {
        Ok(())
    }

    fn servers(&self) -> Result<Vec<ServerCard>, EngineError> {
        Ok(Vec::new())
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, EngineError> {
        Ok(Vec::new())
    }

    fn put_snapshot(&self, _: &SnapshotName, _: &Path) -> Result<(), EngineError> {
        Ok(())
    }

    fn get_snapshot(&self, _: &SnapshotName, _: &Path) -> Result<(), EngineError> {
        Err(EngineError::new("refused"))
    }

    fn remove_snapshot(&self, _: &SnapshotName) -> Result<(), EngineError> {
        Ok(())
    }

    fn describe(&self) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }
}

struct Nowhere;

impl Link for Nowhere {
    fn send(&self, _: ServerId, _: Vec<u8>) {}
}

/// A server had asked as fast as it could.
#[test]
fn an_engine_that_refuses_is_not_asked_all_the_time() {
    let (engine, directory) = (Arc::new(Refusing::default()), tempfile::tempdir().unwrap());
    let shared = Arc::<Refusing>::clone(&engine);
    let id = Cluster::draw_id().unwrap();
    let (cluster, store) =
        Cluster::open(shared, id, "a".to_owned(), None, directory.path(), &Options::default()).unwrap();
    let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
    let running = cluster.start(chat, Relay::new(id, Arc::new(Nowhere)), |_| {}, |_| {}).unwrap();
    let began = Instant::now();
    while engine.asked.load(Ordering::Relaxed) < 3 {
        thread::yield_now();
    }
    let time = began.elapsed();
    assert!(running.status().problem.is_some());
    running.stop();
    assert!(time >= TICK, "three times within {time:?}");
}
