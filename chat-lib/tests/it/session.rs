//! A session has the same methods, results and errors on a chat in the process and on a connection to a server.

use std::sync::Arc;

use chat_lib::clock::ManualClock;
use chat_lib::limits::Limits;
use chat_lib::{Chat, Client, Config, Error, Session};

use crate::support::{Running, cheap};

const FAILED_LOGINS: u32 = 2;

fn chat(registration: bool) -> Chat {
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
    fn register(&self, user: &str, password: &str, full_name: &str) -> Result<Session, Error>;
}

impl Place for Chat {
    fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        Chat::login(self, user, password)
    }

    fn register(&self, user: &str, password: &str, full_name: &str) -> Result<Session, Error> {
        Chat::register(self, user, password, full_name)
    }
}

impl Place for Client {
    fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        Client::login(self, user, password)
    }

    fn register(&self, user: &str, password: &str, full_name: &str) -> Result<Session, Error> {
        Client::register(self, user, password, full_name)
    }
}

/// All that a user can do, and get wrong, as text.
fn story(place: &dyn Place, closed: &dyn Place) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, outcome: Result<String, Error>| told.push(format!("{what}: {outcome:?}"));
    let unit = |outcome: Result<(), Error>| outcome.map(|()| "done".to_owned());
    let messi = place.login("messi", "surabaya").unwrap();
    let ana = place.register("ana", "secret", "Ana Lima").unwrap();
    tell("users", Ok(format!("{} {}", messi.user(), ana.user())));
    tell("active", ana.active_users().map(|users| format!("{users:?}")));
    for text in ["halo", "", "two\nlines", "one too many"] {
        tell("send", unit(messi.send("ana", text)));
    }
    tell("send to nobody", unit(messi.send("nobody", "halo")));
    tell("send too much", unit(messi.send("ana", &"x".repeat(2001))));
    let inbox = ana.inbox().unwrap();
    for message in inbox.iter() {
        tell("message", Ok(format!("{} {} {:?}", message.from.full_name(), inbox.to(), message.body())));
    }
    tell("inbox", ana.inbox().map(|inbox| inbox.len().to_string()));
    tell("logout", unit(ana.logout()));
    tell("send", unit(ana.send("messi", "halo")));
    tell("inbox", ana.inbox().map(|inbox| inbox.len().to_string()));
    tell("active", ana.active_users().map(|users| users.len().to_string()));
    tell("logout", unit(ana.logout()));
    let user = |outcome: Result<Session, Error>| outcome.map(|session| session.user().to_owned());
    tell("login", user(place.login("nobody", "surabaya")));
    tell("register", user(closed.register("eva", "secret", "Eva")));
    tell("register", user(place.register("ana", "secret", "Ana")));
    tell("register", user(place.register("-", "secret", "Eva")));
    tell("register", user(place.register("eva", "secret", "")));
    tell("register", user(place.register("eva", &"x".repeat(1025), "Eva")));
    for _ in 0..=FAILED_LOGINS {
        tell("login", user(place.login("messi", "wrong")));
    }
    told
}

/// A full mailbox was one error in the process, and another one over a connection.
#[test]
fn a_user_sees_no_difference() {
    let (server, closed_server) = (Running::new(chat(true)), Running::new(chat(false)));
    let remote = (Client::connect(server.address).unwrap(), Client::connect(closed_server.address).unwrap());
    let there = story(&remote.0, &remote.1);
    assert_eq!(story(&chat(true), &chat(false)), there);
    for variant in ["MailboxFull", "LineTooLong { limit: 2000 }", "TooManyAttempts", "UserExists", "RegistrationClosed"]
    {
        assert!(there.iter().any(|line| line.contains(variant)), "{variant} is not in {there:#?}");
    }
}

#[test]
fn a_session_outlives_its_handle_and_its_connection() {
    let chat = chat(false);
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
    let chat = chat(false);
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
    let chat = chat(false);
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
