//! Random steps, and after each a look at whether the engine and the model agree.

use std::sync::Arc;

use super::model::Model;
use super::moves::Move;
use super::news::{all_news, all_synced};
use super::pages::{compare_pages, limits, page, walk_pages};
use super::random::Random;
use super::rooms::KEEPS;
use super::views::Line;
use super::{Data, Fault, New, account, look, open, unread, unread_room};
use crate::model::{Inbox, MessageId, Profile};
use crate::store::{CommitError, CursorMove, FoundMessage, HistoryPage, Position, RoomMember, Standing, Store};

/// `B` comes before `a`.
const NAMES: [&str; 4] = ["a", "B", "c", "d"];
const ROOMS: [&str; 3] = ["#a", "#B", "#c"];
const STEPS: usize = 250;

pub(super) fn check(new: &New<'_>) {
    for seed in 0..6 {
        let data = new();
        Walk::new(&*data, seed).go();
    }
}

struct Walk<'a> {
    data: &'a dyn Data,
    random: Random,
    model: Model,
    /// Of profiles, also of those whose users were removed.
    profiles: Vec<Arc<Profile>>,
    /// What was taken, and by whom; the last one first when it is put back.
    taken: Vec<(String, Vec<CursorMove>)>,
    /// Whether something was deleted since the store was opened.
    deleted: bool,
}

impl<'a> Walk<'a> {
    fn new(data: &'a dyn Data, seed: u64) -> Self {
        let (random, model) = (Random::new(seed), Model::default());
        Self { data, random, model, profiles: Vec::new(), taken: Vec::new(), deleted: false }
    }

    fn go(mut self) {
        let mut steps = 0;
        while steps < STEPS {
            let store = &*open(self.data);
            if std::mem::take(&mut self.deleted) {
                // Moves are not kept: an engine may not know which of them pass what was deleted before.
                self.taken.clear();
            }
            self.compare(store);
            self.all_pages(store);
            // Only so often is it opened again.
            let until = if self.data.is_durable() { steps + STEPS / 3 + 1 } else { STEPS };
            while steps < until {
                self.step(store);
                self.compare(store);
                steps += 1;
                if steps % 50 == 0 {
                    self.all_pages(store);
                    store.tidy().expect("tidy: does what makes the next start fast");
                }
            }
            self.all_pages(store);
            store.check().expect("check: finds nothing wrong");
        }
    }

    fn name(&mut self) -> String {
        NAMES[self.random.below(NAMES.len())].to_owned()
    }

    fn room(&mut self) -> String {
        ROOMS[self.random.below(ROOMS.len())].to_owned()
    }

    /// A user or a room.
    fn somebody(&mut self) -> String {
        if self.random.below(5) < 2 { self.room() } else { self.name() }
    }

    /// A position near a message.
    fn somewhere(&mut self) -> MessageId {
        let last = self.model.newest.get() as usize;
        MessageId::new(self.random.below(last + 3) as u64).expect("ids are below 2^53")
    }

    fn next(&mut self, store: &dyn Store) -> Option<Move> {
        let (user, room) = (self.name(), self.room());
        Some(match self.random.below(123) {
            0..50 => {
                let (to, from) = (self.somebody(), Arc::clone(self.random.pick(&self.profiles)?));
                let line = [" a\r\n", "b\n", "", " ", " longer, and é\r\n"][self.random.below(5)].to_owned();
                let key = (self.random.below(3) == 0).then(|| self.random.below(12).to_string());
                Move::Append { to, from, line, second: self.random.below(1000) as u64, key }
            }
            50..57 => Move::Take { moves: unread(store, &user).1, user },
            57..62 => Move::Take { moves: unread_room(store, &user, &room).1, user },
            62..70 => {
                let (with, upto) = (self.somebody(), self.somewhere());
                let it = store.read_until(&user, &with, upto).expect("read_until: reads");
                Move::Take { user, moves: it.into_iter().collect() }
            }
            70..79 => {
                let (user, moves) = match self.random.below(4) {
                    0 => self.random.pick(&self.taken)?.clone(),
                    _ => self.taken.pop()?,
                };
                Move::PutBack { user, moves }
            }
            79..85 => Move::Delete(self.find_some(store, &user)?),
            85..93 => {
                let full_name = format!("{user} the {}th", self.random.below(1000));
                let profile = account(&user, &full_name).profile;
                let exists = self.model.users.contains_key(&user);
                if exists { Move::Rename(profile) } else { Move::Add(profile) }
            }
            93..97 => Move::Remove(user),
            97..101 => {
                let (other, blocked) = (self.name(), self.random.below(2) == 0);
                (other != user).then_some(Move::Block { user, other, blocked })?
            }
            101..105 => {
                let (title, open) = (self.random.below(9).to_string(), self.random.below(2) == 0);
                let exists = self.model.rooms.contains_key(&room);
                if exists { Move::SetRoom { room, title, open } } else { Move::CreateRoom { room, title, open } }
            }
            105..107 => Move::RemoveRoom(room),
            120.. => Move::KeepRoom { room, keep: *self.random.pick(&KEEPS)? },
            _ => {
                let standings = [None, Some(Standing::Invited), Some(Standing::Member), Some(Standing::Owner)];
                let standing = standings[self.random.below(8).min(3)];
                Move::Standing { room, user, standing, sees_history: self.random.below(2) == 0 }
            }
        })
    }

