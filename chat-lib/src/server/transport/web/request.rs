//! What is asked for over HTTP, and what the answer is. It relies on httparse for the syntax and on the
//! [`WebSite`] for files and origins.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use httparse::{Error, Header, Status};
use tungstenite::handshake::derive_accept_key;

use crate::limits::{HTTP_HEAD_BYTES, HTTP_HEADERS};
use crate::server::site::{File, WebSite};

/// An answer, and what comes after it.
pub(super) struct Answer {
    /// The status line and the headers, with the empty line after them.
    pub(super) head: Vec<u8>,
    pub(super) body: Body,
    pub(super) then: Then,
}

/// What follows the headers.
pub(super) enum Body {
    Nothing,
    /// What is wrong.
    Text(String),
    File(Arc<File>),
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Text(text) => text.as_bytes(),
            Self::File(file) => &file.body,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// Another request may come.
    KeepAlive,
    Close,
    /// Frames follow. A proxy may have given the client's address.
    WebSocket {
        forwarded_for: Option<IpAddr>,
    },
}

/// The answer to the request that `received` begins with, and the request's length; `None` if it is not whole.
pub(super) fn answer(received: &[u8], site: &WebSite) -> Option<(usize, Answer)> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(received) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if received.len() < HTTP_HEAD_BYTES => return None,
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
            return Some((
                received.len(),
                refusal("431 Request Header Fields Too Large", "", "The request is too long."),
            ));
        }
        Err(_) => return Some((received.len(), refusal("400 Bad Request", "", "This is not a request of HTTP/1.1."))),
    };
    let headers = Headers(request.headers);
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // A body would be taken for the next request.
    let has_body =
        headers.get("content-length").is_some_and(|length| length != "0") || headers.get("transfer-encoding").is_some();
    let has_host = request.version != Some(1) || headers.get("host").is_some_and(|host| !host.is_empty());
    let mut answer = match (method, path) {
        _ if !has_host => refusal("400 Bad Request", "", "A request of HTTP/1.1 has one header Host."),
        ("GET", SOCKET_PATH) if has_body || request.version != Some(1) => {
            refusal("400 Bad Request", "", "A WebSocket begins with a request of HTTP/1.1 that has no body.")
        }
        ("GET", SOCKET_PATH) => upgrade(&headers, site),
        ("GET" | "HEAD", _) => page(path, &headers, site),
        _ => refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "There are only pages here."),
    };
    if method == "HEAD" {
        answer.body = Body::Nothing;
    }
    if answer.then == Then::KeepAlive
        && (request.version != Some(1) || has_body || headers.has_word("connection", "close"))
    {
        answer.then = Then::Close;
    }
    Some((length, answer))
}

/// The answer to a connection that is refused, whatever it asks for.
pub(super) fn unavailable(reason: &str) -> Answer {
    refusal("503 Service Unavailable", "Retry-After: 1\r\n", reason)
}

fn page(path: &str, headers: &Headers<'_>, site: &WebSite) -> Answer {
    let Some(file) = site.file(path) else {
        let text = "There is no such page.";
        return Answer { then: Then::KeepAlive, ..refusal("404 Not Found", "", text) };
    };
    let is_known = headers.get("if-none-match").is_some_and(|tags| tags.split(',').any(|tag| is_tag(tag, &file.etag)));
    let (status, length) = if is_known { ("304 Not Modified", None) } else { ("200 OK", Some(file.body.len())) };
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\n{length}ETag: {}\r\nCache-Control: no-cache\r\n{SECURITY_HEADERS}\r\n",
        file.content_type, file.etag
    );
    let body = if is_known { Body::Nothing } else { Body::File(file) };
    Answer { head: head.into_bytes(), body, then: Then::KeepAlive }
}

fn is_tag(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
}

