//! The commands that read messages: `history`, `sync`, `read`, `conversations` and `delete`. Each has a step that looks whether
//! there is such a conversation, a [`ReadJob`] that reads, and a step that looks again, because others may have done something
//! meanwhile, and then answers or changes something. `inbox` and `inboxgroup` are in [`inbox`](super::inbox).

use std::collections::BTreeSet;

use super::budget::Share;
use super::commands::Asker;
use super::event::Caller;
use super::inbox::take;
use super::notice::Notice;
use super::rooms::find_member;
use super::step::Work;
use super::{Chat, Job, Step, Turn};
use crate::error::Error;
use crate::limits::{LIST_MAX, MESSAGE_OVERHEAD, PAGE_BYTES};
use crate::model::{ConversationName, HistoryMessage, MessageId, RoomName};
use crate::protocol::{ConversationView, List, Reply};
use crate::store::{ConversationState, CursorMove, FoundMessage, HistoryPage, Position, Standing, SyncPage};

/// Messages that are still to be read.
pub(super) struct ReadJob {
    chat: Chat,
    asker: Asker,
    what: Reading,
}

/// What is to be read.
enum Reading {
    History { with: ConversationName, position: Position, limit: usize },
    Sync { after: MessageId, limit: usize },
    CursorMove { with: ConversationName, upto: MessageId },
    Conversations { page: Vec<ConversationName>, more: bool },
    Message { id: MessageId },
}

/// What a [`ReadJob`] gives.
pub(super) struct ReadDone {
    asker: Asker,
    found: Result<Found, Error>,
    /// Counts what was found as held for answers until the answer is written and counts itself. Otherwise, all that is read at
    /// once is given the same room.
    held: Share,
}

enum Found {
    History {
        with: ConversationName,
        page: HistoryPage,
    },
    Sync(SyncPage),
    CursorMove {
        with: ConversationName,
        upto: MessageId,
        cursor: Option<CursorMove>,
    },
    /// Each with its last message.
    Conversations {
        page: Vec<(ConversationName, Option<HistoryMessage>)>,
        more: bool,
    },
    Message(Option<FoundMessage>),
}

impl Chat {
    pub(super) fn start_history(
        &self,
        asker: Asker,
        with: &str,
        (position, limit): (Position, usize),
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let (with, limit) = (find_conversation(with, &asker, turn)?, limit.min(LIST_MAX));
        Ok(self.read(asker, Reading::History { with, position, limit }, caller))
    }

    pub(super) fn start_sync(&self, asker: Asker, after: MessageId, limit: usize, caller: &Caller) -> Step {
        self.read(asker, Reading::Sync { after, limit: limit.min(LIST_MAX) }, caller)
    }

    pub(super) fn start_read(
        &self,
        asker: Asker,
        with: &str,
        upto: MessageId,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let with = find_conversation(with, &asker, turn)?;
        Ok(self.read(asker, Reading::CursorMove { with, upto }, caller))
    }

    pub(super) fn start_conversations(
        &self,
        asker: Asker,
        before: MessageId,
        limit: usize,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let mut states = turn.batch.conversations(asker.name())?;
        turn.count_work(states.len() / 2);
        states.retain(|state| state.last < before);
        states.sort_by_key(|state| std::cmp::Reverse(state.last));
        // Those without a message have nothing to go on from, so they are not spread over pages.
        let said = states.iter().take_while(|state| state.last > MessageId::NONE).count();
        let limit = limit.min(LIST_MAX);
        let count = if said < limit { states.len() } else { limit };
        let more = states.len() > count;
        let page = states.into_iter().take(count).map(|state| state.with).collect();
        Ok(self.read(asker, Reading::Conversations { page, more }, caller))
    }

    pub(super) fn start_delete(&self, asker: Asker, id: MessageId, caller: &Caller) -> Step {
        self.read(asker, Reading::Message { id }, caller)
    }

    fn read(&self, asker: Asker, what: Reading, caller: &Caller) -> Step {
        Step::Job(Job::new(caller, Work::Read(Box::new(ReadJob { chat: self.clone(), asker, what }))))
    }

