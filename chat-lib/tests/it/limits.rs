//! What a server lets one peer take: connections, requests and time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use chat_lib::limits::{Limits, REQUEST_BYTES_SHORT, REQUESTS_BYTES};
use chat_lib::{Client, Error};
use socket2::{Domain, Socket, Type};

use crate::support::{Running, demo_chat};

const SOON: Duration = Duration::from_millis(50);

/// A server whose limits apply to the tests, too, which all come from loopback.
fn start(limits: Limits) -> Running {
    Running::new(demo_chat(Limits { limit_loopback: true, ..limits }).0)
}

fn connect(server: &Running) -> TcpStream {
    connect_from("127.0.0.1", server)
}

fn connect_from(host: &str, server: &Running) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(host.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends a line, and reads the answer of protocol 1.
fn ask(stream: &mut TcpStream, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    read_answer(stream)
}

fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// A connection that is served for sure.
fn served(server: &Running) -> TcpStream {
    let mut stream = connect(server);
    assert!(ask(&mut stream, "halo").contains("Command tidak benar"));
    stream
}

/// All that comes until the server closes.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(problem) => assert_eq!(problem.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(rest).unwrap()
}

fn token_in(answer: &str) -> String {
    let (_, rest) = answer.split_once("\"tokenid\": \"").unwrap_or_else(|| panic!("{answer}"));
    rest.split('"').next().unwrap().to_owned()
}

const TOO_MANY: &str = "\"code\": \"too_many_connections\"}\r\n\r\n";

#[test]
fn a_connection_too_many_is_told_so_in_its_protocol() {
    let server = start(Limits { connections: 2, ..Limits::default() });
    let (first, mut second) = (served(&server), served(&server));

    let mut line = connect(&server);
    line.write_all(b"auth messi surabaya\r\nhalo\r\n").unwrap();
    let refused = read_to_end(&mut line);
    assert!(refused.ends_with(TOO_MANY) && refused.matches("\r\n\r\n").count() == 1, "{refused}");
    let mut call = connect(&server);
    call.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"server\"}\n").unwrap();
    let refused = read_to_end(&mut call);
    assert!(refused.starts_with("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":59,"), "{refused}");
    let refused = Client::connect(server.address).unwrap().login("messi", "surabaya").unwrap_err();
    assert!(matches!(refused, Error::TooManyConnections), "{refused}");
    // One that says nothing is told after a while.
    let refused = read_to_end(&mut connect(&server));
    assert!(refused.starts_with("{\"status\": \"ERROR\"") && refused.ends_with(TOO_MANY), "{refused}");

    assert!(ask(&mut second, "halo").contains("Command tidak benar"), "those that are there are served");
    assert!(server.chat.metrics().contains("\nchat_connections_refused_total 4\n"));
    drop(first);
    // The server has to see its end first.
    while ask(&mut connect(&server), "halo").contains("too_many_connections") {}
}

#[test]
fn connections_from_one_address() {
    let server = start(Limits { connections_per_address: 1, ..Limits::default() });
    let _first = served(&server);
    assert!(ask(&mut connect(&server), "halo").ends_with(TOO_MANY));
    for host in ["127.0.0.31", "127.0.0.32"] {
        assert!(ask(&mut connect_from(host, &server), "halo").contains("Command tidak benar"), "{host}");
    }
}

#[test]
fn connections_of_one_user() {
    let server = start(Limits { connections_per_user: 1, ..Limits::default() });
    let mut first = connect(&server);
    let token = token_in(&ask(&mut first, "auth messi surabaya"));
    assert!(ask(&mut first, "auth messi surabaya").contains("OK"), "it is the same connection");
    let mut second = connect(&server);
    assert!(ask(&mut second, "auth messi surabaya").ends_with(TOO_MANY));
    assert!(ask(&mut second, &format!("inbox {token}")).ends_with(TOO_MANY));
    let resume = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"resume","params":{{"token":"{token}"}}}}"#);
    second.write_all(format!("{resume}\r\n").as_bytes()).unwrap();
    assert!(ask(&mut second, "auth henderson surabaya").contains("\"error\":{\"code\":59,"));
    // Whoever uses another user's session counts for that one.
    let lineker = token_in(&ask(&mut second, "auth lineker surabaya"));
    assert!(ask(&mut first, &format!("inbox {lineker}")).ends_with(TOO_MANY));
    assert!(ask(&mut second, &format!("inbox {token}")).contains("OK"), "messi has none any more");
    drop(second);
    let mut third = connect(&server);
    while ask(&mut third, &format!("inbox {token}")).contains("too_many_connections") {}
}

#[test]
fn limits_of_one_peer_leave_loopback_alone() {
    let limits = Limits { connections_per_address: 1, connections_per_user: 1, requests_burst: 1, ..Limits::default() };
    let server = Running::new(demo_chat(limits).0);
    for _ in 0..3 {
        let mut stream = served(&server);
        assert!(ask(&mut stream, "auth messi surabaya").contains("OK"));
        std::mem::forget(stream);
    }
}

