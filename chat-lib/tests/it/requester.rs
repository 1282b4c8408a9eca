//! The client's side of a connection without I/O: answers and events of both protocols, however they are cut.

use chat_lib::client::{Incoming, Requester};
use chat_lib::limits::Limits;
use chat_lib::model::{Framing, MessageId, SessionToken};
use chat_lib::protocol::{Command, Reply, Request};
use chat_lib::{Chat, Connection, Error, Outbox};

use crate::support::{demo_chat, inbox_of, tokens};

/// What is asked of a connection, and answered in pieces of `size` bytes. A session is bound first where that is needed.
struct Peer {
    server: Connection,
    out: Outbox,
    client: Requester,
    size: usize,
}

impl Peer {
    fn new(chat: &Chat, size: usize) -> Self {
        Self { server: Connection::new(chat.clone()), out: Outbox::new(chat), client: Requester::new(), size }
    }

    fn ask(&mut self, asked: &Request<'_>) -> Result<Reply, Error> {
        if let Some(resume) = self.client.resume_first(asked) {
            self.exchange(&resume)?;
        }
        self.exchange(asked)
    }

    fn exchange(&mut self, asked: &Request<'_>) -> Result<Reply, Error> {
        let mut request = Vec::new();
        self.client.request(asked, &mut request).unwrap();
        assert_eq!(self.server.receive(&request, &mut self.out), request.len());
        let answers = self.out.take();
        let pieces: Vec<_> = answers.chunks(self.size).map(|piece| self.client.receive(piece).unwrap()).collect();
        assert_eq!(pieces.iter().flatten().count(), 1);
        match pieces.into_iter().next_back().unwrap() {
            Some(Incoming::Answer(answer)) => answer.read(&asked.command),
            other => panic!("the last piece ends the answer: {other:?}"),
        }
    }
}

/// The client's side without I/O is fed as the server's is: how the bytes are cut makes no difference.
#[test]
fn a_requester_takes_answers_in_any_pieces() {
    let messi = tokens().next().unwrap();
    let with_token = |command| Request::with_token(messi, command);
    let text = "satu\r\ndua";
    let send = Command::Send { to: "messi".into(), text: text.into(), framing: Framing::DEFAULT, key: None };
    let (to, text_of_line) = (vec!["messi".into()], "satu\ndua");
    let send_to_all = Command::SendToAll { to, text: text_of_line.into(), framing: Framing::DEFAULT };
    for size in 1..200 {
        let chat = demo_chat(Limits::default()).0;
        let mut peer = Peer::new(&chat, size);
        // The first LF that is sent is not that of the text.
        peer.ask(&with_token(send_to_all.clone())).unwrap_err();
        let login = Request::new(Command::Auth { user: "messi".into(), password: "surabaya".into() });
        let login = peer.ask(&login).unwrap();
        assert!(matches!(login, Reply::LoggedIn(login) if login.token == messi));
        assert!(matches!(peer.ask(&with_token(send_to_all.clone())), Ok(Reply::Sent { .. })));
        assert!(matches!(peer.ask(&with_token(send.clone())), Ok(Reply::Sent { id, .. }) if id > MessageId::NONE));
        let inbox = inbox_of(peer.ask(&with_token(Command::Inbox)).unwrap());
        assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), [text_of_line, text]);
    }
}

#[test]
fn a_requester_has_one_request_at_a_time() {
    let (mut client, mut out) = (Requester::new(), Vec::new());
    let login = Request::new(Command::Auth { user: "messi".into(), password: "surabaya".into() });
    client.request(&login, &mut out).unwrap();
    let sent = out.len();
    assert!(matches!(client.request(&login, &mut out), Err(Error::Disconnected)));
    assert!(client.receive(b"{}\r\n\r\n{}\r\n\r\n").unwrap().is_some());
    assert!(matches!(client.request(&login, &mut out), Err(Error::BadReply(_))), "that was not asked for");
    assert!(matches!(client.request(&login, &mut out), Err(Error::Disconnected)));
    assert_eq!(out.len(), sent);
}

/// The requests and answers of a requester.
struct Dialogue {
    client: Requester,
    token: SessionToken,
}

impl Dialogue {
    fn new() -> Self {
        Self { client: Requester::new(), token: tokens().next().unwrap() }
    }

