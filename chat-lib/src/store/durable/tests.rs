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
