//! A connection to the server that is measured. It is made, and asked its first questions, blocking; under load it is polled.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;

use chat_lib::model::SessionToken;
use chat_lib::protocol::{Command, Reply};
use chat_lib::{ClientOptions, Error};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::endpoint::Endpoint;
use super::pipe::{Incoming, Pipe, Protocol};
use super::wire::{Came, Wire};

pub(super) struct Connection {
    wire: Wire,
    pub(super) pipe: Pipe,
}

impl Connection {
    pub(super) fn connect(endpoint: &Endpoint, options: &ClientOptions, protocol: Protocol) -> Result<Self, Error> {
        Ok(Self { wire: Wire::connect(endpoint, options)?, pipe: Pipe::new(protocol) })
    }

    /// Makes a request and waits for its answer, as long as it may take. Events are skipped.
    ///
    /// # Errors
    ///
    /// The refusal, or what a connection can fail with.
    pub(super) fn ask(&mut self, token: Option<SessionToken>, command: &Command<'_>) -> Result<Reply, Error> {
        self.pipe.request(token, command.clone())?;
        self.flush()?;
        if !self.pipe.unsent.is_empty() {
            return Err(Error::TimedOut);
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.pipe.next(Some(command))? {
                Some(Incoming::Answer(outcome)) => return outcome,
                Some(Incoming::Event) => {}
                None => {
                    if self.wire.receive(&mut buffer, self.pipe.received())? == Came::Nothing {
                        return Err(Error::TimedOut);
                    }
                }
            }
        }
    }

    /// Has `registry` tell when something can be received or sent, without waiting from now on.
    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.wire.set_nonblocking()?;
        registry.register(&mut SourceFd(&self.wire.as_raw_fd()), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Receives all that has come. `has_ended` says that there is nothing behind it.
    ///
    /// # Errors
    ///
    /// As a connection that is of no more use. What came before that was received.
    pub(super) fn receive(&mut self, buffer: &mut [u8], has_ended: bool) -> io::Result<()> {
        let received = self.pipe.received();
        loop {
            match self.wire.receive(buffer, received)? {
                Came::Some => {}
                Came::All if has_ended => {}
                Came::All | Came::Nothing => return Ok(()),
            }
        }
    }

    /// Sends what is to be sent, as far as that goes without waiting.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.wire.send(&mut self.pipe.unsent)
    }
}

/// The code that a failed connection is counted under.
pub(super) fn code(problem: io::Error) -> String {
    match problem.kind() {
        // A socket that does not wait has not timed out.
        ErrorKind::WouldBlock => "io".to_owned(),
        _ => Error::from(problem).code().to_owned(),
    }
}

/// How many bytes are read at once.
pub(super) const READ_BYTES: usize = 64 * 1024;
