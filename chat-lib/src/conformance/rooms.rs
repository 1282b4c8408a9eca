//! Rooms: what they are called, how much of them is kept, and who is what in them.

use std::time::Duration;

use super::{New, account, add, batch, check_list, create_room, join, look, profile, send, with};
use crate::model::{MessageId, RoomName};
use crate::store::{Position, RoomKeep, RoomState, Standing, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, creating);
    with(new, keeps);
    with(new, standings);
    with(new, lists);
    with(new, open_rooms);
    with(new, a_later_room_of_that_name);
    with(new, users_who_are_removed);
}

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

/// Title, openness, members and owners of a room.
fn room(store: &dyn Store, room: &str) -> Option<(String, bool, usize, usize)> {
    let state = look(store, |batch| batch.room(room))?;
    assert_eq!(state.name, name(room), "RoomState::name: the room's name");
    Some((state.title.to_string(), state.open, state.members, state.owners))
}

fn names(rooms: Vec<RoomState>) -> Vec<String> {
    rooms.into_iter().map(|room| room.name.to_string()).collect()
}

fn creating(store: &dyn Store) {
    assert_eq!(room(store, "#bench"), None, "room: `None` if there is none");
    assert!(look(store, |batch| batch.room("a word")).is_none(), "room: `None` for what is no name of a room");
    assert!(look(store, |batch| batch.rooms("", usize::MAX)).is_empty(), "rooms: none at first");
    let create = |room, title, open| batch(store, |batch| batch.create_room(&name(room), title, open));
    assert!(create("#bench", "Who sits there", true), "create_room: creates a room whose name is free");
    assert!(!create("#bench", "Another", false), "create_room: `false` if there is one of that name");
    let bench = Some(("Who sits there".to_owned(), true, 0, 0));
    assert_eq!(room(store, "#bench"), bench, "create_room: the room is as it was created, and has no members");
    assert!(create("#Bench", "é\n", false), "names of rooms are compared byte by byte");
    assert!(create("#attack", "", false), "create_room: the title may be empty");
    let rooms = look(store, |batch| batch.rooms("", usize::MAX));
    let rooms: Vec<_> = rooms.iter().map(|it| (it.name.as_str(), &*it.title, it.open)).collect();
    let all = [("#Bench", "é\n", false), ("#attack", "", false), ("#bench", "Who sits there", true)];
    assert_eq!(rooms, all, "rooms: all, in order of name");
    check_list("rooms", &["#Bench", "#attack", "#bench"], |after, limit| {
        names(look(store, |batch| batch.rooms(after, limit)))
    });

    let set = |room, title, open| batch(store, |batch| batch.set_room(room, title, open));
    assert!(!set("#none", "x", true), "set_room: `false` if there is no such room");
    assert!(set("#bench", "New", false), "set_room: changes a room");
    assert_eq!(room(store, "#bench"), Some(("New".to_owned(), false, 0, 0)), "set_room: the room is as it was given");
    assert!(!batch(store, |batch| batch.remove_room("#none")), "remove_room: `false` if there is no such room");
    assert!(batch(store, |batch| batch.remove_room("#bench")), "remove_room: removes a room");
    assert!(!batch(store, |batch| batch.remove_room("#bench")), "remove_room: `false` if there is no such room");
    assert_eq!(room(store, "#bench"), None, "remove_room: the room is gone");
    let steps = batch(store, |batch| {
        let created = batch.create_room(&name("#bench"), "1", true)? && batch.room("#bench")?.is_some();
        let is_set =
            batch.set_room("#bench", "2", true)? && batch.rooms("", usize::MAX)?.iter().any(|room| &*room.title == "2");
        let removed = batch.remove_room("#bench")? && batch.room("#bench")?.is_none();
        Ok(created && is_set && removed && batch.create_room(&name("#bench"), "3", true)?)
    });
    assert!(steps, "steps of a batch see those before");
    assert_eq!(
        room(store, "#bench").map(|it| it.0),
        Some("3".to_owned()),
        "commit: makes all steps of a batch durable"
    );
}

/// Limits that drop nothing here.
pub(super) const KEEPS: [RoomKeep; 3] = [
    RoomKeep { age: Some(Duration::MAX), messages: Some(u64::MAX), bytes: None },
    RoomKeep { age: None, messages: Some(1 << 40), bytes: Some(u64::MAX) },
    RoomKeep { age: Some(Duration::from_millis(1 << 50)), messages: None, bytes: Some(1 << 50) },
];

