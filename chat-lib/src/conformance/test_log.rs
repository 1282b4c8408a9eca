//! A [`ReplicatedLog`] in memory that fails on command.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{LogEntry, LogError, Placed, ReplicatedLog};

/// A handle to a log in memory, such as a server has. [`another`](Self::another) gives one for another server.
#[derive(Default)]
pub struct TestLog {
    shared: Arc<Shared>,
    is_cut: AtomicBool,
    faults: Mutex<VecDeque<LogFault>>,
    decide: Option<Box<Decide>>,
}

/// Decides what becomes of an append, by its place and record.
type Decide = dyn Fn(u64, &[u8]) -> Option<LogFault> + Send + Sync;

/// What becomes of an append.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LogFault {
    /// It works, and the answer does not come.
    AnswerLost,
    /// Nothing comes of it, and no answer.
    RequestLost,
    /// No answer comes. It is done when [`TestLog::deliver_late`] says so, unless its place is taken by then.
    Late,
    /// The answer is that the place is taken, whatever is there.
    Taken,
}

#[derive(Default)]
struct Shared {
    content: Mutex<Content>,
    came: Condvar,
}

#[derive(Default)]
struct Content {
    entries: VecDeque<LogEntry>,
    last: u64,
    late: Vec<LogEntry>,
}

impl TestLog {
    /// A log with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another handle to the same log, with no faults of its own.
    pub fn another(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ..Self::default() }
    }

    /// This handle, with appends that fail as `decide` says of each. It is asked before anything is done.
    #[must_use]
    pub fn deciding(self, decide: impl Fn(u64, &[u8]) -> Option<LogFault> + Send + Sync + 'static) -> Self {
        Self { decide: Some(Box::new(decide)), ..self }
    }

    /// Has the next appends through this handle fail, one for each of `faults`.
    pub fn fail(&self, faults: impl IntoIterator<Item = LogFault>) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Cuts this handle off, or connects it again.
    pub fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// Does the appends that are late, the last one first.
    pub fn deliver_late(&self) {
        let mut content = self.content();
        while let Some(LogEntry { at, record }) = content.late.pop() {
            content.append(at, &record);
        }
        self.shared.came.notify_all();
    }

    /// Loses the last `count` records.
    pub fn lose(&self, count: usize) {
        let mut content = self.content();
        let left = content.entries.len().saturating_sub(count);
        content.last -= (content.entries.len() - left) as u64;
        content.entries.truncate(left);
    }

    /// Changes the record at a place.
    pub fn damage(&self, at: u64, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(entry) = self.content().entries.iter_mut().find(|entry| entry.at == at) {
            change(&mut entry.record);
        }
    }

    /// Removes the record at a place, and moves those behind it up.
    pub fn drop_record(&self, at: u64) {
        let mut content = self.content();
        content.entries.retain(|entry| entry.at != at);
        content.entries.iter_mut().filter(|entry| entry.at > at).for_each(|entry| entry.at -= 1);
        content.last -= 1;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.shared.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), LogError> {
        if self.is_cut.load(Ordering::Relaxed) { Err(LogError::new("it is cut off")) } else { Ok(()) }
    }
}

impl fmt::Debug for TestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestLog").field("is_cut", &self.is_cut).field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Content {
    fn append(&mut self, at: u64, record: &[u8]) -> Placed {
        if at > self.last + 1 {
            return Placed::Short { last: self.last };
        }
        if at <= self.last {
            let is_same = self.entries.iter().any(|entry| entry.at == at && entry.record == record);
            return if is_same { Placed::Done } else { Placed::Taken };
        }
        self.last = at;
        self.entries.push_back(LogEntry { at, record: record.to_vec() });
        Placed::Done
    }
}

impl ReplicatedLog for TestLog {
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        self.check()?;
        let decided = self.decide.as_ref().and_then(|decide| decide(at, record));
        let fault = decided.or_else(|| self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front());
        let mut content = self.content();
        match fault {
            Some(LogFault::Taken) => return Ok(Placed::Taken),
            Some(LogFault::RequestLost) => return Err(LogError::new("the request was lost")),
            Some(LogFault::Late) => {
                content.late.push(LogEntry { at, record: record.to_vec() });
                return Err(LogError::new("the request is late"));
            }
            Some(LogFault::AnswerLost) | None => {}
        }
        let placed = content.append(at, record);
        self.shared.came.notify_all();
        if fault.is_some() { Err(LogError::new("the answer was lost")) } else { Ok(placed) }
    }

    fn read(&self, from: u64, wait: Duration) -> Result<Vec<LogEntry>, LogError> {
        self.check()?;
        let until = Instant::now() + wait;
        let mut content = self.content();
        loop {
            let found: Vec<_> = content.entries.iter().filter(|entry| entry.at >= from).take(16).cloned().collect();
            let left = until.saturating_duration_since(Instant::now());
            if !found.is_empty() || left.is_zero() {
                return Ok(found);
            }
            content = self.shared.came.wait_timeout(content, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn last(&self) -> Result<u64, LogError> {
        self.check()?;
        Ok(self.content().last)
    }

    fn trim(&self, before: u64) -> Result<(), LogError> {
        self.check()?;
        let mut content = self.content();
        let last = content.last;
        content.entries.retain(|entry| entry.at >= before.min(last));
        Ok(())
    }
}
