//! One peer, without I/O: received bytes in, bytes to send out.

use std::fmt;
use std::net::SocketAddr;

use crate::engine::{Chat, CheckedCredentials, Credentials, Origin};
use crate::error::Error;
use crate::protocol::{Frame, Frames, reply};

/// A byte stream of one peer. It does no I/O: the caller brings what it received, and sends what it
/// is given, by whatever means it has.
///
/// A password is checked within [`receive`](Self::receive), which then takes tens of milliseconds; and
/// if the chat is kept on a disk, what its answers promise is written there before it returns.
///
/// Besides a line whose end has not come, which is shorter than
/// [`line_bytes`](crate::limits::Limits::line_bytes), it keeps the last token that it was sent.
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
    /// How many answers were appended since the last commit.
    unpromised: usize,
}

impl Connection {
    /// A fresh connection to `chat`.
    pub fn new(chat: Chat) -> Self {
        let frames = Frames::new(chat.limits().line_bytes);
        Self { chat, origin: Origin::default(), frames, unpromised: 0 }
    }

    /// As [`new`](Self::new), with the address that the log gives for the peer.
    pub fn with_peer(chat: Chat, peer: SocketAddr) -> Self {
        Self { origin: Origin::of_peer(peer), ..Self::new(chat) }
    }

    /// Takes received bytes and appends the answers to the requests that ended in them. How the
    /// bytes were cut into pieces makes no difference.
    ///
    /// Gives how many of the bytes were taken: all of them, unless `out` has come to hold
    /// [`reply_bytes`](crate::limits::Limits::reply_bytes). Send `out` then, empty it, and hand in
    /// the rest before anything newer.
    #[must_use = "bytes that were not taken must be handed in again"]
    pub fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
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
        while out.len() < self.chat.limits().reply_bytes.max(1) && *lines > 0 {
            let frame = self.frames.next(bytes)?;
            *lines -= 1;
            match frame {
                Frame::Line(line) => {
                    let credentials = self.chat.start(line, &mut self.origin, out);
                    if credentials.is_some() {
                        return credentials;
                    }
                }
                Frame::TooLong => self.chat.answer_too_long(self.origin.peer, out),
            }
            self.unpromised += 1;
        }
        None
    }

    /// Answers the command that [`advance`](Self::advance) stopped at.
    pub(crate) fn finish(&mut self, checked: CheckedCredentials, out: &mut Vec<u8>) {
        self.chat.finish(checked, self.origin.peer, out);
        self.unpromised += 1;
    }

    /// Takes note of a commit. If it failed, all answers behind the first `promised` bytes of `out`,
    /// which are those since the last commit, become refusals.
    pub(crate) fn settle(&mut self, commit: Result<(), Error>, promised: usize, out: &mut Vec<u8>) {
        let answers = std::mem::take(&mut self.unpromised);
        if let Err(problem) = commit {
            out.truncate(promised);
            let refusal = Err(problem);
            (0..answers).for_each(|_| reply::write(&refusal, out));
        }
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
