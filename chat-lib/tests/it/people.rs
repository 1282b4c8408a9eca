//! Users as they see each other: the list of them, one's own profile, and whom one has blocked.

use chat_lib::Chat;
use chat_lib::limits::COUNTRY_BYTES;
use chat_lib::protocol::{Command, Reply};

use crate::support::{Person, config, send};

fn chat() -> Chat {
    Chat::new(config())
}

fn users(person: &Person, after: &'static str, limit: usize) -> (Vec<String>, bool) {
    match person.does(Command::Users { after: after.into(), limit }) {
        Reply::Users(page) => {
            let shown = page.entries.iter().map(|user| {
                let told = if user.presence.is_some() { "!" } else { "" };
                format!("{} ({}, {}){told}", user.profile.user(), user.profile.full_name(), user.profile.country())
            });
            (shown.collect(), page.more)
        }
        other => panic!("{other:?}"),
    }
}

fn profile(full_name: Option<&'static str>, country: Option<String>) -> Command<'static> {
    Command::SetProfile { full_name: full_name.map(Into::into), country: country.map(Into::into) }
}

fn block(user: &str) -> Command<'_> {
    Command::Block { user: user.into() }
}

fn unblock(user: &str) -> Command<'_> {
    Command::Unblock { user: user.into() }
}

fn typing(with: &str) -> Command<'_> {
    Command::Typing { with: with.into() }
}

#[test]
fn everybody_is_listed_and_partners_are_told_who_is_there() {
    let chat = chat();
    let [ana, bob, eve] = ["ana", "bob", "eve"].map(|name| Person::new(&chat, name));
    assert_eq!(users(&ana, "", 2), (vec!["ana (ana, )".to_owned(), "bob (bob, )".to_owned()], true));
    assert_eq!(users(&ana, "bob", 2), (vec!["eve (eve, )".to_owned()], false));
    ana.sends("bob", "halo");
    let told = |person: &Person| users(person, "", 9).0.iter().filter(|user| user.ends_with('!')).count();
    assert_eq!([&ana, &bob, &eve].map(told), [1, 1, 0]);
    ana.does(block("bob"));
    assert_eq!([&ana, &bob, &eve].map(told), [0, 0, 0]);
}

#[test]
fn a_profile_is_ones_own() {
    let chat = chat();
    let [ana, bob] = ["ana", "bob"].map(|name| Person::new(&chat, name));
    ana.sends("bob", "before");
    ana.does(profile(Some("Ana Lima"), None));
    ana.does(profile(None, Some("Brasil".to_owned())));
    ana.does(profile(None, None));
    assert_eq!(ana.refused(profile(Some(" x"), Some("x".to_owned()))), "invalid_full_name");
    assert_eq!(ana.refused(profile(Some("x"), Some("x".repeat(COUNTRY_BYTES + 1)))), "invalid_country");
    assert_eq!(users(&bob, "", 1).0, ["ana (Ana Lima, Brasil)!"]);
    ana.sends("bob", "after");
    let inbox = chat.inbox_of("bob").unwrap();
    let names: Vec<_> = inbox.iter().map(|message| message.from.full_name().to_owned()).collect();
    assert_eq!(names, ["ana", "Ana Lima"]);
}

#[test]
fn who_is_blocked_cannot_write() {
    let chat = chat();
    let [ana, bob] = ["ana", "bob"].map(|name| Person::new(&chat, name));
    let blocks = || match ana.does(Command::Blocks) {
        Reply::Blocks(blocks) => blocks.iter().map(|profile| profile.user().to_string()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        ana.does(block("bob"));
        assert_eq!(blocks(), ["bob"]);
    }
    assert_eq!(bob.refused(send("ana", "x")), "blocked");
    let line = format!("send {} ana x", bob.token);
    assert!(String::from_utf8(chat.answer(line.as_bytes())).unwrap().contains("\"code\": \"blocked\""));
    ana.sends("bob", "still");
    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    bob.does(Command::JoinRoom { room: "#a".into() });
    bob.sends("#a", "rooms are as they were");
    for _ in 0..2 {
        ana.does(unblock("bob"));
    }
    assert!(blocks().is_empty());
    bob.sends("ana", "again");
    assert_eq!(ana.refused(block("nobody")), "no_such_user");
    assert_eq!(ana.refused(unblock("nobody")), "no_such_user");
    assert_eq!(ana.refused(block("ana")), "bad_parameters");
}

#[test]
fn one_types_where_one_could_send() {
    let chat = chat();
    let [ana, bob] = ["ana", "bob"].map(|name| Person::new(&chat, name));
    ana.does(typing("bob"));
    ana.does(typing("ana"));
    assert_eq!(ana.refused(typing("nobody")), "no_such_conversation");
    assert_eq!(ana.refused(typing("#a")), "no_such_room");
    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    ana.does(typing("#a"));
    assert_eq!(bob.refused(typing("#a")), "not_a_member");
    bob.does(block("ana"));
    ana.does(typing("bob"));
}
