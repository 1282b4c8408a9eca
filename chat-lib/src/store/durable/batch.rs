//! A batch of the durable engine: its steps change the index in memory, and its commit writes what they have changed.

use std::time::Instant;

use super::commit::Open;
use super::core::Core;
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
}

/// Begins a batch.
pub(super) fn begin<'a>(core: &'a Core, upkeep: Option<&'a Upkeep>) -> Steps<DurableBatch<'a>> {
    Steps(DurableBatch { core, upkeep, open: core.group.begin() })
}

impl IndexBatch for DurableBatch<'_> {
    fn index<T>(&mut self, step: impl FnOnce(&mut Index) -> T) -> T {
        step(&mut self.core.state().index)
    }

    fn append<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error> {
        self.index(step)
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> bool {
        let taken = {
            let mut held = self.core.state();
            let taken = held.index.take(user, moves);
            if taken {
                held.takes.add(moves, Instant::now());
            }
            taken
        };
        if taken {
            self.dropped(moves.iter().map(|step| step.bytes).sum());
        }
        taken
    }

    fn dropped(&mut self, bytes: usize) {
        self.upkeep.iter().for_each(|upkeep| upkeep.read(bytes));
    }

    fn commit(self) -> Result<(), CommitError> {
        let Self { core, upkeep, open } = self;
        core.group.commit(open)?;
        upkeep.iter().for_each(|upkeep| upkeep.committed());
        Ok(())
    }
}
