//! What others do between a commit and the moment when subscribers are told of it, or while a job runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::protocol::Event;
use chat_lib::store::CommitError;
use chat_lib::{Chat, Config, Error};
use serde_json::{Value, json};

use super::Peer;
use crate::faulty::{Fault, Faulty};

type Action = Box<dyn FnOnce() + Send>;

/// Does something after a commit, or has commits fail.
#[derive(Clone, Default)]
struct Meanwhile {
    after_commit: Arc<Mutex<Option<Action>>>,
    /// Which commit fails, the next one being the first.
    fails: Arc<Mutex<usize>>,
    /// The next one works, and says that nobody knows.
    outcome_unknown: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
}

impl Meanwhile {
    fn after_commit(&self, action: impl FnOnce() + Send + 'static) {
        *self.after_commit.lock().unwrap() = Some(Box::new(action));
    }

    fn fail_commit(&self, nth: usize) {
        *self.fails.lock().unwrap() = nth;
    }

    fn is_over(&self) -> bool {
        self.after_commit.lock().unwrap().is_none() && *self.fails.lock().unwrap() == 0
    }
}

impl Fault for Meanwhile {
    fn commit(&self) -> Result<(), CommitError> {
        if self.outcome_unknown.swap(false, Ordering::Relaxed) {
            return Err(CommitError::Unknown(Error::Storage("the disk does not answer".into())));
        }
        let mut left = self.fails.lock().unwrap();
        let fails = *left == 1;
        *left = left.saturating_sub(1);
        match fails {
            true => Err(CommitError::Undone(Error::Storage("the disk is full".into()))),
            false => Ok(()),
        }
    }

    fn sync(&self) -> Result<(), Error> {
        match self.sync_fails.swap(false, Ordering::Relaxed) {
            true => Err(Error::Storage("a block is damaged".into())),
            false => Ok(()),
        }
    }

    fn after_commit(&self) {
        let action = self.after_commit.lock().unwrap().take();
        if let Some(action) = action {
            action();
        }
    }
}

fn chat() -> (Chat, Meanwhile) {
    with_limits(Limits::default())
}

fn with_limits(limits: Limits) -> (Chat, Meanwhile) {
    let meanwhile = Meanwhile::default();
    let store = Box::new(Faulty { store: Arc::default(), fault: meanwhile.clone() });
    let chat = Chat::new(Config { store, limits, ..Config::default() });
    chat.add_demo_users().unwrap();
    (chat, meanwhile)
}

fn presence(peer: &mut Peer) -> Vec<Value> {
    let events = peer.events().into_iter().filter(|(method, _)| method == "presence");
    events.map(|(_, presence)| presence["online"].clone()).collect()
}

/// Somebody had joined a room, and before the hub was told, another thread sent something and told it: the new member never
/// heard it.
#[test]
fn a_message_that_overtakes_a_joining_is_heard() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    messi.ok("room.create", json!({ "room": "#a" }));
    messi.ok("send", json!({ "to": "#a", "text": "before" }));
    messi.told();
    let sender = chat.open_session("messi").unwrap();
    meanwhile.after_commit(move || assert!(sender.send("#a", "after").is_ok()));
    henderson.ok("room.join", json!({ "room": "#a" }));
    assert!(meanwhile.is_over());
    assert_eq!(henderson.told(), ["<room>", "after"]);
    assert_eq!(messi.told(), ["<room>", "after"]);
    messi.ok("send", json!({ "to": "#a", "text": "later" }));
    assert_eq!(henderson.told(), ["later"]);
}

