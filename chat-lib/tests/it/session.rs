//! A session has the same methods, results and errors on a chat in the process and on a connection to a server.

use std::fmt::Debug;
use std::sync::Arc;

use chat_lib::clock::ManualClock;
use chat_lib::limits::Limits;
use chat_lib::model::{HistoryMessage, MessageId, Registration};
use chat_lib::protocol::ConversationView;
use chat_lib::store::{HistoryPage, Position};
use chat_lib::{Chat, Client, Config, Error, NewUser, RoomUpdate, Sent, Session};

use crate::support::{Running, cheap};

const FAILED_LOGINS: u32 = 2;

fn chat(registration: Registration) -> Chat {
    let limits = Limits { failed_logins: FAILED_LOGINS, line_bytes: 2000, mailbox_messages: 3, ..Limits::default() };
    // Waiting times are then the same in every run.
    let clock = Box::new(Arc::new(ManualClock::default()));
    let chat = Chat::new(Config { limits, password_cost: cheap(), registration, clock, ..Config::default() });
    chat.add_demo_users().unwrap();
    chat
}

/// Where to log in.
trait Place {
    fn login(&self, user: &str, password: &str) -> Result<Session, Error>;
    fn register(&self, user: &str, password: &str, full_name: &str, code: Option<&str>) -> Result<Session, Error>;
}

impl Place for Chat {
    fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        Chat::login(self, user, password)
    }

    fn register(&self, user: &str, password: &str, full_name: &str, code: Option<&str>) -> Result<Session, Error> {
        Chat::register(self, user, password, full_name, code)
    }
}

impl Place for Client {
    fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        Client::login(self, user, password)
    }

    fn register(&self, user: &str, password: &str, full_name: &str, code: Option<&str>) -> Result<Session, Error> {
        Client::register(self, user, password, full_name, code)
    }
}

/// All that a user can do, and get wrong, as text.
fn story(place: &dyn Place, closed: &dyn Place) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, outcome: Result<String, Error>| told.push(format!("{what}: {outcome:?}"));
    let unit = |outcome: Result<(), Error>| outcome.map(|()| "done".to_owned());
    let sent = |outcome: Result<Sent, Error>| outcome.map(|sent| format!("sent at {}", sent.time.as_millis()));
    let messi = place.login("messi", "surabaya").unwrap();
    let ana = place.register("ana", "secret", "Ana Lima", None).unwrap();
    tell("users", Ok(format!("{} {}", messi.user(), ana.user())));
    tell("active", ana.active_users().map(|users| format!("{users:?}")));
    for text in ["halo", "", "two\nlines", "one too many"] {
        tell("send", sent(messi.send("ana", text)));
    }
    tell("send to nobody", sent(messi.send("nobody", "halo")));
    tell("send too much", sent(messi.send("ana", &"x".repeat(2001))));
    let inbox = ana.inbox().unwrap();
    for message in inbox.iter() {
        tell("message", Ok(format!("{} {} {:?}", message.from.full_name(), inbox.to(), message.body())));
    }
    tell("inbox", ana.inbox().map(|inbox| inbox.len().to_string()));
    tell("logout", unit(ana.logout()));
    tell("send", sent(ana.send("messi", "halo")));
    tell("inbox", ana.inbox().map(|inbox| inbox.len().to_string()));
    tell("active", ana.active_users().map(|users| users.len().to_string()));
    tell("logout", unit(ana.logout()));
    let user = |outcome: Result<Session, Error>| outcome.map(|session| session.user().to_owned());
    tell("login", user(place.login("nobody", "surabaya")));
    tell("register", user(closed.register("eva", "secret", "Eva", None)));
    tell("register", user(place.register("ana", "secret", "Ana", None)));
    tell("register", user(place.register("-", "secret", "Eva", None)));
    tell("register", user(place.register("eva", "secret", "", None)));
    tell("register", user(place.register("eva", &"x".repeat(1025), "Eva", None)));
    for _ in 0..=FAILED_LOGINS {
        tell("login", user(place.login("messi", "wrong")));
    }
    told
}

