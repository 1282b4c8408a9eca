//! How far each stream was read: what is unread, and cursors that move.

use super::deletions::deletions_of;
use super::rooms::Room;
use super::{Change, Index, StreamState, User, stream_of};
use crate::model::{MessageId, UserName};
use crate::store::log::{Entry, Span, StreamId};
use crate::store::{ConversationState, CursorMove};

impl Index {
    /// How much a user has unread: messages, and their bytes.
    pub(in crate::store) fn unread(&mut self, user: &str) -> (usize, usize) {
        self.load_user(user);
        self.users.get(user).map_or((0, 0), User::unread)
    }

    /// How many bytes of messages are unread by anybody.
    pub(in crate::store) fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// The full name of a user, and the part of each of their streams that they have not read.
    pub(in crate::store) fn unread_spans(&self, user: &str) -> Option<(&str, Vec<Span>)> {
        let user = self.users.get(user)?;
        let streams = user.mail.iter().flat_map(|mail| &mail.streams);
        let spans = streams.filter_map(|id| self.streams.get(id).map(|stream| (*id, stream.state)));
        let spans = spans.map(|(stream, state)| Span { stream, from: state.head, after: state.cursor });
        Some((user.profile.full_name(), spans.collect()))
    }

    /// Whether a message of that stream is still unread, or would be if what is `put_back` were.
    pub(in crate::store) fn is_unread(&self, entry: &Entry<'_>) -> bool {
        self.streams.get(&entry.stream).is_some_and(|stream| entry.id > stream.state.cursor)
    }

    pub(in crate::store) fn take(&mut self, user: &str, moves: &[CursorMove]) -> bool {
        let last = self.tail.last();
        self.move_cursors(
            user,
            moves,
            |from, step| from == step.from && step.to > step.from && step.to <= last,
            Way::On,
        )
    }

    pub(in crate::store) fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> bool {
        self.move_cursors(user, moves, |from, step| from == step.to, Way::Back)
    }

    /// Moves all of these cursors of the user, or none if one cannot be moved.
    fn move_cursors(
        &mut self,
        user: &str,
        moves: &[CursorMove],
        fits: impl Fn(MessageId, &CursorMove) -> bool,
        way: Way,
    ) -> bool {
        self.load_user(user);
        let fit = |step: &CursorMove| {
            let (cursor, gone, gone_at) = self.cursor(user, stream_of(step.conversation))?;
            // What was dropped since is not to be counted, and nobody knows how much of the move that is.
            let is_whole = step.from >= gone || way == Way::On && deletions_of(step.conversation) >= gone_at;
            (is_whole && fits(cursor, step)).then(|| self.passed(user, step)).flatten()
        };
        let passed = moves.iter().map(fit).collect::<Option<Vec<_>>>();
        let Some(passed) = passed.filter(|_| self.users.contains_key(user)) else { return false };
        for (step, passed) in moves.iter().zip(passed) {
            let id = stream_of(step.conversation);
            match self.rooms.contains_key(&id) {
                true => self.move_in_room(user, id, step, passed.0, way),
                false => self.move_in_stream(user, id, step, passed, way),
            }
        }
        true
    }

    /// The cursor of a user in a stream to them or in a room; the messages up to which may be gone, and the number of the
    /// last deletion when that came to be.
    fn cursor(&self, user: &str, id: StreamId) -> Option<(MessageId, MessageId, u32)> {
        let account = self.users.get(user)?.id;
        if let Some(stream) = self.streams.get(&id) {
            let gone = self.gone.get(&id).copied().unwrap_or_default();
            return (stream.reader_id == account).then_some((stream.state.cursor, gone, 0));
        }
        let room = self.rooms.get(&id)?;
        Some((room.member(user)?.cursor, room.gone, room.gone_at))
    }

    fn move_in_stream(&mut self, user: &str, id: StreamId, step: &CursorMove, passed: (usize, usize), way: Way) {
        let (Some(user), Some(stream)) = (self.users.get_mut(user), self.streams.get_mut(&id)) else { return };
        let ((messages, bytes), before) = (passed, stream.state);
        let state = match way {
            Way::On => StreamState {
                cursor: step.to,
                unread: before.unread.saturating_sub(messages),
                bytes: before.bytes.saturating_sub(bytes),
                ..before
            },
            Way::Back => StreamState {
                cursor: step.from,
                unread: before.unread + messages,
                bytes: before.bytes + bytes,
                ..before
            },
        };
        let mail = user.mail();
        mail.unread = (mail.unread + state.unread).saturating_sub(before.unread);
        mail.bytes = (mail.bytes + state.bytes).saturating_sub(before.bytes);
        self.unread_bytes = (self.unread_bytes + state.bytes).saturating_sub(before.bytes);
        match state.unread {
            0 => mail.streams.remove(&id),
            _ => mail.streams.insert(id),
        };
        stream.state = state;
        let row = stream.row();
        self.journal.push(|| Change::Stream(row));
    }

