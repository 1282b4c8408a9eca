//! In place of a socket, what a connection of another server's client is read from and written to.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use super::ServerId;
use crate::connection::ConnectionState;

/// Both directions, in memory.
pub(in crate::server) struct Pipe {
    pub(in crate::server) from: ServerId,
    pub(in crate::server) lane: u16,
    /// The connection's number there.
    pub(in crate::server) conn: u64,
    input: VecDeque<Input>,
    /// How many bytes were read.
    read: u64,
    output: Vec<u8>,
    /// How many bytes were written, and how many of them the client has got.
    written: u64,
    taken: u64,
    /// What the other server was told last.
    pub(in crate::server) told: (u64, ConnectionState),
    /// What was sent last ended between two answers.
    pub(in crate::server) is_whole: bool,
    /// It is among those whose output is to be sent.
    pub(in crate::server) is_touched: bool,
}

enum Input {
    /// What is left of it begins there.
    Lines(Vec<u8>, usize),
    TooLong(u8, bool),
}

impl Pipe {
    pub(in crate::server) fn new(from: ServerId, lane: u16, conn: u64, state: ConnectionState) -> Self {
        Self {
            from,
            lane,
            conn,
            input: VecDeque::new(),
            read: 0,
            output: Vec::new(),
            written: 0,
            taken: 0,
            told: (0, state),
            is_whole: true,
            is_touched: false,
        }
    }

    pub(in crate::server) fn receive(&mut self, bytes: &[u8]) {
        self.input.push_back(Input::Lines(bytes.to_vec(), 0));
    }

    pub(in crate::server) fn receive_long_line(&mut self, first: u8, is_busy: bool) {
        self.input.push_back(Input::TooLong(first, is_busy));
    }

    /// Takes note of how many bytes the client has got.
    pub(in crate::server) fn set_taken(&mut self, bytes: u64) {
        self.taken = bytes.min(self.written);
    }

    /// How many bytes were read.
    pub(in crate::server) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// How many bytes of memory are held of what was not read.
    pub(in crate::server) fn held(&self) -> usize {
        let size = |input: &Input| if let Input::Lines(bytes, _) = input { bytes.capacity() } else { 0 };
        self.input.iter().map(size).sum()
    }

    pub(in crate::server) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes the line that is too long, if that is what comes next.
    pub(in crate::server) fn take_long_line(&mut self) -> Option<(u8, bool)> {
        let Some(&Input::TooLong(first, is_busy)) = self.input.front() else { return None };
        self.input.pop_front();
        self.read += 1;
        Some((first, is_busy))
    }

    /// As of a socket, up to the next line that is too long.
    pub(in crate::server) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while let Some(Input::Lines(bytes, start)) = self.input.front_mut() {
            let left = bytes.get(*start..).unwrap_or_default();
            let room = buffer.get_mut(count..).unwrap_or_default();
            let some = left.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..some), left.get(..some)) {
                to.copy_from_slice(from);
            }
            (count, *start) = (count + some, *start + some);
            if *start < bytes.len() {
                break;
            }
            self.input.pop_front();
        }
        self.read += count as u64;
        if count > 0 { Ok(count) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    /// As of a socket.
    pub(in crate::server) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = usize::try_from(OUTPUT_WINDOW.saturating_sub(self.written - self.taken)).unwrap_or(usize::MAX);
        let some = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.output.extend_from_slice(some);
        self.written += some.len() as u64;
        if some.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(some.len()) }
    }
}

/// How many bytes may be on their way to a client of another server: a slow client holds so much there, and one that reads takes
/// as much again for each round trip between the servers. Four of these fit a packet.
pub(in crate::server) const OUTPUT_WINDOW: u64 = 128 * 1024;