/// As above: who had left, or was removed, heard what was said afterwards.
#[test]
fn a_message_that_overtakes_a_leaving_is_not_heard() {
    for removed in [false, true] {
        let (chat, meanwhile) = chat();
        let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
        messi.ok("room.create", json!({ "room": "#a" }));
        henderson.ok("room.join", json!({ "room": "#a" }));
        messi.ok("send", json!({ "to": "#a", "text": "before" }));
        let sender = chat.open_session("messi").unwrap();
        meanwhile.after_commit(move || assert!(sender.send("#a", "after").is_ok()));
        match removed {
            true => messi.ok("room.remove", json!({ "room": "#a", "user": "henderson" })),
            false => henderson.ok("room.leave", json!({ "room": "#a" })),
        };
        assert!(meanwhile.is_over());
        assert_eq!(henderson.told(), ["<room>", "before", "<room>"]);
        assert_eq!(messi.told(), ["<room>", "<room>", "before", "<room>", "after"]);
    }
}

/// A room was deleted, and before the hub was told, another thread made one of the same name: the hub forgot it with the other.
#[test]
fn a_room_that_overtakes_the_end_of_another_is_heard() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    messi.ok("room.create", json!({ "room": "#a" }));
    messi.told();
    let owner = chat.open_session("henderson").unwrap();
    meanwhile.after_commit(move || owner.create_room("#a", "", true).unwrap());
    messi.ok("room.delete", json!({ "room": "#a" }));
    assert!(meanwhile.is_over());
    henderson.ok("send", json!({ "to": "#a", "text": "halo" }));
    assert_eq!(henderson.told(), ["<room>", "halo"]);
    assert_eq!(messi.told(), ["<room>"]);
}

/// The peer had gone while its `subscribe` was still to be done, or was being done: its user was online for ever.
#[test]
fn a_peer_that_goes_while_it_subscribes_is_not_there() {
    for before in [true, false] {
        let (chat, meanwhile) = chat();
        let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
        henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
        messi.told();
        let line = b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"subscribe\"}\n";
        henderson.out.take();
        let job = henderson.connection.step(line, &mut henderson.out).job.unwrap();
        match before {
            true => drop(henderson),
            false => meanwhile.after_commit(move || drop(henderson)),
        }
        drop(job.run());
        assert!(meanwhile.is_over());
        let users = messi.ok("users", json!({}))["users"].clone();
        let henderson = users.as_array().unwrap().iter().find(|user| user["user"] == "henderson").unwrap().clone();
        assert_eq!(henderson["online"], false);
        assert!(!presence(&mut messi).last().is_some_and(|online| online == true));
    }
}

/// As above, with a second connection, which was no longer counted.
#[test]
fn a_peer_that_goes_while_it_subscribes_takes_nobody_along() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    let _second = Peer::subscribed(&chat, "henderson");
    henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
    messi.told();
    let line = b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"subscribe\"}\n";
    henderson.out.take();
    let job = henderson.connection.step(line, &mut henderson.out).job.unwrap();
    meanwhile.after_commit(move || drop(henderson));
    drop(job.run());
    assert!(meanwhile.is_over());
    assert_eq!(presence(&mut messi), [] as [Value; 0]);
}

/// Events that were no messages had filled the queue while a page of the replay was read: the peer was told that it lagged, and
/// then the replay went on, and read pages for ever.
#[test]
fn a_subscriber_that_lags_during_a_page_gets_no_more_of_it() {
    let (chat, _) = with_limits(Limits { events_bytes: 1024, ..Limits::default() });
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::login(&chat, "henderson"));
    for number in 0..150 {
        messi.ok("send", json!({ "to": "henderson", "text": number.to_string() }));
    }
    henderson.out.take();
    let line = b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"subscribe\",\"params\":{\"after\":0}}\n";
    let step = henderson.connection.step(line, &mut henderson.out);
    let Peer { connection, out, .. } = &mut henderson;
    assert!(connection.finish_job(step.job.unwrap().run(), out).is_none());
    let page = connection.step(b"\n", out).job.expect("a page");
    let owner = chat.open_session("messi").unwrap();
    owner.create_room("#a", "", true).unwrap();
    for _ in 0..20 {
        owner.invite("#a", "henderson").unwrap();
        owner.remove_from_room("#a", "henderson").unwrap();
    }
    assert_eq!(connection.step(b"", out).taken, 0);
    let _ = connection.finish_job(page.run(), out);
    for _ in 0..10 {
        if let Some(job) = connection.step(b"", out).job {
            let _ = connection.finish_job(job.run(), out);
        }
    }
    assert!(!connection.wants_turn(out));
    henderson.send(b"");
    assert_eq!(henderson.line().unwrap()["id"], 9);
    assert_eq!(henderson.told(), ["<lagged>"]);
}

