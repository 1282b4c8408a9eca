//! What others are told of commands, beside messages: each event of protocol 2, and who gets it.

use std::time::Duration;

use chat_lib::limits::{TYPING_INTERVAL, TYPING_MEMBERS};
use chat_lib::model::MessageId;
use chat_lib::protocol::Command;
use chat_lib::{Chat, Connection, Outbox};

use crate::support::{Person, config, demo_chat};

/// Somebody's connection that has subscribed.
struct Listener {
    connection: Connection,
    out: Outbox,
}

impl Listener {
    fn new(person: &Person) -> Self {
        let chat = &person.chat;
        let mut listener = Self { connection: Connection::new(chat.clone()), out: Outbox::new(chat) };
        listener.asks("resume", &format!("{{\"token\":\"{}\"}}", person.token));
        listener.asks("subscribe", "{}");
        listener
    }

    fn asks(&mut self, method: &str, params: &str) {
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}\n");
        assert_eq!(self.connection.receive(line.as_bytes(), &mut self.out), line.len());
        let answer = String::from_utf8(self.out.take()).unwrap();
        assert!(answer.contains("\"result\""), "{method}: {answer}");
    }

    /// The events that have come, without messages and who comes and goes.
    fn hears(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        while self.connection.wants_turn(&self.out) {
            assert_eq!(self.connection.receive(b"", &mut self.out), 0);
            bytes.append(&mut self.out.take());
        }
        let text = String::from_utf8(bytes).unwrap();
        let events = text.lines().map(|line| {
            let event = line.strip_prefix("{\"jsonrpc\":\"2.0\",\"method\":\"").unwrap_or_else(|| panic!("{line}"));
            let event = event.replace("\"params\":", "").replace(['"', '{', '}'], "").replace(",", " ");
            event.trim().to_owned()
        });
        events.filter(|event| !event.starts_with("message ") && !event.starts_with("presence ")).collect()
    }
}

fn pair(chat: &Chat) -> ([Person; 2], [Listener; 2]) {
    let people = ["ana", "bob"].map(|name| Person::new(chat, name));
    let listeners = [Listener::new(&people[0]), Listener::new(&people[1])];
    (people, listeners)
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn whoever_reads_is_seen_to() {
    let chat = Chat::new(config());
    let ([ana, bob], [mut at_anas, mut at_bobs]) = pair(&chat);
    let ids = [(); 4].map(|()| ana.sends("bob", "halo"));
    let read = |upto| bob.does(Command::Read { with: "ana".into(), upto });
    read(ids[1]);
    let told = |with: &str, upto: MessageId| vec![format!("read with:{with} user:bob upto:{upto}")];
    assert_eq!(at_anas.hears(), told("bob", ids[1]));
    assert_eq!(at_bobs.hears(), told("ana", ids[1]));
    read(ids[0]);
    assert_eq!((at_anas.hears(), at_bobs.hears()), (nothing(), nothing()), "nothing has moved");
    bob.does(Command::Inbox);
    assert_eq!(at_anas.hears(), told("bob", ids[3]));
    let next = ana.sends("bob", "halo");
    chat.inbox_of("bob").unwrap();
    assert_eq!(at_anas.hears(), told("bob", next));
    at_bobs.hears();

    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    bob.does(Command::JoinRoom { room: "#a".into() });
    drop((at_anas.hears(), at_bobs.hears()));
    let in_room = ana.sends("#a", "halo");
    bob.does(Command::RoomInbox { room: "#a".into() });
    assert_eq!((at_anas.hears(), at_bobs.hears()), (nothing(), told("#a", in_room)));
}

#[test]
fn changes_of_a_room_are_told_to_its_members_and_whom_they_concern() {
    let chat = Chat::new(config());
    let ([ana, bob], [mut at_anas, mut at_bobs]) = pair(&chat);
    let room = || "#a".into();
    let bobs = || "bob".into();
    let set = |open| Command::SetRoom { room: room(), title: None, open, owners: None };
    let told = |change: &str, user: &str, by: &str| vec![format!("room room:#a change:{change} user:{user} by:{by}")];
    let mut both = |person: &Person, command: Command<'_>, anas: Vec<String>, bobs: Vec<String>| {
        let name = command.name();
        person.does(command);
        assert_eq!((at_anas.hears(), at_bobs.hears()), (anas, bobs), "{name}");
    };
    let create = Command::CreateRoom { room: room(), title: "".into(), open: true };
    both(&ana, create, told("created", "ana", "ana"), nothing());
    let invite = Command::InviteToRoom { room: room(), user: bobs() };
    both(&ana, invite.clone(), told("invited", "bob", "ana"), told("invited", "bob", "ana"));
    both(&ana, invite, nothing(), nothing());
    both(&bob, Command::JoinRoom { room: room() }, told("joined", "bob", "bob"), told("joined", "bob", "bob"));
    both(&bob, Command::JoinRoom { room: room() }, nothing(), nothing());
    both(&ana, set(Some(false)), told("set", "ana", "ana"), told("set", "ana", "ana"));
    both(&ana, set(Some(false)), nothing(), nothing());
    both(&ana, set(None), nothing(), nothing());
    let owners = |owner: &'static str| Command::SetRoom {
        room: room(),
        title: None,
        open: None,
        owners: Some(vec!["ana".into(), owner.into()]),
    };
    both(&ana, owners("bob"), told("set", "ana", "ana"), told("set", "ana", "ana"));
    both(&ana, owners("bob"), nothing(), nothing());
    both(&bob, Command::LeaveRoom { room: room() }, told("left", "bob", "bob"), told("left", "bob", "bob"));
    both(
        &ana,
        Command::InviteToRoom { room: room(), user: bobs() },
        told("invited", "bob", "ana"),
        told("invited", "bob", "ana"),
    );
    both(&bob, Command::JoinRoom { room: room() }, told("joined", "bob", "bob"), told("joined", "bob", "bob"));
    let remove = Command::RemoveFromRoom { room: room(), user: bobs() };
    both(&ana, remove, told("removed", "bob", "ana"), told("removed", "bob", "ana"));
    both(&ana, set(Some(true)), told("set", "ana", "ana"), nothing());
    both(&bob, Command::JoinRoom { room: room() }, told("joined", "bob", "bob"), told("joined", "bob", "bob"));
    both(&ana, Command::DeleteRoom { room: room() }, told("deleted", "ana", "ana"), told("deleted", "ana", "ana"));
}