fn keeps(store: &dyn Store) {
    create_room(store, "#bench", &[]);
    create_room(store, "#other", &[]);
    let set = |room, keep| batch(store, |batch| batch.set_room_keep(room, keep));
    let keep = |room| look(store, |batch| batch.room(room)).map(|room| room.keep);
    let none = RoomKeep::default();
    assert_eq!(keep("#bench"), Some(none), "create_room: with no limits of its own");
    assert!(!set("#none", KEEPS[0]), "set_room_keep: `false` if there is no such room");
    for limits in KEEPS.into_iter().chain([none, KEEPS[2]]) {
        assert!(set("#bench", limits), "set_room_keep: sets how much of a room is kept");
        assert_eq!(keep("#bench"), Some(limits), "set_room_keep: the limits are as they were given");
        assert_eq!(keep("#other"), Some(none), "set_room_keep: of no other room");
        let listed: Vec<_> = look(store, |batch| batch.rooms("", usize::MAX)).iter().map(|room| room.keep).collect();
        assert_eq!(listed, [limits, none], "rooms: as `room`");
    }
    batch(store, |batch| batch.set_room("#bench", "New", false));
    assert_eq!(keep("#bench"), Some(KEEPS[2]), "set_room: how much of it is kept stays");
    batch(store, |batch| batch.remove_room("#bench"));
    assert_eq!(keep("#bench"), None, "remove_room: the room is gone");
    create_room(store, "#bench", &[]);
    assert_eq!(keep("#bench"), Some(none), "remove_room: a later room of that name has nothing to do with it");
}

fn standings(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &[]);
    let set = |room, user, standing| batch(store, |batch| batch.set_standing(room, user, standing, true));
    let get = |room, user| look(store, |batch| batch.standing(room, user));
    let counts = || room(store, "#bench").map(|it| (it.2, it.3));
    let law = "set_standing: `false` if the room or the user does not exist";
    assert!(!set("#none", "messi", Some(Standing::Member)), "{law}");
    assert!(!set("#bench", "ronaldo", Some(Standing::Member)), "{law}");
    assert!(!set("#none", "messi", None) && !set("#bench", "ronaldo", None), "{law}");
    assert_eq!(counts(), Some((0, 0)), "set_standing: `false`, and nothing done");
    let law = "standing: `None` if that is nothing, or one of them does not exist";
    assert_eq!((get("#bench", "messi"), get("#none", "messi"), get("#bench", "ronaldo")), (None, None, None), "{law}");
    let law = "set_standing: makes a user what it is told";
    for (standing, expected) in [
        (Some(Standing::Invited), (0, 0)),
        (Some(Standing::Member), (1, 0)),
        (Some(Standing::Owner), (1, 1)),
        (Some(Standing::Member), (1, 0)),
        (None, (0, 0)),
        (None, (0, 0)),
        (Some(Standing::Owner), (1, 1)),
        (Some(Standing::Invited), (0, 0)),
        (None, (0, 0)),
        (Some(Standing::Member), (1, 0)),
    ] {
        assert!(set("#bench", "messi", standing), "{law}");
        assert_eq!(get("#bench", "messi"), standing, "{law}");
        assert_eq!(counts(), Some(expected), "RoomState: counts members, of whom some own it, and not who is invited");
        let invited = look(store, |batch| batch.room("#bench")).map(|room| room.invited);
        assert_eq!(invited, Some(usize::from(standing == Some(Standing::Invited))), "RoomState: counts who is invited");
        assert_eq!(get("#bench", "henderson"), None, "{law}, and no other one");
    }
    assert!(set("#bench", "henderson", Some(Standing::Owner)), "{law}");
    assert_eq!(counts(), Some((2, 1)), "RoomState: counts members, of whom some own it");
    batch(store, |batch| batch.set_room("#bench", "New", true));
    assert_eq!(room(store, "#bench"), Some(("New".to_owned(), true, 2, 1)), "set_room: its members stay");
    let steps = batch(store, |batch| {
        batch.set_standing("#bench", "henderson", None, true)?;
        Ok((
            batch.standing("#bench", "henderson")?,
            batch.members("#bench", "", usize::MAX)?.len(),
            batch.rooms_of("henderson", "", usize::MAX)?.len(),
        ))
    });
    assert_eq!(steps, (None, 1, 0), "steps of a batch see those before");
}

