//! What can be seen of the model, as the store should show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Model, Said};
use crate::model::{ConversationName, HistoryMessage, MessageId, MessageKey, UserName};
use crate::store::{ConversationState, CursorMove, FoundMessage, RoomState, Standing};

/// Full name of the sender, the sender, and the line.
pub(super) type Line = (String, String, String);

impl Model {
    /// Unread direct messages.
    fn unread_of(&self, user: &str) -> Vec<&Said> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        let is_unread = |said: &&Said| said.to == reader && said.id > self.cursor(reader, said.from) && !said.deleted;
        self.messages.iter().filter(is_unread).collect()
    }

    pub(super) fn unread(&self, user: &str) -> Vec<Line> {
        self.unread_of(user).into_iter().map(line).collect()
    }

    fn unread_of_room(&self, user: &str, room: &str) -> Vec<&Said> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        let Some(read) = self.rooms.get(room).and_then(|room| room.seats.get(user)).map(|seat| seat.read) else {
            return Vec::new();
        };
        let seen = self.seen(user, room);
        seen.into_iter().filter(|said| said.from != reader && said.id > read && !said.deleted).collect()
    }

    pub(super) fn unread_in_room(&self, user: &str, room: &str) -> Vec<Line> {
        self.unread_of_room(user, room).into_iter().map(line).collect()
    }

    /// Checks the moves of what is unread; of a room, if there is one.
    pub(super) fn check_unread_moves(&self, user: &str, room: Option<&str>, moves: &[CursorMove]) {
        let messages = match room {
            Some(room) => self.unread_of_room(user, room),
            None => self.unread_of(user),
        };
        // By sender, of whom each has one conversation, or all in one.
        let mut expected: BTreeMap<Option<u64>, (usize, usize, MessageId)> = BTreeMap::new();
        for said in messages {
            let (messages, bytes, last) = expected.entry(Some(said.from).filter(|_| room.is_none())).or_default();
            (*messages, *bytes, *last) = (*messages + 1, *bytes + said.len(), said.id);
        }
        assert_eq!(moves.len(), expected.len(), "unread: one move for each conversation with something unread");
        for it in moves {
            let place = self.place(user, it.to).expect("CursorMove::to: a message of the conversation");
            assert_eq!(it.from, self.cursor_at(&place), "CursorMove::from: where the cursor is");
            let (with, number) = match place {
                super::model::Place::Direct(_, other) => (self.user_name(other), Some(other)),
                super::model::Place::Room(room, _) => (ConversationName::parse(&room).ok(), None),
            };
            assert_eq!(it.with, with, "CursorMove::with: what the member calls the conversation");
            let Some(&(messages, bytes, last)) = expected.get(&number) else {
                panic!("unread: one move for each conversation with something unread")
            };
            let law = "CursorMove: how many messages and bytes lie between";
            assert_eq!((it.messages, it.bytes), (messages, bytes), "{law}");
            assert!(it.to >= last, "unread: the moves mark as read all that is unread");
        }
    }

    fn user_name(&self, number: u64) -> Option<ConversationName> {
        let (name, _) = self.users.iter().find(|(_, person)| person.number == number)?;
        UserName::parse(name).ok().map(ConversationName::User)
    }

    /// The messages of a conversation that `user` can see.
    fn seen(&self, user: &str, with: &str) -> Vec<&Said> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        if let Some(room) = self.rooms.get(with) {
            let Some(seat) = room.seats.get(user).filter(|seat| seat.standing.is_member()) else { return Vec::new() };
            return self.messages.iter().filter(|said| said.to == room.number && said.id > seat.since).collect();
        }
        let Some(other) = self.users.get(with).map(|person| person.number) else { return Vec::new() };
        let pair = [(reader, other), (other, reader)];
        self.messages.iter().filter(|said| pair.contains(&(said.from, said.to))).collect()
    }

    pub(super) fn history(&self, user: &str, with: &str) -> Vec<HistoryMessage> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        let show = |said: &&Said| {
            let with = ConversationName::parse(with).unwrap();
            let mut shown = HistoryMessage::new(said.id, with, Arc::clone(&said.profile), said.time, said.text.clone());
            let key = said.key.as_deref().filter(|_| said.from == reader);
            (shown.key, shown.deleted) = (key.map(|key| MessageKey::parse(key).unwrap()), said.deleted);
            shown
        };
        self.seen(user, with).iter().map(show).collect()
    }

    /// What a user can call conversations.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.users.keys().chain(self.rooms.keys()).map(String::as_str)
    }

    /// All messages of all conversations.
    pub(super) fn all(&self, user: &str) -> Vec<HistoryMessage> {
        let mut all: Vec<_> = self.names().flat_map(|with| self.history(user, with)).collect();
        all.sort_by_key(|message| message.id);
        all
    }

    pub(super) fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Option<CursorMove> {
        let (from, reader) = (self.conversation(user, with)?.read, self.users.get(user)?.number);
        let seen = self.seen(user, with);
        let to = seen.iter().map(|said| said.id).filter(|id| *id <= upto).max().filter(|to| *to > from)?;
        let is_for = |said: &&&Said| match said.is_in_room() {
            true => said.from != reader,
            false => said.to == reader,
        };
        let is_passed = |said: &&&Said| said.id > from && said.id <= to && !said.deleted;
        let lengths: Vec<_> = seen.iter().filter(is_for).filter(is_passed).map(|said| said.len()).collect();
        let (messages, bytes) = (lengths.len(), lengths.iter().sum());
        Some(CursorMove { with: ConversationName::parse(with).ok(), conversation: 0, from, to, messages, bytes })
    }

    pub(super) fn conversation(&self, user: &str, with: &str) -> Option<ConversationState> {
        let (reader, name) = (self.users.get(user)?.number, ConversationName::parse(with).ok()?);
        let last = self.seen(user, with).iter().map(|said| said.id).max();
        if let Some(room) = self.rooms.get(with) {
            let seat = room.seats.get(user).filter(|seat| seat.standing.is_member())?;
            let unread = self.unread_of_room(user, with).len();
            return Some(ConversationState::new(name, unread, seat.read, None, last.unwrap_or_default()));
        }
        let other = self.users.get(with)?.number;
        let unread = self.unread_of(user).iter().filter(|said| said.from == other).count();
        let (read, read_by_other) = (self.cursor(reader, other), Some(self.cursor(other, reader)));
        Some(ConversationState::new(name, unread, read, read_by_other, last?))
    }

    pub(super) fn conversations(&self, user: &str) -> Vec<ConversationState> {
        self.names().filter_map(|with| self.conversation(user, with)).collect()
    }

    pub(super) fn room(&self, name: &str) -> Option<RoomState> {
        let room = self.rooms.get(name)?;
        let count = |least| room.seats.values().filter(|seat| seat.standing >= least).count();
        let (members, owners) = (count(Standing::Member), count(Standing::Owner));
        let invited = room.seats.len() - members;
        let name = crate::model::RoomName::parse(name).unwrap();
        let (title, open, keep) = (room.title.as_str().into(), room.open, room.keep);
        Some(RoomState { name, title, open, members, owners, invited, keep })
    }

    pub(super) fn find(&self, user: &str, id: MessageId) -> Option<FoundMessage> {
        let is_it = |with: &&str| self.seen(user, with).iter().any(|said| said.id == id && !said.deleted);
        let with = ConversationName::parse(self.names().find(is_it)?).ok()?;
        let said = self.messages.iter().find(|said| said.id == id)?;
        let from = Some(said.profile.user().clone()).filter(|_| self.is_user(said.from));
        Some(FoundMessage { id, with, from, conversation: 0, bytes: said.len() })
    }

    /// Whether it is a direct message of a former user.
    pub(super) fn is_former(&self, id: MessageId) -> bool {
        self.messages.iter().any(|said| said.id == id && !said.is_in_room() && !self.is_user(said.from))
    }

    /// Ids and recipients after a message, without direct messages of former users.
    pub(super) fn news(&self, after: MessageId) -> Vec<(MessageId, String, bool)> {
        let is_news = |said: &&Said| said.id > after && (said.is_in_room() || self.is_user(said.from));
        self.messages.iter().filter(is_news).map(|said| (said.id, said.name.to_string(), said.deleted)).collect()
    }

    /// The last message that is left.
    pub(super) fn last(&self) -> MessageId {
        self.messages.last().map_or(MessageId::NONE, |said| said.id)
    }
}

fn line(said: &Said) -> Line {
    let line = format!("{}{}{}", said.framing.before(), said.text, said.framing.after());
    (said.profile.full_name().to_owned(), said.profile.user().to_string(), line)
}
