//! The commands that read messages, and `delete`: what a page holds, how cursors move, and what happens if somebody is removed
//! while a page is read.

use chat_lib::limits::Limits;
use chat_lib::model::MessageId;
use chat_lib::protocol::{Command, ConversationView, List, Reply};
use chat_lib::store::Position;
use chat_lib::{Chat, Config, Connection, Outbox};

use crate::support::{Person, config, history};

fn people<const N: usize>(names: [&str; N]) -> (Chat, [Person; N]) {
    let chat = Chat::new(config());
    let people = names.map(|name| Person::new(&chat, name));
    (chat, people)
}

fn room(owner: &Person, room: &str, members: &[&Person]) {
    owner.does(Command::CreateRoom { room: room.to_owned().into(), title: "".into(), open: true });
    for member in members {
        member.does(Command::JoinRoom { room: room.to_owned().into() });
    }
}

fn read(person: &Person, with: &str, upto: MessageId) -> usize {
    match person.does(Command::Read { with: with.to_owned().into(), upto }) {
        Reply::Read { unread } => unread,
        other => panic!("{other:?}"),
    }
}

fn conversations(person: &Person, before: MessageId, limit: usize) -> List<ConversationView> {
    match person.does(Command::Conversations { before, limit }) {
        Reply::Conversations(page) => page,
        other => panic!("{other:?}"),
    }
}

