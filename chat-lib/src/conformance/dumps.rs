//! Dumps: what they show, and in which order.

use std::collections::BTreeSet;

use super::invitations::invitation;
use super::rooms::KEEPS;
use super::{New, account, add, at, batch, create_room, message, profile, send, take, with};
use crate::error::Error;
use crate::model::{MessageId, MessageKey, PasswordHash};
use crate::store::{Appended, NewMessage, Quota, Record, RoomKeep, Standing, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, order);
    with(new, rooms_and_their_members);
    with(new, what_was_deleted);
    with(new, visits_that_fail);
}

/// A record as text.
pub(super) fn show(record: Record<'_>) -> String {
    match record {
        Record::Account(account) => {
            let (profile, password) = (&account.profile, account.password.as_ref().map(PasswordHash::to_phc));
            format!("account {} {password:?} {}", names(profile), account.banned)
        }
        Record::Invitation(invitation) => format!("invitation {invitation:?}"),
        Record::Conversation(members) => {
            let members: BTreeSet<_> = members.iter().map(|member| (member.user, member.read.get())).collect();
            format!("conversation {members:?}")
        }
        Record::Block { user, blocked } => format!("block {user} {blocked}"),
        Record::Room { name, title, open, keep, members } => {
            format!("room {name} {title:?} {open} {keep:?} {members:?}")
        }
        Record::Message { id, message, from_former_user, deleted } => {
            let NewMessage { to, text, framing, time, key, .. } = message;
            let (from, framing, time) = (names(message.from), framing.tag(), time.as_millis());
            let id = id.get();
            format!(
                "message {id:020} to {to} from {from} {framing} {text:?} at {time} {key:?} {deleted} {from_former_user}"
            )
        }
        Record::Key { user, to, key, id, time } => {
            format!("key {user} {to} {key:?} {id} {}", time.as_millis())
        }
    }
}

fn names(profile: &crate::model::Profile) -> String {
    format!("{} {:?} {:?}", profile.user(), profile.full_name(), profile.country())
}

/// The dump as text, a line for each record.
pub(super) fn dump(store: &dyn Store) -> Vec<String> {
    let mut records = Vec::new();
    let dumped = store.dump(&mut |record| {
        records.push(show(record));
        Ok(())
    });
    dumped.expect("dump: shows everything");
    records
}

/// The dump sorted: the order of blocks, conversations and keys is not fixed.
pub(super) fn sorted_dump(store: &dyn Store) -> Vec<String> {
    let mut records = dump(store);
    records.sort();
    records
}

/// Users with conversations, notes, messages of former users, a cursor in the middle, and everything that comes with rooms,
/// blocks, keys and messages that were deleted.
pub(super) fn fill(store: &dyn Store) {
    add(store, &["messi", "henderson", "Lineker", "first", "second"]);
    let mut banned = account("zidane", "Zinédine");
    (banned.banned, banned.password) = (true, None);
    assert!(batch(store, |batch| batch.add_account(banned)), "add_account: adds an account");
    let users = ["messi", "henderson", "Lineker", "first", "second"].map(|user| profile(store, user));
    let mut middle = MessageId::NONE;
    for number in 0..30_u64 {
        let (from, to) = (&users[number as usize % 5], &users[number as usize / 2 % 3]);
        let line = [" a\r\n", "b\n", " ", "", " é\u{0}\n\r\n"][number as usize % 5];
        let mut message = message(to.user().as_str(), from, line);
        message.time = at(100 - number / 3);
        let appended = batch(store, |batch| batch.append(message, crate::store::Quota::UNLIMITED));
        let Appended::Stored(id) = appended else { panic!("append: stores a message to a user") };
        if number == 14 {
            middle = id;
            take(store, "messi");
        }
    }
    let moves = store.read_until("henderson", "messi", middle).expect("read_until: reads");
    assert!(batch(store, |batch| batch.take("henderson", moves.as_slice())), "take: does the moves");
    batch(store, |batch| Ok(batch.add_invitation(invitation(1, 3))? && batch.add_invitation(invitation(2, 1))?));
    fill_rooms(store);
    batch(store, |batch| Ok(batch.remove_account("first")? && batch.remove_account("second")?));
    add(store, &["second"]);
    send(store, "messi", &profile(store, "second"), " of the later one");
}

