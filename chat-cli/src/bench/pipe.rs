//! The requests that are in flight on a connection, without I/O. Unlike the library's `Requester`, which makes one request at a
//! time, it pipelines them.

use std::ops::Range;

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::limits::CLIENT_ANSWER_BYTES;
use chat_lib::model::{MessageId, SessionToken};
use chat_lib::protocol::line::{self, reply::END};
use chat_lib::protocol::{Command, Reply, Request, rpc};
use memchr::memmem;

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    One,
    Two,
}

impl Protocol {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// What ends an answer, and does not occur in one.
    fn end(self) -> &'static [u8] {
        match self {
            Self::One => END,
            Self::Two => b"\n",
        }
    }
}

/// Requests to bytes, and bytes to answers and events, in order.
pub(super) struct Pipe {
    protocol: Protocol,
    /// What is to be sent.
    pub(super) unsent: Vec<u8>,
    received: Vec<u8>,
    /// How many of the received bytes were taken as lines, and how many have no end that was not looked at.
    taken: usize,
    searched: usize,
    /// How many requests were made, and how many of them were answered.
    asked: u64,
    answered: u64,
    /// The answer to nearly all requests of protocol 1.
    usual: Vec<u8>,
}

/// What a server has sent.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The answer to the oldest request that had none, or its refusal.
    Answer(Result<Reply, Error>),
    Event,
}

impl Pipe {
    pub(super) fn new(protocol: Protocol) -> Self {
        let mut usual = Vec::new();
        line::reply::write(&Ok(sent()), &mut usual);
        let (unsent, received) = (Vec::new(), Vec::new());
        Self { protocol, unsent, received, taken: 0, searched: 0, asked: 0, answered: 0, usual }
    }

    /// Appends a request to what is to be sent. In protocol 2 the token is not needed: the session is bound to the connection.
    pub(super) fn request(&mut self, token: Option<SessionToken>, command: Command<'_>) -> Result<(), Error> {
        match self.protocol {
            Protocol::One => line::write(&Request { token, command }, &mut self.unsent)?,
            Protocol::Two => rpc::write_request(self.asked + 1, &command, &mut self.unsent)?,
        }
        self.asked += 1;
        Ok(())
    }

    /// Where received bytes are to be appended.
    pub(super) fn received(&mut self) -> &mut Vec<u8> {
        self.received.drain(..self.taken);
        self.searched -= self.taken;
        self.taken = 0;
        &mut self.received
    }

    /// The next line that has come completely, with its end.
    ///
    /// # Errors
    ///
    /// [`Error::BadReply`] if it is too long, or TLS.
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>, Error> {
        let line = self.take()?;
        Ok(line.and_then(|line| self.received.get(line)))
    }

    fn take(&mut self) -> Result<Option<Range<usize>>, Error> {
        let end = self.protocol.end();
        let unsearched = self.received.get(self.searched..).unwrap_or_default();
        let place = match self.protocol {
            Protocol::One => memmem::find(unsearched, end),
            Protocol::Two => memchr::memchr(b'\n', unsearched),
        };
        let Some(place) = place else {
            // The first bytes of an end may be there.
            let rest = end.len() - 1;
            self.searched = self.taken.max(self.received.len().saturating_sub(rest));
            return match self.received.len() - self.taken {
                _ if self.received.get(self.taken) == Some(&TLS_ALERT) => {
                    Err(Error::BadReply("it is TLS; the address has to be chats:// or wss://".to_owned()))
                }
                count if count > CLIENT_ANSWER_BYTES => {
                    Err(Error::BadReply(format!("it is longer than {CLIENT_ANSWER_BYTES} bytes")))
                }
                _ => Ok(None),
            };
        };
        let line = self.taken..self.searched + place + end.len();
        (self.taken, self.searched) = (line.end, line.end);
        Ok(Some(line))
    }

