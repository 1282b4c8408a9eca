use super::*;
use crate::store::contract;

#[test]
fn keeps_the_contract_on_a_disk() {
    contract::check(|| Box::new(Durable::open(&tempfile::tempdir().unwrap().keep(), Options::default()).unwrap()));
}

#[test]
fn the_write_ahead_log_starts_anew() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Sqlite::open(directory.path(), true).unwrap();
    let length = || {
        disk.tidy().unwrap();
        std::fs::metadata(directory.path().join("chat.db-wal")).unwrap().len()
    };
    let before = length();
    for number in 1..=40 {
        let group = MessageGroup { number, time: Timestamp::EPOCH, body: vec![7; 10_000] };
        disk.commit(&[disk::Write::Group(Arc::new(group))]).unwrap();
        assert_eq!(length(), before);
    }
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
                assert!(store.take_unread("messi").unwrap().len() >= 19);
            }
            Err(error) => {
                let error = std::error::Error::source(&error).unwrap().to_string();
                assert!(error.contains("chat.db-wal: the data is damaged"), "{error}");
                let store = Shared::new(Box::new(Sqlite::open(copy.path(), false).unwrap()));
                assert!(store.is_ok_and(|store| store.take_unread("messi").unwrap().len() < 20));
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
    assert_eq!(store.take_unread("messi").unwrap().len(), 50);
    let left = store.sweep(|_| false).unwrap().unwrap();
    assert!((50_000..80_000).contains(&left), "{left}");
    store.check().unwrap();
    drop(store);
    let store = Shared::new(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap();
    assert_eq!(store.take_unread("henderson").unwrap().len(), 50);
    assert!(store.sweep(|_| true).unwrap().unwrap() > 50_000, "what was read is kept as long as it is told to");
    assert_eq!(store.sweep(|_| false).unwrap(), Some(0));
    let last = store.disk.last_group().unwrap();
    let from = account("messi").profile;
    let message = NewMessage { to: "messi", from: &from, text: "later", time: Timestamp::EPOCH };
    store.state().append(message, Room::ANY);
    store.flush().unwrap();
    assert!(store.disk.last_group().unwrap() > last, "numbers are not used again");
    assert_eq!(store.take_unread("messi").unwrap().len(), 1);
}
