//! Dumps: all that a chat keeps, as text and back.

use std::sync::Arc;

use chat_lib::limits::Limits;
use chat_lib::store::{Memory, Store};
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
    assert!(first.starts_with("{\"chat_dump\":{\"version\":2,\"hashes\":true}}\n"), "{first}");
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

struct Faultless;

impl Fault for Faultless {}

#[test]
fn a_dump_that_cannot_be_is_refused() {
    let header = r#"{"chat_dump":{"version":2,"hashes":true}}"#;
    let user = r#"{"user":{"name":"ana","full_name":"Ana","country":""}}"#;
    let conversation = r#"{"conversation":{"members":[{"user":"ana","read":0}]}}"#;
    let message = r#"{"message":{"id":7,"to":"ana","from":"ana","from_name":"Ana","time":1,"text":"x"}}"#;
    let end = r#"{"end":{"users":1,"conversations":1,"messages":1}}"#;
    assert_eq!(bodies(&restored(&[header, user, conversation, message, end].join("\n")).unwrap(), "ana"), [" x\r\n"]);
    for (problem, lines) in [
        (
            "line 1 of the dump: it is version 1, and only 2 is",
            vec![r#"{"chat_dump":{"version":1,"hashes":true}}"#, user],
        ),
        ("line 1 of the dump: it is out of place", vec![user]),
        ("line 2 of the dump: it is out of place", vec![header, header]),
        ("line 4 of the dump: it is out of place", vec![header, user, conversation, user]),
        ("line 5 of the dump: it is out of place", vec![header, user, conversation, message, conversation]),
        ("line 6 of the dump: it is out of place", vec![header, user, conversation, message, end, end]),
        ("line 3 of the dump: the user is there twice", vec![header, user, user]),
        ("line 2 of the dump: its members are not one or two users", vec![header, conversation]),
        ("line 5 of the dump: the message is to nobody, or", vec![header, user, conversation, message, message]),
        (
            "line 5 of the dump: it counts other lines",
            vec![header, user, conversation, message, r#"{"end":{"users":1,"conversations":0,"messages":1}}"#],
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
