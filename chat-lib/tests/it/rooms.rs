//! Rooms: who may do what, who sees what, and what becomes of a room whose owner is removed.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use chat_lib::limits::{LIST_DEFAULT, Limits, ROOM_TITLE_BYTES};
use chat_lib::model::MessageId;
use chat_lib::protocol::{Command, Reply, RoomView};
use chat_lib::store::Standing;
use chat_lib::{Chat, Config, NewUser};

use crate::faulty::{Fault, Faulty};
use crate::support::{Person, config, history, send};

fn create(room: &str, open: bool) -> Command<'_> {
    Command::CreateRoom { room: room.into(), title: "".into(), open }
}

fn join(room: &str) -> Command<'_> {
    Command::JoinRoom { room: room.into() }
}

fn leave(room: &str) -> Command<'_> {
    Command::LeaveRoom { room: room.into() }
}

fn delete(room: &str) -> Command<'_> {
    Command::DeleteRoom { room: room.into() }
}

fn invite<'a>(room: &'a str, user: &'a str) -> Command<'a> {
    Command::InviteToRoom { room: room.into(), user: user.into() }
}

fn remove<'a>(room: &'a str, user: &'a str) -> Command<'a> {
    Command::RemoveFromRoom { room: room.into(), user: user.into() }
}

fn members(room: &str) -> Command<'_> {
    Command::Members { room: room.into(), after: "".into(), limit: 100 }
}

fn title<'a>(room: &'a str, title: &'a str) -> Command<'a> {
    Command::SetRoom { room: room.into(), title: Some(title.into()), open: None, owners: None }
}

fn owners<'a>(room: &'a str, owners: &[&'a str]) -> Command<'a> {
    let owners = owners.iter().map(|owner| Cow::from(*owner)).collect();
    Command::SetRoom { room: room.into(), title: None, open: None, owners: Some(owners) }
}

fn set_open(room: &str, open: bool) -> Command<'_> {
    Command::SetRoom { room: room.into(), title: None, open: Some(open), owners: None }
}

