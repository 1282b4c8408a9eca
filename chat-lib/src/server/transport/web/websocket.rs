//! A WebSocket, from the handshake on: messages of the peer become lines, and lines become messages.
//!
//! It relies on tungstenite for the frames of the peer, pings and the closing handshake. What is sent goes past it
//! ([`messages`](super::messages)), so that nothing long is held for a peer.

use std::io::{self, ErrorKind, Read, Write};

use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::messages::Messages;
use super::{Wire, empty_line};
use crate::limits::{WEB_BUFFER_BYTES, WEB_FRAGMENTATION, WEB_READ_BYTES};
use crate::server::disconnect::Disconnect;

pub(super) struct WebSocket {
    context: WebSocketContext,
    out: Messages,
    /// The part of a message that the connection has not read.
    unread: Option<Bytes>,
    /// Bytes that have arrived and were not parsed, because the connection's buffer was full.
    untaken: Vec<u8>,
    message_bytes: usize,
    /// How many bytes of an unfinished message have arrived.
    partial: usize,
    end: End,
}

/// How far the end of the connection has come.
enum End {
    No,
    /// The peer has closed the WebSocket; anything that it still sends is ignored.
    Peer,
    /// The peer has broken a rule. What it still sends is discarded, so that it can read why.
    Broken {
        rule: &'static str,
        is_told: bool,
    },
}

impl WebSocket {
    /// A WebSocket whose handshake ends with `handshake`, which is still to be sent, and from which `received` has come already.
    pub(super) fn new(handshake: Vec<u8>, received: Vec<u8>, message_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(WEB_BUFFER_BYTES)
            .write_buffer_size(0)
            // Of pings that were not answered yet, the last one is answered then, as the standard allows.
            .max_write_buffer_size(WEB_READ_BYTES)
            .max_frame_size(Some(message_bytes))
            .max_message_size(Some(message_bytes));
        Self {
            context: WebSocketContext::from_partially_read(received, Role::Server, Some(config)),
            out: Messages::after(handshake),
            unread: None,
            untaken: Vec::new(),
            message_bytes,
            partial: 0,
            end: End::No,
        }
    }

    /// Reads lines: how many bytes, 0 once the peer has sent all.
    pub(super) fn read(&mut self, wire: &mut Wire<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        if let End::Broken { rule, .. } = self.end {
            return match wire.discard(buffer)? {
                0 => Err(io::Error::new(ErrorKind::InvalidData, rule)),
                count => Ok(count),
            };
        }
        let mut filled = 0;
        let mut metered = Metered::new(wire, std::mem::take(&mut self.untaken));
        while let End::No = self.end {
            filled += self.read_message(buffer.get_mut(filled..).unwrap_or_default());
            if self.unread.is_some() {
                self.untaken = metered.rest().to_vec();
                return Ok(filled);
            }
            let before = metered.given;
            match self.context.read(&mut metered) {
                Ok(Message::Text(text)) => (self.unread, self.partial) = (Some(text.into()), 0),
                Ok(Message::Binary(_)) => self.fail(&mut metered, CloseCode::Unsupported, "a message was not text"),
                Ok(Message::Close(_)) => self.end = End::Peer,
                // Each ping counts, as a request does.
                Ok(_) => filled += empty_line(buffer.get_mut(filled..).unwrap_or_default()),
                Err(Error::Io(problem)) if problem.kind() == ErrorKind::WouldBlock => {
                    self.partial += metered.given - before;
                    if self.partial <= self.message_bytes.saturating_mul(WEB_FRAGMENTATION) {
                        break;
                    }
                    self.fail(&mut metered, CloseCode::Size, "a message was in too many pieces");
                }
                Err(Error::Io(problem)) => return Err(problem),
                Err(Error::Capacity(_)) => self.fail(&mut metered, CloseCode::Size, "a message was too long"),
                Err(Error::Utf8(_)) => self.fail(&mut metered, CloseCode::Invalid, "a text was not UTF-8"),
                Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ) => self.end = End::Peer,
                Err(_) => self.fail(&mut metered, CloseCode::Protocol, "it broke a rule of WebSocket"),
            }
        }
        match (filled, &self.end) {
            (0, End::Peer) => Ok(0),
            // What was read is no message: pings, or pieces of one.
            (0, _) if metered.left == 0 || !matches!(self.end, End::No) => Ok(empty_line(buffer)),
            (0, _) => Err(ErrorKind::WouldBlock.into()),
            (count, _) => Ok(count),
        }
    }

    /// Copies what fits of a message to where the connection reads it, as a line. Returns how much.
    fn read_message(&mut self, buffer: &mut [u8]) -> usize {
        let Some(message) = &mut self.unread else { return 0 };
        let count = message.len().min(buffer.len());
        let piece = message.split_to(count);
        for (to, from) in buffer.iter_mut().zip(&piece) {
            // The ends of a line are white space in JSON, but no part of a string. So is a tab.
            *to = if matches!(from, b'\n' | b'\r') { b'\t' } else { *from };
        }
        match buffer.get_mut(count) {
            Some(end) if message.is_empty() => *end = b'\n',
            _ => return count,
        }
        self.unread = None;
        count + 1
    }

    /// Ends a connection whose peer has broken a rule, and tells it which.
    fn fail(&mut self, wire: &mut Metered<'_, '_>, code: CloseCode, rule: &'static str) {
        self.partial = 0;
        self.end = End::Broken { rule, is_told: false };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(rule) };
        // It is sent when the rest is.
        self.context.close(wire, Some(frame)).ok();
    }

    /// Sends bytes of the connection's lines, and returns how many it took. After a close, it drops them.
    pub(super) fn write(&mut self, wire: &mut Wire<'_>, bytes: &[u8]) -> io::Result<usize> {
        if self.context.can_write() { self.out.write(wire, bytes) } else { Ok(bytes.len()) }
    }

    /// Sends what is held, and answers to pings.
    pub(super) fn flush(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        self.out.flush(wire)?;
        settled(self.context.flush(wire))?;
        if let End::Broken { is_told, .. } = &mut self.end
            && !std::mem::replace(is_told, true)
        {
            wire.finish()?;
        }
        Ok(())
    }

    /// Tells the peer why nothing more will come.
    pub(super) fn close(&mut self, wire: &mut Wire<'_>, reason: &Disconnect) -> io::Result<()> {
        self.flush(wire)?;
        let frame = CloseFrame { code: close_code(reason), reason: Utf8Bytes::from(reason.label()) };
        settled(self.context.close(wire, Some(frame)))
    }

    /// Whether the peer has begun a message and not ended it, or has to close.
    pub(super) fn mid_message(&self) -> bool {
        self.partial > 0 || matches!(self.end, End::Broken { .. })
    }

    pub(super) fn held(&self) -> usize {
        self.partial + self.unread.as_ref().map_or(0, Bytes::len)
    }
}

