use std::time::Instant;

use super::group::MessageGroup;
use super::retention::Wall;
use super::upkeep::Work;
use super::*;
use crate::clock::ManualClock;
use crate::limits::SWEEP_INTERVAL;
use crate::model::SessionToken;
use crate::store::contract;

#[test]
fn keeps_the_contract_on_a_disk() {
    contract::check(|| Box::new(Durable::open(&tempfile::tempdir().unwrap().keep(), Options::default()).unwrap()));
}

/// The log was synced by its path, which may lead elsewhere by then.
#[test]
fn a_sync_does_not_look_for_the_log_again() {
    let place = tempfile::tempdir().unwrap();
    let disk = Sqlite::open(&place.path().join("data"), false).unwrap();
    std::fs::rename(place.path().join("data"), place.path().join("old")).unwrap();
    disk.commit(&[disk::Write::Summary(disk.summary().unwrap())]).unwrap();
    disk.sync().unwrap();
    disk.check().unwrap();
    disk.tidy().unwrap();
    drop(disk);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn the_write_ahead_log_starts_anew() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Sqlite::open(directory.path(), true).unwrap();
    let length_after = |number| {
        let group = MessageGroup { number, time: Timestamp::EPOCH, body: vec![7; 10_000] };
        disk.commit(&[disk::Write::Group(Arc::new(group))]).unwrap();
        disk.tidy().unwrap();
        std::fs::metadata(directory.path().join("chat.db-wal")).unwrap().len()
    };
    let longest = (1..=10).map(length_after).max();
    assert!((11..=60).map(length_after).max() <= longest);
}

/// A row's seal says nothing of a row that is not there. So one flipped bit in a page could take accounts,
/// sessions or the end of the log away, and a new account could get the number and the mailbox of another.
#[test]
fn rows_that_vanish_are_missed() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 60);
    let later = Timestamp::EPOCH.after(Duration::from_secs(10));
    let id = SessionToken::random(&crate::entropy::OsEntropy).unwrap().id();
    assert!(store.state().open_session(id, "messi", Timestamp::EPOCH, later));
    store.finish().unwrap();
    drop(store);
    let database = std::fs::read(directory.path().join("chat.db")).unwrap();
    for damage in [
        "DELETE FROM account WHERE id = 2",
        "DELETE FROM mailbox WHERE id = 2",
        "DELETE FROM account WHERE id = 2; DELETE FROM mailbox WHERE id = 2",
        "DELETE FROM profile",
        "DELETE FROM session",
        "DELETE FROM log WHERE number = (SELECT max(number) FROM log)",
        "DELETE FROM summary",
        "UPDATE summary SET last_mailbox = 1",
    ] {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("chat.db"), &database).unwrap();
        rusqlite::Connection::open(copy.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
        let opened = Sqlite::open(copy.path(), true).and_then(|disk| Shared::new(Box::new(disk)));
        let error = opened.err().unwrap_or_else(|| panic!("not missed: {damage}"));
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("damaged"), "{error:?}");
    }
    rusqlite::Connection::open(directory.path().join("chat.db"))
        .unwrap()
        .execute_batch("DELETE FROM log WHERE number = 2")
        .unwrap();
    let store = Shared::new(Box::new(Sqlite::open(directory.path(), true).unwrap())).unwrap();
    assert!(store.dump(|_| false, &mut |_| Ok(())).is_err(), "a dump does not look whole that is not");
    assert!(store.check().is_err());
    assert!(store.take_unread("messi", usize::MAX).is_err());
}

/// An empty file, or none beside the write-ahead log of one, was taken for a store that is to be made.
#[test]
fn a_database_that_was_lost_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 10);
    std::mem::forget(store);
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join("chat.db-wal"), copy.path().join("chat.db-wal")).unwrap();
    assert!(Sqlite::open(copy.path(), true).is_err());
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("chat.db"), "").unwrap();
    assert!(Sqlite::open(copy.path(), true).is_err());
    let fresh = tempfile::tempdir().unwrap();
    std::fs::write(fresh.path().join("chat.new"), "a start that a crash has cut").unwrap();
    assert!(Sqlite::open(fresh.path(), true).is_ok());
}

/// A restore that was killed left what looked like a whole store.
#[test]
fn a_restore_that_was_cut_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Durable::open(directory.path(), Options::default());
    let mark = |begun| {
        let store = open().unwrap();
        let group = store.begin();
        store.restoring(begun).unwrap();
        store.commit(group).unwrap();
        // A kill: the lock goes, and nothing is done that dropping does.
        let copy = tempfile::tempdir().unwrap();
        for file in ["chat.db", "chat.db-wal"] {
            std::fs::copy(directory.path().join(file), copy.path().join(file)).unwrap();
        }
        copy
    };
    let open_copy = |copy: &tempfile::TempDir| Durable::open(copy.path(), Options::default());
    assert!(open_copy(&mark(false)).is_ok());
    assert!(open_copy(&mark(true)).is_err());
}

