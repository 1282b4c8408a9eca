//! As much of HTTP/1.1 as a watcher needs: one request without a body, one answer, and the connection is closed.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A request for a path.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) is_head: bool,
}

/// An answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) media_type: &'static str,
    pub(super) body: String,
}

impl Answer {
    /// A line of text.
    pub(super) fn text(status: &'static str, line: &str) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body: format!("{line}\n") }
    }
}

/// Reads a request, or gives the answer to one that is not understood.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Result<Request, Answer>> {
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&received) {
            Ok(httparse::Status::Complete(_)) => return Ok(understand(&request)),
            Ok(httparse::Status::Partial) if received.len() < REQUEST_BYTES => {}
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Ok(Err(Answer::text("431 Request Header Fields Too Large", "the request is too long")));
            }
            Err(_) => return Ok(Err(Answer::text("400 Bad Request", "this is not HTTP/1.1"))),
        }
        let mut piece = [0; 1024];
        match stream.read(&mut piece)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => received.extend(piece.iter().take(count)),
        }
    }
}

fn understand(request: &httparse::Request<'_, '_>) -> Result<Request, Answer> {
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Answer::text(METHOD_NOT_ALLOWED, "there are only GET and HEAD")),
    };
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path).to_owned();
    Ok(Request { path, is_head })
}

/// Writes an answer.
pub(super) fn write(answer: &Answer, with_body: bool, stream: &mut Deadline) -> io::Result<()> {
    stream.write_all(&encode(answer, with_body))
}

/// Waits until the client has closed its side: it could lose the answer otherwise, if it was still sending.
pub(super) fn close(stream: &mut Deadline) -> io::Result<()> {
    stream.stream.shutdown(Shutdown::Write)?;
    let mut rest = [0; 1024];
    for _ in 0..REQUEST_BYTES {
        if stream.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}

fn encode(answer: &Answer, with_body: bool) -> Vec<u8> {
    let Answer { status, media_type, body } = answer;
    let allow = if *status == METHOD_NOT_ALLOWED { "Allow: GET, HEAD\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{allow}Connection: \
         close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if with_body {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

/// A connection that ends at some time, however slowly its client reads and writes.
pub(super) struct Deadline {
    stream: TcpStream,
    until: Instant,
}

impl Deadline {
    pub(super) fn new(stream: TcpStream, until: Instant) -> Self {
        Self { stream, until }
    }

    /// Sets another time.
    pub(super) fn set_end(&mut self, until: Instant) {
        self.until = until;
    }

    fn left(&self) -> io::Result<std::time::Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Deadline {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(bytes)
    }
}

impl Write for Deadline {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The media type of Prometheus' text format.
pub(super) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

const METHOD_NOT_ALLOWED: &str = "405 Method Not Allowed";

/// The longest request, in bytes, headers included; browsers send about one kilobyte.
const REQUEST_BYTES: usize = 8192;

/// The most headers of a request; browsers send about 20.
const HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut bytes[..1])
        }
    }

    fn asked(request: &str) -> Result<Request, String> {
        let whole = read(&mut request.as_bytes()).map_err(|problem| problem.kind().to_string())?;
        let slow = read(&mut Slow(request.as_bytes())).unwrap();
        assert_eq!(whole, slow, "{request:?}");
        whole.map_err(|refusal| refusal.status.to_owned())
    }

    #[test]
    fn requests_are_understood_or_refused() {
        let path = |path: &str, is_head| Ok(Request { path: path.to_owned(), is_head });
        for (request, wanted) in [
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", path("/metrics", false)),
            ("GET /metrics HTTP/1.0\r\n\r\n", path("/metrics", false)),
            ("HEAD /healthz?verbose HTTP/1.1\r\n\r\n", path("/healthz", true)),
            ("GET  HTTP/1.1\r\n\r\n", Err("400 Bad Request".to_owned())),
            ("POST /metrics HTTP/1.1\r\n\r\n", Err("405 Method Not Allowed".to_owned())),
            ("auth messi surabaya\r\n\r\n", Err("400 Bad Request".to_owned())),
            ("GET /metrics HTTP/1.1\r\n", Err("unexpected end of file".to_owned())),
            ("", Err("unexpected end of file".to_owned())),
        ] {
            assert_eq!(asked(request), wanted, "{request:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(REQUEST_BYTES));
        assert_eq!(asked(&long), Err("431 Request Header Fields Too Large".to_owned()));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1));
        assert_eq!(asked(&many), Err("431 Request Header Fields Too Large".to_owned()));
    }

    #[test]
    fn an_answer_has_its_length_also_without_its_body() {
        let answer = Answer::text("200 OK", "ok");
        let whole = String::from_utf8(encode(&answer, true)).unwrap();
        assert!(whole.contains("\r\nContent-Length: 3\r\n") && whole.ends_with("\r\n\r\nok\n"), "{whole}");
        assert_eq!(whole.strip_suffix("ok\n").unwrap().as_bytes(), encode(&answer, false));
        let refusal = encode(&Answer::text(METHOD_NOT_ALLOWED, ""), true);
        assert!(String::from_utf8(refusal).unwrap().contains("\r\nAllow: GET, HEAD\r\n"));
    }
}
