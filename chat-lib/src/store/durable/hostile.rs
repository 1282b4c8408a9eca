//! A backend in memory that fails at the n-th call, forgets what was not synced, and does not tell the outcome of a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::backend::{Backend, Compaction, OnDemandTables};
use super::core::Core;
use super::record::Record;
use super::*;
use crate::conformance::{Data, Fault};
use crate::model::{Account, Framing, Invitation, InvitationId, Profile, UserName};
use crate::store::index::{
    AccountId, AccountRow, Change, KeysRow, MemberRow, RoomRow, SessionRow, StreamRow, Summary, Tables,
};
use crate::store::log::{Block, ProfileId, StreamId};
use crate::store::{Appended, Batch, CommitError, NewMessage, Quota, new_epoch};

#[derive(Clone, Default)]
pub(super) struct Hostile(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now: Content,
    synced: Content,
    /// Whether commits wait for the disk.
    syncs: bool,
    /// How many calls go well before one that does not.
    fuse: Option<usize>,
    /// How the next commit fails.
    fault: Option<Fault>,
    /// Every commit fails.
    is_full: bool,
}

/// What a database would have.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) profiles: BTreeMap<u32, Profile>,
    pub(super) accounts: BTreeMap<u32, AccountRow>,
    pub(super) streams: BTreeMap<u32, StreamRow>,
    pub(super) sessions: BTreeMap<u64, SessionRow>,
    pub(super) invitations: BTreeMap<InvitationId, Invitation>,
    pub(super) log: BTreeMap<MessageId, Block>,
    pub(super) marks: BTreeSet<(StreamId, MessageId)>,
    pub(super) rooms: BTreeMap<u32, RoomRow>,
    pub(super) members: BTreeMap<(StreamId, AccountId), MemberRow>,
    pub(super) blocks: BTreeSet<(AccountId, AccountId)>,
    pub(super) deleted: BTreeSet<MessageId>,
    pub(super) keys: BTreeMap<u64, KeysRow>,
    pub(super) summary: Summary,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            profiles: BTreeMap::new(),
            accounts: BTreeMap::new(),
            streams: BTreeMap::new(),
            sessions: BTreeMap::new(),
            invitations: BTreeMap::new(),
            log: BTreeMap::new(),
            marks: BTreeSet::new(),
            rooms: BTreeMap::new(),
            members: BTreeMap::new(),
            blocks: BTreeSet::new(),
            deleted: BTreeSet::new(),
            keys: BTreeMap::new(),
            summary: Summary::empty(new_epoch(), 0),
        }
    }
}

impl Hostile {
    pub(super) fn syncing() -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().syncs = true;
        disk
    }

    /// What a loss of power does.
    pub(super) fn crash(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.now = inner.synced.clone();
        inner.fuse = None;
        inner.fault = None;
    }

    /// How the next commit fails.
    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().fault = fault;
    }

    /// What it has now, even if the next call fails.
    pub(super) fn now(&self) -> Content {
        self.0.lock().unwrap().now.clone()
    }

    /// Has it changed by somebody else.
    pub(super) fn tamper(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.0.lock().unwrap().now);
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.0.lock().unwrap().is_full = is_full;
    }

    pub(super) fn fail_after(&self, calls: usize) {
        self.0.lock().unwrap().fuse = Some(calls);
    }

    fn call(&self) -> Result<MutexGuard<'_, Inner>, Error> {
        let mut inner = self.0.lock().unwrap();
        match &mut inner.fuse {
            Some(0) => {
                inner.fuse = None;
                Err(Error::Storage("it is hostile".into()))
            }
            Some(left) => {
                *left -= 1;
                Ok(inner)
            }
            None => Ok(inner),
        }
    }
}

impl Backend for Hostile {
    fn size(&self) -> u64 {
        0
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn commit(&self, record: &Record) -> Result<(), CommitError> {
        let mut inner = self.call().map_err(CommitError::Undone)?;
        let fault =
            if inner.is_full { Some(Fault::Nothing) } else { inner.fault.take_if(|_| !record.changes.is_empty()) };
        if matches!(fault, None | Some(Fault::UnseenEverything)) {
            // What is stored elsewhere is what the bytes say.
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            let record = Record::decode(&bytes).unwrap();
            record.changes.into_iter().for_each(|change| inner.now.apply(change));
            if inner.syncs {
                inner.synced = inner.now.clone();
            }
        }
        let problem = || Error::Storage("it is hostile".into());
        match fault {
            None => Ok(()),
            Some(Fault::UnseenNothing | Fault::UnseenEverything) => Err(CommitError::Unknown(problem())),
            Some(_) => Err(CommitError::Undone(problem())),
        }
    }

    fn recover(&self) -> Result<(), Error> {
        self.call().map(drop)
    }

    fn compact(&self, changes: &[Compaction]) -> Result<(), Error> {
        let mut inner = self.call()?;
        changes.iter().for_each(|change| inner.now.compact(change.clone()));
        if inner.syncs {
            inner.synced = inner.now.clone();
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let mut inner = self.call()?;
        inner.synced = inner.now.clone();
        Ok(())
    }

    fn tables(&self) -> Result<Tables, Error> {
        let now = self.call()?.now.clone();
        Ok(Tables {
            profiles: now.profiles.into_iter().map(|(id, profile)| (ProfileId(id), profile)).collect(),
            accounts: now.accounts.into_values().collect(),
            streams: now.streams.into_values().collect(),
            sessions: now.sessions.into_values().collect(),
            invitations: now.invitations.into_values().collect(),
            rooms: now.rooms.into_values().collect(),
            members: now.members.into_values().collect(),
            blocks: now.blocks.into_iter().collect(),
            deleted: now.deleted.into_iter().collect(),
            keys: now.keys.into_values().collect(),
        })
    }

    fn on_demand(&self) -> Result<Option<OnDemandTables>, Error> {
        Ok(Some(self.call()?.now.on_demand(self.clone())))
    }

    fn summary(&self) -> Result<Summary, Error> {
        Ok(self.call()?.now.summary.clone())
    }

    fn block(&self, message: MessageId) -> Result<Option<Block>, Error> {
        let inner = self.call()?;
        let found = inner.now.log.range(..=message).next_back().map(|(_, block)| block.clone());
        Ok(found.filter(|block| message <= block.last))
    }

    fn blocks_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        let after = message.next().unwrap();
        Ok(self.call()?.now.log.range(after..).map(|(_, block)| block.clone()).take(3).collect())
    }

    fn blocks_before(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        Ok(self.call()?.now.log.range(..message).rev().map(|(_, block)| block.clone()).take(3).collect())
    }

    fn block_heads_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        let heads = self.blocks_after(message)?.into_iter();
        Ok(heads.map(|block| Block { body: Vec::new(), ..block }).collect())
    }

