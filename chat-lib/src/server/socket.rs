use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A stream, and what it is ready for.
///
/// Readiness comes by edges: it holds until the system says that a call would block.
pub(super) struct Socket {
    stream: TcpStream,
    readable: bool,
    writable: bool,
    /// A short read may leave something behind it that brings no event: the end of the stream, or what follows urgent
    /// data.
    wary: bool,
}

impl Socket {
    /// A stream that may be ready for anything.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, readable: true, writable: true, wary: false }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interests = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interests = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.stream, token, interests)
    }

    /// Takes note of what an event says.
    pub(super) fn ready(&mut self, event: &Event) {
        self.wary |= event.is_priority() || event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || event.is_priority() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Has the next [`read`](Self::read) and [`write`](Self::write) ask the system, also if no event
    /// told of anything.
    pub(super) fn look(&mut self) {
        self.readable = true;
        self.writable = true;
    }

    /// Reads once: how many bytes, 0 at the end of the stream, `None` if there is nothing to be read
    /// before the next event.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        while self.readable {
            match self.stream.read(buffer) {
                Ok(count) => {
                    // As a rule, a short read has emptied the socket, and what comes later brings an event.
                    self.readable = count == buffer.len() || self.wary;
                    return Ok(Some(count));
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(None)
    }

    /// Writes what the system takes of `bytes` before the next event.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while self.writable && !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Tells the peer that nothing more will come.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

impl Drop for Socket {
    /// Closing would not do: a fork may hold a copy of the descriptor, and the peer would not see the end.
    fn drop(&mut self) {
        // It fails if the peer has ended the connection already.
        self.stream.shutdown(Shutdown::Both).ok();
    }
}
