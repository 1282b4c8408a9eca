//! Sending: a key makes a repeated message the same one, and a message to several users goes to all of them or to none.

use std::borrow::Cow;
use std::time::Duration;

use chat_lib::limits::{KEY_AGE, Limits, MESSAGE_KEY_BYTES};
use chat_lib::model::Framing;
use chat_lib::protocol::{Command, Reply};
use chat_lib::{Chat, Config};

use crate::support::{Person, config, demo_chat};

fn keyed<'a>(to: &'a str, text: &'a str, key: &'a str) -> Command<'a> {
    Command::Send { to: to.into(), text: text.into(), framing: Framing::DEFAULT, key: Some(key.into()) }
}

#[test]
fn a_message_that_is_sent_again_is_the_same() {
    let (chat, clock) = demo_chat(Limits::default());
    let [messi, henderson] = ["messi", "henderson"].map(|name| Person::new(&chat, name));
    let sent = |person: &Person, to: &str, key: &str| match person.does(keyed(to, "halo", key)) {
        Reply::Sent { id, time } => (id, time),
        other => panic!("{other:?}"),
    };
    let first = sent(&messi, "henderson", "k");
    clock.advance(Duration::from_secs(1));
    assert_eq!(sent(&messi, "henderson", "k"), first);
    assert_eq!(messi.history("henderson"), ["halo"]);
    assert_eq!(messi.refused(keyed("lineker", "halo", "k")), "key_reused");
    assert_eq!(messi.refused(keyed("nobody", "halo", "k")), "key_reused");
    assert_ne!(sent(&henderson, "messi", "k"), first);
    messi.does(Command::Delete { id: first.0 });
    assert_eq!(sent(&messi, "henderson", "k"), first);
    henderson.does(Command::Block { user: "messi".into() });
    assert_eq!(sent(&messi, "henderson", "k"), first);
    assert_eq!(messi.refused(keyed("henderson", "halo", "new")), "blocked");
    henderson.does(Command::Unblock { user: "messi".into() });
    assert!(sent(&messi, "henderson", "new").0 > first.0, "what was refused is not remembered");
    for bad in ["", &"k".repeat(MESSAGE_KEY_BYTES + 1)] {
        assert_eq!(messi.refused(keyed("henderson", "halo", bad)), "invalid_key");
    }
    messi.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    assert_eq!(sent(&messi, "#a", "room"), sent(&messi, "#a", "room"));
    clock.advance(KEY_AGE);
    assert!(sent(&messi, "henderson", "k").0 > first.0);
}

#[test]
fn a_message_to_several_users_goes_to_all_or_none() {
    let limits = Limits { mailbox_messages: 2, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..config() });
    let [ana, bob, eve] = ["ana", "bob", "eve"].map(|name| Person::new(&chat, name));
    let to_all = |to: &[&'static str]| Command::SendToAll {
        to: to.iter().map(|to| Cow::from(*to)).collect(),
        text: "halo".into(),
        framing: Framing::DEFAULT,
    };
    let got = || ["ana", "bob", "eve"].map(|name| chat.inbox_of(name).unwrap().len());
    ana.does(to_all(&["bob", "ana", "bob"]));
    assert_eq!(got(), [1, 1, 0]);
    ana.does(Command::CreateRoom { room: "#a".into(), title: "".into(), open: true });
    for (to, code) in [
        (&["bob", "nobody"] as &[_], "no_such_recipient"),
        (&["bob", ""], "no_such_recipient"),
        (&["bob", "#a"], "no_such_recipient"),
        (&[], "no_such_recipient"),
    ] {
        assert_eq!(ana.refused(to_all(to)), code);
    }
    eve.does(Command::Block { user: "ana".into() });
    assert_eq!(ana.refused(to_all(&["bob", "eve"])), "blocked");
    eve.does(Command::Unblock { user: "ana".into() });
    bob.sends("eve", "1");
    bob.sends("eve", "2");
    assert_eq!(ana.refused(to_all(&["bob", "eve"])), "mailbox_full");
    assert_eq!(got(), [0, 0, 2]);
    ana.does(to_all(&["eve", "bob"]));
    assert_eq!(got(), [0, 1, 1]);
}
