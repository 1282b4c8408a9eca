//! HTTP and WebSocket: browsers get the page, and then speak protocol 2, one JSON object per text frame
//! (`docs/protocol-2.md`, "WebSocket").
//!
//! It is a transport over another one, TCP or TLS. It relies on the connection to take each of its lines as JSON: a message of the
//! peer becomes a line, and a line of the connection becomes a message.

mod http;
mod messages;
mod progress;
mod request;
mod websocket;

use std::io::{self, Read as _};
use std::net::IpAddr;

use self::http::Http;
use self::websocket::WebSocket;
use super::Transport;
use crate::limits::READ_BYTES;
use crate::server::disconnect::Disconnect;
use crate::server::site::WebSite;
use crate::server::socket::Socket;

/// HTTP over another transport, until the peer asks for a WebSocket.
pub(in crate::server) struct Web {
    inner: Box<dyn Transport>,
    state: State,
    /// The client's address, if a proxy gave it with the request for a WebSocket.
    forwarded_for: Option<IpAddr>,
}

enum State {
    Http(Box<Http>),
    WebSocket(Box<WebSocket>),
}

impl Web {
    /// `message_bytes` is how long a message may be.
    pub(super) fn new(inner: Box<dyn Transport>, site: WebSite, message_bytes: usize) -> Self {
        Self { inner, state: State::Http(Box::new(Http::new(site, message_bytes))), forwarded_for: None }
    }
}

impl Transport for Web {
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        let wire = &mut Wire { inner: &mut *self.inner, socket };
        match &mut self.state {
            State::WebSocket(websocket) => websocket.read(wire, buffer),
            State::Http(http) => {
                let outcome = http.read(wire, buffer);
                if let Some((websocket, forwarded_for)) = http.take_websocket() {
                    self.forwarded_for = forwarded_for;
                    self.state = State::WebSocket(Box::new(websocket));
                }
                outcome
            }
        }
    }

    fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        let wire = &mut Wire { inner: &mut *self.inner, socket };
        match &mut self.state {
            State::Http(http) => http.refuse(wire, bytes),
            State::WebSocket(websocket) => websocket.write(wire, bytes),
        }
    }

    fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        let wire = &mut Wire { inner: &mut *self.inner, socket };
        match &mut self.state {
            State::Http(http) => http.flush(wire)?,
            State::WebSocket(websocket) => websocket.flush(wire)?,
        }
        self.inner.flush(socket)
    }

    fn finish(&mut self, socket: &mut Socket, reason: &Disconnect) -> io::Result<()> {
        let wire = &mut Wire { inner: &mut *self.inner, socket };
        match &mut self.state {
            State::Http(http) => http.flush(wire)?,
            State::WebSocket(websocket) => websocket.close(wire, reason)?,
        }
        self.inner.finish(socket, reason)
    }

    fn mid_frame(&self) -> bool {
        let is_mid_frame = match &self.state {
            State::Http(http) => http.awaits_request(),
            State::WebSocket(websocket) => websocket.mid_message(),
        };
        is_mid_frame || self.inner.mid_frame()
    }

    fn take_completed(&mut self) -> bool {
        match &mut self.state {
            State::Http(http) => http.take_completed(),
            State::WebSocket(websocket) => websocket.take_completed(),
        }
    }

    fn take_forwarded_for(&mut self) -> Option<IpAddr> {
        self.forwarded_for.take()
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn held(&self) -> usize {
        let held = match &self.state {
            State::Http(http) => http.held(),
            State::WebSocket(websocket) => websocket.held(),
        };
        held + self.inner.held()
    }
}

/// Where the bytes of HTTP and of frames come from and go to.
struct Wire<'a> {
    inner: &'a mut dyn Transport,
    socket: &'a mut Socket,
}

impl Wire<'_> {
    /// Tells the peer that nothing more will come.
    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish(self.socket, &Disconnect::PeerClosed)
    }

    /// Reads what the peer still sends although nothing more is taken from it, some at a time. Returns how many bytes of `buffer` the connection gets: one at
    /// most, for the sake of others, and 0 at the end.
    fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..READ_BYTES / DISCARD_BYTES {
            let mut discarded = [0; DISCARD_BYTES];
            if self.read(&mut discarded)? == 0 {
                return Ok(0);
            }
        }
        Ok(empty_line(buffer))
    }
}

/// What is discarded at once.
const DISCARD_BYTES: usize = 4 * 1024;

impl io::Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(self.socket, buffer)
    }
}

impl io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(self.socket, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush(self.socket)
    }
}

/// What the connection gets for something that took time and is no message: an empty line, which has no answer and counts as a request. Returns its
/// length.
fn empty_line(buffer: &mut [u8]) -> usize {
    buffer.first_mut().map_or(0, |first| {
        *first = b'\n';
        1
    })
}
