//! Dropping messages that were read and are not kept.

use std::collections::{HashMap, HashSet};
use std::sync::TryLockError;
use std::time::Instant;

use super::backend::Compaction;
use super::core::Core;
use crate::error::Error;
use crate::model::MessageId;
use crate::store::index::Summary;
use crate::store::log::{Block, BlockWriter, ProfileId, StreamId};
use crate::store::pages::Shelf;

impl Core {
    /// Drops messages that were read, in blocks that `keeps` does not say to keep, and profiles that no message has any
    /// more. Returns how many bytes of messages are left; `None` if it did nothing or stopped halfway, because somebody else
    /// needs the log as it is or a dump is being restored.
    pub(super) fn compact(&self, now: Instant, mut keeps: impl FnMut(&Block) -> bool) -> Result<Option<usize>, Error> {
        let _log_is_ours = match self.log_stays.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let frozen = self.group.freeze(|held| {
            if held.index.summary().restoring {
                return None;
            }
            let spared = held.takes.cursors(now);
            held.index.drop_read_streams(|stream| spared.contains_key(&stream));
            let cursor = |stream, cursor: MessageId| spared.get(&stream).map_or(cursor, |spared| cursor.min(*spared));
            let streams = held.index.streams();
            let cursors: HashMap<_, _> =
                streams.map(|(stream, _, former, state)| (stream, (cursor(stream, state.cursor), former))).collect();
            cursors.iter().for_each(|(stream, (cursor, _))| held.index.set_gone(*stream, *cursor));
            let (epoch, last) = (held.index.summary().epoch.clone(), held.index.tail.last_message());
            Some((Rewrite::new(epoch), cursors, last, held.index.retire_profiles()))
        })?;
        let Some((mut rewrite, cursors, last, mut unused)) = frozen else { return Ok(None) };
        let mut left = 0;
        self.each_block(last, |block| {
            let kept = keeps(block);
            let mut thin = BlockWriter::new(block.first, block.time);
            let mut senders: HashSet<ProfileId> = HashSet::new();
            let mut dropped = Vec::new();
            for entry in block.entries() {
                let entry = entry.ok_or_else(|| self.damage(&format!("block {} cannot be parsed", block.first)))?;
                senders.insert(entry.sender);
                match cursors.get(&entry.stream) {
                    Some(&(cursor, former)) if entry.id > cursor || kept && !former => thin.push(&entry),
                    _ => dropped.push((entry.stream, entry.id)),
                }
            }
            let thin = Block { last: block.last, ..thin.finish() };
            // The last block stays, if only as a sign of how far the log went.
            if thin.body.is_empty() && block.last < last {
                rewrite.blocks.push(Compaction::Drop(block.first));
                rewrite.dropped.extend(dropped);
                senders.clear();
            } else if thin.body.len() <= block.body.len() / 2 {
                // Rewriting costs as much as writing did; it has to be worth it.
                left += thin.body.len();
                senders = thin.entries().flatten().map(|entry| entry.sender).collect();
                rewrite.blocks.push(Compaction::Thin(thin));
                rewrite.dropped.extend(dropped);
            } else {
                left += block.body.len();
            }
            unused.retain(|id| !senders.contains(id));
            if rewrite.blocks.len() >= CHANGES_AT_ONCE { self.apply(&mut rewrite) } else { Ok(()) }
        })?;
        self.apply(&mut rewrite)?;
        if rewrite.is_outdated {
            return Ok(None);
        }
        self.group.freeze(|held| {
            held.index.drop_profiles(&unused);
            held.index.write_summary();
        })?;
        Ok(Some(left))
    }

    /// Applies what was collected, unless a dump has taken the place of the log that it was collected from.
    fn apply(&self, rewrite: &mut Rewrite) -> Result<(), Error> {
        let dropped = std::mem::take(&mut rewrite.dropped).into_iter();
        let marks: Vec<_> = dropped.map(|(stream, message)| Compaction::DropMarks(stream, message)).collect();
        // Marks go first: a page cannot begin at a message that is gone.
        for changes in marks.chunks(CHANGES_AT_ONCE).chain([&*std::mem::take(&mut rewrite.blocks)]) {
            self.group.beside(|disk| {
                let is_other = |Summary { restoring, epoch, .. }: &Summary| *restoring || *epoch != rewrite.epoch;
                rewrite.is_outdated |= self.index(|index| is_other(index.summary()));
                if rewrite.is_outdated { Ok(()) } else { disk.backend.compact(changes) }
            })?;
        }
        Ok(())
    }
}

/// Changes to the log that are not applied yet.
struct Rewrite {
    /// The epoch of the log that they belong to.
    epoch: String,
    /// A dump was restored since.
    is_outdated: bool,
    blocks: Vec<Compaction>,
    /// The last message of each stream that these changes drop.
    dropped: HashMap<StreamId, MessageId>,
}

impl Rewrite {
    fn new(epoch: String) -> Self {
        Self { epoch, is_outdated: false, blocks: Vec::new(), dropped: HashMap::new() }
    }
}

/// Few enough not to hold up a commit that has to wait for them.
const CHANGES_AT_ONCE: usize = 64;
