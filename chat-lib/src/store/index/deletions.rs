//! Messages that are deleted, and cursor moves that were made out before.
//!
//! A cursor move says how many unread messages it passes. One of these may be deleted before the move is done, and then it
//! is not unread any more. So deletions are numbered, a move carries the number of the last one that it knows of, and
//! whoever does it takes out what was deleted since.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Change, Index};
use crate::model::{MessageId, UserName};
use crate::store::log::StreamId;
use crate::store::{CursorMove, FoundMessage};

/// What is known of deleted messages.
#[derive(Default)]
pub(super) struct Deletions {
    /// Messages whose texts are still in the log.
    pub(super) in_log: BTreeSet<MessageId>,
    /// The number of the last one.
    pub(super) last: u32,
    /// The last one in the changes that were taken out to be written, and the last one that is committed.
    pub(super) taken: u32,
    pub(super) committed: u32,
    /// The last ones, in order.
    recent: VecDeque<Deletion>,
    /// How many users were erased since texts that nobody can reach have left the log.
    erased: u32,
}

struct Deletion {
    number: u32,
    stream: StreamId,
    message: MessageId,
    bytes: usize,
    sender: Option<UserName>,
}

impl Deletions {
    /// As they were written. Which ones were the last is not known then.
    pub(super) fn load(in_log: Vec<MessageId>, last: u32) -> Self {
        let in_log: BTreeSet<_> = in_log.into_iter().collect();
        // These may be of an erased user, whose other texts would stay if the process was killed.
        let erased = u32::from(!in_log.is_empty());
        Self { in_log, last, taken: last, committed: last, recent: VecDeque::new(), erased }
    }

    /// What was deleted after the number `since`; `None` if that is not known any more.
    fn since(&self, since: u32) -> Option<impl Iterator<Item = &Deletion>> {
        let first = self.last.checked_sub(u32::try_from(self.recent.len()).ok()?)?;
        let place = usize::try_from(since.checked_sub(first)?).ok()?;
        (place <= self.recent.len()).then(|| self.recent.range(place..))
    }

    fn push(&mut self, deletion: Deletion) {
        self.recent.push_back(deletion);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Goes on after a commit was undone, without the deletions in it.
    pub(super) fn continue_from(&mut self, before: &mut Self) {
        self.last = before.last;
        self.committed = before.committed;
        self.erased = before.erased;
        self.recent = std::mem::take(&mut before.recent);
        // Those without a message take the places of those that were undone.
        let was_done =
            |deletion: &Deletion| deletion.number <= self.committed || self.in_log.contains(&deletion.message);
        self.recent
            .iter_mut()
            .filter(|deletion| !was_done(deletion))
            .for_each(|deletion| deletion.message = MessageId::NONE);
        (self.taken, self.committed) = (self.last, self.last);
    }

    /// Goes on with the number `last`, and knows of none before it.
    pub(super) fn outdate(&mut self, last: u32) {
        (self.last, self.taken, self.committed) = (last, last, last);
        self.recent.clear();
    }
}

/// How many deletions are remembered for moves that were made out before. A move that is older, or from before the store was
/// opened, is made out again.
const RECENT: usize = 4096;

/// The number of a stream as moves and found messages have it, together with that of the last deletion.
pub(in crate::store) fn conversation(stream: StreamId, deletions: u32) -> u64 {
    u64::from(deletions) << 32 | u64::from(stream.0)
}

/// The stream of a move or a found message.
pub(in crate::store) fn stream_of(conversation: u64) -> StreamId {
    StreamId(conversation as u32)
}

/// The last deletion that a move or a found message knows of.
pub(super) fn deletions_of(conversation: u64) -> u32 {
    (conversation >> 32) as u32
}

impl Index {
    /// The number of the last deletion. Messages that are read and then counted in a move must be read again if it has changed
    /// meanwhile.
    pub(in crate::store) fn last_deletion(&self) -> u32 {
        self.deletions.last
    }

    /// The messages and bytes of a move that are still to be counted. `None` if that is not known any more.
    pub(super) fn passed(&self, user: &str, step: &CursorMove) -> Option<(usize, usize)> {
        let stream = stream_of(step.conversation);
        let (mut messages, mut bytes) = (step.messages, step.bytes);
        let is_passed = |deletion: &&Deletion| {
            deletion.stream == stream
                && deletion.message > step.from
                && deletion.message <= step.to
                // One's own are not counted, unless they are notes.
                && (self.streams.contains_key(&stream) || deletion.sender.as_ref().is_none_or(|sender| sender.as_str() != user))
        };
        for deletion in self.deletions.since(deletions_of(step.conversation))?.filter(is_passed) {
            messages = messages.saturating_sub(1);
            bytes = bytes.saturating_sub(deletion.bytes);
        }
        Some((messages, bytes))
    }

