//! The conformance suite catches faults: engines that each break one sentence of the contract, and do not pass.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::conformance::{self, Data, Fault};
use chat_lib::model::{Account, Framing, HistoryMessage, Inbox, MessageId, Profile, SessionId, UserName};
use chat_lib::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, HistoryPage, Memory,
    NewMessage, NewSession, Position, Quota, Record, SessionInfo, Sessions, Store, Unread, Visit,
};

/// What an engine does wrong, and a part of what the suite says about it.
const WRONG: &[(Wrong, &str)] = &[
    (Wrong::Nothing, ""),
    (Wrong::AddsTwice, "add_account: `false` if the user name is taken"),
    (Wrong::ListsUsersBackwards, "accounts: all, in order of user name"),
    (Wrong::ForgetsBans, "account: keeps whether the user is banned"),
    (Wrong::ReplacesAnyRevision, "replace_account: `false` if it has another revision"),
    (Wrong::HasOneRevision, "replace_account"),
    (Wrong::DropsMessagesOfFormerUsers, "what others have not read of it yet stays theirs to take"),
    (Wrong::OpensForAnyId, "open_session: `false` if there is a session with that id"),
    (Wrong::NeverProlongs, "use_session: moves the end"),
    (Wrong::ForgetsAddresses, "SessionInfo::from"),
    (Wrong::ListsActiveUsersBackwards, "active_users: each user with a live session"),
    (Wrong::NeverExpires, "use_session: a session is live until it expires"),
    (Wrong::CountsNoSessions, "close_sessions: returns how many there were"),
    (Wrong::ClosesNothing, "close_session: the session has ended"),
    (Wrong::HasNoQuota, "append: `Full`"),
    (Wrong::CountsNoFraming, "append: `Full`"),
    (Wrong::ForgetsFraming, "unread: each text in its framing"),
    (Wrong::ForgetsTimes, "history: time and text"),
    (Wrong::HasNoMemoryLimit, "unread: `TooLarge`"),
    (Wrong::BlocksWhereItMayNot, "read_unread: never answers `WouldBlock`"),
    (Wrong::ShowsInboxesBackwards, "unread: all that the user has not read, in order of arrival"),
    (Wrong::TakesAnyway, "take: "),
    (Wrong::TakesNothing, "take: what was taken is read"),
    (Wrong::TakesOneByOne, "take: `false`, and nothing done"),
    (Wrong::PutsNothingBack, "put"),
    (Wrong::PutsBackOneByOne, "put_back: `false`, and nothing done"),
    (Wrong::ReadsOnlyUptoMessages, "read_until: a position past the last message means the last message"),
    (Wrong::CountsOwnAsRead, "read_until"),
    (Wrong::NeverHasMore, "`more` says whether there are more"),
    (Wrong::HasMoreOnFullPages, "whether there are more"),
    (Wrong::PagesFromTheBeginning, "history"),
    (Wrong::PagesInclusively, "history"),
    (Wrong::PagesBackwardsInDescendingOrder, "history: at most `limit` messages"),
    (Wrong::GivesOneTooMany, "history: "),
    (Wrong::SyncsNoNotes, "sync: notes are a conversation, too"),
    (Wrong::SyncsOneConversation, "sync: "),
    (Wrong::CallsNotesByTheSender, "`with` is the other member"),
    (Wrong::ListsConversationsBackwards, "in order of the other member's name"),
    (Wrong::ShowsOneCursor, "both cursors"),
    (Wrong::DumpsNoConversations, "restor"),
    (Wrong::DumpsOnThroughErrors, "dump: an error that `visit` returns ends it"),
    (Wrong::RestoresAnything, "restore: `false`"),
    (Wrong::HasOneEpoch, "end_restore: begins a new epoch"),
    (Wrong::SaysThatCommitsFail, "a commit failed, and nobody had made it fail"),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wrong {
    Nothing,
    AddsTwice,
    ListsUsersBackwards,
    ForgetsBans,
    ReplacesAnyRevision,
    HasOneRevision,
    DropsMessagesOfFormerUsers,
    OpensForAnyId,
    NeverProlongs,
    ForgetsAddresses,
    ListsActiveUsersBackwards,
    NeverExpires,
    CountsNoSessions,
    ClosesNothing,
    HasNoQuota,
    CountsNoFraming,
    ForgetsFraming,
    ForgetsTimes,
    HasNoMemoryLimit,
    BlocksWhereItMayNot,
    ShowsInboxesBackwards,
    TakesAnyway,
    TakesNothing,
    TakesOneByOne,
    PutsNothingBack,
    PutsBackOneByOne,
    ReadsOnlyUptoMessages,
    CountsOwnAsRead,
    NeverHasMore,
    HasMoreOnFullPages,
    PagesFromTheBeginning,
    PagesInclusively,
    PagesBackwardsInDescendingOrder,
    GivesOneTooMany,
    SyncsNoNotes,
    SyncsOneConversation,
    CallsNotesByTheSender,
    ListsConversationsBackwards,
    ShowsOneCursor,
    DumpsNoConversations,
    DumpsOnThroughErrors,
    RestoresAnything,
    HasOneEpoch,
    SaysThatCommitsFail,
}

#[test]
fn each_fault_is_caught_and_named() {
    let mut missed = Vec::new();
    for &(wrong, told) in WRONG {
        let outcome = catch_unwind(AssertUnwindSafe(|| conformance::check(|| InMemory(wrong))));
        let said = outcome.err().map(|panic| match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => (*panic.downcast::<&str>().expect("panics have messages")).to_owned(),
        });
        let is_named = said.as_ref().is_some_and(|said| said.contains(told));
        if said.is_none() != (wrong == Wrong::Nothing) || said.is_some() && !is_named {
            missed.push((wrong, said));
        }
    }
    assert!(missed.is_empty(), "the suite says something else, or nothing: {missed:#?}");
}