    /// Writes a request of the session; gives what is sent.
    fn request(&mut self, command: Command<'_>) -> Result<String, Error> {
        let mut out = Vec::new();
        self.client.request(&Request::with_token(self.token, command), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// Hands bytes in; gives what comes of them.
    fn receive(&mut self, bytes: &str) -> Result<Vec<Incoming>, Error> {
        let mut all = Vec::new();
        let mut next = self.client.receive(bytes.as_bytes())?;
        while let Some(incoming) = next {
            all.push(incoming);
            next = self.client.receive(b"")?;
        }
        Ok(all)
    }

    fn needs_resume(&self) -> bool {
        self.client.resume_first(&Request::with_token(self.token, Command::Ping)).is_some()
    }

    /// Binds the session.
    fn resume(&mut self) {
        let token = self.token;
        let mut out = Vec::new();
        self.client.request(&Request::new(Command::Resume { token }), &mut out).unwrap();
        let id = self.id_of(&String::from_utf8(out).unwrap());
        let login = format!(r#"{{"token":"{token}","user":"messi","name":"Lionel Messi","epoch":"x"}}"#);
        let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{login}}}\n");
        assert!(matches!(self.receive(&answer).unwrap()[..], [Incoming::Answer(_)]));
    }

    fn id_of(&self, request: &str) -> u64 {
        let request: serde_json::Value = serde_json::from_str(request).unwrap();
        request["id"].as_u64().unwrap()
    }
}

const CLOSED: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"closed\",\"params\":{\"reason\":\"session_ended\"}}\n";
const UNKNOWN: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"weather\",\"params\":{}}\n";

#[test]
fn a_session_is_bound_before_its_first_request_of_protocol_2() {
    let mut dialogue = Dialogue::new();
    assert!(dialogue.needs_resume());
    assert!(matches!(dialogue.request(Command::Ping), Err(Error::InvalidRequest { .. })));
    // Protocol 1 has the token in its lines.
    assert_eq!(dialogue.request(Command::Inbox).unwrap(), format!("inbox {}\r\n", dialogue.token));
    dialogue.receive("{\"status\": \"OK\", \"messages\": {}}\r\n\r\n").unwrap();
    dialogue.resume();
    assert!(!dialogue.needs_resume());
    let ping = dialogue.request(Command::Ping).unwrap();
    assert!(ping.ends_with("}\r\n"), "all lines of a connection end with CRLF");
    let id = dialogue.id_of(&ping);
    let [Incoming::Answer(answer)] = <[_; 1]>::try_from(
        dialogue.receive(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n")).unwrap(),
    )
    .unwrap() else {
        panic!()
    };
    assert!(matches!(answer.read(&Command::Ping), Ok(Reply::Done)));
    // It is not, once it has ended, or another one is.
    dialogue.receive(CLOSED).unwrap();
    assert!(dialogue.needs_resume());
    dialogue.resume();
    let ping = dialogue.request(Command::Ping).unwrap();
    let error = "{\"code\":13,\"message\":\"no\",\"data\":{\"code\":\"no_such_session\"}}";
    let refusal = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"error\":{error}}}\n", dialogue.id_of(&ping));
    dialogue.receive(&refusal).unwrap();
    assert!(dialogue.needs_resume());
    dialogue.resume();
    assert!(!dialogue.needs_resume());
    dialogue.token = tokens().nth(1).unwrap();
    assert!(dialogue.needs_resume());
}

#[test]
fn events_come_at_any_time() {
    let inbox = "{\"status\": \"OK\", \"messages\": {}}\r\n\r\n";
    let mut dialogue = Dialogue::new();
    // Before an answer of either protocol, between two, and cut by a request.
    dialogue.request(Command::Inbox).unwrap();
    let received = dialogue.receive(&format!("{CLOSED}{UNKNOWN}{inbox}{CLOSED}")).unwrap();
    assert!(matches!(received[..], [Incoming::Event(_), Incoming::Answer(_), Incoming::Event(_)]));
    let (begin, end) = CLOSED.split_at(20);
    assert!(dialogue.receive(begin).unwrap().is_empty());
    dialogue.request(Command::Inbox).unwrap();
    let received = dialogue.receive(&format!("{end}{inbox}{begin}")).unwrap();
    assert!(matches!(received[..], [Incoming::Event(_), Incoming::Answer(_)]));
    dialogue.receive(end).unwrap();
    dialogue.resume();
    let ping = dialogue.request(Command::Ping).unwrap();
    let id = dialogue.id_of(&ping);
    let refusal = "\"error\":{\"code\":16,\"message\":\"later\",\"data\":{\"code\":\"busy\"}}";
    let mut received =
        dialogue.receive(&format!("{UNKNOWN}{CLOSED}{{\"jsonrpc\":\"2.0\",\"id\":{id},{refusal}}}\n")).unwrap();
    let Some(Incoming::Answer(answer)) = received.pop() else { panic!() };
    assert!(matches!(answer.read(&Command::Ping), Err(Error::Busy)));
}

#[test]
fn an_answer_that_began_before_its_request_answers_nothing() {
    let rpc = "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n";
    for (answer, of_protocol_2) in [("{\"status\": \"OK\", \"messages\": {}}\r\n\r\n", false), (rpc, true)] {
        let mut dialogue = Dialogue::new();
        dialogue.resume();
        assert!(dialogue.receive(&answer[..9]).unwrap().is_empty());
        dialogue.request(if of_protocol_2 { Command::Ping } else { Command::Inbox }).unwrap();
        assert!(matches!(dialogue.receive(&answer[9..]), Err(Error::BadReply(_))), "{answer}");
        assert!(matches!(dialogue.request(Command::Inbox), Err(Error::Disconnected)));
    }
    // Nor does that of another request.
    let mut dialogue = Dialogue::new();
    dialogue.resume();
    dialogue.request(Command::Ping).unwrap();
    assert!(matches!(dialogue.receive(&rpc.replace("\"id\":2", "\"id\":1")), Err(Error::BadReply(_))));
}
