//! Snapshots that are kept in NATS.

use std::fs;

use chat_cluster::{Engine, SnapshotName};
use chat_lib::store::ReplicatedLog;
use tokio::io::AsyncReadExt;

use crate::{NODES, connect};

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

/// Clusters have snapshots that were written by async-nats, and NATS's own tools can read them.
#[test]
fn snapshots_are_objects_like_any_other() {
    let (engine, folder) = (connect("objects"), tempfile::tempdir().unwrap());
    let [file, copy] = ["file", "copy"].map(|name| folder.path().join(name));
    let content: Vec<u8> = (0..300_000_u32).map(|index| (index % 251) as u8).collect();
    fs::write(&file, &content).unwrap();
    engine.put_snapshot(&name(1), &file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read = runtime.block_on(async {
        let client = async_nats::connect(NODES.urls()).await.unwrap();
        let store = async_nats::jetstream::new(client).get_object_store("chat-objects-snapshots").await.unwrap();
        store.put(name(2).to_string().as_str(), &mut content.as_slice()).await.unwrap();
        let (mut object, mut read) = (store.get(name(1).to_string()).await.unwrap(), Vec::new());
        object.read_to_end(&mut read).await.unwrap();
        read
    });
    assert!(read == content);
    assert_eq!(engine.snapshots().unwrap(), [name(2), name(1)]);
    engine.get_snapshot(&name(2), &copy).unwrap();
    assert!(fs::read(&copy).unwrap() == content);
}
