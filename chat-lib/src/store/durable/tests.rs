//! The durable engine on a disk: damage that is found, messages that are dropped and those that are not.

use std::cell::Cell;
use std::time::Instant;

use super::record::Record;
use super::retention::Wall;
use super::sqlite::wal;
use super::takes::Takes;
use super::upkeep::Work;
use super::*;
use crate::clock::ManualClock;
use crate::conformance::{self, Data, Fault};
use crate::limits::{PURGE_INTERVAL, PUT_BACK_TIME, SWEEP_INTERVAL};
use crate::model::{Account, Framing, MessageKey, Profile, RoomName, SessionToken, UserName};
use crate::store::index::Change;
use crate::store::log::Block;
use crate::store::{
    Appended, Conversations as _, CursorMove, Member, NewMessage, NewSession, Quota, Record as DumpRecord, Standing,
    restore,
};

/// When users are read, however few there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    AtStart,
    /// The others are not read by the store's thread.
    WhenNeeded,
    /// After the start.
    Beside,
}

thread_local! {
    pub(super) static READING: Cell<Reading> = Cell::new(match std::env::var("CHAT_TEST_READING").as_deref() {
        Err(_) => Reading::AtStart,
        Ok("when-needed") => Reading::WhenNeeded,
        Ok("beside") => Reading::Beside,
        Ok(other) => panic!("CHAT_TEST_READING={other}?"),
    });
}

impl Data for tempfile::TempDir {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        Ok(Box::new(Durable::open(self.path(), Options::default())?))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn fail_next_commit(&self, _fault: Fault) -> bool {
        false
    }
}

#[test]
fn keeps_the_contract_on_a_disk() {
    conformance::check(|| tempfile::tempdir().unwrap());
}

