use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;

use super::socket::Socket;
use crate::connection::Connection;
use crate::engine::{Chat, CheckedLogin, Login};
use crate::limits::{LINES_PER_TURN, Limits, READ_BYTES, READS_PER_TURN, SPARE_BYTES};

/// A connection and its socket.
pub(super) struct Peer {
    pub(super) socket: Socket,
    pub(super) address: SocketAddr,
    /// When the reactor will next look at this peer unasked.
    pub(super) alarm: Option<Instant>,
    /// Stands among those that have more to read.
    pub(super) queued: bool,
    /// Tells it from those that had its slot before.
    pub(super) serial: u64,
    connection: Connection,
    /// Answers; the first `sent` bytes are gone already.
    unsent: Vec<u8>,
    sent: usize,
    /// Received bytes that the connection has not taken: too much is unsent, its turn was over, or it
    /// waits for a login.
    untaken: Vec<u8>,
    login: LoginState,
    /// The peer has said all.
    ended: bool,
    /// How often to read before the server stops; `None` if it does not.
    reads_left: Option<usize>,
    /// All is written and the peer was told so; what it still sends is thrown away.
    lingering: bool,
    line_began: Option<Instant>,
    /// Since when `unsent` has not shrunk.
    stalled: Option<Instant>,
}

impl Peer {
    pub(super) fn new(chat: Chat, stream: TcpStream, address: SocketAddr, serial: u64) -> Self {
        Self {
            socket: Socket::new(stream),
            address,
            alarm: None,
            queued: false,
            serial,
            connection: Connection::with_peer(chat, address),
            unsent: Vec::new(),
            sent: 0,
            untaken: Vec::new(),
            login: LoginState::None,
            ended: false,
            reads_left: None,
            lingering: false,
            line_began: None,
            stalled: None,
        }
    }

    /// Has the server stop: it reads `reads` times more, of what has arrived, and then no more. Events
    /// that told of the socket may have been passed over, so the system is asked anew.
    pub(super) fn stop_after(&mut self, reads: usize) {
        self.socket.look();
        self.reads_left = Some(reads);
    }

    /// Answers the login that the last turn gave away.
    pub(super) fn finish(&mut self, login: CheckedLogin) {
        self.make_room();
        self.connection.finish(login, &mut self.unsent);
        self.login = LoginState::None;
    }

    /// Reads, answers and writes until the socket would block or the turn is over.
    pub(super) fn serve(&mut self, buffers: &mut Buffers, limits: &Limits) -> Next {
        if self.unsent.capacity() == 0 {
            self.unsent = std::mem::take(&mut buffers.spare);
        }
        let next = self.turn(&mut buffers.scratch, limits);
        if self.connection.mid_line() && !self.is_full(limits) {
            self.line_began.get_or_insert_with(Instant::now);
        } else {
            // It has ended, or it cannot end because the peer is not read from.
            self.line_began = None;
        }
        if self.waiting() == 0 {
            self.unsent.clear();
            self.sent = 0;
            let spare = std::mem::take(&mut self.unsent);
            if spare.capacity() <= SPARE_BYTES {
                buffers.spare = spare;
            }
        }
        next
    }

    /// When this peer has used up its time; `None` if nothing is expected of it.
    pub(super) fn due(&self, limits: &Limits) -> Option<Instant> {
        let line = self.line_began.and_then(|began| began.checked_add(limits.line_time));
        let stall = self.stalled.and_then(|since| since.checked_add(limits.stall_time));
        line.into_iter().chain(stall).min()
    }

    /// What to say of a peer that is past its time.
    pub(super) fn lateness(&self) -> Why {
        if self.stalled.is_some() { Why::Stalled } else { Why::LineUnended }
    }