    /// The step after [`ReadJob`].
    pub(super) fn finish_reading(&self, done: ReadDone, caller: &Caller, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let ReadDone { asker, found, held: _held } = done;
        let found = found?;
        asker.check(turn)?;
        Ok(Step::Done(match found {
            Found::History { with, page: HistoryPage { messages: entries, more } } => {
                find_conversation(with.as_str(), &asker, turn)?;
                Reply::History(List { entries, more })
            }
            Found::Sync(SyncPage { messages: entries, next, more }) => {
                Reply::Sync(List { entries: without_rooms_left(entries, &asker, turn)?, more }, next)
            }
            Found::CursorMove { with, upto, cursor } => {
                find_conversation(with.as_str(), &asker, turn)?;
                if let Some(cursor) = cursor
                    && !take(asker.user.user(), &[cursor], turn)?
                {
                    // Another reader was quicker.
                    return Ok(self.read(asker, Reading::CursorMove { with, upto }, caller));
                }
                let state = turn.batch.conversation(asker.name(), with.as_str())?;
                Reply::Read { unread: state.map_or(0, |state| state.unread) }
            }
            Found::Conversations { page, more } => {
                let mut entries = Vec::with_capacity(page.len());
                for (with, last) in page {
                    // It may be gone by now.
                    if let Some(state) = turn.batch.conversation(asker.name(), with.as_str())? {
                        entries.push(view(state, last, &asker));
                    }
                }
                Reply::Conversations(List { entries, more })
            }
            Found::Message(message) => {
                let message = message.ok_or(Error::NoSuchMessage)?;
                delete(&message, &asker, turn)?;
                Reply::Done
            }
        }))
    }
}

impl ReadJob {
    pub(super) fn run(self) -> ReadDone {
        let Self { chat, asker, what } = self;
        let (store, user) = (&*chat.inner.config.store, asker.name());
        // A page of long messages is shorter than was asked for.
        let room = chat.answer_room().min(PAGE_BYTES);
        let found = match what {
            Reading::History { with, position, limit } => {
                store.history(user, with.as_str(), position, limit).map(|mut page| {
                    let all = page.messages.len();
                    match position {
                        Position::After(_) => page.messages.truncate(fitting(page.messages.iter(), room)),
                        Position::Before(_) => {
                            let fitting = fitting(page.messages.iter().rev(), room);
                            page.messages.drain(..all.saturating_sub(fitting));
                        }
                    }
                    page.more |= page.messages.len() < all;
                    Found::History { with, page }
                })
            }
            Reading::Sync { after, limit } => store.sync(user, after, limit).map(|mut page| {
                shorten(&mut page, room);
                Found::Sync(page)
            }),
            Reading::CursorMove { with, upto } => {
                store.read_until(user, with.as_str(), upto).map(|cursor| Found::CursorMove { with, upto, cursor })
            }
            Reading::Conversations { page, more } => {
                let last = |with: ConversationName| {
                    let end = store.history(user, with.as_str(), Position::Before(MessageId::MAX), 1)?;
                    Ok((with, end.messages.into_iter().next_back()))
                };
                let (mut bytes, all) = (0, page.len());
                let fits = |found: &Result<(_, Option<HistoryMessage>), Error>| {
                    let is_first = bytes == 0;
                    bytes += found
                        .as_ref()
                        .map_or(0, |(_, last)| MESSAGE_OVERHEAD + last.as_ref().map_or(0, |last| last.text.len()));
                    is_first || bytes <= room
                };
                let page: Result<Vec<_>, Error> = page.into_iter().map(last).take_while(fits).collect();
                page.map(|page| Found::Conversations { more: more || page.len() < all, page })
            }
            Reading::Message { id } => store.find_message(user, id).map(Found::Message),
        };
        let held = chat.share(found.as_ref().map_or(0, Found::bytes));
        ReadDone { asker, found, held }
    }
}