/// SQLite takes a damaged write-ahead log for one that ends there. So after a kill, a bit that flipped in it
/// took everything behind it, and nobody was told.
#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 0);
    let from = account("messi").profile;
    for number in 0..20 {
        let text = number.to_string();
        store.state().append(NewMessage { to: "messi", from: &from, text: &text, time: Timestamp::EPOCH }, Room::ANY);
        store.flush().unwrap();
    }
    let [database, log] = ["chat.db", "chat.db-wal"].map(|name| std::fs::read(directory.path().join(name)).unwrap());
    let last_frames = log.len() - 4 * 4120;
    for place in (4..log.len()).step_by(997).chain([0, 16, 31, 32, 40, 55, 56]) {
        let copy = tempfile::tempdir().unwrap();
        let mut log = log.clone();
        log[place] ^= 1;
        std::fs::write(copy.path().join("chat.db"), &database).unwrap();
        std::fs::write(copy.path().join("chat.db-wal"), log).unwrap();
        match Sqlite::open(copy.path(), true).and_then(|disk| Shared::new(Box::new(disk))) {
            Ok(store) => {
                // It could be a crash in the last commit.
                assert!(place > last_frames, "a flip at {place} was not found");
                assert!(unread(&store, "messi") >= 19);
            }
            Err(error) => {
                let error = std::error::Error::source(&error).unwrap().to_string();
                assert!(error.contains("chat.db-wal: the data is damaged"), "{error}");
                let store = Shared::new(Box::new(Sqlite::open(copy.path(), false).unwrap())).unwrap();
                assert!(unread(&store, "messi") < 20);
                store.flush().unwrap();
                // Killed again: what was left out is no damage any more.
                std::mem::forget(store);
                assert_eq!(wal::damaged_frame(&copy.path().join("chat.db-wal")).unwrap(), None);
            }
        }
    }
    for length in (0..log.len()).step_by(1511) {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("chat.db"), &database).unwrap();
        std::fs::write(copy.path().join("chat.db-wal"), &log[..length]).unwrap();
        assert!(Sqlite::open(copy.path(), true).is_ok(), "a log that a crash has cut is no damage");
    }
}

fn account(user: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), user, "").unwrap();
    Account { profile: Arc::new(profile), password: None }
}

fn unread(store: &Shared, user: &str) -> usize {
    store.take_unread(user, usize::MAX).unwrap().unwrap().inbox.len()
}

fn filled(directory: &Path, messages: usize) -> Shared {
    let store = Shared::new(Box::new(Sqlite::open(directory, false).unwrap())).unwrap();
    let messi = account("messi");
    let from = Arc::clone(&messi.profile);
    store.state().add_account(messi);
    store.state().add_account(account("henderson"));
    let text = "x".repeat(1000);
    for number in 0..messages {
        let to = ["messi", "henderson"][number % 2];
        store.state().append(NewMessage { to, from: &from, text: &text, time: Timestamp::EPOCH }, Room::ANY);
    }
    store.flush().unwrap();
    store
}

#[test]
fn a_sweep_drops_what_was_read_and_thins_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    assert!(store.sweep(|_| false).unwrap().unwrap() > 100_000, "nothing was read");
    assert_eq!(unread(&store, "messi"), 50);
    let left = store.sweep(|_| false).unwrap().unwrap();
    assert!((50_000..80_000).contains(&left), "{left}");
    store.check().unwrap();
    drop(store);
    let store = Shared::new(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    assert_eq!(unread(&store, "henderson"), 50);
    assert!(store.sweep(|_| true).unwrap().unwrap() > 50_000, "what was read is kept as long as it is told to");
    assert_eq!(store.sweep(|_| false).unwrap(), Some(0));
    let last = store.disk.last_group().unwrap();
    let from = account("messi").profile;
    let message = NewMessage { to: "messi", from: &from, text: "later", time: Timestamp::EPOCH };
    store.state().append(message, Room::ANY);
    store.flush().unwrap();
    assert!(store.disk.last_group().unwrap() > last, "numbers are not used again");
    assert_eq!(unread(&store, "messi"), 1);
}

/// A sweep must not drop what was read and may have to be put back, nor a failed commit forget that.
#[test]
fn a_sweep_leaves_what_may_be_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    let taken = store.take_unread("messi", usize::MAX).unwrap().unwrap();
    assert_eq!(unread(&store, "henderson"), 50);
    let left = store.sweep(|_| false).unwrap().unwrap();
    assert!((50_000..80_000).contains(&left), "{left}");
    assert!(store.state().put_back("messi", taken));
    store.flush().unwrap();
    store.check().unwrap();
    drop(store);
    let store = Shared::new(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    let taken = store.take_unread("messi", usize::MAX).unwrap().unwrap();
    assert_eq!(taken.inbox.len(), 50);
    drop(taken);
    assert_eq!(store.sweep(|_| false).unwrap(), Some(0), "nobody can put it back now");
}