#[test]
fn too_many_requests_are_refused_until_it_has_waited() {
    let limits = Limits { requests_burst: 5, requests_per_second: 2, limit_loopback: true, ..Limits::default() };
    let (chat, clock) = demo_chat(limits);
    clock.advance(Duration::from_secs(1));
    let server = Running::new(chat);
    let mut stream = connect(&server);
    for _ in 0..5 {
        assert!(ask(&mut stream, "halo").contains("Command tidak benar"));
    }
    let refused = ask(&mut stream, "auth messi surabaya");
    assert!(refused.contains("in 1 s") && refused.contains("\"code\": \"rate_limited\""), "{refused}");
    let long = format!("{}\r\n", "x".repeat(Limits::default().line_bytes));
    stream
        .write_all(format!("{{\"id\":1}}\r\n{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}\r\n{long}").as_bytes())
        .unwrap();
    let refused = read_answer(&mut stream);
    for (place, wait) in [(0, 1500), (1, 2000)] {
        let wanted = format!("\"data\":{{\"code\":\"rate_limited\",\"wait_ms\":{wait}}}");
        assert!(refused.lines().nth(place).unwrap().contains(&wanted), "{refused}");
    }
    clock.advance(Duration::from_secs(3));
    while !ask(&mut stream, "halo").contains("Command tidak benar") {
        clock.advance(Duration::from_millis(500));
    }

    // One that goes on is closed.
    let mut stream = connect(&server);
    stream.write_all(&b"halo\r\n".repeat(1000)).unwrap();
    let answers = read_to_end(&mut stream);
    assert_eq!((answers.matches("Command tidak benar").count(), answers.matches("rate_limited").count()), (5, 5));
}

#[test]
fn a_connection_that_does_not_log_in_is_closed() {
    let server = start(Limits { login_time: SOON, ..Limits::default() });
    let messi = server.chat.login("messi", "surabaya").unwrap();
    let mut known = connect(&server);
    known.write_all(format!("inbox {}\r\n", messi.token()).as_bytes()).unwrap();
    let mut logged_in = connect(&server);
    logged_in.write_all(b"auth henderson surabaya\r\n").unwrap();
    let mut stranger = connect(&server);
    stranger.write_all(b"auth henderson wrong\r\n").unwrap();
    assert!(read_to_end(&mut stranger).contains("Password Salah"));
    assert_eq!(read_to_end(&mut connect(&server)), "");
    // That took longer than `login_time`.
    for mut stream in [known, logged_in] {
        assert!(ask(&mut stream, "halo").contains("OK"));
        assert!(ask(&mut stream, "halo").contains("Command tidak benar"));
    }
}

#[test]
fn an_idle_connection_is_closed_unless_it_is_subscribed() {
    let server = start(Limits { idle_time: SOON, ..Limits::default() });
    let messi = server.chat.login("messi", "surabaya").unwrap();
    let resume = format!(r#"{{"jsonrpc":"2.0","method":"resume","params":{{"token":"{}"}}}}"#, messi.token());
    let mut subscribed = connect(&server);
    subscribed.write_all(format!("{resume}\n{{\"jsonrpc\":\"2.0\",\"method\":\"subscribe\"}}\n").as_bytes()).unwrap();
    let mut bound = connect(&server);
    bound.write_all(format!("{resume}\n").as_bytes()).unwrap();
    assert_eq!(read_to_end(&mut bound), "");
    assert_eq!(read_to_end(&mut connect(&server)), "");
    messi.send("henderson", "halo").unwrap();
    let mut event = [0; 45];
    subscribed.read_exact(&mut event).unwrap();
    assert!(event.starts_with(b"{\"jsonrpc\":\"2.0\",\"method\":\"message\""), "{}", event.escape_ascii());
}

/// Ten thousand peers that end no line could hold 640 MiB.
#[test]
fn unfinished_lines_of_all_peers_are_bounded() {
    let server = start(Limits { line_bytes: 2 * REQUESTS_BYTES, ..Limits::default() });
    let (mut hog, mut other) = (connect(&server), connect(&server));
    hog.write_all(&vec![b'x'; REQUESTS_BYTES + READ_BYTES]).unwrap();
    assert!(read_answer(&mut hog).contains("\"code\": \"busy\""), "it is not too long");
    let long = "x".repeat(10 * REQUEST_BYTES_SHORT);
    assert!(ask(&mut other, &long).contains("Command tidak benar"), "what it held is given back");
    assert!(ask(&mut hog, "\r\nhalo").contains("Command tidak benar"));
}

/// What the server reads at once.
const READ_BYTES: usize = 64 * 1024;
