//! Messages and cursors: what is appended to which stream, and how far each stream was read.

use std::sync::Arc;

use super::{AccountId, Change, Index, Journal, Stream, StreamState, User};
use crate::error::Error;
use crate::limits::MARK_INTERVAL;
use crate::model::{MessageId, Profile, UserName};
use crate::store::log::{Entry, ProfileId, Span, StreamId, Tail};
use crate::store::{Appended, ConversationState, CursorMove, NewMessage, Quota};

impl Index {
    pub(in crate::store) fn append(&mut self, message: &NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        if self.tail.is_full() {
            self.close_block();
        }
        let Self { users, streams, tail, journal, unread_bytes, .. } = self;
        let Some(reader) = users.get_mut(message.to) else { return Ok(Appended::NoSuchUser) };
        let length = message.len();
        if !quota.admits(reader.unread, reader.unread_bytes, length) {
            return Ok(Appended::Full);
        }
        let id = reader.incoming.get(message.from.user()).copied();
        let stream = id.and_then(|id| Some((id, streams.get_mut(&id)?)));
        // Most messages come from a user who has written before, and under the same profile.
        if let Some((id, stream)) = stream
            && let Some(sender) = stream.known_sender(message.from)
        {
            let stored = stream.append(id, sender, message, tail, journal)?;
            // While a dump is being restored, the cursor may be ahead of it.
            if stored > stream.state.cursor {
                reader.add_unread(id, stream.state.unread, length);
                *unread_bytes += length;
            }
            return Ok(Appended::Stored(stored));
        }
        tail.next_id()?;
        let id = id.unwrap_or_else(|| self.begin_conversation(message.to, message.from.user()));
        self.append_to(id, message)
    }

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

    /// Appends a message to a stream, from any sender.
    fn append_to(&mut self, id: StreamId, message: &NewMessage<'_>) -> Result<Appended, Error> {
        let sender = self.profile_id(message.from);
        let Self { users, streams, tail, journal, unread_bytes, .. } = self;
        let (Some(reader), Some(stream)) = (users.get_mut(message.to), streams.get_mut(&id)) else {
            return Ok(Appended::NoSuchUser);
        };
        stream.writer = Some((Arc::clone(message.from), sender));
        let stored = stream.append(id, sender, message, tail, journal)?;
        if stored > stream.state.cursor {
            reader.add_unread(id, stream.state.unread, message.len());
            *unread_bytes += message.len();
        }
        Ok(Appended::Stored(stored))
    }

    /// Begins both streams of a conversation, and returns the one to `reader`, an existing user, from `writer`, who may
    /// have been removed.
    fn begin_conversation(&mut self, reader: &str, writer: &UserName) -> StreamId {
        if !self.users.contains_key(writer) {
            return self.add_former_stream(reader);
        }
        if reader != writer.as_str()
            && let Some((reader, _)) = self.users.get_key_value(reader)
        {
            let reader = reader.clone();
            self.add_stream(writer.as_str(), &reader);
        }
        self.add_stream(reader, writer)
    }

    /// Begins a stream between two existing users.
    fn add_stream(&mut self, reader: &str, writer: &UserName) -> StreamId {
        let writer_id = self.users.get(writer).map(|user| user.id);
        let id = self.insert_stream(reader, writer_id);
        if let Some(reader) = self.users.get_mut(reader) {
            reader.incoming.insert(writer.clone(), id);
        }
        id
    }

    /// Begins a stream to an existing user from users who were removed.
    fn add_former_stream(&mut self, reader: &str) -> StreamId {
        let id = self.insert_stream(reader, None);
        if let Some(reader) = self.users.get_mut(reader) {
            reader.former.push(id);
        }
        id
    }

    fn insert_stream(&mut self, reader: &str, writer_id: Option<AccountId>) -> StreamId {
        self.summary.last_stream += 1;
        let id = StreamId(self.summary.last_stream);
        if let Some((name, user)) = self.users.get_key_value(reader) {
            let (reader, reader_id, state) = (name.clone(), user.id, StreamState::default());
            let gone = MessageId::NONE;
            let stream = Stream { reader, writer: None, writer_id, reader_id, state, lagging: false, gone };
            let row = stream.row(id);
            self.journal.push(|| Change::Stream(row));
            self.streams.insert(id, stream);
        }
        id
    }

    /// How much a user has unread: messages, and their bytes.
    pub(in crate::store) fn unread(&self, user: &str) -> (usize, usize) {
        self.users.get(user).map_or((0, 0), |user| (user.unread, user.unread_bytes))
    }

    /// How many bytes of messages are unread by anybody.
    pub(in crate::store) fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// The full name of a user, and the part of each of their streams that they have not read.
    pub(in crate::store) fn unread_spans(&self, user: &str) -> Option<(&str, Vec<Span>)> {
        let user = self.users.get(user)?;
        let spans = user.unread_streams.iter().filter_map(|id| self.streams.get(id).map(|stream| (*id, stream.state)));
        let spans = spans.map(|(stream, state)| Span { stream, from: state.head, after: state.cursor });
        Some((user.account.profile.full_name(), spans.collect()))
    }

    /// Whether a message of that stream is still unread, or would be if what is `put_back` were.
    pub(in crate::store) fn is_unread(&self, entry: &Entry<'_>) -> bool {
        self.streams.get(&entry.stream).is_some_and(|stream| entry.id > stream.state.cursor)
    }

    pub(in crate::store) fn take(&mut self, user: &str, moves: &[CursorMove]) -> bool {
        let last = self.tail.last();
        self.move_cursors(user, moves, |&Stream { state, .. }, step| {
            (state.cursor == step.from && step.to > step.from && step.to <= last).then(|| StreamState {
                cursor: step.to,
                unread: state.unread.saturating_sub(step.messages),
                bytes: state.bytes.saturating_sub(step.bytes),
                ..state
            })
        })
    }