    /// Takes note that messages of a stream were dropped that moves may have counted.
    pub(super) fn count_drop(&mut self, stream: StreamId) -> u32 {
        self.deletions.last += 1;
        let number = self.deletions.last;
        self.deletions.push(Deletion { number, stream, message: MessageId::NONE, bytes: 0, sender: None });
        number
    }

    pub(in crate::store) fn delete(&mut self, found: &FoundMessage) -> bool {
        let (id, stream) = (found.id, stream_of(found.conversation));
        self.load_reader(stream);
        let again = self
            .deletions
            .since(deletions_of(found.conversation))
            .is_none_or(|mut since| since.any(|one| one.message == id));
        let is_there = match (self.streams.get(&stream), self.rooms.get(&stream)) {
            (Some(stream), _) => stream.writer_id.is_some() && id <= stream.state.head,
            (None, Some(room)) => id > room.gone && id <= room.head,
            (None, None) => false,
        };
        // Without a journal, everything is in the tail.
        if again || !is_there || self.deletions.in_log.contains(&id) || !(self.tail.delete(id) || self.journal.is_on())
        {
            return false;
        }
        self.deletions.last += 1;
        let (number, bytes, sender) = (self.deletions.last, found.bytes, found.from.clone());
        self.deletions.push(Deletion { number, stream, message: id, bytes, sender });
        if self.journal.is_on() {
            self.deletions.in_log.insert(id);
            self.journal.push(|| Change::Deleted(id));
        }
        if self.streams.contains_key(&stream) {
            self.uncount_direct(stream, id, bytes);
        } else {
            self.uncount(stream, &[(id, found.from.clone())]);
        }
        true
    }

    fn uncount_direct(&mut self, id: StreamId, message: MessageId, bytes: usize) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if message > stream.state.cursor {
            stream.state.unread = stream.state.unread.saturating_sub(1);
            stream.state.bytes = stream.state.bytes.saturating_sub(bytes);
            self.unread_bytes = self.unread_bytes.saturating_sub(bytes);
            if let Some(user) = stream.reader.as_ref().and_then(|reader| self.users.get_mut(reader.as_str())) {
                let mail = user.mail();
                mail.unread = mail.unread.saturating_sub(1);
                mail.bytes = mail.bytes.saturating_sub(bytes);
                if stream.state.unread == 0 {
                    mail.streams.remove(&id);
                }
            }
        }
        // The row has to know of the message: it is not counted when it is found in the log.
        let row = stream.row();
        self.journal.push(|| Change::Stream(row));
    }

    /// Whether a message was deleted whose text may still be in the log.
    pub(in crate::store) fn is_deleted(&self, id: MessageId) -> bool {
        self.deletions.in_log.contains(&id)
    }

    /// Whether any of these messages was.
    pub(in crate::store) fn has_deleted(&self, first: MessageId, last: MessageId) -> bool {
        !self.deletions.in_log.is_empty() && self.deletions.in_log.range(first..=last).next().is_some()
    }

    /// All of them, in ascending order.
    pub(in crate::store) fn deleted_in_log(&self) -> Vec<MessageId> {
        self.deletions.in_log.iter().copied().collect()
    }

    /// Takes note that a user was erased: no text that nobody can reach may stay in the log.
    pub(super) fn note_erased(&mut self) {
        self.deletions.erased += 1;
    }

    /// How many users were erased since texts that nobody can reach have left the log.
    pub(in crate::store) fn erased(&self) -> u32 {
        self.deletions.erased
    }

    /// The streams and rooms that there are, each with the message up to which all were dropped. Other messages cannot be
    /// reached.
    pub(in crate::store) fn reachable(&self) -> HashMap<StreamId, MessageId> {
        let streams = self.streams.keys().map(|id| (*id, MessageId::NONE));
        streams.chain(self.rooms_gone()).collect()
    }

    /// Takes note that the texts of these have left the log, and what nobody could reach when so many users were erased.
    pub(in crate::store) fn purged(&mut self, messages: &[MessageId], erased: u32) {
        self.deletions.erased = self.deletions.erased.saturating_sub(erased);
        for id in messages {
            if self.deletions.in_log.remove(id) {
                self.journal.push(|| Change::DropDeleted(*id));
            }
        }
    }
}
