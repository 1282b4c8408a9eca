//! Users who are read when they are needed.

use super::sqlite::Sqlite;
use super::tests::{READS_ON_DEMAND, account, filled};
use super::*;
use crate::conformance;
use crate::model::Framing;
use crate::store::{Accounts as _, Appended, ConversationState, Conversations as _, NewMessage, Quota};

/// Opens the data without reading users, as if there were many.
fn open(directory: &Path) -> Core {
    let before = READS_ON_DEMAND.replace(true);
    let core = Core::open(Box::new(Sqlite::open(directory, false).unwrap())).unwrap();
    READS_ON_DEMAND.set(before);
    assert!(core.state().index.is_on_demand());
    core
}

#[test]
fn keeps_the_contract_with_users_on_demand() {
    READS_ON_DEMAND.set(true);
    conformance::check(|| tempfile::tempdir().unwrap());
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
    assert!(core.state().index.is_on_demand());
    core.load_all().unwrap();
    assert!(!core.state().index.is_on_demand());
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
    core.load_all().unwrap();
    core.check().unwrap();
}

/// Rows that are not read at the start are counted all the same.
#[test]
fn rows_that_vanish_are_missed_soon() {
    for damage in
        ["DELETE FROM account WHERE id = 2", "DELETE FROM stream WHERE id = 2", "DELETE FROM profile WHERE id = 2"]
    {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(directory.path(), 20));
        rusqlite::Connection::open(directory.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
        let core = open(directory.path());
        assert!(core.check_counts().is_err(), "{damage}");
        let mut batch = batch::begin(&core, None);
        batch.add_account(account("lineker")).ok();
        assert!(Box::new(batch).commit().is_err());
    }
}

/// A row that cannot be read is no user who does not exist.
#[test]
fn damage_to_one_user_leaves_the_others() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 20));
    let damage = "UPDATE account SET since = 1 WHERE id = 2";
    rusqlite::Connection::open(directory.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
    let core = open(directory.path());
    assert!(batch::begin(&core, None).account("messi").unwrap().is_some());
    let error = batch::begin(&core, None).account("henderson").err().unwrap();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("damaged"), "{error:?}");
    assert!(batch::begin(&core, None).account("messi").unwrap().is_some());
    assert!(batch::begin(&core, None).account("nobody").unwrap().is_none());
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
