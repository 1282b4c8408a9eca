//! Dropping messages that are not kept: direct ones that were read, and those of rooms.

use std::collections::{HashMap, HashSet};
use std::sync::TryLockError;
use std::time::{Duration, Instant};

use super::Keep;
use super::backend::Compaction;
use super::core::Core;
use super::floors::Floors;
use crate::error::Error;
use crate::limits::NEWS_BYTES;
use crate::model::MessageId;
use crate::store::index::{RoomMessages, Summary};
use crate::store::log::{Block, BlockWriter, ProfileId, StreamId};
use crate::store::pages::Shelf;

impl Core {
    /// Drops direct messages that were read and messages of rooms, as far as [`floors`](Self::floors) finds them too old or too
    /// many, and profiles that no message has any more. Returns how many bytes of messages are left; `None` if it did nothing or stopped halfway, because somebody else
    /// needs the log as it is or a dump is being restored.
    pub(super) fn compact(
        &self,
        now: Instant,
        keep: Keep,
        keeps: impl FnMut(&Block, Option<Duration>) -> bool,
    ) -> Result<Option<usize>, Error> {
        let _log_is_ours = match self.log_stays.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let epoch = self.index(|index| index.summary().epoch.clone());
        let floors = self.floors(keep, keeps)?;
        let of_rooms = self.room_messages(&floors)?;
        let frozen = self.freeze_whole(|held| {
            if held.index.summary().restoring || held.index.summary().epoch != epoch {
                return None;
            }
            // Rows that do not know of messages that are dropped would need them at the next start.
            held.index.flush_streams();
            held.index.drop_room_messages(of_rooms, |room| floors.of(room));
            let rooms = held.index.rooms_gone();
            let spared = held.takes.cursors(now);
            held.index.drop_read_streams(|stream| spared.contains_key(&stream));
            let cursor = |stream, cursor: MessageId| spared.get(&stream).map_or(cursor, |spared| cursor.min(*spared));
            let streams = held.index.streams();
            let cursors: HashMap<_, _> =
                streams.map(|(stream, _, former, state)| (stream, (cursor(stream, state.cursor), former))).collect();
            cursors.iter().for_each(|(stream, (cursor, _))| held.index.set_gone(*stream, *cursor));
            let last = held.index.tail.last_message();
            Some((cursors, rooms, last, held.index.retire_profiles()))
        })?;
        let Some((cursors, rooms, last, mut unused)) = frozen else { return Ok(None) };
        let mut rewrite = Rewrite::new(epoch);
        self.group.flush()?;
        let mut left = 0;
        self.each_block(last, |block| {
            let kept = block.last > floors.direct;
            let mut thin = BlockWriter::new(block.first, block.time);
            let mut senders: HashSet<ProfileId> = HashSet::new();
            let mut dropped = Vec::new();
            for entry in block.entries() {
                let entry = entry.ok_or_else(|| self.unparsable(block))?;
                senders.insert(entry.sender);
                let stays = match (cursors.get(&entry.stream), rooms.get(&entry.stream)) {
                    (Some(&(cursor, former)), _) => entry.id > cursor || kept && !former,
                    (None, Some(gone)) => entry.id > *gone,
                    (None, None) => false,
                };
                if stays {
                    thin.push(&entry);
                } else {
                    dropped.push((entry.stream, entry.id));
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

    /// The messages of rooms that are dropped.
    fn room_messages(&self, floors: &Floors) -> Result<RoomMessages, Error> {
        let mut found = RoomMessages::default();
        let place = self.index(|index| index.where_to_drop(|room| floors.of(room)));
        let Some((mut after, upto)) = place else { return Ok(found) };
        loop {
            let (blocks, is_all) = self.blocks_after(after, NEWS_BYTES)?;
            let Some(last) = blocks.last().map(|block| block.last).filter(|last| *last > after) else {
                return Ok(found);
            };
            for block in &blocks {
                for entry in block.entries() {
                    let entry = entry.ok_or_else(|| self.unparsable(block))?;
                    if entry.id > after && entry.id <= floors.of(entry.stream) {
                        self.index(|index| found.add(index, &entry));
                    }
                }
            }
            if is_all || last >= upto {
                return Ok(found);
            }
            after = last;
        }
    }

    /// Applies what was collected, unless a dump has taken the place of the log that it was collected from.
    pub(super) fn apply(&self, rewrite: &mut Rewrite) -> Result<(), Error> {
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
pub(super) struct Rewrite {
    /// The epoch of the log that they belong to.
    epoch: String,
    /// A dump was restored since.
    pub(super) is_outdated: bool,
    pub(super) blocks: Vec<Compaction>,
    /// The last message of each stream that these changes drop.
    pub(super) dropped: HashMap<StreamId, MessageId>,
}

impl Rewrite {
    pub(super) fn new(epoch: String) -> Self {
        Self { epoch, is_outdated: false, blocks: Vec::new(), dropped: HashMap::new() }
    }
}

/// Few enough not to hold up a commit that has to wait for them.
pub(super) const CHANGES_AT_ONCE: usize = 64;
