//! Connections that only listen: that is a use of their sessions, which last as long as it does.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::protocol::Event;
use serde_json::json;

use super::Peer;
use crate::support::{Running, demo_chat};

/// Limits with which sessions are looked at each second.
fn limits() -> Limits {
    Limits { session_idle: Duration::from_secs(4), ..Limits::default() }
}

/// A chat window that was open for a month was logged out, and got events for ever.
#[test]
fn who_listens_stays_logged_in() {
    let (chat, clock) = demo_chat(limits());
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    let lineker = chat.open_session("lineker").unwrap();
    let (mut told, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        clock.advance(Duration::from_secs(3));
        lineker.sessions().unwrap();
        for (peer, told) in [(&mut messi, &mut told), (&mut henderson, &mut idle)] {
            assert!(peer.connection.wants_turn(&peer.out) || !told.is_empty());
            told.extend(peer.told());
        }
    }
    assert_eq!(idle, ["<closed>"], "it does not listen");
    assert_eq!(told, [] as [&str; 0]);
    lineker.send("messi", "still there?").unwrap();
    assert_eq!(messi.told(), ["still there?"]);
    messi.ok("send", json!({ "to": "messi", "text": "yes" }));
}

#[test]
fn so_does_who_listens_within_the_process() {
    let (chat, clock) = demo_chat(limits());
    let (messi, lineker) = (chat.open_session("messi").unwrap(), chat.open_session("lineker").unwrap());
    let mut events = messi.events().unwrap();
    for _ in 0..5 {
        clock.advance(Duration::from_secs(3));
        lineker.send("messi", "x").unwrap();
        assert!(matches!(events.next_timeout(Duration::ZERO), Ok(Some(Event::Message(_)))));
        assert!(matches!(events.next_timeout(Duration::ZERO), Ok(None)));
    }
    assert!(!events.is_over());
    // Also if nothing happens.
    clock.advance(Duration::from_secs(3));
    assert!(matches!(events.next_timeout(Duration::from_millis(1100)), Ok(None)));
    clock.advance(Duration::from_secs(3));
    assert!(messi.send("lineker", "x").is_ok());
}

#[test]
fn a_server_looks_at_sessions_although_nothing_happens() {
    let (chat, clock) = demo_chat(limits());
    let server = Running::new(chat);
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut lines = BufReader::new(stream);
    let mut ask = |method: &str, params: serde_json::Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        lines.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        lines.read_line(&mut answer).unwrap();
        assert!(answer.contains("result"), "{answer}");
    };
    ask("login", json!({ "user": "messi", "password": "surabaya" }));
    // What the login has left to do is done before this.
    ask("ping", json!({}));
    clock.advance(Duration::from_secs(5));
    let mut event = String::new();
    lines.read_line(&mut event).unwrap();
    assert!(event.contains(r#""method":"closed""#), "{event}");
}