fn room_inbox(person: &Person, room: &str) -> Vec<String> {
    match person.does(Command::RoomInbox { room: room.to_owned().into() }) {
        Reply::RoomInbox(inbox) => inbox.iter().map(|message| message.text.trim().to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_conversation_is_read_page_by_page() {
    let (_, [ana, bob]) = people(["ana", "bob"]);
    assert!(ana.history("bob").is_empty());
    assert_eq!(ana.refused(history("nobody")), "no_such_conversation");
    let ids: Vec<MessageId> = (0..5).map(|number| ana.sends("bob", &format!("m{number}"))).collect();
    let page = |position, limit| match bob.does(Command::History { with: "ana".into(), position, limit }) {
        Reply::History(page) => {
            assert!(page.entries.iter().all(|message| message.with.as_str() == "ana"));
            (page.entries.into_iter().map(|message| message.text).collect::<Vec<_>>().join(" "), page.more)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(page(Position::Before(MessageId::MAX), 2), ("m3 m4".to_owned(), true));
    assert_eq!(page(Position::Before(ids[3]), 9), ("m0 m1 m2".to_owned(), false));
    assert_eq!(page(Position::After(ids[0]), 2), ("m1 m2".to_owned(), true));
    room(&ana, "#a", &[&bob]);
    ana.sends("#a", "all");
    bob.sends("ana", "back");
    let sync = |person: &Person, after| match person.does(Command::Sync { after, limit: 3 }) {
        Reply::Sync(page, next) => {
            (page.entries.into_iter().map(|message| message.text).collect::<Vec<_>>().join(" "), page.more, next)
        }
        other => panic!("{other:?}"),
    };
    let (texts, more, next) = sync(&bob, ids[1]);
    assert_eq!((&*texts, more), ("m2 m3 m4", true));
    let (texts, more, next) = sync(&bob, next);
    assert_eq!((&*texts, more), ("all back", false));
    assert_eq!(sync(&bob, next).0, "");
}

#[test]
fn a_cursor_moves_forward_only() {
    let (_, [ana, bob]) = people(["ana", "bob"]);
    assert_eq!(read(&bob, "ana", MessageId::MAX), 0);
    assert_eq!(bob.refused(Command::Read { with: "nobody".into(), upto: MessageId::MAX }), "no_such_conversation");
    let ids: Vec<MessageId> = (0..4).map(|_| ana.sends("bob", "halo")).collect();
    assert_eq!(read(&bob, "ana", MessageId::NONE), 4);
    assert_eq!(read(&bob, "ana", ids[1]), 2);
    assert_eq!(read(&bob, "ana", ids[0]), 2);
    let seen = conversations(&ana, MessageId::MAX, 9).entries;
    let read_by: Vec<_> = seen[0].members.iter().map(|(user, read)| (user.as_str(), *read)).collect();
    assert_eq!(read_by, [("ana", MessageId::NONE), ("bob", ids[1])]);
    assert_eq!(bob.chat.inbox_of("bob").unwrap().len(), 2);
    assert_eq!(read(&bob, "ana", MessageId::MAX), 0);
    room(&ana, "#a", &[&bob]);
    let last = ana.sends("#a", "x");
    assert_eq!(read(&bob, "#a", MessageId::NONE), 1);
    assert_eq!(read(&bob, "#a", last), 0);
}

#[test]
fn conversations_come_latest_first() {
    let (_, [ana, bob, eve]) = people(["ana", "bob", "eve"]);
    assert!(conversations(&ana, MessageId::MAX, 9).entries.is_empty());
    bob.sends("ana", "old");
    room(&ana, "#a", &[&eve]);
    room(&ana, "#empty", &[]);
    let in_room = eve.sends("#a", "in the room");
    ana.sends("ana", "a note");
    let all = conversations(&ana, MessageId::MAX, 9);
    let shown = all.entries.iter().map(|view| {
        let last = view.last.as_ref().map_or("", |last| &last.text);
        format!("{} {} {} {last}", view.with, view.unread, view.members.len())
    });
    assert_eq!(shown.collect::<Vec<_>>(), ["ana 1 1 a note", "#a 1 0 in the room", "bob 1 2 old", "#empty 0 0 "]);
    let names =
        |page: &List<ConversationView>| page.entries.iter().map(|view| view.with.to_string()).collect::<Vec<_>>();
    let first = conversations(&ana, MessageId::MAX, 1);
    assert_eq!((names(&first), first.more), (vec!["ana".to_owned()], true));
    let rest = conversations(&ana, in_room, 9);
    assert_eq!((names(&rest), rest.more), (vec!["bob".to_owned(), "#empty".to_owned()], false));
    // Those without a message have nothing that the next page could begin at.
    room(&ana, "#new", &[]);
    let page = conversations(&ana, in_room, 1);
    assert_eq!((names(&page), page.more), (vec!["bob".to_owned()], true));
    let bobs = page.entries[0].last.as_ref().unwrap().id;
    let rest = conversations(&ana, bobs, 1);
    assert_eq!((names(&rest), rest.more), (vec!["#empty".to_owned(), "#new".to_owned()], false));
}

#[test]
fn messages_are_deleted_by_their_senders_and_in_rooms_by_owners() {
    let (chat, [ana, bob, eve]) = people(["ana", "bob", "eve"]);
    let delete = |id| Command::Delete { id };
    let direct = ana.sends("bob", "oops");
    assert_eq!(bob.refused(delete(direct)), "not_your_message");
    assert_eq!(eve.refused(delete(direct)), "no_such_message");
    ana.does(delete(direct));
    assert_eq!(ana.refused(delete(direct)), "no_such_message");
    assert_eq!(bob.history("ana"), [""]);
    assert!(chat.inbox_of("bob").unwrap().is_empty());
    assert_eq!(read(&bob, "ana", MessageId::NONE), 0);

    room(&ana, "#a", &[&bob, &eve]);
    let [by_bob, by_eve, by_ana] = [&bob, &eve, &ana].map(|sender| sender.sends("#a", "x"));
    assert_eq!(bob.refused(delete(by_eve)), "not_your_message");
    assert_eq!(bob.refused(delete(by_ana)), "not_your_message");
    bob.does(delete(by_bob));
    ana.does(delete(by_eve));
    assert_eq!(eve.history("#a"), ["", "", "x"]);
    let gone = eve.sends("#a", "y");
    eve.does(Command::LeaveRoom { room: "#a".into() });
    assert_eq!(eve.refused(delete(gone)), "no_such_message");
    assert_eq!(ana.refused(delete(MessageId::NONE)), "no_such_message");
    assert_eq!(ana.refused(delete(MessageId::MAX)), "no_such_message");
}

#[test]
fn a_room_has_an_inbox_of_its_own() {
    let (chat, [ana, bob]) = people(["ana", "bob"]);
    room(&ana, "#a", &[&bob]);
    ana.sends("#a", "one");
    bob.sends("#a", "mine");
    ana.sends("bob", "direct");
    ana.sends("#a", "two");
    assert_eq!(room_inbox(&bob, "#a"), ["one", "two"]);
    assert!(room_inbox(&bob, "#a").is_empty());
    assert_eq!(chat.inbox_of("bob").unwrap().len(), 1);
    assert_eq!(read(&bob, "#a", MessageId::NONE), 0);
    assert_eq!(room_inbox(&ana, "#a"), ["mine"]);
    assert_eq!(bob.history("#a"), ["one", "mine", "two"]);
}

/// An answer that never left would have lost its messages.
#[test]
fn a_rooms_inbox_that_cannot_be_sent_is_unread_again() {
    let limits = Limits { reply_bytes: 100, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..config() });
    let [ana, bob] = ["ana", "bob"].map(|name| Person::new(&chat, name));
    room(&ana, "#a", &[&bob]);
    for _ in 0..20 {
        ana.sends("#a", "a message");
    }
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let line = format!("inboxgroup {} #a\r\n", bob.token);
    assert_eq!(connection.receive(line.as_bytes(), &mut out), line.len() - 1);
    assert!(
        out.output()
            .starts_with(b"{\"status\": \"OK\", \"messages\": [{\"msg_from\": \"ana\", \"msg\": \" a message\\r\\n\"}")
    );
    assert!(room_inbox(&bob, "#a").is_empty());
    out.abandon().unwrap();
    assert_eq!(room_inbox(&bob, "#a").len(), 20);
}

/// A page that was read before its reader was removed would have been handed out afterwards.
#[test]
fn who_is_removed_while_a_page_is_read_does_not_get_it() {
    let (chat, [ana, bob]) = people(["ana", "bob"]);
    room(&ana, "#a", &[&bob]);
    ana.sends("#a", "halo");
    let login =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resume\",\"params\":{{\"token\":\"{}\"}}}}\n", bob.token);
    for (method, refused) in [
        ("\"history\",\"params\":{\"with\":\"#a\"}", "\"not_a_member\""),
        ("\"read\",\"params\":{\"with\":\"#a\",\"upto\":9007199254740991}", "\"not_a_member\""),
        ("\"sync\",\"params\":{\"after\":0}", "\"messages\":[]"),
        ("\"conversations\"", "\"conversations\":[]"),
    ] {
        let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        assert_eq!(connection.receive(login.as_bytes(), &mut out), login.len());
        out.take();
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":{method}}}\n");
        let done = connection.step(line.as_bytes(), &mut out).job.unwrap().run();
        ana.does(Command::RemoveFromRoom { room: "#a".into(), user: "bob".into() });
        assert!(connection.finish_job(done, &mut out).is_none());
        let answer = String::from_utf8(out.take()).unwrap();
        assert!(answer.contains(refused) && !answer.contains("halo"), "{method}: {answer}");
        bob.does(Command::JoinRoom { room: "#a".into() });
    }
    ana.sends("#a", "one more");
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let line = format!("inboxgroup {} #a\r\n", bob.token);
    let done = connection.step(line.as_bytes(), &mut out).job.unwrap().run();
    ana.does(Command::RemoveFromRoom { room: "#a".into(), user: "bob".into() });
    assert!(connection.finish_job(done, &mut out).is_none());
    assert!(String::from_utf8(out.take()).unwrap().contains("\"not_a_member\""));
    bob.does(Command::JoinRoom { room: "#a".into() });
    ana.sends("#a", "one more");
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let line = format!("inboxgroup {} #a\r\n", bob.token);
    let done = connection.step(line.as_bytes(), &mut out).job.unwrap().run();
    chat.end_sessions("bob").unwrap();
    assert!(connection.finish_job(done, &mut out).is_none());
    assert!(String::from_utf8(out.take()).unwrap().contains("Informasi tidak ditemukan"));
}

/// Of two who read the same messages at once, one took them; the other one has to look again.
#[test]
fn a_reader_who_was_too_late_reads_again() {
    let (chat, [ana, bob]) = people(["ana", "bob"]);
    room(&ana, "#a", &[&bob]);
    ana.sends("#a", "halo");
    let line = format!("inboxgroup {} #a\r\n", bob.token);
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let done = connection.step(line.as_bytes(), &mut out).job.unwrap().run();
    assert_eq!(read(&bob, "#a", MessageId::MAX), 0);
    let again = connection.finish_job(done, &mut out).unwrap();
    assert!(connection.finish_job(again.run(), &mut out).is_none());
    assert_eq!(out.take(), b"{\"status\": \"OK\", \"messages\": []}\r\n\r\n");
}
