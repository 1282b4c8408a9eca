//! Whether the server stays as it is under load for a long time: clients of both protocols, with and without TLS, that come, do
//! everything usual, and go. Messages are dropped as fast as they come, so memory has to become flat.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::Client;

use crate::server::{MIB, PATIENCE, Server};
use crate::visits::VISITS;

/// How many times memory is looked at, over the whole time.
const SAMPLES: u32 = 240;

/// How much more memory the lowest point of the last quarter may have than that of the second one, in bytes. Before that, buffers grow. An allocator moves
/// by some MiB; a leak of 100 bytes for each connection is more in an hour.
const GROWTH: f64 = 6.0 * MIB;

/// Between two visits of one client. The load is a part of what the machine can do, so that the result does not depend on it.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns whether memory is flat, and nothing is left open.
pub(crate) fn run(minutes: f64) -> bool {
    let server = Server::start(&["--keep-messages", "5000"]);
    fill_cache(&server);
    // What is opened once stays open.
    VISITS.iter().for_each(|visit| visit(&server, 0));
    let descriptors = settled(&server, 0);
    // The first number was taken above.
    let (stop, visits) = (AtomicBool::new(false), AtomicU64::new(1));
    let samples = thread::scope(|scope| {
        for visit in &VISITS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    visit(&server, visits.fetch_add(1, Ordering::Relaxed));
                    thread::sleep(PAUSE);
                }
            });
        }
        let samples = watch(&server, Duration::from_secs_f64(minutes * 60.0));
        stop.store(true, Ordering::Relaxed);
        samples
    });
    let left = settled(&server, descriptors).saturating_sub(descriptors);
    let quarter = samples.len() / 4;
    let growth = lowest(&samples[3 * quarter..]) - lowest(&samples[quarter..2 * quarter]);
    println!(
        "{} visits in {minutes} min; memory {:.1} MiB, at most {:.1}; slope {:.2} MiB/h; lowest point of the last \
         quarter {growth:+.1} MiB against the second; descriptors {descriptors}, left open {left}",
        visits.into_inner(),
        server.memory() / MIB,
        server.peak() / MIB,
        slope(&samples[quarter..]) * 3600.0 / MIB,
        growth = growth / MIB,
    );
    let failures = [(growth > GROWTH, "memory grows"), (left > 0, "descriptors are left open")];
    for (_, text) in failures.iter().filter(|(failed, _)| *failed) {
        println!("FAILED: {text}");
    }
    failures.iter().all(|(failed, _)| !failed)
}

/// Sends more than the 16 MiB of latest messages that the server holds in memory: otherwise, it would fill up while memory is watched.
fn fill_cache(server: &Server) {
    let client = Client::connect(server.clear).unwrap();
    let session = client.login("lineker", "surabaya").unwrap();
    let text = "x".repeat(60_000);
    (0..400).for_each(|_| _ = session.send("lineker", &text).unwrap());
}

/// Seconds and bytes of memory.
type Sample = (f64, f64);

fn watch(server: &Server, length: Duration) -> Vec<Sample> {
    let start = Instant::now();
    let samples = (1..=SAMPLES).map(|number| {
        let due = start + length * number / SAMPLES;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        (start.elapsed().as_secs_f64(), server.memory())
    });
    samples.collect()
}

/// The number of descriptors, once there are no more than so many, or nothing has been closed for a while.
fn settled(server: &Server, wanted: usize) -> usize {
    let start = Instant::now();
    while server.metric("chat_connections") > 0.0 || (wanted > 0 && server.descriptors() > wanted) {
        if start.elapsed() > PATIENCE {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    server.descriptors()
}

/// The least memory. What is used for a moment, as while old messages are dropped, is given back, and a leak is not.
fn lowest(samples: &[Sample]) -> f64 {
    samples.iter().map(|(_, memory)| *memory).fold(f64::INFINITY, f64::min)
}

/// Of the line with the least squares, in bytes per second.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let above: f64 = samples.iter().map(|sample| (sample.0 - time) * (sample.1 - memory)).sum();
    let below: f64 = samples.iter().map(|sample| (sample.0 - time).powi(2)).sum();
    above / below
}
