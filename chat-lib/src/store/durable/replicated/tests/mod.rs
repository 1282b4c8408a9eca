//! Servers that share a log which fails on command.

mod servers;
mod stories;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Replication, envelope, payload};
use crate::conformance::{self, Data, Fault, LogFault, TestLog};
use crate::error::Error;
use crate::store::{Durable, KeepRead, Options, Store};

#[test]
fn the_log_for_tests_keeps_the_contract() {
    conformance::check_log(TestLog::new);
}

/// A place for a chat of which one server after the other is the only one.
struct Alone {
    directory: tempfile::TempDir,
    log: Arc<TestLog>,
    /// What becomes of the next record that changes something.
    next: Arc<Mutex<Option<LogFault>>>,
}

impl Alone {
    fn new() -> Self {
        let next = Arc::<Mutex<Option<LogFault>>>::default();
        let fault = Arc::clone(&next);
        let log = TestLog::new().deciding(move |_, record| {
            let payload = payload::decode(envelope::open(record).unwrap().body);
            let changes = payload.is_none_or(|payload| !payload.is_empty());
            if changes { fault.lock().unwrap().take() } else { None }
        });
        Self { directory: tempfile::tempdir().unwrap(), log: Arc::new(log), next }
    }
}

impl Data for Alone {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        let replication = Replication { patience: Duration::ZERO, takes_over: true };
        let options = Options { keep_read: Some(KeepRead::Forever), ..Options::default() };
        let log = Arc::<TestLog>::clone(&self.log);
        Ok(Box::new(Durable::replicated(self.directory.path(), log, replication, options)?.0))
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
        *self.next.lock().unwrap() = Some(fault);
        true
    }
}

#[test]
fn a_replicated_store_keeps_the_contract() {
    conformance::check(Alone::new);
}
