//! A connection to a server: bytes of lines both ways, over TCP or TLS as they are, or as messages of a WebSocket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use chat_lib::client::Stream;
use chat_lib::{ClientOptions, Error};
use tungstenite::client::{IntoClientRequest, client_with_config};
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Error as WebSocketError, HandshakeError, Message};

use super::endpoint::Endpoint;

/// A connection that carries lines.
pub(super) enum Wire {
    Lines {
        stream: Stream,
        /// Whether a read that did not fill its buffer has taken all that was there.
        tells_when_empty: bool,
    },
    Messages(Box<WebSocket<Stream>>),
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Came {
    /// Bytes, and there may be more.
    Some,
    /// Bytes, and there were no more.
    All,
    /// Nothing now.
    Nothing,
}

impl Wire {
    /// Connects, and waits until that is done.
    pub(super) fn connect(endpoint: &Endpoint, options: &ClientOptions) -> Result<Self, Error> {
        let stream = Stream::connect(&endpoint.address, options)?;
        let Some(path) = &endpoint.websocket else {
            let tells_when_empty = !endpoint.address.is_encrypted();
            return Ok(Self::Lines { stream, tells_when_empty });
        };
        // The stream encrypts by itself, so this is "ws" for "wss", too.
        let place = endpoint.address.to_string();
        let place = place.split_once("://").map_or(&*place, |(_, place)| place);
        let request = format!("ws://{place}{path}").into_client_request().map_err(of_websocket)?;
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        match client_with_config(request, stream, Some(config)) {
            Ok((socket, _)) => Ok(Self::Messages(Box::new(socket))),
            Err(HandshakeError::Failure(problem)) => Err(of_websocket(problem).into()),
            Err(HandshakeError::Interrupted(_)) => Err(Error::TimedOut),
        }
    }

    /// From now on, nothing waits.
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        self.stream().socket().set_nonblocking(true)
    }

    fn stream(&self) -> &Stream {
        match self {
            Self::Lines { stream, .. } => stream,
            Self::Messages(socket) => socket.get_ref(),
        }
    }

    /// Appends what has come. A message of a WebSocket becomes a line.
    ///
    /// # Errors
    ///
    /// As the socket; `UnexpectedEof` if the server has closed the connection.
    pub(super) fn receive(&mut self, buffer: &mut [u8], received: &mut Vec<u8>) -> io::Result<Came> {
        match self {
            Self::Lines { stream, tells_when_empty } => match retry(|| stream.read(buffer)) {
                Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    received.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    Ok(if *tells_when_empty && count < buffer.len() { Came::All } else { Came::Some })
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
                Err(problem) => Err(problem),
            },
            Self::Messages(socket) => match retry(|| socket.read().map_err(of_websocket)) {
                Ok(Message::Text(text)) => {
                    received.extend_from_slice(text.as_bytes());
                    received.push(b'\n');
                    Ok(Came::Some)
                }
                // Pings are answered by the library.
                Ok(_) => Ok(Came::Some),
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
                Err(problem) => Err(problem),
            },
        }
    }

    /// Sends the lines in `unsent`, as far as that goes without waiting, and leaves the rest there.
    ///
    /// # Errors
    ///
    /// As the socket.
    pub(super) fn send(&mut self, unsent: &mut Vec<u8>) -> io::Result<()> {
        let outcome = match self {
            Self::Lines { stream, .. } => send_bytes(stream, unsent),
            Self::Messages(socket) => {
                let messages = send_messages(socket, unsent);
                unsent.clear();
                messages
            }
        };
        match outcome {
            Err(problem) if problem.kind() == ErrorKind::WouldBlock => Ok(()),
            outcome => outcome,
        }
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.stream().as_raw_fd()
    }
}

fn send_bytes(stream: &mut Stream, unsent: &mut Vec<u8>) -> io::Result<()> {
    let mut sent = 0;
    let outcome = loop {
        let rest = unsent.get(sent..).unwrap_or_default();
        if rest.is_empty() {
            break stream.flush();
        }
        match retry(|| stream.write(rest)) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(count) => sent += count,
            Err(problem) => break Err(problem),
        }
    };
    unsent.drain(..sent);
    outcome
}

/// The socket keeps what could not be sent.
fn send_messages(socket: &mut WebSocket<Stream>, lines: &[u8]) -> io::Result<()> {
    for line in lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty()) {
        let text = str::from_utf8(line).map_err(io::Error::other)?;
        match socket.write(Message::text(text)).map_err(of_websocket) {
            Err(problem) if problem.kind() != ErrorKind::WouldBlock => return Err(problem),
            _ => {}
        }
    }
    retry(|| socket.flush().map_err(of_websocket))
}

fn retry<T>(mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match step() {
            Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn of_websocket(error: WebSocketError) -> io::Error {
    match error {
        WebSocketError::Io(problem) => problem,
        WebSocketError::ConnectionClosed | WebSocketError::AlreadyClosed => ErrorKind::UnexpectedEof.into(),
        WebSocketError::Http(response) => {
            io::Error::other(format!("it is no WebSocket: the server answers with {}", response.status()))
        }
        other => io::Error::other(format!("the WebSocket does not work: {other}")),
    }
}

/// Of a WebSocket, each way. There may be thousands of them, and requests are small.
const BUFFER_BYTES: usize = 8 * 1024;
