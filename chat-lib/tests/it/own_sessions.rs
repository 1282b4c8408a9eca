//! A user's own sessions: the list of them, ending one, going on with one, and a new password.

use std::sync::Arc;
use std::time::Duration;

use chat_lib::clock::{ManualClock, Timestamp};
use chat_lib::limits::{Limits, PASSWORD_BYTES, SESSIONS_PER_USER};
use chat_lib::model::Registration;
use chat_lib::protocol::{Command, Reply, Request, SessionView};
use chat_lib::{Chat, Config, Connection, Outbox};

use crate::support::{Person, config};

fn chat() -> (Chat, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = Config { clock: Box::new(Arc::clone(&clock)), ..config() };
    (Chat::new(config), clock)
}

fn sessions(person: &Person) -> Vec<SessionView> {
    match person.does(Command::Sessions) {
        Reply::Sessions(sessions) => sessions,
        other => panic!("{other:?}"),
    }
}

fn end(session: &str) -> Command<'_> {
    Command::EndSession { session: session.into() }
}

fn password<'a>(old: &'a str, new: &'a str) -> Command<'a> {
    Command::SetPassword { old: old.into(), new: new.into() }
}

fn resume(chat: &Chat, person: &Person) -> Result<Reply, chat_lib::Error> {
    chat.execute(&Request::new(Command::Resume { token: person.token }))
}

#[test]
fn a_user_sees_and_ends_their_own_sessions() {
    let (chat, clock) = chat();
    let first = Person::new(&chat, "ana");
    let bob = Person::new(&chat, "bob");
    clock.advance(Duration::from_secs(5));
    let mut connection = Connection::with_peer(chat.clone(), "192.0.2.1:7".parse().unwrap());
    let mut out = Outbox::new(&chat);
    assert_eq!(connection.receive(b"auth ana surabaya\r\n", &mut out), 19);
    let token = String::from_utf8(out.take()).unwrap().split('"').nth(7).unwrap().parse().unwrap();
    let second = Person { chat: chat.clone(), token };
    clock.advance(Duration::from_secs(5));

    let seen = sessions(&first);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].session, first.token.id().to_string()[..16]);
    assert_eq!((seen[0].current, seen[1].current), (true, false));
    assert_eq!((seen[0].from, seen[1].from), (None, Some("192.0.2.1:7".parse().unwrap())));
    let seconds = |seconds| Timestamp::EPOCH.after(Duration::from_secs(seconds));
    assert_eq!((seen[0].opened, seen[1].opened), (seconds(0), seconds(5)));
    assert_eq!((seen[0].last_used, seen[1].last_used), (seconds(10), seconds(5)));

    let others = sessions(&bob)[0].session.clone();
    for unknown in ["", "0", &others, &seen[1].session[..15], &second.token.id().to_string()] {
        assert_eq!(first.refused(end(unknown)), "no_such_session");
    }
    first.does(end(&seen[1].session));
    assert_eq!(second.refused(Command::Sessions), "no_such_session");
    assert_eq!(sessions(&first).len(), 1);
    assert_eq!(sessions(&bob).len(), 1);
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let (chat, clock) = chat();
    let [ana, other] = [(); 2].map(|()| Person::new(&chat, "ana"));
    assert_eq!(ana.refused(password("wrong", "new")), "wrong_password");
    for bad in ["", "two words", &"x".repeat(PASSWORD_BYTES + 1)] {
        assert_eq!(ana.refused(password("surabaya", bad)), "invalid_password");
    }
    assert!(sessions(&other).len() == 2 && chat.login("ana", "surabaya").is_ok());
    ana.does(password("surabaya", "new"));
    assert_eq!(other.refused(Command::Sessions), "no_such_session");
    assert_eq!(sessions(&ana).len(), 1);
    assert_eq!(chat.login("ana", "surabaya").unwrap_err().code(), "wrong_password");
    chat.login("ana", "new").unwrap();
    // Whoever has stolen a session must not find out the password with it.
    for _ in 0..Limits::default().failed_logins {
        assert_eq!(ana.refused(password("wrong", "x")), "wrong_password");
    }
    assert_eq!(ana.refused(password("new", "x")), "too_many_attempts");
    clock.advance(Duration::from_secs(60));
    ana.does(password("new", "newer"));
}

#[test]
fn a_session_is_resumed_with_its_token() {
    let (chat, clock) = chat();
    let ana = Person::new(&chat, "ana");
    let Reply::LoggedIn(login) = resume(&chat, &ana).unwrap() else { panic!() };
    assert_eq!((login.token, login.user.user().as_str()), (ana.token, "ana"));
    assert!(!login.epoch.is_empty());
    // It counts as a use.
    for _ in 0..3 {
        clock.advance(Limits::default().session_idle - Duration::from_secs(1));
        resume(&chat, &ana).unwrap();
    }
    chat.ban_user("ana").unwrap();
    assert_eq!(resume(&chat, &ana).unwrap_err().code(), "no_such_session");
    chat.unban_user("ana").unwrap();
    let ana = Person::new(&chat, "ana");
    assert!(matches!(ana.does(Command::Logout), Reply::LoggedOut));
    assert_eq!(resume(&chat, &ana).unwrap_err().code(), "no_such_session");
}

#[test]
fn anyone_may_ask_what_the_server_is() {
    let limits = Limits { room_members: 3, ..Limits::default() };
    let chat = Chat::new(Config { registration: Registration::Open, limits: limits.clone(), ..config() });
    let Reply::Server(info) = chat.execute(&Request::new(Command::Server)).unwrap() else { panic!() };
    assert_eq!(
        (&*info.version, info.registration, info.limits),
        (env!("CARGO_PKG_VERSION"), Registration::Open, limits)
    );
    assert!(matches!(chat.execute(&Request::new(Command::Ping)), Ok(Reply::Done)));
    assert_eq!(chat.execute(&Request::new(Command::Sessions)).unwrap_err().code(), "no_such_session");
}

/// Of messages that are sent one behind the other, the session is looked up once.
#[test]
fn a_session_that_ends_among_messages_sends_no_more() {
    let (chat, _) = chat();
    let person = Person::new(&chat, "ana");
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let mut answers = |lines: &str| -> Vec<bool> {
        assert_eq!(connection.receive(lines.as_bytes(), &mut out), lines.len());
        let answers = String::from_utf8(out.take()).unwrap();
        answers.lines().filter(|line| !line.is_empty()).map(|line| line.contains("\"OK\"")).collect()
    };
    let again = || Person { chat: chat.clone(), token: chat.open_session("ana").unwrap().token() };
    let send = |person: &Person| format!("send {} ana halo\r\n", person.token);
    let logout = format!("logout {}\r\n", person.token);
    assert_eq!(answers(&[send(&person), send(&person), logout, send(&person)].concat()), [true, true, true, false]);
    assert_eq!(chat.inbox_of("ana").unwrap().len(), 2);

    // A login too many ends the oldest session.
    let oldest = again();
    let logins = "auth ana surabaya\r\n".repeat(SESSIONS_PER_USER);
    let all = answers(&[send(&oldest), logins, send(&oldest)].concat());
    assert_eq!((all.first(), all.last(), all.len()), (Some(&true), Some(&false), SESSIONS_PER_USER + 2));

    // Another connection ends it between two pieces that are received.
    let other = again();
    assert_eq!(answers(&send(&other)), [true]);
    chat.end_sessions("ana").unwrap();
    assert_eq!(answers(&send(&other)), [false]);
}
