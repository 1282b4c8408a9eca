//! The contract in its plainest form: lists that are searched from end to end.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::model::{Framing, HistoryMessage, MessageId, Profile, UserName};
use crate::store::{ConversationState, CursorMove, HistoryPage, Position};

/// What a store should have of messages and cursors.
#[derive(Clone, Default)]
pub(super) struct Model {
    /// Users by name, each with a number that no other has had.
    pub(super) users: BTreeMap<String, Person>,
    messages: Vec<Said>,
    /// By reader and the other member.
    cursors: BTreeMap<(u64, u64), MessageId>,
    persons: u64,
}

#[derive(Clone)]
pub(super) struct Person {
    number: u64,
    pub(super) profile: Arc<Profile>,
}

#[derive(Clone)]
struct Said {
    id: MessageId,
    from: u64,
    to: u64,
    profile: Arc<Profile>,
    text: String,
    framing: Framing,
    time: Timestamp,
}

impl Model {
    pub(super) fn add(&mut self, profile: Arc<Profile>) {
        self.persons += 1;
        let name = profile.user().to_string();
        self.users.insert(name, Person { number: self.persons, profile });
    }

    pub(super) fn rename(&mut self, profile: Arc<Profile>) {
        let person = self.users.get_mut(profile.user().as_str()).expect("a user is renamed");
        person.profile = profile;
    }

    pub(super) fn remove(&mut self, user: &str) {
        let Some(Person { number, .. }) = self.users.remove(user) else { return };
        let cursors = &self.cursors;
        let read = |said: &Said| cursors.get(&(said.to, said.from)).copied().unwrap_or_default();
        self.messages.retain(|said| said.to != number && (said.from != number || said.id > read(said)));
    }

    pub(super) fn append(&mut self, id: MessageId, to: &str, profile: &Arc<Profile>, line: &str, time: Timestamp) {
        let from = match self.users.get(profile.user().as_str()) {
            Some(person) => person.number,
            None => {
                self.persons += 1;
                self.persons
            }
        };
        let (framing, text) = Framing::split(line);
        let to = self.users[to].number;
        self.messages.push(Said { id, from, to, profile: Arc::clone(profile), text: text.to_owned(), framing, time });
    }

    fn is_user(&self, number: u64) -> bool {
        self.users.values().any(|person| person.number == number)
    }

    fn cursor(&self, reader: u64, other: u64) -> MessageId {
        self.cursors.get(&(reader, other)).copied().unwrap_or_default()
    }

