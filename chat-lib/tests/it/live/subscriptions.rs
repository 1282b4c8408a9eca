//! Subscriptions: replay, order, lagging, and what comes before what.

use chat_lib::limits::Limits;
use chat_lib::{Chat, Config, Outbox};
use serde_json::json;

use super::Peer;

fn chat() -> Chat {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    chat
}

#[test]
fn a_message_comes_to_both_sides_and_to_the_sender_after_the_answer() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    let mut elsewhere = Peer::subscribed(&chat, "messi");
    let mut lineker = Peer::subscribed(&chat, "lineker");
    for peer in [&mut messi, &mut henderson, &mut elsewhere, &mut lineker] {
        peer.events();
    }
    messi.send(b"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"send\",\"params\":{\"to\":\"henderson\",\"text\":\"halo\",\"key\":\"k\"}}\n");
    let answer = messi.line().unwrap();
    assert_eq!(answer["id"], "x");
    let (id, time) = (&answer["result"]["id"], &answer["result"]["time"]);
    let own = json!({ "id": id, "with": "henderson", "from": "messi", "name": "Lionel Messi", "text": "halo", "time": time, "key": "k" });
    assert_eq!(messi.events(), [("message".to_owned(), own.clone())]);
    assert_eq!(elsewhere.events(), [("message".to_owned(), own)]);
    let theirs =
        json!({ "id": id, "with": "messi", "from": "messi", "name": "Lionel Messi", "text": "halo", "time": time });
    assert_eq!(henderson.events(), [("message".to_owned(), theirs)]);
    assert_eq!(lineker.events(), []);
}

#[test]
fn a_replay_has_no_gap_and_no_repeat() {
    let chat = chat();
    let mut messi = Peer::login(&chat, "messi");
    let ids: Vec<u64> = (0..250)
        .map(|number| {
            messi.ok("send", json!({ "to": "henderson", "text": number.to_string() }))["id"].as_u64().unwrap()
        })
        .collect();
    for place in [0, 1, 99, 100, 101, 249] {
        let mut henderson = Peer::login(&chat, "henderson");
        assert_eq!(henderson.ok("subscribe", json!({ "after": ids[place] }))["next"], ids[place]);
        messi.ok("send", json!({ "to": "henderson", "text": "live" }));
        let told = henderson.told();
        let expected: Vec<_> = (place + 1..250).map(|number| number.to_string()).collect();
        let lives = told.iter().filter(|text| *text == "live").count();
        assert_eq!(told[..expected.len()], expected);
        assert_eq!(told.len() - expected.len(), lives);
        assert_eq!(told.last().unwrap(), "live");
    }
}

#[test]
fn subscribing_again_replaces_the_subscription() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    let first = messi.ok("send", json!({ "to": "henderson", "text": "1" }))["id"].as_u64().unwrap();
    messi.ok("send", json!({ "to": "henderson", "text": "2" }));
    assert_eq!(henderson.told(), ["1", "2"]);
    henderson.ok("subscribe", json!({ "after": first }));
    assert_eq!(henderson.told(), ["2"]);
    messi.ok("send", json!({ "to": "henderson", "text": "3" }));
    assert_eq!(henderson.told(), ["3"]);
    henderson.ok("unsubscribe", json!({}));
    messi.ok("send", json!({ "to": "henderson", "text": "4" }));
    assert_eq!(henderson.told(), [] as [&str; 0]);
    let next = henderson.ok("subscribe", json!({}))["next"].as_u64().unwrap();
    assert!(next > first);
    assert_eq!(henderson.told(), [] as [&str; 0], "without `after`, nothing is replayed");
    assert_eq!(henderson.ok("subscribe", json!({ "after": next + 1000 }))["next"], next);
}

/// A subscriber that takes nothing costs its queue, is told so once, and catches up.
#[test]
fn a_slow_reader_loses_its_subscription_and_nothing_else() {
    let limits = Limits { events_bytes: 2048, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..Config::default() });
    chat.add_demo_users().unwrap();
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    let mut fast = Peer::subscribed(&chat, "henderson");
    henderson.events();
    let next = henderson.ok("subscribe", json!({}))["next"].clone();
    for number in 0..100 {
        messi.ok("send", json!({ "to": "henderson", "text": number.to_string() }));
        assert_eq!(fast.told().last().unwrap(), &number.to_string());
    }
    assert_eq!(henderson.told(), ["<lagged>"]);
    messi.ok("send", json!({ "to": "henderson", "text": "100" }));
    assert_eq!(henderson.told(), [] as [&str; 0]);
    henderson.ok("subscribe", json!({ "after": next }));
    let expected: Vec<_> = (0..=100).map(|number| number.to_string()).collect();
    assert_eq!(henderson.told(), expected);
}

/// Events go only where no answer is half written, and an inbox is written as the peer takes it.
#[test]
fn events_wait_for_the_end_of_an_inbox() {
    let limits = Limits { reply_bytes: 1024, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..Config::default() });
    chat.add_demo_users().unwrap();
    let mut messi = Peer::login(&chat, "messi");
    for _ in 0..20 {
        messi.ok("send", json!({ "to": "henderson", "text": "x".repeat(400) }));
    }
    let mut henderson = Peer::new(&chat);
    let token = henderson.ok("login", json!({ "user": "henderson", "password": "surabaya" }))["token"].clone();
    henderson.ok("subscribe", json!({}));
    let request = format!("inbox {}\n", token.as_str().unwrap());
    let taken = henderson.connection.receive(request.as_bytes(), &mut henderson.out);
    assert_eq!(taken, request.len() - 1, "the answer does not fit");
    messi.ok("send", json!({ "to": "henderson", "text": "live" }));
    let mut received = Vec::new();
    let mut rest = &request.as_bytes()[taken..];
    while !rest.is_empty() || !henderson.out.is_empty() {
        received.extend(henderson.out.take());
        let taken = henderson.connection.receive(rest, &mut henderson.out);
        rest = &rest[taken..];
    }
    let received = String::from_utf8(received).unwrap();
    let (inbox, events) = received.split_once("\r\n\r\n").unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(inbox).is_ok());
    assert!(events.starts_with("{\"jsonrpc\":\"2.0\",\"method\":"), "{events}");
}

#[test]
fn an_outbox_that_is_abandoned_is_told_nothing() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    henderson.out.abandon().unwrap();
    messi.ok("send", json!({ "to": "henderson", "text": "halo" }));
    assert_eq!(henderson.connection.receive(b"", &mut henderson.out), 0);
    drop(henderson);
    let mut other = Outbox::new(&chat);
    assert!(other.take().is_empty());
    messi.ok("send", json!({ "to": "henderson", "text": "halo" }));
}
