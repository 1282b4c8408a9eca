//! Random steps, and after each a look at whether the engine and the model agree.

use std::sync::Arc;

use super::model::{Model, Person, page};
use super::random::Random;
use super::{Data, Fault, New, account, at, look, message, open, unread};
use crate::model::{HistoryMessage, MessageId, Profile};
use crate::store::{Appended, Batch, CommitError, CursorMove, HistoryPage, Position, Quota, Store};

/// `B` comes before `a`.
const NAMES: [&str; 4] = ["a", "B", "c", "d"];
const STEPS: usize = 250;

pub(super) fn check(new: &New<'_>) {
    for seed in 0..4 {
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
}

/// One kind of step each, chosen before it is known whether it happens.
enum Move {
    Append { to: String, from: Arc<Profile>, line: String, second: u64 },
    Take { user: String, moves: Vec<CursorMove> },
    PutBack { user: String, moves: Vec<CursorMove> },
    Add(Arc<Profile>),
    Rename(Arc<Profile>),
    Remove(String),
}

impl<'a> Walk<'a> {
    fn new(data: &'a dyn Data, seed: u64) -> Self {
        Self { data, random: Random::new(seed), model: Model::default(), profiles: Vec::new(), taken: Vec::new() }
    }

    fn go(mut self) {
        let mut steps = 0;
        while steps < STEPS {
            let store = &*open(self.data);
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

    fn next(&mut self, store: &dyn Store) -> Option<Move> {
        let user = self.name();
        Some(match self.random.below(100) {
            0..55 => {
                let from = Arc::clone(self.random.pick(&self.profiles)?);
                let line = [" a\r\n", "b\n", "", " ", " longer, and é\r\n"][self.random.below(5)].to_owned();
                Move::Append { to: user, from, line, second: self.random.below(1000) as u64 }
            }
            55..65 => Move::Take { moves: unread(store, &user).1, user },
            65..75 => {
                let (with, upto) = (self.name(), self.somewhere());
                let it = store.read_until(&user, &with, upto).expect("read_until: reads");
                Move::Take { user, moves: it.into_iter().collect() }
            }
            75..85 => {
                let (user, moves) = match self.random.below(4) {
                    0 => self.random.pick(&self.taken)?.clone(),
                    _ => self.taken.pop()?,
                };
                Move::PutBack { user, moves }
            }
            85..94 => {
                let full_name = format!("{user} the {}th", self.random.below(1000));
                let profile = account(&user, &full_name).profile;
                let exists = self.model.users.contains_key(&user);
                if exists { Move::Rename(profile) } else { Move::Add(profile) }
            }
            _ => Move::Remove(user),
        })
    }

    /// A position near a message.
    fn somewhere(&mut self) -> MessageId {
        let last = self.model.last().get() as usize;
        MessageId::new(self.random.below(last + 3) as u64).expect("ids are below 2^53")
    }

    fn step(&mut self, store: &dyn Store) {
        let Some(step) = self.next(store) else { return };
        let mut after = self.model.clone();
        let mut batch = store.begin();
        let done = do_step(&mut *batch, &step, &mut after);
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
        let now = names_and_counts(store);
        let show = |model: &Model| {
            let show = |(user, person): (&String, &Person)| {
                let counts = (model.unread(user).len(), model.conversations(user));
                (user.clone(), person.profile.full_name().to_owned(), format!("{counts:?}"))
            };
            model.users.iter().map(show).collect::<Vec<_>>()
        };
        let law = "CommitError::Unknown: all of it or nothing has happened";
        assert!(now == show(after) || now == show(&self.model), "{law}");
        now == show(after)
    }

    fn compare(&mut self, store: &dyn Store) {
        let (user, with) = (self.name(), self.name());
        let (inbox, moves) = unread(store, &user);
        let inbox: Vec<_> = inbox
            .iter()
            .map(|it| (it.from.full_name().to_owned(), it.from.user().to_string(), it.text.to_owned()))
            .collect();
        assert_eq!(inbox, self.model.unread(&user), "unread: all that the user has not read, in order of arrival");
        self.model.check_unread_moves(&user, &moves);
        for user in NAMES {
            let states = look(store, |batch| batch.conversations(user));
            assert_eq!(
                states,
                self.model.conversations(user),
                "conversations: those of the user with users who still exist"
            );
        }
        let upto = self.somewhere();
        let read = store.read_until(&user, &with, upto).expect("read_until: reads");
        let read = read.map(|it| CursorMove { conversation: 0, ..it });
        assert_eq!(read, self.model.read_until(&user, &with, upto), "read_until: the move up to the message");
        let expected = self.model.history(&user, &with);
        let position = if self.random.below(2) == 0 { Position::After(upto) } else { Position::Before(upto) };
        let limit = 1 + self.random.below(9);
        let history = store.history(&user, &with, position, limit).expect("history: reads");
        compare_pages(&history, &page(&expected, position, limit), "history");
        let sync = store.sync(&user, upto, limit).expect("sync: reads");
        compare_pages(&sync, &page(&self.model.all(&user), Position::After(upto), limit), "sync");
    }

    /// Pages through everything, with small limits and with such that just fit.
    fn all_pages(&self, store: &dyn Store) {
        for user in NAMES {
            let all = self.model.all(user);
            for limit in limits(all.len()) {
                walk_pages(&all, limit, true, "sync", |position| match position {
                    Position::After(after) => store.sync(user, after, limit),
                    Position::Before(_) => Ok(HistoryPage::default()),
                });
            }
            for with in NAMES {
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

/// Does the step in the store and in the model, and returns whether it was done.
fn do_step(batch: &mut dyn Batch, step: &Move, model: &mut Model) -> bool {
    match step {
        Move::Append { to, from, line, second } => {
            let mut message = message(to, from, line);
            message.time = at(*second);
            let appended = batch.append(message, Quota::UNLIMITED).expect("append: stores");
            match (appended, model.users.contains_key(to)) {
                (Appended::Stored(id), true) => {
                    assert!(id > model.last(), "append: returns an id that is greater than all before it");
                    model.append(id, to, from, line, at(*second));
                }
                (Appended::NoSuchUser, false) => {}
                (other, _) => panic!("append: stores a message if there is such a recipient, but: {other:?}"),
            }
            appended != Appended::NoSuchUser
        }
        Move::Take { user, moves } => {
            let done = batch.take(user, moves).expect("take: takes");
            assert!(done || moves.is_empty(), "take: does the moves if no cursor has moved since");
            model.do_moves(user, moves, false);
            done && !moves.is_empty()
        }
        Move::PutBack { user, moves } => {
            let done = batch.put_back(user, moves).expect("put_back: puts back");
            if let Some(expected) = model.can_move(user, moves, true)
                && !moves.is_empty()
            {
                assert_eq!(done, expected, "put_back: `false` if and only if a cursor has moved or something is gone");
            }
            if done {
                model.do_moves(user, moves, true);
            }
            done && !moves.is_empty()
        }
        Move::Add(profile) => {
            let added = batch.add_account(account(profile.user().as_str(), profile.full_name()));
            assert!(added.expect("add_account: adds"), "add_account: adds an account whose user name is free");
            model.add(Arc::clone(profile));
            true
        }
        Move::Rename(profile) => {
            let mut new = account(profile.user().as_str(), profile.full_name());
            let old = batch.account(profile.user().as_str()).expect("account: finds");
            new.revision = old.expect("account: returns an account that was added").revision;
            assert!(
                batch.replace_account(new).expect("replace_account: replaces"),
                "replace_account: replaces an account"
            );
            model.rename(Arc::clone(profile));
            true
        }
        Move::Remove(user) => {
            let removed = batch.remove_account(user).expect("remove_account: removes");
            assert_eq!(removed, model.users.contains_key(user), "remove_account: `false` if there is no such user");
            model.remove(user);
            removed
        }
    }
}

/// Each user with full name, number of unread messages and conversations.
fn names_and_counts(store: &dyn Store) -> Vec<(String, String, String)> {
    let accounts = look(store, |batch| batch.accounts());
    let show = |profile: &Profile| {
        let user = profile.user().as_str();
        let counts = (unread(store, user).0.len(), look(store, |batch| batch.conversations(user)));
        (user.to_owned(), profile.full_name().to_owned(), format!("{counts:?}"))
    };
    accounts.iter().map(|account| show(&account.profile)).collect()
}

fn limits(messages: usize) -> Vec<usize> {
    let mut limits = vec![1, 2, 3, 7, messages.saturating_sub(1).max(1), messages.max(1), messages + 1, usize::MAX];
    limits.sort_unstable();
    limits.dedup();
    limits
}

/// Pages from one end to the other.
fn walk_pages(
    messages: &[HistoryMessage],
    limit: usize,
    is_forward: bool,
    what: &str,
    read: impl Fn(Position) -> Result<HistoryPage, crate::Error>,
) {
    let mut position = if is_forward { Position::After(MessageId::NONE) } else { Position::Before(MessageId::MAX) };
    loop {
        let found = read(position).unwrap_or_else(|problem| panic!("{what}: reads, but: {problem}"));
        compare_pages(&found, &page(messages, position, limit), what);
        let end = if is_forward { found.messages.last() } else { found.messages.first() };
        match end.filter(|_| found.more) {
            Some(end) => position = if is_forward { Position::After(end.id) } else { Position::Before(end.id) },
            None => return,
        }
    }
}

fn compare_pages(found: &HistoryPage, expected: &HistoryPage, what: &str) {
    assert_eq!(
        found.messages, expected.messages,
        "{what}: at most `limit` messages next to the position, in ascending order"
    );
    assert_eq!(
        found.more, expected.more,
        "HistoryPage::more: whether there are more in the direction that was asked for ({what})"
    );
}
