//! The client's side of a connection, without I/O: requests to bytes, bytes to answers and events. It speaks protocol 2, and
//! protocol 1 for the commands that only that one has.

use std::collections::VecDeque;
use std::fmt;

use memchr::{memchr, memmem};

use crate::error::Error;
use crate::limits::CLIENT_ANSWER_BYTES;
use crate::model::{Framing, SessionToken};
use crate::protocol::line::{self, reply::END};
use crate::protocol::{CloseReason, Command, Event, Reply, Request, rpc};

/// The requests of a client and their answers, one at a time, and events. It does no I/O: the caller sends what it is given, and
/// hands in what it receives, by whatever means it has. [`Client`](crate::Client) stands on it.
///
/// In protocol 2, a session is bound to the connection, so another one must be [bound first](Self::resume_first).
///
/// ```
/// use chat_lib::client::{Incoming, Requester};
/// use chat_lib::model::MessageId;
/// use chat_lib::protocol::{Command, Reply, Request};
/// use chat_lib::{Chat, Connection, Error, Outbox};
///
/// let chat = Chat::memory();
/// chat.add_demo_users()?;
/// let (mut server, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
/// let mut exchange = |client: &mut Requester, request: &Request<'_>| -> Result<Reply, Error> {
///     let mut bytes = Vec::new();
///     client.request(request, &mut bytes)?;
///     assert_eq!(server.receive(&bytes, &mut out), bytes.len());
///     match client.receive(&out.take())? {
///         Some(Incoming::Answer(answer)) => answer.read(&request.command),
///         other => panic!("the whole answer is here, and nothing else: {other:?}"),
///     }
/// };
///
/// let mut client = Requester::new();
/// let login = Command::Auth { user: "messi".into(), password: "surabaya".into() };
/// let Reply::LoggedIn(login) = exchange(&mut client, &Request::new(login))? else { panic!() };
/// let read = Command::Read { with: "messi".into(), upto: MessageId::MAX };
/// let read = Request::with_token(login.token, read);
/// if let Some(resume) = client.resume_first(&read) {
///     exchange(&mut client, &resume)?;
/// }
/// assert!(matches!(exchange(&mut client, &read)?, Reply::Read { unread: 0 }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Default)]
pub struct Requester {
    received: Vec<u8>,
    /// How many of the received bytes have no line end that was not looked at.
    searched: usize,
    awaited: Option<Awaited>,
    /// The refusal of an empty line is still to come.
    greeting: bool,
    /// What is received began before the request, so that it cannot be its answer.
    stale: bool,
    /// What came before the request.
    events: VecDeque<Event>,
    /// A line was sent, so the server knows that ours end with CRLF.
    greeted: bool,
    /// The session that the server has bound to the connection.
    bound: Option<SessionToken>,
    /// The id of the last request.
    last_id: u64,
    /// What comes next could be anything.
    broken: bool,
}

/// An answer that is still to come.
#[derive(Clone, Copy)]
enum Awaited {
    /// Of protocol 1.
    Line,
    /// Of protocol 2, to the last id, and what is bound if the request is done.
    Rpc(Binds),
}

/// Which session a request binds to the connection.
#[derive(Clone, Copy)]
enum Binds {
    /// None.
    Nothing,
    Session(SessionToken),
    /// One whose token only the answer tells.
    New,
}

/// What a server has sent.
#[derive(Debug)]
pub enum Incoming {
    /// The answer to the last request.
    Answer(Answer),
    /// Something has happened. Servers tell it if `subscribe` was requested, and when the session ends.
    Event(Event),
}