fn upgrade(headers: &Headers<'_>, site: &WebSite) -> Answer {
    if !headers.has_word("upgrade", "websocket") || !headers.has_word("connection", "upgrade") {
        let headers = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
        return refusal("426 Upgrade Required", headers, "This address is for WebSocket.");
    }
    if headers.get("sec-websocket-version") != Some("13") {
        return refusal("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n", "The version of WebSocket is not 13.");
    }
    let Some(key) = headers.get("sec-websocket-key").filter(|key| key.len() == KEY_CHARS) else {
        return refusal("400 Bad Request", "", "There is no correct Sec-WebSocket-Key.");
    };
    if !site.allows(headers.get("origin"), headers.get("host").unwrap_or_default()) {
        let text = "Pages of this origin may not connect here.";
        return refusal("403 Forbidden", "", text);
    }
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Answer {
        head: head.into_bytes(),
        body: Body::Nothing,
        then: Then::WebSocket { forwarded_for: headers.forwarded_for() },
    }
}

/// An answer that is an error, after which the connection ends.
fn refusal(status: &str, headers: &str, text: &str) -> Answer {
    let text = format!("{text}\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{headers}{SECURITY_HEADERS}\r\n",
        text.len()
    );
    Answer { head: head.into_bytes(), body: Body::Text(text), then: Then::Close }
}

/// The headers of a request.
struct Headers<'a>(&'a [Header<'a>]);

impl Headers<'_> {
    /// The value of the only header of that name. It is empty if there are more, or if it is no text: what it says might be one thing to a
    /// proxy and another one here, but it is there.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values =
            self.0.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
        let value = values.next()?;
        let is_only = values.next().is_none();
        Some(std::str::from_utf8(value).ok().filter(|_| is_only).unwrap_or_default().trim())
    }

    /// The address that the last proxy got the request from.
    fn forwarded_for(&self) -> Option<IpAddr> {
        let last = self.0.iter().rfind(|header| header.name.eq_ignore_ascii_case("x-forwarded-for"))?;
        let client = std::str::from_utf8(last.value).ok()?.rsplit(',').next()?.trim();
        // Some proxies add the port, and brackets.
        let with_port = || client.parse().ok().map(|address: SocketAddr| address.ip());
        client.trim_matches(['[', ']']).parse().ok().or_else(with_port)
    }

    /// Whether a word is among those of a list.
    fn has_word(&self, name: &str, word: &str) -> bool {
        let all = self.0.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let mut words = all.flat_map(|header| header.value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        words.any(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// How long a Sec-WebSocket-Key is: 16 bytes in Base64.
const KEY_CHARS: usize = 24;

/// Where the WebSocket is.
const SOCKET_PATH: &str = "/ws";

/// With every answer: what a page may do is what is in the files of this site, and no other site may show it within its own.
const SECURITY_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(received: &[u8]) -> Option<(usize, String, Then)> {
        let (length, answer) = answer(received, &WebSite::without_page())?;
        Some((length, String::from_utf8(answer.head).unwrap(), answer.then))
    }

    proptest! {
        /// Any bytes have an answer or need more, and what follows a request changes nothing.
        #[test]
        fn any_bytes_are_answered(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just("GET / HTTP/1.1\r\n"), Just("GET /ws HTTP/1.1\r\n"), Just("HEAD /x HTTP/1.0\r\n"), Just("POST * HTTP/1.1\r\n"),
                    Just("Host: x\r\n"), Just("Upgrade: websocket\r\n"), Just("Connection: upgrade, close\r\n"), Just("Origin: http://x\r\n"),
                    Just("Sec-WebSocket-Version: 13\r\n"), Just("Sec-WebSocket-Key: x\r\n"), Just("X-Forwarded-For: ::1, x\r\n"),
                    Just("Content-Length: 3\r\n"), Just("If-None-Match: *, W/\"\r\n"), Just(":"), Just("\r\n"), Just("\0é\n"),
                ],
                0..12,
            ),
            noise in prop::collection::vec(any::<u8>(), 0..9000),
        ) {
            let request = pieces.concat().into_bytes();
            for received in [&request[..], &noise[..], &[&request[..], &noise[..]].concat()[..]] {
                let Some((length, head, then)) = shown(received) else {
                    prop_assert!(received.len() < HTTP_HEAD_BYTES);
                    continue;
                };
                prop_assert!(length <= received.len());
                prop_assert!(head.starts_with("HTTP/1.1 ") && head.contains("\r\n\r\n"), "{}", head);
                if then != Then::Close {
                    prop_assert_eq!(shown(&received[..length]), Some((length, head, then)));
                    prop_assert_eq!(shown(&received[..length - 1]), None);
                }
            }
        }
    }
}