struct InMemory(Wrong);

impl Data for InMemory {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        let store = Memory::new();
        Ok(Box::new(Engine { epoch: store.epoch(), store, wrong: self.0 }))
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn fail_next_commit(&self, _fault: Fault) -> bool {
        false
    }
}

struct Engine {
    store: Memory,
    epoch: String,
    wrong: Wrong,
}

impl Engine {
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
        Box::new(Steps { batch: self.store.begin(), wrong: self.wrong })
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
        match (self.wrong, position) {
            (Wrong::PagesBackwardsInDescendingOrder, Position::Before(_)) => found.messages.reverse(),
            (Wrong::CallsNotesByTheSender, _) => {
                for it in &mut found.messages {
                    it.with = it.from.user().clone();
                }
            }
            _ => {}
        }
        Ok(self.page(found, limit))
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<HistoryPage, Error> {
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
        Ok(self.page(HistoryPage::new(shown, more), limit))
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.store.dump(&mut |record| match (self.wrong, record) {
            (Wrong::DumpsNoConversations, Record::Conversation(_)) => Ok(()),
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
}

impl Wrong {
    fn inbox(self, unread: Unread) -> Unread {
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

struct Steps<'a> {
    batch: Box<dyn Batch + 'a>,
    wrong: Wrong,
}

impl Batch for Steps<'_> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        Ok(self.batch.restore(record)? || self.wrong == Wrong::RestoresAnything)
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.batch.begin_restore()
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.batch.end_restore()
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.batch.commit()?;
        match self.wrong {
            Wrong::SaysThatCommitsFail => Err(CommitError::Undone(Error::Busy)),
            _ => Ok(()),
        }
    }
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.batch.account(user)?.map(|account| {
            let mut account = (*account).clone();
            account.banned &= self.wrong != Wrong::ForgetsBans;
            if self.wrong == Wrong::HasOneRevision {
                account.revision = 1;
            }
            Arc::new(account)
        }))
    }

