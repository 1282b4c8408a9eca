//! A store in memory that does one thing wrong.

use std::sync::Arc;

use chat_lib::Error;
use chat_lib::model::{Account, ConversationName, HistoryMessage, Inbox, MessageId, UserName};
use chat_lib::store::{
    Batch, Commits, CursorMove, FoundMessage, HistoryPage, Memory, NewMessage, News, Position, Record, RoomKeep, Store,
    SyncPage, Unread, Visit,
};

use super::Wrong;
use super::steps::{Keys, Steps};

pub(super) struct Engine {
    store: Memory,
    epoch: String,
    wrong: Wrong,
    keys: Keys,
}

impl Engine {
    pub(super) fn new(wrong: Wrong) -> Self {
        let store = Memory::new();
        Self { epoch: store.epoch(), store, wrong, keys: Keys::default() }
    }

    /// What is wrong with each message of a page.
    fn spoil(&self, message: &mut HistoryMessage) -> Result<(), Error> {
        match self.wrong {
            Wrong::CallsNotesByTheSender => message.with = message.from.user().clone().into(),
            Wrong::MarksNothingAsDeleted => message.deleted = false,
            Wrong::ShowsKeysToAll => {
                let before = MessageId::new(message.id.get() - 1).unwrap_or_default();
                message.key = self.store.news(before)?.messages.first().and_then(|news| news.key.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn page(&self, mut page: HistoryPage, limit: usize) -> HistoryPage {
        match self.wrong {
            Wrong::NeverHasMore => page.more = false,
            Wrong::HasMoreOnFullPages => page.more = page.messages.len() == limit,
            _ => {}
        }
        page
    }
}

impl Store for Engine {
    fn epoch(&self) -> String {
        if self.wrong == Wrong::HasOneEpoch { self.epoch.clone() } else { self.store.epoch() }
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        Box::new(Steps { batch: self.store.begin(), wrong: self.wrong, keys: &self.keys })
    }

    fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    fn commit_waits(&self) -> bool {
        self.store.commit_waits()
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        if self.wrong == Wrong::BlocksWhereItMayNot {
            return Ok(Unread::WouldBlock);
        }
        let max_bytes = if self.wrong == Wrong::HasNoMemoryLimit { usize::MAX } else { max_bytes };
        Ok(self.wrong.inbox(self.store.read_unread(user, max_bytes)?))
    }

    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error> {
        match self.wrong {
            Wrong::ReadsNoRooms => self.store.read_unread(user, max_bytes),
            Wrong::ReadsRoomsInAnySize => self.store.read_unread_room(user, room, usize::MAX),
            _ => self.store.read_unread_room(user, room, max_bytes),
        }
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        let read = self.store.read_until(user, with, upto)?;
        Ok(match self.wrong {
            Wrong::ReadsOnlyUptoMessages => read.filter(|read| upto != MessageId::MAX || read.to == upto),
            Wrong::CountsOwnAsRead => read.map(|read| CursorMove { messages: read.messages + 1, ..read }),
            _ => read,
        })
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        let page = |position, limit| self.store.history(user, with, position, limit);
        let mut found = match (self.wrong, position) {
            (Wrong::PagesFromTheBeginning, Position::Before(end)) => {
                let all = page(Position::After(MessageId::NONE), usize::MAX)?.messages;
                let before: Vec<_> = all.into_iter().filter(|message| message.id < end).collect();
                let more = before.len() > limit;
                HistoryPage::new(before.into_iter().take(limit).collect(), more)
            }
            (Wrong::PagesInclusively, Position::After(id)) if id > MessageId::NONE => {
                page(Position::After(MessageId::new(id.get() - 1).unwrap_or_default()), limit)?
            }
            (Wrong::GivesOneTooMany, _) => page(position, limit.saturating_add(1))?,
            _ => page(position, limit)?,
        };
        if let (Wrong::PagesBackwardsInDescendingOrder, Position::Before(_)) = (self.wrong, position) {
            found.messages.reverse();
        }
        found.messages.iter_mut().try_for_each(|message| self.spoil(message))?;
        Ok(self.page(found, limit))
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        let mut page = self.store.sync(user, after, usize::MAX)?;
        let mut all = page.messages;
        // A page may have fewer messages than it was asked for.
        while let Some(last) = all.last().filter(|_| page.more) {
            page = self.store.sync(user, last.id, usize::MAX)?;
            all.append(&mut page.messages);
        }
        let first = all.first().map(|message| message.with.clone());
        let is_shown = |message: &HistoryMessage| match self.wrong {
            Wrong::SyncsNoNotes => message.with.as_str() != user,
            Wrong::SyncsOneConversation => Some(&message.with) == first.as_ref(),
            _ => true,
        };
        let mut shown: Vec<_> = all.into_iter().filter(is_shown).collect();
        let more = shown.len() > limit;
        shown.truncate(limit);
        shown.iter_mut().filter(|_| self.wrong != Wrong::CallsNotesByTheSender).try_for_each(|it| self.spoil(it))?;
        let next = match (self.wrong, shown.last()) {
            (Wrong::GoesOnAtTheEnd, _) => MessageId::MAX,
            (Wrong::GoesOnWhereItWas, _) => after,
            (_, Some(last)) if more => last.id,
            _ => page.next,
        };
        let HistoryPage { messages, more, .. } = self.page(HistoryPage::new(shown, more), limit);
        Ok(SyncPage::new(messages, next, more))
    }

    fn last_message(&self) -> MessageId {
        let last = self.store.last_message();
        match self.wrong {
            Wrong::KnowsNoLastMessage => MessageId::NONE,
            Wrong::PromisesTooMuch => MessageId::new(last.get() + 1000).unwrap_or_default(),
            _ => last,
        }
    }

    fn news(&self, after: MessageId) -> Result<News, Error> {
        let News { mut messages, upto, .. } = self.store.news(after)?;
        match self.wrong {
            Wrong::TellsNoNews => messages.clear(),
            Wrong::TellsNoNewsOfRooms => messages.retain(|it| matches!(it.to, ConversationName::User(_))),
            Wrong::TellsNewsBackwards => messages.reverse(),
            Wrong::TellsNoKeys => messages.iter_mut().for_each(|it| it.key = None),
            Wrong::MarksNothingAsDeletedInNews => messages.iter_mut().for_each(|it| it.deleted = false),
            _ => {}
        }
        Ok(News::new(messages, upto))
    }

    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error> {
        let found = self.store.find_message(user, id)?;
        let users = look(&self.store, |batch| batch.accounts("", usize::MAX))?;
        Ok(match self.wrong {
            Wrong::FindsForAnybody => {
                let find = |user: &Arc<Account>| self.store.find_message(user.profile.user().as_str(), id);
                users.iter().map(find).find_map(Result::transpose).transpose()?
            }
            Wrong::NamesFormerSenders => found.map(|found| {
                let from = found.from.or_else(|| UserName::parse(user).ok());
                FoundMessage { from, ..found }
            }),
            Wrong::MeasuresNoFraming => found.map(|found| FoundMessage { bytes: found.bytes.min(4), ..found }),
            _ => found,
        })
    }

    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error> {
        let mut found = self.store.find_sent(user, after, limit)?;
        match self.wrong {
            Wrong::FindsOnlyWhatTheSenderSees => {
                found.retain(|it| matches!(self.store.find_message(user, it.id), Ok(Some(_))));
            }
            Wrong::FindsTooMuch => found = self.store.find_sent(user, after, usize::MAX)?,
            _ => {}
        }
        Ok(found)
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.store.dump(&mut |record| match (self.wrong, record) {
            (Wrong::DumpsNoConversations, Record::Conversation(_))
            | (Wrong::DumpsNoRooms, Record::Room { .. })
            | (Wrong::DumpsNoInvitations, Record::Invitation(_))
            | (Wrong::DumpsNoBlocks, Record::Block { .. })
            | (Wrong::DumpsNoKeys, Record::Key { .. }) => Ok(()),
            (Wrong::DumpsNoCursorsOfRooms, Record::Room { name, title, open, keep, members }) => {
                let mut members = members.to_vec();
                members.iter_mut().for_each(|member| member.read = member.since);
                visit(Record::Room { name, title, open, keep, members: &members })
            }
            (Wrong::DumpsNoLimitsOfRooms, Record::Room { name, title, open, members, .. }) => {
                visit(Record::Room { name, title, open, keep: RoomKeep::default(), members })
            }
            (Wrong::DumpsNoKeysOfMessages, Record::Message { id, message, from_former_user, deleted }) => {
                let message = NewMessage { key: None, ..message };
                visit(Record::Message { id, message, from_former_user, deleted })
            }
            (Wrong::DumpsDeletedAsEmpty, Record::Message { id, message, from_former_user, .. }) => {
                visit(Record::Message { id, message, from_former_user, deleted: false })
            }
            (Wrong::DumpsOnThroughErrors, record) => visit(record).or(Ok(())),
            (_, record) => visit(record),
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.store.check()
    }

    fn tidy(&self) -> Result<(), Error> {
        self.store.tidy()
    }

    fn commits(&self) -> Commits {
        self.store.commits()
    }

    fn data_bytes(&self) -> u64 {
        self.store.data_bytes()
    }

    fn check_writable(&self) -> Result<(), Error> {
        match self.wrong {
            Wrong::IsNeverWritable => Err(Error::Busy),
            _ => self.store.check_writable(),
        }
    }
}

impl Wrong {
    /// How the underlying engine is asked for a list.
    pub(super) fn asked<'a>(self, list: &str, after: &'a str, limit: usize) -> (&'a str, usize) {
        match self {
            Self::StartsOver(wrong) if wrong == list => ("", limit),
            Self::IgnoresLimits(wrong) if wrong == list => (after, usize::MAX),
            _ => (after, limit),
        }
    }

    pub(super) fn inbox(self, unread: Unread) -> Unread {
        match unread {
            Unread::Messages { inbox, moves } if self == Self::ShowsInboxesBackwards => {
                let messages: Vec<_> = inbox.iter().collect();
                let mut reversed = Inbox::new(inbox.to());
                messages.iter().rev().for_each(|it| reversed.push(&Arc::new(it.from.clone()), it.text));
                Unread::Messages { inbox: reversed, moves }
            }
            unread => unread,
        }
    }
}

/// What is committed.
fn look<T>(store: &dyn Store, look: impl FnOnce(&mut dyn Batch) -> Result<T, Error>) -> Result<T, Error> {
    let mut batch = store.begin();
    let found = look(&mut *batch)?;
    batch.commit()?;
    Ok(found)
}
