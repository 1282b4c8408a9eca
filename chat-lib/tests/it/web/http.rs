//! Requests of HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use chat_lib::limits::Limits;

use super::{LARGE, PAGE, Running, exchange};

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

/// The status line, the headers and the body of the next answer.
fn read_answer(stream: &mut impl BufRead) -> (String, Vec<String>, Vec<u8>) {
    let mut lines = stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let status = lines.next().unwrap();
    let headers: Vec<String> = lines.collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (status, headers, body)
}

#[test]
fn a_page_is_served_and_kept_by_the_browser() {
    let server = Running::new();
    let mut stream = server.connect();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    // Two at once, in pieces.
    let requests = [get("/", ""), get("/large.png?version=1", "")].concat();
    for piece in requests.as_bytes().chunks(7) {
        stream.write_all(piece).unwrap();
    }
    let (status, headers, body) = read_answer(&mut answers);
    assert_eq!((&*status, &*body), ("HTTP/1.1 200 OK", PAGE.as_bytes()));
    assert!(headers.contains(&"Content-Type: text/html; charset=utf-8".to_owned()), "{headers:?}");
    let policy = headers.iter().find(|header| header.starts_with("Content-Security-Policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(read_answer(&mut answers).2, vec![b'x'; LARGE]);
    let etag = headers.iter().find_map(|header| header.strip_prefix("ETag: ")).unwrap();
    stream.write_all(get("/index.html", &format!("If-None-Match: \"other\", W/{etag}\r\n")).as_bytes()).unwrap();
    let (status, headers, _) = read_answer(&mut answers);
    assert_eq!(status, "HTTP/1.1 304 Not Modified");
    assert!(headers.contains(&format!("ETag: {etag}")));
    stream.write_all(get("/missing", "").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut answers).0, "HTTP/1.1 404 Not Found");
    stream.write_all(get("/", "Connection: close\r\n").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut answers).2, PAGE.as_bytes());
    assert_eq!(answers.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_no_request_for_a_page_is_refused() {
    let server = Running::new();
    let upgrade = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let cases = [
        ("\r\n\r\n\r\nnonsense\r\n\r\n".to_owned(), "400"),
        ("auth messi surabaya\r\n".to_owned(), "400"),
        ("{\"jsonrpc\":\"2.0\"}\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(), "405"),
        (get("/", &format!("Cookie: {}\r\n", "x".repeat(9000))), "431"),
        (get("/", &"X: y\r\n".repeat(200)), "431"),
        ("x".repeat(20_000), "431"),
        (get("/ws", ""), "426"),
        (get("/ws", &format!("{upgrade}{key}")), "426"),
        (get("/ws", &format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n")), "426"),
        (get("/ws", &format!("{upgrade}{version}")), "400"),
        (get("/ws", &format!("{upgrade}{version}Sec-WebSocket-Key: short\r\n")), "400"),
        (get("/ws", &format!("{upgrade}{key}{version}Content-Length: 2\r\n")), "400"),
        (get("/ws", &format!("{upgrade}{key}{version}Transfer-Encoding: chunked\r\n")), "400"),
        (get("/ws", &format!("{upgrade}{key}{version}")).replace("HTTP/1.1", "HTTP/1.0"), "400"),
        (
            get("/ws", &format!("{upgrade}{key}{version}Origin: http://localhost\r\nOrigin: http://localhost\r\n")),
            "403",
        ),
        (get("/ws", &format!("{upgrade}{key}{version}Origin: https://example.net\r\n")), "403"),
        (get("/ws", &format!("{upgrade}{key}{version}Origin: null\r\n")), "403"),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200"),
    ];
    for (request, status) in cases {
        let answer = exchange(&server, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
    }
    for path in ["/", "/missing", "/ws"] {
        let answer = exchange(&server, get(path, "Connection: close\r\n").replace("GET", "HEAD").as_bytes());
        assert!(answer.contains("\r\nContent-Length: ") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    // A header that is no text is there all the same.
    let mut request = get("/ws", &format!("{upgrade}{key}{version}Origin: http://localhost?\r\n")).into_bytes();
    request.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    assert!(exchange(&server, &request).starts_with("HTTP/1.1 403 "));
}

/// Two headers with the length of a body counted as none, so that the body was the next request.
#[test]
fn a_body_is_no_request() {
    let server = Running::new();
    let inner = get("/large.png", "");
    for header in ["Content-Length", "Transfer-Encoding"] {
        for times in 1..4 {
            let request = get("/", &format!("{header}: {}\r\n", inner.len()).repeat(times));
            let answers = exchange(&server, format!("{request}{inner}").as_bytes());
            assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{header} {times} times");
        }
    }
}

/// The time of the first request went on with the second.
#[test]
fn each_request_has_its_own_time() {
    let time = Duration::from_millis(300);
    let server = Running::with(Limits { line_time: time, ..Limits::default() });
    let mut stream = server.connect();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let begun = Instant::now();
    while begun.elapsed() < 3 * time {
        stream.write_all(get("/", "").as_bytes()).unwrap();
        assert_eq!(read_answer(&mut answers).2, PAGE.as_bytes());
    }
}

#[test]
fn a_request_that_does_not_end_is_not_waited_for() {
    let server = Running::with(Limits { line_time: Duration::from_millis(100), ..Limits::default() });
    assert_eq!(exchange(&server, b"GET / HTTP/1.1\r\nHost: "), "");
    assert_eq!(exchange(&server, b""), "");
}

#[test]
fn connections_of_browsers_count() {
    let server = Running::with(Limits { connections_per_address: 1, limit_loopback: true, ..Limits::default() });
    let first = server.connect();
    let answer = exchange(&server, get("/ws", "").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 426 ") || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let answer = exchange(&server, b"");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("too_many_connections"), "{answer}");
    drop(first);
}