/// The members of a room, owners with a star.
fn member_names(person: &Person, room: &str) -> String {
    let Reply::Members(page) = person.does(members(room)) else { panic!() };
    let name = |member: &chat_lib::protocol::MemberView| {
        format!("{}{}", member.profile.user(), if member.owner { "*" } else { "" })
    };
    page.entries.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn rooms(person: &Person) -> Vec<RoomView> {
    match person.does(Command::Rooms { after: "".into(), limit: 100 }) {
        Reply::Rooms(page) => page.entries,
        other => panic!("{other:?}"),
    }
}

fn room_names(person: &Person) -> String {
    rooms(person).iter().map(|room| room.room.as_str().to_owned()).collect::<Vec<_>>().join(" ")
}

fn chat() -> Chat {
    Chat::new(config())
}

fn three(chat: &Chat) -> [Person; 3] {
    ["ana", "bob", "eve"].map(|name| Person::new(chat, name))
}

#[test]
fn a_room_from_its_beginning_to_its_end() {
    let [ana, bob, eve] = three(&chat());
    assert!(matches!(ana.does(create("#a", true)), Reply::RoomCreated));
    assert_eq!(bob.refused(create("#a", false)), "room_exists");
    assert_eq!(bob.refused(create("a", true)), "invalid_room_name");
    assert_eq!(bob.refused(send("#a", "x")), "not_a_member");
    ana.sends("#a", "one");
    for _ in 0..2 {
        assert!(matches!(bob.does(join("#a")), Reply::RoomJoined));
    }
    bob.sends("#a", "two");
    assert_eq!(bob.history("#a"), ["one", "two"]);
    assert_eq!(member_names(&bob, "#a"), "ana* bob");
    for (command, code) in [
        (leave("#a"), "not_a_member"),
        (members("#a"), "not_a_member"),
        (history("#a"), "not_a_member"),
        (invite("#a", "bob"), "not_a_member"),
        (delete("#a"), "not_a_member"),
        (title("#a", "x"), "not_a_member"),
        (remove("#a", "bob"), "not_a_member"),
    ] {
        assert_eq!(eve.refused(command), code);
    }
    for command in [delete("#a"), title("#a", "x"), remove("#a", "ana"), owners("#a", &["bob"])] {
        assert_eq!(bob.refused(command), "not_an_owner");
    }
    assert_eq!(ana.refused(leave("#a")), "last_owner");
    assert_eq!(ana.refused(remove("#a", "ana")), "last_owner");
    assert_eq!(ana.refused(owners("#a", &[])), "last_owner");
    assert_eq!(ana.refused(owners("#a", &["bob", "eve"])), "not_a_member");
    assert_eq!(member_names(&bob, "#a"), "ana* bob");
    ana.does(owners("#a", &["bob", "bob"]));
    assert_eq!(member_names(&bob, "#a"), "ana bob*");
    assert!(matches!(ana.does(leave("#a")), Reply::RoomLeft));
    assert_eq!(ana.refused(history("#a")), "not_a_member");
    assert_eq!(ana.refused(leave("#a")), "not_a_member");
    bob.does(delete("#a"));
    assert_eq!(bob.refused(history("#a")), "no_such_room");
    assert_eq!(room_names(&bob), "");
    bob.does(create("#a", true));
    assert!(bob.history("#a").is_empty(), "the name starts empty again");
}

#[test]
fn who_is_not_invited_cannot_know_of_a_room() {
    let [ana, bob, eve] = three(&chat());
    ana.does(create("#secret", false));
    let nothing: Vec<String> = ["#secret", "#nothing", "nothing"]
        .map(|room| {
            let read = Command::Read { with: room.into(), upto: MessageId::MAX };
            let commands = [
                send(room, "x"),
                join(room),
                leave(room),
                delete(room),
                invite(room, "eve"),
                remove(room, "ana"),
                members(room),
                title(room, "x"),
                Command::RoomInbox { room: room.into() },
                history(room),
                read,
                Command::Typing { with: room.into() },
            ];
            commands.map(|command| eve.refused(command)).join(" ")
        })
        .into();
    assert_eq!(nothing[0], nothing[1]);
    assert_eq!(nothing[1], ["no_such_room"; 12].join(" "));
    let here = ["no_such_recipient"; 1].into_iter().chain(["no_such_room"; 8]).chain(["no_such_conversation"; 3]);
    assert_eq!(nothing[2], here.collect::<Vec<_>>().join(" "));
    assert_eq!(room_names(&eve), "");
    assert_eq!(eve.refused(create("#secret", true)), "room_exists");

    assert_eq!(ana.refused(invite("#secret", "nobody")), "no_such_user");
    for _ in 0..2 {
        ana.does(invite("#secret", "bob"));
    }
    assert_eq!(rooms(&bob)[0].standing, Some(Standing::Invited));
    for command in [members("#secret"), history("#secret"), send("#secret", "x"), leave("#secret")] {
        assert_eq!(bob.refused(command), "not_a_member");
    }
    assert_eq!(member_names(&ana, "#secret"), "ana*");
    ana.does(remove("#secret", "bob"));
    assert_eq!(ana.refused(remove("#secret", "bob")), "not_a_member");
    assert_eq!(bob.refused(join("#secret")), "no_such_room");
    ana.does(invite("#secret", "bob"));
    bob.does(join("#secret"));
    assert_eq!(bob.refused(invite("#secret", "eve")), "not_an_owner");
    ana.does(set_open("#secret", true));
    bob.does(invite("#secret", "eve"));
    assert_eq!(rooms(&eve)[0].standing, Some(Standing::Invited));
}

#[test]
fn a_membership_begins_at_the_last_message() {
    let chat = chat();
    let [ana, bob, eve] = three(&chat);
    ana.does(create("#open", true));
    ana.does(create("#shut", false));
    ana.does(invite("#shut", "bob"));
    for room in ["#open", "#shut"] {
        ana.sends(room, "before");
        bob.does(join(room));
        let unread = Command::Read { with: room.into(), upto: MessageId::NONE };
        assert!(matches!(bob.does(unread.clone()), Reply::Read { unread: 0 }));
        ana.sends(room, "after");
        assert!(matches!(bob.does(unread), Reply::Read { unread: 1 }));
    }
    assert_eq!(bob.history("#open"), ["before", "after"]);
    assert_eq!(bob.history("#shut"), ["after"]);
    // Leaving ends access, and coming back does not give what was said meanwhile in an invite-only room.
    bob.does(leave("#shut"));
    ana.sends("#shut", "meanwhile");
    ana.does(invite("#shut", "bob"));
    bob.does(join("#shut"));
    assert!(bob.history("#shut").is_empty());
    // Becoming an owner is no new membership.
    ana.does(owners("#open", &["ana", "bob"]));
    assert!(matches!(
        bob.does(Command::Read { with: "#open".into(), upto: MessageId::NONE }),
        Reply::Read { unread: 1 }
    ));
    drop(eve);
}

#[test]
fn rooms_and_memberships_are_limited() {
    let limits = Limits { room_members: 2, rooms_per_user: 2, ..Limits::default() };
    let chat = Chat::new(Config { limits, ..config() });
    let [ana, bob, eve] = three(&chat);
    ana.does(create("#a", true));
    ana.does(create("#b", true));
    assert_eq!(ana.refused(create("#c", true)), "too_many_rooms");
    bob.does(create("#c", true));
    assert_eq!(ana.refused(join("#c")), "too_many_rooms");
    bob.does(invite("#c", "ana"));
    assert_eq!(bob.refused(invite("#c", "eve")), "room_full");
    assert_eq!(eve.refused(join("#c")), "room_full", "the second place is for who is invited");
    bob.does(invite("#c", "ana"));
    eve.does(join("#a"));
    assert_eq!(bob.refused(join("#a")), "room_full");
    assert_eq!(ana.refused(invite("#a", "bob")), "room_full");
    eve.does(join("#a"));
    eve.does(leave("#a"));
    ana.does(invite("#a", "bob"));
    bob.does(join("#a"));
    ana.does(delete("#b"));
    ana.does(join("#c"));
}

#[test]
fn titles_are_what_they_look_like() {
    let [ana, bob, _] = three(&chat());
    let longest = "é".repeat(ROOM_TITLE_BYTES / 2);
    ana.does(Command::CreateRoom { room: "#a".into(), title: "The bench".into(), open: true });
    for bad in ["a\n", " a", "a ", "\u{202e}a", "\u{200b}", &format!("{longest}x")] {
        assert_eq!(ana.refused(title("#a", bad)), "invalid_title");
        let create = Command::CreateRoom { room: "#b".into(), title: bad.into(), open: true };
        assert_eq!(ana.refused(create), "invalid_title");
    }
    assert_eq!(rooms(&bob)[0].title, "The bench");
    for good in ["", "Die Bank", &longest] {
        ana.does(title("#a", good));
        assert_eq!(rooms(&bob)[0].title, *good);
    }
    assert_eq!(room_names(&bob), "#a");
}

#[test]
fn lists_come_in_pages() {
    let chat = chat();
    let [ana, bob, eve] = three(&chat);
    for room in ["#a", "#b", "#c", "#d", "#e"] {
        ana.does(create(room, ["#a", "#c"].contains(&room)));
    }
    ana.does(invite("#d", "bob"));
    let page = |after: &str, limit| match bob.does(Command::Rooms { after: after.to_owned().into(), limit }) {
        Reply::Rooms(page) => {
            (page.entries.into_iter().map(|room| room.room.to_string()).collect::<Vec<_>>().join(" "), page.more)
        }
        other => panic!("{other:?}"),
    };
    for (after, limit, names, more) in [
        ("", 0, "", true),
        ("", 1, "#a", true),
        ("#a", 1, "#c", true),
        ("", 2, "#a #c", true),
        ("#b", 2, "#c #d", false),
        ("#c", 1, "#d", false),
        ("", 9, "#a #c #d", false),
    ] {
        assert_eq!(page(after, limit), (names.to_owned(), more));
    }
    bob.does(join("#a"));
    eve.does(join("#a"));
    for number in 0..LIST_DEFAULT + 5 {
        let name = format!("c{number}");
        chat.add_user(NewUser { name: &name, password: "surabaya", full_name: &name, country: "" }).unwrap();
        ana.does(invite("#a", &name));
    }
    for (after, limit, names, more) in
        [("ana", 1, "bob", true), ("bob", 1, "eve", false), ("", 9, "ana bob eve", false), ("", 2, "ana bob", true)]
    {
        let members = bob.does(Command::Members { room: "#a".into(), after: after.into(), limit });
        let Reply::Members(page) = members else { panic!("{members:?}") };
        let found: Vec<_> = page.entries.iter().map(|member| member.profile.user().as_str()).collect();
        assert_eq!((found.join(" "), page.more), (names.to_owned(), more));
    }
}

#[test]
fn a_room_gets_another_owner_when_its_last_one_is_removed() {
    let chat = chat();
    let [ana, bob, eve] = three(&chat);
    for room in ["#alone", "#both", "#heir"] {
        ana.does(create(room, true));
    }
    ana.does(invite("#alone", "bob"));
    for room in ["#both", "#heir"] {
        eve.does(join(room));
        bob.does(join(room));
    }
    ana.does(owners("#both", &["ana", "eve"]));
    eve.does(create("#eves", true));
    ana.does(join("#eves"));
    chat.remove_user("ana").unwrap();
    assert_eq!(room_names(&bob), "#both #eves #heir");
    assert_eq!(member_names(&eve, "#both"), "bob eve*");
    assert_eq!(member_names(&eve, "#heir"), "bob* eve");
    assert_eq!(member_names(&eve, "#eves"), "eve*");
    let again = Person::new(&chat, "ana");
    assert_eq!(again.refused(members("#both")), "not_a_member");
}

/// Runs something in another thread before somebody becomes something else in a room, and gives it time to end.
#[derive(Default)]
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Fault for Arc<Meanwhile> {
    fn before_standing(&self) {
        let Some(work) = self.0.lock().unwrap().take() else { return };
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            work();
            done.send(()).ok();
        });
        // It does not end if it has to wait, as it should.
        is_done.recv_timeout(Duration::from_millis(50)).ok();
    }
}

