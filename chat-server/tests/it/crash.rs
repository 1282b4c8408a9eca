//! The real binary, killed under load at random moments: what it acknowledged is there afterwards, once
//! and in order. `CRASH_ROUNDS=100 cargo test --release -p chat-server --test it crash` does it 100 times.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{BINARY, Process, ask, login};

const USERS: [&str; 3] = ["messi", "henderson", "lineker"];
const SENDERS_EACH: usize = 4;
/// How many requests a sender has under way.
const DEPTH: usize = 8;

/// What one sender knows: its messages are numbered, and go to each user in turn.
struct Sender {
    name: usize,
    token: String,
    /// Numbers below were acknowledged, or given up as refused.
    next: usize,
    /// Sent and not acknowledged, when the server was killed.
    doubtful: Vec<usize>,
    /// Acknowledged, by recipient; and not read yet as far as the clients know.
    unread: BTreeMap<usize, Vec<usize>>,
}

/// What one reader knows.
struct Reader {
    user: usize,
    token: String,
    /// An inbox was asked for, and its answer had not come when the server was killed.
    doubtful: bool,
    /// By sender, in the order in which they came.
    read: Vec<(usize, usize)>,
}

#[test]
fn what_was_acknowledged_outlasts_a_kill() {
    let rounds: usize = std::env::var("CRASH_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::start_on_data(directory.path(), &["--log", "error"]);
    let mut stream = server.connect();
    let mut senders: Vec<Sender> = (0..USERS.len() * SENDERS_EACH)
        .map(|name| {
            let token = login(&mut stream, USERS[name % USERS.len()]);
            Sender { name, token, next: 0, doubtful: Vec::new(), unread: BTreeMap::new() }
        })
        .collect();
    let mut readers: Vec<Reader> = (0..USERS.len())
        .map(|user| Reader { user, token: login(&mut stream, USERS[user]), doubtful: false, read: Vec::new() })
        .collect();
    let mut total = 0;
    for round in 0..rounds {
        let target = random(round) % 6000;
        let acknowledged = AtomicUsize::new(0);
        thread::scope(|scope| {
            for sender in &mut senders {
                let (stream, acknowledged) = (server.connect(), &acknowledged);
                scope.spawn(move || send_until_it_dies(sender, stream, acknowledged));
            }
            for reader in &mut readers {
                let stream = server.connect();
                // In some rounds nobody reads, so that messages pile up.
                if round % 3 != 2 {
                    scope.spawn(move || read_until_it_dies(reader, stream));
                }
            }
            while acknowledged.load(Ordering::Acquire) < target {
                thread::yield_now();
            }
            server.signal(Signal::KILL);
        });
        total += acknowledged.into_inner();
        server = Process::start_on_data(directory.path(), &["--log", "error"]);
        for reader in &mut readers {
            check(round, reader, &mut senders, &mut server.connect());
        }
        for sender in &mut senders {
            sender.doubtful.clear();
        }
    }
    println!("{total} acknowledged sends in {rounds} rounds");
    let checked = Command::new(BINARY).arg("check").arg("--data").arg(directory.path()).status();
    assert!(checked.unwrap().success());
}

fn send_until_it_dies(sender: &mut Sender, mut stream: TcpStream, acknowledged: &AtomicUsize) {
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    loop {
        let numbers: Vec<usize> = (sender.next..sender.next + DEPTH).collect();
        sender.next += DEPTH;
        let requests: String = numbers
            .iter()
            .map(|number| format!("send {} {} {}:{number}\r\n", sender.token, USERS[number % 3], sender.name))
            .collect();
        sender.doubtful = numbers;
        if stream.write_all(requests.as_bytes()).is_err() {
            return;
        }
        while !sender.doubtful.is_empty() {
            let Some(answer) = next_answer(&mut answers) else { return };
            assert_eq!(answer["message"], "Message Sent", "{answer}");
            let number = sender.doubtful.remove(0);
            sender.unread.entry(number % 3).or_default().push(number);
            acknowledged.fetch_add(1, Ordering::Release);
        }
    }
}

fn read_until_it_dies(reader: &mut Reader, mut stream: TcpStream) {
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    loop {
        reader.doubtful = true;
        if stream.write_all(format!("inbox {}\r\n", reader.token).as_bytes()).is_err() {
            return;
        }
        let Some(answer) = next_answer(&mut answers) else { return };
        reader.doubtful = false;
        reader.read.extend(messages(&answer));
    }
}

/// Compares what a reader has read, and what is still there, with what was acknowledged.
fn check(round: usize, reader: &mut Reader, senders: &mut [Sender], stream: &mut TcpStream) {
    let rest = ask(stream, &format!("inbox {}", reader.token));
    let rest = messages(&serde_json::from_str(&rest).expect("the session still works"));
    for sender in senders {
        let of_sender = |read: &[(usize, usize)]| -> Vec<usize> {
            read.iter().filter(|(name, _)| *name == sender.name).map(|(_, number)| *number).collect()
        };
        let (before, after) = (of_sender(&reader.read), of_sender(&rest));
        let all: Vec<usize> = before.iter().chain(&after).copied().collect();
        let context = format!("round {round}, {} to {}", sender.name, USERS[reader.user]);
        assert!(all.is_sorted_by(|one, other| one < other), "{context}: twice or out of order: {all:?}");
        let acknowledged = sender.unread.remove(&reader.user).unwrap_or_default();
        for number in &all {
            let known = acknowledged.contains(number) || sender.doubtful.contains(number);
            assert!(known, "{context}: {number} was never sent in this round");
        }
        for number in acknowledged.iter().filter(|number| !all.contains(number)) {
            // The inbox whose answer was lost has taken all that there was then.
            assert!(reader.doubtful, "{context}: {number} is lost");
            assert!(after.iter().all(|later| number < later), "{context}: {number} is lost, a later one is not");
        }
    }
    reader.read.clear();
    reader.doubtful = false;
}

fn messages(answer: &Value) -> Vec<(usize, usize)> {
    let senders = answer["messages"].as_object().unwrap_or_else(|| panic!("{answer}"));
    let texts = senders.values().flat_map(|list| list.as_array().unwrap());
    let parse = |message: &Value| {
        let (sender, number) = message["msg"].as_str().unwrap().trim().split_once(':').unwrap();
        (sender.parse().unwrap(), number.parse().unwrap())
    };
    texts.map(parse).collect()
}

/// `None` if the connection is over.
fn next_answer(answers: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut line = Vec::new();
    answers.read_until(b'\n', &mut line).ok()?;
    answers.read_exact(&mut [0; 2]).ok()?;
    Some(serde_json::from_slice(&line).unwrap())
}

fn random(seed: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(seed) >> 1).unwrap()
}
