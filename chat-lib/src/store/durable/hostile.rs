//! A disk in memory that fails at the n-th call, and forgets what was not synced; and what the engine
//! makes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::commit::Shared;
use super::disk::{AccountRow, Disk, MailboxRow, SessionRow, Summary, Tables, Write};
use super::group::{MessageGroup, ProfileId};
use super::*;
use crate::entropy::OsEntropy;
use crate::model::{Inbox, SessionToken};
use crate::store::contract;

#[derive(Clone, Default)]
struct Hostile(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now: Content,
    synced: Content,
    /// Whether commits wait for the disk.
    syncs: bool,
    /// How many calls go well before one that does not.
    fuse: Option<usize>,
}

#[derive(Clone)]
struct Content {
    profiles: BTreeMap<u32, Profile>,
    accounts: BTreeMap<u32, AccountRow>,
    mailboxes: BTreeMap<u32, MailboxRow>,
    sessions: BTreeMap<u64, SessionRow>,
    log: BTreeMap<u64, MessageGroup>,
    summary: Summary,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            profiles: BTreeMap::new(),
            accounts: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            log: BTreeMap::new(),
            summary: Summary::EMPTY,
        }
    }
}

impl Hostile {
    fn syncing() -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().syncs = true;
        disk
    }

    /// What a loss of power does.
    fn crash(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.now = inner.synced.clone();
        inner.fuse = None;
    }

    fn fail_after(&self, calls: usize) {
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

impl Disk for Hostile {
    fn commit(&self, writes: &[Write]) -> Result<(), Error> {
        let mut inner = self.call()?;
        for write in writes {
            inner.now.apply(write.clone());
        }
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
            mailboxes: now.mailboxes.into_values().collect(),
            sessions: now.sessions.into_values().collect(),
        })
    }

    fn summary(&self) -> Result<Summary, Error> {
        Ok(self.call()?.now.summary)
    }

    fn group(&self, number: u64) -> Result<Option<MessageGroup>, Error> {
        Ok(self.call()?.now.log.get(&number).cloned())
    }

    fn groups_behind(&self, number: u64) -> Result<Vec<MessageGroup>, Error> {
        Ok(self.call()?.now.log.range(number + 1..).map(|(_, group)| group.clone()).take(3).collect())
    }

    fn last_group(&self) -> Result<u64, Error> {
        Ok(self.call()?.now.log.keys().last().copied().unwrap_or(0))
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
    fn apply(&mut self, write: Write) {
        match write {
            Write::Profile(id, profile) => drop(self.profiles.insert(id.0, (*profile).clone())),
            Write::DropProfile(id) => drop(self.profiles.remove(&id.0)),
            Write::Account(row) => drop(self.accounts.insert(row.id.0, row)),
            Write::DropAccount(id) => {
                self.accounts.remove(&id.0);
                self.mailboxes.remove(&id.0);
            }
            Write::Mailbox(row) => drop(self.mailboxes.insert(row.id.0, row)),
            Write::Session(row) => drop(self.sessions.insert(row.login.0, row)),
            Write::DropSession(login) => drop(self.sessions.remove(&login.0)),
            Write::Group(group) => assert!(self.log.insert(group.number, (*group).clone()).is_none()),
            Write::ThinGroup(group) => assert!(self.log.insert(group.number, group).is_some()),
            Write::DropGroup(number) => assert!(self.log.remove(&number).is_some()),
            Write::Summary(summary) => self.summary = summary,
        }
    }
}

#[test]
fn keeps_the_contract_on_a_disk_that_behaves() {
    contract::check(|| Box::new(Durable::on(Box::new(Hostile::syncing()), Options::default()).unwrap()));
}

#[test]
fn without_a_sync_a_loss_of_power_takes_the_end_and_nothing_else() {
    let disk = Hostile::default();
    let store = Shared::new(Box::new(disk.clone())).unwrap();
    for number in 0..9 {
        let group = store.begin();
        store.state().add_account(account(&format!("user{number}")));
        store.commit(group).unwrap();
        if number == 4 {
            store.disk.sync().unwrap();
        }
    }
    disk.crash();
    let store = Shared::new(Box::new(disk)).unwrap();
    assert_eq!(store.state().users().count(), 5);
    store.check().unwrap();
}

