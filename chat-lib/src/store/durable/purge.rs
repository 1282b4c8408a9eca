//! Texts of deleted messages leave the disk, and when a user is erased, all messages that nobody can reach.

use std::collections::HashMap;
use std::sync::TryLockError;
use std::sync::atomic::Ordering;

use super::backend::Compaction;
use super::compaction::{CHANGES_AT_ONCE, Rewrite};
use super::core::Core;
use crate::error::Error;
use crate::model::MessageId;
use crate::store::log::StreamId;

impl Core {
    /// Whether there are texts to be removed.
    pub(super) fn needs_purge(&self) -> bool {
        let held = self.state();
        held.index.erased() > 0 || !held.index.deleted_in_log().is_empty()
    }

    /// Removes the texts of deleted messages from the log and from all files, and if a user was erased, all messages that nobody
    /// can reach. Does nothing if somebody else needs the log as it is, or a dump is being restored.
    pub(super) fn purge(&self) -> Result<(), Error> {
        let _log_is_ours = match self.log_stays.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let frozen = self.freeze_whole(|held| {
            let index = &mut held.index;
            let (messages, erased) = (index.deleted_in_log(), index.erased());
            if index.summary().restoring || messages.is_empty() && erased == 0 {
                return None;
            }
            if erased > 0 {
                // Rows that do not know of messages that are dropped would need them at the next start.
                index.flush_streams();
            }
            let reachable = (erased > 0).then(|| (index.reachable(), index.tail.last_message()));
            Some((Rewrite::new(index.summary().epoch.clone()), messages, erased, reachable))
        })?;
        let Some((mut rewrite, messages, erased, reachable)) = frozen else { return Ok(()) };
        if let Some((reachable, last)) = reachable {
            self.group.flush()?;
            self.drop_unreachable(&mut rewrite, &reachable, last)?;
        }
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
        self.group.freeze(|held| held.index.purged(&messages, erased))?;
        self.group.flush().map_err(Error::from)
    }

    /// Drops the messages up to `last` of streams that are not in `reachable`, and of those that are, up to the message there.
    fn drop_unreachable(
        &self,
        rewrite: &mut Rewrite,
        reachable: &HashMap<StreamId, MessageId>,
        last: MessageId,
    ) -> Result<(), Error> {
        self.each_block(last, |block| {
            let mut dropped = Vec::new();
            let thin = block.rewritten(|entry| {
                let stays = reachable.get(&entry.stream).is_some_and(|gone| entry.id > *gone);
                if !stays {
                    dropped.push((entry.stream, entry.id));
                }
                stays.then_some(entry)
            });
            let thin = thin.ok_or_else(|| self.unparsable(block))?;
            if !dropped.is_empty() {
                rewrite.dropped.extend(dropped);
                // The last block stays, if only as a sign of how far the log went.
                let is_dropped = thin.body.is_empty() && thin.last < last;
                rewrite.blocks.push(if is_dropped { Compaction::Drop(thin.first) } else { Compaction::Thin(thin) });
            }
            if rewrite.blocks.len() >= CHANGES_AT_ONCE { self.apply(rewrite) } else { Ok(()) }
        })?;
        self.apply(rewrite)
    }
}
