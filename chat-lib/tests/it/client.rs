//! The client against servers that misbehave, and what it refuses to send.

use std::io::{self, Read, Write};

use chat_lib::limits::Limits;
use chat_lib::model::MessageId;
use chat_lib::{Chat, Client, Error};

use crate::support::{Running, demo_chat, tokens};

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
    client.session_of("messi", tokens().next().unwrap()).send_to_all(&["messi"], "halo").unwrap();
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
    assert!(matches!(client.session_of("messi", token).send_to_all(&["messi"], "halo"), Err(Error::Disconnected)));
}

#[test]
fn an_answer_too_many_is_noticed() {
    let token = tokens().next().unwrap();
    let client = client(&[b"{\"status\": \"OK\"}\r\n\r\n{\"status\": \"OK\"}\r\n\r\n"], None);
    client.session_of("messi", token).send_to_all(&["messi"], "halo").unwrap();
    assert!(matches!(client.session_of("messi", token).send_to_all(&["messi"], "halo"), Err(Error::BadReply(_))));
    assert!(matches!(client.session_of("messi", token).send_to_all(&["messi"], "halo"), Err(Error::Disconnected)));
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
    assert!(matches!(messi.send("messi x", "halo"), Err(Error::NoSuchRecipient)), "it is a request of its own");
    for outcome in [
        messi.send_to_all(&["messi"], "one\r\ntwo"),
        messi.send_to_all(&["messi", "messi x"], "halo"),
        messi.send_to_all(&["messi,lineker"], "halo"),
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
    let texts = ["satu\ndua", "\n", "tiga\n\r", "\nempat\n", "lima\r\n", "\r\n\r\n"];
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

/// A refused `resume` leaves the session that was bound, so nothing must be sent behind it.
#[test]
fn sessions_share_a_connection_and_are_not_mixed_up() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    let (messi, henderson) =
        (client.login("messi", "surabaya").unwrap(), client.login("henderson", "surabaya").unwrap());
    let mut last = MessageId::NONE;
    for sender in [&messi, &henderson, &messi, &henderson] {
        let sent = sender.send("lineker", sender.user()).unwrap();
        assert!(sent.id > last);
        last = sent.id;
    }
    Client::connect(server.address).unwrap().session_of("messi", messi.token()).logout().unwrap();
    assert!(matches!(messi.send("lineker", "lost"), Err(Error::NoSuchSession)));
    henderson.send("lineker", henderson.user()).unwrap();
    let inbox = chat.inbox_of("lineker").unwrap();
    assert_eq!(inbox.len(), 5);
    assert!(inbox.iter().all(|message| message.from.user().as_str() == message.body()));
}
