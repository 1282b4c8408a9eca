//! What a peer is read from and written to: a non-blocking socket that remembers what it is ready for, so that no system call is made that would block.
//!
//! It relies on mio's edge-triggered events: readiness holds until the system says that a call would block.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
#[cfg(not(target_vendor = "apple"))]
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use super::relay::Pipe;

/// Reading and writing return [`ErrorKind::WouldBlock`] until the next event if nothing can be done before it.
pub(super) enum Socket {
    Stream(Stream),
    /// The client is another server's.
    Pipe(Box<Pipe>),
}

/// A stream and its readiness.
pub(super) struct Stream {
    stream: TcpStream,
    readable: bool,
    writable: bool,
    /// A short read may leave something behind it that brings no event: the end of the stream, or what follows urgent
    /// data.
    drain: bool,
}

impl Socket {
    /// A stream that may be ready for anything.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::Stream(Stream { stream, readable: true, writable: true, drain: false })
    }

    /// What comes from another server, if it is that.
    pub(super) fn pipe(&mut self) -> Option<&mut Pipe> {
        if let Self::Pipe(pipe) = self { Some(pipe) } else { None }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interests = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interests = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Stream(socket) => registry.register(&mut socket.stream, token, interests),
            Self::Pipe(_) => Ok(()),
        }
    }

    /// Records what an event says.
    pub(super) fn update(&mut self, event: &Event) {
        let Self::Stream(socket) = self else { return };
        socket.drain |= event.is_priority() || event.is_read_closed() || event.is_error();
        socket.readable |= event.is_readable() || event.is_priority() || event.is_read_closed() || event.is_error();
        socket.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Has the next read and write ask the system, even if no event has said that they can succeed.
    pub(super) fn assume_ready(&mut self) {
        if let Self::Stream(socket) = self {
            (socket.readable, socket.writable) = (true, true);
        }
    }

    /// Reads without taking anything off. Makes one system call, if any.
    pub(super) fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self::Stream(socket) = self else { return Err(ErrorKind::Unsupported.into()) };
        while socket.readable {
            match socket.stream.peek(buffer) {
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => socket.readable = false,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Has nothing read until the next event: what was [peeked](Self::peek) at is too little, and nobody else may take it.
    pub(super) fn await_more(&mut self) {
        if let Self::Stream(socket) = self {
            socket.readable = false;
        }
    }

    /// Tells the peer that nothing more will come.
    pub(super) fn finish(&self) -> io::Result<()> {
        match self {
            Self::Stream(socket) => socket.stream.shutdown(Shutdown::Write),
            Self::Pipe(_) => Ok(()),
        }
    }
}

impl Stream {
    /// Makes one system call, if any.
    fn write_by(&mut self, write: impl Fn(&mut TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        while self.writable {
            match write(&mut self.stream) {
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Makes one system call, if any.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.readable {
            match self.stream.read(buffer) {
                Ok(count) => {
                    // As a rule, a short read has emptied the socket, and what comes later brings an event.
                    self.readable = count == buffer.len() || self.drain;
                    return Ok(count);
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Err(problem),
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(socket) => socket.read(buffer),
            Self::Pipe(pipe) => pipe.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(socket) => socket.write_by(|stream| stream.write(bytes)),
            Self::Pipe(pipe) => pipe.write(bytes),
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Stream(socket) => socket.write_by(|stream| send(stream, pieces)),
            Self::Pipe(pipe) => pipe.write(pieces.first().map_or(&[], |piece| piece)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The standard library's `write_vectored`, unlike its `write`, raises SIGPIPE if the peer is gone. Rust and Python ignore that; a program in C ends.
#[cfg(not(target_vendor = "apple"))]
fn send(stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let nothing_more = &mut SendAncillaryBuffer::default();
    Ok(sendmsg(stream, pieces, nothing_more, SendFlags::NOSIGNAL)?)
}

/// Sockets are made without SIGPIPE there.
#[cfg(target_vendor = "apple")]
fn send(stream: &mut TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.write_vectored(pieces)
}

impl Drop for Stream {
    /// Closing would not do: a fork may hold a copy of the descriptor, and the peer would not see the end.
    fn drop(&mut self) {
        // It fails if the peer has ended the connection already.
        self.stream.shutdown(Shutdown::Both).ok();
    }
}