    fn move_in_room(&mut self, user: &str, id: StreamId, step: &CursorMove, messages: usize, way: Way) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let Some(member) = room.people.get_mut(user) else { return };
        let messages = messages as u64;
        (member.cursor, member.base) = match way {
            // Never past what there is, lest a message be missed later.
            Way::On => (step.to, (member.base + messages).min(room.count)),
            Way::Back => (step.from, member.base.saturating_sub(messages)),
        };
        let row = member.row(id);
        self.journal.push(|| Change::Member(row));
    }

    /// The streams from `with` to `user`, and from `user` to `with`, which is the same one in notes.
    pub(in crate::store) fn streams_between(&mut self, user: &str, with: &str) -> [Option<(StreamId, StreamState)>; 2] {
        self.load_user(user);
        let pair = self.users.get(user).and_then(|user| user.partners.get(with)).copied().unwrap_or_default();
        let stream = |id: Option<StreamId>| Some((id?, self.streams.get(&id?)?.state));
        [stream(pair.incoming()), stream(pair.outgoing()).filter(|_| user != with)]
    }

    /// The names of the users that `user` has a conversation with, in order.
    pub(in crate::store) fn partners(&mut self, user: &str) -> Vec<UserName> {
        self.load_user(user);
        let Some(user) = self.users.get(user) else { return Vec::new() };
        let mut partners: Vec<_> = user.partners.keys().cloned().collect();
        partners.sort();
        partners
    }

    pub(in crate::store) fn conversations(&mut self, user: &str) -> Vec<ConversationState> {
        let partners = self.partners(user).into_iter();
        let direct: Vec<_> = partners.filter_map(|with| self.conversation(user, with.as_str())).collect();
        let rooms = self.rooms_by_name(user).filter_map(|(_, room)| room.conversation(user));
        direct.into_iter().chain(rooms).collect()
    }

    pub(in crate::store) fn conversation(&mut self, user: &str, with: &str) -> Option<ConversationState> {
        if let Some((_, room)) = self.find_room(with) {
            return room.conversation(user);
        }
        self.load_user(user);
        let (with, _) = self.users.get(user)?.partners.get_key_value(with)?;
        let with = with.clone();
        let state = |stream: Option<(StreamId, StreamState)>| stream.map_or_else(Default::default, |(_, state)| state);
        let [incoming, outgoing] = self.streams_between(user, with.as_str());
        let (incoming, mut outgoing): (StreamState, StreamState) = (state(incoming), state(outgoing));
        if with.as_str() == user {
            outgoing = incoming;
        }
        let last = incoming.head.max(outgoing.head);
        let StreamState { unread, cursor, .. } = incoming;
        Some(ConversationState::new(with.into(), unread, cursor, Some(outgoing.cursor), last))
    }

    /// All streams that are in memory in no order, with their readers, and whether their writers were removed.
    pub(in crate::store) fn streams(&self) -> impl Iterator<Item = (StreamId, &UserName, bool, StreamState)> {
        let streams = self.streams.iter();
        streams
            .filter_map(|(id, stream)| Some((*id, stream.reader.as_ref()?, stream.writer_id.is_none(), stream.state)))
    }

    /// How many streams there are.
    pub(super) fn stream_count(&self) -> u64 {
        self.streams.len() as u64 + self.on_disk.as_ref().map_or(0, |on_disk| on_disk.streams.get())
    }

    /// Takes note that messages of a stream up to this one may be gone, so that they cannot be put back.
    pub(in crate::store) fn set_gone(&mut self, stream: StreamId, upto: MessageId) {
        if self.streams.contains_key(&stream) {
            let gone = self.gone.entry(stream).or_default();
            *gone = upto.max(*gone);
        }
    }

    /// Drops streams of removed users that were read.
    pub(in crate::store) fn drop_read_streams(&mut self, spare: impl Fn(StreamId) -> bool) {
        let Self { users, streams, journal, gone, .. } = self;
        for more in users.values_mut().filter_map(|user| user.more.as_mut()) {
            more.former.retain(|id| {
                let keep = streams.get(id).is_some_and(|stream| stream.state.unread > 0) || spare(*id);
                if !keep && streams.remove(id).is_some() {
                    gone.remove(id);
                    journal.push(|| Change::DropStream(*id));
                }
                keep
            });
        }
    }
}

/// Where cursors are moved to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Way {
    On,
    Back,
}

impl Room {
    /// The room as one of its members sees it.
    fn conversation(&self, user: &str) -> Option<ConversationState> {
        let member = self.member(user)?;
        let last = Some(self.head).filter(|head| *head > self.floor(member)).unwrap_or_default();
        Some(ConversationState::new(self.name.clone().into(), self.unread(member), member.cursor, None, last))
    }
}
