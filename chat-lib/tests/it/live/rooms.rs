//! What members of rooms are told.

use chat_lib::Chat;
use serde_json::{Value, json};

use super::Peer;

fn chat() -> Chat {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    chat
}

fn change(event: &(String, Value)) -> (&str, &str, &str) {
    assert_eq!(event.0, "room");
    (event.1["change"].as_str().unwrap(), event.1["user"].as_str().unwrap(), event.1["by"].as_str().unwrap())
}

#[test]
fn members_hear_a_room_from_their_joining_to_their_leaving() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    let mut lineker = Peer::subscribed(&chat, "lineker");
    messi.ok("room.create", json!({ "room": "#a" }));
    messi.ok("send", json!({ "to": "#a", "text": "1" }));
    assert_eq!(messi.told(), ["<room>", "1"]);
    assert_eq!(henderson.told(), [] as [&str; 0]);
    henderson.ok("room.join", json!({ "room": "#a" }));
    assert_eq!(change(&messi.events()[0]), ("joined", "henderson", "henderson"));
    messi.ok("send", json!({ "to": "#a", "text": "2" }));
    assert_eq!(henderson.told(), ["<room>", "2"]);
    henderson.ok("send", json!({ "to": "#a", "text": "3", "key": "k" }));
    let events = messi.events();
    let texts: Vec<_> = events.iter().map(|(_, message)| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["2", "3"]);
    assert_eq!((&events[1].1["with"], events[1].1.get("key")), (&json!("#a"), None));
    assert_eq!(henderson.events()[0].1["key"], "k");
    messi.ok("room.remove", json!({ "room": "#a", "user": "henderson" }));
    messi.ok("send", json!({ "to": "#a", "text": "4" }));
    assert_eq!(change(&henderson.events()[0]), ("removed", "henderson", "messi"));
    assert_eq!(henderson.told(), [] as [&str; 0]);
    assert_eq!(lineker.told(), [] as [&str; 0]);
}

/// What is created, joined and said in one turn is heard in that order.
#[test]
fn a_room_is_heard_from_its_first_message_on() {
    let chat = chat();
    let mut messi = Peer::subscribed(&chat, "messi");
    let requests = [
        json!({ "jsonrpc": "2.0", "method": "room.create", "params": { "room": "#a" } }),
        json!({ "jsonrpc": "2.0", "method": "send", "params": { "to": "#a", "text": "1" } }),
    ];
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    messi.send(lines.as_bytes());
    assert_eq!(messi.told(), ["<room>", "1"]);
}

#[test]
fn a_subscription_has_the_rooms_that_its_user_is_in() {
    let chat = chat();
    let mut messi = Peer::login(&chat, "messi");
    messi.ok("room.create", json!({ "room": "#a", "open": false }));
    messi.ok("room.invite", json!({ "room": "#a", "user": "henderson" }));
    let (mut henderson, mut invited) = (Peer::login(&chat, "henderson"), Peer::subscribed(&chat, "henderson"));
    messi.ok("send", json!({ "to": "#a", "text": "1" }));
    assert_eq!(invited.told(), [] as [&str; 0], "who is invited is no member");
    henderson.ok("room.join", json!({ "room": "#a" }));
    let mut again = Peer::subscribed(&chat, "henderson");
    messi.ok("send", json!({ "to": "#a", "text": "2" }));
    assert_eq!(invited.told(), ["<room>", "2"]);
    assert_eq!(again.told(), ["2"]);
    henderson.ok("room.leave", json!({ "room": "#a" }));
    messi.ok("send", json!({ "to": "#a", "text": "3" }));
    assert_eq!(again.told(), ["<room>"]);
}

#[test]
fn typing_and_reading_are_told_to_others() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    let id = messi.ok("send", json!({ "to": "henderson", "text": "1" }))["id"].clone();
    messi.events();
    henderson.events();
    henderson.ok("typing", json!({ "with": "messi" }));
    henderson.ok("typing", json!({ "with": "messi" }));
    assert_eq!(messi.events(), [("typing".to_owned(), json!({ "with": "henderson", "user": "henderson" }))]);
    let mut elsewhere = Peer::subscribed(&chat, "henderson");
    henderson.ok("read", json!({ "with": "messi", "upto": id }));
    assert_eq!(messi.events(), [("read".to_owned(), json!({ "with": "henderson", "user": "henderson", "upto": id }))]);
    assert_eq!(elsewhere.events(), [("read".to_owned(), json!({ "with": "messi", "user": "henderson", "upto": id }))]);
    assert_eq!(henderson.told(), [] as [&str; 0], "who has read knows");
    messi.ok("delete", json!({ "id": id }));
    assert_eq!(messi.events(), [("deleted".to_owned(), json!({ "with": "henderson", "id": id }))]);
    assert_eq!(henderson.events(), [("deleted".to_owned(), json!({ "with": "messi", "id": id }))]);
}

/// An invite-only room cannot be told from one that there is not, but by making one of its name.
#[test]
fn a_room_that_one_may_not_know_of_is_like_none() {
    let chat = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    messi.ok("room.create", json!({ "room": "#hidden", "open": false }));
    let id = messi.ok("send", json!({ "to": "#hidden", "text": "secret" }))["id"].clone();
    let answers = |henderson: &mut Peer, room: &str| -> Vec<Value> {
        let calls = [
            ("send", json!({ "to": room, "text": "halo" })),
            ("send", json!({ "to": room, "text": "halo", "key": "k" })),
            ("send", json!({ "to": room, "text": "" })),
            ("history", json!({ "with": room })),
            ("read", json!({ "with": room, "upto": 1 })),
            ("typing", json!({ "with": room })),
            ("room.join", json!({ "room": room })),
            ("room.leave", json!({ "room": room })),
            ("room.delete", json!({ "room": room })),
            ("room.invite", json!({ "room": room, "user": "henderson" })),
            ("room.invite", json!({ "room": room, "user": "nobody" })),
            ("room.remove", json!({ "room": room, "user": "messi" })),
            ("room.remove", json!({ "room": room, "user": "henderson" })),
            ("room.set", json!({ "room": room, "title": "x" })),
            ("room.set", json!({ "room": room, "owners": [] })),
            ("room.members", json!({ "room": room })),
            ("room.list", json!({})),
            ("conversations", json!({})),
            ("sync", json!({ "after": 0 })),
            ("delete", json!({ "id": id })),
        ];
        let mut answers: Vec<Value> = calls.map(|(method, params)| henderson.call(method, params)).into();
        answers.iter_mut().for_each(|answer| answer["id"] = Value::Null);
        let token = chat.open_session("henderson").unwrap().token();
        let lines = [
            format!("sendgroup {token} {room} x"),
            format!("inboxgroup {token} {room}"),
            format!("send {token} {room} x"),
        ];
        answers.extend(lines.map(|line| json!(String::from_utf8(chat.answer(line.as_bytes())).unwrap())));
        answers.push(json!(henderson.told()));
        answers
    };
    assert_eq!(answers(&mut henderson, "#hidden"), answers(&mut henderson, "#nothing"));

    // As before, once an invitation was taken back.
    messi.ok("room.invite", json!({ "room": "#hidden", "user": "henderson" }));
    messi.ok("room.remove", json!({ "room": "#hidden", "user": "henderson" }));
    henderson.told();
    messi.ok("send", json!({ "to": "#hidden", "text": "secret" }));
    messi.ok("room.set", json!({ "room": "#hidden", "title": "secret" }));
    assert_eq!(answers(&mut henderson, "#hidden"), answers(&mut henderson, "#nothing"));
}
