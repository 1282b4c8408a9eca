//! What the durable engine promises, on a backend that is hostile: what was committed is there, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::core::Core;
use super::hostile::{Hostile, account, begin, send};
use super::*;
use crate::conformance::{self, Fault};
use crate::entropy::OsEntropy;
use crate::limits::PUT_BACK_TIME;
use crate::model::{Inbox, SessionId, SessionToken};
use crate::store::log::Block;
use crate::store::{Batch, CommitError, NewSession};

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
    assert_eq!(store.state().index.accounts("", usize::MAX).len(), 5);
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
            disk.set_fault(fault);
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
            disk.set_fault(None);
            if serial % 3 == 0 {
                // If it fails, it has done nothing that matters.
                store.compact(Instant::now() + 2 * PUT_BACK_TIME, Keep::default(), |_, _| serial % 2 == 0).ok();
            }
        }
        disk.crash();
        let store = Core::open(Box::new(disk)).unwrap();
        store.check().unwrap();
        let users: Vec<_> = promised.unread.keys().cloned().collect();
        let found: Vec<_> = store.state().index.accounts("", usize::MAX).iter().map(|a| a.profile.user().to_string()).collect();
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
            let done = batch.open_session(session).unwrap().is_open();
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

/// When a user is erased, nothing stays in the log that nobody can reach, also if it has to be tried again; and nothing else goes.
#[test]
fn what_nobody_can_reach_is_dropped_when_a_user_is_erased() {
    for calls in 0..40 {
        let disk = Hostile::syncing();
        let store = Core::open(Box::new(disk.clone())).unwrap();
        let mut batch = begin(&store);
        let [messi, henderson, lineker] = ["messi", "henderson", "lineker"].map(|user| {
            assert!(batch.add_account(account(user)).unwrap());
            account(user).profile
        });
        batch.commit().unwrap();
        for number in 0..20 {
            let mut batch = begin(&store);
            send(&mut *batch, "henderson", &messi, "gone");
            send(&mut *batch, "messi", &lineker, "gone, too");
            if number % 3 > 0 {
                send(&mut *batch, "lineker", &henderson, "halo");
                send(&mut *batch, "lineker", &lineker, "note");
            }
            batch.commit().unwrap();
        }
        let mut batch = begin(&store);
        ["messi", "henderson"].iter().for_each(|user| assert!(batch.remove_account(user).unwrap()));
        assert!(batch.forget_names("messi").unwrap());
        batch.commit().unwrap();
        {
            let _dump = store.log_stays.read();
            store.purge().unwrap();
            assert!(store.needs_purge(), "not while a dump is made");
        }
        disk.fail_after(calls);
        store.purge().ok();
        disk.fail_after(usize::MAX);
        store.purge().unwrap();
        assert!(!store.needs_purge());
        let mut left = Vec::new();
        let look = |block: &Block| {
            left.extend(block.entries().flatten().map(|entry| entry.text.to_owned()));
            Ok(())
        };
        store.each_block(MessageId::MAX, look).unwrap();
        assert_eq!(left, ["halo", "note"].repeat(13), "{calls}");
        disk.crash();
        let store = Core::open(Box::new(disk)).unwrap();
        store.check().unwrap();
        assert_eq!(store.state().index.unread("lineker").0, 26);
    }
}