fn lists(store: &dyn Store) {
    add(store, &["messi", "henderson", "Zidane"]);
    for room in ["#b", "#a", "#C", "#empty"] {
        create_room(store, room, &[]);
    }
    for (room, user, standing) in [
        ("#b", "messi", Standing::Member),
        ("#b", "henderson", Standing::Owner),
        ("#b", "Zidane", Standing::Invited),
        ("#a", "messi", Standing::Invited),
        ("#C", "messi", Standing::Owner),
    ] {
        assert!(batch(store, |batch| batch.set_standing(room, user, Some(standing), true)), "set_standing: does it");
    }
    let rename = batch(store, |batch| {
        let mut new = account("messi", "Leo");
        new.revision = batch.account("messi")?.expect("account: finds").revision;
        batch.replace_account(new)
    });
    assert!(rename, "replace_account: replaces an account");
    let members = look(store, |batch| batch.members("#b", "", usize::MAX));
    let members: Vec<_> = members.iter().map(|it| (it.user.full_name(), it.standing)).collect();
    let all =
        [("Zidane in full", Standing::Invited), ("henderson in full", Standing::Owner), ("Leo", Standing::Member)];
    assert_eq!(members, all, "members: all and those who are invited, in order of user name, as they are called now");
    check_list("members", &["Zidane", "henderson", "messi"], |after, limit| {
        let members = look(store, |batch| batch.members("#b", after, limit));
        members.iter().map(|it| it.user.user().to_string()).collect()
    });
    assert!(
        look(store, |batch| batch.members("#empty", "", usize::MAX)).is_empty(),
        "members: none of a room without any"
    );
    assert!(
        look(store, |batch| batch.members("#none", "", usize::MAX)).is_empty(),
        "members: empty if there is no such room"
    );
    let rooms = look(store, |batch| batch.rooms_of("messi", "", usize::MAX));
    let shown: Vec<_> = rooms.iter().map(|(room, standing)| (room.name.as_str(), room.members, *standing)).collect();
    let all = [("#C", 1, Standing::Owner), ("#a", 0, Standing::Invited), ("#b", 2, Standing::Member)];
    assert_eq!(shown, all, "rooms_of: where the user is a member or invited, in order of name, and what the user is");
    check_list("rooms_of", &["#C", "#a", "#b"], |after, limit| {
        let rooms = look(store, |batch| batch.rooms_of("messi", after, limit));
        names(rooms.into_iter().map(|(room, _)| room).collect())
    });
    assert!(
        look(store, |batch| batch.rooms_of("ronaldo", "", usize::MAX)).is_empty(),
        "rooms_of: none of a user who does not exist"
    );
    let states = look(store, |batch| batch.conversations("messi"));
    let names: Vec<_> = states.iter().map(|state| state.with.as_str()).collect();
    assert_eq!(names, ["#C", "#b"], "conversations: the rooms that the user is a member of, in order of name");
}

fn open_rooms(store: &dyn Store) {
    let law = "open_rooms: all that are open, in order of name";
    let open = || names(look(store, |batch| batch.open_rooms("", usize::MAX)));
    assert!(open().is_empty(), "{law}: none at first");
    for (room, open) in [("#d", true), ("#b", false), ("#c", true), ("#a", true), ("#E", false)] {
        batch(store, |batch| batch.create_room(&name(room), room, open));
    }
    assert_eq!(open(), ["#a", "#c", "#d"], "{law}");
    batch(store, |batch| Ok((batch.set_room("#a", "", false)?, batch.set_room("#E", "", true)?)));
    assert_eq!(open(), ["#E", "#c", "#d"], "{law}, as they are set");
    batch(store, |batch| batch.set_room("#c", "", true));
    batch(store, |batch| batch.remove_room("#d"));
    assert_eq!(open(), ["#E", "#c"], "{law}, until they are removed");
    check_list("open_rooms", &["#E", "#c"], |after, limit| names(look(store, |batch| batch.open_rooms(after, limit))));
}

