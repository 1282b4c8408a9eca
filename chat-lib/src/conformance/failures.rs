//! Commits that fail, and those that are open beside them: what is left.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::commits::{change, everything, fill, has_changed};
use super::{Data, Fault, New, account, add, batch, lines, look, message, open, profile, send, take, unread, with};
use crate::model::MessageId;
use crate::store::{Appended, CommitError, Position, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    failing(new);
    numbers_after_a_failure(new);
    failing_together(new);
    with(new, readers_see_what_is_committed);
}

fn failing(new: &New<'_>) {
    for fault in Fault::ALL {
        let data = new();
        let (happened, before) = {
            let store = &*open(&*data);
            fill(store);
            let before = everything(store);
            let change = change(store);
            let mut failing = store.begin();
            change(&mut *failing).expect("a step failed");
            if !data.fail_next_commit(fault) {
                continue;
            }
            let outcome = failing.commit();
            let happened = has_changed(store, &before);
            match outcome {
                Ok(()) => panic!("commit: a failure ({fault:?}) is told"),
                Err(CommitError::Undone(_)) => assert!(!happened, "CommitError::Undone: nothing of it has happened"),
                Err(CommitError::Unknown(_)) => {}
            }
            assert_eq!(
                has_changed(store, &before),
                happened,
                "CommitError::Unknown: steps see what has really happened, and that stays so"
            );
            assert_eq!(batch(store, |batch| batch.close_sessions("lineker")), 0, "close_sessions: there were none");
            store.check().expect("check: finds nothing wrong after a commit has failed");
            assert_eq!(
                has_changed(store, &before),
                happened,
                "commit: what was undone does not come with the next one"
            );
            (happened, before)
        };
        if data.is_durable() {
            let store = &*open(&*data);
            assert_eq!(
                has_changed(store, &before),
                happened,
                "commit: what was undone stays so, and what was done too, across a restart ({fault:?})"
            );
            if !happened {
                batch(store, change(store));
                assert!(has_changed(store, &before), "commit: works after one has failed");
            }
        }
    }
}

fn numbers_after_a_failure(new: &New<'_>) {
    let data = new();
    let store = &*open(&*data);
    fill(store);
    let last = send(store, "messi", &profile(store, "henderson"), " x");
    let mut failing = store.begin();
    let same = failing.account("messi").unwrap().unwrap();
    failing.replace_account((*same).clone()).unwrap();
    let messi = same.profile.clone();
    let appended = failing.append(message("#bench", &messi, " undone"), Quota::UNLIMITED).unwrap();
    let Appended::Stored(undone_id) = appended else { panic!("append: stores a message to a room") };
    let undone = failing.account("messi").unwrap().unwrap();
    if !data.fail_next_commit(Fault::Nothing) {
        return;
    }
    assert!(failing.commit().is_err(), "commit: a failure is told");
    let law = "replace_account: gives a revision that no account has had since the store was opened";
    assert!(!batch(store, |batch| batch.replace_account((*undone).clone())), "{law}: it was undone");
    let same = look(store, |batch| batch.account("messi")).unwrap();
    assert!(batch(store, |batch| batch.replace_account((*same).clone())), "commit: what was undone is as it was");
    let new = look(store, |batch| batch.account("messi")).unwrap();
    assert_ne!(new.revision, undone.revision, "{law}: a batch that was undone has had it");
    let next = send(store, "messi", &profile(store, "henderson"), " y");
    assert!(next > last, "append: returns an id that is greater than all before it");
    assert!(next > undone_id, "append: returns an id that is greater than those of batches that were undone, too");
}

/// How long a batch is held open for another thread, which an engine with one batch at a time makes wait.
const OVERLAP: Duration = Duration::from_millis(50);

fn failing_together(new: &New<'_>) {
    for fault in Fault::ALL {
        for _ in 0..4 {
            let data = new();
            {
                let store = &*open(&*data);
                fill(store);
                two_batches(&*data, store, fault);
            }
            if data.is_durable() {
                open(&*data).check().expect("check: finds nothing wrong");
            }
        }
    }
}

/// One batch builds on another one that is still open, and one of them fails.
fn two_batches(data: &dyn Data, store: &dyn Store, fault: Fault) {
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    if !data.fail_next_commit(fault) {
        return;
    }
    let (told, heard) = mpsc::channel();
    let mut first = store.begin();
    first.append(message("lineker", &messi, " first"), Quota::UNLIMITED).expect("append: stores");
    first.add_account(account("new", "New")).expect("add_account: adds");
    let (first, second, has_seen) = thread::scope(|scope| {
        let second = scope.spawn(move || {
            let mut second = store.begin();
            let has_seen = second.account("new").expect("account: finds").is_some();
            second.append(message("lineker", &henderson, " second"), Quota::UNLIMITED).expect("append: stores");
            let _ = told.send(());
            (second.commit(), has_seen)
        });
        let _ = heard.recv_timeout(OVERLAP);
        let first = first.commit();
        let (second, has_seen) = second.join().expect("a batch beside another one panicked");
        (first, second, has_seen)
    });
    assert!(first.is_err() || second.is_err(), "commit: a failure ({fault:?}) is told");
    let lines = lines(&unread(store, "lineker").0);
    let has = |line: &str| lines.iter().any(|(_, it)| it == line);
    for (outcome, line) in [(&first, " first"), (&second, " second")] {
        match outcome {
            Ok(()) => assert!(has(line), "commit: waits until the steps are durable:{line}"),
            Err(CommitError::Undone(_)) => {
                assert!(!has(line), "CommitError::Undone: nothing of it has happened:{line}")
            }
            Err(CommitError::Unknown(_)) => {}
        }
    }
    let law = "if a batch fails to commit, those that are open beside it may have built on it, and the engine makes their commits fail, too";
    assert!(!(has_seen && has(" second") && !has(" first")), "{law}");
    let is_there = look(store, |batch| batch.account("new")).is_some();
    assert_eq!(is_there, has(" first"), "commit: all steps of a batch happen or none");
}

fn readers_see_what_is_committed(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let (told, heard) = mpsc::channel();
    let mut open = store.begin();
    open.append(message("henderson", &messi, " x"), Quota::UNLIMITED).expect("append: stores");
    thread::scope(|scope| {
        scope.spawn(move || {
            let page = store.history("henderson", "messi", Position::After(MessageId::NONE), 9);
            let sync = store.sync("henderson", MessageId::NONE, 9);
            let read = store.read_until("henderson", "messi", MessageId::MAX);
            let mut messages = 0;
            let dump = store.dump(&mut |record| {
                messages += usize::from(matches!(record, crate::store::Record::Message { .. }));
                Ok(())
            });
            assert!(dump.is_ok(), "dump: shows everything");
            let seen = page.expect("history: reads").messages.len() + sync.expect("sync: reads").messages.len();
            let _ = told.send(seen + usize::from(read.expect("read_until: reads").is_some()) + messages);
        });
        // If the engine makes the reader wait, it sees the message, and may.
        if let Ok(seen) = heard.recv_timeout(OVERLAP) {
            assert_eq!(seen, 0, "Store: methods that read messages show only what is committed");
        }
        assert!(open.commit().is_ok(), "commit: works if nothing makes it fail");
    });
    assert_eq!(take(store, "henderson").0.len(), 1, "commit: makes all steps of a batch durable");
}
