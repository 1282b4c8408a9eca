//! One connection to the server under test: bytes out, whole answers in, and no step takes longer than it may.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use chat_lib::client::Stream;

use crate::args::Target;

/// A connection.
pub(super) struct Wire {
    stream: Stream,
    timeout: Duration,
    received: Vec<u8>,
    /// How much of `received` was searched for a line's end.
    searched: usize,
    /// How the first line ended that was sent, and so all of them; `None` before.
    line_end: Option<&'static [u8]>,
    /// The last byte that was sent before.
    last_sent: Option<u8>,
}

/// Why nothing came.
#[derive(Debug)]
pub(super) enum Missing {
    /// In time; what had come of it until then.
    TimedOut(Vec<u8>),
    /// The server has closed the connection; what had come before.
    Closed(Vec<u8>),
    /// Something else came, where the connection should have ended.
    Open(Vec<u8>),
    Io(io::Error),
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`Stream::connect`].
    pub(super) fn connect(target: &Target, timeout: Duration) -> Result<Self, chat_lib::Error> {
        let stream = Stream::connect(&target.address, &target.options.clone().patience(timeout))?;
        Ok(Self { stream, timeout, received: Vec::new(), searched: 0, line_end: None, last_sent: None })
    }

    /// Sends bytes as they are.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.line_end.is_none()
            && let Some(place) = bytes.iter().position(|byte| *byte == b'\n')
        {
            let before = place.checked_sub(1).map_or(self.last_sent, |place| bytes.get(place).copied());
            self.line_end = Some(if before == Some(b'\r') { b"\r\n" } else { b"\n" });
        }
        self.last_sent = bytes.last().copied().or(self.last_sent);
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends a line, ended as those before it.
    pub(super) fn send_line(&mut self, line: &str) -> io::Result<()> {
        let end = self.line_end.unwrap_or(b"\n");
        self.send(&[line.as_bytes(), end].concat())
    }

    /// The next line of protocol 2, which LF ends, or the next answer of protocol 1, which CR LF CR LF does.
    pub(super) fn receive(&mut self) -> Result<Vec<u8>, Missing> {
        let until = Instant::now() + self.timeout;
        loop {
            if let Some(end) = self.end_of_line() {
                self.searched = 0;
                return Ok(self.received.drain(..end).collect());
            }
            if self.read(until)? == 0 {
                return Err(Missing::Closed(std::mem::take(&mut self.received)));
            }
        }
    }

    /// Waits until the server has closed the connection.
    ///
    /// # Errors
    ///
    /// What came instead.
    pub(super) fn closed(&mut self) -> Result<(), Missing> {
        let until = Instant::now() + self.timeout;
        while self.received.is_empty() {
            match self.read(until) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(Missing::Io(problem)) if problem.kind() == ErrorKind::ConnectionReset => return Ok(()),
                Err(missing) => return Err(missing),
            }
        }
        Err(Missing::Open(std::mem::take(&mut self.received)))
    }

    fn end_of_line(&mut self) -> Option<usize> {
        let rest = self.received.get(self.searched..)?;
        let Some(place) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.received.len();
            return None;
        };
        let end = self.searched + place + 1;
        match self.received.get(..end)?.ends_with(b"\r\n") {
            false => Some(end),
            // An answer of protocol 1 has another line end behind this one.
            true => {
                self.searched = end - 1;
                let whole = end + 2;
                (self.received.len() >= whole).then_some(whole)
            }
        }
    }

    fn read(&mut self, until: Instant) -> Result<usize, Missing> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Missing::TimedOut(std::mem::take(&mut self.received)));
            }
            self.stream.socket().set_read_timeout(Some(left)).map_err(Missing::Io)?;
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.received.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    return Ok(count);
                }
                Err(problem)
                    if matches!(
                        problem.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                // TLS, and its last word is missing.
                Err(problem) if problem.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                Err(problem) => return Err(Missing::Io(problem)),
            }
        }
    }
}
