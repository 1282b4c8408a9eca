//! What reads messages: methods of the store, which see what is committed.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use chat_lib::Error;
use chat_lib::model::{HistoryMessage, MessageId};
use chat_lib::store::{
    Batch, Commits, CursorMove, FoundMessage, HistoryPage, Member, News, NewsMessage, Position, Record, RoomMembership,
    RoomState, Store, SyncPage, Unread, Visit,
};

use super::Engine;
use super::conversation::{Conversation, Kind, Message};
use super::state::State;
use super::steps::Steps;

impl Store for Engine {
    fn epoch(&self) -> String {
        self.lock().state.epoch.clone()
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        Box::new(Steps { inner: self.lock(), changes: Vec::new() })
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn commit_waits(&self) -> bool {
        true
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.read(|state| Ok(state.unread(user, max_bytes, |conversation| conversation.room().is_none())))
    }

    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error> {
        let is_asked = |it: &Conversation| it.room().is_some_and(|it| it.name.as_str() == room);
        self.read(|state| Ok(state.unread(user, max_bytes, is_asked)))
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        self.read(|state| Ok(state.with(user, with).and_then(|conversation| conversation.cursor_move(user, upto))))
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        self.read(|state| {
            let Some(conversation) = state.with(user, with) else { return Ok(HistoryPage::default()) };
            let visible = conversation.visible(user);
            let show = |(id, message)| conversation.show(user, id, message);
            Ok(match position {
                Position::After(after) => page(visible.filter(|(id, _)| *id > after).filter_map(show), limit),
                Position::Before(before) => {
                    let mut page = page(visible.rev().filter(|(id, _)| *id < before).filter_map(show), limit);
                    page.messages.reverse();
                    page
                }
            })
        })
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        self.read(|state| {
            let mut messages = BTreeMap::new();
            for conversation in state.conversations(user) {
                let later = conversation.visible(user).filter(|(id, _)| *id > after);
                messages.extend(later.map(|(id, message)| (id, (conversation, message))));
            }
            let show = |(id, (conversation, message)): (_, (&Conversation, _))| conversation.show(user, id, message);
            let HistoryPage { messages, more, .. } = page(messages.into_iter().filter_map(show), limit);
            let next = messages.last().map_or(after, |last| last.id);
            Ok(SyncPage::new(messages, next, more))
        })
    }

    fn last_message(&self) -> MessageId {
        // After a failed commit and a disk that cannot be read, what was there before is the best answer.
        self.read(|state| Ok(state.last)).unwrap_or_else(|_| self.lock().state.last)
    }

    fn news(&self, after: MessageId) -> Result<News, Error> {
        self.read(|state| {
            let mut news = BTreeMap::new();
            for conversation in state.conversations.values().filter(|it| !matches!(it.kind, Kind::Former)) {
                for (id, message) in conversation.messages.range((Excluded(after), Unbounded)) {
                    let Message { to, from, time, text, key, deleted, .. } = message;
                    let (to, from, time, text) = (to.clone(), from.clone(), *time, text.clone());
                    news.insert(
                        *id,
                        NewsMessage { id: *id, to, from, time, text, key: key.clone(), deleted: *deleted },
                    );
                }
            }
            Ok(News::new(news.into_values().collect(), state.last.max(after)))
        })
    }

    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error> {
        self.read(|state| {
            let found = |conversation: &Conversation| {
                let (_, message) = conversation.visible(user).find(|(it, _)| *it == id)?;
                Some(FoundMessage {
                    id,
                    with: conversation.name(user).filter(|_| !message.deleted)?,
                    from: Some(message.from.user().clone()).filter(|_| !message.former),
                    conversation: conversation.number,
                    bytes: message.len(),
                })
            };
            Ok(state.conversations(user).find_map(found))
        })
    }

    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error> {
        self.read(|state| {
            let mut sent = BTreeMap::new();
            for conversation in state.conversations.values().filter(|it| !matches!(it.kind, Kind::Former)) {
                for (id, message) in conversation.messages.range((Excluded(after), Unbounded)) {
                    if message.from.user().as_str() == user && !message.former && !message.deleted {
                        let (with, from) = (message.to.clone(), Some(message.from.user().clone()));
                        let (conversation, bytes) = (conversation.number, message.len());
                        sent.insert(*id, FoundMessage { id: *id, with, from, conversation, bytes });
                    }
                }
            }
            Ok(sent.into_values().take(limit).collect())
        })
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.read(|state| dump(state, visit))
    }

    fn check(&self) -> Result<(), Error> {
        self.lock().load().map(drop)
    }

    fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }

    fn commits(&self) -> Commits {
        self.lock().commits.clone()
    }

    fn data_bytes(&self) -> u64 {
        self.lock().length
    }

    fn check_writable(&self) -> Result<(), Error> {
        self.lock().recover()
    }
}

/// The first `limit` messages, and whether there are more.
fn page(mut messages: impl Iterator<Item = HistoryMessage>, limit: usize) -> HistoryPage {
    let page = messages.by_ref().take(limit).collect();
    HistoryPage::new(page, messages.next().is_some())
}

fn dump(state: &State, visit: &mut Visit<'_>) -> Result<(), Error> {
    state.users.values().try_for_each(|user| visit(Record::Account(&user.account)))?;
    state.invitations().iter().try_for_each(|invitation| visit(Record::Invitation(invitation)))?;
    for (name, user) in &state.users {
        for blocked in &user.blocked {
            visit(Record::Block { user: name.as_str(), blocked: blocked.as_str() })?;
        }
    }
    let (mut rooms, mut messages) = (BTreeMap::new(), BTreeMap::new());
    for conversation in state.conversations.values() {
        match &conversation.kind {
            Kind::Direct => {
                let members = conversation.members.iter();
                let members: Vec<_> = members.map(|(user, it)| Member { user: user.as_str(), read: it.read }).collect();
                visit(Record::Conversation(&members))?;
                messages.extend(conversation.messages.iter().map(|(id, it)| (*id, it)));
            }
            Kind::Former => {
                for user in conversation.members.keys() {
                    messages.extend(conversation.unread(user.as_str()));
                }
            }
            Kind::Room(room) => {
                rooms.insert(&room.name, (room, conversation));
                messages.extend(conversation.messages.iter().map(|(id, it)| (*id, it)));
            }
        }
    }
    for (name, (room, conversation)) in rooms {
        let members = conversation.members.iter().map(|(user, it)| RoomMembership {
            user: user.as_str(),
            standing: it.standing,
            since: it.since,
            read: it.read,
        });
        let RoomState { title, open, keep, .. } = room;
        visit(Record::Room { name, title, open: *open, keep: *keep, members: &members.collect::<Vec<_>>() })?;
    }
    for (id, it) in messages {
        let (message, from_former_user, deleted) = (it.as_new(), it.former, it.deleted);
        visit(Record::Message { id, message, from_former_user, deleted })?;
    }
    for (name, user) in &state.users {
        for (key, it) in &user.keys {
            let (id, time) = (it.id, it.time);
            visit(Record::Key { user: name.as_str(), to: &it.to, key, id, time })?;
        }
    }
    Ok(())
}