impl Requester {
    /// The client's side of a connection on which nothing was sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// The request that has to be made and answered before `request` can be made, because its session is not bound to the
    /// connection.
    pub fn resume_first(&self, request: &Request<'_>) -> Option<Request<'static>> {
        let token = request.token.filter(|token| self.bound != Some(*token))?;
        (!is_of_protocol_1(&request.command)).then(|| Request::new(Command::Resume { token }))
    }

    /// Appends what is to be sent for a request.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for words that would make another request of it, or if its session has to be [bound
    /// first](Self::resume_first); [`Error::Disconnected`] if the last request was not answered, or an answer made no sense;
    /// [`Error::BadReply`] if something has come that nobody asked for. Nothing was appended.
    pub fn request(&mut self, request: &Request<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut written = Vec::new();
        if is_of_protocol_1(&request.command) {
            line::write(request, &mut written)?;
            return self.request_line(&written, out);
        }
        if self.resume_first(request).is_some() {
            return Err(Error::InvalidRequest { what: "a request whose session is not bound" });
        }
        let id = self.last_id + 1;
        rpc::write_request(id, &request.command, &mut written)?;
        let line = written.trim_ascii_end();
        self.begin()?;
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        self.last_id = id;
        self.awaited = Some(Awaited::Rpc(match request.command {
            Command::Resume { token } => Binds::Session(token),
            Command::Register { .. } => Binds::New,
            _ => Binds::Nothing,
        }));
        Ok(())
    }

    /// As [`request`](Self::request), for a request line of protocol 1 that is written already, its CRLF included.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let greeted = self.greeted;
        self.begin()?;
        if !greeted && line.strip_suffix(b"\r\n").is_some_and(|line| line.contains(&b'\n')) {
            // The first LF of a connection decides how its lines end, and must not be that of a text. The empty line is
            // refused.
            out.extend_from_slice(b"\r\n");
            self.greeting = true;
        }
        out.extend_from_slice(line);
        self.awaited = Some(Awaited::Line);
        Ok(())
    }

    /// Begins a request, unless another one is not answered.
    fn begin(&mut self) -> Result<(), Error> {
        if self.broken || self.awaited.is_some() {
            return Err(Error::Disconnected);
        }
        while let Some(incoming) = self.next()? {
            // Nothing is awaited, so it is no answer.
            if let Incoming::Event(event) = incoming {
                self.events.push_back(event);
            }
        }
        self.stale = !self.received.is_empty();
        self.greeted = true;
        Ok(())
    }

    /// Takes received bytes, and returns what has come completely, one thing with each call: call it without bytes until it
    /// returns `None`.
    ///
    /// # Errors
    ///
    /// [`Error::BadReply`] if it is neither the answer to the last request nor an event, or longer than
    /// [`CLIENT_ANSWER_BYTES`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Incoming>, Error> {
        self.received.extend_from_slice(bytes);
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(Incoming::Event(event)));
        }
        self.next()
    }

    fn next(&mut self) -> Result<Option<Incoming>, Error> {
        if self.broken {
            return Ok(None);
        }
        let outcome = self.read_next();
        self.broken = outcome.is_err();
        outcome
    }

    fn read_next(&mut self) -> Result<Option<Incoming>, Error> {
        if self.received.first() == Some(&TLS_ALERT) {
            return Err(Error::BadReply("it is TLS; the address has to be chats://HOST:PORT".to_owned()));
        }
        while let Some((line, is_answer)) = self.take_line()? {
            let stale = std::mem::take(&mut self.stale);
            if is_answer {
                match std::mem::take(&mut self.greeting) {
                    _ if stale => return Err(unasked()),
                    true => continue,
                    false => {}
                }
                self.awaited = None;
                return Ok(Some(Incoming::Answer(Answer(Content::Line(line)))));
            }
            let content = match rpc::read(&line)? {
                rpc::Incoming::Event(event) => {
                    // A server that goes ends no session.
                    if matches!(event, Event::Closed { reason: CloseReason::Ended }) {
                        self.bound = None;
                    }
                    return Ok(Some(Incoming::Event(event)));
                }
                rpc::Incoming::UnknownEvent => continue,
                rpc::Incoming::Answer { id, result } if id == Some(self.last_id) => Ok(result.to_owned()),
                // A server may have seen no id in a line that was too long.
                rpc::Incoming::Refusal { id, error } if id.is_none_or(|id| id == self.last_id) => Err(error),
                rpc::Incoming::Answer { .. } | rpc::Incoming::Refusal { .. } => return Err(unasked()),
            };
            let Some(Awaited::Rpc(binds)) = self.awaited.take().filter(|_| !stale) else { return Err(unasked()) };
            match (&content, binds) {
                (Ok(_), Binds::Session(token)) => self.bound = Some(token),
                // Whichever it is, its first request resumes it.
                (Ok(_), Binds::New) | (Err(Error::NoSuchSession), _) => self.bound = None,
                (Ok(_), Binds::Nothing) | (Err(_), _) => {}
            }
            return Ok(Some(Incoming::Answer(Answer(Content::Rpc(content)))));
        }
        Ok(None)
    }

    /// Takes a line of protocol 2, or an answer of protocol 1 and `true`. Protocol 2 ends its lines with LF; a line end of protocol 1
    /// is a CRLF, of which an answer has two at its end, and no other.
    fn take_line(&mut self) -> Result<Option<(Vec<u8>, bool)>, Error> {
        let unsearched = self.received.get(self.searched..).unwrap_or_default();
        let Some(place) = memchr(b'\n', unsearched) else {
            self.searched = self.received.len();
            return self.check_length();
        };
        let place = self.searched + place;
        let is_answer = matches!(self.awaited, Some(Awaited::Line))
            && place.checked_sub(1).and_then(|before| self.received.get(before)) == Some(&b'\r');
        let mut end = place + 1;
        if is_answer {
            // Nonsense may have a single one.
            let start = place - 1;
            let Some(found) = memmem::find(self.received.get(start..).unwrap_or_default(), END) else {
                self.searched = place;
                return self.check_length();
            };
            end = start + found + END.len();
        }
        let rest = self.received.split_off(end);
        self.searched = 0;
        Ok(Some((std::mem::replace(&mut self.received, rest), is_answer)))
    }

    fn check_length<T>(&self) -> Result<Option<T>, Error> {
        match self.received.len() > CLIENT_ANSWER_BYTES {
            true => Err(Error::BadReply(format!("it is longer than {CLIENT_ANSWER_BYTES} bytes"))),
            false => Ok(None),
        }
    }

    /// Makes no more requests, because an answer made no sense.
    pub fn give_up(&mut self) {
        self.broken = true;
    }
}