    pub(in crate::store) fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> bool {
        self.move_cursors(user, moves, |&Stream { state, gone, .. }, step| {
            (state.cursor == step.to && step.from >= gone).then(|| StreamState {
                cursor: step.from,
                unread: state.unread + step.messages,
                bytes: state.bytes + step.bytes,
                ..state
            })
        })
    }

    /// Changes the state of each of these streams of the user, or of none if `change` refuses one.
    fn move_cursors(
        &mut self,
        name: &str,
        moves: &[CursorMove],
        change: impl Fn(&Stream, &CursorMove) -> Option<StreamState>,
    ) -> bool {
        let Some(user) = self.users.get_mut(name) else { return false };
        let find = |step: &CursorMove| {
            let id = StreamId(u32::try_from(step.conversation).ok()?);
            let stream = self.streams.get(&id).filter(|stream| stream.reader_id == user.id)?;
            Some((id, change(stream, step)?))
        };
        let Some(states) = moves.iter().map(find).collect::<Option<Vec<_>>>() else { return false };
        for (id, state) in states {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            user.unread = (user.unread + state.unread).saturating_sub(stream.state.unread);
            user.unread_bytes = (user.unread_bytes + state.bytes).saturating_sub(stream.state.bytes);
            self.unread_bytes = (self.unread_bytes + state.bytes).saturating_sub(stream.state.bytes);
            match state.unread {
                0 => user.unread_streams.remove(&id),
                _ => user.unread_streams.insert(id),
            };
            stream.state = state;
            let row = stream.row(id);
            self.journal.push(|| Change::Stream(row));
        }
        true
    }

    /// The streams from `with` to `user`, and from `user` to `with`, which is the same one in notes.
    pub(in crate::store) fn streams_between(&self, user: &str, with: &str) -> [Option<(StreamId, StreamState)>; 2] {
        let stream = |reader: &str, writer: &str| {
            let id = *self.users.get(reader)?.incoming.get(writer)?;
            Some((id, self.streams.get(&id)?.state))
        };
        [stream(user, with), stream(with, user).filter(|_| user != with)]
    }

    /// The names of the users that `user` has a conversation with, in order.
    pub(in crate::store) fn partners(&self, user: &str) -> Vec<UserName> {
        let Some(user) = self.users.get(user) else { return Vec::new() };
        let mut partners: Vec<_> = user.incoming.keys().cloned().collect();
        partners.sort();
        partners
    }

    pub(in crate::store) fn conversations(&self, user: &str) -> Vec<ConversationState> {
        let state = |with: UserName| {
            let [incoming, outgoing] = self.streams_between(user, with.as_str());
            let state =
                |stream: Option<(StreamId, StreamState)>| stream.map_or_else(Default::default, |(_, state)| state);
            let (incoming, mut outgoing): (StreamState, StreamState) = (state(incoming), state(outgoing));
            if with.as_str() == user {
                outgoing = incoming;
            }
            let last = incoming.head.max(outgoing.head);
            ConversationState::new(with, incoming.unread, incoming.cursor, outgoing.cursor, last)
        };
        self.partners(user).into_iter().map(state).collect()
    }

    /// All streams in no order, with their readers, and whether their writers were removed.
    pub(in crate::store) fn streams(&self) -> impl Iterator<Item = (StreamId, &UserName, bool, StreamState)> {
        self.streams.iter().map(|(id, stream)| (*id, &stream.reader, stream.writer_id.is_none(), stream.state))
    }

    /// Takes note that messages of a stream up to this one may be gone, so that they cannot be put back.
    pub(in crate::store) fn set_gone(&mut self, stream: StreamId, upto: MessageId) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.gone = stream.gone.max(upto);
        }
    }

    /// Drops streams of removed users that were read.
    pub(in crate::store) fn drop_read_streams(&mut self, spare: impl Fn(StreamId) -> bool) {
        let Self { users, streams, journal, .. } = self;
        for user in users.values_mut().filter(|user| !user.former.is_empty()) {
            user.former.retain(|id| {
                let keep = streams.get(id).is_some_and(|stream| stream.state.unread > 0) || spare(*id);
                if !keep && streams.remove(id).is_some() {
                    journal.push(|| Change::DropStream(*id));
                }
                keep
            });
        }
    }
}

impl Stream {
    /// The number of a profile, if the last message was sent under it.
    fn known_sender(&self, from: &Arc<Profile>) -> Option<ProfileId> {
        self.writer.as_ref().filter(|(profile, _)| Arc::ptr_eq(profile, from)).map(|(_, sender)| *sender)
    }

    fn append(
        &mut self,
        id: StreamId,
        sender: ProfileId,
        message: &NewMessage<'_>,
        tail: &mut Tail,
        journal: &mut Journal,
    ) -> Result<MessageId, Error> {
        let stored = tail.append(id, self.state.head, sender, message)?;
        self.state.head = stored;
        self.state.count += 1;
        // A message that is restored may have been read.
        if stored > self.state.cursor {
            self.state.unread += 1;
            self.state.bytes += message.len();
        }
        if self.state.count.is_multiple_of(MARK_INTERVAL) {
            journal.mark(id, stored);
        }
        journal.count_message();
        if !self.lagging && journal.is_on() {
            self.lagging = true;
            journal.lagging.push(id);
        }
        Ok(stored)
    }
}

impl User {
    /// Counts a message of a stream that now has so many `unread`.
    fn add_unread(&mut self, stream: StreamId, unread: usize, bytes: usize) {
        if unread == 1 {
            self.unread_streams.insert(stream);
        }
        self.unread += 1;
        self.unread_bytes += bytes;
    }
}
