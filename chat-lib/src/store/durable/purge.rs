//! Texts of deleted messages leave the disk.

use std::sync::TryLockError;
use std::sync::atomic::Ordering;

use super::backend::Compaction;
use super::compaction::{CHANGES_AT_ONCE, Rewrite};
use super::core::Core;
use crate::error::Error;

impl Core {
    /// Whether there are texts of deleted messages to be removed.
    pub(super) fn needs_purge(&self) -> bool {
        !self.state().index.deleted_in_log().is_empty()
    }

    /// Removes the texts of deleted messages from the log and from all files. Does nothing if somebody else needs the log as
    /// it is, or a dump is being restored.
    pub(super) fn purge(&self) -> Result<(), Error> {
        let _log_is_ours = match self.log_stays.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let (epoch, messages, restoring) = self.group.freeze(|held| {
            let summary = held.index.summary();
            (summary.epoch.clone(), held.index.deleted_in_log(), summary.restoring)
        })?;
        if messages.is_empty() || restoring {
            return Ok(());
        }
        let mut rewrite = Rewrite::new(epoch);
        let mut waiting = messages.iter().copied().peekable();
        while let Some(message) = waiting.next() {
            let Some(block) = self.backend().block(message)? else { continue };
            // Those behind it in the same block go with it.
            while waiting.next_if(|next| *next <= block.last).is_some() {}
            let shorter = block.without(|id| messages.binary_search(&id).is_ok());
            rewrite.blocks.extend(shorter.map(Compaction::Thin));
            if rewrite.blocks.len() >= CHANGES_AT_ONCE {
                self.apply(&mut rewrite)?;
            }
        }
        self.apply(&mut rewrite)?;
        if rewrite.is_outdated {
            return Ok(());
        }
        // Not before the files are free of them: if this is cut, it is done again.
        let untidied = self.disk().untidied.swap(0, Ordering::Relaxed);
        if let Err(problem) = self.group.settle(|disk| disk.backend.erase()) {
            self.disk().untidied.fetch_add(untidied, Ordering::Relaxed);
            return Err(problem);
        }
        self.group.freeze(|held| held.index.purged(&messages))?;
        self.group.flush().map_err(Error::from)
    }
}
