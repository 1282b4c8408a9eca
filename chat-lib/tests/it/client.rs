//! The client against servers that misbehave, and what it refuses to send.

use std::io::{self, Read, Write};

use chat_lib::client::Requester;
use chat_lib::limits::Limits;
use chat_lib::protocol::{Command, Reply, reply};
use chat_lib::{Chat, Client, Connection, Error, Outbox};

use crate::support::{Running, demo_chat, inbox_of, tokens};

/// A server that says `says`, in pieces, and then hangs up or falls silent.
struct Script {
    says: Vec<&'static [u8]>,
    heard: usize,
    then: Option<io::ErrorKind>,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.says.is_empty() {
            return self.then.map_or(Ok(0), |kind| Err(kind.into()));
        }
        let piece = self.says.remove(0);
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.heard += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(says: &[&'static [u8]], then: Option<io::ErrorKind>) -> Client<Script> {
    Client::over(Script { says: says.to_vec(), heard: 0, then })
}

#[test]
fn an_answer_in_pieces() {
    let client = client(&[b"{\"status\": \"OK\", \"message\": \"Message Se", b"nt\"}\r", b"\n\r", b"\n"], None);
    client.session_of("messi", tokens().next().unwrap()).send("messi", "halo").unwrap();
}

#[test]
fn a_connection_that_broke_is_not_used_again() {
    let token = tokens().next().unwrap();
    type Case = (&'static [&'static [u8]], Option<io::ErrorKind>, fn(&Error) -> bool);
    let cases: [Case; 4] = [
        (&[b"{\"status\": "], None, |error| matches!(error, Error::Disconnected)),
        (&[], Some(io::ErrorKind::WouldBlock), |error| matches!(error, Error::TimedOut)),
        (&[], Some(io::ErrorKind::ConnectionReset), |error| matches!(error, Error::Disconnected)),
        (&[], Some(io::ErrorKind::PermissionDenied), |error| matches!(error, Error::Io(_))),
    ];
    for (says, then, right) in cases {
        let session = client(says, then).session_of("messi", token);
        let error = session.inbox().unwrap_err();
        assert!(right(&error), "{error}");
        assert!(matches!(session.inbox(), Err(Error::Disconnected)));
    }
}

/// A client once took what stood behind nonsense for the answer to its next request.
#[test]
fn what_comes_unasked_answers_nothing() {
    let token = tokens().next().unwrap();
    let client =
        client(&[b"HTTP/1.1 400 Bad Request\r\n\r\n{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n"], None);
    assert!(matches!(client.login("messi", "surabaya"), Err(Error::BadReply(_))));
    assert!(matches!(client.session_of("messi", token).send("messi", "halo"), Err(Error::Disconnected)));
}

#[test]
fn an_answer_too_many_is_noticed() {
    let token = tokens().next().unwrap();
    let client = client(&[b"{\"status\": \"OK\"}\r\n\r\n{\"status\": \"OK\"}\r\n\r\n"], None);
    client.session_of("messi", token).send("messi", "halo").unwrap();
    assert!(matches!(client.session_of("messi", token).send("messi", "halo"), Err(Error::BadReply(_))));
    assert!(matches!(client.session_of("messi", token).send("messi", "halo"), Err(Error::Disconnected)));
}

#[test]
fn nonsense_is_not_taken_for_an_answer() {
    let client = client(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], None);
    assert!(matches!(client.login("messi", "surabaya"), Err(Error::BadReply(_))));
}

#[test]
fn what_would_be_another_request_is_not_sent() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat);
    let client = Client::connect(server.address).unwrap();
    let messi = client.login("messi", "surabaya").unwrap();
    for outcome in [
        messi.send("messi", "one\r\ntwo"),
        messi.send("messi x", "halo"),
        client.login("messi surabaya", "x").map(drop),
        client.login("messi", "").map(drop),
        client.login("", "surabaya").map(drop),
    ] {
        assert!(matches!(outcome, Err(Error::InvalidRequest { .. })));
    }
    assert!(messi.inbox().unwrap().is_empty(), "the connection is as it was");
}

