//! What a flood costs the others: for each flood a new server, a client that measures before, during and 5 s after it, and a line of
//! the table. Attackers, server and client share the processors here. To tell what that costs, the client also measures while the
//! same flood goes to another server, which gives way to everything else.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::floods::{FLOODS, Flood, NOTES, Place, notes, register};
use crate::hammer::Hammer;
use crate::probe::{Latency, Probe};
use crate::server::{MIB, PATIENCE, Server};

/// How much longer than without the flood the slowest hundredth of the others' requests may take.
const FACTOR: u32 = 3;

/// What is always allowed: a thread on a processor that another one uses may wait so long for its turn.
const FLOOR: Duration = Duration::from_millis(5);

/// The same for the short form. It runs on machines that do other work and have slow disks, where a single sync can take as long.
/// A flood that gets the upper hand holds the others up for seconds.
const SHORT_FLOOR: Duration = Duration::from_millis(500);

/// When everything has to be as before.
const RECOVERY: Duration = Duration::from_secs(5);

/// The most memory that the server may have used, in bytes: 64 MiB for lines that have not ended, 64 MiB for answers (as set below), twice
/// 19 MiB for passwords, and 90 MiB for all else: code, connections, the latest messages, and what the allocator has not given back.
const MEMORY: f64 = 256.0 * MIB;

/// Returns whether the server stood everything.
pub(crate) fn run(short: bool, only: &str) -> bool {
    println!(
        "ms, MiB         | calm p50    p99 | elsewhere p50  p99 | attacked p50  p99 | 5 s after p99 | peak | refused"
    );
    let floods = FLOODS.iter().filter(|flood| flood.name.contains(only));
    // All are shown, whatever fails.
    floods.filter(|flood| !stands(flood, short)).count() == 0
}

fn stands(flood: &'static Flood, short: bool) -> bool {
    let seconds = if short { 2 } else { 10 };
    let length = Duration::from_secs(seconds);
    let (server, other) = (start(), start());
    other.give_way();
    let probe = Probe::start(server.clear);
    let calm = pass(length);
    let connections = server.metric("chat_connections");
    let elsewhere = attack(flood, &other, length);
    drop(other);
    let attacked = attack(flood, &server, length);
    thread::sleep(RECOVERY);
    let connections_left = server.metric("chat_connections") - connections;
    let after = pass(length);
    let samples = probe.finish();
    let [calm, elsewhere, attacked, after] =
        [calm, elsewhere, attacked, after].map(|times| Latency::between(&samples, times));
    let (peak, refused) = (server.peak(), server.refusals());

    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:15} | {:8.2} {:6.2} | {:9.2} {:8.2} | {:8.2} {:8.2} | {:13.2} | {:4.0} | {refused:7}",
        flood.name,
        ms(calm.p50),
        ms(calm.p99),
        ms(elsewhere.p50),
        ms(elsewhere.p99),
        ms(attacked.p50),
        ms(attacked.p99),
        ms(after.p99),
        peak / MIB,
    );
    let allowed = (FACTOR * calm.p99.max(elsewhere.p99)).max(if short { SHORT_FLOOR } else { FLOOR });
    let failures = [
        (attacked.p99 > allowed, "others wait too long"),
        (after.p99 > allowed, "others still wait 5 s after"),
        (peak > MEMORY, "the server uses too much memory"),
        (connections_left > 0.0, "connections are left 5 s after"),
        (flood.is_refused && refused == 0.0, "nothing was refused"),
    ];
    for (_, text) in failures.iter().filter(|(failed, _)| *failed) {
        println!("FAILED: {}: {text} (allowed are {:.1} ms and {:.0} MiB)", flood.name, ms(allowed), MEMORY / MIB);
    }
    failures.iter().all(|(failed, _)| !failed)
}

fn start() -> Server {
    let server = Server::start(&["--registration", "open", "--answers-bytes", "64MiB"]);
    prepare(&server, &notes(), NOTES + 1);
    prepare(&server, &register(), 1);
    server
}

/// Floods a server for so long, and returns from when to when.
fn attack(flood: &'static Flood, server: &Server, length: Duration) -> (Instant, Instant) {
    let address = match flood.to {
        Place::Lines => server.clear,
        Place::Tls => server.tls,
        Place::Web => server.web,
    };
    let hammer = Hammer::start(flood, address);
    let times = pass(length);
    hammer.stop();
    times
}

/// Waits, and returns from when to when.
fn pass(length: Duration) -> (Instant, Instant) {
    let start = Instant::now();
    thread::sleep(length);
    (start, Instant::now())
}

/// Sends requests, and waits for as many answers.
fn prepare(server: &Server, requests: &[u8], answers: usize) {
    let mut stream = TcpStream::connect(server.clear).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(requests).unwrap();
    for answer in BufReader::new(stream).lines().take(answers) {
        let answer = answer.unwrap();
        assert!(answer.contains("result") || answer.contains("tokenid"), "{answer}");
    }
}