    /// A message that `user` can see.
    fn find_some(&mut self, store: &dyn Store, user: &str) -> Option<FoundMessage> {
        let all = self.model.all(user);
        let id = self.random.pick(&all)?.id;
        store.find_message(user, id).expect("find_message: reads")
    }

    fn step(&mut self, store: &dyn Store) {
        let Some(step) = self.next(store) else { return };
        let mut after = self.model.clone();
        let mut batch = store.begin();
        let done = step.make(&mut *batch, &mut after);
        let is_to_fail = done && self.random.below(10) == 0;
        let fault = Fault::ALL[self.random.below(Fault::ALL.len())];
        let fails = is_to_fail && self.data.fail_next_commit(fault);
        match batch.commit() {
            Ok(()) => assert!(!fails, "commit: a failure is told"),
            Err(problem) if !fails => panic!("commit: nothing has made it fail, but: {problem}"),
            Err(CommitError::Undone(_)) => return,
            Err(CommitError::Unknown(_)) => {
                if !self.has_happened(store, &after) {
                    return;
                }
            }
        }
        self.model = after;
        if done && step.ends_memberships() {
            let is_room = |it: &CursorMove| it.with.as_ref().is_some_and(|with| with.as_str().starts_with('#'));
            self.taken.retain(|(_, moves)| !moves.iter().any(is_room));
        }
        self.deleted |= matches!(step, Move::Delete(_));
        if let Move::Take { user, moves } = &step
            && done
        {
            self.taken.push((user.clone(), moves.clone()));
        }
        if let Move::Add(profile) | Move::Rename(profile) = step {
            self.profiles.push(profile);
        }
    }

    /// Whether the engine shows what `after` has, or else what the model has.
    fn has_happened(&self, store: &dyn Store, after: &Model) -> bool {
        let (now, before, after) = (seen(store), should_be_seen(&self.model), should_be_seen(after));
        let all = now.iter().zip(&before).zip(&after);
        let unlike: Vec<_> = all.filter(|((now, before), after)| now != before || now != after).collect();
        let law = "CommitError::Unknown: all of it or nothing has happened";
        assert!(now == after || now == before, "{law}, but what is there, was there and should be there: {unlike:#?}");
        now == after
    }

    fn compare(&mut self, store: &dyn Store) {
        let (user, with, room) = (self.name(), self.somebody(), self.room());
        let (inbox, moves) = unread(store, &user);
        let law = "unread: all direct messages that the user has not read, in order of arrival";
        assert_eq!(inbox_lines(&inbox), self.model.unread(&user), "{law}");
        self.model.check_unread_moves(&user, None, &moves);
        let (inbox, moves) = unread_room(store, &user, &room);
        let law = "read_unread_room: what others have sent to the room after the cursor, in order of arrival";
        assert_eq!(inbox_lines(&inbox), self.model.unread_in_room(&user, &room), "{law}");
        self.model.check_unread_moves(&user, Some(&room), &moves);
        for user in NAMES {
            let states = look(store, |batch| batch.conversations(user));
            let law = "conversations: those with users who still exist, and the rooms that the user is a member of";
            assert_eq!(states, self.model.conversations(user), "{law}");
        }
        let one = look(store, |batch| batch.conversation(&user, &with));
        assert_eq!(one, self.model.conversation(&user, &with), "conversation: one of `conversations`");
        self.compare_rooms(store, &user);

        let upto = self.somewhere();
        let read = store.read_until(&user, &with, upto).expect("read_until: reads");
        let read = read.map(|it| CursorMove { conversation: 0, ..it });
        assert_eq!(read, self.model.read_until(&user, &with, upto), "read_until: the move up to the message");
        let found = store.find_message(&user, upto).expect("find_message: reads");
        let found = found.map(|it| FoundMessage { conversation: 0, ..it });
        assert_eq!(found, self.model.find(&user, upto), "find_message: what the user can see and was not deleted");
        let expected = self.model.history(&user, &with);
        let position = if self.random.below(2) == 0 { Position::After(upto) } else { Position::Before(upto) };
        let limit = 1 + self.random.below(9);
        let history = store.history(&user, &with, position, limit).expect("history: reads");
        compare_pages(&history, &page(&expected, position, limit), "history");
        let sync = store.sync(&user, upto, limit).expect("sync: reads");
        let sync = HistoryPage::new(sync.messages, sync.more);
        compare_pages(&sync, &page(&self.model.all(&user), Position::After(upto), limit), "sync");
        self.compare_news(store, upto);
    }