/// What one thread had looked at, another one changed before the first one relied on it: two owners who left at once left a
/// room without any.
#[test]
fn nobody_comes_between_a_rule_and_what_relies_on_it() {
    let meanwhile = Arc::new(Meanwhile::default());
    let store = Box::new(Faulty { store: Arc::default(), fault: Arc::clone(&meanwhile) });
    let chat = Chat::new(Config { store, limits: Limits { room_members: 3, ..Limits::default() }, ..config() });
    let [ana, bob, eve] = three(&chat);
    let tom = Person::new(&chat, "tom");
    let both = |first: (&Person, Command<'_>), second: (&Person, Command<'static>)| {
        let (done, outcome) = mpsc::channel();
        let ((first, command), (second, other)) = (first, second);
        let second = Person { chat: chat.clone(), token: second.token };
        let work = move || done.send(second.run(other).is_ok()).unwrap();
        *meanwhile.0.lock().unwrap() = Some(Box::new(work));
        [first.run(command).is_ok(), outcome.recv().unwrap()]
    };
    ana.does(create("#a", true));
    bob.does(join("#a"));
    assert_eq!(both((&eve, join("#a")), (&tom, join("#a"))), [true, false], "there was one place");
    ana.does(owners("#a", &["ana", "bob"]));
    assert_eq!(both((&ana, leave("#a")), (&bob, leave("#a"))), [true, false]);
    ana.does(join("#a"));
    assert_eq!(both((&bob, owners("#a", &["ana"])), (&ana, leave("#a"))), [true, false]);
    assert_eq!(both((&ana, remove("#a", "eve")), (&tom, join("#a"))), [true, true]);
    assert_eq!(member_names(&ana, "#a"), "ana* bob tom");
}
