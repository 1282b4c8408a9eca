//! A connection whose jobs are run elsewhere.

use std::sync::Arc;

use chat_lib::limits::{LINES_PER_TURN, Limits};
use chat_lib::{Chat, Client, Config, Connection, Job, Outbox, Received, Session};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, cheap, demo_chat, inbox_in, tokens};

/// Whoever serves with steps and whoever lets the connection do it all gives the same answers.
#[test]
fn steps_answer_as_receive_does() {
    let token = tokens().next().unwrap();
    let mut requests = b"auth messi surabaya\r\nauth nobody x\r\nhalo\r\n".to_vec();
    for _ in 0..LINES_PER_TURN {
        requests.extend_from_slice(format!("send {token} messi halo\r\n").as_bytes());
    }
    requests.extend_from_slice(format!("auth nobody x\r\ninbox {token}\r\nauth nobody x\r\nha").as_bytes());
    // Inboxes are written piece by piece.
    let limits = Limits { reply_bytes: 1000, ..Limits::default() };

    let chat = demo_chat(limits.clone()).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let (mut expected, mut rest) = (Vec::new(), &requests[..]);
    while !rest.is_empty() {
        rest = &rest[connection.receive(rest, &mut out)..];
        expected.append(&mut out.take());
    }

    let chat = demo_chat(limits).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let (mut answers, mut rest, mut jobs) = (Vec::new(), &requests[..], 0);
    while !rest.is_empty() {
        let step = connection.step(rest, &mut out);
        rest = &rest[step.taken..];
        if let Some(job) = step.job {
            jobs += 1;
            assert!(connection.finish_job(job.run(), &mut out).is_none());
        }
        answers.append(&mut out.take());
    }
    assert_eq!(jobs, 3);
    assert!(connection.mid_line());
    assert_eq!(String::from_utf8(answers).unwrap(), String::from_utf8(expected).unwrap());
}

#[test]
fn a_job_too_many_is_refused_unrun() {
    let chat = demo_chat(Limits::default()).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let job = connection.step(b"auth nobody x\r\n", &mut out).job.unwrap();
    assert!(!format!("{job:?}").contains("nobody"));
    assert!(connection.finish_job(job.refuse_busy(), &mut out).is_none());
    assert!(String::from_utf8(out.take()).unwrap().contains("\"code\": \"busy\""));
}

struct OnDisk;

impl Fault for OnDisk {
    fn commit_waits(&self) -> bool {
        true
    }

    fn is_on_disk(&self) -> bool {
        true
    }
}

/// A chat whose inboxes are read by jobs, and messi's session.
fn chat_on_disk(limits: Limits) -> (Chat, Session) {
    let store = Box::new(Faulty { store: Arc::default(), fault: OnDisk });
    let chat = Chat::new(Config { store, limits, password_cost: cheap(), ..Config::default() });
    chat.add_demo_users().unwrap();
    let messi = chat.login("messi", "surabaya").unwrap();
    (chat, messi)
}

struct Peer {
    connection: Connection,
    out: Outbox,
}

impl Peer {
    fn new(chat: &Chat) -> Self {
        Self { connection: Connection::new(chat.clone()), out: Outbox::new(chat) }
    }

    /// Asks for an inbox, and for more behind it, and stops at the job.
    fn ask(&mut self, session: &Session) -> Job {
        let line = format!("inbox {}\r\nhalo\r\n", session.token());
        let Received { taken, job } = self.connection.step(line.as_bytes(), &mut self.out);
        assert_eq!(&line.as_bytes()[taken..], b"\nhalo\r\n");
        assert!(self.out.is_empty());
        assert_eq!(self.connection.step(b"\nhalo\r\n", &mut self.out).taken, 0, "it waits for its job");
        let job = job.unwrap();
        assert!(job.is_io_bound());
        job
    }

    /// The texts of the inbox that it has asked for, and the answer to what came behind it.
    fn answers(&mut self) -> (Vec<String>, String) {
        let (mut rest, mut answers) = (&b"\nhalo\r\n"[..], Vec::new());
        while !rest.is_empty() {
            let step = self.connection.step(rest, &mut self.out);
            assert!(step.job.is_none());
            rest = &rest[step.taken..];
            answers.append(&mut self.out.take());
        }
        let answers = String::from_utf8(answers).unwrap();
        let (inbox, behind) = answers.split_once("\r\n\r\n").unwrap();
        (texts(inbox.as_bytes()), behind.to_owned())
    }
}

