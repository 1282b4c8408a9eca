//! What the owner does: it appends what it commits. Becoming the owner is to append as well: whoever has done so has seen all that
//! came before, and nobody who was the owner earlier can append any more.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::chain::Chain;
use super::envelope::{self, Envelope};
use super::payload::Payload;
use super::{ReplicaError, Replicated};
use crate::error::Error;
use crate::limits::APPEND_RETRY;
use crate::model::MessageId;
use crate::store::durable::record::Record;
use crate::store::{CommitError, LogError, Placed};

impl Replicated {
    /// Appends a payload, and then does what it says. Whatever keeps this server from that, it is no longer the owner.
    pub(super) fn publish(&self, payload: &Payload<'_>) -> Result<(), CommitError> {
        if !self.is_owner() {
            return Err(CommitError::Undone(Error::Busy));
        }
        let mut chain = self.chain();
        let outcome = match self.place(&mut chain, payload) {
            Ok(Placed::Done) => {
                let stored = self.store(&mut chain, std::slice::from_ref(payload));
                stored.map_err(|problem| CommitError::Unknown(ReplicaError::Store(problem).into()))
            }
            // What was tried first may have been this very record.
            Ok(Placed::Taken | Placed::Short { .. }) if self.was_trimmed(chain.next()) => {
                Err(CommitError::Unknown(ReplicaError::Outdated { at: chain.next() }.into()))
            }
            // What an owner that was deposed has placed of it does not count.
            Ok(Placed::Taken | Placed::Short { .. }) => Err(CommitError::Undone(Error::Busy)),
            Err(problem) => Err(CommitError::Unknown(ReplicaError::Log(problem).into())),
        };
        if let Err(problem) = &outcome {
            let reason: &dyn std::error::Error = problem;
            tracing::warn!(reason, "this server is no longer the owner");
            self.step_down();
            // What has found its place is read again with what others append.
            chain.go_back();
        }
        self.reached.store(chain.reached.at, Ordering::Release);
        outcome
    }

    pub(super) fn step_down(&self) {
        self.is_owner.store(false, Ordering::Release);
    }

    /// Becomes the owner: catches up, and appends a record.
    pub(super) fn claim(&self) -> Result<(), ReplicaError> {
        let mut chain = self.chain();
        let nothing = Record { changes: Vec::new(), last_message: MessageId::NONE };
        let claim = Payload::Commit(Cow::Owned(nothing));
        loop {
            while self.log.last()? >= chain.next() {
                let entries = self.log.read(chain.next(), CATCH_UP_WAIT)?;
                if entries.is_empty() {
                    return Err(LogError::new("it does not give out the records that it has").into());
                }
                self.take_in(&mut chain, entries)?;
            }
            match self.place(&mut chain, &claim)? {
                Placed::Done => {
                    self.store(&mut chain, &[claim])?;
                    self.reached.store(chain.reached.at, Ordering::Release);
                    self.is_owner.store(true, Ordering::Release);
                    return Ok(());
                }
                Placed::Taken => {}
                Placed::Short { last } => self.mend(&chain, last)?,
            }
        }
    }

    /// Appends the records of a payload, up to the first that is not [`Placed::Done`].
    fn place(&self, chain: &mut Chain, payload: &Payload<'_>) -> Result<Placed, LogError> {
        let payload = payload.encode();
        let parts = envelope::parts(&payload);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        for (part, body) in (0..).zip(parts) {
            let (writer, before) = (self.writer, chain.reached.hash);
            let (bytes, hash) = envelope::seal(&writer, &before, [part, count], body);
            match self.append(chain.next(), &bytes)? {
                Placed::Done => chain.placed(&Envelope { writer, before, part, parts: count, body, hash }, bytes),
                other => return Ok(other),
            }
        }
        Ok(Placed::Done)
    }

    /// Appends a record, and asks until it is known whether it is there, or patience ends.
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        let began = Instant::now();
        loop {
            match self.log.append(at, record) {
                Ok(placed) => {
                    self.appends.observe_time(began.elapsed(), 1);
                    self.bytes.fetch_add(record.len() as u64, Ordering::Relaxed);
                    return Ok(placed);
                }
                Err(problem) if began.elapsed() >= self.patience => return Err(problem),
                Err(problem) => {
                    let reason: &dyn std::error::Error = &problem;
                    tracing::debug!(reason, at, "it is not known whether a record was appended; asking again");
                    thread::sleep(APPEND_RETRY);
                }
            }
        }
    }

    /// Whether the log has dropped a record that was there, as far as can be told.
    fn was_trimmed(&self, at: u64) -> bool {
        let found = self.log.read(at, Duration::ZERO).ok().and_then(|entries| entries.into_iter().next());
        found.is_some_and(|entry| entry.at > at)
    }

    /// Puts back what the log has lost after the record `last`. If anything else was appended since, this data is not of that log
    /// any more.
    fn mend(&self, chain: &Chain, last: u64) -> Result<(), ReplicaError> {
        self.check_end(chain, last)?;
        tracing::error!(last, reached = chain.reached.at, "the shared log has lost records; they are put back");
        for at in last + 1..=chain.reached.at {
            let Some(record) = self.kept(chain, at)? else { return Err(ReplicaError::Diverged { at }) };
            match self.append(at, &record)? {
                Placed::Done => {}
                Placed::Taken | Placed::Short { .. } => return Err(ReplicaError::Diverged { at }),
            }
        }
        Ok(())
    }

    /// Whether the log ends at a record of which this server has all that follow.
    pub(super) fn check_end(&self, chain: &Chain, last: u64) -> Result<(), ReplicaError> {
        let has_next = self.kept(chain, last + 1)?.is_some();
        if last == 0 {
            return if has_next { Ok(()) } else { Err(ReplicaError::Lost { reached: chain.reached.at }) };
        }
        let theirs = self.log.read(last, Duration::ZERO)?.into_iter().next();
        let theirs = theirs.filter(|entry| entry.at == last).map(|entry| entry.record);
        let fits = has_next && theirs.is_some() && theirs == self.kept(chain, last)?;
        if fits { Ok(()) } else { Err(ReplicaError::Diverged { at: last }) }
    }
}

/// How long to wait for a record that the log is known to have.
const CATCH_UP_WAIT: Duration = Duration::from_secs(1);
