//! Asking the monitoring port of a NATS server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A server that is stopped does not answer, and the caller asks another one.
const TIMEOUT: Duration = Duration::from_secs(1);

/// `GET path`, for an answer in JSON. `None` if there is none.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    // An answer of HTTP/1.0 ends with its connection.
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let (head, body) = std::str::from_utf8(&answer).ok()?.split_once("\r\n\r\n")?;
    head.lines().next()?.ends_with(" 200 OK").then(|| serde_json::from_str(body).ok())?
}
