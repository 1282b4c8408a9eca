//! Messages and cursors: what is appended to which stream, and how far each stream was read.

use std::sync::Arc;

use super::{AccountId, Change, Index, Journal, Known, Stream, StreamRow, StreamState, User};
use crate::error::Error;
use crate::limits::MARK_INTERVAL;
use crate::model::{ConversationName, MessageId, Profile, UserName};
use crate::store::log::{ProfileId, StreamId, Tail};
use crate::store::{Appended, NewMessage, Quota};

impl Index {
    pub(in crate::store) fn append(&mut self, message: &NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.load_user(message.to);
        self.load_user(message.from.user().as_str());
        if self.tail.is_full() {
            self.close_block();
        }
        if message.key.is_some()
            && let Some(known) = self.known(message)
        {
            return Ok(known);
        }
        let appended = match message.to.starts_with('#') {
            true => self.append_to_room(message)?,
            false => self.append_to_user(message, quota)?,
        };
        if let (Some(key), Appended::Stored(id)) = (message.key, appended)
            && let Some(to) = self.recipient(message.to)
        {
            self.remember(message.from.user().as_str(), key, Known { id, time: message.time, to });
        }
        Ok(appended)
    }

    /// The user or room of that name.
    fn recipient(&self, name: &str) -> Option<ConversationName> {
        let user = self.users.get_key_value(name).map(|(user, _)| user.clone().into());
        user.or_else(|| self.room_ids.get_key_value(name).map(|(room, _)| room.clone().into()))
    }

    fn append_to_user(&mut self, message: &NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let Self { users, streams, tail, journal, unread_bytes, .. } = self;
        let Some(reader) = users.get_mut(message.to) else { return Ok(Appended::NoSuchRecipient) };
        if reader.has_blocked(message.from.user().as_str()) {
            return Ok(Appended::Blocked);
        }
        let length = message.len();
        let (unread, bytes) = reader.unread();
        if !quota.admits(unread, bytes, length) {
            return Ok(Appended::Full);
        }
        let id = reader.partners.get(message.from.user().as_str()).and_then(|pair| pair.incoming());
        let stream = id.and_then(|id| Some((id, streams.get_mut(&id)?)));
        // Most messages come from a user who has written before, and under the same profile.
        if let Some((id, stream)) = stream
            && let Some(sender) = stream.known_sender(message.from)
        {
            let stored = stream.append(id, sender, message, false, tail, journal)?;
            reader.count(id, stream, length, unread_bytes);
            return Ok(Appended::Stored(stored));
        }
        tail.next_id()?;
        let id = id.unwrap_or_else(|| self.begin_conversation(message.to, message.from.user()));
        self.append_to(id, message, false)
    }

    /// Appends one message to each of several users, or none.
    pub(in crate::store) fn append_all(
        &mut self,
        messages: &[NewMessage<'_>],
        quota: Quota,
    ) -> Result<Appended, Error> {
        for message in messages {
            self.load_user(message.to);
        }
        let refusal = |message: &NewMessage<'_>| match self.users.get(message.to) {
            None => Some(Appended::NoSuchRecipient),
            Some(reader) if reader.has_blocked(message.from.user().as_str()) => Some(Appended::Blocked),
            Some(reader) => {
                let (unread, bytes) = reader.unread();
                (!quota.admits(unread, bytes, message.len())).then_some(Appended::Full)
            }
        };
        if let Some(refused) = messages.iter().find_map(refusal) {
            return Ok(refused);
        }
        self.tail.check_room_for(messages.len())?;
        let mut last = Appended::NoSuchRecipient;
        for message in messages {
            last = self.append(message, quota)?;
        }
        Ok(last)
    }