/// That nothing is left of what was said in `room`, for somebody who may see all of it.
fn is_empty(store: &dyn Store, room: &str, user: &str, old: MessageId, law: &str) {
    let page = store.history(user, room, Position::After(MessageId::NONE), 9).unwrap();
    assert!(page.messages.is_empty() && !page.more, "{law}: history");
    assert!(store.sync(user, MessageId::NONE, 9).unwrap().messages.is_empty(), "{law}: sync");
    assert!(store.news(MessageId::NONE).unwrap().messages.is_empty(), "{law}: news");
    assert!(store.find_message(user, old).unwrap().is_none(), "{law}: find_message");
    assert!(store.read_until(user, room, MessageId::MAX).unwrap().is_none(), "{law}: read_until");
}

fn a_later_room_of_that_name(store: &dyn Store) {
    let law = "remove_room: a later room of that name has nothing to do with it";
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let old = send(store, "#bench", &messi, " of the first");
    let moves = super::unread_room(store, "henderson", "#bench").1;
    assert_eq!(moves.len(), 1, "read_unread_room: the move that marks it as read");
    let found = store.find_message("messi", old).unwrap().expect("find_message: the user can see it");
    assert!(batch(store, |batch| batch.remove_room("#bench")), "remove_room: removes a room");
    is_empty(store, "#bench", "henderson", old, "remove_room: removes its messages");
    assert!(
        look(store, |batch| batch.members("#bench", "", usize::MAX)).is_empty(),
        "remove_room: removes its members"
    );
    assert!(
        look(store, |batch| batch.rooms_of("messi", "", usize::MAX)).is_empty(),
        "remove_room: removes its members"
    );
    assert!(
        look(store, |batch| batch.conversations("messi")).is_empty(),
        "remove_room: its members' conversation is gone"
    );
    for round in 0..2 {
        assert!(!batch(store, |batch| batch.take("henderson", &moves)), "take: `false` if the conversation is gone");
        assert!(!batch(store, |batch| batch.delete(&found)), "delete: `false` if its conversation is gone");
        if round == 0 {
            create_room(store, "#bench", &[]);
            assert!(look(store, |batch| batch.members("#bench", "", usize::MAX)).is_empty(), "{law}: members");
            join(store, "#bench", "henderson", true);
            is_empty(store, "#bench", "henderson", old, law);
        }
    }
    join(store, "#bench", "messi", true);
    let new = send(store, "#bench", &messi, " of the second");
    assert!(new > old, "append: returns an id that is greater than all before it, of whatever conversation");
    let page = store.history("henderson", "#bench", Position::Before(MessageId::MAX), 9).unwrap();
    assert_eq!(page.messages.iter().map(|it| it.id).collect::<Vec<_>>(), [new], "{law}: history");
}

fn users_who_are_removed(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    create_room(store, "#attack", &["henderson"]);
    batch(store, |batch| batch.set_standing("#attack", "messi", Some(Standing::Invited), true));
    let said = send(store, "#bench", &profile(store, "messi"), " a last word");
    assert!(batch(store, |batch| batch.remove_account("messi")), "remove_account: removes an account");
    let law = "remove_account: the user is in no room any more";
    for _ in 0..2 {
        let now = look(store, |batch| {
            let standings = [batch.standing("#bench", "messi")?, batch.standing("#attack", "messi")?];
            Ok((
                standings,
                batch.members("#bench", "", usize::MAX)?.len(),
                batch.members("#attack", "", usize::MAX)?.len(),
                batch.rooms_of("messi", "", usize::MAX)?.len(),
            ))
        });
        assert_eq!(now, ([None, None], 1, 1, 0), "{law}, and a later account of that name is not either");
        assert_eq!(room(store, "#bench").map(|it| (it.2, it.3)), Some((1, 0)), "{law}, and does not count");
        let page = store.history("henderson", "#bench", Position::After(MessageId::NONE), 9).unwrap();
        let names: Vec<_> = page.messages.iter().map(|it| (it.id, it.from.full_name())).collect();
        assert_eq!(names, [(said, "messi in full")], "remove_account: what the user has said in rooms stays");
        let found = store.find_message("henderson", said).unwrap().expect("find_message: what the user can see");
        assert_eq!(found.from, None, "FoundMessage::from: `None` if the sender was removed since");
        let unread = super::unread_room(store, "henderson", "#bench").0;
        assert_eq!(unread.len(), 1, "remove_account: what the user has said in rooms stays unread");
        if look(store, |batch| batch.account("messi")).is_none() {
            add(store, &["messi"]);
        }
    }
}
