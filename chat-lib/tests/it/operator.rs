//! What an operator can do with one person and with rooms, and what others are told of it.

use std::fs;
use std::path::Path;

use chat_lib::limits::{ANNOUNCEMENT_BYTES, Limits};
use chat_lib::model::{HistoryMessage, MessageId};
use chat_lib::protocol::{Event, RoomChange};
use chat_lib::store::{Durable, Options, Position, RoomKeep, Standing};
use chat_lib::{Chat, Config, Events, RoomUpdate, Session};
use serde_json::{Value, json};

use crate::support::{cheap, demo_chat};

fn on_disk(directory: &Path) -> Chat {
    let store = Box::new(Durable::open(directory, Options::default()).unwrap());
    let chat = Chat::new(Config { store, password_cost: cheap(), ..Config::default() });
    chat.add_demo_users().unwrap();
    chat
}

fn demo_sessions(chat: &Chat) -> [Session; 3] {
    ["messi", "henderson", "lineker"].map(|user| chat.open_session(user).unwrap())
}

fn history(session: &Session, with: &str) -> Vec<HistoryMessage> {
    session.history(with, Position::After(MessageId::NONE), 100).unwrap().messages
}

fn next(events: &mut Events) -> Event {
    events.next().unwrap().unwrap()
}

/// What messi has in the chat, and others have besides.
fn converse(chat: &Chat) {
    let [messi, henderson, lineker] = demo_sessions(chat);
    messi.send("henderson", "sekret read").unwrap();
    henderson.inbox().unwrap();
    messi.send("henderson", "sekret unread").unwrap();
    messi.send("messi", "sekret notes").unwrap();
    henderson.send("messi", "to messi").unwrap();
    lineker.send("henderson", "nothing to do with messi").unwrap();
    for room in ["#bench", "#left"] {
        henderson.create_room(room, "A title", true).unwrap();
        messi.join_room(room).unwrap();
        messi.send(room, &format!("sekret in {room}")).unwrap();
        henderson.send(room, "by henderson").unwrap();
    }
    messi.leave_room("#left").unwrap();
    messi.block("lineker").unwrap();
}

/// How many times a text is in the files of a directory.
fn on_files(directory: &Path, text: &str) -> usize {
    let files = fs::read_dir(directory).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let count = |bytes: Vec<u8>| bytes.windows(text.len()).filter(|part| *part == text.as_bytes()).count();
    files.map(count).sum()
}

#[test]
fn an_erased_users_texts_are_gone_from_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let chat = on_disk(directory.path());
    converse(&chat);
    let secrets = || on_files(directory.path(), "sekret") + on_files(directory.path(), "Lionel");
    assert!(secrets() > 0, "texts are stored as they are");
    let henderson = chat.open_session("henderson").unwrap();
    let mut events = henderson.events().unwrap();
    assert_eq!(chat.erase_user("messi").unwrap(), 5);
    assert_eq!(secrets(), 0);

    let mut deleted = Vec::new();
    while deleted.len() < 4 {
        if let Event::Deleted { with, .. } = next(&mut events) {
            deleted.push(with.to_string());
        }
    }
    assert_eq!(deleted, ["messi", "messi", "#bench", "#left"]);
    let check = |chat: &Chat| {
        let henderson = chat.open_session("henderson").unwrap();
        for room in ["#bench", "#left"] {
            let said: Vec<_> = history(&henderson, room).into_iter().map(|it| (it.text, it.deleted)).collect();
            assert_eq!(said, [(String::new(), true), ("by henderson".to_owned(), false)]);
        }
        let inbox = chat.inbox_of("henderson").unwrap();
        assert!(inbox.iter().all(|message| !message.text.contains("sekret")));
        assert!(chat.users().unwrap().iter().all(|user| user.profile.user().as_str() != "messi"));
        assert_eq!(chat.room_members("#bench").unwrap().len(), 1);
        chat.check().unwrap();
    };
    check(&chat);
    assert_eq!(chat.erase_user("messi").unwrap_err().code(), "no_such_user");
    drop((events, henderson, chat));
    check(&on_disk_without_demo(directory.path()));
    assert_eq!(secrets(), 0);
}