    fn turn(&mut self, scratch: &mut [u8], limits: &Limits) -> Next {
        let (mut reads, mut lines) = (0, LINES_PER_TURN);
        loop {
            if let Err(problem) = self.write() {
                return Next::Close(Why::Failed(problem));
            }
            match std::mem::take(&mut self.login) {
                LoginState::None => {}
                LoginState::Given => {
                    self.login = LoginState::Given;
                    return Next::Wait;
                }
                LoginState::Found(login) => {
                    self.login = LoginState::Given;
                    return Next::Login(login);
                }
            }
            if self.is_full(limits) {
                return Next::Wait;
            }
            if lines == 0 || reads == READS_PER_TURN {
                return Next::Again;
            }
            if !self.untaken.is_empty() {
                let untaken = std::mem::take(&mut self.untaken);
                self.receive(&untaken, &mut lines);
                continue;
            }
            if self.ended || self.reads_left == Some(0) {
                return if self.waiting() == 0 { self.part(scratch) } else { Next::Wait };
            }
            reads += 1;
            self.reads_left = self.reads_left.map(|left| left.saturating_sub(1));
            match self.socket.read(scratch) {
                Ok(Some(0)) => self.ended = true,
                Ok(Some(count)) => self.receive(scratch.get(..count).unwrap_or_default(), &mut lines),
                Ok(None) if self.reads_left == Some(0) => {}
                Ok(None) => return Next::Wait,
                Err(problem) => return Next::Close(Why::Failed(problem)),
            }
        }
    }

    /// Closes towards the peer, and waits for it to do the same if it has sent what was not read:
    /// the system would otherwise throw away answers that are on their way.
    fn part(&mut self, scratch: &mut [u8]) -> Next {
        if self.ended {
            return Next::Close(Why::Ended);
        }
        if !self.lingering {
            self.socket.look();
            if let Err(problem) = self.socket.finish() {
                return Next::Close(Why::Failed(problem));
            }
        }
        for _ in 0..READS_PER_TURN {
            match self.socket.read(scratch) {
                Ok(Some(0)) => return Next::Close(Why::Stopped),
                Ok(Some(_)) => self.lingering = true,
                Ok(None) if !self.lingering => return Next::Close(Why::Stopped),
                Ok(None) => return Next::Wait,
                Err(problem) => return Next::Close(Why::Failed(problem)),
            }
        }
        Next::Again
    }

    fn receive(&mut self, bytes: &[u8], lines: &mut usize) {
        self.make_room();
        let before = self.unsent.len();
        let mut rest = bytes;
        if let Some(login) = self.connection.advance(&mut rest, lines, &mut self.unsent) {
            self.login = LoginState::Found(login);
        }
        self.untaken.extend_from_slice(rest);
        if self.unsent.len() > before {
            // A line has ended, so one that is under way is another.
            self.line_began = None;
        }
    }

    /// Drops what is sent already from the front of the answers.
    fn make_room(&mut self) {
        if self.sent > 0 {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.waiting() == 0 {
            return Ok(());
        }
        let count = self.socket.write(self.unsent.get(self.sent..).unwrap_or_default())?;
        self.sent += count;
        if count > 0 {
            self.stalled = None;
        }
        // Of a large answer, what is sent gives its memory back before all is.
        if self.sent > SPARE_BYTES && self.sent > self.waiting() {
            self.make_room();
            self.unsent.shrink_to_fit();
        }
        if self.waiting() > 0 {
            self.stalled.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Whether so much waits for the peer that nothing more is read from it.
    fn is_full(&self, limits: &Limits) -> bool {
        self.waiting() >= limits.reply_bytes.max(1)
    }

    fn waiting(&self) -> usize {
        self.unsent.len() - self.sent
    }
}

/// Whether the connection waits for a password to be checked.
#[derive(Default)]
enum LoginState {
    #[default]
    None,
    /// It waits for this one.
    Found(Login),
    /// The same, and the reactor has it.
    Given,
}

/// What a reactor lends to each of its peers in turn, so that an idle one holds no memory.
pub(super) struct Buffers {
    /// Where bytes are read to.
    scratch: Vec<u8>,
    /// Where answers are put; a peer that cannot send them all keeps it.
    spare: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { scratch: vec![0; READ_BYTES], spare: Vec::new() }
    }
}

/// What becomes of a peer after its turn.
pub(super) enum Next {
    /// Nothing until an event.
    Wait,
    /// There is more to read, after the others' turn.
    Again,
    /// Nothing until this login is checked.
    Login(Login),
    Close(Why),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("the peer has closed it")]
    Ended,
    #[error("the server stops")]
    Stopped,
    #[error("a line was begun and not ended in time")]
    LineUnended,
    #[error("its answers were not taken in time")]
    Stalled,
    #[error("{0}")]
    Failed(io::Error),
}