/// A login that was refused, because it could not be stored, left the connection without the session that it had.
#[test]
fn a_login_that_fails_leaves_the_session_that_was_bound() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    meanwhile.fail_commit(1);
    assert_eq!(messi.refused("login", json!({ "user": "lineker", "password": "surabaya" })), "storage");
    henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
    messi.ok("send", json!({ "to": "henderson", "text": "halo" }));
    assert_eq!(messi.told(), ["halo", "halo"]);
}

/// As above: a logout that was refused had ended the subscription.
#[test]
fn a_logout_that_fails_leaves_the_subscription() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    meanwhile.fail_commit(1);
    let lines = [
        json!({ "jsonrpc": "2.0", "id": 90, "method": "logout" }),
        json!({ "jsonrpc": "2.0", "id": 91, "method": "login", "params": { "user": "lineker", "password": "surabaya" } }),
        json!({ "jsonrpc": "2.0", "id": 92, "method": "login", "params": { "user": "lineker", "password": "surabaya" } }),
    ];
    messi.send(lines.map(|line| format!("{line}\n")).concat().as_bytes());
    for id in 90..93 {
        let refusal = messi.line().unwrap();
        assert_eq!((&refusal["id"], &refusal["error"]["data"]["code"]), (&json!(id), &json!("storage")));
    }
    henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
    assert_eq!(messi.told(), ["halo"]);
}

/// A second `subscribe` was refused when it had begun already: the first subscription seemed to live, and lost messages.
#[test]
fn a_subscription_that_fails_is_over() {
    // The commit of the batch that looks for rooms, or of the turn with the answer.
    for (nth, again) in [(2, true), (2, false), (3, true), (3, false)] {
        let (chat, meanwhile) = chat();
        let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::login(&chat, "henderson"));
        if again {
            messi.ok("subscribe", json!({}));
        }
        henderson.ok("send", json!({ "to": "messi", "text": "1" }));
        meanwhile.fail_commit(nth);
        let lines = [
            json!({ "jsonrpc": "2.0", "id": 90, "method": "subscribe", "params": { "after": 0 } }),
            json!({ "jsonrpc": "2.0", "id": 91, "method": "blocks" }),
        ];
        messi.send(lines.map(|line| format!("{line}\n")).concat().as_bytes());
        assert!(meanwhile.is_over());
        let mut told: Vec<_> = std::iter::from_fn(|| messi.line()).collect();
        told.retain(|line| line.get("method").is_none_or(|method| method != "presence"));
        let refusal = told.iter().find(|line| line["id"] == 90).unwrap();
        assert_eq!(refusal["error"]["data"]["code"], "storage");
        let lagged = told.iter().filter(|line| line["method"] == "lagged").count();
        henderson.ok("send", json!({ "to": "messi", "text": "2" }));
        assert_eq!(messi.told(), [] as [&str; 0]);
        assert_eq!(lagged, usize::from(again), "at commit {nth}");
        let users = henderson.ok("users", json!({}))["users"].clone();
        assert_eq!(users.as_array().unwrap().iter().find(|user| user["user"] == "messi").unwrap()["online"], false);
        messi.ok("subscribe", json!({ "after": 0 }));
        assert_eq!(messi.told(), ["1", "2"]);
    }
}

