//! The real binary, killed under load while others listen: by `subscribe(after)` every subscriber has every acknowledged message
//! exactly once and in order, and by its key every message that was sent again is stored once.
//! `CRASH_ROUNDS=100 cargo test --release -p chat-server --test it live_crash` does it 100 times.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::Process;

const USERS: [&str; 3] = ["messi", "henderson", "lineker"];
const SENDERS_EACH: usize = 2;
const SUBSCRIBERS_EACH: usize = 2;
/// How many requests a sender has under way.
const DEPTH: usize = 8;
const ROOM: &str = "#all";

/// A connection of protocol 2 to a server that may die.
struct Wire {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Wire {
    fn login(server: &Process, user: &str) -> Self {
        let stream = server.connect();
        let mut wire = Self { lines: BufReader::new(stream.try_clone().unwrap()), stream };
        let answer = wire.ask("login", &json!({ "user": user, "password": "surabaya" }));
        assert_eq!(answer["result"]["user"], user, "{answer}");
        wire
    }

    /// `false` if the server is gone.
    fn send(&mut self, lines: &str) -> bool {
        self.stream.write_all(lines.as_bytes()).is_ok()
    }

    /// `None` if the server is gone.
    fn next(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        self.lines.read_until(b'\n', &mut line).ok()?;
        line.ends_with(b"\n").then(|| serde_json::from_slice(&line).unwrap())
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.send(&request(0, method, params));
        self.next().expect("the server lives")
    }
}

fn request(id: usize, method: &str, params: &Value) -> String {
    format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// Sends numbered messages, to the room and to users in turn.
struct Sender {
    user: usize,
    name: usize,
    next: usize,
    /// Sent and not acknowledged. They are sent again under their keys.
    doubtful: Vec<usize>,
    /// The ids of what was acknowledged.
    acknowledged: BTreeMap<usize, u64>,
}

impl Sender {
    fn to(&self, number: usize) -> &'static str {
        [ROOM, USERS[(self.user + 1) % 3], ROOM, USERS[(self.user + 2) % 3], USERS[self.user]][number % 5]
    }

    fn run(&mut self, mut wire: Wire, acknowledged: &AtomicUsize) {
        loop {
            if self.doubtful.is_empty() {
                self.doubtful = (self.next..self.next + DEPTH).collect();
                self.next += DEPTH;
            }
            let text = |number: &usize| {
                let (to, text) = (self.to(*number), format!("{}:{number}", self.name));
                request(*number, "send", &json!({ "to": to, "text": text, "key": text }))
            };
            if !wire.send(&self.doubtful.iter().map(text).collect::<String>()) {
                return;
            }
            while let Some(&number) = self.doubtful.first() {
                let Some(answer) = wire.next() else { return };
                assert_eq!(answer["id"], number, "{answer}");
                let id = answer["result"]["id"].as_u64().unwrap_or_else(|| panic!("{answer}"));
                self.acknowledged.insert(number, id);
                self.doubtful.remove(0);
                acknowledged.fetch_add(1, Ordering::Release);
            }
        }
    }
}

/// Hears messages, from the last one on whenever it connects.
struct Subscriber {
    user: usize,
    heard: Vec<(u64, String)>,
}

impl Subscriber {
    /// Listens until the server is gone, or it has heard `last`.
    fn run(&mut self, mut wire: Wire, last: Option<u64>) {
        let after = self.heard.last().map_or(0, |(id, _)| *id);
        wire.send(&request(0, "subscribe", &json!({ "after": after })));
        while last.is_none_or(|last| self.heard.last().is_none_or(|(id, _)| *id < last)) {
            let Some(event) = wire.next() else { return };
            match event["method"].as_str() {
                Some("message") => {
                    let message = &event["params"];
                    let text = message["text"].as_str().unwrap().to_owned();
                    self.heard.push((message["id"].as_u64().unwrap(), text));
                }
                Some("lagged") => {
                    let after = self.heard.last().map_or(0, |(id, _)| *id);
                    wire.send(&request(0, "subscribe", &json!({ "after": after })));
                }
                Some(_) => {}
                None => assert!(event["error"].is_null(), "{event}"),
            }
        }
    }
}

#[test]
fn subscribers_hear_everything_once_across_kills() {
    let rounds: usize = std::env::var("CRASH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::start_on_data(directory.path(), &["--log", "error"]);
    for user in USERS {
        let mut wire = Wire::login(&server, user);
        let method = if user == USERS[0] { "room.create" } else { "room.join" };
        let answer = wire.ask(method, &json!({ "room": ROOM }));
        assert!(answer["error"].is_null(), "{answer}");
    }
    let sender = |name| Sender { user: name % 3, name, next: 0, doubtful: Vec::new(), acknowledged: BTreeMap::new() };
    let mut senders: Vec<Sender> = (0..USERS.len() * SENDERS_EACH).map(sender).collect();
    let subscriber = |number| Subscriber { user: number % 3, heard: Vec::new() };
    let mut subscribers: Vec<Subscriber> = (0..USERS.len() * SUBSCRIBERS_EACH).map(subscriber).collect();
    for round in 0..rounds {
        let target = random(round) % 3000;
        let acknowledged = AtomicUsize::new(0);
        thread::scope(|scope| {
            for sender in &mut senders {
                let (wire, acknowledged) = (Wire::login(&server, USERS[sender.user]), &acknowledged);
                scope.spawn(move || sender.run(wire, acknowledged));
            }
            for subscriber in &mut subscribers {
                let wire = Wire::login(&server, USERS[subscriber.user]);
                scope.spawn(move || subscriber.run(wire, None));
            }
            while acknowledged.load(Ordering::Acquire) < target {
                thread::yield_now();
            }
            server.signal(Signal::KILL);
        });
        server = Process::start_on_data(directory.path(), &["--log", "error"]);
    }
    // What is doubtful still may be stored or not.
    for sender in &mut senders {
        let mut wire = Wire::login(&server, USERS[sender.user]);
        for number in std::mem::take(&mut sender.doubtful) {
            let text = format!("{}:{number}", sender.name);
            let answer = wire.ask("send", &json!({ "to": sender.to(number), "text": text, "key": text }));
            sender.acknowledged.insert(number, answer["result"]["id"].as_u64().unwrap());
        }
    }
    for subscriber in &mut subscribers {
        let mut expected: Vec<(u64, String)> = Vec::new();
        for sender in &senders {
            let is_heard = |to: &str| to == ROOM || to == USERS[subscriber.user] || sender.user == subscriber.user;
            let heard = sender.acknowledged.iter().filter(|(number, _)| is_heard(sender.to(**number)));
            expected.extend(heard.map(|(number, id)| (*id, format!("{}:{number}", sender.name))));
        }
        expected.sort();
        let last = expected.last().map(|(id, _)| *id);
        subscriber.run(Wire::login(&server, USERS[subscriber.user]), last);
        let wrong = expected.iter().zip(&subscriber.heard).position(|(one, other)| one != other);
        let context = wrong.map(|place| (&expected[place], &subscriber.heard[place]));
        assert_eq!((context, subscriber.heard.len()), (None, expected.len()), "{}", USERS[subscriber.user]);
    }
}

fn random(seed: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(seed) >> 1).unwrap()
}
