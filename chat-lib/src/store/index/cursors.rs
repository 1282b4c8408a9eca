//! How far each stream was read: what is unread, and cursors that move.

use super::{Change, Index, Stream, StreamState};
use crate::model::{MessageId, UserName};
use crate::store::log::{Entry, Span, StreamId};
use crate::store::{ConversationState, CursorMove};

impl Index {
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
