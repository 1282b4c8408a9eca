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
use super::progress::Progress;
use super::{Wire, empty_line};
use crate::limits::{HTTP_HEAD_BYTES, WEB_BUFFER_BYTES, WEB_FRAGMENTATION, WEB_READ_BYTES};
use crate::server::disconnect::Disconnect;

pub(super) struct WebSocket {
    context: WebSocketContext,
    out: Messages,
    /// The part of a message that the connection has not read.
    unread: Option<Bytes>,
    /// Bytes that have arrived and were not parsed, because the connection's buffer was full.
    untaken: Vec<u8>,
    message_bytes: usize,
    progress: Progress,
    /// A ping has come since all was sent.
    is_pinged: bool,
    /// A long message has come, for which the context has made room.
    is_grown: bool,
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
        Self {
            context: context(message_bytes),
            out: Messages::after(handshake),
            unread: None,
            untaken: received,
            message_bytes,
            progress: Progress::default(),
            is_pinged: false,
            is_grown: false,
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
        let mut metered = Metered::new(wire, &mut self.progress, std::mem::take(&mut self.untaken));
        while let End::No = self.end {
            filled += read_message(&mut self.unread, buffer.get_mut(filled..).unwrap_or_default());
            if self.unread.is_some() {
                self.untaken = metered.rest().to_vec();
                return Ok(filled);
            }
            let (code, rule) = match self.context.read(&mut metered) {
                Ok(Message::Text(text)) => {
                    self.is_grown |= text.len() > WEB_BUFFER_BYTES;
                    self.unread = Some(text.into());
                    continue;
                }
                Ok(Message::Binary(_)) => (CloseCode::Unsupported, "a message was not text"),
                Ok(Message::Close(_)) => {
                    self.end = End::Peer;
                    continue;
                }
                // Each ping counts, as a request does.
                Ok(_) => {
                    self.is_pinged = true;
                    filled += empty_line(buffer.get_mut(filled..).unwrap_or_default());
                    continue;
                }
                Err(Error::Io(problem)) if problem.kind() == ErrorKind::WouldBlock => {
                    if metered.progress.bytes() <= self.message_bytes.saturating_mul(WEB_FRAGMENTATION) {
                        break;
                    }
                    (CloseCode::Size, "a message was in too many pieces")
                }
                Err(Error::Io(problem)) => return Err(problem),
                Err(Error::Capacity(_)) => (CloseCode::Size, "a message was too long"),
                Err(Error::Utf8(_)) => (CloseCode::Invalid, "a text was not UTF-8"),
                Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ) => {
                    self.end = End::Peer;
                    continue;
                }
                Err(_) => (CloseCode::Protocol, "it broke a rule of WebSocket"),
            };
            self.end = End::Broken { rule, is_told: false };
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(rule) };
            // It is sent when the rest is.
            self.context.close(&mut metered, Some(frame)).ok();
        }
        match (filled, &self.end) {
            (0, End::Peer) => Ok(0),
            // What was read is no message: pings, or pieces of one.
            (0, _) if metered.left == 0 || !matches!(self.end, End::No) => Ok(empty_line(buffer)),
            (0, _) => Err(ErrorKind::WouldBlock.into()),
            (count, _) => Ok(count),
        }
    }

    /// Sends bytes of the connection's lines, and returns how many it took. After a close, it drops them.
    pub(super) fn write(&mut self, wire: &mut Wire<'_>, bytes: &[u8]) -> io::Result<usize> {
        // A pong may be sent in part.
        self.flush(wire)?;
        if self.context.can_write() { self.out.write(wire, bytes) } else { Ok(bytes.len()) }
    }

    /// Sends what is held, and answers to pings.
    pub(super) fn flush(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        self.out.flush(wire)?;
        settled(self.context.flush(wire))?;
        if self.is_pinged {
            // There may have been no room for the last pong before the others were sent.
            settled(self.context.flush(wire))?;
            self.is_pinged = false;
        }
        if self.is_grown && self.unread.is_none() && !self.progress.is_midway() && self.context.can_write() {
            // It would keep the room that the message took.
            self.context = context(self.message_bytes);
            self.is_grown = false;
        }
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
        self.progress.is_midway() || matches!(self.end, End::Broken { .. })
    }

    pub(super) fn held(&self) -> usize {
        let room = self.progress.missing().min(self.message_bytes);
        self.progress.bytes() + room + self.untaken.len() + self.unread.as_ref().map_or(0, Bytes::len)
    }

    /// Whether a message or a ping has ended since this was last asked.
    pub(super) fn take_completed(&mut self) -> bool {
        self.progress.take_completed()
    }
}

