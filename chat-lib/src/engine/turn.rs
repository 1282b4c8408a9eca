//! What commands run in. A turn is as long as one peer is served, or as long as a reactor serves all that one poll
//! brought. It relies on the batch of the store, which undoes everything if its commit fails.

use super::event::{Caller, Event};
use super::{Chat, Inner, Step};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{Batch, CommitError};

/// A batch of the store, and what belongs to its commands.
#[must_use = "what was done in it has to be committed"]
pub(crate) struct Turn<'a> {
    pub(super) batch: Box<dyn Batch + 'a>,
    /// What time it is for all of its commands: reading the clock for each would be a tenth of what a command costs.
    pub(super) now: Timestamp,
    /// What the log will say, once it is committed and true.
    events: Vec<Event>,
    commands: usize,
}

impl Chat {
    /// Begins a turn. Answers to its commands may leave only when it is [committed](Turn::commit). The thread must have no
    /// other turn.
    pub(crate) fn begin(&self) -> Turn<'_> {
        let Inner { config, .. } = &*self.inner;
        Turn { batch: config.store.begin(), now: config.clock.now(), events: Vec::new(), commands: 0 }
    }

    /// Whether a commit may wait for a disk, so that many peers should be served in one turn.
    #[cfg(feature = "server")]
    pub(crate) fn commit_waits(&self) -> bool {
        self.inner.config.store.commit_waits()
    }
}

impl Turn<'_> {
    /// Commits all steps, and then logs what they did.
    pub(crate) fn commit(self) -> Result<(), CommitError> {
        let outcome = self.batch.commit();
        match &outcome {
            Ok(()) => self.events.into_iter().for_each(Event::log),
            Err(problem) if self.commands > 0 => Event::log_failed_commit(problem, self.commands),
            Err(_) => {}
        }
        outcome
    }

    /// Notes how a command has ended. One that waits for a job has not.
    pub(super) fn note(&mut self, caller: &Caller, to: Option<&str>, outcome: &Result<Step, Error>) {
        if let Ok(Step::Job(_)) = outcome {
            return;
        }
        self.commands += 1;
        self.events.extend(Event::new(caller, to, outcome));
    }
}
