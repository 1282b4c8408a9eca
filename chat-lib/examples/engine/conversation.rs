//! Conversations, direct ones and rooms, and who sees what of them.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use chat_lib::clock::Timestamp;
use chat_lib::model::{ConversationName, Framing, HistoryMessage, MessageId, MessageKey, Profile, UserName};
use chat_lib::store::{ConversationState, CursorMove, NewMessage, RoomState, Standing};

/// A conversation.
pub(crate) struct Conversation {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    /// Of notes and of conversations with a former user there is one; of a room, also those who are invited.
    pub(crate) members: BTreeMap<UserName, Member>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    /// Messages up to this one are gone, because they had been read when their sender was removed.
    pub(crate) gone: MessageId,
}

pub(crate) enum Kind {
    Direct,
    /// Of a user and one who was removed.
    Former,
    /// The numbers of members and owners are counted when they are asked for.
    Room(RoomState),
}

/// What somebody is in a conversation.
pub(crate) struct Member {
    pub(crate) standing: Standing,
    /// The message after which they see the conversation.
    pub(crate) since: MessageId,
    pub(crate) read: MessageId,
}

pub(crate) struct Message {
    /// A user or a room.
    pub(crate) to: ConversationName,
    pub(crate) from: Arc<Profile>,
    pub(crate) text: String,
    pub(crate) framing: Framing,
    pub(crate) time: Timestamp,
    pub(crate) key: Option<MessageKey>,
    /// Whether the sender was removed since.
    pub(crate) former: bool,
    pub(crate) deleted: bool,
}

impl Conversation {
    /// The member `user`, who may read it.
    pub(crate) fn member(&self, user: &str) -> Option<&Member> {
        self.members.get(user).filter(|member| member.standing.is_member())
    }

    /// The other member of a direct conversation; of notes, the only one.
    fn other(&self, user: &str) -> Option<&UserName> {
        let mut members = self.members.keys();
        members.find(|member| member.as_str() != user).or_else(|| self.members.keys().next())
    }

    /// What `user` calls it; `None` if its other member was removed.
    pub(crate) fn name(&self, user: &str) -> Option<ConversationName> {
        match &self.kind {
            Kind::Direct => self.other(user).cloned().map(ConversationName::User),
            Kind::Former => None,
            Kind::Room(room) => Some(room.name.clone().into()),
        }
    }

    pub(crate) fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct)
    }

    pub(crate) fn room(&self) -> Option<RoomState> {
        let Kind::Room(room) = &self.kind else { return None };
        let count = |least| self.members.values().filter(|member| member.standing >= least).count();
        let (members, owners) = (count(Standing::Member), count(Standing::Owner));
        Some(RoomState { members, owners, invited: self.members.len() - members, ..room.clone() })
    }

    pub(crate) fn last(&self) -> MessageId {
        self.messages.keys().next_back().copied().unwrap_or_default()
    }

    /// The messages that `user` can see.
    pub(crate) fn visible(&self, user: &str) -> impl DoubleEndedIterator<Item = (MessageId, &Message)> {
        let since = self.member(user).map_or(MessageId::MAX, |member| member.since);
        self.messages.range((Excluded(since), Unbounded)).map(|(id, message)| (*id, message))
    }

    /// A message as `user` sees it.
    pub(crate) fn show(&self, user: &str, id: MessageId, message: &Message) -> Option<HistoryMessage> {
        let Message { from, text, time, key, deleted, .. } = message;
        let mut shown = HistoryMessage::new(id, self.name(user)?, Arc::clone(from), *time, text.clone());
        shown.key = key.clone().filter(|_| from.user().as_str() == user && !message.former);
        shown.deleted = *deleted;
        Some(shown)
    }

    /// What `user` has not read.
    pub(crate) fn unread(&self, user: &str) -> impl DoubleEndedIterator<Item = (MessageId, &Message)> {
        let read = self.member(user).map_or(MessageId::MAX, |member| member.read);
        let later = self.messages.range((Excluded(read), Unbounded)).map(|(id, message)| (*id, message));
        later.filter(move |(_, message)| {
            let is_for = match self.kind {
                Kind::Room(_) => message.from.user().as_str() != user,
                Kind::Direct | Kind::Former => message.to.as_str() == user,
            };
            is_for && !message.deleted
        })
    }

    /// The move of the cursor of `user` to the last message that is not after `upto`.
    pub(crate) fn cursor_move(&self, user: &str, upto: MessageId) -> Option<CursorMove> {
        let from = self.member(user)?.read;
        let to = self.messages.range(..=upto).next_back().map(|(id, _)| *id).filter(|to| *to > from)?;
        let lengths: Vec<_> =
            self.unread(user).take_while(|(id, _)| *id <= to).map(|(_, message)| message.len()).collect();
        let (messages, bytes) = (lengths.len(), lengths.iter().sum());
        Some(CursorMove { with: self.name(user), conversation: self.number, from, to, messages, bytes })
    }

    /// The conversation as `user` sees it; `None` if it is with a former user.
    pub(crate) fn state(&self, user: &str) -> Option<ConversationState> {
        let (with, member) = (self.name(user)?, self.member(user)?);
        let read_by_other = match self.kind {
            Kind::Room(_) => None,
            Kind::Direct | Kind::Former => Some(self.members.get(self.other(user)?)?.read),
        };
        let last = self.visible(user).next_back().map_or(MessageId::NONE, |(id, _)| id);
        Some(ConversationState::new(with, self.unread(user).count(), member.read, read_by_other, last))
    }
}

impl Message {
    pub(crate) fn len(&self) -> usize {
        self.as_new().len()
    }

    /// The message as it was appended.
    pub(crate) fn as_new(&self) -> NewMessage<'_> {
        let Self { to, from, text, framing, time, key, .. } = self;
        NewMessage { to: to.as_str(), from, text, framing: *framing, time: *time, key: key.as_ref() }
    }
}
