//! How far a server is in the shared log, and what it takes to take in the records that follow: each has to follow the one before
//! it, and a payload counts once all its parts are there, one right after the other.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::envelope::{self, Envelope};
use super::payload::{self, Payload};
use super::{Place, ReplicaError, Replicated, WriterId};
use crate::error::Error;
use crate::limits::{KEPT_RECORD_BYTES, UNSTORED_RECORDS};
use crate::store::LogEntry;
use crate::store::durable::backend::Backend;
use crate::store::durable::sqlite::Step;

/// How far a server is in the log.
pub(super) struct Chain {
    /// The last record that was taken in.
    pub(super) reached: Place,
    /// The last one at which no payload was unfinished.
    whole: Place,
    /// The last one that the database knows of.
    stored: Place,
    /// The records that it does not know of.
    unstored: Vec<LogEntry>,
    /// The first parts of a payload.
    partial: Option<Partial>,
    /// The places of the records that the database keeps, and how long they are.
    kept: VecDeque<(u64, usize)>,
    kept_bytes: usize,
}

struct Partial {
    writer: WriterId,
    parts: u32,
    next: u32,
    payload: Vec<u8>,
}

impl Chain {
    pub(super) fn new(stored: Place, kept: Vec<(u64, usize)>) -> Self {
        let kept_bytes = kept.iter().map(|(_, length)| length).sum();
        let (reached, whole) = (stored, stored);
        Self { reached, whole, stored, unstored: Vec::new(), partial: None, kept: kept.into(), kept_bytes }
    }

    /// Where the next record goes.
    pub(super) fn next(&self) -> u64 {
        self.reached.at + 1
    }

    /// Goes back to what the database knows of; the rest is to be read again.
    pub(super) fn go_back(&mut self) {
        (self.reached, self.whole) = (self.stored, self.stored);
        (self.unstored, self.partial) = (Vec::new(), None);
    }

    /// Looks at the next record. Gives its payload and who wrote it once all parts of that are there.
    fn take(&mut self, entry: LogEntry) -> Result<Option<(WriterId, Vec<u8>)>, ReplicaError> {
        let at = entry.at;
        if at != self.next() {
            return Err(ReplicaError::Outdated { at: self.next() });
        }
        let record = envelope::open(&entry.record).ok_or(ReplicaError::Damaged { at })?;
        if record.before != self.reached.hash {
            return Err(ReplicaError::Diverged { at });
        }
        let (writer, payload) = (record.writer, self.advance(&record).map(Cow::into_owned));
        self.unstored.push(entry);
        Ok(payload.map(|payload| (writer, payload)))
    }

    /// Takes note of a record of one's own that has found its place.
    pub(super) fn placed(&mut self, record: &Envelope<'_>, bytes: Vec<u8>) {
        // Whoever has appended it knows what it says.
        self.advance(record);
        self.unstored.push(LogEntry { at: self.reached.at, record: bytes });
    }

