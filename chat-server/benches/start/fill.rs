//! Fills a directory with users, conversations and messages, as a dump would that is restored.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chat_lib::Error;
use chat_lib::clock::{Clock, SystemClock, Timestamp};
use chat_lib::entropy::Entropy;
use chat_lib::model::{Account, Framing, MessageId, PasswordCost, PasswordHash, Profile, SessionToken, UserName};
use chat_lib::store::{Batch, Durable, Member, NewMessage, NewSession, Options, Record, Store, SyncMode};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) users: usize,
    pub(crate) conversations: usize,
    pub(crate) messages: usize,
    pub(crate) sessions: usize,
}

/// Makes the data. Of ten conversations, one is unread.
pub(crate) fn fill(directory: &Path, size: Size) {
    let began = Instant::now();
    let options = Options { sync: SyncMode::Never, ..Options::default() };
    let store = Durable::open(directory, options).unwrap();
    begin(&store);
    users(&store, size.users);
    conversations(&store, size, size.messages as u64);
    let profiles: Vec<_> = (0..size.users).map(profile).collect();
    in_batches(&store, size.messages, |batch, number| {
        let conversation = scatter(number) % size.conversations;
        let [one, other] = members(conversation, size.users);
        let (from, to) = if number % 2 == 0 { (one, other) } else { (other, one) };
        let (to, from, time) = (name(to), &profiles[from], Timestamp::from_millis(number as u64 * 1000));
        let text = "I shall be there at about eight";
        let message = NewMessage { to: &to, from, text, framing: Framing::DEFAULT, time, key: None };
        let id = MessageId::new(number as u64 + 1).unwrap();
        batch.restore(Record::Message { id, message, from_former_user: false, deleted: false }).unwrap()
    });
    end(&store);
    let now = SystemClock.now();
    let mut batch = store.begin();
    for (number, token) in new_tokens(size.sessions).enumerate() {
        let (id, user, expires) = (token.id(), name(number), now.after(Duration::from_secs(30 * 86_400)));
        assert!(batch.open_session(NewSession { id, user: &user, now, expires, from: None }).unwrap().is_open());
    }
    batch.commit().unwrap();
    drop(store);
    println!("filled in {:.0} s", began.elapsed().as_secs_f64());
}

pub(crate) fn begin(store: &dyn Store) {
    let mut batch = store.begin();
    batch.begin_restore().unwrap();
    batch.commit().unwrap();
}

pub(crate) fn users(store: &dyn Store, users: usize) {
    let cost = PasswordCost::new(8, 1, 1).unwrap();
    // As long as one of the usual cost.
    let hash =
        PasswordHash::new("surabaya", cost, &Seeded::default()).unwrap().to_phc().replace("m=8,t=1", "m=19456,t=2");
    in_batches(store, users, |batch, number| {
        let account = Account::new(profile(number), Some(PasswordHash::from_phc(&hash).unwrap()));
        batch.restore(Record::Account(&account)).unwrap()
    });
}

/// Each user has two, if there are as many as users.
pub(crate) fn conversations(store: &dyn Store, size: Size, last: u64) {
    in_batches(store, size.conversations, |batch, number| {
        let read = if number % 10 == 0 { MessageId::NONE } else { MessageId::new(last).unwrap() };
        let members = members(number, size.users).map(name);
        let [one, other] = [0, 1].map(|place: usize| Member { user: &members[place], read });
        batch.restore(Record::Conversation(&[one, other])).unwrap()
    });
}

pub(crate) fn end(store: &dyn Store) {
    let mut batch = store.begin();
    batch.end_restore().unwrap();
    batch.commit().unwrap();
}

fn in_batches(store: &dyn Store, count: usize, mut step: impl FnMut(&mut dyn Batch, usize) -> bool) {
    for begin in (0..count).step_by(10_000) {
        let mut batch = store.begin();
        for number in begin..(begin + 10_000).min(count) {
            assert!(step(&mut *batch, number), "number {number} was refused");
        }
        batch.commit().unwrap();
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("user{number:07}")
}

fn profile(number: usize) -> Arc<Profile> {
    let user = UserName::parse(&name(number)).unwrap();
    Arc::new(Profile::new(user, &format!("Full Name {number}"), "Indonesia").unwrap())
}

/// The users of a conversation: each one, and one who is far away.
fn members(conversation: usize, users: usize) -> [usize; 2] {
    let (one, round) = (conversation % users, conversation / users);
    [one, (one + users / 2 + 1 + round) % users]
}

/// Some other number, so that neighbours are not used one after another.
pub(crate) fn scatter(number: usize) -> usize {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 20
}

/// Tokens of the first users' sessions: the same ones each time.
pub(crate) fn tokens(count: usize) -> Vec<String> {
    new_tokens(count).map(|token| token.to_string()).collect()
}

fn new_tokens(count: usize) -> impl Iterator<Item = SessionToken> {
    let seeded = Seeded::default();
    (0..count).map(move |_| SessionToken::random(&seeded).unwrap())
}

/// Numbers that are the same each time.
#[derive(Default)]
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        for byte in bytes {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            *byte = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
        Ok(())
    }
}