/// An answer, of which it is not known yet what it says.
#[must_use = "it may be a refusal"]
pub struct Answer(Content);

enum Content {
    /// An answer of protocol 1.
    Line(Vec<u8>),
    /// The result of protocol 2, or the refusal.
    Rpc(Result<String, Error>),
}

impl Answer {
    /// Reads the answer to `command`.
    ///
    /// # Errors
    ///
    /// The refusal that it holds, or [`Error::BadReply`]; the caller should then [give up](Requester::give_up).
    pub fn read(self, command: &Command<'_>) -> Result<Reply, Error> {
        match self.0 {
            Content::Line(line) => line::reply::read(command, &line),
            Content::Rpc(result) => rpc::read_reply(command, &result?),
        }
    }

    /// The bytes of an answer to a [line](Requester::request_line) of protocol 1, with their end; else `None`.
    pub fn into_line(self) -> Option<Vec<u8>> {
        if let Content::Line(line) = self.0 { Some(line) } else { None }
    }
}

/// Shows neither tokens nor texts.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Line(line) => write!(f, "Answer({} bytes)", line.len()),
            Content::Rpc(Ok(result)) => write!(f, "Answer({} bytes)", result.len()),
            Content::Rpc(Err(error)) => write!(f, "Answer({error:?})"),
        }
    }
}

/// The first byte of what a TLS server says to somebody who speaks in clear. No line begins with it.
const TLS_ALERT: u8 = 21;

/// Whether a command is requested by protocol 1: protocol 2 does not have it, or would lose something of it, or it opens or ends
/// a session, which needs none to be bound.
fn is_of_protocol_1(command: &Command<'_>) -> bool {
    match command {
        Command::Send { framing, key, .. } => *framing != Framing::DEFAULT && key.is_none(),
        Command::Register { invitation, .. } => invitation.is_none(),
        Command::Auth { .. }
        | Command::Logout
        | Command::Inbox
        | Command::RoomInbox { .. }
        | Command::ActiveUser
        | Command::SendToAll { .. } => true,
        _ => false,
    }
}

fn unasked() -> Error {
    Error::BadReply("nobody asked for it".to_owned())
}

/// Shows sizes only: an answer may hold a token or texts.
impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, awaited, broken, .. } = self;
        let outstanding = awaited.is_some();
        write!(f, "Requester({} bytes received, answer outstanding: {outstanding}, broken: {broken})", received.len())
    }
}