/// What a user can do with conversations, rooms and people, and get wrong, as text.
fn live_story(place: &dyn Place) -> Vec<String> {
    fn shown<T: Debug>(outcome: Result<T, Error>) -> String {
        format!("{outcome:?}")
    }
    let mut told = Vec::new();
    let mut tell = |what: &str, outcome: String| told.push(format!("{what}: {outcome}"));
    let login = |user| place.login(user, "surabaya").unwrap();
    let (messi, henderson, lineker) = (login("messi"), login("henderson"), login("lineker"));
    let texts = |page: Result<HistoryPage, Error>| {
        let text = |message: HistoryMessage| {
            let HistoryMessage { with, from, text, key, deleted, time, .. } = message;
            format!("{with} {} {} {text:?} {key:?} {deleted} {}", from.user(), from.full_name(), time.as_millis())
        };
        page.map(|page| (page.messages.into_iter().map(text).collect::<Vec<_>>(), page.more))
    };

    let first = messi.send_with_key("henderson", "halo\r\n{\"a\": 1}", "k 1").unwrap();
    tell("the same key", shown(messi.send_with_key("henderson", "other", "k 1").map(|sent| sent == first)));
    tell("a reused key", shown(messi.send_with_key("lineker", "halo", "k 1")));
    tell("no key", shown(messi.send_with_key("lineker", "halo", "")));
    let second = henderson.send("messi", "hai").unwrap();
    tell("history", shown(texts(messi.history("henderson", Position::Before(MessageId::MAX), 10))));
    tell("history", shown(texts(henderson.history("messi", Position::After(MessageId::NONE), 1))));
    tell("history", shown(texts(henderson.history("lineker", Position::After(MessageId::NONE), 1))));
    tell("history", shown(texts(henderson.history("nobody", Position::After(MessageId::NONE), 1))));
    let page = messi.sync(MessageId::NONE, 1).unwrap();
    tell("sync", format!("{:?} {}", page, page.next == first.id));
    tell("conversations", shown(messi.conversations(MessageId::MAX, 10).map(|list| list.entries[0].unread)));
    tell("read", shown(messi.read("henderson", second.id)));
    tell("read", shown(messi.read("lineker", MessageId::MAX)));
    tell("read", shown(messi.read("nobody", MessageId::MAX)));
    tell("typing", shown(messi.typing("henderson")));
    tell("typing", shown(messi.typing("nobody")));
    tell("delete", shown(henderson.delete(first.id)));
    tell("delete", shown(messi.delete(first.id)));
    tell("delete", shown(messi.delete(first.id)));
    tell("history", shown(texts(henderson.history("messi", Position::Before(second.id), 10))));
    let read_state = |session: &Session| {
        let list = session.conversations(MessageId::MAX, 10)?;
        let state = |view: &ConversationView| {
            let (last, members) = (view.last.as_ref().map(|last| last.id), view.members.len());
            let of_last = (last == Some(second.id), view.read == second.id);
            format!("{} {} {of_last:?} {members}", view.with, view.unread)
        };
        Ok::<_, Error>((list.entries.iter().map(state).collect::<Vec<_>>(), list.more))
    };
    tell("conversations", shown(read_state(&messi)));
    tell("conversations", shown(read_state(&lineker)));

    tell("to all", shown(messi.send_to_all(&["henderson", "lineker", "lineker"], "semua")));
    tell("to all", shown(messi.send_to_all(&["henderson", "nobody"], "semua")));
    tell("to all", shown(messi.send_to_all(&[], "semua")));
    tell("inbox", shown(lineker.inbox().map(|inbox| inbox.len())));

    tell("users", shown(messi.users("", 2)));
    tell("users", shown(messi.users("lineker", 100)));
    tell("block", shown(messi.block("lineker")));
    tell("block", shown(messi.block("nobody")));
    tell("blocked", shown(lineker.send("messi", "halo")));
    tell("blocks", shown(messi.blocks()));
    tell("unblock", shown(messi.unblock("lineker")));
    tell("unblock", shown(messi.unblock("nobody")));
    tell("blocks", shown(messi.blocks()));

    tell("create", shown(messi.create_room("#bench", "The bench", true)));
    tell("create", shown(messi.create_room("#bench", "", true)));
    tell("create", shown(messi.create_room("bench", "", true)));
    tell("create", shown(messi.create_room("#board", "\n", true)));
    tell("create", shown(messi.create_room("#board", "", false)));
    tell("join", shown(henderson.join_room("#bench")));
    tell("join", shown(henderson.join_room("#board")));
    tell("join", shown(henderson.join_room("#nowhere")));
    tell("send", shown(henderson.send("#bench", "to the bench").map(drop)));
    tell("send", shown(lineker.send("#bench", "to the bench").map(drop)));
    tell("send", shown(lineker.send("#nowhere", "to nowhere").map(drop)));
    tell("history", shown(texts(messi.history("#bench", Position::Before(MessageId::MAX), 10))));
    tell("history", shown(texts(lineker.history("#bench", Position::Before(MessageId::MAX), 10))));
    let bodies = |session: &Session| {
        let inbox = session.room_inbox("#bench")?;
        let bodies = inbox.iter().map(|message| format!("{} {}", message.from.full_name(), message.body()));
        Ok::<_, Error>(bodies.collect::<Vec<_>>())
    };
    tell("room inbox", shown(bodies(&messi)));
    tell("room inbox", shown(bodies(&messi)));
    tell("room inbox", shown(bodies(&lineker)));
    tell("invite", shown(messi.invite("#board", "lineker")));
    tell("invite", shown(messi.invite("#board", "nobody")));
    tell("invite", shown(henderson.invite("#board", "lineker")));
    tell("rooms", shown(lineker.rooms("", 100)));
    tell("rooms", shown(henderson.rooms("", 1)));
    tell("join", shown(lineker.join_room("#board")));
    tell("members", shown(messi.members("#board", "", 1)));
    tell("members", shown(messi.members("#board", "lineker", 100)));
    tell("members", shown(henderson.members("#board", "", 100)));
    tell("remove", shown(lineker.remove_from_room("#board", "messi")));
    tell("remove", shown(messi.remove_from_room("#board", "lineker")));
    tell("leave", shown(messi.leave_room("#bench")));
    let owners = Some(&["henderson", "messi"][..]);
    tell("set", shown(henderson.set_room("#bench", RoomUpdate { title: Some("Mine"), ..RoomUpdate::default() })));
    tell("set", shown(messi.set_room("#bench", RoomUpdate { title: None, open: Some(false), owners })));
    tell("leave", shown(messi.leave_room("#bench")));
    tell("rooms", shown(messi.rooms("", 100)));
    tell("delete", shown(messi.delete_room("#bench")));
    tell("delete", shown(henderson.delete_room("#bench")));

    tell("profile", shown(lineker.set_profile(Some("Gary"), None)));
    tell("profile", shown(lineker.set_profile(None, Some("England"))));
    tell("profile", shown(lineker.set_profile(Some(""), None)));
    tell("users", shown(messi.users("henderson", 1)));
    let other = login("lineker");
    let sessions = lineker.sessions().unwrap();
    tell("sessions", format!("{:?}", sessions.iter().map(|session| session.current).collect::<Vec<_>>()));
    tell("end", shown(lineker.end_session(&sessions[1].session)));
    tell("end", shown(lineker.end_session("0")));
    tell("ended", shown(other.logout()));
    let other = login("lineker");
    tell("password", shown(lineker.set_password("wrong", "rahasia")));
    tell("password", shown(lineker.set_password("surabaya", "")));
    tell("password", shown(lineker.set_password("surabaya", "rahasia")));
    tell("ended", shown(other.logout()));
    tell("login", shown(place.login("lineker", "rahasia").map(drop)));
    tell("goes on", shown(lineker.logout()));
    told
}

