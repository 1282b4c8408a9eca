//! Inboxes on their way to a peer: what they may take of the memory, and what happens to one that never leaves.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::limits::{Limits, REPLY_BYTES_SHORT};
use chat_lib::store::{Durable, Options};
use chat_lib::{Chat, Config, Connection, Outbox, Session};
use socket2::{Domain, SockRef, Socket, Type};

use crate::support::{Running, demo_chat};

const PATIENCE: Duration = Duration::from_secs(30);

fn chat(limits: Limits) -> (Chat, Session) {
    let chat = demo_chat(limits).0;
    let messi = chat.login("messi", "surabaya").unwrap();
    (chat, messi)
}

fn inbox_line(session: &Session) -> Vec<u8> {
    format!("inbox {}\r\n", session.token()).into_bytes()
}

fn texts(answer: &[u8]) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    let messages = answer["messages"].as_object().unwrap_or_else(|| panic!("{answer}")).values();
    messages
        .flat_map(|list| list.as_array().unwrap())
        .map(|message| message["msg"].as_str().unwrap().trim().to_owned())
        .collect()
}

/// A mailbox full of U+0001 became six times its size at once when it was answered, for each peer that did not read it:
/// 260 MB sent made a server of 1,700 MB.
#[test]
fn an_inbox_is_encoded_as_it_is_read() {
    let (chat, messi) = chat(Limits { reply_bytes: 10_000, ..Limits::default() });
    let text = "\u{1}".repeat(1_000);
    for _ in 0..200 {
        messi.send("messi", &text).unwrap();
        messi.send("henderson", &text).unwrap();
    }
    let henderson = chat.login("henderson", "surabaya").unwrap();
    for session in [messi, henderson] {
        let mut connection = Connection::new(chat.clone());
        let line = [inbox_line(&session), b"halo\r\n".to_vec()].concat();
        let (mut rest, mut out, mut answer) = (&line[..], Outbox::new(&chat), Vec::new());
        while !rest.is_empty() {
            let taken = connection.receive(rest, &mut out);
            assert!(out.len() < 10_000 + 6_200, "{} bytes wait for the peer", out.len());
            assert!(taken > 0 || !out.is_empty(), "no progress");
            rest = &rest[taken..];
            answer.append(&mut out.take());
        }
        let refused = b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n";
        let inbox = texts(answer.strip_suffix(refused).unwrap());
        assert_eq!(inbox.len(), 200);
        assert!(inbox.iter().all(|got| *got == text.trim()));
    }
}

#[test]
fn an_inbox_past_what_may_be_held_is_refused_and_takes_nothing() {
    let limits = Limits { reply_bytes: 1_000, answers_bytes: 10_000, ..Limits::default() };
    let (chat, messi) = chat(limits);
    let henderson = chat.login("henderson", "surabaya").unwrap();
    for number in 0..20 {
        messi.send("messi", &format!("{number}{}", "x".repeat(1_000))).unwrap();
    }
    messi.send("henderson", "halo").unwrap();
    let connect = || (Connection::new(chat.clone()), Outbox::new(&chat));
    let ask = |peer: &mut (Connection, Outbox), session: &Session| {
        let line = inbox_line(session);
        let taken = peer.0.receive(&line, &mut peer.1);
        (peer.1.take(), line[taken..].to_vec())
    };
    // More than may be held, but nobody else holds anything.
    let mut first = connect();
    let (mut answer, rest) = ask(&mut first, &messi);
    assert_eq!(rest, b"\n", "the end of the line comes again when the answer is written");

    let mut second = connect();
    let (refusal, rest) = ask(&mut second, &henderson);
    assert!(rest.is_empty() && String::from_utf8(refusal).unwrap().contains("\"code\": \"busy\""));

    while first.0.receive(b"\n", &mut first.1) == 0 {
        answer.append(&mut first.1.take());
    }
    answer.append(&mut first.1.take());
    assert_eq!(texts(&answer).len(), 20);
    assert_eq!(texts(&ask(&mut second, &henderson).0), ["halo"], "nothing was taken");
}