    fn advance<'a>(&mut self, record: &Envelope<'a>) -> Option<Cow<'a, [u8]>> {
        let goes_on = self.partial.take().filter(|partial| {
            (partial.writer, partial.parts, partial.next) == (record.writer, record.parts, record.part)
        });
        // Parts whose rest is missing were left by a server that is no longer the owner. They count for nothing.
        let begins = || Partial { writer: record.writer, parts: record.parts, next: 0, payload: Vec::new() };
        let partial = goes_on.or_else(|| (record.part == 0).then(begins));
        self.reached = Place { at: self.next(), hash: record.hash };
        let Some(mut partial) = partial else {
            self.whole = self.reached;
            return None;
        };
        if partial.parts == 1 {
            self.whole = self.reached;
            return Some(Cow::Borrowed(record.body));
        }
        partial.next += 1;
        partial.payload.extend_from_slice(record.body);
        if partial.next < partial.parts {
            self.partial = Some(partial);
            return None;
        }
        self.whole = self.reached;
        Some(Cow::Owned(partial.payload))
    }

    /// Takes note that the database knows of all up to `whole`, and has dropped the records before `forget`.
    fn written(&mut self, forget: Option<u64>) {
        self.stored = self.whole;
        let known = self.unstored.partition_point(|entry| entry.at <= self.whole.at);
        for entry in self.unstored.drain(..known) {
            self.kept.push_back((entry.at, entry.record.len()));
            self.kept_bytes += entry.record.len();
        }
        while let Some((_, length)) = self.kept.pop_front_if(|(at, _)| forget.is_some_and(|forget| *at < forget)) {
            self.kept_bytes -= length;
        }
    }

    /// Before which place records are to be dropped, so that those that are left are not too many.
    fn forget(&self, erases: bool) -> Option<u64> {
        if erases {
            return Some(self.whole.at + 1);
        }
        let mut bytes = self.kept_bytes;
        let is_too_much = |(_, length): &&(u64, usize)| {
            let was_too_much = bytes > KEPT_RECORD_BYTES;
            bytes -= length;
            was_too_much
        };
        self.kept.iter().take_while(is_too_much).last().map(|(at, _)| at + 1)
    }
}

impl Replicated {
    /// Takes in records that follow, all of them or none.
    pub(super) fn take_in(&self, chain: &mut Chain, entries: Vec<LogEntry>) -> Result<(), ReplicaError> {
        let outcome = self.try_to_take_in(chain, entries);
        if outcome.is_err() {
            chain.go_back();
        }
        self.reached.store(chain.reached.at, Ordering::Release);
        outcome
    }

    fn try_to_take_in(&self, chain: &mut Chain, entries: Vec<LogEntry>) -> Result<(), ReplicaError> {
        let mut payloads = Vec::new();
        for entry in entries {
            let at = entry.at;
            self.bytes.fetch_add(entry.record.len() as u64, Ordering::Relaxed);
            if let Some((writer, payload)) = chain.take(entry)? {
                let payload = payload::decode(&payload).ok_or(ReplicaError::Unknown { at })?;
                if writer != self.writer && !payload.is_empty() {
                    self.has_others.store(true, Ordering::Relaxed);
                }
                let erases = matches!(payload, Payload::Erase);
                payloads.push(payload);
                if erases {
                    // What comes after it is to be kept.
                    self.store(chain, &payloads)?;
                    payloads.clear();
                }
            }
        }
        Ok(self.store(chain, &payloads)?)
    }

    /// Writes to the database what payloads say, which are all that has come since the last time, unless that can wait.
    pub(super) fn store(&self, chain: &mut Chain, payloads: &[Payload<'_>]) -> Result<(), Error> {
        if payloads.iter().all(Payload::is_empty) && chain.unstored.len() < UNSTORED_RECORDS {
            return Ok(());
        }
        let erases = payloads.iter().any(|payload| matches!(payload, Payload::Erase));
        let forget = chain.forget(erases);
        let (whole, known) = (chain.whole, chain.unstored.iter().take_while(|entry| entry.at <= chain.whole.at));
        let steps: Vec<Step<'_>> = payloads
            .iter()
            .flat_map(Payload::steps)
            .chain(known.filter(|_| !erases).map(Step::Keep))
            .chain(forget.map(Step::Forget))
            .chain([Step::Reach(&whole)])
            .collect();
        self.sqlite.step(&steps)?;
        drop(steps);
        chain.written(forget);
        if erases {
            // If it is cut here, the next one does it.
            self.sqlite.erase()?;
        }
        Ok(())
    }

    /// The record at a place, if this server still has it.
    pub(super) fn kept(&self, chain: &Chain, at: u64) -> Result<Option<Vec<u8>>, Error> {
        match chain.unstored.iter().find(|entry| entry.at == at) {
            Some(entry) => Ok(Some(entry.record.clone())),
            None => self.sqlite.kept(at),
        }
    }
}
