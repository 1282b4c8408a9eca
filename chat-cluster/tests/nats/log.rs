//! The log, while nothing is wrong with its servers.

use std::thread;
use std::time::{Duration, Instant};

use chat_cluster_testing::PATIENCE;
use chat_lib::store::{LogEntry, Placed, RECORD_BYTES, ReplicatedLog};

use crate::{all, connect};

#[test]
fn records_are_placed_once_and_in_order() {
    let log = connect("order");
    assert_eq!(log.last().unwrap(), 0);
    assert_eq!(log.read(1, Duration::ZERO).unwrap(), []);
    assert_eq!(log.append(1, b"a").unwrap(), Placed::Done);
    assert_eq!(log.append(1, b"a").unwrap(), Placed::Done);
    assert_eq!(log.append(1, b"b").unwrap(), Placed::Taken);
    assert_eq!(log.append(3, b"c").unwrap(), Placed::Short { last: 1 });
    assert_eq!(log.append(2, b"b").unwrap(), Placed::Done);
    assert_eq!(log.append(1, b"a").unwrap(), Placed::Done);
    assert_eq!(log.last().unwrap(), 2);
    let entry = |at, record: &[u8]| LogEntry { at, record: record.to_vec() };
    assert_eq!(all(&log, 1), [entry(1, b"a"), entry(2, b"b")]);
    assert_eq!(all(&log, 2), [entry(2, b"b")]);
    assert!(log.append(0, b"x").is_err());
    assert!(log.append(3, b"").is_err());
    assert!(log.append(3, &vec![0; RECORD_BYTES + 1]).is_err());
    assert_eq!(log.append(3, &vec![7; RECORD_BYTES]).unwrap(), Placed::Done);
    assert_eq!(log.append(3, &vec![7; RECORD_BYTES]).unwrap(), Placed::Done);
    assert_eq!(log.append(3, &vec![8; RECORD_BYTES]).unwrap(), Placed::Taken);
    assert_eq!(all(&log, 3), [LogEntry { at: 3, record: vec![7; RECORD_BYTES] }]);
}

/// Each place goes to one writer, and each writer knows which are its own.
#[test]
fn one_of_two_writers_gets_a_place() {
    const PLACES: u64 = 150;
    let write = |writer: u8| {
        let log = connect("race");
        (1..=PLACES).filter(|at| log.append(*at, &[writer, *at as u8]).unwrap() == Placed::Done).collect::<Vec<_>>()
    };
    let owned = thread::scope(|scope| {
        let writers = [1, 2, 3].map(|writer| scope.spawn(move || write(writer)));
        writers.map(|writer| writer.join().unwrap())
    });
    let mut places: Vec<_> = owned.iter().flatten().copied().collect();
    places.sort_unstable();
    assert_eq!(places, (1..=PLACES).collect::<Vec<_>>());
    for LogEntry { at, record } in all(&connect("race"), 1) {
        let writer = usize::from(record[0]) - 1;
        assert!(owned[writer].contains(&at), "{at} of {record:?}");
    }
}

#[test]
fn what_was_trimmed_stays_away() {
    let log = connect("trim");
    for before in [0, 1, 2, 100] {
        log.trim(before).unwrap();
        assert_eq!(log.last().unwrap(), 0, "before {before}");
    }
    for at in 1..=10 {
        assert_eq!(log.append(at, &[at as u8]).unwrap(), Placed::Done);
    }
    for before in [0, 1] {
        log.trim(before).unwrap();
        assert_eq!(all(&log, 1).len(), 10);
    }
    log.trim(5).unwrap();
    log.trim(3).unwrap();
    let entries = all(&log, 1);
    assert_eq!(entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
    assert_eq!(log.append(4, &[4]).unwrap(), Placed::Taken);
    assert_eq!(log.append(5, &[5]).unwrap(), Placed::Done);
    log.trim(1000).unwrap();
    assert_eq!(log.last().unwrap(), 10);
    assert_eq!(all(&log, 1), []);
    assert_eq!(log.append(12, b"x").unwrap(), Placed::Short { last: 10 });
    assert_eq!(log.append(10, &[10]).unwrap(), Placed::Taken);
    assert_eq!(log.append(11, b"x").unwrap(), Placed::Done);
    assert_eq!(log.read(1, Duration::ZERO).unwrap(), [LogEntry { at: 11, record: b"x".to_vec() }]);
}

#[test]
fn a_reader_hears_of_records_at_once() {
    let (writer, reader) = (connect("news"), connect("news"));
    let mut waits = Vec::new();
    thread::scope(|scope| {
        let (read, heard) = std::sync::mpsc::channel();
        scope.spawn(move || {
            let mut from = 1;
            while from <= 50 {
                for entry in reader.read(from, PATIENCE).unwrap() {
                    assert_eq!(entry.at, from);
                    from += 1;
                    read.send(Instant::now()).unwrap();
                }
            }
        });
        for at in 1..=50 {
            writer.append(at, b"x").unwrap();
            let placed = Instant::now();
            waits.push(heard.recv_timeout(PATIENCE).unwrap().saturating_duration_since(placed));
        }
    });
    // Without news, each would take up to a fifth of a second.
    waits.sort_unstable();
    assert!(waits[25] < Duration::from_millis(50), "{waits:?}");
}

#[test]
fn long_logs_are_read_in_pieces() {
    let log = connect("pieces");
    for at in 1..=24 {
        assert_eq!(log.append(at, &vec![at as u8; RECORD_BYTES]).unwrap(), Placed::Done);
    }
    let first = log.read(1, Duration::ZERO).unwrap();
    let bytes: usize = first.iter().map(|entry| entry.record.len()).sum();
    assert!(bytes <= 5 << 20, "{bytes}");
    assert!(first.len() >= 8, "{}", first.len());
    let entries = all(&log, 1);
    assert!(entries.iter().zip(1..).all(|(entry, at)| entry.at == at && entry.record == vec![at as u8; RECORD_BYTES]));
    assert_eq!(entries.len(), 24);
}