/// Nobody could reach them any more, so they were not found, and stayed.
#[test]
fn an_erased_users_texts_are_gone_although_room_and_recipient_went_before() {
    let directory = tempfile::tempdir().unwrap();
    let chat = on_disk(directory.path());
    let [messi, henderson, lineker] = demo_sessions(&chat);
    lineker.create_room("#stays", "", true).unwrap();
    lineker.send("messi", "to messi").unwrap();
    lineker.send("#stays", &"much more than what is dropped ".repeat(100)).unwrap();
    messi.create_room("#del", "", true).unwrap();
    messi.send("#del", "sekret in #del").unwrap();
    messi.send("henderson", "sekret to henderson").unwrap();
    lineker.send("lineker", "a note, read").unwrap();
    lineker.inbox().unwrap();
    lineker.send("lineker", "a note").unwrap();
    drop(henderson);
    chat.remove_user("henderson").unwrap();
    chat.delete_room("#del").unwrap();
    let look = |chat: &Chat| {
        chat.check().unwrap();
        let lineker = chat.open_session("lineker").unwrap();
        let mut conversations = lineker.conversations(MessageId::MAX, 10).unwrap().entries;
        conversations.retain(|one| one.with.as_str() != "messi");
        (history(&lineker, "lineker"), history(&lineker, "#stays"), format!("{conversations:?}"))
    };
    let before = look(&chat);
    assert!(on_files(directory.path(), "sekret") > 0);
    assert_eq!(chat.erase_user("messi").unwrap(), 0);
    assert_eq!(on_files(directory.path(), "sekret") + on_files(directory.path(), "to messi"), 0);
    assert_eq!(look(&chat), before);
    drop((messi, lineker, chat));
    assert_eq!(look(&on_disk_without_demo(directory.path())), before);
    assert_eq!(on_files(directory.path(), "sekret"), 0);
}

fn on_disk_without_demo(directory: &Path) -> Chat {
    Chat::open(directory).unwrap()
}

#[test]
fn many_messages_are_erased_in_memory_too() {
    let chat = demo_chat(Limits::default()).0;
    let [messi, henderson, _] = demo_sessions(&chat);
    henderson.create_room("#bench", "", true).unwrap();
    messi.join_room("#bench").unwrap();
    for number in 0..2500 {
        messi.send("#bench", &format!("sekret {number}")).unwrap();
    }
    assert_eq!(chat.erase_user("messi").unwrap(), 2500);
    let mut dump = Vec::new();
    chat.dump(true, &mut dump).unwrap();
    let dump = String::from_utf8(dump).unwrap();
    assert!(!dump.contains("sekret") && dump.matches("\"deleted\":true").count() == 2500);
    assert_eq!(messi.send("#bench", "more").unwrap_err().code(), "no_such_session");
}