/// The log was synced by its path, which may lead elsewhere by then.
#[test]
fn a_sync_does_not_look_for_the_log_again() {
    let place = tempfile::tempdir().unwrap();
    let disk = Sqlite::open(&place.path().join("data"), false).unwrap();
    std::fs::rename(place.path().join("data"), place.path().join("old")).unwrap();
    commit(&disk, Change::Summary(disk.summary().unwrap()));
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
        let first = MessageId::new(number).unwrap();
        let block = Block { body: vec![7; 10_000], ..Block::new(first, Timestamp::EPOCH) };
        commit(&disk, Change::Block(Arc::new(block)));
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
    READING.set(Reading::AtStart);
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 60);
    let later = Timestamp::EPOCH.after(Duration::from_secs(10));
    let id = SessionToken::random(&crate::entropy::OsEntropy).unwrap().id();
    let session = NewSession { id, user: "messi", now: Timestamp::EPOCH, expires: later, from: None };
    assert!(store.state().index.open_session(&session).is_open());
    {
        let index = &mut store.state().index;
        assert!(index.create_room(&RoomName::parse("#lounge").unwrap(), "", true));
        assert!(index.set_standing("#lounge", "messi", Some(Standing::Owner), true));
        assert!(index.block("messi", "henderson"));
    }
    let key = MessageKey::parse("a").unwrap();
    let from = account("messi").profile;
    let (framing, time) = (Framing::DEFAULT, Timestamp::EPOCH);
    let message = NewMessage { to: "#lounge", from: &from, text: "halo", framing, time, key: Some(&key) };
    store.state().index.append(&message, Quota::UNLIMITED).unwrap();
    store.finish().unwrap();
    drop(store);
    let database = std::fs::read(directory.path().join("chat.db")).unwrap();
    for damage in [
        "DELETE FROM account WHERE id = 2",
        "DELETE FROM stream WHERE id = 2",
        "DELETE FROM account WHERE id = 2; DELETE FROM stream WHERE reader = 2",
        "DELETE FROM profile",
        "DELETE FROM session",
        "DELETE FROM room",
        "DELETE FROM member",
        "DELETE FROM room; DELETE FROM member",
        "DELETE FROM block",
        "DELETE FROM keys",
        "UPDATE member SET base = 7",
        "UPDATE room SET gone = 7",
        "UPDATE keys SET time = 7",
        "DELETE FROM log WHERE first = (SELECT max(first) FROM log)",
        "DELETE FROM summary",
        "UPDATE summary SET last_account = 1",
    ] {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("chat.db"), &database).unwrap();
        rusqlite::Connection::open(copy.path().join("chat.db")).unwrap().execute_batch(damage).unwrap();
        let opened = Sqlite::open(copy.path(), true).and_then(|disk| Core::open(Box::new(disk)));
        let error = opened.err().unwrap_or_else(|| panic!("not missed: {damage}"));
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("damaged"), "{error:?}");
    }
    rusqlite::Connection::open(directory.path().join("chat.db"))
        .unwrap()
        .execute_batch("DELETE FROM log WHERE first = (SELECT first FROM log ORDER BY first LIMIT 1 OFFSET 1)")
        .unwrap();
    let store = Core::open(Box::new(Sqlite::open(directory.path(), true).unwrap())).unwrap();
    assert!(store.dump(|_, _| false, &mut |_| Ok(())).is_err(), "a dump does not look whole that is not");
    assert!(store.check().is_err());
    assert!(pages::read_unread(&store, "messi", usize::MAX).is_err());
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
        let mut batch = store.begin();
        if begun { batch.begin_restore() } else { batch.end_restore() }.unwrap();
        batch.commit().unwrap();
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
        append(&store, "messi", &from, &text);
        store.group.flush().unwrap();
    }
    let [database, log] = ["chat.db", "chat.db-wal"].map(|name| std::fs::read(directory.path().join(name)).unwrap());
    let last_frames = log.len() - 4 * 4120;
    for place in (4..log.len()).step_by(997).chain([0, 16, 31, 32, 40, 55, 56]) {
        let copy = tempfile::tempdir().unwrap();
        let mut log = log.clone();
        log[place] ^= 1;
        std::fs::write(copy.path().join("chat.db"), &database).unwrap();
        std::fs::write(copy.path().join("chat.db-wal"), log).unwrap();
        match Sqlite::open(copy.path(), true).and_then(|disk| Core::open(Box::new(disk))) {
            Ok(store) => {
                // It could be a crash in the last commit.
                assert!(place > last_frames, "a flip at {place} was not found");
                assert!(unread(&store, "messi") >= 19);
            }
            Err(error) => {
                let error = std::error::Error::source(&error).unwrap().to_string();
                assert!(error.contains("chat.db-wal: the data is damaged"), "{error}");
                let store = Core::open(Box::new(Sqlite::open(copy.path(), false).unwrap())).unwrap();
                assert!(unread(&store, "messi") < 20);
                store.group.flush().unwrap();
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

pub(super) fn account(user: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), user, "").unwrap();
    Account::new(Arc::new(profile), None)
}

fn commit(disk: &Sqlite, change: Change) {
    disk.commit(&Record { changes: vec![change], last_message: MessageId::NONE }).unwrap();
}

pub(super) fn append(store: &Core, to: &str, from: &Arc<Profile>, text: &str) {
    let message = NewMessage { to, from, text, framing: Framing::DEFAULT, time: Timestamp::EPOCH, key: None };
    let appended = store.state().index.append(&message, Quota::UNLIMITED).unwrap();
    assert!(matches!(appended, Appended::Stored(_)));
}

/// Takes what a user has not read.
pub(super) fn take(store: &Core, user: &str) -> Vec<CursorMove> {
    let Unread::Messages { moves, .. } = pages::read_unread(store, user, usize::MAX).unwrap() else { panic!() };
    let taken = super::batch::begin(store, None).take(user, &moves).unwrap();
    assert!(taken || moves.is_empty());
    moves
}

pub(super) fn unread(store: &Core, user: &str) -> usize {
    take(store, user).iter().map(|step| step.messages).sum()
}

/// Compacts a store in which nothing may be put back any more.
pub(super) fn compact(store: &Core, keeps: bool) -> Option<usize> {
    store.compact(Instant::now() + 2 * PUT_BACK_TIME, Keep::default(), |_, _| keeps).unwrap()
}

pub(super) fn filled(directory: &Path, messages: usize) -> Core {
    let store = Core::open(Box::new(Sqlite::open(directory, false).unwrap())).unwrap();
    let messi = account("messi");
    let from = Arc::clone(&messi.profile);
    store.state().index.add_account(messi);
    store.state().index.add_account(account("henderson"));
    let text = "x".repeat(1000);
    for number in 0..messages {
        append(&store, ["messi", "henderson"][number % 2], &from, &text);
    }
    store.group.flush().unwrap();
    store
}

#[test]
fn a_sweep_drops_what_was_read_and_thins_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    assert!(compact(&store, false).unwrap() > 100_000, "nothing was read");
    assert_eq!(unread(&store, "messi"), 50);
    let left = compact(&store, false).unwrap();
    assert!((50_000..80_000).contains(&left), "{left}");
    store.check().unwrap();
    drop(store);
    let store = Core::open(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    assert_eq!(unread(&store, "henderson"), 50);
    assert!(compact(&store, true).unwrap() > 50_000, "what was read is kept as long as it is told to");
    assert_eq!(compact(&store, false), Some(0));
    let last = store.backend().last_message().unwrap();
    append(&store, "messi", &account("messi").profile, "later");
    store.group.flush().unwrap();
    assert!(store.backend().last_message().unwrap() > last, "ids are not used again");
    assert_eq!(unread(&store, "messi"), 1);
}

/// A sweep must not drop what was read and may have to be put back, nor a failed commit forget that.
#[test]
fn a_sweep_leaves_what_may_be_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    let moves = take(&store, "messi");
    assert_eq!(unread(&store, "henderson"), 50);
    // Taken at another time, as far as the compaction knows.
    store.state().takes = Takes::default();
    store.state().takes.add(&moves, Instant::now());
    let left = store.compact(Instant::now(), Keep::default(), |_, _| false).unwrap().unwrap();
    assert!((50_000..80_000).contains(&left), "{left}");
    let stale = CursorMove { to: MessageId::MAX, ..moves[0].clone() };
    assert!(!store.state().index.put_back("messi", &[stale]));
    assert!(store.state().index.put_back("messi", &moves));
    store.group.flush().unwrap();
    store.check().unwrap();
    drop(store);
    let store = Core::open(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    assert_eq!(unread(&store, "messi"), 50);
    assert_eq!(compact(&store, false), Some(0), "nobody can put it back now");
}

/// A dump whose reader paused held up checks and other dumps until it went on.
#[test]
fn a_dump_that_is_read_slowly_holds_up_no_check() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 2);
    let mut shown = 0;
    let mut show = |_: DumpRecord<'_>| {
        shown += 1;
        std::thread::scope(|scope| scope.spawn(|| store.check()).join().unwrap()).unwrap();
        assert_eq!(compact(&store, false), None, "the log stays for the dump");
        Ok(())
    };
    store.dump(|_, _| true, &mut show).unwrap();
    assert!(shown > 2);
}

