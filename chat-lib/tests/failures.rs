//! When the machine fails: a refusal with a code, nothing half done, and all well again afterwards.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chat_lib::clock::Timestamp;
use chat_lib::entropy::{Entropy, OsEntropy};
use chat_lib::limits::Limits;
use chat_lib::model::{Account, Profile, SessionId, UserName};
use chat_lib::protocol::reply;
use chat_lib::store::{Appended, Group, Memory, NewMessage, Record, Room, Show, Store, Taken};
use chat_lib::{Chat, Config, Connection, Error, Outbox};

/// A store or source of entropy whose n-th call, counted down in it, fails.
#[derive(Clone)]
struct Fuse(Arc<AtomicU64>);

impl Fuse {
    fn burn(&self) -> Result<(), Error> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            1 => Err(Error::Storage("the disk is full of secrets".into())),
            _ => Ok(()),
        }
    }
}

struct Failing {
    store: Memory,
    fuse: Fuse,
    /// Whether the next commit fails.
    commit_fails: Arc<AtomicBool>,
}

impl Store for Failing {
    fn add_account(&self, account: Account) -> Result<bool, Error> {
        self.store.add_account(account)
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        self.fuse.burn()?;
        self.store.account(user)
    }

    fn open_session(&self, id: SessionId, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
        self.fuse.burn()?;
        self.store.open_session(id, user, now, expires)
    }

    fn use_session(&self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        self.fuse.burn()?;
        self.store.use_session(id, now, expires)
    }

    fn close_session(&self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        self.fuse.burn()?;
        self.store.close_session(id, now)
    }

    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        self.fuse.burn()?;
        self.store.active_users(now)
    }

    fn sessions(&self, now: Timestamp) -> Result<Vec<(SessionId, Arc<Profile>)>, Error> {
        self.fuse.burn()?;
        self.store.sessions(now)
    }

    fn append(&self, message: NewMessage<'_>, room: Room) -> Result<Appended, Error> {
        self.fuse.burn()?;
        self.store.append(message, room)
    }

    fn take_unread(&self, user: &str, most: usize) -> Result<Option<Taken>, Error> {
        self.fuse.burn()?;
        self.store.take_unread(user, most)
    }

    fn put_back(&self, user: &str, taken: Taken) -> Result<bool, Error> {
        self.fuse.burn()?;
        self.store.put_back(user, taken)
    }

    fn accounts(&self) -> Result<Vec<Arc<Account>>, Error> {
        self.store.accounts()
    }

    fn replace_account(&self, old: &Arc<Account>, new: Account) -> Result<bool, Error> {
        self.store.replace_account(old, new)
    }

    fn remove_account(&self, user: &str) -> Result<bool, Error> {
        self.store.remove_account(user)
    }

    fn close_sessions(&self, user: &str) -> Result<(), Error> {
        self.store.close_sessions(user)
    }

    fn dump(&self, show: &mut Show<'_>) -> Result<(), Error> {
        self.store.dump(show)
    }

    fn restore(&self, record: Record<'_>) -> Result<bool, Error> {
        self.store.restore(record)
    }

    fn commit(&self, group: Group<'_>) -> Result<(), Error> {
        drop(group);
        match self.commit_fails.swap(false, Ordering::Relaxed) {
            true => Err(Error::Storage("the disk is full of secrets".into())),
            false => Ok(()),
        }
    }
}

/// Does `line` until it is not refused for the store's sake; what it was refused with meanwhile.
fn insist(chat: &Chat, line: &str) -> (Vec<u8>, usize) {
    for refusals in 0.. {
        let answer = chat.answer(line.as_bytes());
        let text = String::from_utf8_lossy(&answer).into_owned();
        if !text.contains("\"code\": \"storage\"") {
            return (answer, refusals);
        }
        assert!(text.starts_with("{\"status\": \"ERROR\", \"message\": \"the server could not store or read this;"));
        assert!(!text.contains("secrets"), "what the disk said is for the log");
    }
    unreachable!("the fuse burns once")
}