    /// The next thing that has come completely, where `command` is that of the oldest request without an answer.
    ///
    /// # Errors
    ///
    /// [`Error::BadReply`] if it is neither the answer nor an event, and any refusal that nobody asked for: the server tells so why
    /// it closes a connection.
    pub(super) fn next(&mut self, command: Option<&Command<'_>>) -> Result<Option<Incoming>, Error> {
        while let Some(line) = self.take()? {
            let line = self.received.get(line).unwrap_or_default();
            let next = self.answered + 1;
            let outcome = match (self.protocol, command) {
                (Protocol::One, Some(Command::Send { .. })) if *line == *self.usual => Ok(sent()),
                (Protocol::One, Some(command)) => line::reply::read(command, line),
                (Protocol::One, None) => {
                    return Err(line::reply::read(&Command::Logout, line).err().unwrap_or_else(unasked));
                }
                (Protocol::Two, command) => match (rpc::read(line)?, command) {
                    (rpc::Incoming::Event(_), _) => return Ok(Some(Incoming::Event)),
                    (rpc::Incoming::UnknownEvent, _) => continue,
                    (rpc::Incoming::Answer { id, result }, Some(command)) if id == Some(next) => {
                        rpc::read_reply(command, result)
                    }
                    // A server may have seen no id in a line that was too long.
                    (rpc::Incoming::Refusal { id, error }, Some(_)) if id.is_none_or(|id| id == next) => Err(error),
                    (rpc::Incoming::Refusal { error, .. }, None) => return Err(error),
                    _ => return Err(unasked()),
                },
            };
            self.answered = next;
            return match outcome {
                Err(error @ Error::BadReply(_)) => Err(error),
                outcome => Ok(Some(Incoming::Answer(outcome))),
            };
        }
        Ok(None)
    }
}

/// The answer of protocol 1 to a message says neither its id nor its time.
fn sent() -> Reply {
    Reply::Sent { id: MessageId::NONE, time: Timestamp::EPOCH }
}

/// The first byte of what a TLS server says to somebody who speaks in clear. No line begins with it.
const TLS_ALERT: u8 = 21;

fn unasked() -> Error {
    Error::BadReply("nobody asked for it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";

    fn ping() -> Command<'static> {
        Command::Ping
    }

    fn send() -> Command<'static> {
        Command::Send { to: "a".into(), text: "b".into(), framing: Default::default(), key: None }
    }

    #[test]
    fn answers_in_any_pieces() {
        let answers = [SENT, b"{\"status\": \"ERROR\", \"message\": \"m\", \"code\": \"busy\"}\r\n\r\n", SENT].concat();
        for size in 1..answers.len() {
            let mut pipe = Pipe::new(Protocol::One);
            let token = SessionToken::parse("609107b0-9f49-4d74-8195-f66446cd56e5").unwrap();
            (0..3).for_each(|_| pipe.request(Some(token), send()).unwrap());
            let mut codes = Vec::new();
            for piece in answers.chunks(size) {
                pipe.received().extend_from_slice(piece);
                while let Some(Incoming::Answer(outcome)) = pipe.next(Some(&send())).unwrap() {
                    codes.push(outcome.err().map(|error| error.code().to_owned()));
                }
            }
            assert_eq!((codes, pipe.answered), (vec![None, Some("busy".to_owned()), None], 3), "{size}");
        }
    }

    #[test]
    fn answers_have_the_ids_of_their_requests() {
        let mut pipe = Pipe::new(Protocol::Two);
        pipe.request(None, ping()).unwrap();
        pipe.request(None, ping()).unwrap();
        pipe.received().extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"news\",\"params\":{}}\n");
        pipe.received().extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
        assert!(matches!(pipe.next(Some(&ping())), Ok(Some(Incoming::Answer(Ok(Reply::Done))))));
        pipe.received().extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
        assert!(matches!(pipe.next(Some(&ping())), Err(Error::BadReply(_))), "it was answered");
    }

    #[test]
    fn what_nobody_asked_for() {
        let mut pipe = Pipe::new(Protocol::One);
        pipe.received().extend_from_slice(
            b"{\"status\": \"ERROR\", \"message\": \"m\", \"code\": \"too_many_connections\"}\r\n\r\n",
        );
        assert_eq!(pipe.next(None).unwrap_err().code(), "too_many_connections");
        pipe.received().extend_from_slice(SENT);
        assert_eq!(pipe.next(None).unwrap_err().code(), "bad_reply");
        pipe.received().extend_from_slice(b"\x15\x03\x03");
        assert!(pipe.next(None).unwrap_err().to_string().contains("it is TLS"));
    }
}