/// Thousands of peers that ask and do not read would hold a mebibyte each.
#[test]
fn who_does_not_read_gets_little_while_much_is_held() {
    let (chat, messi) = chat(Limits { answers_bytes: 10_000, reply_bytes: 10_000, ..Limits::default() });
    let flood = b"halo\r\n".repeat(1_000);
    let answered = || {
        let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        assert!(connection.receive(&flood, &mut out) > 0);
        out.len()
    };
    assert!(answered() >= 10_000);
    for _ in 0..20 {
        messi.send("messi", &"x".repeat(1_000)).unwrap();
    }
    let (mut holder, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    assert!(holder.receive(&inbox_line(&messi), &mut out) > 0);
    assert!((REPLY_BYTES_SHORT..REPLY_BYTES_SHORT + 100).contains(&answered()));
    out.abandon().unwrap();
    assert!(answered() >= 10_000);
}

/// A peer that wrote `inbox` and reset the connection lost its messages: the server met a broken pipe, and the mailbox
/// was empty.
#[test]
fn an_inbox_whose_answer_never_left_is_unread_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Durable::open(directory.path(), Options::default()).unwrap();
    // All of the peer's requests are answered, though it reads nothing.
    let limits = Limits { reply_bytes: 64 * 1024 * 1024, ..Limits::default() };
    let durable = Chat::new(Config { store: Box::new(store), limits: limits.clone(), ..Config::default() });
    durable.add_demo_users().unwrap();
    for chat in [demo_chat(limits).0, durable] {
        let messi = chat.login("messi", "surabaya").unwrap();
        let server = Running::new(chat.clone());
        for _ in 0..2 {
            messi.send("messi", "halo").unwrap();
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(&server.address.into()).unwrap();
            let mut stream = TcpStream::from(socket);
            // More than the system buffers.
            stream.write_all(&b"\n".repeat(120_000)).unwrap();
            stream.write_all(&inbox_line(&messi)).unwrap();
            until(|| unread(&chat) == 0);
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            until(|| unread(&chat) == 1);
            let inbox = messi.inbox().unwrap();
            assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), ["halo"]);
        }
        server.stop();
    }
}

/// How many messages are unread, by the cursors of the recipients.
fn unread(chat: &Chat) -> usize {
    let mut dump = Vec::new();
    chat.dump(false, &mut dump).unwrap();
    let lines = dump.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<serde_json::Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let cursor = |message: &serde_json::Value| {
        let mut members: Vec<_> = [&message["from"], &message["to"]].map(serde_json::Value::to_string).into();
        members.sort();
        members.dedup();
        let conversation = lines.iter().filter_map(|line| line["conversation"]["members"].as_array()).find(|found| {
            let mut names: Vec<_> = found.iter().map(|member| member["user"].to_string()).collect();
            names.sort();
            names == members
        });
        let reader = conversation.unwrap().iter().find(|member| member["user"] == message["to"]);
        reader.unwrap()["read"].as_u64().unwrap()
    };
    let messages = lines.iter().map(|line| &line["message"]).filter(|message| message.is_object());
    messages.filter(|message| message["id"].as_u64().unwrap() > cursor(message)).count()
}

fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "it does not happen");
        thread::yield_now();
    }
}

#[test]
fn what_was_sent_in_part_or_read_since_stays_read() {
    let (chat, messi) = chat(Limits::default());
    let take = |unsent: fn(usize) -> usize, text: &str| {
        messi.send("messi", text).unwrap();
        let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        assert!(connection.receive(&[b"halo\r\n".to_vec(), inbox_line(&messi)].concat(), &mut out) > 0);
        out.sent(out.len() - unsent(out.len()));
        out.abandon().unwrap();
        messi.inbox().unwrap().iter().map(|message| message.body().to_owned()).collect::<Vec<_>>()
    };
    const REFUSAL: usize = 57;
    assert_eq!(take(|all| all, "1"), ["1"]);
    assert_eq!(take(|all| all - REFUSAL, "2"), ["2"], "the answer before it was sent");
    assert!(take(|all| all - REFUSAL - 1, "3").is_empty(), "a byte of it was sent");
    assert!(take(|_| 0, "4").is_empty());

    messi.send("messi", "5").unwrap();
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    assert!(connection.receive(&inbox_line(&messi), &mut out) > 0);
    messi.send("messi", "6").unwrap();
    assert_eq!(messi.inbox().unwrap().len(), 1);
    out.abandon().unwrap();
    assert!(messi.inbox().unwrap().is_empty(), "that would change the order");
}

/// The loop of a server in Python ended while a thread was about to take a step for a peer: the inbox was taken after the
/// peer had been given up, so that nobody put it back.
#[test]
fn a_peer_that_was_given_up_asks_for_nothing() {
    let (chat, messi) = chat(Limits::default());
    messi.send("messi", "halo").unwrap();
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    out.abandon().unwrap();
    let line = inbox_line(&messi);
    assert_eq!(connection.step(&line, &mut out).taken, line.len());
    assert_eq!((out.len(), unread(&chat)), (0, 1));
}
