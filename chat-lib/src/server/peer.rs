//! One peer of the server: its socket, its connection, and the times it has for a line, an answer and its goodbye.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;

use super::socket::Socket;
use crate::connection::Connection;
use crate::engine::{Chat, CheckedCredentials, Credentials};
use crate::error::Error;
use crate::limits::{LINES_PER_TURN, LINGER_TIMEOUT, Limits, READ_BYTES, READS_PER_TURN, SPARE_BUFFERS, SPARE_BYTES};
use crate::outbox::Outbox;

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
    out: Outbox,
    /// Received bytes that the connection has not taken: too much is unsent, its turn was over, or it
    /// waits for a password to be checked.
    untaken: Vec<u8>,
    password: PasswordState,
    /// The peer has said all.
    ended: bool,
    /// How often to read before the server stops; `None` if it does not.
    reads_left: Option<usize>,
    /// Since when all is written and the peer was told so; what it still sends is thrown away.
    parting: Option<Instant>,
    /// It has sent more since then, and has the rest of the server's time to close.
    lingering: bool,
    line_began: Option<Instant>,
    /// Since when the peer has not taken any answers that wait for it.
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
            out: Outbox::new(&chat),
            connection: Connection::with_peer(chat, address),
            untaken: Vec::new(),
            password: PasswordState::None,
            ended: false,
            reads_left: None,
            parting: None,
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

    /// Takes back the password that the last turn gave away; the next turn answers its command.
    pub(super) fn give(&mut self, checked: CheckedCredentials) {
        self.password = PasswordState::Checked(checked);
    }

    /// Reads and answers until the socket would block or the turn is over. The answers wait for
    /// [`settle`](Self::settle).
    pub(super) fn serve(&mut self, buffers: &mut Buffers) -> Next {
        self.out.lend(|| buffers.spare.pop().unwrap_or_default());
        self.turn(&mut buffers.scratch)
    }

    /// Writes the answers, or refusals in their place if the commit failed. Gives what becomes of the
    /// peer whose turn ended with `next`.
    pub(super) fn settle(&mut self, next: Next, commit: Result<(), Error>, buffers: &mut Buffers) -> Next {
        self.connection.settle(commit, &mut self.out);
        if let Err(problem) = self.write() {
            return Next::Close(Why::Failed(problem));
        }
        let next = match next {
            Next::Full if !self.is_full() => Next::Again,
            Next::Part if self.out.is_empty() => self.part(&mut buffers.scratch),
            Next::Full | Next::Part => Next::Wait,
            next => next,
        };
        if self.connection.mid_line() && !self.is_full() {
            self.line_began.get_or_insert_with(Instant::now);
        } else {
            // It has ended, or it cannot end because the peer is not read from.
            self.line_began = None;
        }
        if self.out.is_empty() {
            buffers.give_back(self.out.reclaim());
        }
        self.out.account();
        next
    }

    /// Has unread again what the peer has asked for and cannot be sent.
    pub(super) fn abandon(&mut self) -> Result<(), Error> {
        self.out.abandon()
    }

    /// When this peer has used up its time; `None` if nothing is expected of it.
    pub(super) fn due(&self, limits: &Limits) -> Option<Instant> {
        let line = self.line_began.and_then(|began| began.checked_add(limits.line_time));
        let stall = self.stalled.and_then(|since| since.checked_add(limits.stall_time));
        let patient = self.lingering && !self.connection.is_over();
        let part = self.parting.filter(|_| !patient).and_then(|since| since.checked_add(LINGER_TIMEOUT));
        line.into_iter().chain(stall).chain(part).min()
    }

    /// What to say of a peer that is past its time.
    pub(super) fn lateness(&self) -> Why {
        match (self.stalled, self.parting) {
            (Some(_), _) => Why::Stalled,
            (None, Some(_)) => self.parted(),
            (None, None) => Why::LineUnended,
        }
    }

    fn turn(&mut self, scratch: &mut [u8]) -> Next {
        if let Err(problem) = self.write() {
            return Next::Close(Why::Failed(problem));
        }
        let (mut reads, mut lines) = (0, LINES_PER_TURN);
        loop {
            match std::mem::take(&mut self.password) {
                PasswordState::None => {}
                PasswordState::Given => {
                    self.password = PasswordState::Given;
                    return Next::Wait;
                }
                PasswordState::Found(credentials) => {
                    self.password = PasswordState::Given;
                    return Next::Check(credentials);
                }
                PasswordState::Checked(checked) => self.connection.finish(checked, &mut self.out),
            }
            if self.is_full() {
                return Next::Full;
            }
            if lines == 0 || reads == READS_PER_TURN {
                return Next::Again;
            }
            if !self.untaken.is_empty() {
                let untaken = std::mem::take(&mut self.untaken);
                self.receive(&untaken, &mut lines);
                continue;
            }
            if self.ended || self.reads_left == Some(0) || self.connection.is_over() {
                return Next::Part;
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

    /// Closes towards the peer, and waits for it to do the same: if it sends more to a closed socket, the
    /// system throws away answers that are on their way.
    fn part(&mut self, scratch: &mut [u8]) -> Next {
        if self.ended {
            return Next::Close(Why::Ended);
        }
        if self.parting.is_none() {
            self.parting = Some(Instant::now());
            self.socket.look();
            if let Err(problem) = self.socket.finish() {
                return Next::Close(Why::Failed(problem));
            }
        }
        for _ in 0..READS_PER_TURN {
            match self.socket.read(scratch) {
                Ok(Some(0)) => return Next::Close(self.parted()),
                Ok(Some(_)) => self.lingering = true,
                Ok(None) => return Next::Wait,
                Err(problem) => return Next::Close(Why::Failed(problem)),
            }
        }
        Next::Again
    }

    /// Why the server has closed its side.
    fn parted(&self) -> Why {
        if self.connection.is_over() { Why::Http } else { Why::Stopped }
    }

    fn receive(&mut self, bytes: &[u8], lines: &mut usize) {
        let before = self.out.end();
        let mut rest = bytes;
        if let Some(credentials) = self.connection.advance(&mut rest, lines, &mut self.out) {
            self.password = PasswordState::Found(credentials);
        }
        self.untaken.extend_from_slice(rest);
        if self.out.end() > before {
            // A line has ended, so one that is under way is another.
            self.line_began = None;
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.out.output().is_empty() {
            return Ok(());
        }
        let count = self.socket.write(self.out.output())?;
        self.out.advance(count);
        if count > 0 {
            self.stalled = None;
        }
        if !self.out.output().is_empty() {
            self.stalled.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Whether so much waits for the peer that nothing more is read from it.
    fn is_full(&self) -> bool {
        self.out.len() >= self.connection.room()
    }
}

/// Whether the connection waits for a password to be checked.
#[derive(Default)]
enum PasswordState {
    #[default]
    None,
    /// It waits for this one.
    Found(Credentials),
    /// The same, and the reactor has it.
    Given,
    /// It is checked, and its command to be answered.
    Checked(CheckedCredentials),
}

/// What a reactor lends to its peers, so that an idle one holds no memory.
pub(super) struct Buffers {
    /// Where bytes are read to.
    scratch: Vec<u8>,
    /// Where answers are put; a peer keeps one until it has sent them all.
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    fn give_back(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_BYTES {
            self.spare.push(buffer);
        }
    }
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
    /// Nothing until some of the answers are sent.
    Full,
    /// Nothing more is read; all is over once the answers are sent.
    Part,
    /// Nothing until this password is checked.
    Check(Credentials),
    Close(Why),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("the peer has closed it")]
    Ended,
    #[error("the server stops")]
    Stopped,
    #[error("it sent an HTTP request")]
    Http,
    #[error("a line was begun and not ended in time")]
    LineUnended,
    #[error("its answers were not taken in time")]
    Stalled,
    #[error("{0}")]
    Failed(io::Error),
}
