//! Which parts of the index are written, and when: changes at once, the ends of streams only now and then; and a summary
//! of all rows.

use super::{Change, Index, Summary};
use crate::clock::Timestamp;
use crate::limits::{INDEX_FLUSH_BYTES, INDEX_FLUSH_STREAMS};
use crate::model::MessageId;

impl Index {
    /// The epoch, and what else concerns all of it.
    pub(in crate::store) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Changes what concerns all of it, and has that written.
    pub(in crate::store) fn set_summary(&mut self, set: impl FnOnce(&mut Summary)) {
        let before = self.summary.clone();
        set(&mut self.summary);
        if self.summary != before {
            self.write_summary();
        }
    }

    /// Changes the time that messages age by, which is written with the next summary.
    pub(in crate::store) fn set_retention_time(&mut self, time: Timestamp) {
        self.summary.retention_time = time;
    }

    /// Has the summary written as it is now.
    pub(in crate::store) fn write_summary(&mut self) {
        self.written_summary = self.sum_up();
        self.journal.push(|| Change::Summary(self.written_summary.clone()));
    }

    fn sum_up(&self) -> Summary {
        Summary {
            last_message: self.tail.last_message(),
            accounts: self.account_count(),
            streams: self.stream_count(),
            profiles: self.profile_count(),
            sessions: self.sessions.len() as u64,
            invitations: self.invitations.len() as u64,
            rooms: self.rooms.len() as u64,
            members: self.memberships,
            blocks: self.blocks,
            deleted: self.deletions.in_log.len() as u64,
            deletions: self.deletions.last,
            key_rows: self.key_rows.len() as u64,
            ..self.summary.clone()
        }
    }

    /// Takes out all changes since the last time, with a summary if it has changed or is `wanted` in any case. Gives also
    /// the last message that they contain.
    pub(in crate::store) fn take_changes(&mut self, summary_wanted: bool) -> (Vec<Change>, MessageId) {
        self.close_block();
        if self.unindexed_bytes >= INDEX_FLUSH_BYTES || self.journal.lagging.len() >= INDEX_FLUSH_STREAMS {
            self.flush_streams();
        }
        // Those of a dump are not in the log.
        if self.summary.restoring {
            self.flush_keys();
        }
        self.deletions.taken = self.deletions.last;
        self.note_committing();
        let summary = self.sum_up();
        let Summary { last_message, retention_time, .. } = self.written_summary;
        // These two may lag behind.
        let known = Summary { last_message, retention_time, ..summary.clone() } == self.written_summary;
        if summary_wanted || !known {
            self.write_summary();
        }
        (self.journal.take(), self.tail.last_message())
    }

    /// Ends the block that messages go into.
    pub(in crate::store) fn close_block(&mut self) {
        if let Some(block) = self.tail.close() {
            self.unindexed_bytes += block.body.len();
            self.journal.push(|| Change::Block(block));
        }
    }

    /// Has the rows of all streams, rooms and members written that do not know of their last messages, and the keys of
    /// messages, so that a start needs not read the log.
    pub(in crate::store) fn flush_streams(&mut self) {
        self.close_block();
        for id in std::mem::take(&mut self.journal.lagging) {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.lagging = false;
                let row = stream.row();
                self.journal.push(|| Change::Stream(row));
            } else if let Some(room) = self.rooms.get_mut(&id) {
                room.lagging = false;
                let row = room.row(id);
                self.journal.push(|| Change::Room(row));
            }
        }
        for (id, user) in std::mem::take(&mut self.journal.lagging_members) {
            let member = self.rooms.get_mut(&id).and_then(|room| room.people.get_mut(&user));
            if let Some(member) = member.filter(|member| member.lagging) {
                member.lagging = false;
                let row = member.row(id);
                self.journal.push(|| Change::Member(row));
            }
        }
        self.flush_keys();
        self.summary.indexed = self.tail.last();
        self.unindexed_bytes = 0;
    }

    /// Takes note that all messages up to this one are committed.
    pub(in crate::store) fn written(&mut self, last: MessageId) {
        self.committed = last;
        self.note_committed();
        self.deletions.committed = self.deletions.taken;
        self.tail.shrink(last);
    }
}
