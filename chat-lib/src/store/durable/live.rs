//! Rooms with limits, keys and deleted messages on a hostile backend: random steps, with compactions, failed commits and crashes between
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::hostile::{Hostile, begin};
use super::paging::Random;
use super::tests::account;
use super::*;
use crate::limits::PUT_BACK_TIME;
use crate::model::{Framing, MessageKey, Profile, RoomName};
use crate::store::log::Block;
use crate::store::{Appended, NewMessage, Quota, RoomKeep, Standing};

const USERS: [&str; 3] = ["henderson", "lineker", "messi"];
const ROOMS: [&str; 2] = ["#bench", "#pitch"];

/// What is committed, but for what was dropped.
#[derive(Clone, Default)]
struct Model {
    /// By room: the messages with their senders, and the members with their cursors.
    rooms: BTreeMap<&'static str, Room>,
    direct: Vec<(u64, &'static str, &'static str)>,
    deleted: BTreeSet<u64>,
    /// By sender and key: the message and its recipient.
    keys: BTreeMap<(&'static str, u64), (u64, &'static str)>,
    /// The last moves that were done, and by whom.
    taken: Vec<(&'static str, CursorMove)>,
}

#[derive(Clone, Default)]
struct Room {
    messages: Vec<(u64, &'static str)>,
    members: BTreeMap<&'static str, u64>,
    keep: RoomKeep,
}

impl Model {
    /// How much a member has not read of what is left after the message `gone`.
    fn unread(&self, room: &str, user: &str, gone: u64) -> Option<usize> {
        let room = self.rooms.get(room)?;
        let cursor = *room.members.get(user)?;
        let is_unread =
            |(id, from): &&(u64, &str)| *id > cursor.max(gone) && *from != user && !self.deleted.contains(id);
        Some(room.messages.iter().filter(is_unread).count())
    }
}

struct Walk {
    disk: Hostile,
    store: Core,
    model: Model,
    random: Random,
    profiles: BTreeMap<&'static str, Arc<Profile>>,
}

impl Walk {
    fn begin(seed: u64) -> Self {
        let disk = Hostile::syncing();
        let store = Core::open(Box::new(disk.clone())).unwrap();
        let profiles: BTreeMap<_, _> = USERS.iter().map(|user| (*user, account(user).profile)).collect();
        let mut walk = Self { disk, store, model: Model::default(), random: Random(seed), profiles };
        let mut batch = begin(&walk.store);
        USERS.iter().for_each(|user| assert!(batch.add_account(account(user)).unwrap()));
        for room in ROOMS {
            assert!(batch.create_room(&RoomName::parse(room).unwrap(), "", true).unwrap());
            walk.model.rooms.insert(room, Room::default());
        }
        batch.commit().unwrap();
        walk
    }

