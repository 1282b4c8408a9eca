//! Dumps: all that a chat keeps, as text and back.

use std::sync::Arc;
use std::time::Duration;

use chat_lib::clock::ManualClock;
use chat_lib::limits::Limits;
use chat_lib::model::MessageId;
use chat_lib::store::{Memory, Position, RoomKeep, Store};
use chat_lib::{Chat, Config, Error};

use crate::faulty::{Fault, Faulty};
use crate::support::demo_chat;

fn dump(chat: &Chat) -> String {
    let mut dump = Vec::new();
    chat.dump(true, &mut dump).unwrap();
    String::from_utf8(dump).unwrap()
}

fn restored(dump: &str) -> Result<Chat, Error> {
    let chat = Chat::memory();
    chat.restore(&mut dump.as_bytes())?;
    Ok(chat)
}

fn bodies(chat: &Chat, user: &str) -> Vec<String> {
    chat.inbox_of(user).unwrap().iter().map(|message| message.text.to_owned()).collect()
}

#[test]
fn what_was_restored_dumps_as_before() {
    let chat = demo_chat(Limits::default()).0;
    let [messi, lineker] = ["messi", "lineker"].map(|user| chat.login(user, "surabaya").unwrap());
    messi.send("henderson", "read").unwrap();
    assert_eq!(bodies(&chat, "henderson"), [" read\r\n"]);
    for line in [" a\n", "", " b", "  c\r\n"] {
        chat.answer(format!("send {} henderson{line}", messi.token()).as_bytes());
    }
    messi.send("messi", "a note").unwrap();
    lineker.send("henderson", "from one who leaves").unwrap();
    chat.remove_user("lineker").unwrap();

    let first = dump(&chat);
    assert!(first.starts_with("{\"chat_dump\":{\"version\":5,\"hashes\":true}}\n"), "{first}");
    assert_eq!(first.matches("\"former\":true").count(), 1, "{first}");
    assert_eq!(first.matches("\"before\":\"\"").count(), 1, "only {{}} has no space: {first}");
    assert!(first.contains("\"after\":\"\\n\",\"text\":\"a\"") && first.contains("\"text\":\" c\"}"), "{first}");
    let copy = restored(&first).unwrap();
    assert_eq!(dump(&copy), first);
    for chat in [chat, copy] {
        let read = [" a\n", "", " b", "  c\r\n", " from one who leaves\r\n"];
        assert_eq!(bodies(&chat, "henderson"), read);
        assert_eq!(bodies(&chat, "messi"), [" a note\r\n"]);
    }
}

/// Ids are compared only under one epoch, and a restored chat may give out ids that another one gives out, too.
#[test]
fn a_restore_begins_a_new_epoch() {
    let store = Arc::new(Memory::new());
    let before = store.epoch();
    let faultless = Box::new(Faulty { store: Arc::clone(&store), fault: Faultless });
    let chat = Chat::new(Config { store: faultless, ..Config::default() });
    chat.restore(&mut dump(&demo_chat(Limits::default()).0).as_bytes()).unwrap();
    assert_ne!(store.epoch(), before);
}