/// What reads the frames of a peer, and has nothing in it.
fn context(message_bytes: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(WEB_BUFFER_BYTES)
        .write_buffer_size(0)
        // Of pings that were not answered yet, the last one is answered then, as the standard allows.
        .max_write_buffer_size(WEB_READ_BYTES)
        .max_frame_size(Some(message_bytes))
        .max_message_size(Some(message_bytes));
    WebSocketContext::new(Role::Server, Some(config))
}

/// Copies what fits of a message to where the connection reads it, as a line. Returns how much.
fn read_message(unread: &mut Option<Bytes>, buffer: &mut [u8]) -> usize {
    let Some(message) = unread else { return 0 };
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
    *unread = None;
    count + 1
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
    progress: &'a mut Progress,
    bytes: [u8; WEB_READ_BYTES],
    taken: usize,
    length: usize,
    /// How much more may be read.
    left: usize,
}

// What came right behind the handshake has to fit.
const _: () = assert!(HTTP_HEAD_BYTES <= WEB_READ_BYTES);

impl<'a, 'b> Metered<'a, 'b> {
    /// `before` comes before what is read.
    fn new(wire: &'a mut Wire<'b>, progress: &'a mut Progress, before: Vec<u8>) -> Self {
        let mut bytes = [0; WEB_READ_BYTES];
        bytes.iter_mut().zip(&before).for_each(|(to, from)| *to = *from);
        Self { wire, progress, bytes, taken: 0, length: before.len(), left: WEB_READ_BYTES - before.len() }
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
        self.progress.take(buffer.get(..count).unwrap_or_default());
        self.taken += count;
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use mio::net::TcpStream;
    use tungstenite::protocol::WebSocket as Client;

    use super::*;
    use crate::server::socket::Socket;
    use crate::server::transport::Transport;

    /// A peer that takes so much at a time.
    struct Peer {
        taken: Vec<u8>,
        room: usize,
    }

    impl Transport for Peer {
        fn read(&mut self, _: &mut Socket, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }

        fn write(&mut self, _: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.get(..self.room.min(bytes.len())).unwrap_or_default();
            self.room -= taken.len();
            self.taken.extend_from_slice(taken);
            if taken.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken.len()) }
        }

        fn flush(&mut self, _: &mut Socket) -> io::Result<()> {
            Ok(())
        }

        fn finish(&mut self, _: &mut Socket, _: &Disconnect) -> io::Result<()> {
            Ok(())
        }

        fn mid_frame(&self) -> bool {
            false
        }

        fn is_handshaking(&self) -> bool {
            false
        }
    }

    /// A pong of which the peer had taken a part was followed by a message, in its middle.
    #[test]
    fn a_message_does_not_cut_a_pong() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut socket = Socket::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let mut peer = Peer { taken: Vec::new(), room: 3 };
        let mut websocket = WebSocket::new(Vec::new(), b"\x89\x84\0\0\0\0halo".to_vec(), 1000);
        let wire = &mut Wire { inner: &mut peer, socket: &mut socket };
        assert_eq!(websocket.read(wire, &mut [0; 8]).unwrap(), 1);
        assert_eq!(websocket.flush(wire).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(websocket.write(wire, b"{}\n").unwrap_err().kind(), ErrorKind::WouldBlock);
        peer.room = 100;
        let wire = &mut Wire { inner: &mut peer, socket: &mut socket };
        assert_eq!(websocket.write(wire, b"{}\n").unwrap(), 3);
        websocket.flush(wire).unwrap();
        let mut client = Client::from_raw_socket(io::Cursor::new(peer.taken), Role::Client, None);
        assert_eq!(client.read().unwrap(), Message::Pong("halo".into()));
        assert_eq!(client.read().unwrap(), Message::text("{}"));
    }
}
