//! The stream between a client and a server: bytes as they are, or through TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

#[cfg(feature = "tls")]
use rustls::{ClientConnection, StreamOwned};

use super::address::ServerAddress;
use super::failover::Connector;
use super::options::ClientOptions;
use crate::error::Error;

/// A stream to a server, on a socket of any kind. What is read and written is the chat's; what goes over the socket is encrypted if
/// the address says so.
#[derive(Debug)]
pub struct Stream<S: Read + Write = TcpStream>(Kind<S>);

#[derive(Debug)]
enum Kind<S: Read + Write> {
    Clear(S),
    #[cfg(feature = "tls")]
    Tls(Box<StreamOwned<ClientConnection, OneByOne<S>>>),
}

impl<S: Read + Write> Stream<S> {
    /// A stream on `socket`, which is connected to `address`, or will be. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] if no certificate could prove that the host is the right one, or none are trusted; or if the options have a CA
    /// file, and the address is not encrypted.
    pub fn new(socket: S, address: &ServerAddress, options: &ClientOptions) -> Result<Self, Error> {
        if !address.is_encrypted() {
            options.check(&address.into())?;
            return Ok(Self(Kind::Clear(socket)));
        }
        #[cfg(feature = "tls")]
        {
            let connection = options.trust.connection(address.host())?;
            Ok(Self(Kind::Tls(Box::new(StreamOwned::new(connection, OneByOne(socket))))))
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = options;
            Err(Error::Tls("this program was built without TLS, so it can connect to no chats:// address".to_owned()))
        }
    }

    /// Does the TLS handshake if there is one to be done, in which the server proves who it is. On a socket that does not block,
    /// call it again when the socket is ready.
    ///
    /// # Errors
    ///
    /// As the socket; a failure of TLS becomes [`Error::Tls`] by `into()`.
    pub fn handshake(&mut self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Kind::Tls(tls) = &mut self.0 {
            while tls.conn.is_handshaking() {
                tls.conn.complete_io(&mut tls.sock)?;
            }
        }
        Ok(())
    }

    /// Tells the server that nothing more comes, as far as that is possible without waiting.
    pub(crate) fn say_goodbye(&mut self) {
        #[cfg(feature = "tls")]
        if let Kind::Tls(tls) = &mut self.0 {
            tls.conn.send_close_notify();
            // The server notices the end of the connection, too.
            tls.conn.write_tls(&mut tls.sock).ok();
        }
    }

    /// The socket. What is read from it or written to it is lost to the stream.
    pub fn socket(&self) -> &S {
        match &self.0 {
            Kind::Clear(socket) => socket,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => &tls.sock.0,
        }
    }
}

impl Stream {
    /// Connects, for a caller that wraps the stream before handing it to [`Client::over`](crate::Client::over).
    ///
    /// # Errors
    ///
    /// As [`dial`], and [`Error::Tls`] if the server does not prove to be the one that is meant.
    pub fn connect(address: &ServerAddress, options: &ClientOptions) -> Result<Self, Error> {
        let mut stream = Self::new(dial(address, options.patience_with_one())?, address, options)?;
        stream.handshake()?;
        Ok(stream)
    }

    /// Has each later read and write wait `patience` at most, and a millisecond at least.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the system's reason.
    pub fn set_patience(&self, patience: Duration) -> Result<(), Error> {
        wait_at_most(self.socket(), patience.max(Duration::from_millis(1)))
    }

    /// Whether the server has closed the connection, as far as is known without waiting.
    pub fn is_closed(&mut self) -> bool {
        let socket = self.socket();
        if socket.set_nonblocking(true).is_err() {
            return true;
        }
        let closed = match &mut self.0 {
            Kind::Clear(socket) => match socket.peek(&mut [0]) {
                Ok(count) => count == 0,
                Err(problem) => problem.kind() != io::ErrorKind::WouldBlock,
            },
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => is_closed(tls),
        };
        self.socket().set_nonblocking(false).is_err() || closed
    }

    /// Closes the connection. Dropping the stream would not do where a fork holds a copy of the descriptor.
    pub(crate) fn close(&mut self) {
        if self.socket().set_nonblocking(true).is_ok() {
            self.say_goodbye();
        }
        // It may be closed by the other side.
        self.socket().shutdown(Shutdown::Both).ok();
    }
}

/// Makes streams over TCP.
pub(super) struct Streams {
    pub(super) options: ClientOptions,
}

impl Connector for Streams {
    type Stream = Stream;

    fn connect(&mut self, address: &ServerAddress, patience: Duration) -> Result<Stream, Error> {
        Stream::connect(address, &self.options.clone().patience(patience))
    }

    fn set_patience(&mut self, stream: &mut Stream, patience: Duration) -> Result<(), Error> {
        stream.set_patience(patience)
    }

    fn is_closed(&mut self, stream: &mut Stream) -> bool {
        stream.is_closed()
    }
}

/// Reads what has come until it says whether the connection goes on. Session tickets come unasked, and say nothing about that.
#[cfg(feature = "tls")]
fn is_closed(tls: &mut StreamOwned<ClientConnection, OneByOne<TcpStream>>) -> bool {
    while tls.conn.wants_read() {
        match tls.conn.read_tls(&mut tls.sock) {
            Ok(0) => return true,
            Ok(_) => match tls.conn.process_new_packets() {
                Ok(state) if !state.peer_has_closed() => {}
                Ok(_) | Err(_) => return true,
            },
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
            Err(problem) => return problem.kind() != io::ErrorKind::WouldBlock,
        }
    }
    false
}

/// A socket that is written to by `write` alone. The standard library's `write_vectored`, which TLS would use, raises SIGPIPE if the server is gone, and a
/// program in C ends by it.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct OneByOne<S>(S);

#[cfg(feature = "tls")]
impl<S: Read> Read for OneByOne<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

#[cfg(feature = "tls")]
impl<S: Write> Write for OneByOne<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Clear(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.read(buffer),
        }
    }
}

impl<S: Read + Write> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Clear(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Clear(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.flush(),
        }
    }
}

impl<S: AsRawFd + Read + Write> AsRawFd for Stream<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.socket().as_raw_fd()
    }
}

/// Opens the socket for a [`Stream`]. Connecting to an address, and each later read and write, waits `patience` at most, and
/// a millisecond at least.
///
/// # Errors
///
/// [`Error::TimedOut`], or [`Error::Io`] with the system's reason: that of the last address, if the host has several.
pub fn dial(address: &ServerAddress, patience: Duration) -> Result<TcpStream, Error> {
    let patience = patience.max(Duration::from_millis(1));
    let mut outcome = Err(io::Error::other("the name has no address"));
    for address in address.resolve()? {
        outcome = TcpStream::connect_timeout(&address, patience);
        if outcome.is_ok() {
            break;
        }
    }
    let socket = outcome.map_err(|problem| match problem.kind() {
        io::ErrorKind::TimedOut => Error::TimedOut,
        _ => Error::Io(problem),
    })?;
    socket.set_nodelay(true)?;
    wait_at_most(&socket, patience)?;
    Ok(socket)
}

fn wait_at_most(socket: &TcpStream, patience: Duration) -> Result<(), Error> {
    socket.set_read_timeout(Some(patience))?;
    Ok(socket.set_write_timeout(Some(patience))?)
}