#[test]
fn any_call_of_the_store_may_fail() {
    let mut failed = 0;
    for nth in 1..=14 {
        let fuse = Fuse(Arc::new(AtomicU64::new(nth)));
        let store = Box::new(Failing { store: Memory::new(), fuse, commit_fails: Arc::default() });
        let chat = Chat::new(Config { store, ..Config::default() });
        chat.add_demo_users().unwrap();
        let mut ask = |line: &str| {
            let (answer, refusals) = insist(&chat, line);
            failed += refusals;
            answer
        };
        let token = reply::read_logged_in(&ask("auth messi surabaya\n")).unwrap();
        for number in 0..2 {
            reply::read_sent(&ask(&format!("send {token} messi {number}\n"))).unwrap();
        }
        assert_eq!(reply::read_active_users(&ask(&format!("activeuser {token}\n"))).unwrap().len(), 1);
        let inbox = reply::read_inbox(&ask(&format!("inbox {token}\n"))).unwrap();
        assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), ["0", "1"], "call {nth} failed");
        reply::read_logged_out(&ask(&format!("logout {token}\n"))).unwrap();
    }
    // 4 calls for the login, 2 for each command with a session, 1 for the logout.
    assert_eq!(failed, 4 + 2 * 4 + 1);
}

/// An inbox is written piece by piece, over several commits. One that fails must not touch the pieces of an inbox that
/// was committed before, and must refuse one that was not.
#[test]
fn a_commit_fails_while_an_inbox_is_written() {
    let commit_fails = Arc::new(AtomicBool::new(false));
    let fuse = Fuse(Arc::new(AtomicU64::new(u64::MAX)));
    let store = Box::new(Failing { store: Memory::new(), fuse, commit_fails: Arc::clone(&commit_fails) });
    let limits = Limits { reply_bytes: 200, ..Limits::default() };
    let chat = Chat::new(Config { store, limits, ..Config::default() });
    chat.add_demo_users().unwrap();
    let messi = chat.login("messi", "surabaya").unwrap();
    for fails_at in 0..8 {
        for number in 0..10 {
            messi.send("messi", &number.to_string()).unwrap();
        }
        let mut connection = Connection::new(chat.clone());
        let line = format!("inbox {}\r\nhalo\r\n", messi.token());
        let (mut rest, mut out, mut answers) = (line.as_bytes(), Outbox::new(&chat), Vec::new());
        for round in 0.. {
            commit_fails.store(round == fails_at, Ordering::Relaxed);
            let taken = connection.receive(rest, &mut out);
            rest = &rest[taken..];
            answers.append(&mut out.take());
            if rest.is_empty() {
                break;
            }
        }
        let answers = String::from_utf8(answers).unwrap();
        let answers: Vec<&str> = answers.split_terminator("\r\n\r\n").collect();
        let refused = |answer: &str| answer.contains("\"code\": \"storage\"");
        assert_eq!(answers.len(), 2, "{fails_at}: {answers:?}");
        match fails_at {
            0 => assert!(refused(answers[0]), "{answers:?}"),
            _ => assert_eq!(reply::read_inbox(answers[0].as_bytes()).unwrap().len(), 10, "{fails_at}"),
        }
        if !refused(answers[1]) {
            assert!(answers[1].contains("Command tidak benar"), "{answers:?}");
        }
        commit_fails.store(false, Ordering::Relaxed);
        messi.inbox().unwrap();
    }
}

struct Empty(AtomicU64);

impl Entropy for Empty {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            3 => Err(Error::Entropy("none left".to_owned())),
            _ => OsEntropy.fill(bytes),
        }
    }
}

#[test]
fn a_login_without_randomness_is_refused() {
    let chat = Chat::new(Config { entropy: Box::new(Empty(AtomicU64::new(0))), ..Config::default() });
    chat.add_demo_users().unwrap();
    let refusal = reply::read_logged_in(&chat.answer(b"auth messi surabaya")).unwrap_err();
    assert_eq!(refusal.code(), "entropy");
    reply::read_logged_in(&chat.answer(b"auth messi surabaya")).unwrap();
}

struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(7);
        Ok(())
    }
}

#[test]
fn a_token_that_comes_twice_opens_nobody_elses_session() {
    let chat = Chat::new(Config { entropy: Box::new(Stuck), ..Config::default() });
    chat.add_demo_users().unwrap();
    let messi = reply::read_logged_in(&chat.answer(b"auth messi surabaya")).unwrap();
    assert_eq!(reply::read_logged_in(&chat.answer(b"auth henderson surabaya")).unwrap_err().code(), "entropy");
    let active = chat.answer(format!("activeuser {messi}").as_bytes());
    assert_eq!(reply::read_active_users(&active).unwrap()[0].as_str(), "messi");
}
