//! Records of a dump one by one: what they add up to, and those that do not fit.

use super::dumps::dump;
use super::invitations::invitation;
use super::rooms::KEEPS;
use super::{New, account, append, at, batch, expected, lines, look, message, send, take, unread_room, with};
use crate::model::{MessageId, MessageKey, RoomName};
use crate::store::{Appended, Member, NewMessage, Position, Quota, Record, RoomKeep, RoomMembership, Standing, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, misfits);
    with(new, misfits_of_rooms);
    with(new, rooms);
    with(new, keys);
    with(new, ids_after_cursors);
}

fn misfits(store: &dyn Store) {
    let (messi, gone) = (account("messi", "Messi"), account("gone", "Gone"));
    let members = |users: &'static [&'static str]| {
        users.iter().map(|user| Member { user, read: MessageId::NONE }).collect::<Vec<_>>()
    };
    batch(store, |batch| batch.begin_restore());
    let restore = |record: Record<'_>| batch(store, |batch| batch.restore(record));
    let said = |number, to, from, from_former_user| Record::Message {
        id: id(number),
        message: message(to, from, " x"),
        from_former_user,
        deleted: false,
    };
    assert!(restore(Record::Account(&messi)), "restore: takes in an account");
    assert!(restore(Record::Account(&account("henderson", "Jordan"))), "restore: takes in an account");
    assert!(!restore(Record::Account(&messi)), "restore: `false` for a user name that is taken");
    let invitation = Record::Invitation(&invitation(1, 0));
    assert!(restore(invitation), "restore: takes in an invitation");
    assert!(!restore(invitation), "restore: `false` for an invitation that is there already");
    assert!(
        !restore(Record::Conversation(&members(&["messi", "gone"]))),
        "restore: `false` for a member that is no user"
    );
    assert!(!restore(said(3, "messi", &messi.profile, false)), "restore: `false` for a message of no conversation");
    assert!(restore(Record::Conversation(&members(&["messi", "henderson"]))), "restore: takes in a conversation");
    assert!(restore(Record::Conversation(&members(&["messi"]))), "restore: takes in notes");
    assert!(!restore(said(5, "gone", &messi.profile, false)), "restore: `false` for a recipient that is no user");
    assert!(!restore(said(5, "gone", &messi.profile, true)), "restore: `false` for a recipient that is no user");
    assert!(!restore(said(5, "messi", &gone.profile, false)), "restore: `false` for a message of no conversation");
    assert!(restore(said(5, "henderson", &messi.profile, false)), "restore: takes in a message");
    assert!(
        !restore(said(5, "henderson", &messi.profile, false)),
        "restore: `false` for an id that is not greater than the one before"
    );
    assert!(
        !restore(said(4, "messi", &messi.profile, false)),
        "restore: `false` for an id that is not greater than the one before"
    );
    assert!(restore(said(7, "messi", &gone.profile, true)), "restore: takes in a message of a former user");
    assert!(
        restore(said(9, "messi", &messi.profile, true)),
        "restore: takes in a message of a former user whose name is used again"
    );
    batch(store, |batch| batch.end_restore());
    assert_eq!(dump(store).len(), 2 + 1 + 2 + 3, "restore: `false`, and nothing done");
    let former = expected(&[("gone", " x"), ("messi", " x")]);
    assert_eq!(lines(&take(store, "messi").0), former, "restore: takes in messages of former users");
    let page = store.history("messi", "messi", Position::After(MessageId::NONE), 9).unwrap();
    assert!(
        page.messages.is_empty(),
        "restore: a former user's messages are not those of the user who has the name now"
    );
}

fn id(number: u64) -> MessageId {
    MessageId::new(number).unwrap()
}

fn member(user: &str, standing: Standing, since: u64, read: u64) -> RoomMembership<'_> {
    RoomMembership { user, standing, since: id(since), read: id(read) }
}

