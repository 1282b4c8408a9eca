//! What a [`ReplicatedLog`] has to keep.

use std::thread;
use std::time::{Duration, Instant};

use crate::store::{LogEntry, Placed, RECORD_BYTES, ReplicatedLog};

/// Tries each sentence of the contract of [`ReplicatedLog`] on logs with nothing in them, which `new` returns each time.
///
/// # Panics
///
/// If a log breaks the contract, or cannot be reached. The message begins with the method that is at fault.
pub fn check_log<L: ReplicatedLog>(new: impl Fn() -> L) {
    for part in [places, repeats, reads, waits, trims, sizes, races] {
        part(&new());
    }
}

fn places(log: &dyn ReplicatedLog) {
    assert_eq!(log.last().unwrap(), 0, "last: is 0 for a new log");
    assert_eq!(log.append(2, b"early").unwrap(), Placed::Short { last: 0 }, "append: leaves no gap");
    for at in 1..=5 {
        assert_eq!(log.append(at, &record(at)).unwrap(), Placed::Done, "append: at the next place");
        assert_eq!(log.last().unwrap(), at, "last: knows of what is done");
    }
    assert_eq!(log.append(5, b"another").unwrap(), Placed::Taken, "append: replaces nothing");
    assert_eq!(log.append(1, b"another").unwrap(), Placed::Taken, "append: replaces nothing");
    assert_eq!(log.append(9, b"another").unwrap(), Placed::Short { last: 5 }, "append: leaves no gap");
    assert_eq!(all(log), (1..=5).map(entry).collect::<Vec<_>>(), "read: has what was appended");
}

fn repeats(log: &dyn ReplicatedLog) {
    for at in 1..=3 {
        log.append(at, &record(at)).unwrap();
    }
    for at in [3, 1, 2] {
        assert_eq!(log.append(at, &record(at)).unwrap(), Placed::Done, "append: is repeatable");
    }
    assert_eq!(log.append(3, &record(2)).unwrap(), Placed::Taken, "append: a record is at its place or nowhere");
    assert_eq!(all(log).len(), 3, "append: a record that comes again is stored once");
}

fn reads(log: &dyn ReplicatedLog) {
    (1..=50).for_each(|at| assert_eq!(log.append(at, &record(at)).unwrap(), Placed::Done));
    for from in [1, 2, 25, 50] {
        let mut next = from;
        while next <= 50 {
            let entries = log.read(next, WAIT).unwrap();
            assert!(!entries.is_empty(), "read: gives at least one if there is any");
            for found in entries {
                assert_eq!(found, entry(next), "read: in order, and without a gap");
                next += 1;
            }
        }
    }
}

fn waits(log: &dyn ReplicatedLog) {
    assert_eq!(log.read(1, Duration::ZERO).unwrap(), [], "read: is empty where nothing is");
    let patience = Duration::from_millis(50);
    let began = Instant::now();
    assert_eq!(log.read(1, patience).unwrap(), [], "read: is empty where nothing comes");
    assert!(began.elapsed() >= patience, "read: waits");
    thread::scope(|scope| {
        let reader = scope.spawn(|| log.read(1, WAIT).unwrap());
        log.append(1, &record(1)).unwrap();
        assert_eq!(reader.join().unwrap(), [entry(1)], "read: waits for something to come");
    });
    log.append(2, &record(2)).unwrap();
    assert_eq!(log.read(2, WAIT).unwrap(), [entry(2)], "read: goes on where it ended");
    assert_eq!(log.read(9, Duration::ZERO).unwrap(), [], "read: is empty past the end");
}

fn trims(log: &dyn ReplicatedLog) {
    (1..=10).for_each(|at| assert_eq!(log.append(at, &record(at)).unwrap(), Placed::Done));
    log.trim(4).unwrap();
    log.trim(4).unwrap();
    log.trim(2).unwrap();
    let left = log.read(1, WAIT).unwrap();
    assert_eq!(
        left.first(),
        Some(&entry(4)),
        "trim: drops what comes before the place, and read begins with what is left"
    );
    assert_eq!(log.last().unwrap(), 10, "trim: what is left keeps its place");
    assert_eq!(log.append(3, b"another").unwrap(), Placed::Taken, "append: what was trimmed stays taken");
    log.trim(10).unwrap();
    assert_eq!(log.append(11, &record(11)).unwrap(), Placed::Done, "append: goes on after a trim");
    assert_eq!(log.read(10, WAIT).unwrap().first(), Some(&entry(10)), "trim: leaves the record at the place");
}

fn sizes(log: &dyn ReplicatedLog) {
    let large: Vec<u8> = (0..RECORD_BYTES).map(|place| (place % 251) as u8).collect();
    for (at, length) in (1..).zip([1, RECORD_BYTES, 255, 256, RECORD_BYTES - 1]) {
        let record = large.get(..length).unwrap();
        assert_eq!(log.append(at, record).unwrap(), Placed::Done, "append: takes {length} bytes");
        assert_eq!(log.append(at, record).unwrap(), Placed::Done, "append: is repeatable with {length} bytes");
    }
    let lengths: Vec<_> = all(log).iter().map(|entry| entry.record.len()).collect();
    assert_eq!(lengths, [1, RECORD_BYTES, 255, 256, RECORD_BYTES - 1], "read: gives records whole");
}

fn races(log: &dyn ReplicatedLog) {
    const WRITERS: u64 = 4;
    const PLACES: u64 = 50;
    let done: Vec<Vec<u64>> = thread::scope(|scope| {
        let write = |writer: u64| {
            let mut done = Vec::new();
            for at in 1..=PLACES {
                loop {
                    match log.append(at, format!("{writer} at {at}").as_bytes()).unwrap() {
                        Placed::Done => done.push(at),
                        Placed::Taken => {}
                        Placed::Short { .. } => continue,
                    }
                    break;
                }
            }
            done
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let entries = all(log);
    assert_eq!(entries.len() as u64, PLACES, "append: one record has each place");
    for (writer, done) in (0..).zip(&done) {
        let has: Vec<u64> = entries
            .iter()
            .filter(|entry| entry.record == format!("{writer} at {}", entry.at).into_bytes())
            .map(|entry| entry.at)
            .collect();
        assert_eq!(has, *done, "append: what is done is there, and what is taken is another's");
    }
}

fn all(log: &dyn ReplicatedLog) -> Vec<LogEntry> {
    let (mut found, last) = (Vec::new(), log.last().unwrap());
    while (found.len() as u64) < last {
        let entries = log.read(found.len() as u64 + 1, WAIT).unwrap();
        assert!(!entries.is_empty(), "read: gives at least one if there is any");
        found.extend(entries);
    }
    found
}

fn record(at: u64) -> Vec<u8> {
    format!("the record {at}").into_bytes()
}

fn entry(at: u64) -> LogEntry {
    LogEntry { at, record: record(at) }
}

/// Long enough for any log.
const WAIT: Duration = Duration::from_secs(10);
