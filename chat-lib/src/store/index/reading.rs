//! What a user can see: streams, who calls them what, and from where on.

use super::{Index, MemberRow, RoomRow, StreamState, conversation};
use crate::model::{ConversationName, MessageId, UserName};
use crate::store::log::{Entry, Span, StreamId};

/// A stream as one of its readers sees it.
#[derive(Clone, Debug)]
pub(in crate::store) struct View {
    pub(in crate::store) stream: StreamId,
    /// Its last message.
    pub(in crate::store) head: MessageId,
    /// Messages up to this one cannot be seen.
    pub(in crate::store) floor: MessageId,
    /// What the reader calls the conversation.
    pub(in crate::store) with: ConversationName,
    /// The reader's cursor; `None` in what the reader has sent to another user.
    pub(in crate::store) cursor: Option<MessageId>,
}

impl View {
    /// The part of it before and at the message `from`, and after `after`.
    pub(in crate::store) fn span(&self, from: MessageId, after: MessageId) -> Span {
        Span { stream: self.stream, from, after: after.max(self.floor) }
    }
}

impl Index {
    /// The streams of a conversation of `user`; none if there is no such conversation.
    pub(in crate::store) fn views(&mut self, user: &str, with: &str) -> Vec<View> {
        if let Some((stream, room)) = self.find_room(with) {
            let view = room.member(user).map(|member| View {
                stream,
                head: room.head,
                floor: room.floor(member),
                with: room.name.clone().into(),
                cursor: Some(member.cursor),
            });
            return view.into_iter().collect();
        }
        self.load_user(user);
        let Some((with, _)) = self.users.get(user).and_then(|user| user.partners.get_key_value(with)) else {
            return Vec::new();
        };
        let with = with.clone();
        let view = |(place, (stream, state)): (usize, (StreamId, StreamState))| View {
            stream,
            head: state.head,
            floor: MessageId::NONE,
            with: with.clone().into(),
            cursor: (place == 0).then_some(state.cursor),
        };
        let streams = self.streams_between(user, with.as_str()).into_iter().enumerate();
        streams.filter_map(|(place, stream)| Some((place, stream?))).map(view).collect()
    }

    /// The streams of all conversations of `user` in which there is something after `after`.
    pub(in crate::store) fn all_views(&mut self, user: &str, after: MessageId) -> Vec<View> {
        self.load_user(user);
        let has_news = |stream: StreamId| self.streams.get(&stream).is_some_and(|stream| stream.state.head > after);
        let partners = self.users.get(user).into_iter().flat_map(|user| user.partners.iter());
        let direct =
            partners.filter(|(_, pair)| [pair.incoming(), pair.outgoing()].into_iter().flatten().any(has_news));
        let direct = direct.map(|(with, _)| ConversationName::from(with.clone()));
        let rooms = self.rooms_by_name(user).filter(|(_, room)| room.head > after);
        let names: Vec<_> = direct.chain(rooms.map(|(_, room)| room.name.clone().into())).collect();
        let views = names.iter().flat_map(|with| self.views(user, with.as_str()));
        views.filter(|view| view.head > after.max(view.floor)).collect()
    }

    /// What `user` calls the conversation that a message belongs to, if they can see it. `sender` is its sender's name then.
    pub(in crate::store) fn sees(&mut self, user: &str, entry: &Entry<'_>) -> Option<ConversationName> {
        if let Some(room) = self.rooms.get(&entry.stream) {
            let member = room.member(user)?;
            return (entry.id > room.floor(member)).then(|| room.name.clone().into());
        }
        self.load_reader(entry.stream);
        let profile = self.profile(entry.sender)?;
        let sender = self.sender(&profile, entry.id)?.clone();
        let stream = self.streams.get(&entry.stream)?;
        stream.writer_id?;
        let reader = stream.reader.as_ref()?;
        match (reader.as_str() == user, sender.as_str() == user) {
            (true, _) => Some(sender.into()),
            (false, true) => Some(reader.clone().into()),
            (false, false) => None,
        }
    }

    /// Whom a message is to; `None` if it is in nobody's conversation any more.
    pub(in crate::store) fn recipient_of(&mut self, entry: &Entry<'_>) -> Option<ConversationName> {
        if let Some(room) = self.rooms.get(&entry.stream) {
            return (entry.id > room.gone).then(|| room.name.clone().into());
        }
        self.load_reader(entry.stream);
        let stream = self.streams.get(&entry.stream).filter(|stream| stream.writer_id.is_some())?;
        Some(stream.reader.clone()?.into())
    }

    /// What the readers of a stream call the conversation, if they call it by the name of the sender `from` where it is a direct
    /// one. `None` if the sender was removed.
    pub(in crate::store) fn name_of(
        &mut self,
        stream: StreamId,
        from: Option<ConversationName>,
    ) -> Option<ConversationName> {
        self.load_stream(stream);
        match self.rooms.get(&stream) {
            Some(room) => Some(room.name.clone().into()),
            None => from.filter(|_| self.streams.get(&stream).is_some_and(|stream| stream.writer_id.is_some())),
        }
    }

    /// All rooms in no order, with those who are in them, and how much each has not read.
    pub(in crate::store) fn room_rows(
        &self,
    ) -> impl Iterator<Item = (StreamId, RoomRow, Vec<(UserName, MemberRow, usize)>)> {
        self.rooms.iter().map(|(id, room)| {
            let people = room.people.iter().map(|(user, member)| (user.clone(), member.row(*id), room.unread(member)));
            (*id, room.row(*id), people.collect())
        })
    }

    /// The last message before each account, by user name.
    pub(in crate::store) fn since(&self) -> impl Iterator<Item = (UserName, MessageId)> {
        self.users.values().map(|user| (user.name().clone(), user.since))
    }

    /// The number of a stream for moves and found messages that are made out now.
    pub(in crate::store) fn conversation_number(&self, stream: StreamId) -> u64 {
        conversation(stream, self.last_deletion())
    }
}