fn misfits_of_rooms(store: &dyn Store) {
    let (messi, henderson, gone) = (account("messi", "Messi"), account("henderson", "Jordan"), account("gone", "Gone"));
    let bench = RoomName::parse("#bench").unwrap();
    let key = MessageKey::parse("1").unwrap();
    batch(store, |batch| batch.begin_restore());
    let restore = |record: Record<'_>| batch(store, |batch| batch.restore(record));
    let room = |name: &RoomName, members: &[RoomMembership<'_>]| {
        restore(Record::Room { name, title: "", open: true, keep: RoomKeep::default(), members })
    };
    let said = |number, to, from, from_former_user| {
        let message = message(to, from, " x");
        restore(Record::Message { id: id(number), message, from_former_user, deleted: false })
    };
    for user in [&messi, &henderson] {
        assert!(restore(Record::Account(user)), "restore: takes in an account");
    }
    let block = |user, blocked| restore(Record::Block { user, blocked });
    assert!(block("messi", "henderson"), "restore: takes in a block");
    assert!(!block("messi", "gone") && !block("gone", "messi"), "restore: `false` for a block of no user");
    let owner = member("messi", Standing::Owner, 0, 0);
    let nobody = member("gone", Standing::Invited, 0, 0);
    assert!(!room(&bench, &[nobody, owner]), "restore: `false` for a member that is no user");
    assert!(look(store, |batch| batch.rooms("", usize::MAX)).is_empty(), "restore: `false`, and nothing done");
    assert!(room(&bench, &[owner]), "restore: takes in a room");
    assert!(!room(&bench, &[]), "restore: `false` for a room whose name is taken");
    assert!(!said(3, "#other", &messi.profile, false), "restore: `false` for a recipient that is no room");
    assert!(!said(3, "#other", &gone.profile, true), "restore: `false` for a recipient that is no room");
    assert!(!said(3, "#bench", &gone.profile, false), "restore: `false` for a sender that is no user");
    assert!(said(3, "#bench", &gone.profile, true), "restore: takes in a message of a former user in a room");
    assert!(
        said(4, "#bench", &henderson.profile, false),
        "restore: takes in a message of a user who has left the room"
    );
    assert!(
        !said(4, "#bench", &messi.profile, false),
        "restore: `false` for an id that is not greater than the one before"
    );
    let remember = |user, to| restore(Record::Key { user, to, key: &key, id: id(2), time: at(0) });
    assert!(!remember("gone", "messi"), "restore: `false` for a key of no user");
    assert!(remember("messi", "gone"), "restore: takes in a key, also if its recipient was removed");
    batch(store, |batch| batch.end_restore());
    assert_eq!(dump(store).len(), 2 + 1 + 1 + 2 + 1, "restore: `false`, and nothing done: {:#?}", dump(store));
    assert_eq!(
        look(store, |batch| batch.members("#bench", "", usize::MAX)).len(),
        1,
        "restore: `false`, and nothing done"
    );
}

/// Members who see and have read different parts, and who are invited.
fn rooms(store: &dyn Store) {
    let users = ["a", "b", "c", "d"].map(|user| account(user, user));
    let bench = RoomName::parse("#bench").unwrap();
    let members = [
        member("a", Standing::Owner, 0, 4),
        member("b", Standing::Member, 3, 3),
        member("c", Standing::Invited, 0, 0),
        member("d", Standing::Member, 0, 0),
    ];
    batch(store, |batch| {
        batch.begin_restore()?;
        for user in &users {
            batch.restore(Record::Account(user))?;
        }
        let keep = KEEPS[1];
        batch.restore(Record::Room { name: &bench, title: "Title", open: false, keep, members: &members })?;
        for (number, from, deleted) in [(3, 0, false), (4, 1, false), (6, 0, true), (8, 3, false), (9, 0, false)] {
            let line = if deleted { " " } else { " x" };
            let message = message("#bench", &users[from].profile, line);
            let from_former_user = number == 9;
            let fits = batch.restore(Record::Message { id: id(number), message, from_former_user, deleted })?;
            assert!(fits, "restore: takes in a message of a room");
        }
        batch.end_restore()
    });
    let law = "restore: rooms are as they were";
    let room = look(store, |batch| batch.room("#bench")).expect("restore: takes in a room");
    assert_eq!((&*room.title, room.open, room.members, room.owners), ("Title", false, 3, 1), "{law}");
    assert_eq!(room.keep, KEEPS[1], "{law}: how much of it is kept");
    for (user, unread_there, read, seen) in
        [("a", 1, 4, &[3, 4, 6, 8, 9][..]), ("b", 2, 3, &[4, 6, 8, 9]), ("d", 3, 0, &[3, 4, 6, 8, 9])]
    {
        let state = look(store, |batch| batch.conversation(user, "#bench")).expect("restore: takes in members");
        let page = store.history(user, "#bench", Position::After(MessageId::NONE), 9).expect("history: reads");
        let ids: Vec<_> = page.messages.iter().map(|message| message.id.get()).collect();
        assert_eq!(ids, seen, "{law}: what {user} sees");
        assert!(page.messages.iter().all(|it| it.deleted == (it.id == id(6))), "{law}: what was deleted");
        // The last message is of a former user who was called as one of them is.
        if user != "a" {
            assert_eq!((state.unread, state.read), (unread_there, id(read)), "{law}: what {user} has read");
        }
        assert_eq!(state.last, id(9), "{law}: the last message");
    }
    assert_eq!(look(store, |batch| batch.standing("#bench", "c")), Some(Standing::Invited), "{law}: who is invited");
    assert_eq!(store.find_message("b", id(9)).unwrap().expect("find_message: finds").from, None, "{law}: former users");
    assert!(store.find_message("b", id(6)).unwrap().is_none(), "{law}: what was deleted");
    assert!(
        send(store, "#bench", &users[3].profile, " x") > id(9),
        "restore: later messages have ids past all of them"
    );
}

