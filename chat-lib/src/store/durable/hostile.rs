//! A backend in memory that fails at the n-th call, forgets what was not synced, and keeps commits whose outcome it does
//! not tell; and what the engine makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::backend::{Backend, Compaction};
use super::core::Core;
use super::record::Record;
use super::*;
use crate::conformance::{self, Data, Fault};
use crate::entropy::OsEntropy;
use crate::limits::PUT_BACK_TIME;
use crate::model::{Account, Framing, Inbox, Profile, SessionId, SessionToken, UserName};
use crate::store::index::{AccountRow, Change, SessionRow, StreamRow, Summary, Tables};
use crate::store::log::{Block, ProfileId, StreamId};
use crate::store::{Appended, Batch, CommitError, NewMessage, NewSession, Quota, new_epoch};

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
}

/// What a database would have.
#[derive(Clone)]
pub(super) struct Content {
    profiles: BTreeMap<u32, Profile>,
    accounts: BTreeMap<u32, AccountRow>,
    streams: BTreeMap<u32, StreamRow>,
    sessions: BTreeMap<u64, SessionRow>,
    log: BTreeMap<MessageId, Block>,
    marks: BTreeSet<(StreamId, MessageId)>,
    summary: Summary,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            profiles: BTreeMap::new(),
            accounts: BTreeMap::new(),
            streams: BTreeMap::new(),
            sessions: BTreeMap::new(),
            log: BTreeMap::new(),
            marks: BTreeSet::new(),
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
    fn is_read_only(&self) -> bool {
        false
    }

    fn commit(&self, record: &Record) -> Result<(), CommitError> {
        let mut inner = self.call().map_err(CommitError::Undone)?;
        let fault = if record.changes.is_empty() { None } else { inner.fault.take() };
        if matches!(fault, None | Some(Fault::UnseenEverything)) {
            // What is stored elsewhere is what the bytes say.
            let record = Record::decode(&record.encode()).unwrap();
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
        })
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
            Change::Block(block) => assert!(self.log.insert(block.first, (*block).clone()).is_none()),
            Change::Mark(stream, message) => drop(self.marks.insert((stream, message))),
            Change::ClearLog => {
                self.log.clear();
                self.marks.clear();
            }
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

#[test]
fn keeps_the_contract_on_a_backend_that_behaves() {
    conformance::check(Hostile::syncing);
}

#[test]
fn without_a_sync_a_loss_of_power_takes_the_end_and_nothing_else() {
    let disk = Hostile::default();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    for number in 0..9 {
        let mut batch = begin(&store);
        batch.add_account(account(&format!("user{number}"))).unwrap();
        batch.commit().unwrap();
        if number == 4 {
            store.backend().sync().unwrap();
        }
    }
    disk.crash();
    let store = Core::open(Box::new(disk)).unwrap();
    assert_eq!(store.state().index.accounts().len(), 5);
    store.check().unwrap();
}

/// A thread's commit took the steps of another's group that was half done. When that group's own commit
/// then failed, an inbox that was refused had moved its cursor, and its messages were lost.
#[test]
fn a_refused_group_is_not_half_done() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let from = account("messi").profile;
    let mut batch = begin(&store);
    batch.add_account(account("messi")).unwrap();
    send(&mut *batch, "messi", &from, "halo");
    batch.commit().unwrap();

