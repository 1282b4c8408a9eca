//! One peer, without I/O: received bytes in, bytes to send out.

mod steps;

use std::fmt;
use std::net::SocketAddr;

pub use self::steps::{CheckedLogin, Login, Step};
use crate::engine::{Chat, CheckedCredentials, Credentials, Delivery, Origin, Share, Started};
use crate::error::Error;
use crate::protocol::reply::{self, InboxWriter};
use crate::protocol::{Frame, Frames, http};

/// A byte stream of one peer. It does no I/O: the caller brings what it received, and sends what it
/// is given, by whatever means it has.
///
/// A password is checked within [`receive`](Self::receive), which then takes tens of milliseconds; and
/// if the chat is kept on a disk, what its answers promise is written there before it returns.
///
/// An idle connection keeps an unfinished line, which is shorter than
/// [`line_bytes`](crate::limits::Limits::line_bytes), and the last token that it was sent.
///
/// ```
/// use chat_lib::{Chat, Connection};
///
/// let mut connection = Connection::new(Chat::memory());
/// let mut out = Vec::new();
/// for piece in [&b"ha"[..], b"lo\r", b"\n"] {
///     assert_eq!(connection.receive(piece, &mut out), piece.len());
/// }
/// assert_eq!(out, b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n");
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
    /// How many bytes were appended since the last commit to an answer that was committed before.
    resumed: usize,
    /// How many bytes were appended ever.
    appended: u64,
    /// How many of them are known to have been sent.
    sent: u64,
    /// The inboxes whose answers may not have left yet. Only the last one may be unfinished.
    deliveries: Vec<Answering>,
    /// What the answers of a [`step`](Self::step) take of what may be held for all connections, until they are sent.
    held: Share,
}

/// An inbox that is being answered.
struct Answering {
    delivery: Delivery,
    /// How many bytes were appended before its answer.
    at: u64,
    /// What writes the rest of it; `None` if all is written.
    writer: Option<InboxWriter>,
}

impl Connection {
    /// A fresh connection to `chat`.
    pub fn new(chat: Chat) -> Self {
        let (frames, held) = (Frames::new(chat.limits().line_bytes), chat.share(0));
        Self {
            chat,
            origin: Origin::default(),
            frames,
            begun: false,
            over: false,
            withheld: false,
            unpromised: 0,
            resumed: 0,
            appended: 0,
            sent: 0,
            deliveries: Vec::new(),
            held,
        }
    }

    /// As [`new`](Self::new), with the address that the log gives for the peer.
    pub fn with_peer(chat: Chat, peer: SocketAddr) -> Self {
        Self { origin: Origin::of_peer(peer), ..Self::new(chat) }
    }

