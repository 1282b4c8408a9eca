//! A batch of the durable engine: its steps change the index in memory, and its commit writes what they have changed.

use std::time::Instant;

use super::commit::Open;
use super::core::{Core, Held};
use super::upkeep::Upkeep;
use crate::error::Error;
use crate::store::index::Index;
use crate::store::steps::{IndexBatch, Steps};
use crate::store::{CommitError, CursorMove};

/// A batch that is open.
pub(super) struct DurableBatch<'a> {
    core: &'a Core,
    upkeep: Option<&'a Upkeep>,
    open: Open<'a>,
    /// A step was done.
    begun: bool,
}

/// Begins a batch.
pub(super) fn begin<'a>(core: &'a Core, upkeep: Option<&'a Upkeep>) -> Steps<DurableBatch<'a>> {
    Steps(DurableBatch { core, upkeep, open: core.group.begin(), begun: false })
}

impl DurableBatch<'_> {
    /// Whether it can do steps: nothing that another server has to commit is done here.
    pub(super) fn is_admitted(&self) -> bool {
        self.open.is_admitted
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut Held) -> T) -> Result<T, Error> {
        if !self.is_admitted() {
            return Err(Error::Busy);
        }
        let outcome = {
            let mut held = self.core.state();
            if let Some(fault) = held.index.fault() {
                return Err(fault);
            }
            self.begun = true;
            let outcome = step(&mut held);
            held.index.fault().map_or(Ok(outcome), Err)
        };
        if outcome.is_err() {
            self.core.group.fail();
        }
        outcome
    }
}

impl IndexBatch for DurableBatch<'_> {
    fn index<T>(&mut self, step: impl FnOnce(&mut Index) -> T) -> Result<T, Error> {
        self.step(|held| step(&mut held.index))
    }

    fn append<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error> {
        self.index(step)?
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        let taken = self.step(|held| {
            let taken = held.index.take(user, moves);
            if taken {
                held.takes.add(moves, Instant::now());
            }
            taken
        })?;
        if taken {
            self.dropped(moves.iter().map(|step| step.bytes).sum());
        }
        Ok(taken)
    }

    fn dropped(&mut self, bytes: usize) {
        self.upkeep.iter().for_each(|upkeep| upkeep.read(bytes));
    }

    fn commit(self) -> Result<(), CommitError> {
        let Self { core, upkeep, open, begun } = self;
        if !begun {
            return Ok(());
        }
        core.group.commit(open)?;
        upkeep.iter().for_each(|upkeep| upkeep.committed());
        Ok(())
    }
}
