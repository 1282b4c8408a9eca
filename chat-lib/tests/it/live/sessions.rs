//! Sessions that are bound to connections, and what becomes of them.

use chat_lib::limits::{Limits, SESSIONS_PER_USER};
use chat_lib::{Chat, Config};
use serde_json::json;

use super::Peer;

fn chat() -> Chat {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    chat
}

#[test]
fn without_a_session_most_is_refused() {
    let chat = chat();
    let mut peer = Peer::new(&chat);
    peer.ok("ping", json!({}));
    assert_eq!(peer.refused("send", json!({ "to": "messi", "text": "x" })), "no_such_session");
    assert_eq!(peer.refused("subscribe", json!({})), "no_such_session");
    assert_eq!(peer.refused("login", json!({ "user": "messi", "password": "x" })), "wrong_password");
    let login = peer.ok("login", json!({ "user": "messi", "password": "surabaya" }));
    assert_eq!((&login["user"], &login["name"]), (&json!("messi"), &json!("Lionel Messi")));
    peer.ok("send", json!({ "to": "messi", "text": "x" }));
    let mut other = Peer::new(&chat);
    let resumed = other.ok("resume", json!({ "token": login["token"] }));
    assert_eq!((&resumed["token"], &resumed["epoch"]), (&login["token"], &login["epoch"]));
    other.ok("send", json!({ "to": "messi", "text": "y" }));
}

#[test]
fn a_connection_whose_session_ends_is_told_and_unbound() {
    let chat = chat();
    let mut messi = Peer::subscribed(&chat, "messi");
    messi.events();
    chat.end_sessions("messi").unwrap();
    assert_eq!(messi.told(), ["<closed>"]);
    assert_eq!(messi.refused("send", json!({ "to": "messi", "text": "x" })), "no_such_session");
    assert_eq!(messi.told(), [] as [&str; 0], "it is told once");

    messi.ok("login", json!({ "user": "messi", "password": "surabaya" }));
    messi.ok("logout", json!({}));
    assert_eq!(messi.told(), ["<closed>"]);
    assert_eq!(messi.refused("sessions", json!({})), "no_such_session");

    messi.ok("login", json!({ "user": "messi", "password": "surabaya" }));
    chat.ban_user("messi").unwrap();
    assert_eq!(messi.told(), ["<closed>"]);
    assert_eq!(messi.refused("login", json!({ "user": "messi", "password": "surabaya" })), "banned");
}

/// The connection of a session that had ended because its user had too many was never told, and got events for ever.
#[test]
fn the_oldest_of_too_many_sessions_ends_and_its_connection_is_told() {
    let chat = chat();
    let mut messi = Peer::subscribed(&chat, "messi");
    for _ in 1..SESSIONS_PER_USER {
        chat.open_session("messi").unwrap();
    }
    let mut second = Peer::new(&chat);
    assert_eq!(messi.told(), [] as [&str; 0]);
    second.ok("login", json!({ "user": "messi", "password": "surabaya" }));
    assert_eq!(messi.told(), ["<closed>"]);
}

/// The session ended while an inbox was half written, and its end was told in the middle of the answer.
#[test]
fn the_end_of_a_session_waits_for_the_end_of_an_answer() {
    let limits = Limits { reply_bytes: 1024, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..Config::default() });
    chat.add_demo_users().unwrap();
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::new(&chat));
    for _ in 0..20 {
        messi.ok("send", json!({ "to": "henderson", "text": "x".repeat(400) }));
    }
    let token = henderson.ok("login", json!({ "user": "henderson", "password": "surabaya" }))["token"].clone();
    henderson.ok("subscribe", json!({}));
    let request = format!("inbox {}\n", token.as_str().unwrap());
    let taken = henderson.connection.receive(request.as_bytes(), &mut henderson.out);
    messi.ok("send", json!({ "to": "henderson", "text": "last" }));
    chat.end_sessions("henderson").unwrap();
    let (mut received, mut rest) = (Vec::new(), &request.as_bytes()[taken..]);
    while !rest.is_empty() || !henderson.out.is_empty() {
        received.extend(henderson.out.take());
        let taken = henderson.connection.receive(rest, &mut henderson.out);
        rest = &rest[taken..];
    }
    let received = String::from_utf8(received).unwrap();
    let (inbox, events) = received.split_once("\r\n\r\n").unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(inbox).is_ok(), "{inbox}");
    let methods: Vec<_> =
        events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["method"].clone()).collect();
    assert_eq!(methods, ["message", "closed"]);
}

#[test]
fn a_login_binds_another_session_and_its_events() {
    let chat = chat();
    let mut peer = Peer::subscribed(&chat, "messi");
    let mut lineker = Peer::login(&chat, "lineker");
    peer.events();
    peer.ok("login", json!({ "user": "henderson", "password": "surabaya" }));
    lineker.ok("send", json!({ "to": "messi", "text": "to messi" }));
    lineker.ok("send", json!({ "to": "henderson", "text": "to henderson" }));
    assert_eq!(peer.told(), [] as [&str; 0], "the new session has not subscribed");
    peer.ok("subscribe", json!({}));
    lineker.ok("send", json!({ "to": "henderson", "text": "halo" }));
    assert_eq!(peer.told(), ["halo"]);
}

#[test]
fn direct_partners_are_told_of_presence() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    let mut lineker = Peer::subscribed(&chat, "lineker");
    henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
    messi.events();
    lineker.events();
    henderson.ok("subscribe", json!({}));
    let events = messi.events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&*events[0].0, &events[0].1["user"], &events[0].1["online"]),
        ("presence", &json!("henderson"), &json!(true))
    );
    let mut second = Peer::subscribed(&chat, "henderson");
    assert_eq!(messi.told(), [] as [&str; 0], "only the first one counts");
    assert_eq!(henderson.told(), [] as [&str; 0]);
    drop(henderson);
    assert_eq!(messi.told(), [] as [&str; 0], "only the last one counts");
    second.ok("unsubscribe", json!({}));
    let events = messi.events();
    assert_eq!((&events[0].1["online"], events[0].1["last_seen"].is_u64()), (&json!(false), true));
    assert_eq!(lineker.told(), [] as [&str; 0], "they have never talked");
}
