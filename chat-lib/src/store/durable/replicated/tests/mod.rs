//! Servers that share a log which fails on command.

mod servers;
mod stories;

use std::sync::Arc;
use std::time::Duration;

use super::{Replication, envelope, payload};
use crate::conformance::{self, Data, Fault, LogFault, TestLog};
use crate::error::Error;
use crate::store::{Durable, KeepRead, LogEntry, LogError, Options, Placed, ReplicatedLog, Store};

#[test]
fn the_log_for_tests_keeps_the_contract() {
    conformance::check_log(TestLog::new);
}

/// A place for a chat of which one server after the other is the only one.
struct Alone {
    directory: tempfile::TempDir,
    log: Arc<FailingCommits>,
}

/// Fails only for records that change something.
struct FailingCommits {
    log: TestLog,
    next: std::sync::Mutex<Option<LogFault>>,
}

impl ReplicatedLog for FailingCommits {
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        let body = envelope::open(record).unwrap().body;
        if payload::decode(body).is_none_or(|payload| !payload.is_empty()) {
            self.log.fail(self.next.lock().unwrap().take());
        }
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

impl Data for Alone {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        let replication = Replication { patience: Duration::ZERO, takes_over: true };
        let options = Options { keep_read: Some(KeepRead::Forever), ..Options::default() };
        let log = Arc::<FailingCommits>::clone(&self.log);
        Ok(Box::new(Durable::replicated(self.directory.path(), log, replication, options)?))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn fail_next_commit(&self, fault: Fault) -> bool {
        let fault = match fault {
            Fault::Nothing => LogFault::Taken,
            Fault::UnseenNothing => LogFault::RequestLost,
            Fault::UnseenEverything => LogFault::AnswerLost,
        };
        *self.log.next.lock().unwrap() = Some(fault);
        true
    }
}

#[test]
fn a_replicated_store_keeps_the_contract() {
    conformance::check(|| Alone {
        directory: tempfile::tempdir().unwrap(),
        log: Arc::new(FailingCommits { log: TestLog::new(), next: None.into() }),
    });
}