/// A thread's commit took the steps of another's group that was half done. When that group's own commit
/// then failed, an inbox that was refused had moved its cursor, and its messages were lost.
#[test]
fn a_refused_group_is_not_half_done() {
    let disk = Hostile::syncing();
    let store = Shared::new(Box::new(disk.clone())).unwrap();
    let from = account("messi").profile;
    let send = || {
        let message = NewMessage { to: "messi", from: &from, text: "halo", time: Timestamp::EPOCH };
        assert_eq!(store.state().append(message, Room::ANY), Appended::Done);
    };
    let group = store.begin();
    store.state().add_account(account("messi"));
    send();
    store.commit(group).unwrap();

    let refused = store.begin();
    assert_eq!(store.take_unread("messi", usize::MAX).unwrap().unwrap().inbox.len(), 1);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| store.commit(store.begin()));
        // Long enough for it to commit what it must not.
        (0..100_000).for_each(|_| std::thread::yield_now());
        send();
        disk.fail_after(0);
        assert!(store.commit(refused).is_err());
        other.join().unwrap().ok();
    });
    assert_eq!(store.take_unread("messi", usize::MAX).unwrap().unwrap().inbox.len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Send { to: usize, from: usize },
    Read(usize),
    PutBack(usize),
    Login(usize),
    Logout(usize),
    Remove(usize),
    Account,
    FailAfter(usize),
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
        let mut store = Shared::new(Box::new(disk.clone())).unwrap();
        let mut promised = Model::default();
        let mut serial = 0;
        for steps in groups {
            let mut now = promised.clone();
            let group = store.begin();
            let mut crashed = false;
            for step in steps {
                serial += 1;
                match step {
                    Step::FailAfter(calls) => disk.fail_after(calls),
                    Step::Crash => crashed = true,
                    step => { do_step(&store, &mut now, &step, serial)?; }
                }
            }
            if crashed {
                drop(group);
                disk.crash();
                store = Shared::new(Box::new(disk.clone())).unwrap();
            } else if store.commit(group).is_ok() {
                promised = now;
            }
            if serial % 3 == 0 {
                // If it fails, it has done nothing that matters.
                store.sweep(|_| false).ok();
            }
        }
        disk.crash();
        let store = Shared::new(Box::new(disk)).unwrap();
        store.check().unwrap();
        let users: Vec<_> = promised.unread.keys().cloned().collect();
        let mut found: Vec<_> = store.state().users().map(|user| user.account.profile.user().to_string()).collect();
        found.sort();
        prop_assert_eq!(&found, &users);
        for (id, user) in &promised.sessions {
            let found = store.state().use_session(id, Timestamp::EPOCH, Timestamp::EPOCH);
            prop_assert_eq!(&found.unwrap().user().to_string(), user);
        }
        for (user, unread) in promised.unread {
            prop_assert_eq!(texts(&store.take_unread(&user, usize::MAX).unwrap().unwrap().inbox), unread);
        }
    }
}

fn do_step(store: &Shared, now: &mut Model, step: &Step, serial: usize) -> Result<(), TestCaseError> {
    let name = |user: &usize| ["messi", "henderson", "lineker"][*user].to_owned();
    match step {
        Step::Send { to, from } => {
            let from = account(&name(from)).profile;
            let message = NewMessage { to: &name(to), from: &from, text: &serial.to_string(), time: Timestamp::EPOCH };
            let done = store.state().append(message, Room::ANY);
            let unread = now.unread.get_mut(&name(to));
            prop_assert_eq!(done == Appended::Done, unread.is_some());
            unread.into_iter().for_each(|unread| unread.push((from.user().to_string(), serial.to_string())));
        }
        Step::Read(user) => {
            // A read that fails has not moved the cursor.
            if let Ok(taken) = store.take_unread(&name(user), usize::MAX) {
                let unread = now.unread.get_mut(&name(user)).map(std::mem::take).unwrap_or_default();
                prop_assert_eq!(texts(&taken.unwrap().inbox), unread);
            }
        }
        Step::PutBack(user) => {
            if let Ok(taken) = store.take_unread(&name(user), usize::MAX) {
                let any = now.unread.get(&name(user)).is_some_and(|unread| !unread.is_empty());
                prop_assert_eq!(store.state().put_back(&name(user), taken.unwrap()), any);
            }
        }
        Step::Login(user) => {
            let id = SessionToken::random(&OsEntropy).unwrap().id();
            let later = Timestamp::EPOCH.after(Duration::from_secs(10));
            let done = store.state().open_session(id, &name(user), Timestamp::EPOCH, later);
            prop_assert_eq!(done, now.unread.contains_key(&name(user)));
            now.sessions.extend(done.then(|| (id, name(user))));
        }
        Step::Logout(nth) => {
            if *nth < now.sessions.len() {
                let (id, user) = now.sessions.remove(*nth);
                let ended = store.state().close_session(&id, Timestamp::EPOCH);
                prop_assert_eq!(ended.unwrap().user().to_string(), user);
            }
        }
        Step::Remove(user) => {
            let done = store.state().remove_account(&name(user));
            prop_assert_eq!(done.is_some(), now.unread.remove(&name(user)).is_some());
            now.sessions.retain(|(_, whose)| *whose != name(user));
        }
        Step::Account => {
            for user in 0..3 {
                let done = store.state().add_account(account(&name(&user)));
                prop_assert_eq!(done, !now.unread.contains_key(&name(&user)));
                now.unread.entry(name(&user)).or_default();
            }
            store.state().account();
        }
        Step::FailAfter(_) | Step::Crash => {}
    }
    Ok(())
}

fn texts(inbox: &Inbox) -> Vec<(String, String)> {
    inbox.iter().map(|message| (message.from.user().to_string(), message.text.to_owned())).collect()
}

fn account(user: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), &format!("{user} in full"), "").unwrap();
    Account { profile: Arc::new(profile), password: None }
}