    /// Takes received bytes and appends the answers to the requests that ended in them. How the
    /// bytes were cut into pieces makes no difference.
    ///
    /// Returns how many of the bytes were taken: all of them, unless `out` has come to hold
    /// [`reply_bytes`](crate::limits::Limits::reply_bytes). Send `out` then, empty it, and hand in
    /// the rest before anything newer. `out` must hold nothing but what was appended before and is not yet
    /// sent.
    #[must_use = "bytes that were not taken must be handed in again"]
    pub fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        self.sent(out.len());
        let (mut rest, mut lines) = (bytes, usize::MAX);
        let chat = self.chat.clone();
        let mut checked = None;
        loop {
            let before = out.len();
            let group = chat.begin();
            if let Some(checked) = checked.take() {
                self.finish(checked, out);
            }
            let credentials = self.advance(&mut rest, &mut lines, out);
            self.settle(chat.commit(group), before, out);
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
    pub(crate) fn advance(&mut self, bytes: &mut &[u8], lines: &mut usize, out: &mut Vec<u8>) -> Option<Credentials> {
        let room = self.chat.answer_room();
        if self.withheld && !self.resume(bytes, room, out) {
            return None;
        }
        while out.len() < room && *lines > 0 {
            if self.over {
                *bytes = &[];
                return None;
            }
            let (received, before) = (*bytes, out.len());
            let frame = self.frames.next(bytes)?;
            *lines -= 1;
            let started = match frame {
                Frame::Line(line) if http::is_host_header(line) || !self.begun && http::is_request_line(line) => {
                    self.over = true;
                    self.chat.answer_refusal(Error::BadCommand, self.origin.peer, out);
                    Started::Answered
                }
                Frame::Line(line) => self.chat.start(line, &mut self.origin, out),
                Frame::TooLong => {
                    let limit = self.chat.limits().line_bytes;
                    self.chat.answer_refusal(Error::LineTooLong { limit }, self.origin.peer, out);
                    Started::Answered
                }
            };
            self.begun = true;
            match started {
                Started::Answered => self.append(before, out),
                Started::Asks(credentials) => return Some(credentials),
                Started::Took(delivery) => {
                    if !self.deliver(delivery, room, out) {
                        let taken = received.len() - bytes.len();
                        *bytes = received.get(taken.saturating_sub(1)..).unwrap_or_default();
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
    pub(crate) fn finish(&mut self, checked: CheckedCredentials, out: &mut Vec<u8>) {
        let before = out.len();
        self.chat.finish(checked, self.origin.peer, out);
        self.append(before, out);
    }

    /// Takes note of an answer behind the first `before` bytes of `out`.
    fn append(&mut self, before: usize, out: &[u8]) {
        self.unpromised += 1;
        self.appended += (out.len() - before) as u64;
    }

    /// Begins to answer an inbox; gives whether all of it is written.
    fn deliver(&mut self, delivery: Delivery, room: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let writer = Some(InboxWriter::new(&delivery.taken.inbox));
        let mut answering = Answering { delivery, at: self.appended, writer };
        self.withheld = !answering.write(room, out);
        self.deliveries.push(answering);
        self.append(before, out);
        !self.withheld
    }

    /// Goes on with an answer that was not written whole; gives whether it is now.
    fn resume(&mut self, bytes: &mut &[u8], room: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        // It is gone if a commit has failed, and refused the request.
        let whole = self.deliveries.last_mut().is_none_or(|answering| answering.write(room, out));
        self.resumed += out.len() - before;
        self.appended += (out.len() - before) as u64;
        match bytes.split_first() {
            Some((_, rest)) if whole => {
                *bytes = rest;
                self.withheld = false;
                self.forget_sent();
                true
            }
            _ => false,
        }
    }

    /// Takes note of a commit. If it failed, all answers behind the first `promised` bytes of `out`,
    /// which are those since the last commit, become refusals.
    pub(crate) fn settle(&mut self, commit: Result<(), Error>, promised: usize, out: &mut Vec<u8>) {
        let (answers, resumed) = (std::mem::take(&mut self.unpromised), std::mem::take(&mut self.resumed));
        if let Err(problem) = commit {
            let undone = out.len().saturating_sub(promised + resumed);
            out.truncate(promised + resumed);
            self.appended -= undone as u64;
            self.deliveries.retain(|answering| answering.at < self.appended);
            let refusal = Err(problem);
            (0..answers).for_each(|_| reply::write(&refusal, out));
            self.appended += (out.len() - promised - resumed) as u64;
        }
    }

    /// Takes note that of what was appended, all but the last `unsent` bytes were sent. [`receive`](Self::receive)
    /// and [`step`](Self::step) do so themselves; a connection that waits is better told.
    pub fn sent(&mut self, unsent: usize) {
        self.held.shrink_to(unsent);
        self.sent = self.appended.saturating_sub(unsent as u64);
        self.forget_sent();
    }

    fn forget_sent(&mut self) {
        if !self.deliveries.is_empty() {
            let sent = self.sent;
            self.deliveries.retain(|answering| answering.at >= sent || answering.writer.is_some());
        }
    }

    /// Ends the connection whose peer is gone, the last `unsent` bytes of what was appended not being sent. An inbox of
    /// whose answer nothing was sent is unread again, unless its mailbox was read since.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if that could not be stored; its messages are lost then.
    pub fn abandon(&mut self, unsent: usize) -> Result<(), Error> {
        self.over = true;
        let sent = self.appended.saturating_sub(unsent as u64);
        let mut deliveries = std::mem::take(&mut self.deliveries);
        deliveries.retain(|answering| answering.at >= sent);
        if deliveries.is_empty() {
            return Ok(());
        }
        self.chat.put_back(deliveries.into_iter().rev().map(|answering| answering.delivery))
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

impl Answering {
    /// Appends until `out` holds `room` bytes; gives whether all is written.
    fn write(&mut self, room: usize, out: &mut Vec<u8>) -> bool {
        let Some(writer) = &mut self.writer else { return true };
        let whole = writer.write(&self.delivery.taken.inbox, room, out);
        if whole {
            self.writer = None;
        }
        whole
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
