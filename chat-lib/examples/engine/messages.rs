//! The steps of a batch about messages and cursors.

use chat_lib::Error;
use chat_lib::limits::KEY_AGE;
use chat_lib::model::MessageId;
use chat_lib::store::{
    Appended, ConversationState, Conversations, CursorMove, FoundMessage, NewMessage, Quota, Standing, Unread,
};

use super::change::{Change, Kind, Who};
use super::state::State;
use super::steps::Steps;
use super::storage;

impl Steps<'_> {
    /// Begins a direct conversation, and returns its number.
    pub(crate) fn begin_conversation(&mut self, members: &[(&str, MessageId)], kind: Kind) -> Result<u64, Error> {
        let number = self.state()?.next();
        self.change(Change::Conversation { number, kind })?;
        for (user, read) in members {
            self.set_member(number, user, Some((Standing::Member, (MessageId::NONE, *read))))?;
        }
        Ok(number)
    }

    pub(crate) fn say(
        &mut self,
        id: MessageId,
        conversation: u64,
        message: NewMessage<'_>,
        former: bool,
        deleted: bool,
    ) -> Result<(), Error> {
        let (messages, bytes) = &mut self.inner.appended;
        (*messages, *bytes) = (*messages + 1, *bytes + message.text.len() as u64);
        self.change(Change::Message {
            id: id.get(),
            conversation,
            to: message.to.to_owned(),
            from: Who::of(message.from),
            text: message.text.to_owned(),
            framing: message.framing.tag(),
            time: message.time.as_millis(),
            key: message.key.map(|key| key.as_str().to_owned()),
            former,
            deleted,
        })
    }

    /// The number of the conversation of a direct message, which begins if need be.
    fn conversation_of(&mut self, message: &NewMessage<'_>) -> Result<u64, Error> {
        let (state, to, from) = (self.state()?, message.to, message.from.user().as_str());
        let none = MessageId::NONE;
        if !state.users.contains_key(from) {
            return self.begin_conversation(&[(to, none)], Kind::Former);
        }
        match state.with(to, from).map(|conversation| conversation.number) {
            Some(number) => Ok(number),
            None if to == from => self.begin_conversation(&[(to, none)], Kind::Direct),
            None => self.begin_conversation(&[(to, none), (from, none)], Kind::Direct),
        }
    }

    /// Moves each cursor of `user` that `moves` names: `from` and `to` of a move, as `ends` gives them.
    fn move_cursors(
        &mut self,
        user: &str,
        moves: &[CursorMove],
        ends: fn(&CursorMove) -> (MessageId, MessageId),
    ) -> Result<bool, Error> {
        let state = self.state()?;
        let fits = |it: &CursorMove| {
            let conversation = state.conversations.get(&it.conversation)?;
            Some(conversation.gone <= it.from && conversation.member(user)?.read == ends(it).0)
        };
        if !moves.iter().all(|it| fits(it) == Some(true)) {
            return Ok(false);
        }
        for it in moves {
            let (conversation, upto) = (it.conversation, ends(it).1.get());
            self.change(Change::Read { conversation, user: user.to_owned(), upto })?;
        }
        Ok(true)
    }
}

/// What was sent with the message's key before.
fn known(state: &State, message: &NewMessage<'_>) -> Option<Appended> {
    let keyed = state.users.get(message.from.user())?.keys.get(message.key?)?;
    match keyed.time.after(KEY_AGE) > message.time {
        true if keyed.to == message.to => Some(Appended::Known(keyed.id, keyed.time)),
        true => Some(Appended::KeyReused),
        false => None,
    }
}

/// Why a message is not stored.
fn refusal(state: &State, message: &NewMessage<'_>, quota: Quota) -> Option<Appended> {
    let (to, from) = (message.to, message.from.user().as_str());
    if let Some(room) = state.room(to) {
        return room.member(from).is_none().then_some(Appended::NotAMember);
    }
    let Some(user) = state.users.get(to) else { return Some(Appended::NoSuchRecipient) };
    if user.blocked.contains(from) {
        return Some(Appended::Blocked);
    }
    let direct = state.conversations(to).filter(|conversation| conversation.room().is_none());
    let lengths: Vec<_> = direct.flat_map(|conversation| conversation.unread(to)).map(|(_, it)| it.len()).collect();
    let is_full = !quota.admits(lengths.len(), lengths.iter().sum(), message.len());
    is_full.then_some(Appended::Full)
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let state = self.state()?;
        if let Some(refused) = known(state, &message).or_else(|| refusal(state, &message, quota)) {
            return Ok(refused);
        }
        let user = message.from.user().as_str();
        let is_user = state.users.contains_key(user);
        let conversation = match state.room(message.to).map(|room| room.number) {
            Some(number) => number,
            None => self.conversation_of(&message)?,
        };
        let id = MessageId::new(self.state()?.next()).ok_or_else(|| storage("there are no more ids"))?;
        self.say(id, conversation, message, !is_user, false)?;
        if let (Some(key), true) = (message.key, is_user) {
            self.remember(user, message.to, key, id, message.time)?;
        }
        Ok(Appended::Stored(id))
    }

    fn append_all(&mut self, messages: &[NewMessage<'_>], quota: Quota) -> Result<Appended, Error> {
        let state = self.state()?;
        if let Some(refused) = messages.iter().find_map(|message| refusal(state, message, quota)) {
            return Ok(refused);
        }
        let mut last = Appended::NoSuchRecipient;
        for message in messages {
            last = self.append(*message, quota)?;
        }
        Ok(last)
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        Ok(self.state()?.unread(user, max_bytes, |conversation| conversation.room().is_none()))
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.move_cursors(user, moves, |it| (it.from, it.to))
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.move_cursors(user, moves, |it| (it.to, it.from))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        let mut states: Vec<_> = self.state()?.conversations(user).filter_map(|it| it.state(user)).collect();
        // Users come before rooms.
        states.sort_by(|one, other| one.with.cmp(&other.with));
        Ok(states)
    }

    fn conversation(&mut self, user: &str, with: &str) -> Result<Option<ConversationState>, Error> {
        Ok(self.state()?.with(user, with).and_then(|conversation| conversation.state(user)))
    }

    fn delete(&mut self, message: &FoundMessage) -> Result<bool, Error> {
        let conversation = self.state()?.conversations.get(&message.conversation);
        let is_there = conversation.and_then(|it| it.messages.get(&message.id)).is_some_and(|it| !it.deleted);
        if is_there {
            self.change(Change::Deleted { id: message.id.get(), conversation: message.conversation })?;
        }
        Ok(is_there)
    }
}
