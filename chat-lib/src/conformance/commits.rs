//! Commits: what they make durable, and what is left when they fail.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::dumps::sorted_dump;
use super::{
    Data, Fault, New, account, add, at, batch, lines, look, message, open, profile, send, session_id, take, unread,
    with,
};
use crate::error::Error;
use crate::model::MessageId;
use crate::store::{Appended, Batch, CommitError, NewSession, Position, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    reopening(new);
    with(new, housekeeping);
    dropping(new);
    failing(new);
    numbers_after_a_failure(new);
    failing_together(new);
    with(new, readers_see_what_is_committed);
}

const USERS: [&str; 5] = ["messi", "henderson", "lineker", "second", "new"];

/// Everything that can be seen, as text.
fn everything(store: &dyn Store) -> Vec<String> {
    let mut all = sorted_dump(store);
    for session in look(store, |batch| batch.sessions(at(5))) {
        all.push(format!(
            "session {} {} {:?} {:?}",
            session.id,
            session.user.full_name(),
            session.opened,
            session.from
        ));
    }
    for user in USERS {
        all.push(format!("unread {user}: {:?}", lines(&unread(store, user).0)));
        all.extend(look(store, |batch| batch.conversations(user)).iter().map(|state| format!("{user}: {state:?}")));
    }
    all
}

fn fill(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker", "second"]);
    let [messi, henderson, second] = ["messi", "henderson", "second"].map(|user| profile(store, user));
    for (to, from) in
        [("henderson", &messi), ("messi", &henderson), ("messi", &messi), ("lineker", &second), ("lineker", &messi)]
    {
        send(store, to, from, " 1\r\n");
        send(store, to, from, "2\n");
    }
    take(store, "messi");
    for (number, user) in [(1, "messi"), (2, "henderson")] {
        let session = NewSession { id: session_id(number), user, now: at(0), expires: at(100), from: None };
        assert!(batch(store, |batch| batch.open_session(session)), "open_session: opens a session");
    }
}

/// Steps of each kind, on what [`fill`] has left.
fn change(batch: &mut dyn Batch) -> Result<(), Error> {
    let mut messi = account("messi", "Leo");
    messi.revision = batch.account("messi")?.expect("account: returns an account that was added").revision;
    let profile = messi.profile.clone();
    let done = [
        batch.replace_account(messi)?,
        batch.add_account(account("new", "New"))?,
        batch.open_session(NewSession { id: session_id(3), user: "new", now: at(1), expires: at(100), from: None })?,
        batch.close_session(&session_id(2), at(1))?.is_some(),
        batch.use_session(&session_id(1), at(2), at(200))?.is_some(),
        matches!(batch.append(message("new", &profile, " hi"), Quota::UNLIMITED)?, Appended::Stored(_)),
        matches!(batch.append(message("henderson", &profile, " 3"), Quota::UNLIMITED)?, Appended::Stored(_)),
        batch.remove_account("second")?,
    ];
    assert!(done.iter().all(|done| *done), "the steps of this batch can be done: {done:?}");
    Ok(())
}

/// Whether all of [`change`] has happened; it must be that or nothing.
fn has_changed(store: &dyn Store, before: &[String]) -> bool {
    let now = everything(store);
    if now == before {
        return false;
    }
    let has = |start: &str, part: &str| now.iter().any(|line| line.starts_with(start) && line.contains(part));
    let done = [
        has("account messi", "Leo"),
        has("account new", "New"),
        has(&format!("session {}", session_id(3)), "New"),
        !has(&format!("session {}", session_id(2)), ""),
        has("unread new", " hi"),
        has("unread henderson", " 3"),
        !has("account second", ""),
    ];
    assert!(
        done.iter().all(|done| *done),
        "commit: all steps of a batch happen or none: {done:?} {before:#?} {now:#?}"
    );
    true
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let (before, epoch) = {
        let store = &*open(&*data);
        fill(store);
        batch(store, change);
        (everything(store), store.epoch())
    };
    let law = "commit: waits until the steps are durable";
    for _ in 0..2 {
        let store = &*open(&*data);
        assert_eq!(store.epoch(), epoch, "epoch: is fixed when the data is created");
        assert_eq!(everything(store), before, "{law}");
    }
    let store = &*open(&*data);
    let last = store.sync("messi", MessageId::NONE, 99).unwrap().messages.last().map(|message| message.id);
    let next = send(store, "lineker", &profile(store, "henderson"), " next");
    assert!(Some(next) > last, "append: returns an id that is greater than all before it, also across a restart");
    let (_, moves) = take(store, "henderson");
    assert!(batch(store, |batch| batch.put_back("henderson", &moves)), "put_back: undoes what `take` did");
    let mut numbers: Vec<_> = unread(store, "henderson").1.iter().map(|it| it.conversation).collect();
    numbers.extend(unread(store, "lineker").1.iter().map(|it| it.conversation));
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "CursorMove::conversation: never used for another one, also across a restart");
}

fn housekeeping(store: &dyn Store) {
    fill(store);
    let before = everything(store);
    store.check().expect("check: finds nothing wrong");
    store.tidy().expect("tidy: does what makes the next start fast");
    store.check().expect("check: finds nothing wrong");
    assert_eq!(everything(store), before, "tidy, check: nothing depends on them");
    batch(store, change);
    assert!(has_changed(store, &before), "commit: makes all steps of a batch durable");
    store.check().expect("check: finds nothing wrong");
}

fn dropping(new: &New<'_>) {
    let data = new();
    let (changed, before) = {
        let store = &*open(&*data);
        fill(store);
        let before = everything(store);
        let mut dropped = store.begin();
        change(&mut *dropped).expect("a step failed");
        drop(dropped);
        // With it, or without.
        batch(store, |batch| batch.close_sessions("lineker"));
        (has_changed(store, &before), before)
    };
    if data.is_durable() {
        let after = has_changed(&*open(&*data), &before);
        assert_eq!(after, changed, "a batch that is dropped is undone or committed with the next one, and stays so");
    }
}

fn failing(new: &New<'_>) {
    for fault in Fault::ALL {
        let data = new();
        let (happened, before) = {
            let store = &*open(&*data);
            fill(store);
            let before = everything(store);
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
                batch(store, change);
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
    assert!(
        send(store, "messi", &profile(store, "henderson"), " y") > last,
        "append: returns an id that is greater than all before it"
    );
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