/// Somebody else took a name whose user had been removed, and was sent something, before the old user's connection had looked
/// whether its session still lived: it was told.
#[test]
fn what_comes_after_the_end_of_a_session_is_not_told() {
    let (chat, _) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::login(&chat, "henderson"));
    henderson.ok("send", json!({ "to": "messi", "text": "before" }));
    chat.remove_user("messi").unwrap();
    chat.add_demo_users().unwrap();
    henderson.ok("send", json!({ "to": "messi", "text": "after" }));
    assert_eq!(messi.told(), ["before", "<closed>"]);
}

/// As above, within the process.
#[test]
fn what_comes_after_the_end_of_a_session_is_not_told_in_the_process() {
    let (chat, _) = chat();
    let mut henderson = Peer::login(&chat, "henderson");
    let mut events = chat.open_session("messi").unwrap().events().unwrap();
    henderson.ok("send", json!({ "to": "messi", "text": "before" }));
    chat.end_sessions("messi").unwrap();
    henderson.ok("send", json!({ "to": "messi", "text": "after" }));
    let mut told = Vec::new();
    while let Some(event) = events.next_timeout(Duration::ZERO).unwrap() {
        told.push(match event {
            Event::Message(message) => message.text,
            Event::Closed { .. } => "<closed>".to_owned(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["before", "<closed>"]);
}

/// The event that was too many for a subscriber was of somebody's presence: the subscription that the peer began anew was ended
/// with the next message, in place of the old one, and the peer was not told.
#[test]
fn who_lags_because_of_presence_can_subscribe_again() {
    let (chat, _) = with_limits(Limits { events_bytes: 1024, ..Limits::default() });
    let mut henderson = Peer::login(&chat, "henderson");
    henderson.ok("send", json!({ "to": "messi", "text": "halo" }));
    let mut messi = Peer::subscribed(&chat, "messi");
    for _ in 0..10 {
        drop(Peer::subscribed(&chat, "henderson"));
    }
    let mut lineker = Peer::login(&chat, "lineker");
    assert_eq!(messi.told(), ["<lagged>"]);
    messi.ok("subscribe", json!({}));
    lineker.ok("send", json!({ "to": "messi", "text": "1" }));
    lineker.ok("send", json!({ "to": "messi", "text": "2" }));
    assert_eq!(messi.told(), ["1", "2"]);
}

/// A peer that took nothing had the server hold answers of any size: a thousand long messages, for each of its connections.
#[test]
fn pages_of_long_messages_are_short() {
    let (chat, _) = with_limits(Limits { reply_bytes: 100_000, ..Limits::default() });
    let sender = chat.open_session("henderson").unwrap();
    let text = "x".repeat(30_000);
    for number in 0..20 {
        sender.send("messi", &format!("{number} {text}")).unwrap();
    }
    let mut messi = Peer::login(&chat, "messi");
    let numbers = |list: &Value| -> Vec<u64> {
        let text = |message: &Value| message["text"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
        list["messages"].as_array().unwrap().iter().map(text).collect()
    };
    let page = messi.ok("history", json!({ "with": "henderson", "limit": 1000 }));
    assert_eq!((numbers(&page), &page["more"]), (vec![17, 18, 19], &json!(true)));
    let first = &page["messages"][0]["id"];
    let page = messi.ok("history", json!({ "with": "henderson", "before": first }));
    assert_eq!((numbers(&page), &page["more"]), (vec![14, 15, 16], &json!(true)));
    let page = messi.ok("history", json!({ "with": "henderson", "after": 0, "limit": 2 }));
    assert_eq!((numbers(&page), &page["more"]), (vec![0, 1], &json!(true)));
    let (mut after, mut all) = (json!(0), Vec::new());
    loop {
        let page = messi.ok("sync", json!({ "after": after }));
        assert!(numbers(&page).len() <= 3);
        all.extend(numbers(&page));
        after = page["next"].clone();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(all, (0..20).collect::<Vec<_>>());

    messi.out.take();
    let line = b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"subscribe\",\"params\":{\"after\":0}}\n";
    let _ = messi.connection.receive(line, &mut messi.out);
    for _ in 0..100 {
        let _ = messi.connection.receive(b"", &mut messi.out);
    }
    assert!(messi.out.len() < 200_000, "{} bytes wait", messi.out.len());
    messi.send(b"");
    assert_eq!(messi.line().unwrap()["id"], 9);
    assert_eq!(messi.told().len(), 20);
}

/// As above, where each conversation has a long last message.
#[test]
fn pages_of_conversations_with_long_messages_are_short() {
    let (chat, _) = with_limits(Limits { reply_bytes: 100_000, ..Limits::default() });
    let mut messi = Peer::login(&chat, "messi");
    let text = "x".repeat(60_000);
    for number in 0..10 {
        messi.ok("room.create", json!({ "room": format!("#{number}") }));
        messi.ok("send", json!({ "to": format!("#{number}"), "text": text }));
    }
    let (mut before, mut all) = (1_u64 << 50, Vec::new());
    loop {
        let page = messi.ok("conversations", json!({ "before": before }));
        let list = page["conversations"].as_array().unwrap();
        assert!(list.len() <= 2);
        all.extend(list.iter().map(|conversation| conversation["with"].as_str().unwrap().to_owned()));
        before = list.last().unwrap()["last"]["id"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(all, (0..10).rev().map(|number| format!("#{number}")).collect::<Vec<_>>());
}

/// A replay that could not be read was over, but its user was still shown as online.
#[test]
fn a_replay_that_cannot_be_read_is_over() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::login(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    henderson.ok("send", json!({ "to": "messi", "text": "1" }));
    meanwhile.sync_fails.store(true, Ordering::Relaxed);
    messi.ok("subscribe", json!({ "after": 0 }));
    assert_eq!(messi.told(), ["<lagged>"]);
    assert_eq!(presence(&mut henderson), [true, false]);
    messi.ok("subscribe", json!({ "after": 0 }));
    assert_eq!(messi.told(), ["1"]);
}

/// Somebody had left a room, and their session had ended, but nobody knew whether that was stored: they went on hearing it.
#[test]
fn what_may_have_happened_is_looked_at() {
    let (chat, meanwhile) = chat();
    let (mut messi, mut henderson) = (Peer::subscribed(&chat, "messi"), Peer::subscribed(&chat, "henderson"));
    messi.ok("room.create", json!({ "room": "#a" }));
    henderson.ok("room.join", json!({ "room": "#a" }));
    messi.told();
    henderson.told();
    let elsewhere = chat.open_session("henderson").unwrap();
    meanwhile.outcome_unknown.store(true, Ordering::Relaxed);
    assert!(matches!(elsewhere.leave_room("#a"), Err(Error::OutcomeUnknown(_))));
    assert_eq!(messi.told(), ["<lagged>"]);
    messi.ok("send", json!({ "to": "#a", "text": "halo" }));
    assert_eq!(henderson.told(), ["<lagged>"]);
    henderson.ok("subscribe", json!({}));
    messi.ok("send", json!({ "to": "#a", "text": "halo" }));
    assert_eq!(henderson.told(), [] as [&str; 0]);

    let lineker = chat.open_session("lineker").unwrap();
    meanwhile.outcome_unknown.store(true, Ordering::Relaxed);
    assert!(matches!(lineker.send("henderson", "1"), Err(Error::OutcomeUnknown(_))));
    assert_eq!(henderson.told(), ["1"]);

    meanwhile.outcome_unknown.store(true, Ordering::Relaxed);
    assert!(matches!(chat.end_sessions("henderson"), Err(Error::OutcomeUnknown(_))));
    assert_eq!(henderson.told(), ["<closed>"]);
}