fn texts(answer: &[u8]) -> Vec<String> {
    let inbox = inbox_in(&[answer, b"\r\n\r\n"].concat());
    inbox.iter().map(|message| message.body().to_owned()).collect()
}

#[test]
fn an_inbox_on_disk_is_read_by_a_job() {
    for reply_bytes in [10, 1_000_000] {
        let (chat, messi) = chat_on_disk(Limits { reply_bytes, ..Limits::default() });
        for number in 0..20 {
            messi.send("messi", &number.to_string()).unwrap();
        }
        let mut peer = Peer::new(&chat);
        let job = peer.ask(&messi);
        assert!(peer.connection.finish_job(job.run(), &mut peer.out).is_none());
        let (inbox, behind) = peer.answers();
        assert_eq!(inbox, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(behind.contains("Command tidak benar"));
        assert!(messi.inbox().unwrap().is_empty());
    }
}

/// Of two readers who have read the same messages, one takes them.
#[test]
fn who_comes_second_reads_again() {
    let (chat, messi) = chat_on_disk(Limits::default());
    messi.send("messi", "1").unwrap();
    let mut peer = Peer::new(&chat);
    let late = peer.ask(&messi).run();
    assert_eq!(messi.inbox().unwrap().len(), 1);
    messi.send("messi", "2").unwrap();
    let again = peer.connection.finish_job(late, &mut peer.out).expect("its messages are taken");
    assert!(peer.connection.finish_job(again.run(), &mut peer.out).is_none());
    assert_eq!(peer.answers().0, ["2"]);
}

/// The name may be another user's by then.
#[test]
fn a_session_that_ends_while_its_inbox_is_read_gets_nothing() {
    let (chat, messi) = chat_on_disk(Limits::default());
    messi.send("messi", "1").unwrap();
    let mut peer = Peer::new(&chat);
    let job = peer.ask(&messi).run();
    messi.logout().unwrap();
    assert!(peer.connection.finish_job(job, &mut peer.out).is_none());
    assert!(String::from_utf8(peer.out.take()).unwrap().contains("Informasi tidak ditemukan"));
    let messi = chat.login("messi", "surabaya").unwrap();
    assert_eq!(messi.inbox().unwrap().len(), 1);
}

#[test]
fn a_peer_that_is_gone_takes_nothing() {
    let (chat, messi) = chat_on_disk(Limits::default());
    messi.send("messi", "1").unwrap();
    for is_read in [false, true] {
        let mut peer = Peer::new(&chat);
        let job = peer.ask(&messi).run();
        if is_read {
            assert!(peer.connection.finish_job(job, &mut peer.out).is_none());
            assert!(!peer.out.is_empty());
            peer.out.abandon().unwrap();
        } else {
            peer.out.abandon().unwrap();
            assert!(peer.connection.finish_job(job, &mut peer.out).is_none());
        }
    }
    assert_eq!(messi.inbox().unwrap().len(), 1);
    assert!(messi.inbox().unwrap().is_empty());
}

/// The server's threads read the inboxes, while the reactors go on.
#[test]
fn a_server_reads_inboxes_beside_its_reactors() {
    let (chat, messi) = chat_on_disk(Limits { reply_bytes: 1_000, ..Limits::default() });
    let server = Running::new(chat.clone());
    for number in 0..100 {
        messi.send("messi", &format!("{number} {}", "x".repeat(100))).unwrap();
    }
    let remote = Client::connect(server.address).unwrap().session_of("messi", messi.token());
    assert_eq!(remote.inbox().unwrap().len(), 100);
    messi.send("messi", "more").unwrap();
    assert_eq!(remote.inbox().unwrap().len(), 1);
    assert!(remote.inbox().unwrap().is_empty());
    server.stop();
}

/// Somebody with an account who sent long messages to many had 18 lines done in one turn, and all others waited for 8 s.
#[test]
fn a_line_that_has_much_to_do_counts_as_several() {
    let chat = demo_chat(Limits::default()).0;
    let token = chat.open_session("messi").unwrap().token().to_string();
    let text = "x".repeat(60_000);
    let lines = format!("sendgroup {token} messi,henderson,lineker {text}\r\n").repeat(10);
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let (mut rest, mut steps) = (lines.as_bytes(), 0);
    while !rest.is_empty() {
        let step = connection.step(rest, &mut out);
        assert!(step.job.is_none());
        rest = &rest[step.taken..];
        steps += 1;
    }
    assert_eq!(
        out.take().split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"status\": \"OK\"")).count(),
        10
    );
    assert_eq!(steps, 5, "two lines at once");
}
