//! When the machine fails: a refusal with a code, nothing half done, and all well again afterwards.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chat_lib::entropy::{Entropy, OsEntropy};
use chat_lib::limits::Limits;
use chat_lib::store::{CommitError, Memory, Store};
use chat_lib::{Chat, Config, Connection, Error, Outbox};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, cheap, inbox_in, inbox_of, read_answer, token_of, users_of};

/// The n-th step fails, counted down in `fuse`, and the next commit, if it is told to.
#[derive(Clone, Default)]
struct Fuse {
    fuse: Arc<AtomicU64>,
    commit_fails: Arc<AtomicBool>,
    outcome_unknown: Arc<AtomicBool>,
    commit_waits: bool,
}

impl Fault for Fuse {
    fn commit_waits(&self) -> bool {
        self.commit_waits
    }

    fn step(&self) -> Result<(), Error> {
        match self.fuse.fetch_sub(1, Ordering::Relaxed) {
            1 => Err(failed()),
            _ => Ok(()),
        }
    }

    fn commit(&self) -> Result<(), CommitError> {
        if self.outcome_unknown.swap(false, Ordering::Relaxed) {
            return Err(CommitError::Unknown(failed()));
        }
        match self.commit_fails.swap(false, Ordering::Relaxed) {
            true => Err(CommitError::Undone(failed())),
            false => Ok(()),
        }
    }
}

fn failed() -> Error {
    Error::Storage("the disk is full of secrets".into())
}

fn chat(fault: &Fuse, limits: Limits) -> Chat {
    let store = Box::new(Faulty { store: Arc::default(), fault: fault.clone() });
    let chat = Chat::new(Config { store, limits, password_cost: cheap(), ..Config::default() });
    chat.add_demo_users().unwrap();
    chat
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
    for nth in 1..=15 {
        let fault = Fuse::default();
        let chat = chat(&fault, Limits::default());
        fault.fuse.store(nth, Ordering::Relaxed);
        let mut ask = |line: &str| {
            let (answer, refusals) = insist(&chat, line);
            failed += refusals;
            read_answer(line, &answer).unwrap()
        };
        let token = token_of(ask("auth messi surabaya\n"));
        for number in 0..2 {
            ask(&format!("send {token} messi {number}\n"));
        }
        assert_eq!(users_of(ask(&format!("activeuser {token}\n"))), ["messi"]);
        let inbox = inbox_of(ask(&format!("inbox {token}\n")));
        assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), ["0", "1"], "call {nth} failed");
        ask(&format!("logout {token}\n"));
    }
    // 4 steps for the login, 2 for each command with a session and 3 for an inbox, 1 for the logout.
    assert_eq!(failed, 4 + 2 * 3 + 3 + 1);
}

/// An inbox is written piece by piece, over several commits. One that fails must not touch the pieces of an inbox that
/// was committed before, and must refuse one that was not.
#[test]
fn a_commit_fails_while_an_inbox_is_written() {
    let fault = Fuse::default();
    let chat = chat(&fault, Limits { reply_bytes: 200, ..Limits::default() });
    let messi = chat.login("messi", "surabaya").unwrap();
    for fails_at in 0..8 {
        for number in 0..10 {
            messi.send("messi", &number.to_string()).unwrap();
        }
        let mut connection = Connection::new(chat.clone());
        let line = format!("inbox {}\r\nhalo\r\n", messi.token());
        let (mut rest, mut out, mut answers) = (line.as_bytes(), Outbox::new(&chat), Vec::new());
        for round in 0.. {
            fault.commit_fails.store(round == fails_at, Ordering::Relaxed);
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
            _ => assert_eq!(inbox_in(answers[0].as_bytes()).len(), 10, "{fails_at}"),
        }
        if !refused(answers[1]) {
            assert!(answers[1].contains("Command tidak benar"), "{answers:?}");
        }
        fault.commit_fails.store(false, Ordering::Relaxed);
        messi.inbox().unwrap();
    }
}

