//! Metrics: what is counted after known traffic.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chat_lib::limits::Limits;
use chat_lib::model::PasswordCost;
use chat_lib::store::CommitError;
use chat_lib::{Chat, Client, Config, Connection, Error, Outbox};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, config, demo_chat, tokens};

/// The value of a series.
fn value(chat: &Chat, series: &str) -> f64 {
    let metrics = chat.metrics();
    let values = metrics.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let values: Vec<f64> = values.map(|value| value.parse().unwrap()).collect();
    assert_eq!(values.len(), 1, "{series} in {metrics}");
    values[0]
}

fn requests(chat: &Chat, command: &str, outcome: &str) -> f64 {
    value(chat, &format!("chat_requests_total{{command=\"{command}\",outcome=\"{outcome}\"}}"))
}

#[test]
fn requests_are_counted_by_command_and_outcome() {
    let (chat, _) = demo_chat(Limits::default());
    let token = tokens().next().unwrap();
    for line in [
        "auth messi surabaya".to_owned(),
        "auth messi wrong".to_owned(),
        "auth nobody wrong".to_owned(),
        "what".to_owned(),
        format!("send {token} henderson halo"),
        format!("send {token} messi dua"),
        format!("send {token} nobody halo"),
        format!("inbox {token}"),
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"history"}"#.to_owned(),
    ] {
        chat.answer(line.as_bytes());
    }
    for (command, done, refused) in
        [("login", 1.0, 2.0), ("send", 2.0, 1.0), ("inbox", 1.0, 0.0), ("ping", 1.0, 0.0), ("none", 0.0, 1.0)]
    {
        let outcome = |outcome| requests(&chat, command, outcome);
        assert_eq!((outcome("done"), outcome("refused"), outcome("failed")), (done, refused, 0.0), "{command}");
    }
    for (code, count) in
        [("wrong_password", 1.0), ("no_such_user", 1.0), ("bad_command", 1.0), ("no_such_recipient", 1.0)]
    {
        assert_eq!(value(&chat, &format!("chat_refusals_total{{code=\"{code}\"}}")), count, "{code}");
    }
    for (series, wanted) in [
        ("chat_users", 3.0),
        ("chat_sessions", 1.0),
        ("chat_direct_conversations", 2.0),
        ("chat_rooms", 0.0),
        ("chat_messages_total", 2.0),
        ("chat_message_bytes_total", 7.0),
        ("chat_read_only", 0.0),
        (concat!("chat_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ] {
        assert_eq!(value(&chat, series), wanted, "{series}");
    }
}

#[test]
fn sessions_that_have_expired_are_not_counted() {
    let (chat, clock) = demo_chat(Limits::default());
    chat.open_session("messi").unwrap();
    assert_eq!(value(&chat, "chat_sessions"), 1.0);
    clock.advance(chat.limits().session_idle);
    assert_eq!(value(&chat, "chat_sessions"), 0.0);
}

#[test]
fn nothing_that_a_user_has_chosen_is_in_the_metrics() {
    let (chat, _) = demo_chat(Limits::default());
    let messi = chat.open_session("messi").unwrap();
    messi.create_room("#canary", "canary", true).unwrap();
    messi.send("#canary", "canary").unwrap();
    chat.answer(b"canary canary");
    chat.answer(br#"{"jsonrpc":"2.0","id":1,"method":"canary"}"#);
    chat.answer(b"auth canary canary");
    let metrics = chat.metrics();
    assert!(!metrics.contains("canary") && !metrics.contains("messi"), "{metrics}");
}

#[derive(Clone, Default)]
struct Fuse {
    fails: Arc<AtomicBool>,
    unknown: Arc<AtomicBool>,
}

impl Fault for Fuse {
    fn commit(&self) -> Result<(), CommitError> {
        let problem = Error::Storage("the disk is full".into());
        match (self.fails.load(Ordering::Relaxed), self.unknown.load(Ordering::Relaxed)) {
            (true, _) => Err(CommitError::Undone(problem)),
            (_, true) => Err(CommitError::Unknown(problem)),
            _ => Ok(()),
        }
    }
}

#[test]
fn what_a_failed_commit_undoes_was_not_done() {
    let fuse = Fuse::default();
    let store = Box::new(Faulty { store: Arc::default(), fault: fuse.clone() });
    let chat = Chat::new(Config { store, ..config() });
    chat.add_demo_users().unwrap();
    let messi = chat.open_session("messi").unwrap();
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let lines = format!("send {0} henderson 1\nsend {0} henderson 2\nwhat\n", messi.token());
    let mut send = || assert_eq!(connection.receive(lines.as_bytes(), &mut out), lines.len());
    send();
    fuse.fails.store(true, Ordering::Relaxed);
    send();
    fuse.fails.store(false, Ordering::Relaxed);
    fuse.unknown.store(true, Ordering::Relaxed);
    send();
    fuse.unknown.store(false, Ordering::Relaxed);
    assert_eq!((requests(&chat, "send", "done"), requests(&chat, "send", "failed")), (2.0, 4.0));
    assert_eq!((requests(&chat, "none", "refused"), requests(&chat, "none", "failed")), (1.0, 2.0));
    let code = |code| value(&chat, &format!("chat_refusals_total{{code=\"{code}\"}}"));
    assert_eq!((code("bad_command"), code("storage"), code("outcome_unknown")), (1.0, 3.0, 3.0));
}

#[test]
fn subscribers_and_their_events_are_counted() {
    let (chat, _) = demo_chat(Limits { events_bytes: 1000, ..Limits::default() });
    let [messi, henderson] = ["messi", "henderson"].map(|user| chat.open_session(user).unwrap());
    let online = || (value(&chat, "chat_users_online"), value(&chat, "chat_subscribers"));
    let told = || (value(&chat, "chat_events_total"), value(&chat, "chat_lagged_total"));
    let streams = [messi.events().unwrap(), messi.events().unwrap()];
    assert_eq!((online(), told()), ((1.0, 2.0), (0.0, 0.0)));
    henderson.send("messi", "halo").unwrap();
    assert_eq!(told(), (2.0, 0.0));
    // Nobody takes them.
    for _ in 0..10 {
        henderson.send("messi", &"x".repeat(500)).unwrap();
    }
    assert_eq!(told().1, 2.0);
    assert_eq!(online(), (0.0, 0.0));
    drop(streams);
}

#[test]
fn connections_are_counted_while_they_are_open() {
    let (chat, _) = demo_chat(Limits::default());
    let connections = || (value(&chat, "chat_connections"), value(&chat, "chat_connections_opened_total"));
    let two = [Connection::new(chat.clone()), Connection::new(chat.clone())];
    assert_eq!(connections(), (2.0, 2.0));
    drop(two);
    assert_eq!(connections(), (0.0, 2.0));
}

/// A commit that waits for a disk, as far as a server can tell.
struct Waiting;

impl Fault for Waiting {
    fn commit_waits(&self) -> bool {
        true
    }
}

#[test]
fn a_server_measures_how_long_requests_take() {
    let store = Box::new(Faulty { store: Arc::default(), fault: Waiting });
    let password_cost = PasswordCost::new(64, 1, 1).unwrap();
    let chat = Chat::new(Config { store, password_cost, ..config() });
    chat.add_demo_users().unwrap();
    chat.set_password("messi", "another").unwrap();
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    let messi = client.login("messi", "another").unwrap();
    for text in ["satu", "dua", "tiga"] {
        messi.send("henderson", text).unwrap();
    }
    let series = |name, work| format!("chat_request_duration_seconds_{name}{{waited_for=\"{work}\"}}");
    assert_eq!(value(&chat, &series("count", "password")), 1.0);
    // A resumption of the session comes before the messages.
    assert_eq!(value(&chat, &series("count", "nothing")), 4.0);
    let took = ["password", "nothing"].map(|work| value(&chat, &series("sum", work)));
    assert!(took.iter().all(|seconds| *seconds > 0.0), "{took:?}");
}

#[test]
fn commits_and_their_sizes_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let chat = Chat::open(directory.path()).unwrap();
    chat.add_demo_users().unwrap();
    let messi = chat.open_session("messi").unwrap();
    let commits = || {
        let counts = ["chat_commit_duration_seconds_count", "chat_commit_changes_count", "chat_commit_changes_sum"];
        counts.map(|series| value(&chat, series))
    };
    let [timed, counted, before] = commits();
    assert_eq!(timed, counted);
    messi.send("henderson", "halo").unwrap();
    let [after, _, changes] = commits();
    assert_eq!(after, timed + 1.0);
    assert!(changes > before, "{changes} > {before}");
    assert!(value(&chat, "chat_commit_duration_seconds_sum") > 0.0);
    assert!(value(&chat, "chat_data_bytes") > 4096.0);
    chat.check_writable().unwrap();
}

#[test]
fn all_metrics_are_documented() {
    let documented = include_str!("../../../docs/metrics.md");
    let (chat, _) = demo_chat(Limits::default());
    for line in chat.metrics().lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            let found = documented.lines().any(|row| {
                row.split_once(name).is_some_and(|(before, rest)| {
                    before == "| `" && rest.starts_with(['`', '{']) && row.contains(&format!("| {kind} |"))
                })
            });
            assert!(found, "docs/metrics.md has no row for the {kind} {name}");
        }
    }
}

#[test]
fn connections_of_a_server_are_counted_by_their_end() {
    let (chat, _) = demo_chat(Limits { connections: 1, limit_loopback: true, ..Limits::default() });
    let server = Running::new(chat.clone());
    let mut first = TcpStream::connect(server.address).unwrap();
    first.write_all(b"what\r\n").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = TcpStream::connect(server.address).unwrap();
    let mut told = String::new();
    second.read_to_string(&mut told).unwrap();
    assert!(told.contains("too_many_connections"), "{told}");
    first.shutdown(Shutdown::Write).unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    server.stop();
    let ended = |reason| value(&chat, &format!("chat_disconnections_total{{reason=\"{reason}\"}}"));
    assert_eq!((ended("closed"), ended("refused")), (1.0, 1.0));
}
