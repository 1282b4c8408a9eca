//! Accounts: making them, guessing their passwords, and what happens to hashes that became too cheap.

use std::sync::Arc;
use std::time::Duration;

use chat_lib::clock::ManualClock;
use chat_lib::limits::Limits;
use chat_lib::model::{PasswordCost, Registration};
use chat_lib::store::{Durable, Options};
use chat_lib::{Chat, Config, Connection, NewUser, Outbox};

fn cost(passes: u32) -> PasswordCost {
    PasswordCost::new(16, passes, 1).unwrap()
}

fn chat(config: Config) -> Chat {
    let chat = Chat::new(Config { password_cost: cost(2), ..config });
    chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "" }).unwrap();
    chat
}

fn ask(chat: &Chat, line: &str) -> String {
    String::from_utf8(chat.answer(line.as_bytes())).unwrap()
}

#[test]
fn people_register_where_they_may() {
    let closed = chat(Config::default());
    assert!(ask(&closed, "register bob b Bob").contains("\"code\": \"registration_closed\""));
    let open = chat(Config { registration: Registration::Open, ..Config::default() });
    let answer = ask(&open, "register bob b  Bob  B. \r\n");
    let registered = "{\"status\": \"OK\", \"message\": \"User Registered\", \"tokenid\": \"";
    let token = answer.strip_prefix(registered).unwrap().strip_suffix("\"}\r\n\r\n").unwrap();
    assert_eq!(ask(&open, &format!("activeuser {token}")), "{\"status\": \"OK\", \"message\": \"bob, \"}\r\n\r\n");
    assert!(ask(&open, "auth bob b").contains("tokenid"));
    assert_eq!(open.users().unwrap()[1].profile.full_name(), "Bob  B.");
    for (line, code) in [
        ("register bob c Bob", "user_exists"),
        ("register ana secret Ana", "user_exists"),
        ("register -x c X", "invalid_user_name"),
        ("register x c \r\n", "invalid_full_name"),
        ("register x  X Y", "invalid_password"),
    ] {
        assert!(ask(&open, line).contains(&format!("\"code\": \"{code}\"")), "{line}: {}", ask(&open, line));
    }
    assert!(ask(&open, "register x c\r\n").contains("Command tidak benar"));
    assert_eq!(open.users().unwrap().len(), 2);
}

#[test]
fn a_guesser_has_to_wait() {
    let clock = Arc::new(ManualClock::default());
    let chat = chat(Config { clock: Box::new(Arc::clone(&clock)), ..Config::default() });
    for _ in 0..Limits::default().failed_logins {
        assert!(ask(&chat, "auth ana wrong").contains("Password Salah"));
    }
    let refused = ask(&chat, "auth ana secret");
    assert!(refused.contains("\"code\": \"too_many_attempts\"") && refused.contains("in 1 s"), "{refused}");
    clock.advance(Duration::from_secs(1));
    assert!(ask(&chat, "auth ana secret").contains("tokenid"));
    assert!(ask(&chat, "auth ana wrong").contains("Password Salah"), "a success clears the count");
    for _ in 0..20 {
        assert!(ask(&chat, "auth nobody wrong").contains("User Tidak Ada"));
    }
}

/// Whoever had registered, and not logged in since, could be locked out from anywhere.
#[test]
fn to_register_is_to_have_logged_in_from_there() {
    let chat = Chat::new(Config { password_cost: cost(2), registration: Registration::Open, ..Config::default() });
    let from = |address: &str| Connection::with_peer(chat.clone(), format!("{address}:1").parse().unwrap());
    let ask = |connection: &mut Connection, line: &str| {
        let mut out = Outbox::new(&chat);
        assert_eq!(connection.receive(line.as_bytes(), &mut out), line.len());
        String::from_utf8(out.take()).unwrap()
    };
    let (mut home, mut stranger) = (from("192.0.2.1"), from("203.0.113.1"));
    assert!(ask(&mut home, "register bob secret Bob\r\n").contains("tokenid"));
    for _ in 0..Limits::default().failed_logins {
        assert!(ask(&mut stranger, "auth bob wrong\r\n").contains("Password Salah"));
    }
    assert!(ask(&mut stranger, "auth bob secret\r\n").contains("too_many_attempts"));
    assert!(ask(&mut home, "auth bob secret\r\n").contains("tokenid"));
}