/// Nobody may be told that something was done, or was not, that may have been.
#[test]
fn an_outcome_that_is_not_known_is_not_answered() {
    let fault = Fuse::default();
    let chat = chat(&fault, Limits::default());
    let messi = chat.login("messi", "surabaya").unwrap();
    let token = messi.token();
    messi.send("messi", "1").unwrap();

    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    fault.outcome_unknown.store(true, Ordering::Relaxed);
    let requests = format!("send {token} henderson halo\r\ninbox {token}\r\nauth nobody x\r\nhalo\r\n");
    let taken = connection.receive(requests.as_bytes(), &mut out);
    assert!(out.is_empty() && connection.is_over());
    assert_eq!(connection.receive(&requests.as_bytes()[taken..], &mut out), requests.len() - taken);
    assert!(out.is_empty(), "nothing more is done for it");
    let inbox = messi.inbox().unwrap();
    assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), ["1"], "it is unread again");

    fault.outcome_unknown.store(true, Ordering::Relaxed);
    assert_eq!(messi.send("messi", "2").unwrap_err().code(), "outcome_unknown");
    fault.commit_fails.store(true, Ordering::Relaxed);
    assert_eq!(messi.send("messi", "3").unwrap_err().code(), "storage");
}

/// A restore of which nobody knew whether it had begun was left at that, and the store refused to open ever after.
#[test]
fn a_restore_whose_beginning_is_not_known_is_ended() {
    let fault = Fuse::default();
    let store: Arc<Memory> = Arc::default();
    let faulty = Faulty { store: Arc::clone(&store), fault: fault.clone() };
    let chat = Chat::new(Config { store: Box::new(faulty), ..Config::default() });
    let epoch = store.epoch();
    fault.outcome_unknown.store(true, Ordering::Relaxed);
    assert_eq!(chat.restore(&mut &b""[..]).unwrap_err().code(), "outcome_unknown");
    assert_ne!(store.epoch(), epoch, "the end of a restore begins an epoch");
}

/// A job sees what is committed, so what came before it is committed first.
#[test]
fn what_comes_before_a_job_does_not_wait_for_it() {
    let fault = Fuse::default();
    let chat = chat(&fault, Limits::default());
    let token = chat.login("messi", "surabaya").unwrap().token();
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let requests = format!("send {token} messi halo\r\nauth nobody x\r\n");
    for (fails, answer) in [(false, "Message Sent"), (true, "\"code\": \"storage\"")] {
        fault.commit_fails.store(fails, Ordering::Relaxed);
        let step = connection.step(requests.as_bytes(), &mut out);
        assert!(String::from_utf8(out.take()).unwrap().contains(answer));
        assert!(connection.finish_job(step.job.unwrap().run(), &mut out).is_none());
        assert!(String::from_utf8(out.take()).unwrap().contains("User Tidak Ada"));
        assert_eq!(connection.step(b"\n", &mut out).taken, 1);
    }
}

/// The same over a socket, whether peers are committed together or one by one.
#[test]
fn a_server_closes_what_it_cannot_answer() {
    for commit_waits in [false, true] {
        let fault = Fuse { commit_waits, ..Fuse::default() };
        let chat = chat(&fault, Limits::default());
        let token = chat.login("messi", "surabaya").unwrap().token();
        let server = Running::new(chat);
        let connect = || {
            let stream = TcpStream::connect(server.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream
        };
        let ask = |stream: &mut TcpStream, line: String| {
            stream.write_all(line.as_bytes()).unwrap();
            let mut answer = vec![0; 1000];
            let count = stream.read(&mut answer).unwrap();
            answer.truncate(count);
            String::from_utf8(answer).unwrap()
        };
        let mut stream = connect();
        fault.outcome_unknown.store(true, Ordering::Relaxed);
        assert_eq!(ask(&mut stream, format!("send {token} messi 1\r\n")), "", "it is closed without an answer");
        let mut stream = connect();
        fault.commit_fails.store(true, Ordering::Relaxed);
        assert!(ask(&mut stream, format!("send {token} messi 2\r\n")).contains("\"code\": \"storage\""));
        assert!(ask(&mut stream, format!("send {token} messi 3\r\n")).contains("Message Sent"));
        server.stop();
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
    let login = "auth messi surabaya";
    let refusal = read_answer(login, &chat.answer(login.as_bytes())).unwrap_err();
    assert_eq!(refusal.code(), "entropy");
    read_answer(login, &chat.answer(login.as_bytes())).unwrap();
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
    let ask = |line: &str| read_answer(line, &chat.answer(line.as_bytes()));
    let messi = token_of(ask("auth messi surabaya").unwrap());
    assert_eq!(ask("auth henderson surabaya").unwrap_err().code(), "entropy");
    assert_eq!(users_of(ask(&format!("activeuser {messi}")).unwrap())[0], "messi");
}