/// A restore that took longer than an hour lost most of the messages that the dump had as read: the sweep
/// under the restore's own options came in between, and nobody was told.
#[test]
fn nothing_is_swept_while_a_dump_is_being_restored() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(filled(directory.path(), 0));
    let from = account("messi").profile;
    let mut next = 1;
    let mut restore_messages = |count| {
        for _ in 0..count {
            let (to, framing, time) = ("henderson", Framing::DEFAULT, Timestamp::EPOCH);
            let message = NewMessage { to, from: &from, text: "halo", framing, time, key: None };
            let id = MessageId::new(next).unwrap();
            let record = DumpRecord::Message { id, message, from_former_user: false, deleted: false };
            assert!(restore(&mut store.state().index, record).unwrap());
            next += 1;
        }
        store.group.flush().unwrap();
    };
    let read = MessageId::new(1000).unwrap();
    let members = [Member { user: "messi", read }, Member { user: "henderson", read }];
    assert!(restore(&mut store.state().index, DumpRecord::Conversation(&members)).unwrap());
    let kept = || read_messages(&store);
    let start = Instant::now();
    let work = |keep_read| {
        let retention =
            Retention::new(keep_read, Keep::default(), Arc::new(ManualClock::default()), Timestamp::EPOCH, start);
        Work::new(Arc::clone(&store), Arc::new(retention), false, start)
    };
    let (mut drops, mut tasks) = (work(KeepRead::No), work(KeepRead::Everything));

    store.state().index.set_summary(|summary| summary.restoring = true);
    restore_messages(10);
    drops.turn(start + SWEEP_INTERVAL).unwrap();
    restore_messages(10);
    assert_eq!(kept(), 20);
    store.state().index.set_summary(|summary| summary.restoring = false);
    tasks.turn(start + 2 * SWEEP_INTERVAL).unwrap();
    assert_eq!(kept(), 20, "a task drops nothing, whatever the data's own options are");
    drops.turn(start + 2 * SWEEP_INTERVAL).unwrap();
    assert!(kept() < 20, "once it is whole, the options hold");
}

