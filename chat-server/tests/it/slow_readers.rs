//! A thousand subscribers, ten of which never read: the others hear everything at once, the server's memory stays bounded, and the
//! ten are told that they have lagged, and catch up.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::process::Process;

const SUBSCRIBERS: usize = 1000;
const SLOW: usize = 10;
const ROUNDS: usize = 40;
/// More than sockets and the server hold for a peer that never reads.
const LARGE_EACH_ROUND: usize = 5;

struct Wire {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Wire {
    fn login(server: &Process, user: &str) -> Self {
        let stream = server.connect();
        let mut wire = Self { lines: BufReader::new(stream.try_clone().unwrap()), stream };
        wire.ok("login", json!({ "user": user, "password": "surabaya" }));
        wire
    }

    fn subscribed(server: &Process, user: &str) -> Self {
        let mut wire = Self::login(server, user);
        wire.ok("subscribe", json!({}));
        wire
    }

    fn send(&mut self, method: &str, params: Value) {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.stream.write_all(format!("{request}\n").as_bytes()).unwrap();
    }

    fn ok(&mut self, method: &str, params: Value) -> Value {
        self.send(method, params);
        let answer = self.next();
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The id and the text of the next message. Subscribers that come and go are told, too.
    fn message(&mut self) -> Option<(u64, String)> {
        loop {
            let event = self.next();
            match event["method"].as_str() {
                Some("message") => {
                    let message = &event["params"];
                    return Some((message["id"].as_u64().unwrap(), message["text"].as_str().unwrap().to_owned()));
                }
                Some("lagged") => return None,
                Some("closed") => panic!("{event}"),
                _ => {}
            }
        }
    }
}

#[test]
fn ten_that_never_read_disturb_nobody() {
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let server = Process::start(&["--events-bytes", "256KiB", "--log", "error"]);
    let mut messi = Wire::login(&server, "messi");
    let mut sent = Vec::new();
    for (room, member) in [("#all", "henderson"), ("#large", "lineker")] {
        messi.ok("room.create", json!({ "room": room }));
        Wire::login(&server, member).ok("room.join", json!({ "room": room }));
    }
    Wire::login(&server, "lineker").ok("room.join", json!({ "room": "#all" }));
    let mut fast: Vec<Wire> = (SLOW..SUBSCRIBERS).map(|_| Wire::subscribed(&server, "henderson")).collect();
    let mut slow: Vec<Wire> = (0..SLOW).map(|_| Wire::subscribed(&server, "lineker")).collect();
    let before = memory(&server);
    for round in 0..ROUNDS {
        for number in 0..LARGE_EACH_ROUND {
            let text = format!("{round}.{number} {}", "x".repeat(60_000));
            let id = messi.ok("send", json!({ "to": "#large", "text": text }))["id"].as_u64().unwrap();
            sent.push((id, text));
        }
        let id = messi.ok("send", json!({ "to": "#all", "text": round.to_string() }))["id"].as_u64().unwrap();
        sent.push((id, round.to_string()));
        for wire in &mut fast {
            assert_eq!(wire.message(), Some((id, round.to_string())));
        }
    }
    let texts: usize = sent.iter().map(|(_, text)| text.len()).sum();
    let grown = memory(&server) - before;
    // The messages are kept once, and each of the ten has a little more than its queue.
    assert!(grown < 2 * texts + 16 * 1024 * 1024, "{grown} bytes for {texts} bytes of texts");
    for wire in &mut slow {
        let mut heard = Vec::new();
        let mut lagged = 0;
        while heard.len() < sent.len() {
            match wire.message() {
                Some(message) => heard.push(message),
                None => {
                    lagged += 1;
                    let after = heard.last().map_or(0, |(id, _): &(u64, String)| *id);
                    wire.send("subscribe", json!({ "after": after }));
                }
            }
        }
        assert!(lagged > 0, "it was never told that it lagged");
        let wrong = heard.iter().zip(&sent).position(|(one, other)| one != other);
        assert_eq!(wrong, None);
    }
}

/// How many bytes of memory the server has.
fn memory(server: &Process) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