    /// Commits steps, or sees them undone.
    fn commit(
        &mut self,
        steps: impl Fn(&mut dyn Batch, &mut Model, &mut Random, &BTreeMap<&'static str, Arc<Profile>>),
    ) {
        let mut now = self.model.clone();
        let mut batch = begin(&self.store);
        steps(&mut *batch, &mut now, &mut self.random, &self.profiles);
        if self.random.below(5) == 0 {
            self.disk.fail_after(0);
        }
        if batch.commit().is_ok() {
            self.model = now;
        }
        self.disk.fail_after(usize::MAX);
    }

    fn step(&mut self) {
        match self.random.below(15) {
            0..=4 => self.commit(|batch, now, random, profiles| {
                (0..=random.below(60)).for_each(|_| send(batch, now, random, profiles));
            }),
            5 | 6 => self.commit(|batch, now, random, _| {
                let (room, user) = (ROOMS[random.below(2)], USERS[random.below(3)]);
                let standing = [None, Some(Standing::Member), Some(Standing::Owner)][random.below(3)];
                assert!(batch.set_standing(room, user, standing, random.below(2) == 0).unwrap());
                let members = &mut now.rooms.get_mut(room).unwrap().members;
                let last = batch.conversation(user, room).unwrap().map_or(0, |state| state.read.get());
                match standing {
                    None => drop(members.remove(user)),
                    Some(_) => drop(members.entry(user).or_insert(last)),
                }
            }),
            7 => {
                let (room, user) = (ROOMS[self.random.below(2)], USERS[self.random.below(3)]);
                let last = self.store.state().index.committed.get();
                let upto = MessageId::new(self.random.below(last as usize + 10) as u64).unwrap();
                let Some(step) = pages::read_until(&self.store, user, room, upto).unwrap() else { return };
                self.commit(|batch, now, _, _| {
                    assert!(batch.take(user, std::slice::from_ref(&step)).unwrap());
                    now.rooms.get_mut(room).unwrap().members.insert(user, step.to.get());
                    now.taken.push((user, step.clone()));
                });
            }
            8 => {
                let Some((user, step)) = self.model.taken.pop() else { return };
                self.commit(|batch, now, _, _| {
                    if batch.put_back(user, std::slice::from_ref(&step)).unwrap() {
                        let room = step.with.as_ref().unwrap().as_str();
                        *now.rooms.get_mut(room).unwrap().members.get_mut(user).unwrap() = step.from.get();
                    }
                });
            }
            9 => {
                let last = self.store.state().index.committed.get() as usize;
                let id = MessageId::new(self.random.below(last + 1) as u64).unwrap();
                let found: Vec<_> =
                    USERS.iter().filter_map(|user| pages::find_message(&self.store, user, id).unwrap()).collect();
                let Some(found) = found.into_iter().next() else { return };
                self.commit(|batch, now, _, _| {
                    assert!(batch.delete(&found).unwrap());
                    assert!(!batch.delete(&found).unwrap());
                    now.deleted.insert(id.get());
                });
            }
            10 => {
                self.disk.fail_after(self.random.below(40));
                match self.random.below(2) {
                    0 => drop(self.store.purge()),
                    _ => self.compact(),
                }
                self.disk.fail_after(usize::MAX);
            }
            11 | 12 => self.commit(|batch, now, random, _| {
                let room = ROOMS[random.below(2)];
                let mut limit = |limits: [Option<u64>; 4]| limits[random.below(4)];
                let age = limit([None, Some(0), Some(u64::MAX), Some(u64::MAX)]);
                let messages = limit([None, Some(3), Some(10), Some(u64::MAX)]);
                let bytes = limit([None, Some(4000), Some(u64::MAX), Some(u64::MAX)]);
                let keep = RoomKeep::from_numbers([age, messages, bytes]);
                assert!(batch.set_room_keep(room, keep).unwrap());
                now.rooms.get_mut(room).unwrap().keep = keep;
            }),
            13 => self.compact(),
            _ => {
                if self.random.below(3) == 0 {
                    self.store.finish().unwrap();
                }
                self.disk.crash();
                self.store = Core::open(Box::new(self.disk.clone())).unwrap();
                // The moves were made out by another process.
                self.model.taken.clear();
            }
        }
    }

    /// Compacts, and looks whether what is left of rooms is what they may keep.
    fn compact(&mut self) {
        let before = self.left();
        let (nth, mut blocks, keep) = (self.random.below(4), BTreeSet::new(), self.random.below(2) == 0);
        let keeps = |block: &Block, age: Option<Duration>| match age {
            Some(age) => age > Duration::ZERO,
            None => {
                blocks.insert(block.first);
                nth == 3 || nth > 0 && blocks.len() > 2 * nth
            }
        };
        let keep = Keep { messages: keep.then_some(30), bytes: None };
        if !matches!(self.store.compact(Instant::now() + 2 * PUT_BACK_TIME, keep, keeps), Ok(Some(_))) {
            return;
        }
        let left = self.left();
        for (room, Room { keep, .. }) in &self.model.rooms {
            let (before, left) = (before[room], left[room]);
            let messages = keep.messages.unwrap_or(u64::MAX);
            assert!(left as u64 <= messages && left <= before, "{room}: {before}, {left} {keep:?}");
            match (keep.age, keep.bytes) {
                (Some(Duration::ZERO), _) => assert_eq!(left, 0, "{room}"),
                (Some(Duration::MAX), Some(u64::MAX)) if keep.messages.is_some() => {
                    assert_eq!(left as u64, messages.min(before as u64), "{room}: {keep:?}");
                }
                _ => {}
            }
        }
    }

    /// How many messages of each room were not dropped.
    fn left(&self) -> BTreeMap<&'static str, usize> {
        self.store.group.flush().ok();
        let gone = self.gone();
        let left = |(room, it): (&&'static str, &Room)| {
            (*room, it.messages.iter().filter(|(id, _)| *id > gone[*room]).count())
        };
        self.model.rooms.iter().map(left).collect()
    }

    /// Up to which message those of each room were dropped.
    fn gone(&self) -> BTreeMap<String, u64> {
        let index = &self.store.state().index;
        let gone = index.rooms_gone();
        index.room_rows().map(|(id, row, _)| (row.name.to_string(), gone[&id].get())).collect()
    }