    /// Appends a message to a stream, from any sender.
    pub(super) fn append_to(
        &mut self,
        id: StreamId,
        message: &NewMessage<'_>,
        deleted: bool,
    ) -> Result<Appended, Error> {
        let sender = self.profile_id(message.from);
        let Self { users, streams, tail, journal, unread_bytes, .. } = self;
        let (Some(reader), Some(stream)) = (users.get_mut(message.to), streams.get_mut(&id)) else {
            return Ok(Appended::NoSuchRecipient);
        };
        stream.writer = Some((Arc::clone(message.from), sender));
        let stored = stream.append(id, sender, message, deleted, tail, journal)?;
        if !deleted {
            reader.count(id, stream, message.len(), unread_bytes);
        }
        Ok(Appended::Stored(stored))
    }

    /// Begins both streams of a conversation, and returns the one to `reader`, an existing user, from `writer`, who may
    /// have been removed.
    pub(super) fn begin_conversation(&mut self, reader: &str, writer: &UserName) -> StreamId {
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
        if let Some((reader, _)) = self.users.get_key_value(reader) {
            let reader = reader.clone();
            self.partners += members_of_stream(reader.as_str(), writer);
            if let Some(user) = self.users.get_mut(reader.as_str()) {
                user.partners.pair(writer).incoming = id;
            }
            if let Some(user) = self.users.get_mut(writer) {
                user.partners.pair(&reader).outgoing = id;
            }
        }
        id
    }

    /// Begins a stream to an existing user from users who were removed.
    pub(super) fn add_former_stream(&mut self, reader: &str) -> StreamId {
        let id = self.insert_stream(reader, None);
        if let Some(reader) = self.users.get_mut(reader) {
            reader.more().former.push(id);
        }
        id
    }

    fn insert_stream(&mut self, reader: &str, writer_id: Option<AccountId>) -> StreamId {
        self.summary.last_stream += 1;
        let id = StreamId(self.summary.last_stream);
        if let Some((name, user)) = self.users.get_key_value(reader) {
            let row = StreamRow { id, writer: writer_id, reader: user.id, state: StreamState::default() };
            let stream = Stream::of(&row, Some(name.clone()));
            self.journal.push(|| Change::Stream(row));
            self.streams.insert(stream);
        }
        id
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
        deleted: bool,
        tail: &mut Tail,
        journal: &mut Journal,
    ) -> Result<MessageId, Error> {
        let stored = tail.append(id, self.state.head, sender, message, deleted)?;
        self.state.head = stored;
        self.state.count += 1;
        // A message that is restored may have been read.
        if stored > self.state.cursor && !deleted {
            self.state.unread += 1;
            self.state.bytes += message.len();
        }
        if self.state.count.is_multiple_of(MARK_INTERVAL) {
            journal.mark(id, stored);
        }
        journal.count_message();
        journal.lags(id, &mut self.lagging);
        Ok(stored)
    }
}

/// How many members of a direct conversation a stream stands for.
pub(super) fn members_of_stream(reader: &str, writer: &UserName) -> u64 {
    if reader == writer.as_str() { 2 } else { 1 }
}

impl User {
    /// Takes in a stream from or to this user, which was written down. `other` is whom it is to or from.
    pub(super) fn join(&mut self, id: StreamId, stream: &Stream, other: Option<&UserName>) {
        let StreamState { unread, bytes, .. } = stream.state;
        if stream.reader_id == self.id && unread > 0 {
            let mail = self.mail();
            mail.streams.insert(id);
            mail.unread += unread;
            mail.bytes += bytes;
        }
        let Some(other) = other else {
            self.more().former.push(id);
            return;
        };
        if stream.reader_id == self.id {
            self.partners.pair(other).incoming = id;
        }
        if stream.writer_id == Some(self.id) {
            self.partners.pair(other).outgoing = id;
        }
    }

    /// Counts the last message of a stream as unread, unless it was read: the cursor may be ahead of a message that is
    /// restored, or that is sent during a restore. `all` counts for all users.
    fn count(&mut self, id: StreamId, stream: &Stream, bytes: usize, all: &mut usize) {
        if stream.state.head <= stream.state.cursor {
            return;
        }
        let mail = self.mail();
        if stream.state.unread == 1 {
            mail.streams.insert(id);
        }
        mail.unread += 1;
        mail.bytes += bytes;
        *all += bytes;
    }
}
