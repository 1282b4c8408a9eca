//! A batch of the engine in memory. Its steps take effect at once, because its commit cannot fail; only messages become
//! visible with the commit.

use super::{Memory, State};
use crate::error::Error;
use crate::store::index::Index;
use crate::store::steps::IndexBatch;
use crate::store::{CommitError, CursorMove};

/// A batch that is open. Dropping it commits it.
pub(super) struct MemoryBatch<'a> {
    pub(super) memory: &'a Memory,
    pub(super) appended: bool,
}

impl IndexBatch for MemoryBatch<'_> {
    fn index<T>(&mut self, step: impl FnOnce(&mut Index) -> T) -> Result<T, Error> {
        Ok(step(&mut self.memory.state().index))
    }

    fn append<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error> {
        self.appended = true;
        self.memory.state().append(step)
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.index(|index| index.take(user, moves))
    }

    /// The next message that is appended looks for itself.
    fn dropped(&mut self, _bytes: usize) {}

    fn commit(self) -> Result<(), CommitError> {
        Ok(())
    }
}

impl Drop for MemoryBatch<'_> {
    fn drop(&mut self) {
        if self.appended {
            let State { index, .. } = &mut *self.memory.state();
            index.committed = index.tail.last_message();
        }
    }
}
