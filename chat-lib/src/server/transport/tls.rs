//! TLS, by rustls: what it holds of a connection is bounded, and an idle one holds little more than its keys.
//!
//! It relies on rustls doing no I/O of its own: bytes are fed to it from the socket and taken from it to the socket here.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::Transport;
use crate::limits::{TLS_BUFFER_BYTES, TLS_BYTES_WITHOUT_DATA};
use crate::server::disconnect::Disconnect;
use crate::server::socket::Socket;

pub(super) struct Tls {
    session: ServerConnection,
    records: Records,
    /// How many bytes have come since the last data.
    without_data: usize,
}

impl Tls {
    pub(super) fn new(config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut session = ServerConnection::new(config).map_err(failed)?;
        session.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Ok(Self { session, records: Records::default(), without_data: 0 })
    }

    /// Takes in what the socket has: how many bytes, 0 at the end.
    fn receive(&mut self, socket: &mut Socket) -> io::Result<usize> {
        let was_handshaking = self.session.is_handshaking();
        let count = self.session.read_tls(&mut Observed { socket, records: &mut self.records })?;
        if let Err(problem) = self.session.process_new_packets() {
            // An alert tells the peer why. If it cannot be sent at once, the peer has to do without it.
            self.flush(socket).ok();
            return Err(failed(problem));
        }
        self.without_data += count;
        if was_handshaking && !self.session.is_handshaking() {
            self.without_data = 0;
        }
        if self.without_data > TLS_BYTES_WITHOUT_DATA {
            return Err(io::Error::new(ErrorKind::InvalidData, "it went on sending TLS messages without data"));
        }
        Ok(count)
    }
}

impl Transport for Tls {
    /// An end without `close_notify` is an end like any other: requests are lines, so one that somebody has cut off is not
    /// taken for a whole one.
    ///
    /// It reads on until there is data, or too much of everything else.
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => _ = self.receive(socket)?,
                Err(problem) if problem.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                outcome => {
                    self.without_data = 0;
                    return outcome;
                }
            }
        }
    }

    fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        self.flush(socket)?;
        while self.session.is_handshaking() {
            if self.receive(socket)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.flush(socket)?;
        }
        self.session.writer().write(bytes)
    }

    fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(socket)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    fn finish(&mut self, socket: &mut Socket, _: &Disconnect) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush(socket)?;
        socket.finish()
    }

    fn mid_frame(&self) -> bool {
        // A message may be spread over records. One as short as a key update is not waited for.
        self.is_handshaking() || self.records.is_mid_record() || self.without_data > SHORT_MESSAGE
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }
}

fn failed(problem: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("TLS failed: {problem}"))
}

/// Where in a record the peer is, which rustls does not tell. A peer that never completes one must not have its memory for
/// ever.
#[derive(Default)]
struct Records {
    /// How many bytes of a header have come.
    header: u8,
    /// How many bytes are missing of the record; while there is a header to come, the length as far as it is known.
    missing: u16,
}

impl Records {
    /// Takes note of bytes that have come.
    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.header == HEADER {
                let length = usize::from(self.missing).min(bytes.len());
                bytes = bytes.get(length..).unwrap_or_default();
                self.missing -= u16::try_from(length).unwrap_or(self.missing);
            } else {
                // The length is the end of the header, its high byte first.
                self.missing = self.missing << 8 | u16::from(first);
                self.header += 1;
                bytes = rest;
            }
            if self.header == HEADER && self.missing == 0 {
                *self = Self::default();
            }
        }
    }

    fn is_mid_record(&self) -> bool {
        self.header > 0
    }
}

/// More than a key update takes.
const SHORT_MESSAGE: usize = 256;

/// The bytes of a record's header.
const HEADER: u8 = 5;

/// A socket of which is noted what has been read.
struct Observed<'a> {
    socket: &'a mut Socket,
    records: &'a mut Records,
}

impl Read for Observed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.records.pass(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_followed_however_they_are_cut() {
        let record = |length: usize| [&[23, 3, 3, (length >> 8) as u8, length as u8][..], &vec![1; length]].concat();
        let bytes = [record(0), record(1), record(300), record(16_640)].concat();
        for size in [1, 2, 3, 5, 7, 4096, bytes.len()] {
            let mut records = Records::default();
            let mut passed = 0;
            for piece in bytes.chunks(size) {
                records.pass(piece);
                passed += piece.len();
                let ends = [0, 5, 11, 316, bytes.len()];
                assert_eq!(records.is_mid_record(), !ends.contains(&passed), "{passed} bytes in pieces of {size}");
            }
        }
    }
}
