//! The well-behaved client. It sends a message at fixed times, whether earlier ones were answered or not (an open loop), and counts
//! the time from when a message was due to its answer. So a server that stops for a second delays all messages of that second, and not one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::nice;

use crate::server::PATIENCE;

/// Far from what the server can do, and enough for a 99th percentile of two seconds.
const INTERVAL: Duration = Duration::from_millis(5);

pub(crate) struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

/// When a message was due, and how long after that it was answered.
pub(crate) struct Sample {
    due: Instant,
    took: Duration,
}

/// The median and the 99th percentile.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Probe {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self { stop, thread: thread::spawn(move || measure(address, &flag)) }
    }

    /// Everything that was measured. Waits for the answers that are missing.
    pub(crate) fn finish(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Latency {
    /// Of what was due in that time.
    pub(crate) fn between(samples: &[Sample], (start, end): (Instant, Instant)) -> Self {
        let within = samples.iter().filter(|sample| (start..end).contains(&sample.due));
        let mut took: Vec<Duration> = within.map(|sample| sample.took).collect();
        took.sort_unstable();
        Self { p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] }
    }
}

fn measure(address: SocketAddr, stop: &AtomicBool) -> Vec<Sample> {
    // Other clients have processors of their own. Where it may not go first, what it waits for this one is measured, too.
    nice(-20).ok();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    stream.write_all(LOGIN.as_bytes()).unwrap();
    assert!(lines.next().unwrap().unwrap().contains("result"));
    let (sender, due) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut samples = Vec::new();
        for due in due {
            let answer = lines.next().unwrap().unwrap();
            assert!(answer.contains("result"), "{answer}");
            samples.push(Sample { due, took: Instant::now() - due });
        }
        samples
    });
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        due += INTERVAL;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(SEND.as_bytes()).unwrap();
        sender.send(due).unwrap();
    }
    drop(sender);
    reader.join().unwrap()
}

const LOGIN: &str =
    concat!(r#"{"jsonrpc":"2.0","id":0,"method":"login","params":{"user":"messi","password":"surabaya"}}"#, "\n");
const SEND: &str =
    concat!(r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"henderson","text":"how are you?"}}"#, "\n");