fn fill_rooms(store: &dyn Store) {
    create_room(store, "#bench", &["messi", "henderson", "first"]);
    create_room(store, "#Attack", &["Lineker"]);
    create_room(store, "#nobody", &[]);
    let [messi, henderson, first] = ["messi", "henderson", "first"].map(|user| profile(store, user));
    for (number, from) in [&messi, &henderson, &first, &messi, &henderson].into_iter().enumerate() {
        let key = MessageKey::parse(&format!("key {number}\u{1b}")).unwrap();
        let message = NewMessage { key: Some(&key), time: at(50), ..message("#bench", from, " in the room\r\n") };
        let appended = batch(store, |batch| batch.append(message, Quota::UNLIMITED));
        let Appended::Stored(id) = appended else { panic!("append: stores a message to a room") };
        match number {
            1 => {
                let read = store.read_until("messi", "#bench", id).expect("read_until: reads");
                assert!(batch(store, |batch| batch.take("messi", read.as_slice())), "take: does the moves");
            }
            2 => super::join(store, "#bench", "Lineker", false),
            3 => {
                let found = store.find_message("messi", id).expect("find_message: reads");
                let found = found.expect("find_message: a message that the user can see");
                assert!(batch(store, |batch| batch.delete(&found)), "delete: deletes a message");
            }
            _ => {}
        }
    }
    let direct = send(store, "Lineker", &messi, " to be deleted\n");
    let found = store.find_message("messi", direct).expect("find_message: reads");
    let found = found.expect("find_message: a message that the user can see");
    batch(store, |batch| {
        batch.delete(&found)?;
        batch.set_room("#bench", "Who sits \u{202e}there", false)?;
        batch.set_room_keep("#bench", KEEPS[0])?;
        batch.set_room_keep("#nobody", KEEPS[2])?;
        batch.set_standing("#bench", "zidane", Some(Standing::Invited), true)?;
        // Who has left stays the sender of what they have said.
        batch.set_standing("#bench", "henderson", None, true)?;
        batch.block("messi", "Lineker")?;
        batch.block("Lineker", "henderson")
    });
}

fn order(store: &dyn Store) {
    assert!(dump(store).is_empty(), "dump: of nothing, nothing");
    fill(store);
    let records = dump(store);
    let kinds: Vec<_> = records.iter().map(|record| record.split(' ').next().unwrap()).collect();
    let rank = |kind: &&str| {
        ["account", "invitation", "block", "conversation", "room", "message", "key"].iter().position(|it| it == kind)
    };
    assert!(
        kinds.is_sorted_by_key(rank),
        "dump: accounts, invitations, blocks, conversations, rooms, messages, keys: {records:#?}"
    );
    let of = |kind: &'static str| records.iter().filter(move |record| record.starts_with(kind));
    let users: Vec<_> = of("account").map(|record| record.split(' ').nth(1).unwrap()).collect();
    assert_eq!(users, ["Lineker", "henderson", "messi", "second", "zidane"], "dump: accounts in order of user name");
    let rooms: Vec<_> = of("room").map(|record| record.split(' ').nth(1).unwrap()).collect();
    assert_eq!(rooms, ["#Attack", "#bench", "#nobody"], "dump: rooms in order of name");
    let shown: Vec<_> = of("invitation").cloned().collect();
    let invitations = [invitation(2, 1), invitation(1, 3)].map(|it| show(Record::Invitation(&it)));
    assert_eq!(shown, invitations, "dump: invitations that were not used, in order of creation");
    assert!(of("message").is_sorted(), "dump: messages in order of their ids: {records:#?}");
    assert!(
        of("account zidane").all(|record| record.ends_with("None true")),
        "dump: accounts as they are: {records:#?}"
    );
    let conversations: BTreeSet<_> = of("conversation").collect();
    assert_eq!(conversations.len(), of("conversation").count(), "dump: each conversation once: {records:#?}");
    assert!(
        of("message").any(|record| record.ends_with("true")),
        "dump: unread messages of former users: {records:#?}"
    );
    let taken: usize = ["messi", "henderson", "Lineker"].map(|user| take(store, user).0.len()).iter().sum();
    assert!(taken > 9, "unread: all that the user has not read");
    let is_former = |record: &String| record.starts_with("message") && record.ends_with("true");
    let former: Vec<_> = dump(store).into_iter().filter(is_former).collect();
    assert!(
        former.iter().all(|record| record.contains(" to #bench ")),
        "Record::Message: direct ones of a former user are shown only as long as they are unread: {former:#?}"
    );
    assert_eq!(former.len(), 1, "Record::Message: those of a former user in a room are shown: {former:#?}");
}