#[test]
fn live_chat_is_the_same_on_both_sides() {
    let open = || {
        let limits = Limits { mailbox_messages: 100, ..Limits::default() };
        let clock = Box::new(Arc::new(ManualClock::default()));
        let chat = Chat::new(Config { limits, password_cost: cheap(), clock, ..Config::default() });
        chat.add_demo_users().unwrap();
        chat
    };
    let here = live_story(&open());
    let server = Running::new(open());
    let there = live_story(&Client::connect(server.address).unwrap());
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
    for part in [
        "KeyReused",
        "Blocked",
        "NotAMember",
        "LastOwner",
        "NotAnOwner",
        "WrongPassword",
        "NoSuchMessage",
        "entries: [RoomView { room: \"#board\"",
        "title: \"The bench\"",
        "k 1",
        "full_name: \"Gary\", country: \"England\"",
    ] {
        assert!(there.iter().any(|line| line.contains(part)), "{part} is not in {there:#?}");
    }
}

/// A full mailbox was one error in the process, and another one over a connection.
#[test]
fn a_user_sees_no_difference() {
    let (server, closed_server) = (Running::new(chat(Registration::Open)), Running::new(chat(Registration::Closed)));
    let remote = (Client::connect(server.address).unwrap(), Client::connect(closed_server.address).unwrap());
    let there = story(&remote.0, &remote.1);
    assert_eq!(story(&chat(Registration::Open), &chat(Registration::Closed)), there);
    for variant in ["MailboxFull", "LineTooLong { limit: 2000 }", "TooManyAttempts", "UserExists", "RegistrationClosed"]
    {
        assert!(there.iter().any(|line| line.contains(variant)), "{variant} is not in {there:#?}");
    }
}