#[test]
fn a_removed_user_leaves_their_rooms() {
    let chat = Chat::new(config());
    let ([ana, bob], [mut at_anas, mut at_bobs]) = pair(&chat);
    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    bob.does(Command::JoinRoom { room: "#a".into() });
    drop((at_anas.hears(), at_bobs.hears()));
    chat.remove_user("ana").unwrap();
    assert_eq!(
        at_bobs.hears(),
        ["room room:#a change:set user:bob by:bob", "room room:#a change:left user:ana by:ana"]
    );
    assert_eq!(at_anas.hears().last().unwrap(), "closed reason:session_ended");
}

#[test]
fn whoever_types_is_heard_at_intervals_by_those_who_may_know() {
    let (chat, clock) = demo_chat(Default::default());
    let ([ana, bob], [mut at_anas, mut at_bobs]) = pair(&chat);
    let typing = |person: &Person, with: &str| drop(person.does(Command::Typing { with: with.to_owned().into() }));
    typing(&ana, "bob");
    assert_eq!(at_bobs.hears(), nothing(), "they have never talked");
    ana.sends("bob", "halo");
    typing(&ana, "bob");
    typing(&ana, "bob");
    assert_eq!(at_bobs.hears(), ["typing with:ana user:ana"]);
    clock.advance(TYPING_INTERVAL - Duration::from_millis(1));
    typing(&ana, "bob");
    typing(&bob, "ana");
    assert_eq!((at_anas.hears(), at_bobs.hears()), (vec!["typing with:bob user:bob".to_owned()], nothing()));
    clock.advance(Duration::from_millis(1));
    typing(&ana, "bob");
    assert_eq!(at_bobs.hears().len(), 1);
    clock.advance(TYPING_INTERVAL);
    bob.does(Command::Block { user: "ana".into() });
    typing(&ana, "bob");
    typing(&bob, "ana");
    assert_eq!((at_anas.hears(), at_bobs.hears()), (nothing(), nothing()));

    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    let join = |person: &Person| drop(person.does(Command::JoinRoom { room: "#a".into() }));
    join(&bob);
    drop((at_anas.hears(), at_bobs.hears()));
    typing(&ana, "#a");
    assert_eq!(at_bobs.hears(), ["typing with:#a user:ana"], "rooms are as they were");
    (2..TYPING_MEMBERS).for_each(|number| join(&Person::new(&chat, &format!("user{number}"))));
    clock.advance(TYPING_INTERVAL);
    typing(&ana, "#a");
    assert!(at_bobs.hears().iter().any(|event| event.starts_with("typing")));
    join(&Person::new(&chat, "onemore"));
    clock.advance(TYPING_INTERVAL);
    typing(&ana, "#a");
    assert!(!at_bobs.hears().iter().any(|event| event.starts_with("typing")));
}

#[test]
fn a_deleted_message_is_told_of() {
    let chat = Chat::new(config());
    let ([ana, bob], [mut at_anas, mut at_bobs]) = pair(&chat);
    let id = ana.sends("bob", "oops");
    ana.does(Command::Delete { id });
    assert_eq!(at_anas.hears(), [format!("deleted with:bob id:{id}")]);
    assert_eq!(at_bobs.hears(), [format!("deleted with:ana id:{id}")]);
    assert_eq!(bob.refused(Command::Delete { id }), "no_such_message");
    assert_eq!(at_bobs.hears(), nothing());
}

/// Something that ends the session of a person.
type End<'a> = &'a dyn Fn(&Person);

/// Whatever ends a session, its connection is told.
#[test]
fn the_end_of_a_session_is_told_to_its_connection() {
    let chat = Chat::new(config());
    let other = Person::new(&chat, "ana");
    let short = |person: &Person| person.token.id().to_string()[..16].to_owned();
    let ends: [(&str, End<'_>); 7] = [
        ("logout", &|person| drop(person.does(Command::Logout))),
        ("session.end", &|person| {
            drop(Person::new(&chat, "ana").does(Command::EndSession { session: short(person).into() }))
        }),
        ("password", &|_| {
            let again = Person::new(&chat, "ana");
            drop(again.does(Command::SetPassword { old: "surabaya".into(), new: "surabaya".into() }));
        }),
        ("end_sessions", &|_| chat.end_sessions("ana").unwrap()),
        ("set_password", &|_| chat.set_password("ana", "surabaya").unwrap()),
        ("ban_user", &|_| {
            chat.ban_user("ana").unwrap();
            chat.unban_user("ana").unwrap();
        }),
        ("remove_user", &|_| chat.remove_user("ana").unwrap()),
    ];
    for (name, end) in ends {
        let person = Person::new(&chat, "ana");
        let mut listener = Listener::new(&person);
        end(&person);
        assert_eq!(listener.hears(), ["closed reason:session_ended"], "{name}");
    }
    assert_eq!(other.refused(Command::Sessions), "no_such_session");
}
