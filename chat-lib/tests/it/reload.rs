//! Settings that change while a chat is in use.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use chat_lib::settings::Settings;
use chat_lib::{Chat, Config, Connection, NewUser, Outbox};

use crate::support::{Person, Running, cheap, config, send};

fn changed(chat: &Chat, settings: &Settings) -> Vec<&'static str> {
    chat.reload(settings).iter().map(|setting| setting.name).collect()
}

#[test]
fn only_what_changes_is_reported() {
    let chat = Chat::new(config());
    let mut settings = Settings::default();
    settings.password_cost = cheap();
    assert!(changed(&chat, &settings).is_empty());
    settings.limits.mailbox_messages = 1;
    settings.limits.rooms_per_user = 2;
    assert_eq!(changed(&chat, &settings), ["mailbox_messages", "rooms_per_user"]);
    assert!(changed(&chat, &settings).is_empty());
    assert_eq!((chat.limits().mailbox_messages, chat.limits().rooms_per_user), (1, 2));
    // It is the store's, and cannot change while that is open.
    settings.set("sync", "never").unwrap();
    assert!(changed(&chat, &settings).is_empty());
}

#[test]
fn there_is_no_end_to_changes() {
    let chat = Chat::new(config());
    let mut settings = Settings::default();
    for messages in 1..1000 {
        settings.limits.mailbox_messages = messages;
        assert!(changed(&chat, &settings).contains(&"mailbox_messages"));
        assert_eq!(chat.limits().mailbox_messages, messages);
    }
}

#[test]
fn limits_hold_from_the_next_request_on() {
    let chat = Chat::new(config());
    let (ana, _) = (Person::new(&chat, "ana"), Person::new(&chat, "bob"));
    let mut settings = Settings::default();
    settings.limits.mailbox_messages = 1;
    ana.sends("bob", "one");
    chat.reload(&settings);
    assert_eq!(ana.refused(send("bob", "two")), "mailbox_full");
    settings.limits.mailbox_messages = 2;
    chat.reload(&settings);
    ana.sends("bob", "two");
}

#[test]
fn registration_and_the_cost_of_passwords_change() {
    let chat = Chat::new(config());
    let register = |name: &str| {
        let request = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"register","params":{{"user":"{name}","password":"pw-of-{name}","name":"A"}}}}"#
        );
        String::from_utf8(chat.answer(request.as_bytes())).unwrap()
    };
    let refused = register("ana");
    assert!(refused.contains("registration_closed"), "{refused}");
    let mut settings = Settings::default();
    settings.password_cost = cheap();
    settings.set("registration", "open").unwrap();
    chat.reload(&settings);
    assert!(register("ana").contains("\"result\""), "{}", register("ana"));
    assert!(
        String::from_utf8(chat.answer(br#"{"jsonrpc":"2.0","id":1,"method":"server"}"#))
            .unwrap()
            .contains("\"registration\":true")
    );
    settings.set("registration", "closed").unwrap();
    settings.set("password_cost", "16,1,1").unwrap();
    assert_eq!(changed(&chat, &settings), ["registration", "password_cost"]);
    assert!(register("bob").contains("registration_closed"));
    chat.add_user(NewUser { name: "carl", password: "secret", full_name: "Carl", country: "" }).unwrap();
    let mut dump = Vec::new();
    chat.dump(true, &mut dump).unwrap();
    let dump = String::from_utf8(dump).unwrap();
    let hashes: Vec<&str> = dump.lines().filter(|line| line.contains("m=16,")).collect();
    assert!(hashes.len() == 1 && hashes[0].contains("carl"), "{dump}");
}

/// Also on a connection that is open, in the middle of a line.
#[test]
fn lines_are_held_to_the_limit_of_the_moment() {
    let chat = Chat::new(Config { password_cost: cheap(), ..Config::default() });
    let mut connection = Connection::new(chat.clone());
    let mut out = Outbox::new(&chat);
    let mut receive = |bytes: &[u8]| {
        assert_eq!(connection.receive(bytes, &mut out), bytes.len());
        String::from_utf8(out.take()).unwrap()
    };
    let mut settings = Settings::default();
    assert_eq!(receive(&b"x".repeat(1000)), "");
    settings.limits.line_bytes = 100;
    chat.reload(&settings);
    let refused = receive(b"x\r\n");
    assert!(refused.contains("line_too_long") && refused.contains("100"), "{refused}");
    assert!(receive(b"halo\r\n").contains("Command tidak benar"));
    // More than it began with.
    settings.limits.line_bytes = 100_000;
    chat.reload(&settings);
    assert_eq!(receive(&b"x".repeat(90_000)), "");
    assert!(receive(b"x\r\n").contains("Command tidak benar"));
}

#[test]
fn a_server_goes_on_with_the_new_ones() {
    let server = Running::new(Chat::new(config()));
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut settings = Settings::default();
    settings.limits.line_time = Duration::from_millis(1);
    server.chat.reload(&settings);
    stream.write_all(b"half a li").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it was closed in time");
    server.stop();
}
