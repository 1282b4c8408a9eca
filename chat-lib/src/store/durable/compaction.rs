//! Dropping messages that were read and are not kept.

use std::collections::{HashMap, HashSet};
use std::sync::TryLockError;
use std::time::Instant;

use super::backend::Compaction;
use super::core::Core;
use crate::error::Error;
use crate::model::MessageId;
use crate::store::log::{Block, BlockWriter, ProfileId, StreamId};
use crate::store::pages::Shelf;

impl Core {
    /// Drops messages that were read, in blocks that `keeps` does not say to keep, and profiles that no message has any
    /// more. Returns how many bytes of messages are left; `None`, and nothing done, while somebody else needs the log as it
    /// is, or a dump is being restored.
    pub(super) fn compact(&self, now: Instant, mut keeps: impl FnMut(&Block) -> bool) -> Result<Option<usize>, Error> {
        let _log_is_ours = match self.log_stays.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let frozen = self.group.freeze(|held| {
            let spared = held.takes.cursors(now);
            held.index.drop_read_streams(|stream| spared.contains_key(&stream));
            let cursor = |stream, cursor: MessageId| spared.get(&stream).map_or(cursor, |spared| cursor.min(*spared));
            let streams = held.index.streams();
            let cursors: HashMap<_, _> =
                streams.map(|(stream, _, former, state)| (stream, (cursor(stream, state.cursor), former))).collect();
            let last = held.index.tail.last_message();
            (!held.index.summary().restoring).then(|| (cursors, last, held.index.retire_profiles()))
        })?;
        let Some((cursors, last, mut unused)) = frozen else { return Ok(None) };
        let mut left = 0;
        let mut changes = Vec::new();
        let mut dropped: HashMap<StreamId, MessageId> = HashMap::new();
        self.each_block(last, |block| {
            let kept = keeps(block);
            let mut thin = BlockWriter::new(block.first, block.time);
            let mut senders: HashSet<ProfileId> = HashSet::new();
            let mut gone = Vec::new();
            for entry in block.entries() {
                let entry = entry.ok_or_else(|| self.damage(&format!("block {} cannot be parsed", block.first)))?;
                senders.insert(entry.sender);
                match cursors.get(&entry.stream) {
                    Some(&(cursor, former)) if entry.id > cursor || kept && !former => thin.push(&entry),
                    _ => gone.push((entry.stream, entry.id)),
                }
            }
            let thin = Block { last: block.last, ..thin.finish() };
            // The last block stays, if only as a sign of how far the log went.
            if thin.body.is_empty() && block.last < last {
                changes.push(Compaction::Drop(block.first));
                senders.clear();
            } else if thin.body.len() <= block.body.len() / 2 {
                // Rewriting costs as much as writing did; it has to be worth it.
                left += thin.body.len();
                senders = thin.entries().flatten().map(|entry| entry.sender).collect();
                changes.push(Compaction::Thin(thin));
            } else {
                left += block.body.len();
                gone.clear();
            }
            dropped.extend(gone);
            unused.retain(|id| !senders.contains(id));
            if changes.len() >= BLOCKS_AT_ONCE {
                self.apply(&mut changes)?;
            }
            Ok(())
        })?;
        changes.extend(dropped.into_iter().map(|(stream, message)| Compaction::DropMarks(stream, message)));
        while !changes.is_empty() {
            let rest = changes.split_off(BLOCKS_AT_ONCE.min(changes.len()));
            self.apply(&mut changes)?;
            changes = rest;
        }
        self.group.freeze(|held| {
            held.index.drop_profiles(&unused);
            held.index.write_summary();
        })?;
        Ok(Some(left))
    }

    fn apply(&self, changes: &mut Vec<Compaction>) -> Result<(), Error> {
        self.group.beside(|disk| disk.backend.compact(&std::mem::take(changes)))
    }
}

/// Few enough not to hold up a commit that has to wait for them.
const BLOCKS_AT_ONCE: usize = 64;