    fn look(&mut self) {
        self.store.group.flush().unwrap();
        self.store.check().unwrap();
        let gone = self.gone();
        for room in ROOMS {
            let keep = self.store.state().index.room(room).unwrap().keep;
            assert_eq!(keep, self.model.rooms[room].keep);
            for user in USERS {
                let state = self.store.state().index.conversation(user, room);
                let wanted = self.model.unread(room, user, gone[room]);
                assert_eq!(state.map(|state| state.unread), wanted, "{user} in {room}");
                let Unread::Messages { inbox, moves } =
                    pages::read_unread_room(&self.store, user, room, usize::MAX).unwrap()
                else {
                    panic!()
                };
                assert_eq!((inbox.len(), moves.len()), (wanted.unwrap_or(0), usize::from(wanted.unwrap_or(0) > 0)));
            }
        }
        self.look_at_news(&gone);
        self.look_at_keys();
    }

    fn look_at_news(&self, gone: &BTreeMap<String, u64>) {
        let (mut after, mut news) = (MessageId::NONE, Vec::new());
        while after < self.store.state().index.committed {
            let page = pages::news(&self.store, after).unwrap();
            assert!(page.upto > after);
            news.extend(page.messages.iter().map(|message| (message.id.get(), message.deleted)));
            after = page.upto;
        }
        let in_rooms = self.model.rooms.iter().flat_map(|(room, Room { messages, .. })| {
            messages.iter().map(|(id, _)| *id).filter(|id| *id > gone[*room])
        });
        let wanted: BTreeMap<_, _> = in_rooms.map(|id| (id, self.model.deleted.contains(&id))).collect();
        let direct: BTreeSet<_> = self.model.direct.iter().map(|(id, ..)| *id).collect();
        let (found, found_direct): (BTreeMap<_, _>, BTreeMap<_, _>) =
            news.iter().copied().partition(|(id, _)| !direct.contains(id));
        assert_eq!(found, wanted);
        assert!(found_direct.iter().all(|(id, deleted)| *deleted == self.model.deleted.contains(id)));
        // Nobody has read them.
        assert_eq!(found_direct.len(), direct.len());
    }

    fn look_at_keys(&self) {
        for ((from, key), (id, to)) in &self.model.keys {
            let key = MessageKey::parse(&key.to_string()).unwrap();
            let from = &self.profiles[from];
            let append = |to| {
                let time = Timestamp::EPOCH;
                let message = NewMessage { to, from, text: "x", framing: Framing::DEFAULT, time, key: Some(&key) };
                self.store.state().index.append(&message, Quota::UNLIMITED).unwrap()
            };
            assert_eq!(append(to), Appended::Known(MessageId::new(*id).unwrap(), Timestamp::EPOCH));
            assert_eq!(append("nobody"), Appended::KeyReused);
        }
    }
}

fn send(batch: &mut dyn Batch, now: &mut Model, random: &mut Random, profiles: &BTreeMap<&'static str, Arc<Profile>>) {
    let from = USERS[random.below(3)];
    let to = [USERS[0], ROOMS[0], ROOMS[1]][random.below(3)];
    let number = random.below(2000) as u64;
    let key = MessageKey::parse(&number.to_string()).unwrap();
    let known = now.keys.get(&(from, number)).copied();
    let key = if known.is_none() && random.below(3) == 0 { Some(&key) } else { None };
    let text = "x".repeat([1, 10, 3000][random.below(3)]);
    let message =
        NewMessage { to, from: &profiles[from], text: &text, framing: Framing::DEFAULT, time: Timestamp::EPOCH, key };
    let is_member = now.rooms.get(to).is_none_or(|room| room.members.contains_key(from));
    match batch.append(message, Quota::UNLIMITED).unwrap() {
        Appended::Stored(id) => {
            assert!(is_member);
            match now.rooms.get_mut(to) {
                Some(room) => room.messages.push((id.get(), from)),
                None => now.direct.push((id.get(), to, from)),
            }
            if key.is_some() {
                now.keys.insert((from, number), (id.get(), to));
            }
        }
        Appended::NotAMember => assert!(!is_member),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rooms_keys_and_deletions_survive_everything() {
    for seed in 0..6 {
        let mut walk = Walk::begin(seed);
        for _ in 0..60 {
            walk.step();
            walk.look();
        }
    }
}