    let mut refused = begin(&store);
    assert_eq!(take(&mut *refused, "messi").unwrap().0.len(), 1);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| begin(&store).commit().is_ok());
        // Long enough for it to commit what it must not.
        (0..100_000).for_each(|_| std::thread::yield_now());
        send(&mut *refused, "messi", &from, "halo");
        disk.fail_after(0);
        assert!(refused.commit().is_err());
        other.join().unwrap();
    });
    assert_eq!(read(&store, "messi").unwrap().0.len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Send {
        to: usize,
        from: usize,
    },
    Read(usize),
    PutBack(usize),
    Login(usize),
    Logout(usize),
    Remove(usize),
    Account,
    FailAfter(usize),
    /// The commit does not tell its outcome.
    Unknown(Fault),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..3_usize, 0..3_usize).prop_map(|(to, from)| Step::Send { to, from }),
        3 => (0..3_usize).prop_map(Step::Read),
        1 => (0..3_usize).prop_map(Step::PutBack),
        2 => (0..3_usize).prop_map(Step::Login),
        1 => (0..5_usize).prop_map(Step::Logout),
        1 => (0..3_usize).prop_map(Step::Remove),
        1 => Just(Step::Account),
        2 => (0..8_usize).prop_map(Step::FailAfter),
        1 => Just(Step::Unknown(Fault::UnseenNothing)),
        1 => Just(Step::Unknown(Fault::UnseenEverything)),
        1 => Just(Step::Crash),
    ]
}

/// What was promised, in the simplest form.
#[derive(Clone, Default)]
struct Model {
    /// Of each user that there is.
    unread: BTreeMap<String, Vec<(String, String)>>,
    sessions: Vec<(SessionId, String)>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Groups of steps, each committed; any call of the disk may fail, and the power may go at any time.
    #[test]
    fn what_was_committed_is_there_and_nothing_else(groups in vec(vec(step(), 1..6), 1..40)) {
        let disk = Hostile::syncing();
        let mut store = Core::open(Box::new(disk.clone())).unwrap();
        let mut promised = Model::default();
        let mut serial = 0;
        for steps in groups {
            let mut now = promised.clone();
            let mut batch = begin(&store);
            let (mut crashed, mut fault) = (false, None);
            for step in steps {
                serial += 1;
                match step {
                    Step::FailAfter(calls) => disk.fail_after(calls),
                    Step::Unknown(next) => fault = Some(next),
                    Step::Crash => crashed = true,
                    step => do_step(&store, &mut *batch, &mut now, &step, serial)?,
                }
            }
            disk.0.lock().unwrap().fault = fault;
            if crashed {
                drop(batch);
                disk.crash();
                store = Core::open(Box::new(disk.clone())).unwrap();
            } else {
                match batch.commit() {
                    Ok(()) => promised = now,
                    Err(CommitError::Undone(_)) => {}
                    Err(CommitError::Unknown(_)) => if fault == Some(Fault::UnseenEverything) { promised = now },
                }
            }
            disk.0.lock().unwrap().fault = None;
            if serial % 3 == 0 {
                // If it fails, it has done nothing that matters.
                store.compact(Instant::now() + 2 * PUT_BACK_TIME, |_| serial % 2 == 0).ok();
            }
        }
        disk.crash();
        let store = Core::open(Box::new(disk)).unwrap();
        store.check().unwrap();
        let users: Vec<_> = promised.unread.keys().cloned().collect();
        let found: Vec<_> = store.state().index.accounts().iter().map(|a| a.profile.user().to_string()).collect();
        prop_assert_eq!(&found, &users);
        let mut batch = begin(&store);
        for (id, user) in &promised.sessions {
            let found = batch.use_session(id, Timestamp::EPOCH, Timestamp::EPOCH).unwrap();
            prop_assert_eq!(&found.unwrap().user().to_string(), user);
        }
        for (user, unread) in promised.unread {
            prop_assert_eq!(texts(&read(&store, &user).unwrap().0), unread);
        }
    }
}

