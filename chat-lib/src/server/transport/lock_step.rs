//! A transport for tests, as awkward as one may be: each direction needs the other one to go on, and the handshake and the
//! goodbye are longer than a socket buffers.
//!
//! The server begins, with [`PADDING`] zeros and `h`; the client answers `h`. Then the client sends `d` and a byte, each only
//! after the server's `a` for the one before, or `e` for the end. The server sends `d`, a length and as many bytes, each only
//! after the client's `c` for the ones before, and for the end [`PADDING`] zeros and `e`.

use std::io::{self, ErrorKind, Read, Write};

use super::Transport;
use crate::server::disconnect::Disconnect;
use crate::server::socket::Socket;

#[derive(Default)]
pub(in crate::server) struct LockStep {
    /// How many zeros are still to be written, before `output`.
    padding: usize,
    output: Vec<u8>,
    begun: bool,
    /// The client has answered the handshake.
    ready: bool,
    /// The client's last `d` stands without its byte.
    byte_follows: bool,
    /// A byte that the connection has not read.
    byte: Option<u8>,
    /// The client has acknowledged all that was written.
    credit: bool,
    ended: bool,
    finished: bool,
}

impl LockStep {
    fn receive(&mut self, socket: &mut Socket) -> io::Result<()> {
        let mut received = [0];
        if socket.read(&mut received)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match received[0] {
            byte if std::mem::take(&mut self.byte_follows) => {
                assert!(self.byte.replace(byte).is_none(), "the client did not wait for its acknowledgement");
            }
            b'h' => (self.ready, self.credit) = (true, true),
            b'd' => self.byte_follows = true,
            b'c' => self.credit = true,
            b'e' => self.ended = true,
            other => return Err(io::Error::new(ErrorKind::InvalidData, format!("unknown frame {other}"))),
        }
        Ok(())
    }
}

impl Transport for LockStep {
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.ready {
                self.flush(socket)?;
            }
            if let Some(byte) = self.byte.take() {
                // Sent when the peer flushes.
                self.output.push(b'a');
                buffer[0] = byte;
                return Ok(1);
            }
            if self.ended {
                return Ok(0);
            }
            self.receive(socket)?;
        }
    }

    fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        self.flush(socket)?;
        while !self.credit {
            self.receive(socket)?;
        }
        let chunk = &bytes[..bytes.len().min(50)];
        self.output.extend([b'd', chunk.len() as u8]);
        self.output.extend(chunk);
        self.credit = false;
        Ok(chunk.len())
    }

    fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        if !self.begun {
            (self.begun, self.padding) = (true, PADDING);
            self.output.push(b'h');
        }
        while self.padding > 0 {
            self.padding -= socket.write(&vec![0; self.padding.min(1024 * 1024)])?;
        }
        while !self.output.is_empty() {
            let count = socket.write(&self.output)?;
            self.output.drain(..count);
        }
        Ok(())
    }

    fn finish(&mut self, socket: &mut Socket, _: &Disconnect) -> io::Result<()> {
        self.flush(socket)?;
        // Closing a socket with unread bytes would take with it what is on its way.
        while !self.credit && !self.finished {
            self.receive(socket)?;
        }
        if !self.finished {
            (self.finished, self.padding) = (true, PADDING);
            self.output.push(b'e');
        }
        self.flush(socket)?;
        socket.finish()
    }

    fn mid_frame(&self) -> bool {
        !self.ready || self.byte_follows
    }

    fn is_handshaking(&self) -> bool {
        !self.ready
    }
}

/// More than any socket buffers, so that writing it blocks.
pub(super) const PADDING: usize = 16 * 1024 * 1024;