    fn last_message(&self) -> Result<MessageId, Error> {
        Ok(self.call()?.now.log.values().last().map_or(MessageId::NONE, |block| block.last))
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        let inner = self.call()?;
        let marks = inner.now.marks.range((stream, after.next().unwrap())..=(stream, MessageId::MAX));
        Ok(marks.map(|(_, message)| *message).nth(nth))
    }

    fn tidy(&self) -> Result<(), Error> {
        self.call().map(drop)
    }

    fn erase(&self) -> Result<(), Error> {
        self.call().map(drop)
    }

    fn check(&self) -> Result<(), Error> {
        self.call().map(drop)
    }

    fn damage(&self, what: &str) -> Error {
        Error::Storage(format!("damaged: {what}").into())
    }
}

impl Content {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Profile(id, profile) => drop(self.profiles.insert(id.0, (*profile).clone())),
            Change::DropProfile(id) => drop(self.profiles.remove(&id.0)),
            Change::Account(row) => drop(self.accounts.insert(row.id.0, row)),
            Change::DropAccount(id) => drop(self.accounts.remove(&id.0)),
            Change::Stream(row) => drop(self.streams.insert(row.id.0, row)),
            Change::DropStream(id) => {
                self.streams.remove(&id.0);
                self.marks.retain(|(stream, _)| *stream != id);
            }
            Change::Session(row) => drop(self.sessions.insert(row.login.0, row)),
            Change::DropSession(login) => drop(self.sessions.remove(&login.0)),
            Change::Invitation(row) => drop(self.invitations.insert(row.id, row)),
            Change::DropInvitation(id) => drop(self.invitations.remove(&id)),
            Change::Block(block) => assert!(self.log.insert(block.first, (*block).clone()).is_none()),
            Change::Mark(stream, message) => drop(self.marks.insert((stream, message))),
            Change::ClearLog => {
                self.log.clear();
                self.marks.clear();
            }
            Change::Room(row) => drop(self.rooms.insert(row.id.0, row)),
            Change::DropRoom(id) => {
                self.rooms.remove(&id.0);
                self.members.retain(|(room, _), _| *room != id);
                self.marks.retain(|(stream, _)| *stream != id);
            }
            Change::Member(row) => drop(self.members.insert((row.room, row.account), row)),
            Change::DropMember(room, account) => drop(self.members.remove(&(room, account))),
            Change::Blocked(user, other) => assert!(self.blocks.insert((user, other))),
            Change::Unblocked(user, other) => assert!(self.blocks.remove(&(user, other))),
            Change::Deleted(message) => assert!(self.deleted.insert(message)),
            Change::DropDeleted(message) => assert!(self.deleted.remove(&message)),
            Change::Keys(row) => assert!(self.keys.insert(row.number, row).is_none()),
            Change::DropKeys(number) => assert!(self.keys.remove(&number).is_some()),
            Change::Summary(summary) => self.summary = summary,
        }
    }

    fn compact(&mut self, change: Compaction) {
        match change {
            Compaction::Thin(block) => assert!(self.log.insert(block.first, block).is_some()),
            Compaction::Drop(first) => assert!(self.log.remove(&first).is_some()),
            Compaction::DropMarks(stream, upto) => self.marks.retain(|mark| mark.0 != stream || mark.1 > upto),
        }
    }
}

impl Data for Hostile {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        self.crash();
        Ok(Box::new(Durable::on(
            Box::new(self.clone()),
            Options { keep_read: Some(KeepRead::Forever), ..Options::default() },
        )?))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn fail_next_commit(&self, fault: Fault) -> bool {
        self.0.lock().unwrap().fault = Some(fault);
        true
    }
}

pub(super) fn begin(store: &Core) -> Box<dyn Batch + '_> {
    Box::new(super::batch::begin(store, None))
}

pub(super) fn send(batch: &mut dyn Batch, to: &str, from: &Arc<Profile>, text: &str) -> bool {
    let message = NewMessage { to, from, text, framing: Framing::DEFAULT, time: Timestamp::EPOCH, key: None };
    matches!(batch.append(message, Quota::UNLIMITED).unwrap(), Appended::Stored(_))
}

pub(super) fn account(user: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), &format!("{user} in full"), "").unwrap();
    Account::new(Arc::new(profile), None)
}
