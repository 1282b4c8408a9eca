//! Taking in a dump: conversations and messages that keep their ids.

use super::{Change, Index};
use crate::error::Error;
use crate::model::MessageId;
use crate::store::NewMessage;
use crate::store::log::Tail;

impl Index {
    /// Appends a message that had that id, from a user who may have been removed. `false` if ids do not ascend, or there
    /// is no such recipient or conversation.
    pub(in crate::store) fn restore_message(
        &mut self,
        id: MessageId,
        message: &NewMessage<'_>,
        from_former_user: bool,
    ) -> Result<bool, Error> {
        let Some(reader) = self.users.get(message.to).filter(|_| id > self.tail.last()) else { return Ok(false) };
        let stream = match (from_former_user, reader.incoming.get(message.from.user())) {
            (false, Some(&stream)) => stream,
            (false, None) => return Ok(false),
            (true, _) => match reader.former.last() {
                Some(&stream) => stream,
                None => self.add_former_stream(message.to),
            },
        };
        if self.tail.is_full() {
            self.close_block();
        }
        self.tail.skip_to(MessageId::new(id.get() - 1).unwrap_or_default());
        self.append_to(stream, message).map(|_| true)
    }

    /// Begins a conversation in which each of two users, or one in notes, has read up to a message. `false` if one of them
    /// does not exist, or they have a conversation.
    pub(in crate::store) fn restore_conversation(&mut self, members: [(&str, MessageId); 2]) -> bool {
        let [(one, read_by_one), (other, read_by_other)] = members;
        let (Some(first), Some((other, _))) = (self.users.get(one), self.users.get_key_value(other)) else {
            return false;
        };
        if first.incoming.contains_key(other) {
            return false;
        }
        let other = other.clone();
        let incoming = self.begin_conversation(one, &other);
        let outgoing = self.streams_between(one, other.as_str())[1].map(|(id, _)| id);
        for (id, cursor) in [(Some(incoming), read_by_one), (outgoing, read_by_other)] {
            let Some(stream) = id.and_then(|id| self.streams.get_mut(&id).map(|stream| (id, stream))) else { continue };
            stream.1.state.cursor = cursor;
            let row = stream.1.row(stream.0);
            self.journal.push(|| Change::Stream(row));
        }
        true
    }

    /// Begins a restore. Without users there is nothing that a message in the log could belong to, so ids begin anew: the
    /// dump may have any.
    pub(in crate::store) fn begin_restore(&mut self) {
        self.summary.restoring = true;
        if self.users.is_empty() {
            self.tail = Tail::new(MessageId::NONE);
            (self.committed, self.unindexed_bytes) = (MessageId::NONE, 0);
            self.journal.marks.clear();
            self.journal.push(|| Change::ClearLog);
            self.summary.indexed = MessageId::NONE;
        }
        self.write_summary();
    }

    /// Ends a restore: ids go on after all cursors, too, though the messages that they point to may not be there.
    pub(in crate::store) fn end_restore(&mut self, epoch: String) {
        let cursors = self.streams.values().map(|stream| stream.state.cursor);
        self.tail.skip_to(cursors.max().unwrap_or_default());
        // A row that does not know of messages before its cursor needs them, and they may be dropped.
        self.flush_streams();
        self.set_summary(|summary| (summary.restoring, summary.epoch) = (false, epoch));
    }
}
