//! The log, while its servers are killed and stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat_cluster::Engine;
use chat_cluster::Nats;
use chat_cluster_testing::{NatsCluster, PATIENCE, eventually};
use chat_lib::store::{Placed, ReplicatedLog};

use crate::{all, card, options};

/// Places a record as the store does: asks until it is known.
fn place(log: &Nats, at: u64, record: &[u8]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match log.append(at, record) {
            Ok(placed) => return assert_eq!(placed, Placed::Done, "{at}"),
            Err(error) => assert!(Instant::now() < deadline, "{at}: {error}"),
        }
    }
}

fn record(at: u64) -> Vec<u8> {
    at.to_be_bytes().repeat(200)
}

/// A writer and a reader go on while the leader is killed, and then another stopped; nothing is lost, moved or there twice.
#[test]
fn records_survive_their_servers() {
    let mut nodes = NatsCluster::start(3);
    let (log, reader) =
        (Nats::connect(options(&nodes, "test")).unwrap(), Nats::connect(options(&nodes, "test")).unwrap());
    let (done, last) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut read = 0;
            while !last.load(Ordering::SeqCst) || read < log.last().unwrap_or(u64::MAX) {
                for entry in reader.read(read + 1, Duration::from_millis(100)).unwrap_or_default() {
                    assert_eq!(entry.at, read + 1);
                    assert_eq!(entry.record, record(entry.at));
                    read = entry.at;
                }
            }
            read
        });
        let writing = scope.spawn(|| {
            let mut at = 0;
            while !done.load(Ordering::SeqCst) {
                at += 1;
                place(&log, at, &record(at));
            }
            last.store(true, Ordering::SeqCst);
            at
        });
        let progress = |what: &str| {
            let before = eventually(what, || log.last().ok());
            eventually(what, || log.last().ok().filter(|last| *last > before + 100));
        };
        let leader = |nodes: &NatsCluster| eventually("a leader", || nodes.leader_of("chat-test-log"));
        progress("it begins");
        let first = leader(&nodes);
        nodes.kill(first);
        progress("without its first leader");
        nodes.restart(first);
        nodes.wait_ready();
        let second = leader(&nodes);
        nodes.stop(second);
        progress("while its leader is stopped");
        nodes.cont(second);
        nodes.wait_ready();
        progress("at the end");
        done.store(true, Ordering::SeqCst);
        assert_eq!(writing.join().unwrap(), reading.join().unwrap());
    });
    assert_eq!(all(&log, 1).len() as u64, log.last().unwrap());
}

/// A leader that has lost the others still answers what it knows; that must not count as the state of the log.
#[test]
fn a_leader_without_followers_knows_nothing() {
    let nodes = NatsCluster::start(3);
    let log = Nats::connect(options(&nodes, "test")).unwrap();
    assert_eq!(log.append(1, b"a").unwrap(), Placed::Done);
    let leader = eventually("a leader", || nodes.leader_of("chat-test-log"));
    let followers: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    let alone = NatsCluster::urls(&nodes)[leader].clone();
    let alone = chat_cluster::NatsOptions::new(&alone, "test").unwrap();
    let lonely = Nats::connect(alone).unwrap();
    followers.iter().for_each(|node| nodes.stop(*node));
    let unknown = [lonely.last().map(drop), lonely.append(2, b"b").map(drop), lonely.append(5, b"e").map(drop)];
    // What it has is agreed on.
    let known = [lonely.append(1, b"a"), lonely.append(1, b"b")];
    followers.iter().for_each(|node| nodes.cont(*node));
    assert!(unknown.iter().all(Result::is_err), "{unknown:?}");
    for (answer, known) in known.into_iter().zip([Placed::Done, Placed::Taken]) {
        assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| *answer == known), "{answer:?}");
    }
    nodes.wait_ready();
    // The record whose fate was unknown may be there. It is there once, or not at all.
    place(&log, 2, b"b");
    assert_eq!(eventually("the end", || log.last().ok()), 2);
}

/// No server answers for some seconds; who was the owner before stays it.
#[test]
fn an_owner_outlasts_the_engine() {
    let mut nodes = NatsCluster::start(3);
    let (one, two) = (Nats::connect(options(&nodes, "test")).unwrap(), Nats::connect(options(&nodes, "test")).unwrap());
    assert_eq!(one.claim(&card(1)).unwrap(), card(1));
    assert_eq!(two.claim(&card(2)).unwrap(), card(1));
    (0..3).for_each(|node| nodes.kill(node));
    assert!(two.claim(&card(2)).is_err());
    assert!(one.claim(&card(1)).is_err());
    (0..3).for_each(|node| nodes.restart(node));
    let seen = eventually("NATS is back", || two.claim(&card(2)).ok());
    assert_eq!(seen, card(1));
    assert_eq!(eventually("the owner goes on", || one.claim(&card(1)).ok()), card(1));
}