impl Found {
    /// About how many bytes it takes in an answer.
    fn bytes(&self) -> usize {
        match self {
            Self::History { page: HistoryPage { messages, .. }, .. } | Self::Sync(SyncPage { messages, .. }) => {
                messages.iter().map(size).sum()
            }
            Self::Conversations { page, .. } => page.iter().filter_map(|(_, last)| last.as_ref()).map(size).sum(),
            Self::CursorMove { .. } | Self::Message(_) => 0,
        }
    }
}

/// About how many bytes a message takes in an answer.
fn size(message: &HistoryMessage) -> usize {
    MESSAGE_OVERHEAD + message.text.len()
}

/// Drops the last messages of a page if there is no room for them.
pub(super) fn shorten(page: &mut SyncPage, room: usize) {
    let fitting = fitting(page.messages.iter(), room);
    if fitting < page.messages.len() {
        page.messages.truncate(fitting);
        page.more = true;
        page.next = page.messages.last().map_or(page.next, |last| last.id);
    }
}

/// How many messages there is room for: one at least.
fn fitting<'a>(messages: impl Iterator<Item = &'a HistoryMessage>, room: usize) -> usize {
    let mut bytes = 0;
    let fits = |message: &&HistoryMessage| {
        bytes += size(message);
        bytes <= room
    };
    messages.take_while(fits).count().max(1)
}

/// The conversation that a user calls `with`. One with a user to whom nothing was sent yet is as good as any.
fn find_conversation(with: &str, asker: &Asker, turn: &mut Turn<'_>) -> Result<ConversationName, Error> {
    if with.starts_with('#') {
        return Ok(ConversationName::Room(find_member(with, asker.user.user(), turn)?.0.name));
    }
    let account = turn.batch.account(with)?.ok_or(Error::NoSuchConversation)?;
    Ok(ConversationName::User(account.profile.user().clone()))
}

/// Leaves out the messages of rooms that the user is not a member of any more.
fn without_rooms_left(
    mut messages: Vec<HistoryMessage>,
    asker: &Asker,
    turn: &mut Turn<'_>,
) -> Result<Vec<HistoryMessage>, Error> {
    let room_of = |message: &HistoryMessage| match &message.with {
        ConversationName::Room(room) => Some(room.clone()),
        ConversationName::User(_) => None,
    };
    let rooms: BTreeSet<RoomName> = messages.iter().filter_map(room_of).collect();
    let mut left = BTreeSet::new();
    for room in rooms {
        if !turn.batch.standing(room.as_str(), asker.name())?.is_some_and(Standing::is_member) {
            left.insert(room);
        }
    }
    if !left.is_empty() {
        messages.retain(|message| room_of(message).is_none_or(|room| !left.contains(&room)));
    }
    Ok(messages)
}

fn view(state: ConversationState, last: Option<HistoryMessage>, asker: &Asker) -> ConversationView {
    let ConversationState { with, unread, read, read_by_other, .. } = state;
    let mut members = Vec::new();
    if let (ConversationName::User(other), Some(read_by_other)) = (&with, read_by_other) {
        members.push((asker.user.user().clone(), read));
        if other != asker.user.user() {
            members.push((other.clone(), read_by_other));
        }
    }
    ConversationView { with, unread, read, last, members }
}

/// Deletes a message that a user can see, if the user may.
fn delete(message: &FoundMessage, asker: &Asker, turn: &mut Turn<'_>) -> Result<(), Error> {
    let standing = match &message.with {
        ConversationName::User(_) => None,
        ConversationName::Room(room) => match turn.batch.standing(room.as_str(), asker.name())? {
            Some(standing) if standing.is_member() => Some(standing),
            _ => return Err(Error::NoSuchMessage),
        },
    };
    if message.from.as_ref() != Some(asker.user.user()) && standing != Some(Standing::Owner) {
        return Err(Error::NotYourMessage);
    }
    if !turn.batch.delete(message)? {
        return Err(Error::NoSuchMessage);
    }
    turn.post(Notice::Deleted { user: asker.user.user().clone(), with: message.with.clone(), id: message.id });
    Ok(())
}
