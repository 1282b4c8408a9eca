//! A connection that gives events, which never blocks.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::client::requester::{Incoming, Requester};
use crate::client::stream::Stream;
use crate::error::Error;
use crate::protocol::Request;

pub(super) struct Connection {
    stream: Stream<TcpStream>,
    /// Whether the stream is known to be connected, and the TLS handshake done.
    pub(super) open: bool,
    requester: Requester,
    unsent: Vec<u8>,
    /// The request that was not answered yet.
    pub(super) asked: Option<Request<'static>>,
    pub(super) subscribed: bool,
    /// When the answer to the open request is due; without an open request, when to ping the server.
    pub(super) deadline: Instant,
    /// The process that it belongs to, and not to a fork of it.
    process: u32,
}

impl Connection {
    /// A connection on which nothing was asked.
    pub(super) fn new(stream: Stream<TcpStream>) -> Self {
        Self {
            stream,
            open: false,
            requester: Requester::new(),
            unsent: Vec::new(),
            asked: None,
            subscribed: false,
            deadline: Instant::now(),
            process: process::id(),
        }
    }

    pub(super) fn ask(&mut self, request: Request<'static>, deadline: Instant) -> Result<(), Error> {
        self.requester.request(&request, &mut self.unsent)?;
        (self.asked, self.deadline) = (Some(request), deadline);
        Ok(())
    }

    /// Sends and reads until something has come, or it would block.
    pub(super) fn receive(&mut self, now: Instant, ping_interval: Duration) -> Result<Option<Incoming>, Error> {
        if !self.open && !self.has_opened()? {
            return Ok(None);
        }
        let mut chunk = [0; 16 * 1024];
        let mut incoming = self.requester.receive(&[])?;
        loop {
            while !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(count) => drop(self.unsent.drain(..count)),
                    Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                    Err(problem) if problem.kind() == ErrorKind::WouldBlock => break,
                    Err(problem) => return Err(problem.into()),
                }
            }
            if incoming.is_some() {
                return Ok(incoming);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Error::Disconnected),
                Ok(count) => {
                    if self.asked.is_none() {
                        self.deadline = now + ping_interval;
                    }
                    incoming = self.requester.receive(chunk.get(..count).unwrap_or_default())?;
                }
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(problem) => return Err(problem.into()),
            }
        }
    }

    fn has_opened(&mut self) -> Result<bool, Error> {
        let socket = self.stream.socket();
        if let Some(problem) = socket.take_error()? {
            return Err(Error::Io(problem));
        }
        match socket.peer_addr() {
            Ok(_) => socket.set_nodelay(true)?,
            Err(problem) if problem.kind() == ErrorKind::NotConnected => return Ok(false),
            Err(problem) => return Err(problem.into()),
        }
        match self.stream.handshake() {
            Ok(()) => self.open = true,
            Err(problem) if problem.kind() == ErrorKind::WouldBlock => {}
            Err(problem) => return Err(problem.into()),
        }
        Ok(self.open)
    }
}

/// Closing would not do: a fork may hold a copy of the descriptor, and the connection with it.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.process == process::id() {
            self.stream.say_goodbye();
            drop(self.stream.socket().shutdown(Shutdown::Both));
        }
    }
}