/// What sending has come to. A WebSocket that was closed has nothing to send.
fn settled(outcome: Result<(), Error>) -> io::Result<()> {
    match outcome {
        Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
        Err(Error::Io(problem)) => Err(problem),
        Err(problem) => Err(io::Error::new(ErrorKind::InvalidData, problem)),
    }
}

fn close_code(reason: &Disconnect) -> CloseCode {
    match reason {
        Disconnect::PeerClosed => CloseCode::Normal,
        Disconnect::ServerStops => CloseCode::Away,
        Disconnect::RateLimited | Disconnect::LoginTimeout | Disconnect::IdleTimeout | Disconnect::RequestTimeout => {
            CloseCode::Policy
        }
        Disconnect::Refused => CloseCode::Again,
        _ => CloseCode::Error,
    }
}

/// A wire with a budget of bytes to read: a peer that sends nothing but pings must not hold up the others.
struct Metered<'a, 'b> {
    wire: &'a mut Wire<'b>,
    bytes: [u8; WEB_READ_BYTES],
    taken: usize,
    length: usize,
    /// How many bytes were taken in all.
    given: usize,
    /// How much more may be read.
    left: usize,
}

impl<'a, 'b> Metered<'a, 'b> {
    /// `before` comes before what is read.
    fn new(wire: &'a mut Wire<'b>, before: Vec<u8>) -> Self {
        let mut bytes = [0; WEB_READ_BYTES];
        bytes.iter_mut().zip(&before).for_each(|(to, from)| *to = *from);
        Self { wire, bytes, taken: 0, length: before.len(), given: 0, left: WEB_READ_BYTES - before.len() }
    }

    /// What was read and not taken.
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..self.length).unwrap_or_default()
    }
}

impl Read for Metered<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.length {
            let room = self.bytes.get_mut(..self.left).filter(|room| !room.is_empty()).ok_or(ErrorKind::WouldBlock)?;
            (self.taken, self.length) = (0, 0);
            self.length = self.wire.read(room)?;
            self.left -= self.length;
        }
        let count = self.rest().read(buffer)?;
        self.taken += count;
        self.given += count;
        Ok(count)
    }
}

/// Nothing is sent while frames are read: a message may be under way, and a system call for each pong would cost more than a
/// request. It is sent when the transport is flushed, at the end of the turn.
impl Write for Metered<'_, '_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