fn rooms_and_their_members(store: &dyn Store) {
    fill(store);
    let (mut shown, mut keeps) = (Vec::new(), Vec::new());
    let dumped = store.dump(&mut |record| {
        if let Record::Room { name, title, open, keep, members } = record {
            let members: Vec<_> =
                members.iter().map(|it| (it.user.to_owned(), it.standing, it.since, it.read)).collect();
            shown.push((name.to_string(), title.to_owned(), open, members));
            keeps.push(keep);
        }
        Ok(())
    });
    assert!(dumped.is_ok(), "dump: shows everything");
    let page =
        store.history("messi", "#bench", crate::store::Position::After(MessageId::NONE), 9).expect("history: reads");
    let ids: Vec<_> = page.messages.iter().map(|message| message.id).collect();
    let none = MessageId::NONE;
    let members = vec![
        ("Lineker".to_owned(), Standing::Member, ids[2], ids[2]),
        ("messi".to_owned(), Standing::Owner, none, ids[1]),
        ("zidane".to_owned(), Standing::Invited, none, none),
    ];
    let bench = ("#bench".to_owned(), "Who sits \u{202e}there".to_owned(), false, members);
    assert_eq!(shown[1], bench, "Record::Room: title, whether it is open, and members in order of user name");
    let attack = vec![("Lineker".to_owned(), Standing::Owner, none, none)];
    assert_eq!(shown[0], ("#Attack".to_owned(), String::new(), true, attack), "Record::Room: a room");
    assert_eq!(
        shown[2],
        ("#nobody".to_owned(), String::new(), true, Vec::new()),
        "Record::Room: a room without members"
    );
    assert_eq!(keeps, [RoomKeep::default(), KEEPS[0], KEEPS[2]], "Record::Room::keep: how much of it is kept");
}

fn what_was_deleted(store: &dyn Store) {
    fill(store);
    let (mut deleted, mut keys, mut kept) = (0, BTreeSet::new(), BTreeSet::new());
    let dumped = store.dump(&mut |record| {
        match record {
            Record::Message { message, deleted: true, .. } => {
                assert_eq!(message.text, "", "Record::Message::deleted: its text is empty");
                deleted += 1;
            }
            Record::Message { message, .. } => drop(message.key.map(|key| kept.insert(key.as_str().to_owned()))),
            Record::Key { user, to, key, time, .. } => {
                assert_eq!((to, time), ("#bench", at(50)), "Record::Key: recipient and time of the message");
                keys.insert((user.to_owned(), key.as_str().to_owned()));
            }
            _ => {}
        }
        Ok(())
    });
    assert!(dumped.is_ok(), "dump: shows everything");
    assert_eq!(deleted, 2, "dump: messages that were deleted, too");
    let of = |user: &str, number| (user.to_owned(), format!("key {number}\u{1b}"));
    let all = BTreeSet::from([of("messi", 0), of("henderson", 1), of("messi", 3), of("henderson", 4)]);
    assert_eq!(keys, all, "dump: the keys that are remembered, of users who still exist");
    let others = [0, 1, 2, 4].map(|number| format!("key {number}\u{1b}"));
    assert!(others.iter().all(|key| kept.contains(key)), "Record::Message: its key is shown with it");
}

fn visits_that_fail(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let mut visits = 0;
    let outcome = store.dump(&mut |_| {
        visits += 1;
        Err(Error::Busy)
    });
    assert!(matches!(outcome, Err(Error::Busy)) && visits == 1, "dump: an error that `visit` returns ends it");
}