    fn accounts(&mut self) -> Result<Vec<Arc<Account>>, Error> {
        let mut accounts = self.batch.accounts()?;
        if self.wrong == Wrong::ListsUsersBackwards {
            accounts.reverse();
        }
        Ok(accounts)
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.batch.add_account(account)? || self.wrong == Wrong::AddsTwice)
    }

    fn replace_account(&mut self, mut account: Account) -> Result<bool, Error> {
        let current = self.batch.account(account.profile.user().as_str())?.map_or(0, |account| account.revision);
        match self.wrong {
            Wrong::ReplacesAnyRevision => account.revision = current,
            Wrong::HasOneRevision if account.revision == 1 => account.revision = current,
            _ => {}
        }
        self.batch.replace_account(account)
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        if self.wrong == Wrong::DropsMessagesOfFormerUsers {
            for other in self.batch.accounts()? {
                let other = other.profile.user().as_str();
                if let Unread::Messages { moves, .. } = self.batch.unread(other, usize::MAX)? {
                    self.batch.take(other, &moves)?;
                }
            }
        }
        self.batch.remove_account(user)
    }
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<bool, Error> {
        let from: Option<SocketAddr> = session.from.filter(|_| self.wrong != Wrong::ForgetsAddresses);
        let never = self.wrong == Wrong::NeverExpires;
        let expires = if never { Timestamp::from_millis(u64::MAX) } else { session.expires };
        let opened = self.batch.open_session(NewSession { from, expires, ..session })?;
        let exists = self.batch.account(session.user)?.is_some();
        Ok(opened || exists && self.wrong == Wrong::OpensForAnyId)
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        let expires = if self.wrong == Wrong::NeverProlongs { now } else { expires };
        self.batch.use_session(id, now, expires)
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        match self.wrong {
            Wrong::ClosesNothing => self.batch.use_session(id, now, now),
            _ => self.batch.close_session(id, now),
        }
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        let count = self.batch.close_sessions(user)?;
        Ok(if self.wrong == Wrong::CountsNoSessions { 0 } else { count })
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        let mut users = self.batch.active_users(now)?;
        if self.wrong == Wrong::ListsActiveUsersBackwards {
            users.reverse();
        }
        Ok(users)
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.batch.sessions(now)
    }
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let mut message = message;
        let quota = match self.wrong {
            Wrong::HasNoQuota => Quota::UNLIMITED,
            Wrong::CountsNoFraming => {
                let framing = message.framing.before().len() + message.framing.after().len();
                Quota { bytes: quota.bytes.saturating_add(framing), ..quota }
            }
            _ => quota,
        };
        match self.wrong {
            Wrong::ForgetsFraming => message.framing = Framing::DEFAULT,
            Wrong::ForgetsTimes => message.time = Timestamp::EPOCH,
            _ => {}
        }
        self.batch.append(message, quota)
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        let max_bytes = if self.wrong == Wrong::HasNoMemoryLimit { usize::MAX } else { max_bytes };
        Ok(self.wrong.inbox(self.batch.unread(user, max_bytes)?))
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        match self.wrong {
            Wrong::TakesNothing => Ok(true),
            Wrong::TakesAnyway => self.batch.take(user, moves).map(|_| true),
            Wrong::TakesOneByOne => {
                let taken: Result<Vec<_>, _> = moves.iter().map(|it| self.batch.take(user, &[*it])).collect();
                Ok(taken?.iter().all(|taken| *taken))
            }
            _ => self.batch.take(user, moves),
        }
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        match self.wrong {
            Wrong::PutsNothingBack => Ok(true),
            Wrong::PutsBackOneByOne => {
                let put: Result<Vec<_>, _> = moves.iter().map(|it| self.batch.put_back(user, &[*it])).collect();
                Ok(put?.iter().all(|put| *put))
            }
            _ => self.batch.put_back(user, moves),
        }
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        let mut states = self.batch.conversations(user)?;
        match self.wrong {
            Wrong::ListsConversationsBackwards => states.reverse(),
            Wrong::ShowsOneCursor => states.iter_mut().for_each(|state| state.read_by_other = state.read),
            _ => {}
        }
        Ok(states)
    }
}
