//! Rooms that keep more or less than the whole chat.

use std::collections::BTreeMap;

use super::retention::Wall;
use super::tests::{account, filled};
use super::upkeep::Work;
use super::*;
use crate::limits::SWEEP_INTERVAL;
use crate::model::{Framing, RoomName};
use crate::store::{Appended, Conversations as _, NewMessage, Quota, Record, RoomKeep, Standing};

const DAY: Duration = Duration::from_secs(86_400);
const ALL: RoomKeep = RoomKeep { age: Some(Duration::MAX), messages: Some(u64::MAX), bytes: Some(u64::MAX) };

/// A store with these rooms, in which messi and henderson are.
fn rooms(directory: &Path, rooms: &[(&str, RoomKeep)]) -> Arc<Core> {
    let store = filled(directory, 0);
    for (room, keep) in rooms {
        let index = &mut store.state().index;
        assert!(index.create_room(&RoomName::parse(room).unwrap(), "", true));
        assert!(index.set_room_keep(room, *keep));
        for user in ["messi", "henderson"] {
            assert!(index.set_standing(room, user, Some(Standing::Member), true));
        }
    }
    Arc::new(store)
}

fn say(store: &Core, room: &str, day: u64, length: usize) {
    let (from, text) = (account("messi").profile, "x".repeat(length));
    let time = Timestamp::EPOCH.after(DAY * day.try_into().unwrap());
    let message = NewMessage { to: room, from: &from, text: &text, framing: Framing::DEFAULT, time, key: None };
    let appended = store.state().index.append(&message, Quota::UNLIMITED).unwrap();
    assert!(matches!(appended, Appended::Stored(_)));
}

/// Has the background thread sweep once, on that day.
fn sweep(store: &Arc<Core>, keep_read: KeepRead, keep: Keep, day: u64) -> Retention {
    let start = Instant::now();
    let retention = || Retention::new(keep_read, keep, Wall::at(day), Timestamp::EPOCH, start);
    let mut upkeep = Work::new(Arc::clone(store), Arc::new(retention()), false, start);
    upkeep.turn(start).unwrap();
    upkeep.turn(start + SWEEP_INTERVAL).unwrap();
    store.check().unwrap();
    retention()
}

/// How many messages a room has, of which henderson has read none.
fn left(store: &Core, room: &str) -> usize {
    let page = pages::history(store, "henderson", room, Position::Before(MessageId::MAX), 1000).unwrap();
    assert!(!page.more);
    let unread = store.state().index.conversation("henderson", room).unwrap().unread;
    assert_eq!(page.messages.len(), unread, "{room}");
    unread
}

/// How many messages of each room a dump shows.
fn dumped(store: &Core, retention: &Retention) -> BTreeMap<String, usize> {
    let mut rooms = BTreeMap::new();
    let mut count = |record: Record<'_>| {
        if let Record::Message { message, .. } = record {
            *rooms.entry(message.to.to_owned()).or_default() += 1;
        }
        Ok(())
    };
    store.dump(retention.keeps(Instant::now()), &mut count).unwrap();
    rooms
}

#[test]
fn a_room_has_limits_of_its_own() {
    let messages = |number| RoomKeep { messages: Some(number), ..RoomKeep::default() };
    let bytes = |number| RoomKeep { bytes: Some(number), ..RoomKeep::default() };
    let of_messages = (Keep { messages: Some(40), bytes: None }, messages(10), messages(u64::MAX));
    let of_bytes = (Keep { messages: None, bytes: Some(40_500) }, bytes(10_500), bytes(u64::MAX));
    for (keep, few, all) in [of_messages, of_bytes] {
        let directory = tempfile::tempdir().unwrap();
        let store = rooms(directory.path(), &[("#few", few), ("#all", all), ("#usual", RoomKeep::default())]);
        // A block has some 5 of each room.
        (0..100).for_each(|_| ["#few", "#all", "#usual"].iter().for_each(|room| say(&store, room, 0, 1000)));
        store.group.flush().unwrap();
        let look = |store: &Core| ["#few", "#all", "#usual"].map(|room| left(store, room));
        assert_eq!(look(&store), [100; 3]);
        sweep(&store, KeepRead::Forever, keep, 0);
        let [few, all, usual] = look(&store);
        assert_eq!((few, all), (10, 100), "exactly as many, and all");
        assert!((34..=40).contains(&usual), "those of other rooms do not count: {usual}");
        store.finish().unwrap();
        drop(store);
        let store = Arc::new(Core::open(Box::new(Sqlite::open(directory.path(), false).unwrap())).unwrap());
        assert_eq!(look(&store), [few, all, usual]);
        say(&store, "#few", 0, 1000);
        store.group.flush().unwrap();
        sweep(&store, KeepRead::Forever, keep, 0);
        assert_eq!(look(&store), [10, all, usual], "the rooms remember it");
    }
}