fn keys(store: &dyn Store) {
    let messi = account("messi", "Messi");
    let [first, second] = ["1", "2"].map(|key| MessageKey::parse(key).unwrap());
    let of = |key| NewMessage { key: Some(key), time: at(9), ..message("messi", &messi.profile, " x") };
    batch(store, |batch| {
        batch.begin_restore()?;
        batch.restore(Record::Account(&messi))?;
        batch.restore(Record::Conversation(&[Member { user: "messi", read: MessageId::NONE }]))?;
        let message = of(&second);
        batch.restore(Record::Message { id: id(5), message, from_former_user: false, deleted: false })?;
        batch.restore(Record::Key { user: "messi", to: "messi", key: &first, id: id(2000), time: at(3) })?;
        batch.end_restore()
    });
    let append = |message| batch(store, |batch| batch.append(message, Quota::UNLIMITED));
    assert_eq!(append(of(&first)), Appended::Known(id(2000), at(3)), "restore: takes in a key");
    let elsewhere = NewMessage { to: "henderson", ..of(&first) };
    assert_eq!(append(elsewhere), Appended::KeyReused, "restore: takes in a key with its recipient");
    let appended = append(of(&second));
    let law = "Record::Message: its key is not remembered because of it";
    assert!(matches!(appended, Appended::Stored(_)), "{law}, but: {appended:?}");
    let page = store.history("messi", "messi", Position::After(MessageId::NONE), 9).expect("history: reads");
    assert_eq!(page.messages[0].key.as_ref(), Some(&second), "restore: messages keep their keys");
    let law = "restore: later messages have ids past those of keys, too";
    assert!(matches!(appended, Appended::Stored(later) if later > id(2000)), "{law}, but: {appended:?}");
}

/// All messages that the cursors have passed were dropped before the dump.
fn ids_after_cursors(store: &dyn Store) {
    let users = ["messi", "henderson"].map(|user| account(user, user));
    let bench = RoomName::parse("#bench").unwrap();
    let read = id(1000);
    batch(store, |batch| {
        batch.begin_restore()?;
        for user in &users {
            batch.restore(Record::Account(user))?;
        }
        batch.restore(Record::Conversation(&[Member { user: "messi", read }, Member { user: "henderson", read }]))?;
        let members = [member("messi", Standing::Owner, 1500, 2000)];
        let keep = RoomKeep::default();
        batch.restore(Record::Room { name: &bench, title: "", open: true, keep, members: &members })?;
        batch.end_restore()
    });
    let law = "restore: later messages have ids past the cursors, too";
    let appended = append(store, "messi", &users[1].profile, " x");
    assert!(matches!(appended, Appended::Stored(later) if later > id(2000)), "{law}, but: {appended:?}");
    assert_eq!(take(store, "messi").0.len(), 1, "{law}");
    super::join(store, "#bench", "henderson", true);
    send(store, "#bench", &users[1].profile, " x");
    assert_eq!(unread_room(store, "messi", "#bench").0.len(), 1, "{law}");
}