fn do_step(
    store: &Core,
    batch: &mut dyn Batch,
    now: &mut Model,
    step: &Step,
    serial: usize,
) -> Result<(), TestCaseError> {
    let name = |user: &usize| ["messi", "henderson", "lineker"][*user].to_owned();
    match step {
        Step::Send { to, from } => {
            let (to, from) = (name(to), account(&name(from)).profile);
            let done = send(batch, &to, &from, &serial.to_string());
            let unread = now.unread.get_mut(&to);
            prop_assert_eq!(done, unread.is_some());
            unread.into_iter().for_each(|unread| unread.push((from.user().to_string(), serial.to_string())));
        }
        Step::Read(user) => {
            // It reads what is committed. A read that fails has not moved the cursor.
            let user = name(user);
            if let Ok((inbox, moves)) = read(store, &user)
                && batch.take(&user, &moves).unwrap()
            {
                let unread = now.unread.get_mut(&user).unwrap();
                let taken: Vec<_> = unread.drain(..inbox.len()).collect();
                prop_assert_eq!(texts(&inbox), taken);
            }
        }
        Step::PutBack(user) => {
            let user = name(user);
            if let Some((inbox, moves)) = take(batch, &user) {
                prop_assert_eq!(Some(&texts(&inbox)), now.unread.get(&user));
                prop_assert!(batch.put_back(&user, &moves).unwrap());
            }
        }
        Step::Login(user) => {
            let id = SessionToken::random(&OsEntropy).unwrap().id();
            let expires = Timestamp::EPOCH.after(Duration::from_secs(10));
            let session = NewSession { id, user: &name(user), now: Timestamp::EPOCH, expires, from: None };
            let done = batch.open_session(session).unwrap();
            prop_assert_eq!(done, now.unread.contains_key(&name(user)));
            now.sessions.extend(done.then(|| (id, name(user))));
        }
        Step::Logout(nth) => {
            if *nth < now.sessions.len() {
                let (id, user) = now.sessions.remove(*nth);
                let ended = batch.close_session(&id, Timestamp::EPOCH).unwrap();
                prop_assert_eq!(ended.unwrap().user().to_string(), user);
            }
        }
        Step::Remove(user) => {
            let done = batch.remove_account(&name(user)).unwrap();
            prop_assert_eq!(done, now.unread.remove(&name(user)).is_some());
            now.sessions.retain(|(_, whose)| *whose != name(user));
        }
        Step::Account => {
            for user in 0..3 {
                let done = batch.add_account(account(&name(&user))).unwrap();
                prop_assert_eq!(done, !now.unread.contains_key(&name(&user)));
                now.unread.entry(name(&user)).or_default();
            }
            store.state().index.flush_streams();
        }
        Step::FailAfter(_) | Step::Unknown(_) | Step::Crash => {}
    }
    Ok(())
}

pub(super) fn begin(store: &Core) -> Box<dyn Batch + '_> {
    Box::new(super::batch::begin(store, None))
}

pub(super) fn send(batch: &mut dyn Batch, to: &str, from: &Arc<Profile>, text: &str) -> bool {
    let message = NewMessage { to, from, text, framing: Framing::DEFAULT, time: Timestamp::EPOCH };
    match batch.append(message, Quota::UNLIMITED).unwrap() {
        Appended::Stored(_) => true,
        Appended::NoSuchUser | Appended::Full => false,
    }
}

/// Reads a mailbox within a batch, and takes it.
fn take(batch: &mut dyn Batch, user: &str) -> Option<(Inbox, Vec<CursorMove>)> {
    match batch.unread(user, usize::MAX).unwrap() {
        Unread::Messages { inbox, moves } => batch.take(user, &moves).unwrap().then_some((inbox, moves)),
        Unread::TooLarge | Unread::WouldBlock => None,
    }
}

fn read(store: &Core, user: &str) -> Result<(Inbox, Vec<CursorMove>), Error> {
    match pages::read_unread(store, user, usize::MAX)? {
        Unread::Messages { inbox, moves } => Ok((inbox, moves)),
        Unread::TooLarge | Unread::WouldBlock => panic!("it waits, and takes any"),
    }
}

fn texts(inbox: &Inbox) -> Vec<(String, String)> {
    inbox.iter().map(|message| (message.from.user().to_string(), message.body().to_owned())).collect()
}

fn account(user: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), &format!("{user} in full"), "").unwrap();
    Account::new(Arc::new(profile), None)
}