#[test]
fn a_room_has_an_age_of_its_own() {
    let age = |days: u32| RoomKeep { age: Some(DAY * days), ..RoomKeep::default() };
    let directory = tempfile::tempdir().unwrap();
    let all = [("#short", age(10)), ("#long", ALL), ("#none", age(0)), ("#usual", RoomKeep::default())];
    let store = rooms(directory.path(), &all);
    for day in [0, 50, 99] {
        all.iter().for_each(|(room, _)| say(&store, room, day, 10));
        // Another block.
        store.group.flush().unwrap();
    }
    let everything =
        Retention::new(KeepRead::Everything, Keep::default(), Wall::at(100), Timestamp::EPOCH, Instant::now());
    assert_eq!(dumped(&store, &everything).into_values().sum::<usize>(), 12, "a task sees all that is there");
    let retention =
        Retention::new(KeepRead::For(90 * DAY), Keep::default(), Wall::at(100), Timestamp::EPOCH, Instant::now());
    let kept = [("#long", 3), ("#short", 1), ("#usual", 2)].map(|(room, count)| (room.to_owned(), count));
    assert_eq!(dumped(&store, &retention), kept.clone().into(), "a dump has what is kept");
    sweep(&store, KeepRead::Everything, Keep::default(), 100);
    assert_eq!(dumped(&store, &everything).into_values().sum::<usize>(), 12, "a task drops nothing");
    sweep(&store, KeepRead::For(90 * DAY), Keep::default(), 100);
    assert_eq!(dumped(&store, &everything), kept.into());
    assert_eq!(all.map(|(room, _)| left(&store, room)), [1, 3, 0, 2]);
}

/// Messages that a room drops by itself took the place of others, which were dropped for them.
#[test]
fn what_a_room_drops_does_not_count_for_the_chat() {
    let age = RoomKeep { age: Some(10 * DAY), ..RoomKeep::default() };
    let bytes = RoomKeep { bytes: Some(0), ..RoomKeep::default() };
    for keep in [age, bytes] {
        let directory = tempfile::tempdir().unwrap();
        let store = rooms(directory.path(), &[("#own", keep), ("#usual", RoomKeep::default())]);
        // A third of each block, which is not worth rewriting it.
        (0..48).for_each(|number| say(&store, ["#own", "#usual", "#usual"][number % 3], 0, 1000));
        store.group.flush().unwrap();
        for _ in 0..2 {
            sweep(&store, KeepRead::Forever, Keep { messages: Some(40), bytes: None }, 20);
            assert_eq!([left(&store, "#own"), left(&store, "#usual")], [0, 32]);
        }
    }
}

/// Where the chat itself drops nothing, nobody looked at the rooms.
#[test]
fn limits_of_rooms_alone_are_enough() {
    let age = RoomKeep { age: Some(DAY), ..RoomKeep::default() };
    let messages = RoomKeep { messages: Some(3), ..RoomKeep::default() };
    for keep in [age, messages] {
        let directory = tempfile::tempdir().unwrap();
        let store = rooms(directory.path(), &[("#usual", RoomKeep::default()), ("#some", keep)]);
        (0..10).for_each(|_| ["#usual", "#some"].iter().for_each(|room| say(&store, room, 0, 10)));
        store.group.flush().unwrap();
        (0..3).for_each(|_| ["#usual", "#some"].iter().for_each(|room| say(&store, room, 8, 10)));
        store.group.flush().unwrap();
        sweep(&store, KeepRead::Forever, Keep::default(), 8);
        assert_eq!([left(&store, "#usual"), left(&store, "#some")], [13, 3]);
        assert!(store.state().index.set_room_keep("#some", ALL));
        (0..3).for_each(|_| say(&store, "#some", 20, 10));
        store.group.flush().unwrap();
        sweep(&store, KeepRead::No, Keep { messages: Some(1), bytes: Some(1) }, 30);
        assert_eq!([left(&store, "#usual"), left(&store, "#some")], [0, 6], "or keep what the chat drops");
    }
}

/// The messages of a room that are dropped are no longer unread, wherever in a block the first one lies that stays.
#[test]
fn cursors_are_right_in_the_middle_of_a_block() {
    let directory = tempfile::tempdir().unwrap();
    let keep = RoomKeep { messages: Some(4), ..RoomKeep::default() };
    let store = rooms(directory.path(), &[("#some", keep)]);
    (0..10).for_each(|_| say(&store, "#some", 0, 10));
    store.group.flush().unwrap();
    let all = pages::history(&*store, "henderson", "#some", Position::After(MessageId::NONE), 99).unwrap().messages;
    let step = pages::read_until(&*store, "henderson", "#some", all[7].id).unwrap().unwrap();
    assert!(super::batch::begin(&store, None).take("henderson", &[step]).unwrap());
    sweep(&store, KeepRead::Forever, Keep::default(), 0);
    let unread = || store.state().index.conversation("henderson", "#some").unwrap().unread;
    assert_eq!(unread(), 2);
    let page = pages::history(&*store, "henderson", "#some", Position::After(MessageId::NONE), 99).unwrap();
    assert_eq!(
        page.messages.iter().map(|it| it.id).collect::<Vec<_>>(),
        all[6..].iter().map(|it| it.id).collect::<Vec<_>>()
    );
    let news = pages::news(&*store, MessageId::NONE).unwrap();
    assert_eq!(news.messages.len(), 4);
    say(&store, "#some", 0, 10);
    store.group.flush().unwrap();
    assert_eq!(unread(), 3);
    sweep(&store, KeepRead::Forever, Keep::default(), 0);
    assert_eq!(unread(), 3);
}
