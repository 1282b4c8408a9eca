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
    /// An event has told of the end of the stream, behind the bytes that are still to be read.
    closing: bool,
}

impl Socket {
    /// A stream that may be ready for anything.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, readable: true, writable: true, closing: false }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes note of what an event says.
    pub(super) fn ready(&mut self, event: &Event) {
        self.closing |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
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
                    // A short read has emptied the socket; what comes later brings an event. Only an
                    // end that has come already does not bring another.
                    self.readable = count == buffer.len() || self.closing;
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
