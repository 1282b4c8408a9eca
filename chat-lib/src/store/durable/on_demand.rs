//! Users who are read when they are needed.

use super::hostile::Hostile;
use super::sqlite::Sqlite;
use super::tests::{READING, Reading, account, filled};
use super::*;
use crate::conformance::{self, Fault};
use crate::model::Framing;
use crate::store::{Accounts as _, Appended, ConversationState, Conversations as _, NewMessage, Quota, Record};

/// Opens the data without reading users, as if there were many.
fn open(directory: &Path) -> Core {
    let before = READING.replace(Reading::WhenNeeded);
    let core = Core::open(Box::new(Sqlite::open(directory, false).unwrap())).unwrap();
    READING.set(before);
    assert!(!core.state().index.is_whole());
    core
}

fn load_all(core: &Core) -> Result<(), Error> {
    while core.load_more()? {}
    Ok(())
}

#[test]
fn keeps_the_contract_with_users_on_demand() {
    for reading in [Reading::WhenNeeded, Reading::Beside] {
        READING.set(reading);
        conformance::check(|| tempfile::tempdir().unwrap());
        conformance::check(Hostile::syncing);
    }
}

fn send(core: &Core, from: &str, to: &str) -> Result<Appended, Error> {
    let from = core.state().index.account(from).unwrap();
    let (from, framing) = (&from.profile, Framing::DEFAULT);
    let message = NewMessage { to, from, text: "halo", framing, time: Timestamp::EPOCH, key: None };
    let mut batch = batch::begin(core, None);
    let appended = batch.append(message, Quota::UNLIMITED)?;
    Box::new(batch).commit().unwrap();
    Ok(appended)
}

/// All that a user sees.
fn seen(core: &Core, user: &str) -> (Vec<ConversationState>, (usize, usize)) {
    let index = &mut core.state().index;
    (index.conversations(user), index.unread(user))
}

#[test]
fn what_is_read_on_demand_is_what_is_read_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let core = filled(directory.path(), 20);
    for number in 0..200 {
        core.state().index.add_account(account(&format!("user{number:03}")));
    }
    core.group.flush().unwrap();
    for number in 0..200 {
        send(&core, &format!("user{number:03}"), &format!("user{:03}", number * 7 % 200)).unwrap();
        send(&core, "messi", &format!("user{number:03}")).unwrap();
    }
    // Some rows know of their messages, and others do not.
    core.finish().unwrap();
    for number in 0..100 {
        send(&core, &format!("user{number:03}"), "henderson").unwrap();
    }
    drop(core);
    let names = || (0..200).map(|number| format!("user{number:03}")).chain(["messi".into(), "henderson".into()]);
    let whole = Core::open(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    let all: Vec<_> = names().map(|name| seen(&whole, &name)).collect();
    let counts = whole.state().index.counts(Timestamp::EPOCH);
    drop(whole);
    let core = open(directory.path());
    assert_eq!(core.state().index.counts(Timestamp::EPOCH), counts);
    let (last, again) = (names().last().unwrap(), seen(&core, "user007"));
    assert_eq!(again, all[7]);
    assert_eq!(seen(&core, &last), all[201]);
    let page = core.state().index.accounts("user100", 70);
    assert_eq!(
        page.iter().map(|account| account.profile.user().as_str()).collect::<Vec<_>>(),
        names().skip(101).take(70).collect::<Vec<_>>()
    );
    assert!(!core.state().index.is_whole());
    load_all(&core).unwrap();
    assert!(core.state().index.is_whole());
    assert_eq!(names().map(|name| seen(&core, &name)).collect::<Vec<_>>(), all);
    core.check().unwrap();
}

#[test]
fn what_was_removed_and_not_committed_is_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 20));
    let core = open(directory.path());
    let mut batch = batch::begin(&core, None);
    assert!(batch.remove_account("messi").unwrap());
    assert!(batch.account("messi").unwrap().is_none());
    assert!(batch.add_account(account("messi")).unwrap());
    assert!(batch.remove_account("messi").unwrap());
    assert!(batch.account("messi").unwrap().is_none());
    drop(batch);
    core.group.flush().unwrap();
    assert!(core.state().index.account("messi").is_none());
    load_all(&core).unwrap();
    core.check().unwrap();
}

/// A page is read while others go on: what they remove meanwhile must not come back with it.
#[test]
fn what_is_removed_while_a_page_is_read_stays_removed() {
    for is_committed in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(directory.path(), 20));
        let core = open(directory.path());
        let next = core.state().index.next_page().unwrap();
        let page = next.read();
        let mut batch = batch::begin(&core, None);
        assert!(batch.remove_account("messi").unwrap());
        if is_committed {
            Box::new(batch).commit().unwrap();
        } else {
            drop(batch);
        }
        core.state().index.take_page(&next, page);
        assert!(core.state().index.account("messi").is_none());
        core.group.flush().unwrap();
        load_all(&core).unwrap();
        assert!(core.state().index.account("messi").is_none());
        core.check().unwrap();
    }
}

/// Some users and messages, on a disk that is opened without them.
fn opened(disk: &Hostile) -> Core {
    READING.set(Reading::WhenNeeded);
    let core = Core::open(Box::new(disk.clone())).unwrap();
    for user in ["messi", "henderson", "lineker"] {
        assert!(core.state().index.add_account(account(user)));
    }
    core.group.flush().unwrap();
    for (from, to) in [("messi", "henderson"), ("henderson", "lineker")] {
        send(&core, from, to).unwrap();
    }
    core.finish().unwrap();
    drop(core);
    let core = Core::open(Box::new(disk.clone())).unwrap();
    assert!(!core.state().index.is_whole());
    core
}

