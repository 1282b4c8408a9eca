//! Snapshots that are kept in NATS.

use std::fs;

use chat_cluster::{Engine, SnapshotName};
use chat_lib::store::ReplicatedLog;

use crate::connect;

fn name(at: u64) -> SnapshotName {
    SnapshotName { at, hash: [at as u8; 32] }
}

#[test]
fn snapshots_come_back_whole() {
    let (engine, other, folder) = (connect("whole"), connect("whole"), tempfile::tempdir().unwrap());
    let [file, copy] = ["file", "copy"].map(|name| folder.path().join(name));
    assert_eq!(engine.snapshots().unwrap(), []);
    let content = |length: usize| (0..length).map(|index| (index * 7 % 251) as u8).collect::<Vec<_>>();
    for (at, length) in [(1, 0), (30, 1), (20, 5_000_000)] {
        fs::write(&file, content(length)).unwrap();
        engine.put_snapshot(&name(at), &file).unwrap();
        other.get_snapshot(&name(at), &copy).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), content(length));
        assert!(other.get_snapshot(&name(at), &copy).is_err(), "the file is there");
        fs::remove_file(&copy).unwrap();
    }
    assert_eq!(other.snapshots().unwrap(), [name(30), name(20), name(1)]);
    fs::write(&file, content(10)).unwrap();
    engine.put_snapshot(&name(20), &file).unwrap();
    engine.get_snapshot(&name(20), &copy).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), content(10));
    fs::remove_file(&copy).unwrap();
    other.remove_snapshot(&name(20)).unwrap();
    other.remove_snapshot(&name(20)).unwrap();
    assert_eq!(engine.snapshots().unwrap(), [name(30), name(1)]);
    assert!(engine.get_snapshot(&name(20), &copy).is_err());
    assert!(!copy.exists());
    assert!(engine.put_snapshot(&name(40), &folder.path().join("missing")).is_err());
    assert_eq!(engine.last().unwrap(), 0);
}