#[test]
fn the_oldest_messages_beyond_a_limit_are_dropped() {
    for keep in [Keep { messages: Some(40), bytes: None }, Keep { messages: None, bytes: Some(45_000) }] {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(filled(directory.path(), 100));
        let start = Instant::now();
        let retention = Retention::new(KeepRead::Forever, keep, Wall::at(0), Timestamp::EPOCH, start);
        let mut upkeep = Work::new(Arc::clone(&store), Arc::new(retention), false, start);
        let mut swept = start;
        let mut sweep = || {
            // Nothing may be put back any more.
            swept += SWEEP_INTERVAL.max(2 * PUT_BACK_TIME);
            upkeep.turn(swept).unwrap();
        };
        sweep();
        assert_eq!((unread(&store, "messi"), unread(&store, "henderson")), (50, 50), "what is unread stays");
        assert_eq!(read_messages(&store), 100);
        sweep();
        // A block has some 16 messages.
        let left = read_messages(&store);
        assert!((20..=40).contains(&left), "{left}");
        let page = pages::history(&*store, "henderson", "messi", Position::Before(MessageId::MAX), 1).unwrap();
        assert_eq!(
            page.messages.first().map(|it| it.id),
            Some(store.backend().last_message().unwrap()),
            "the latest stay"
        );
        sweep();
        assert_eq!(read_messages(&store), left, "all that is left may stay");
        store.check().unwrap();
    }
}

/// The clock jumped ahead by 100 days for seconds, and whatever had been read in 90 days was dropped.
#[test]
fn a_clock_that_is_wrong_for_a_while_drops_nothing() {
    const DAY: Duration = Duration::from_secs(86_400);
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let wall = Wall::at(0);
    let work = |store: &Arc<Core>, now| {
        let known = store.state().index.summary().retention_time;
        let retention = Retention::new(KeepRead::For(90 * DAY), Keep::default(), Arc::<Wall>::clone(&wall), known, now);
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
    let store = Arc::new(Core::open(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap());
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

/// How many of the messages of a dump were read.
fn read_messages(store: &Core) -> usize {
    let mut messages = 0;
    let mut count = |record: DumpRecord<'_>| {
        messages += usize::from(matches!(record, DumpRecord::Message { .. }));
        Ok(())
    };
    store.dump(|_, _| true, &mut count).unwrap();
    let unread = ["messi", "henderson"].map(|user| store.state().index.unread(user).0);
    messages - unread.iter().sum::<usize>()
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
    assert_eq!(opened(None), KeepRead::Forever);
    assert_eq!(opened(Some(KEEP)), KEEP);
    assert_eq!(opened(Some(KeepRead::Everything)), KeepRead::Everything);
    assert_eq!(opened(None), KEEP);
    assert_eq!(opened(Some(KeepRead::No)), KeepRead::No);
    assert_eq!(opened(None), KeepRead::No);
}

/// All files of a store.
fn bytes(directory: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.collect::<Vec<_>>().concat()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Finds a message and deletes it.
fn delete(store: &Core, user: &str, id: MessageId) {
    let found = pages::find_message(store, user, id).unwrap().unwrap();
    let mut batch = super::batch::begin(store, None);
    assert!(batch.delete(&found).unwrap());
    Box::new(batch).commit().unwrap();
}

#[test]
fn deleted_texts_leave_all_files() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(filled(directory.path(), 40));
    let from = account("henderson").profile;
    let secrets = ["a secret that is short".to_owned(), format!("a secret that is long {}", "y".repeat(30_000))];
    for (number, secret) in secrets.iter().cycle().take(4).enumerate() {
        append(&store, "messi", &from, secret);
        (0..30 * number).for_each(|_| append(&store, "messi", &from, "something else"));
        store.group.flush().unwrap();
        if number == 2 {
            store.finish().unwrap();
        }
    }
    let secrets = secrets.map(|secret| secret.get(..21).unwrap().to_owned());
    let all = pages::history(&*store, "messi", "henderson", Position::After(MessageId::NONE), 1000).unwrap().messages;
    let ids: Vec<_> = all.iter().filter(|message| message.text.starts_with("a secret")).map(|it| it.id).collect();
    assert_eq!(ids.len(), 4);
    ids.iter().for_each(|id| delete(&store, "messi", *id));
    assert!(secrets.iter().all(|secret| contains(&bytes(directory.path()), secret)), "not yet");

    let retention = Retention::new(KeepRead::Forever, Keep::default(), Wall::at(0), Timestamp::EPOCH, Instant::now());
    let start = Instant::now();
    let mut upkeep = Work::new(Arc::clone(&store), Arc::new(retention), false, start);
    upkeep.turn(start).unwrap();
    assert!(store.needs_purge(), "not at once");
    upkeep.turn(start + PURGE_INTERVAL).unwrap();
    assert!(!store.needs_purge());
    for secret in &secrets {
        assert!(!contains(&bytes(directory.path()), secret), "{secret}");
    }
    store.check().unwrap();
    drop(upkeep);
    drop(store);
    let store = Core::open(Box::new(Sqlite::open(directory.path(), true).unwrap())).unwrap();
    let all = pages::history(&store, "messi", "henderson", Position::After(MessageId::NONE), 1000).unwrap().messages;
    let deleted = all.iter().filter(|message| message.deleted && message.text.is_empty()).map(|message| message.id);
    assert_eq!(deleted.collect::<Vec<_>>(), ids);
}

/// What is not removed when the store is used is removed when it is closed.
#[test]
fn deleted_texts_are_gone_when_a_store_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 0);
    append(&store, "messi", &account("messi").profile, "a secret that is short");
    store.group.flush().unwrap();
    delete(&store, "messi", store.backend().last_message().unwrap());
    store.finish().unwrap();
    assert!(!contains(&bytes(directory.path()), "a secret"));
}