fn dumped(core: &Core) -> Result<(Vec<String>, usize), Error> {
    let (mut users, mut messages) = (Vec::new(), 0);
    let mut visit = |record: Record<'_>| {
        match record {
            Record::Account(account) => users.push(account.profile.user().to_string()),
            Record::Message { .. } => messages += 1,
            _ => {}
        }
        Ok(())
    };
    core.dump(|_, _| true, &mut visit)?;
    Ok((users, messages))
}

/// A commit that fails has everything read back, without users. A dump that was about to be made had none of them then.
#[test]
fn what_needs_everything_waits_for_it() {
    let disk = Hostile::syncing();
    let core = opened(&disk);
    load_all(&core).unwrap();
    assert!(core.state().index.add_account(account("maldini")));
    disk.set_fault(Some(Fault::Nothing));
    assert_eq!(dumped(&core).unwrap(), (["henderson", "lineker", "messi"].map(String::from).into(), 2));
}

/// On a full disk, there is always something that cannot be committed, and a dump waited for ever.
#[test]
fn a_full_disk_can_be_dumped() {
    let disk = Hostile::syncing();
    let core = opened(&disk);
    disk.set_full(true);
    let found = pages::find_message(&core, "messi", MessageId::new(1).unwrap()).unwrap().unwrap();
    let mut batch = batch::begin(&core, None);
    assert!(batch.delete(&found).unwrap());
    assert!(Box::new(batch).commit().is_err());
    assert_eq!(dumped(&core).unwrap().1, 2);
    assert!(core.finish().is_err());
    disk.set_full(false);
    assert_eq!(dumped(&core).unwrap().1, 2);
    core.finish().unwrap();
}

/// Rows that came back after they were dropped would be users who exist again.
#[test]
fn rows_too_many_are_found() {
    let disk = Hostile::syncing();
    let core = opened(&disk);
    let removed = disk.now();
    let mut batch = batch::begin(&core, None);
    assert!(batch.remove_account("messi").unwrap());
    Box::new(batch).commit().unwrap();
    drop(core);
    disk.tamper(|now| (now.accounts, now.streams) = (removed.accounts, removed.streams));
    let core = Core::open(Box::new(disk.clone())).unwrap();
    assert!(load_all(&core).is_err());
}

/// What a reader on a thread of its own meets when a row is missing: others must not have it undone behind its back.
#[test]
fn rows_that_vanish_are_missed_soon() {
    for damage in [
        "DELETE FROM account WHERE id = 2",
        "DELETE FROM stream WHERE id = 2",
        "DELETE FROM profile WHERE id = 2",
        "UPDATE account SET since = 1 WHERE id = 2",
        "UPDATE stream SET unread = 7 WHERE id = 2",
    ] {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(directory.path(), 20));
        rusqlite::Connection::open(directory.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
        let core = open(directory.path());
        let error = load_all(&core).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("damaged"), "{damage}: {error:?}");
        // From then on, nothing is changed, and nobody is told a part of what there is.
        let growth = || {
            let index = &core.state().index;
            (index.journal.count(), index.tail.last())
        };
        let before = growth();
        for _ in 0..2 {
            let mut batch = batch::begin(&core, None);
            assert!(batch.add_account(account("lineker")).is_err(), "{damage}");
            assert!(batch.account("messi").is_err());
            assert!(core.check_read().is_err());
            drop(batch);
            core.group.flush().ok();
        }
        assert!(core.dump(|_, _| true, &mut |_| Ok(())).is_err());
        assert_eq!(growth(), before);
        // Nor is it written that there are fewer users, so that the next start would know no better.
        core.finish().ok();
        core.tidy().ok();
        drop(core);
        READING.set(Reading::AtStart);
        let again = Sqlite::open(directory.path(), false).and_then(|disk| Core::open(Box::new(disk)));
        assert!(again.is_err(), "{damage}");
    }
}

/// A row that cannot be read is no user who does not exist.
#[test]
fn a_damaged_user_is_not_taken_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 20));
    let damage = "UPDATE account SET since = 1 WHERE id = 2";
    rusqlite::Connection::open(directory.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
    let core = open(directory.path());
    assert!(batch::begin(&core, None).account("messi").unwrap().is_some());
    assert!(batch::begin(&core, None).account("nobody").unwrap().is_none());
    let error = batch::begin(&core, None).account("henderson").err().unwrap();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("damaged"), "{error:?}");
    assert!(batch::begin(&core, None).account("henderson").is_err());
}

/// Data of an earlier version.
#[test]
fn indexes_are_made_where_they_are_missing() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 20));
    let drops = "DROP INDEX IF EXISTS profile_user; DROP INDEX IF EXISTS account_profile; DROP INDEX IF EXISTS stream_reader; \
                 DROP INDEX IF EXISTS stream_writer; DROP INDEX IF EXISTS stream_notes";
    rusqlite::Connection::open(directory.path().join("chat.db")).unwrap().execute_batch(drops).unwrap();
    let disk = Sqlite::open_read_only(directory.path(), false).unwrap();
    assert!(disk.on_demand().unwrap().is_none());
    drop(disk);
    let core = open(directory.path());
    assert!(core.state().index.account("messi").is_some());
}