#[test]
fn a_dump_has_the_limits_of_rooms() {
    let chat = demo_chat(Limits::default()).0;
    let messi = chat.login("messi", "surabaya").unwrap();
    let keep = RoomKeep { age: Some(Duration::from_secs(90)), messages: Some(1000), bytes: Some(u64::MAX) };
    for (room, keep) in [("#long", keep), ("#usual", RoomKeep::default())] {
        messi.create_room(room, "", true).unwrap();
        chat.set_room_keep(room, keep).unwrap();
    }
    let text = dump(&chat);
    let limits = r#""open":true,"keep":{"age":90000,"messages":1000,"bytes":9223372036854775807},"members":"#;
    assert!(text.contains(limits) && text.contains(r##""#usual","title":"","open":true,"members":"##), "{text}");
    let copy = restored(&text).unwrap();
    assert_eq!(dump(&copy), text);
    assert_eq!(copy.rooms().unwrap().iter().map(|room| room.keep).collect::<Vec<_>>(), [keep, RoomKeep::default()]);
}

struct Faultless;

impl Fault for Faultless {}

#[test]
fn a_dump_that_cannot_be_is_refused() {
    let header = r#"{"chat_dump":{"version":5,"hashes":true}}"#;
    let user = r#"{"user":{"name":"ana","full_name":"Ana","country":""}}"#;
    let conversation = r#"{"conversation":{"members":[{"user":"ana","read":0}]}}"#;
    let message = r#"{"message":{"id":7,"to":"ana","from":"ana","from_name":"Ana","time":1,"text":"x"}}"#;
    let end = r#"{"end":{"users":1,"invitations":0,"blocks":0,"conversations":1,"rooms":0,"messages":1,"keys":0}}"#;
    assert_eq!(bodies(&restored(&[header, user, conversation, message, end].join("\n")).unwrap(), "ana"), [" x\r\n"]);
    for (problem, lines) in [
        (
            "line 1 of the dump: it is version 4, and only 5 is",
            vec![r#"{"chat_dump":{"version":4,"hashes":true}}"#, user],
        ),
        ("line 1 of the dump: it is out of place", vec![user]),
        ("line 2 of the dump: it is out of place", vec![header, header]),
        ("line 4 of the dump: it is out of place", vec![header, user, conversation, user]),
        ("line 5 of the dump: it is out of place", vec![header, user, conversation, message, conversation]),
        ("line 6 of the dump: it is out of place", vec![header, user, conversation, message, end, end]),
        ("line 3 of the dump: the user is there twice", vec![header, user, user]),
        ("line 2 of the dump: its members are not one or two users", vec![header, conversation]),
        (
            "line 5 of the dump: the message is to nobody or from nobody, or",
            vec![header, user, conversation, message, message],
        ),
        (
            "line 5 of the dump: it counts other lines",
            vec![
                header,
                user,
                conversation,
                message,
                r#"{"end":{"users":1,"invitations":0,"blocks":0,"conversations":0,"rooms":0,"messages":1,"keys":0}}"#,
            ],
        ),
        ("line 4 of the dump: the dump is cut off", vec![header, user, conversation, message]),
        (
            "line 4 of the dump: protocol 1 has nothing like",
            vec![
                header,
                user,
                conversation,
                r#"{"message":{"id":7,"to":"ana","from":"ana","from_name":"Ana","time":1,"before":"x","text":"x"}}"#,
            ],
        ),
        (
            "line 4 of the dump: an id is too large",
            vec![
                header,
                user,
                conversation,
                r#"{"message":{"id":9007199254740992,"to":"ana","from":"ana","from_name":"Ana","time":1,"text":"x"}}"#,
            ],
        ),
        // Cursors at the last id of all left none for a message: nobody could send any more.
        (
            "line 3 of the dump: an id is too large",
            vec![header, user, r#"{"conversation":{"members":[{"user":"ana","read":9007199254740991}]}}"#],
        ),
        // It was taken for notes, and the second cursor was lost.
        (
            "line 3 of the dump: its members are not one or two users",
            vec![header, user, r#"{"conversation":{"members":[{"user":"ana","read":0},{"user":"ana","read":7}]}}"#],
        ),
    ] {
        let chat = Chat::memory();
        let refusal = chat.restore(&mut lines.join("\n").as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with(problem), "{refusal}, not {problem}");
        assert!(chat.users().unwrap().is_empty());
    }
}

#[test]
fn a_ban_is_restored() {
    let chat = demo_chat(Limits::default()).0;
    chat.ban_user("messi").unwrap();
    let copy = restored(&dump(&chat)).unwrap();
    assert_eq!(copy.login("messi", "surabaya").unwrap_err().code(), "banned");
    copy.login("henderson", "surabaya").unwrap();
}

/// Rooms with members of all kinds, blocks, keys, messages that were deleted and such of users who were removed.
fn lively_chat() -> Chat {
    let chat = demo_chat(Limits::default()).0;
    let [messi, henderson, lineker] =
        ["messi", "henderson", "lineker"].map(|user| chat.login(user, "surabaya").unwrap());
    messi.create_room("#bench", "Who sits there", false).unwrap();
    messi.send("#bench", "before the others").unwrap();
    for (user, session) in [("henderson", &henderson), ("lineker", &lineker)] {
        messi.invite("#bench", user).unwrap();
        session.join_room("#bench").unwrap();
    }
    henderson.create_room("#attack", "", true).unwrap();
    lineker.send("#bench", "from one who leaves").unwrap();
    let read = henderson.send_with_key("#bench", "with a key", "k\u{202e}1").unwrap();
    messi.read("#bench", read.id).unwrap();
    let deleted = messi.send_with_key("henderson", "a secret", "k2").unwrap();
    messi.delete(deleted.id).unwrap();
    let deleted = henderson.send("#bench", "another secret").unwrap();
    messi.delete(deleted.id).unwrap();
    henderson.block("messi").unwrap();
    chat.remove_user("lineker").unwrap();
    chat.add_user(chat_lib::NewUser { name: "ana", password: "surabaya", full_name: "Ana", country: "" }).unwrap();
    messi.invite("#bench", "ana").unwrap();
    chat
}

#[test]
fn rooms_blocks_keys_and_deleted_messages_are_restored() {
    let chat = lively_chat();
    let first = dump(&chat);
    assert!(!first.contains("secret"), "{first}");
    for line in [
        r#"{"block":{"user":"henderson","blocked":"messi"}}"#,
        r##"{"room":{"name":"#attack","title":"","open":true,"members":[{"user":"henderson","owner":true,"since":0,"read":0}]}}"##,
        r##""key":"k\u202e1","text":"with a key"}}"##,
        r#""key":"k2","deleted":true,"text":""}}"#,
    ] {
        assert!(first.contains(line), "{line} in {first}");
    }
    let bench = first.lines().find(|line| line.contains(r##""name":"#bench""##)).unwrap();
    assert!(
        bench.contains(r#"{"user":"ana","invited":true,"since":0,"read":0},{"user":"henderson","since":"#),
        "{bench}"
    );
    assert!(
        first.lines().any(|line| line.contains("from one who leaves") && line.contains(r#""former":true"#)),
        "{first}"
    );
    assert!(first.ends_with("\"rooms\":2,\"messages\":5,\"keys\":2}}\n"), "{first}");

    // On the clock of the first one, so that its keys are not old.
    let copy = Chat::new(Config { clock: Box::new(ManualClock::default()), ..Config::default() });
    copy.restore(&mut first.as_bytes()).unwrap();
    assert_eq!(dump(&copy), first);
    let [messi, henderson, ana] = ["messi", "henderson", "ana"].map(|user| copy.login(user, "surabaya").unwrap());
    assert_eq!(messi.send("henderson", "x").unwrap_err().code(), "blocked");
    assert_eq!(messi.send_with_key("#bench", "x", "k2").unwrap_err().code(), "key_reused");
    let texts = |session: &chat_lib::Session| {
        let page = session.history("#bench", Position::After(MessageId::NONE), 9).unwrap();
        page.messages.iter().map(|message| message.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&messi), ["before the others", "from one who leaves", "with a key", ""]);
    assert_eq!(texts(&henderson), ["from one who leaves", "with a key", ""], "who joined later sees less");
    ana.join_room("#bench").unwrap();
    assert!(texts(&ana).is_empty());
    assert_eq!(henderson.leave_room("#attack").unwrap_err().code(), "last_owner");
    assert_eq!(messi.room_inbox("#bench").unwrap().len(), 0);
    assert_eq!(henderson.room_inbox("#bench").unwrap().len(), 1);
}

#[test]
fn what_a_dump_says_of_rooms_is_checked() {
    let header = r#"{"chat_dump":{"version":5,"hashes":true}}"#;
    let user = r#"{"user":{"name":"ana","full_name":"Ana","country":""}}"#;
    let bob = r#"{"user":{"name":"bob","full_name":"Bob","country":""}}"#;
    let owner = r#"{"user":"ana","owner":true,"since":0,"read":0}"#;
    let room = |name: &str, title: &str, members: &str| {
        format!(r#"{{"room":{{"name":"{name}","title":"{title}","open":true,"members":[{members}]}}}}"#)
    };
    let good = &room("#a", "", owner);
    let message = r##"{"message":{"id":7,"to":"#a","from":"ana","from_name":"Ana","time":1,"key":"k","text":"x"}}"##;
    let key = r##"{"key":{"user":"ana","to":"#gone","key":"k","id":7,"time":1}}"##;
    let end = r#"{"end":{"users":1,"invitations":0,"blocks":0,"conversations":0,"rooms":1,"messages":1,"keys":1}}"#;
    restored(&[header, user, good, message, key, end].join("\n")).unwrap();
    let too_long = "x".repeat(65);
    for (problem, lines) in [
        ("line 4 of the dump: it is out of place", vec![header, user, good, bob]),
        ("line 5 of the dump: it is out of place", vec![header, user, good, message, good]),
        ("line 3 of the dump: a user cannot block", vec![header, user, r#"{"block":{"user":"ana","blocked":"ana"}}"#]),
        (
            "line 3 of the dump: one of them is no user",
            vec![header, user, r#"{"block":{"user":"ana","blocked":"x\ny"}}"#],
        ),
        ("line 3 of the dump: a room name is", vec![header, user, &room("a", "", owner)]),
        ("line 3 of the dump: a room name is", vec![header, user, &room("#a b", "", owner)]),
        ("line 3 of the dump: a title has", vec![header, user, &room("#a", "\\u001b[2J", owner)]),
        ("line 3 of the dump: a title has", vec![header, user, &room("#a", &too_long.repeat(4), owner)]),
        ("line 4 of the dump: one of its members is no user, or the room", vec![header, user, good, good]),
        (
            "line 3 of the dump: one of its members is no user, or the room",
            vec![header, user, &room("#a", "", r#"{"user":"bob","since":0,"read":0}"#)],
        ),
        (
            "line 3 of the dump: its members are not in order",
            vec![header, user, &room("#a", "", &format!("{owner},{owner}"))],
        ),
        (
            "line 3 of the dump: an owner cannot be invited",
            vec![header, user, &room("#a", "", r#"{"user":"ana","owner":true,"invited":true,"since":0,"read":0}"#)],
        ),
        (
            "line 3 of the dump: who is invited has read nothing",
            vec![header, user, &room("#a", "", r#"{"user":"ana","invited":true,"since":0,"read":1}"#)],
        ),
        (
            "line 3 of the dump: a member has read less",
            vec![header, user, &room("#a", "", r#"{"user":"ana","since":2,"read":1}"#)],
        ),
        (
            "line 3 of the dump: an id is too large",
            vec![header, user, &room("#a", "", r#"{"user":"ana","since":0,"read":9007199254740991}"#)],
        ),
        ("line 3 of the dump: the message is to nobody", vec![header, user, message]),
        (
            "line 4 of the dump: the message is to nobody or from nobody",
            vec![header, user, good, &message.replace("\"ana\"", "\"bob\"")],
        ),
        (
            "line 4 of the dump: it was deleted",
            vec![header, user, good, &message.replace("\"text\"", "\"deleted\":true,\"text\"")],
        ),
        ("line 4 of the dump: a key has", vec![header, user, good, &message.replace("\"k\"", "\"\"")]),
        ("line 4 of the dump: a key has", vec![header, user, good, &key.replace("\"k\"", &format!("\"{too_long}\""))]),
        ("line 4 of the dump: a room name is", vec![header, user, good, &key.replace("#gone", "#")]),
        ("line 4 of the dump: it is the key of no user", vec![header, user, good, &key.replace("ana", "bob")]),
        (
            "line 4 of the dump: the time is none",
            vec![header, user, good, &key.replace("\"time\":1", "\"time\":18446744073709551615")],
        ),
        (
            "line 6 of the dump: it counts other lines",
            vec![header, user, good, message, key, &end.replace("\"rooms\":1", "\"rooms\":0")],
        ),
    ] {
        let chat = Chat::memory();
        let refusal = chat.restore(&mut lines.join("\n").as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with(problem), "{refusal}, not {problem}");
        assert!(chat.users().unwrap().is_empty());
        // Nothing is left, so that a good one can be restored.
        assert!(dump(&chat).contains("\"rooms\":0,"));
        chat.restore(&mut [header, user, good, message, key, end].join("\n").as_bytes()).unwrap();
    }
}