/// Keys older than a day are dropped from the disk.
#[test]
fn old_keys_leave_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 0);
    let from = account("henderson").profile;
    let send = |key: &str, hour: u64| {
        let (key, time) = (MessageKey::parse(key).unwrap(), Timestamp::from_millis(hour * 3_600_000));
        let message =
            NewMessage { to: "messi", from: &from, text: "halo", framing: Framing::DEFAULT, time, key: Some(&key) };
        store.state().index.append(&message, Quota::UNLIMITED).unwrap()
    };
    let Appended::Stored(first) = send("a", 0) else { panic!() };
    store.finish().unwrap();
    assert_eq!(send("a", 23), Appended::Known(first, Timestamp::EPOCH));
    assert!(matches!(send("b", 23), Appended::Stored(_)));
    store.finish().unwrap();
    let rows = || store.backend().tables().unwrap().keys.len();
    assert_eq!(rows(), 2);
    assert!(matches!(send("a", 24), Appended::Stored(_)));
    store.finish().unwrap();
    assert_eq!(rows(), 2, "the one with `b`, and the new one");
    drop(store);
    let store = Core::open(Box::new(Sqlite::open(directory.path(), true).unwrap())).unwrap();
    assert_eq!(store.state().index.keys("henderson").count(), 2);
}

/// In a room, retention asks nobody whether they have read.
#[test]
fn a_sweep_drops_messages_of_rooms_that_nobody_has_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 0);
    let room = RoomName::parse("#lounge").unwrap();
    {
        let index = &mut store.state().index;
        index.create_room(&room, "", true);
        ["messi", "henderson"].iter().for_each(|user| {
            assert!(index.set_standing("#lounge", user, Some(Standing::Member), true));
        });
    }
    let from = account("messi").profile;
    let text = "x".repeat(20_000);
    (0..10).for_each(|_| append(&store, "#lounge", &from, &text));
    store.group.flush().unwrap();
    let unread = || store.state().index.conversation("henderson", "#lounge").unwrap().unread;
    let before = pages::read_until(&store, "henderson", "#lounge", MessageId::MAX).unwrap().unwrap();
    assert_eq!((unread(), before.messages), (10, 10));
    let mut blocks = 0;
    let keeps = |_: &Block, _| {
        blocks += 1;
        blocks > 4
    };
    assert!(store.compact(Instant::now(), Keep::default(), keeps).unwrap().unwrap() < 140_000);
    assert_eq!(unread(), 6);
    store.check().unwrap();
    // A move that was made out before counts what is gone.
    assert!(!super::batch::begin(&store, None).take("henderson", &[before]).unwrap());
    let step = pages::read_until(&store, "henderson", "#lounge", MessageId::MAX).unwrap().unwrap();
    assert_eq!(step.messages, 6);
    assert!(super::batch::begin(&store, None).take("henderson", &[step]).unwrap());
    append(&store, "#lounge", &from, "halo");
    assert_eq!(unread(), 1);
    let page = pages::history(&store, "henderson", "#lounge", Position::After(MessageId::NONE), 100).unwrap();
    assert_eq!(page.messages.len(), 6, "the last one is not committed");
}