/// An operator gave the user a new password, and it was refused for a quarter of an hour.
#[test]
fn a_new_password_works_at_once() {
    let chat = chat(Config::default());
    for _ in 0..Limits::default().failed_logins {
        assert!(ask(&chat, "auth ana wrong").contains("Password Salah"));
    }
    assert!(ask(&chat, "auth ana secret").contains("too_many_attempts"));
    chat.set_password("ana", "another").unwrap();
    assert!(ask(&chat, "auth ana another").contains("tokenid"));
}

#[test]
fn a_hash_that_became_too_cheap_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let open = |passes| {
        let store = Box::new(Durable::open(directory.path(), Options::default()).unwrap());
        Chat::new(Config { store, password_cost: cost(passes), ..Config::default() })
    };
    let hash = |chat: &Chat| {
        let mut dump = Vec::new();
        chat.dump(true, &mut dump).unwrap();
        let dump = String::from_utf8(dump).unwrap();
        dump.split_once("$argon2id$").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    let chat = open(2);
    chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "" }).unwrap();
    let first = hash(&chat);
    assert!(ask(&chat, "auth ana secret").contains("tokenid"));
    assert_eq!(hash(&chat), first);
    drop(chat);
    let chat = open(3);
    assert!(ask(&chat, "auth ana wrong").contains("Password Salah"));
    assert_eq!(hash(&chat), first, "only who knows the password can have it hashed");
    let token = ask(&chat, "auth ana secret");
    assert!(token.contains("tokenid") && hash(&chat).contains("t=3"));
    drop(chat);
    let chat = open(2);
    assert!(ask(&chat, "auth ana secret").contains("tokenid"));
    assert!(hash(&chat).contains("t=3"), "it does not get cheaper");
}

/// A stranger learns of the ban as little as of the password.
#[test]
fn a_banned_user_learns_it_with_the_right_password() {
    let chat = chat(Config::default());
    let ana = chat.login("ana", "secret").unwrap();
    chat.ban_user("ana").unwrap();
    assert_eq!(ana.inbox().unwrap_err().code(), "no_such_session");
    assert_eq!(chat.login("ana", "wrong").unwrap_err().code(), "wrong_password");
    assert_eq!(chat.login("ana", "secret").unwrap_err().code(), "banned");
    assert!(ask(&chat, "auth ana secret").contains("\"code\": \"banned\""));
    assert_eq!(chat.open_session("ana").unwrap_err().code(), "banned");
    assert!(chat.sessions().unwrap().is_empty());
    chat.unban_user("ana").unwrap();
    chat.login("ana", "secret").unwrap();
    assert_eq!(chat.ban_user("bob").unwrap_err().code(), "no_such_user");
}

#[test]
fn a_full_mailbox_refuses_until_it_is_read() {
    let limits = Limits { mailbox_messages: 2, ..Limits::default() };
    let chat = chat(Config { limits, ..Config::default() });
    let token = ask(&chat, "auth ana secret").split('"').nth(7).unwrap().to_owned();
    let send = || ask(&chat, &format!("send {token} ana halo"));
    assert!(send().contains("OK") && send().contains("OK"));
    assert!(send().contains("\"code\": \"mailbox_full\""));
    assert_eq!(ask(&chat, &format!("inbox {token}")).matches("halo").count(), 2);
    assert!(send().contains("OK"));
}

/// The database held the tokens themselves: whoever copied it could act as every user who was logged in.
#[test]
fn a_copied_database_opens_no_session() {
    let directory = tempfile::tempdir().unwrap();
    let chat = Chat::open(directory.path()).unwrap();
    chat.add_demo_users().unwrap();
    let token = chat.login("messi", "surabaya").unwrap().token();
    assert_eq!(chat.sessions().unwrap()[0].id, token.id());
    drop(chat);
    let text = token.to_string();
    let digits = text.replace('-', "");
    let bytes = u128::from_str_radix(&digits, 16).unwrap().to_be_bytes();
    let mut looked_at = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let kept = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [text.as_bytes(), digits.as_bytes(), &bytes] {
            assert!(!kept.windows(secret.len()).any(|window| window == secret));
        }
        looked_at += usize::from(kept.windows(32).any(|window| window == token.id().as_bytes()));
    }
    assert!(looked_at > 0, "the session is there");
    let chat = Chat::open(directory.path()).unwrap();
    assert_eq!(chat.session(token).unwrap().user(), "messi");
}