    fn compare_rooms(&self, store: &dyn Store, user: &str) {
        let rooms = look(store, |batch| batch.rooms("", usize::MAX));
        let expected: Vec<_> = self.model.rooms.keys().filter_map(|room| self.model.room(room)).collect();
        assert_eq!(rooms, expected, "rooms: all, in order of name");
        let open: Vec<_> = expected.into_iter().filter(|room| room.open).collect();
        let found = look(store, |batch| batch.open_rooms("", usize::MAX));
        assert_eq!(found, open, "open_rooms: all that are open, in order of name");
        let accounts = look(store, |batch| batch.accounts("", usize::MAX));
        let users = accounts.iter().map(|account| account.profile.user().as_str());
        assert!(users.eq(self.model.users.keys()), "accounts: all, in order of user name");
        for room in ROOMS {
            let members = look(store, |batch| batch.members(room, "", usize::MAX));
            assert_eq!(members, seats(&self.model, room), "members: all and those who are invited");
        }
        let blocks = look(store, |batch| batch.blocks(user));
        let blocks: Vec<_> = blocks.iter().map(|profile| profile.user().as_str()).collect();
        let expected = self.model.blocks.iter().filter(|(one, _)| one == user).map(|(_, other)| other.as_str());
        assert_eq!(blocks, expected.collect::<Vec<_>>(), "blocks: whom the user has blocked, in order of user name");
    }

    fn compare_news(&self, store: &dyn Store, after: MessageId) {
        let news = all_news(store, after).into_iter().filter(|it| !self.model.is_former(it.id));
        let news: Vec<_> = news.map(|it| (it.id, it.to.to_string(), it.deleted)).collect();
        assert_eq!(news, self.model.news(after), "news: what is committed and not gone, of all conversations");
        let (last, law) = (store.last_message(), "last_message: the last message that is committed");
        assert!(last >= self.model.last(), "{law}");
        if self.model.last() == self.model.newest && !self.model.messages.is_empty() {
            assert_eq!(last, self.model.newest, "{law}");
        }
    }

    /// Pages through everything.
    fn all_pages(&self, store: &dyn Store) {
        for user in NAMES {
            let all = self.model.all(user);
            for limit in limits(all.len()) {
                let synced = HistoryPage::new(all_synced(store, user, MessageId::NONE, limit), false);
                compare_pages(&synced, &HistoryPage::new(all.clone(), false), "sync");
            }
            for with in NAMES.into_iter().chain(ROOMS) {
                let messages = self.model.history(user, with);
                for limit in limits(messages.len()) {
                    for is_forward in [true, false] {
                        let page = |position| store.history(user, with, position, limit);
                        walk_pages(&messages, limit, is_forward, "history", page);
                    }
                }
            }
        }
    }
}

fn inbox_lines(inbox: &Inbox) -> Vec<Line> {
    let show = |it: crate::model::Message<'_>| {
        (it.from.full_name().to_owned(), it.from.user().to_string(), it.text.to_owned())
    };
    inbox.iter().map(show).collect()
}

fn seats(model: &Model, room: &str) -> Vec<RoomMember> {
    let seats = model.rooms.get(room).into_iter().flat_map(|room| &room.seats);
    let show = |(user, seat): (&String, &super::model::Seat)| RoomMember {
        user: Arc::clone(&model.users[user].profile),
        standing: seat.standing,
    };
    seats.map(show).collect()
}

/// All that a step can change, as text.
fn seen(store: &dyn Store) -> Vec<String> {
    let mut all = Vec::new();
    for user in NAMES {
        let account = look(store, |batch| batch.account(user));
        let name = account.map(|account| account.profile.full_name().to_owned());
        let (states, blocks) = look(store, |batch| Ok((batch.conversations(user)?, batch.blocks(user)?)));
        let blocks: Vec<_> = blocks.iter().map(|profile| profile.user().to_string()).collect();
        let messages = store.sync(user, MessageId::NONE, usize::MAX).expect("sync: reads").messages;
        let deleted: Vec<_> = messages.iter().map(|message| message.deleted).collect();
        all.push(format!("{user} {name:?} {states:?} {} {blocks:?} {deleted:?}", unread(store, user).0.len()));
    }
    for room in ROOMS {
        let (state, members) = look(store, |batch| Ok((batch.room(room)?, batch.members(room, "", usize::MAX)?)));
        all.push(format!("{state:?} {members:?}"));
    }
    all
}

fn should_be_seen(model: &Model) -> Vec<String> {
    let mut all = Vec::new();
    for user in NAMES {
        let name = model.users.get(user).map(|person| person.profile.full_name().to_owned());
        let blocks: Vec<_> = model.blocks.iter().filter(|(one, _)| one == user).map(|(_, other)| other).collect();
        let deleted: Vec<_> = model.all(user).iter().map(|message| message.deleted).collect();
        let (states, unread) = (model.conversations(user), model.unread(user).len());
        all.push(format!("{user} {name:?} {states:?} {unread} {blocks:?} {deleted:?}"));
    }
    for room in ROOMS {
        all.push(format!("{:?} {:?}", model.room(room), seats(model, room)));
    }
    all
}