/// An unmodified client of the course sends line ends inside a text; ours could not.
#[test]
fn a_text_may_have_line_ends() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat);
    let token = Client::connect(server.address).unwrap().login("messi", "surabaya").unwrap().token();
    // The first line of a connection, whose first LF decides how lines end, and later ones.
    let messi = Client::connect(server.address).unwrap().session_of("messi", token);
    let texts = ["satu\ndua", "\n", "tiga\n\r", "\nempat\n"];
    for text in texts {
        messi.send("messi", text).unwrap();
    }
    let inbox = messi.inbox().unwrap();
    assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), texts);
}

#[test]
fn typed_answers_of_all_commands() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat);
    let client = Client::connect(server.address).unwrap();
    assert!(matches!(client.login("ronaldo", "x"), Err(Error::NoSuchUser)));
    assert!(matches!(client.login("messi", "x"), Err(Error::WrongPassword)));
    let messi = client.login("messi", "surabaya").unwrap();
    assert!(matches!(messi.send("ronaldo", "x"), Err(Error::NoSuchRecipient)));
    for text in ["halo", "", "  two \t", "é🚀\r\"", "\r"] {
        messi.send("messi", text).unwrap();
        let inbox = messi.inbox().unwrap();
        let message = inbox.iter().next().unwrap();
        assert_eq!((message.from.user().as_str(), message.from.full_name()), ("messi", "Lionel Messi"));
        assert_eq!((inbox.to(), message.body()), ("Lionel Messi", text));
    }
    let too_long = "x".repeat(Limits::default().line_bytes);
    let refusal = messi.send("messi", &too_long).unwrap_err();
    assert_eq!(refusal.code(), "line_too_long");
    assert_eq!(messi.active_users().unwrap()[0].as_str(), "messi");
    messi.logout().unwrap();
    assert!(matches!(messi.logout(), Err(Error::NoSuchSession)));
}

#[test]
fn nobody_listens() {
    let address = {
        let server = Running::on("127.0.0.22:0", Chat::memory());
        let address = server.address;
        server.stop();
        address
    };
    assert!(matches!(Client::connect(address), Err(Error::Io(_))));
    assert!(matches!(Client::connect("no port"), Err(Error::Io(_))));
}

/// The client's side without I/O is fed as the server's is: how the bytes are cut makes no difference.
#[test]
fn a_requester_takes_answers_in_any_pieces() {
    let messi = tokens().next().unwrap();
    let send = |text| Command::Send { token: messi, to: "messi", text };
    for size in 1..200 {
        let chat = demo_chat(Limits::default()).0;
        let (mut server, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        let mut client = Requester::new();
        let mut ask = |command: &Command<'_>| {
            let mut request = Vec::new();
            client.request(command, &mut request).unwrap();
            assert_eq!(server.receive(&request, &mut out), request.len());
            let pieces: Vec<_> = out.take().chunks(size).map(|piece| client.receive(piece).unwrap()).collect();
            assert_eq!(pieces.iter().flatten().count(), 1);
            let answer = pieces.into_iter().next_back().unwrap().expect("the last piece ends the answer");
            reply::read(command, &answer)
        };
        // The first LF that is sent is not that of the text.
        ask(&send(" satu\ndua")).unwrap_err();
        let login = ask(&Command::Auth { user: "messi", password: "surabaya" }).unwrap();
        assert!(matches!(login, Reply::LoggedIn(token) if token == messi));
        assert!(matches!(ask(&send(" satu\ndua")), Ok(Reply::Sent)));
        let inbox = inbox_of(ask(&Command::Inbox { token: messi }).unwrap());
        assert_eq!(inbox.iter().next().unwrap().body(), "satu\ndua");
    }
}

#[test]
fn a_requester_has_one_request_at_a_time() {
    let (mut client, mut out) = (Requester::new(), Vec::new());
    let login = Command::Auth { user: "messi", password: "surabaya" };
    client.request(&login, &mut out).unwrap();
    let sent = out.len();
    assert!(matches!(client.request(&login, &mut out), Err(Error::Disconnected)));
    assert!(client.receive(b"{}\r\n\r\n{}").unwrap().is_some());
    assert!(matches!(client.request(&login, &mut out), Err(Error::BadReply(_))), "that was not asked for");
    assert!(matches!(client.request(&login, &mut out), Err(Error::Disconnected)));
    assert_eq!(out.len(), sent);
}