/// A dump whose reader paused held up checks and other dumps until it went on.
#[test]
fn a_dump_that_is_read_slowly_holds_up_no_check() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 2);
    let mut shown = 0;
    let mut show = |_: Record<'_>| {
        shown += 1;
        std::thread::scope(|scope| scope.spawn(|| store.check()).join().unwrap()).unwrap();
        assert_eq!(store.sweep(|_| false).unwrap(), None, "the log stays for the dump");
        Ok(())
    };
    store.dump(|_| true, &mut show).unwrap();
    assert!(shown > 2);
}

/// A restore that took longer than an hour lost most of the messages that the dump had as read: the sweep
/// under the restore's own options came in between, and nobody was told.
#[test]
fn nothing_is_swept_while_a_dump_is_being_restored() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(filled(directory.path(), 0));
    let from = account("messi").profile;
    let restore = |count| {
        for _ in 0..count {
            let message = NewMessage { to: "henderson", from: &from, text: "halo", time: Timestamp::EPOCH };
            assert!(store.state().restore(message, true));
        }
        store.flush().unwrap();
    };
    let kept = || read_messages(&store);
    let start = Instant::now();
    let work = |keep_read| {
        let retention = Retention::new(keep_read, Arc::new(ManualClock::default()), Timestamp::EPOCH, start);
        Work::new(Arc::clone(&store), Arc::new(retention), false, start)
    };
    let (mut drops, mut tasks) = (work(KeepRead::No), work(KeepRead::Everything));

    store.state().set_whole(false);
    restore(10);
    drops.turn(start + SWEEP_INTERVAL).unwrap();
    restore(10);
    assert_eq!(kept(), 20);
    store.state().set_whole(true);
    tasks.turn(start + 2 * SWEEP_INTERVAL).unwrap();
    assert_eq!(kept(), 20, "a task drops nothing, whatever the data's own options are");
    drops.turn(start + 2 * SWEEP_INTERVAL).unwrap();
    assert!(kept() < 20, "once it is whole, the options hold");
}

/// The clock jumped ahead by 100 days for seconds, and whatever had been read in 90 days was dropped.
#[test]
fn a_clock_that_is_wrong_for_a_while_drops_nothing() {
    const DAY: Duration = Duration::from_secs(86_400);
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let wall = Wall::at(0);
    let work = |store: &Arc<Shared>, now| {
        let known = store.state().retention_time;
        let retention = Retention::new(KeepRead::For(90 * DAY), Arc::<Wall>::clone(&wall), known, now);
        Work::new(Arc::clone(store), Arc::new(retention), false, now)
    };
    let store = Arc::new(filled(directory.path(), 100));
    assert_eq!(unread(&store, "messi"), 50);
    wall.set(1);
    let mut upkeep = work(&store, start);
    upkeep.turn(start).unwrap();
    wall.set(101);
    upkeep.turn(start + SWEEP_INTERVAL).unwrap();
    store.finish().unwrap();
    assert_eq!(read_messages(&store), 50);
    drop(upkeep);
    drop(store);

    // It is still wrong when the server starts again, and right an hour later.
    let store = Arc::new(Shared::new(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap());
    let mut upkeep = work(&store, start);
    upkeep.turn(start + SWEEP_INTERVAL).unwrap();
    assert_eq!(read_messages(&store), 50);
    wall.set(1);
    upkeep.turn(start + 2 * SWEEP_INTERVAL).unwrap();
    assert_eq!(read_messages(&store), 50);
    wall.set(91);
    upkeep.turn(start + 90 * DAY).unwrap();
    assert!(read_messages(&store) < 50, "in the end they go");
}

fn read_messages(store: &Shared) -> usize {
    let mut messages = 0;
    let mut count = |record: Record<'_>| {
        messages += usize::from(matches!(record, Record::Message { read: true, .. }));
        Ok(())
    };
    store.dump(|_| true, &mut count).unwrap();
    messages
}

/// Whoever opened the data without saying how long to keep what was read had it dropped, though another program, or the
/// same one before, had said so.
#[test]
fn the_data_remembers_how_long_messages_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let opened = |keep_read| {
        let store = Durable::open(directory.path(), Options { keep_read, ..Options::default() }).unwrap();
        store.retention.keep_read
    };
    const KEEP: KeepRead = KeepRead::For(Duration::from_secs(90));
    assert_eq!(opened(None), KeepRead::No);
    assert_eq!(opened(Some(KEEP)), KEEP);
    assert_eq!(opened(Some(KeepRead::Everything)), KeepRead::Everything);
    assert_eq!(opened(None), KEEP);
    assert_eq!(opened(Some(KeepRead::No)), KeepRead::No);
    assert_eq!(opened(None), KeepRead::No);
}