#[test]
fn an_export_is_all_of_one_user_and_nothing_of_others() {
    let chat = demo_chat(Limits::default()).0;
    converse(&chat);
    let [messi, henderson, _] = demo_sessions(&chat);
    messi.send_with_key("lineker", "keyed", "own").unwrap();
    henderson.send_with_key("messi", "keyed by henderson", "hidden").unwrap();
    let mut out = Vec::new();
    chat.export_user("messi", &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter_map(|line| line.get(kind)).collect::<Vec<_>>();
    assert_eq!(lines[0], json!({"chat_user": {"version": 1, "user": "messi"}}));
    assert_eq!(of("user"), [&json!({"name": "messi", "full_name": "Lionel Messi", "country": "Argentina"})]);
    assert_eq!(of("session").len(), 2);
    assert!(of("session").iter().all(|session| session["from"].is_null() && session["opened"].is_u64()));
    assert_eq!(of("block"), [&json!({"user": "messi", "blocked": "lineker"})]);
    let with: Vec<_> = of("conversation").iter().map(|it| it["with"].as_str().unwrap()).collect();
    assert_eq!(with, ["henderson", "lineker", "messi"]);
    assert_eq!(of("room").len(), 1);
    assert_eq!((&of("room")[0]["name"], &of("room")[0]["me"]["user"]), (&json!("#bench"), &json!("messi")));
    let texts: Vec<_> = of("message").iter().map(|message| message["text"].as_str().unwrap()).collect();
    let sent = ["sekret read", "sekret unread", "sekret notes", "to messi", "sekret in #bench", "sekret in #left"];
    assert_eq!(texts, [&sent[..], &["keyed", "keyed by henderson"]].concat());
    assert_eq!(of("key").len(), 1);
    assert_eq!(of("end"), [&json!({"lines": lines.len() - 1})]);
    for hidden in ["argon2", "hidden", "by henderson\"", "nothing to do with", &messi.token().to_string()] {
        assert!(!text.replace("keyed by henderson", "").contains(hidden), "{hidden}: {text}");
    }
    assert_eq!(chat.export_user("nobody", &mut Vec::new()).unwrap_err().code(), "no_such_user");
}

#[test]
fn rooms_are_listed_and_deleted_by_an_operator() {
    let chat = demo_chat(Limits::default()).0;
    let [messi, henderson, lineker] = demo_sessions(&chat);
    henderson.create_room("#bench", "A title", false).unwrap();
    henderson.invite("#bench", "messi").unwrap();
    lineker.create_room("#other", "", true).unwrap();
    let rooms = chat.rooms().unwrap();
    let shown: Vec<_> = rooms.iter().map(|room| (room.name.as_str(), &*room.title, room.open, room.members)).collect();
    assert_eq!(shown, [("#bench", "A title", false, 1), ("#other", "", true, 1)]);
    let members = chat.room_members("#bench").unwrap();
    let members: Vec<_> = members.iter().map(|it| (it.user.user().as_str(), it.standing)).collect();
    assert_eq!(members, [("henderson", Standing::Owner), ("messi", Standing::Invited)]);

    let mut events = henderson.events().unwrap();
    chat.delete_room("#bench").unwrap();
    let told = next(&mut events);
    assert!(matches!(&told, Event::Room { room, change: RoomChange::Deleted, .. } if room.as_str() == "#bench"));
    assert_eq!(chat.rooms().unwrap().len(), 1);
    assert_eq!(messi.join_room("#bench").unwrap_err().code(), "no_such_room");
    for refused in [chat.delete_room("#bench"), chat.room_members("#bench").map(drop)] {
        assert_eq!(refused.unwrap_err().code(), "no_such_room");
    }
}

#[test]
fn the_limits_of_a_room_are_kept_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let chat = on_disk(directory.path());
    let [messi, henderson, _] = demo_sessions(&chat);
    messi.create_room("#bench", "", true).unwrap();
    henderson.join_room("#bench").unwrap();
    messi.send("#bench", "halo").unwrap();
    let mut keep = RoomKeep::default();
    for (name, limit) in [("keep_for", "forever"), ("keep_messages", "1000"), ("keep_bytes", "8GiB")] {
        keep.set(name, limit).unwrap();
    }
    chat.set_room_keep("#bench", keep).unwrap();
    assert_eq!(chat.set_room_keep("#none", keep).unwrap_err().code(), "no_such_room");
    let update = RoomUpdate { title: Some("Title"), ..RoomUpdate::default() };
    messi.set_room("#bench", update).unwrap();
    drop((messi, henderson, chat));
    let chat = on_disk_without_demo(directory.path());
    let room = chat.rooms().unwrap().remove(0);
    assert_eq!((room.keep, &*room.title, room.members), (keep, "Title", 2));
    let henderson = chat.open_session("henderson").unwrap();
    assert_eq!(henderson.room_inbox("#bench").unwrap().len(), 1);
    chat.check().unwrap();
}

#[test]
fn an_announcement_is_told_to_all_who_are_there() {
    let (chat, clock) = demo_chat(Limits::default());
    let [messi, henderson, _] = demo_sessions(&chat);
    assert_eq!(chat.announce("nobody is there").unwrap(), 0);
    let mut events = [&messi, &messi, &henderson].map(|session| session.events().unwrap());
    assert_eq!(chat.announce("Down at noon\n").unwrap(), 3);
    for events in &mut events {
        let announcement = std::iter::repeat_with(|| next(events)).find(|it| matches!(it, Event::Announcement { .. }));
        let time = chat_lib::clock::Clock::now(&clock);
        assert_eq!(announcement, Some(Event::Announcement { text: "Down at noon\n".to_owned(), time }));
    }
    for blank in ["", " \n"] {
        assert_eq!(chat.announce(blank).unwrap_err().code(), "bad_parameters");
    }
    let long = "x".repeat(ANNOUNCEMENT_BYTES + 1);
    assert_eq!(chat.announce(&long).unwrap_err().code(), "line_too_long");
    assert_eq!(chat.announce(&long[1..]).unwrap(), 3);
}
