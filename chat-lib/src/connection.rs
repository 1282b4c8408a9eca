//! One peer, without I/O: received bytes in, bytes to send out.

mod steps;

use std::fmt;
use std::net::SocketAddr;

pub use self::steps::{CheckedLogin, Login, Step};
use crate::engine::{Chat, CheckedCredentials, Credentials, Origin, Started};
use crate::error::Error;
use crate::outbox::Outbox;
use crate::protocol::reply;
use crate::protocol::{Frame, Frames, http};

/// A byte stream of one peer. It does no I/O: the caller hands in what it received, and sends what comes into the
/// peer's [`Outbox`], by whatever means it has.
///
/// A password is checked within [`receive`](Self::receive), which then takes tens of milliseconds; and
/// if the chat is kept on a disk, what its answers promise is written there before it returns.
///
/// An idle connection keeps an unfinished line, which is shorter than
/// [`line_bytes`](crate::limits::Limits::line_bytes), and the last token that it was sent.
///
/// ```
/// use chat_lib::{Chat, Connection, Outbox};
///
/// let chat = Chat::memory();
/// let mut out = Outbox::new(&chat);
/// let mut connection = Connection::new(chat);
/// for piece in [&b"ha"[..], b"lo\r", b"\n"] {
///     assert_eq!(connection.receive(piece, &mut out), piece.len());
/// }
/// assert_eq!(out.output(), b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n");
/// ```
pub struct Connection {
    chat: Chat,
    origin: Origin,
    frames: Frames,
    /// A line has ended.
    begun: bool,
    /// The peer speaks another protocol, and nothing more is taken from it.
    over: bool,
    /// The last byte of a line was not taken, because its answer is not written whole. It will come again.
    withheld: bool,
    /// How many answers were appended since the last commit.
    unpromised: usize,
}

impl Connection {
    /// A fresh connection to `chat`.
    pub fn new(chat: Chat) -> Self {
        let frames = Frames::new(chat.limits().line_bytes);
        Self { chat, origin: Origin::default(), frames, begun: false, over: false, withheld: false, unpromised: 0 }
    }

    /// As [`new`](Self::new), with the address that the log gives for the peer.
    pub fn with_peer(chat: Chat, peer: SocketAddr) -> Self {
        Self { origin: Origin::of_peer(peer), ..Self::new(chat) }
    }

    /// Takes received bytes and appends the answers to the requests that ended in them. How the
    /// bytes were cut into pieces makes no difference.
    ///
    /// Returns how many of the bytes were taken: all of them, unless `out` has come to hold
    /// [`reply_bytes`](crate::limits::Limits::reply_bytes). Send its output then, and hand in the rest before
    /// anything newer. `out` is this connection's, and always the same.
    #[must_use = "bytes that were not taken must be handed in again"]
    pub fn receive(&mut self, bytes: &[u8], out: &mut Outbox) -> usize {
        let (mut rest, mut lines) = (bytes, usize::MAX);
        let chat = self.chat.clone();
        let mut checked = None;
        loop {
            let group = chat.begin();
            if let Some(checked) = checked.take() {
                self.finish(checked, out);
            }
            let credentials = self.advance(&mut rest, &mut lines, out);
            self.settle(chat.commit(group), out);
            out.account();
            match credentials {
                // Not in a group: whoever commits would wait for it.
                Some(credentials) => checked = Some(credentials.check()),
                None => return bytes.len() - rest.len(),
            }
        }
    }

    /// As [`receive`](Self::receive), taking bytes off the front of `bytes`, but answers no more than
    /// `lines` lines, which it counts down, stops at a password that takes long to check and gives it,
    /// and commits nothing. The password must be finished before more is taken.
    pub(crate) fn advance(&mut self, bytes: &mut &[u8], lines: &mut usize, out: &mut Outbox) -> Option<Credentials> {
        let room = self.chat.answer_room();
        out.make_room();
        if self.withheld {
            let whole = out.resume(room);
            match bytes.split_first() {
                Some((_, rest)) if whole => *bytes = rest,
                _ => return None,
            }
            self.withheld = false;
        }
        while out.len() < room && *lines > 0 {
            if self.over || out.is_abandoned() {
                *bytes = &[];
                return None;
            }
            let received = *bytes;
            let frame = self.frames.next(bytes)?;
            *lines -= 1;
            let answers = out.buffer();
            let started = match frame {
                Frame::Line(line) if http::is_host_header(line) || !self.begun && http::is_request_line(line) => {
                    self.over = true;
                    self.chat.answer_refusal(Error::BadCommand, self.origin.peer, answers);
                    Started::Answered
                }
                Frame::Line(line) => self.chat.start(line, &mut self.origin, answers),
                Frame::TooLong => {
                    let limit = self.chat.limits().line_bytes;
                    self.chat.answer_refusal(Error::LineTooLong { limit }, self.origin.peer, answers);
                    Started::Answered
                }
            };
            self.begun = true;
            match started {
                Started::Answered => self.unpromised += 1,
                Started::Asks(credentials) => return Some(credentials),
                Started::Took(delivery) => {
                    self.unpromised += 1;
                    self.withheld = !out.answer(delivery, room);
                    if self.withheld {
                        let taken = received.len() - bytes.len();
                        *bytes = received.get(taken.saturating_sub(1)..).unwrap_or_default();
                        return None;
                    }
                }
            }
        }
        None
    }

    /// How many bytes of answers may wait before no more is taken.
    #[cfg(feature = "server")]
    pub(crate) fn room(&self) -> usize {
        self.chat.answer_room()
    }

    /// Answers the command that [`advance`](Self::advance) stopped at.
    pub(crate) fn finish(&mut self, checked: CheckedCredentials, out: &mut Outbox) {
        self.chat.finish(checked, self.origin.peer, out.buffer());
        self.unpromised += 1;
    }

    /// Lets the answers since the last commit be sent; if this one failed, refusals in their place.
    pub(crate) fn settle(&mut self, commit: Result<(), Error>, out: &mut Outbox) {
        let answers = std::mem::take(&mut self.unpromised);
        if let Err(problem) = commit {
            out.undo();
            let refusal = Err(problem);
            (0..answers).for_each(|_| reply::write(&refusal, out.buffer()));
        }
        out.promise();
    }

    /// Whether the connection is over, because its peer speaks HTTP (`docs/protocol.md`, "Requests"): close it once its
    /// answers are sent. What is received now is taken and passed over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a line has begun and its end has not come. A peer that leaves it at that for long may
    /// be hung up on.
    pub fn mid_line(&self) -> bool {
        self.frames.mid_line()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.origin.peer)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