#[test]
fn a_session_outlives_its_handle_and_its_connection() {
    let chat = chat(Registration::Closed);
    let server = Running::new(chat.clone());
    let token = Client::connect(server.address).unwrap().login("messi", "surabaya").unwrap().token();
    let messi = chat.session(token).unwrap();
    assert_eq!((messi.user(), messi.token()), ("messi", token));
    drop(messi.clone());
    messi.send("messi", "halo").unwrap();
    let remote = Client::connect(server.address).unwrap().session_of("messi", token);
    assert_eq!(remote.inbox().unwrap().len(), 1);
    remote.logout().unwrap();
    assert!(matches!(chat.session(token), Err(Error::NoSuchSession)));
    assert!(matches!(chat.session_of("messi", token).inbox(), Err(Error::NoSuchSession)));
}

#[test]
fn an_operator_opens_and_ends_sessions() {
    let chat = chat(Registration::Closed);
    for _ in 0..FAILED_LOGINS {
        chat.login("messi", "wrong").unwrap_err();
    }
    let opened = chat.open_session("messi").unwrap();
    let henderson = chat.login("henderson", "surabaya").unwrap();
    opened.send("henderson", "halo").unwrap();
    assert_eq!(henderson.inbox().unwrap().iter().next().unwrap().from.user().as_str(), "messi");
    assert!(matches!(chat.login("messi", "surabaya"), Err(Error::TooManyAttempts { .. })), "it is no login");
    assert!(matches!(chat.open_session("nobody"), Err(Error::NoSuchUser)));

    chat.end_sessions("messi").unwrap();
    assert!(matches!(opened.inbox(), Err(Error::NoSuchSession)));
    assert_eq!(henderson.active_users().unwrap().len(), 1);
    chat.open_session("messi").unwrap().inbox().unwrap();
    assert!(matches!(chat.end_sessions("nobody"), Err(Error::NoSuchUser)));
}

#[test]
fn a_session_is_shared_by_threads_and_shows_no_token() {
    fn shared<T: Send + Sync>(_: &T) {}
    let chat = chat(Registration::Closed);
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    shared(&client);
    for session in [chat.login("messi", "surabaya").unwrap(), client.login("messi", "surabaya").unwrap()] {
        shared(&session);
        assert!(!format!("{session:?} {client:?}").contains(&session.token().to_string()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| session.send("henderson", "halo").unwrap());
            }
        });
        assert_eq!(chat.inbox_of("henderson").unwrap().len(), 2);
    }
}

/// A line of 60,000 bytes to 1,000 users was 60 MB of messages, for which everybody else waited half a second.
#[test]
fn one_request_stores_so_much_and_no_more() {
    let chat = Chat::new(Config { password_cost: cheap(), ..Config::default() });
    let users: Vec<_> = (0..100).map(|number| format!("user{number}")).collect();
    chat.add_demo_users().unwrap();
    for name in &users {
        chat.add_user(NewUser { name, password: "secret", full_name: name, country: "" }).unwrap();
    }
    let to: Vec<_> = users.iter().map(String::as_str).collect();
    let messi = chat.login("messi", "surabaya").unwrap();
    messi.send_to_all(&to, &"x".repeat(41_000)).unwrap();
    let refused = messi.send_to_all(&to, &"x".repeat(42_000));
    assert!(matches!(refused, Err(Error::TooManyRecipients)), "{refused:?}");
    assert_eq!(chat.login("user0", "secret").unwrap().inbox().unwrap().len(), 1);
    messi.send_to_all(&to[..50], &"x".repeat(42_000)).unwrap();
}
