//! The client's side of a connection, without I/O: requests to bytes, bytes to answers.

use std::fmt;

use memchr::memmem;

use crate::error::Error;
use crate::limits::CLIENT_ANSWER_BYTES;
use crate::protocol::Command;
use crate::protocol::reply::END;

/// The requests of a client and their answers, one at a time. It does no I/O: the caller sends what it is given, and
/// hands in what it receives, by whatever means it has. [`Client`](crate::Client) stands on it.
///
/// ```
/// use chat_lib::client::Requester;
/// use chat_lib::protocol::{Command, Reply, reply};
/// use chat_lib::{Chat, Connection, Outbox};
///
/// let chat = Chat::memory();
/// chat.add_demo_users()?;
/// let (mut server, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
/// let (mut client, mut request) = (Requester::new(), Vec::new());
///
/// let login = Command::Auth { user: "messi", password: "surabaya" };
/// client.request(&login, &mut request)?;
/// assert_eq!(server.receive(&request, &mut out), request.len());
/// let answer = client.receive(out.output())?.expect("the whole answer is here");
/// assert!(matches!(reply::read(&login, &answer)?, Reply::LoggedIn(_)));
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Default)]
pub struct Requester {
    received: Vec<u8>,
    /// How many of the received bytes are known not to begin the end of an answer.
    searched: usize,
    /// Answers that are still to come; all but the last are not asked for.
    outstanding: usize,
    /// A line was sent, so the server knows that ours end with CRLF.
    greeted: bool,
    /// What comes next could be anything.
    broken: bool,
}

impl Requester {
    /// The client's side of a connection on which nothing was sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what is to be sent for a command.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for words that would make another request of it; [`Error::Disconnected`] if the last
    /// request was not answered, or an answer made no sense; [`Error::BadReply`] if bytes have come that nobody asked for.
    /// Nothing was appended.
    pub fn request(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut line = Vec::new();
        command.write(&mut line)?;
        self.request_line(&line, out)
    }

    /// As [`request`](Self::request), for a request line that is written already, its CRLF included.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.broken || self.outstanding > 0 {
            return Err(Error::Disconnected);
        }
        if !self.received.is_empty() {
            self.broken = true;
            return Err(Error::BadReply("it came before the request".to_owned()));
        }
        if !self.greeted && line.strip_suffix(b"\r\n").is_some_and(|line| line.contains(&b'\n')) {
            // The first LF of a connection decides how its lines end, and must not be that of a text. The empty line is
            // refused.
            out.extend_from_slice(b"\r\n");
            self.outstanding += 1;
        }
        out.extend_from_slice(line);
        self.outstanding += 1;
        self.greeted = true;
        Ok(())
    }

    /// Takes received bytes, and returns the answer, with its end, once all of it has come.
    ///
    /// # Errors
    ///
    /// [`Error::BadReply`] if it is longer than [`CLIENT_ANSWER_BYTES`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.received.extend_from_slice(bytes);
        while self.outstanding > 0 {
            let unsearched = self.received.get(self.searched..).unwrap_or_default();
            let Some(place) = memmem::find(unsearched, END) else {
                self.searched = self.received.len().saturating_sub(END.len() - 1);
                if self.received.len() > CLIENT_ANSWER_BYTES {
                    self.broken = true;
                    return Err(Error::BadReply(format!("it is longer than {CLIENT_ANSWER_BYTES} bytes")));
                }
                return Ok(None);
            };
            let rest = self.received.split_off(self.searched + place + END.len());
            let answer = std::mem::replace(&mut self.received, rest);
            self.searched = 0;
            self.outstanding -= 1;
            if self.outstanding == 0 {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Makes no more requests, because an answer made no sense.
    pub fn give_up(&mut self) {
        self.broken = true;
    }
}

/// Shows sizes only: an answer may hold a token or texts.
impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, outstanding, broken, .. } = self;
        write!(f, "Requester({} bytes received, {outstanding} answers outstanding, broken: {broken})", received.len())
    }
}