    /// Unread messages, with the number of the conversation's other member.
    fn unread_of(&self, user: &str) -> Vec<&Said> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        let is_unread = |said: &&Said| said.to == reader && said.id > self.cursor(reader, said.from);
        self.messages.iter().filter(is_unread).collect()
    }

    /// Sender's full name, sender and line of each unread message.
    pub(super) fn unread(&self, user: &str) -> Vec<(String, String, String)> {
        let show = |said: &&Said| {
            let line = format!("{}{}{}", said.framing.before(), said.text, said.framing.after());
            (said.profile.full_name().to_owned(), said.profile.user().to_string(), line)
        };
        self.unread_of(user).iter().map(show).collect()
    }

    /// Checks the moves of what is unread.
    pub(super) fn check_unread_moves(&self, user: &str, moves: &[CursorMove]) {
        let mut expected: BTreeMap<u64, (usize, usize, MessageId)> = BTreeMap::new();
        for said in self.unread_of(user) {
            let (messages, bytes, last) = expected.entry(said.from).or_default();
            (*messages, *last) = (*messages + 1, said.id);
            *bytes += said.framing.before().len() + said.text.len() + said.framing.after().len();
        }
        assert_eq!(moves.len(), expected.len(), "unread: one move for each conversation with something unread");
        for it in moves {
            let (reader, other) = self.members(user, it.to).expect("CursorMove::to: a message of the conversation");
            assert_eq!(it.from, self.cursor(reader, other), "CursorMove::from: where the cursor is");
            let Some(&(messages, bytes, last)) = expected.get(&other) else {
                panic!("unread: one move for each conversation with something unread")
            };
            assert_eq!(
                (it.messages, it.bytes),
                (messages, bytes),
                "CursorMove: how many messages and bytes lie between"
            );
            assert!(it.to >= last, "unread: the moves mark as read all that is unread");
        }
    }

    /// The reader, and the other member of the conversation that has the message.
    fn members(&self, user: &str, id: MessageId) -> Option<(u64, u64)> {
        let reader = self.users.get(user)?.number;
        let said = self.messages.iter().find(|said| said.id == id && (said.to == reader || said.from == reader))?;
        Some((reader, if said.to == reader { said.from } else { said.to }))
    }

    /// Whether the cursors are where the moves say, and the conversations are there; `None` if they are, but with a
    /// former user.
    pub(super) fn can_move(&self, user: &str, moves: &[CursorMove], back: bool) -> Option<bool> {
        let mut former = false;
        for it in moves {
            let Some((reader, other)) = self.members(user, it.to) else { return Some(false) };
            if self.cursor(reader, other) != if back { it.to } else { it.from } {
                return Some(false);
            }
            former |= !self.is_user(other);
        }
        if former { None } else { Some(true) }
    }

    pub(super) fn do_moves(&mut self, user: &str, moves: &[CursorMove], back: bool) {
        for it in moves {
            let members = self.members(user, it.to).expect("take, put_back: `false` if the conversation is gone");
            self.cursors.insert(members, if back { it.from } else { it.to });
        }
    }

    pub(super) fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Option<CursorMove> {
        let (reader, other) = (self.users.get(user)?.number, self.users.get(with)?.number);
        let messages: Vec<_> = self.between(reader, other).collect();
        let from = self.cursor(reader, other);
        let to = messages.iter().map(|said| said.id).filter(|id| *id <= upto).max().filter(|to| *to > from)?;
        let passed: Vec<_> =
            messages.iter().filter(|said| said.to == reader && said.id > from && said.id <= to).collect();
        let bytes = passed.iter().map(|it| it.framing.before().len() + it.text.len() + it.framing.after().len()).sum();
        Some(CursorMove { conversation: 0, from, to, messages: passed.len(), bytes })
    }

    fn between(&self, one: u64, other: u64) -> impl Iterator<Item = &Said> {
        self.messages
            .iter()
            .filter(move |said| (said.from, said.to) == (one, other) || (said.to, said.from) == (one, other))
    }

    /// All messages of the conversation.
    pub(super) fn history(&self, user: &str, with: &str) -> Vec<HistoryMessage> {
        let (Some(reader), Some(other)) = (self.users.get(user), self.users.get(with)) else { return Vec::new() };
        self.between(reader.number, other.number).map(|said| show(said, with)).collect()
    }

    /// All messages of all conversations with users who still exist.
    pub(super) fn all(&self, user: &str) -> Vec<HistoryMessage> {
        let mut all: Vec<_> = self.users.keys().flat_map(|with| self.history(user, with)).collect();
        all.sort_by_key(|message| message.id);
        all
    }

    pub(super) fn conversations(&self, user: &str) -> Vec<ConversationState> {
        let Some(reader) = self.users.get(user).map(|person| person.number) else { return Vec::new() };
        let mut states = Vec::new();
        for (with, Person { number: other, .. }) in &self.users {
            let Some(last) = self.between(reader, *other).map(|said| said.id).max() else { continue };
            let read = self.cursor(reader, *other);
            let unread = self.between(reader, *other).filter(|said| said.to == reader && said.id > read).count();
            let with = UserName::parse(with).unwrap();
            states.push(ConversationState::new(with, unread, read, self.cursor(*other, reader), last));
        }
        states
    }

    /// The last id that was given out.
    pub(super) fn last(&self) -> MessageId {
        self.messages.last().map_or(MessageId::NONE, |said| said.id)
    }
}

fn show(said: &Said, with: &str) -> HistoryMessage {
    let with = UserName::parse(with).unwrap();
    HistoryMessage::new(said.id, with, Arc::clone(&said.profile), said.time, said.text.clone())
}

/// The page of `messages` that a store should give.
pub(super) fn page(messages: &[HistoryMessage], position: Position, limit: usize) -> HistoryPage {
    let (mut found, is_backward): (Vec<_>, _) = match position {
        Position::After(id) => (messages.iter().filter(|message| message.id > id).cloned().collect(), false),
        Position::Before(id) => (messages.iter().filter(|message| message.id < id).cloned().collect(), true),
    };
    let more = found.len() > limit;
    if is_backward {
        found.drain(..found.len().saturating_sub(limit));
    } else {
        found.truncate(limit);
    }
    HistoryPage::new(found, more)
}
