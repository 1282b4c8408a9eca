//! The seam between a socket and a connection: what the bytes on the wire look like.
//!
//! Plain TCP passes bytes through, TLS encrypts them, and WebSocket puts them into messages. A transport does no I/O of its own but on the
//! [`Socket`] that it is handed in each call. So it fits libraries that are handed a stream in the same way, such as rustls
//! (`read_tls`, `write_tls`) and tungstenite (`WebSocketContext`), and one transport can lie on top of another.
//!
//! # Readiness
//!
//! Nobody asks a transport what it waits for. Sockets are always polled for both directions, any event gives the peer a
//! turn, and in a turn the peer calls [`write`](Transport::write) and [`flush`](Transport::flush), then
//! [`read`](Transport::read), then `write` and `flush` again. Each of these may use the socket both ways: a TLS handshake
//! reads and writes in all of them, and a WebSocket answers a ping in a `read`.

#[cfg(test)]
pub(super) mod lock_step;
mod tcp;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "web")]
mod web;

use std::io;
use std::net::IpAddr;

pub(super) use self::tcp::Tcp;
use super::disconnect::Disconnect;
#[cfg(feature = "tls")]
use super::identity::TlsIdentity;
#[cfg(feature = "web")]
use super::site::WebSite;
use super::socket::Socket;
use crate::limits::Limits;

/// Turns the bytes of a socket into those of a connection, and back.
///
/// All methods that return an [`io::Result`] follow the conventions of a non-blocking stream. They may return
/// [`WouldBlock`](io::ErrorKind::WouldBlock) only if the socket did since its last event, since only another event has
/// them called again. After any other error the peer is closed; what it is to be told of it must have been written.
pub(super) trait Transport: Send {
    /// Reads bytes for the connection: how many; 0 once the peer has sent all. Bytes that are held here already come
    /// before any that the socket still has.
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize>;

    /// Takes bytes that the connection sends, which are not empty: how many, at least one. They count as sent; what is
    /// held of them here must have a bound.
    fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize>;

    /// Writes what is held here. It is also called when the connection has sent nothing, for the sake of handshakes.
    fn flush(&mut self, socket: &mut Socket) -> io::Result<()>;

    /// Writes what is held here, tells the peer that nothing more will come, and why where it can, and shuts the socket down for
    /// writing.
    fn finish(&mut self, socket: &mut Socket, reason: &Disconnect) -> io::Result<()>;

    /// Whether the peer has yet to complete what it has begun, such as a handshake or a frame. It has as long for that as
    /// for a line.
    fn mid_frame(&self) -> bool;

    /// Whether something that had to be completed is, since this was last asked: what is under way now is another, and has its own time.
    fn take_completed(&mut self) -> bool {
        false
    }

    /// How many bytes are held of what has come and the connection has not read.
    fn held(&self) -> usize {
        0
    }

    /// Returns the client's address if a proxy gave it in an HTTP request that has just been read.
    fn take_forwarded_for(&mut self) -> Option<IpAddr> {
        None
    }

    /// Whether a handshake is under way, which takes much longer than requests do.
    fn is_handshaking(&self) -> bool;
}

/// What the connections of one listener use for a transport.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TransportKind {
    Tcp,
    #[cfg(feature = "tls")]
    Tls(TlsIdentity),
    /// HTTP and WebSocket, over another one.
    #[cfg(feature = "web")]
    Web(WebSite, Box<TransportKind>),
    /// The tests' own.
    #[cfg(test)]
    LockStep,
}

impl TransportKind {
    /// The transport of a connection that was just accepted.
    #[cfg_attr(not(feature = "web"), expect(unused_variables, reason = "it is for messages"))]
    pub(super) fn accept(&self, limits: &Limits) -> io::Result<Box<dyn Transport>> {
        Ok(match self {
            Self::Tcp => Box::new(Tcp),
            #[cfg(feature = "tls")]
            Self::Tls(identity) => Box::new(tls::Tls::new(identity.config())?),
            #[cfg(feature = "web")]
            Self::Web(site, over) => Box::new(web::Web::new(over.accept(limits)?, site.clone(), limits.line_bytes)),
            #[cfg(test)]
            Self::LockStep => Box::new(lock_step::LockStep::default()),
        })
    }

    /// Whether others on the network can read what is sent.
    pub(super) fn is_cleartext(&self) -> bool {
        match self {
            Self::Tcp => true,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
            #[cfg(feature = "web")]
            Self::Web(_, over) => over.is_cleartext(),
            #[cfg(test)]
            Self::LockStep => false,
        }
    }

    /// Whether it is for browsers, who send nothing but JSON.
    pub(super) fn is_web(&self) -> bool {
        #[cfg(feature = "web")]
        let is_web = matches!(self, Self::Web(..));
        #[cfg(not(feature = "web"))]
        let is_web = false;
        is_web
    }
}
