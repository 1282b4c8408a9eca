//! Messages of WebSocket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use chat_lib::Server;
use chat_lib::limits::Limits;
use chat_lib::server::{Listener, WebSite};
use rustls::StreamOwned;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Error, Message};

use super::{PATIENCE, Running};
use crate::support::demo_chat;
use crate::tls::certificates::Authority;
use crate::tls::client_session;

fn connect(server: &Running) -> WebSocket<TcpStream> {
    let request = format!("ws://{}/ws", server.web).into_client_request().unwrap();
    tungstenite::client(request, server.connect()).unwrap().0
}

fn call(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

/// The answer to a request, after events.
fn ask(socket: &mut WebSocket<TcpStream>, request: &str) -> String {
    socket.send(Message::text(request)).unwrap();
    loop {
        let answer = read(socket);
        if !answer.starts_with(r#"{"jsonrpc":"2.0","method""#) {
            return answer;
        }
    }
}

fn read(socket: &mut WebSocket<TcpStream>) -> String {
    socket.read().unwrap().into_text().unwrap().as_str().to_owned()
}

fn login(server: &Running, user: &str) -> WebSocket<TcpStream> {
    let mut socket = connect(server);
    let answer = ask(&mut socket, &call("login", &format!(r#"{{"user":"{user}","password":"surabaya"}}"#)));
    assert!(answer.contains("\"token\""), "{answer}");
    socket
}

/// Why the server closes.
fn close_code(socket: &mut WebSocket<TcpStream>) -> CloseCode {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => {
                let code = frame.unwrap().code;
                // The server closes the connection, not the client.
                while socket.read().is_ok() {}
                return code;
            }
            Ok(_) => {}
            Err(problem) => panic!("{problem}"),
        }
    }
}

#[test]
fn two_browsers_talk() {
    let server = Running::new();
    let (mut messi, mut lineker) = (login(&server, "messi"), login(&server, "lineker"));
    assert!(ask(&mut lineker, &call("subscribe", "{}")).contains("\"next\""));
    let sent = ask(&mut messi, &call("send", r#"{"to":"lineker","text":"halo\nsemua"}"#));
    assert!(sent.contains("\"id\":"), "{sent}");
    let event = read(&mut lineker);
    assert!(event.contains(r#""text":"halo\nsemua""#), "{event}");
    lineker.close(None).unwrap();
    assert!(matches!(lineker.read(), Ok(Message::Close(None))));
    assert!(matches!(lineker.read(), Err(Error::ConnectionClosed)));
}

/// A line ends a request elsewhere. In a message it is white space, and no part of a string.
#[test]
fn a_message_may_have_lines() {
    let server = Running::new();
    let mut socket = connect(&server);
    let answer = ask(&mut socket, "\r\n{\"jsonrpc\":\"2.0\",\r\n \"id\":7,\n\"method\":\"ping\"}\n");
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    assert!(ask(&mut socket, "{\"jsonrpc\":\"2.0\",\"id\":\"a\nb\",\"method\":\"ping\"}").contains("-32700"));
}

#[test]
fn what_is_not_json_is_refused_and_nothing_is_lost() {
    let server = Running::with(Limits { line_bytes: 2000, ..Limits::default() });
    let mut socket = login(&server, "messi");
    for bad in ["auth messi surabaya", "x", "[]", "GET / HTTP/1.1", "Host: x"] {
        let answer = ask(&mut socket, bad);
        assert!(answer.starts_with(r#"{"jsonrpc":"2.0","id":null,"error""#), "{bad}: {answer}");
    }
    // An empty message is no request.
    socket.send(Message::text("")).unwrap();
    socket.send(Message::text(" \n")).unwrap();
    let long = call("send", &format!(r#"{{"to":"messi","text":"{}"}}"#, "x".repeat(1926)));
    assert_eq!(long.len(), 2000);
    assert!(
        ask(&mut socket, &long).contains("line_too_long"),
        "with the end of its line, it is longer than a line may be"
    );
    assert!(ask(&mut socket, &call("ping", "{}")).contains("result"));
}

#[test]
fn broken_rules_are_told() {
    let server = Running::new();
    let text = |is_final, opcode, bytes: &'static [u8]| {
        let header = FrameHeader { is_final, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
        Message::Frame(Frame::from_payload(header, bytes.into()))
    };
    let long = Message::text("x".repeat(Limits::default().line_bytes + 1));
    let cases: [(Vec<Message>, CloseCode); 8] = [
        (vec![Message::binary(&b"{}"[..])], CloseCode::Unsupported),
        (vec![text(true, Data::Text, b"\xff")], CloseCode::Invalid),
        (vec![text(false, Data::Text, b"\xce\xba\xed"), text(true, Data::Continue, b"\xa0\x80")], CloseCode::Invalid),
        (vec![long], CloseCode::Size),
        (vec![text(true, Data::Continue, b"{}")], CloseCode::Protocol),
        (vec![text(false, Data::Text, b"{"), text(true, Data::Text, b"}")], CloseCode::Protocol),
        (vec![text(true, Data::Reserved(3), b"{}")], CloseCode::Protocol),
        (
            vec![Message::Frame(Frame::from_payload(
                FrameHeader { rsv1: true, ..FrameHeader::default() },
                (&b"{}"[..]).into(),
            ))],
            CloseCode::Protocol,
        ),
    ];
    for (messages, code) in cases {
        let mut socket = connect(&server);
        let shown = format!("{messages:?}");
        messages.into_iter().for_each(|message| socket.send(message).unwrap());
        assert_eq!(close_code(&mut socket), code, "{shown:.200}");
    }
    let mut socket = connect(&server);
    socket.get_mut().write_all(b"\x81\x02{}").unwrap();
    assert_eq!(close_code(&mut socket), CloseCode::Protocol, "not masked");
}

#[test]
fn fragments_and_pings_between_them() {
    let server = Running::new();
    let mut socket = connect(&server);
    let request = call("ping", "{}");
    for (number, byte) in request.bytes().enumerate() {
        let opcode = if number == 0 { Data::Text } else { Data::Continue };
        let is_final = number == request.len() - 1;
        let header = FrameHeader { is_final, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
        socket.send(Message::Frame(Frame::from_payload(header, vec![byte].into()))).unwrap();
        if number % 9 == 0 {
            socket.send(Message::Ping(vec![byte; 125].into())).unwrap();
            assert_eq!(socket.read().unwrap(), Message::Pong(vec![byte; 125].into()));
        }
    }
    assert!(read(&mut socket).contains("\"result\""));
}

/// A peer that sent nothing but pings had a reactor for itself.
#[test]
fn pings_count_as_requests() {
    let limits = Limits { requests_per_second: 1, requests_burst: 20, limit_loopback: true, ..Limits::default() };
    let server = Running::with(limits);
    let mut socket = connect(&server);
    let mut frames = Vec::new();
    let mut writer = WebSocket::from_raw_socket(std::io::Cursor::new(&mut frames), Role::Client, None);
    (0..100_000).for_each(|_| writer.write(Message::Ping("x".into())).unwrap());
    writer.flush().unwrap();
    // The server closes in the middle.
    socket.get_mut().write_all(&frames).ok();
    assert_eq!(close_code(&mut socket), CloseCode::Policy);
}

/// An answer that is longer than what is held of frames, and a peer that takes it slowly.
#[test]
fn long_answers_arrive_whole() {
    let server = Running::new();
    let mut socket = login(&server, "messi");
    let text = "é".repeat(20_000);
    for _ in 0..10 {
        assert!(ask(&mut socket, &call("send", &format!(r#"{{"to":"lineker","text":"{text}"}}"#))).contains("\"id\""));
    }
    let history = call("history", r#"{"with":"lineker"}"#);
    // More than the sockets hold, with a ping after each.
    for _ in 0..40 {
        socket.write(Message::text(&history)).unwrap();
        socket.write(Message::Ping("are you there".into())).unwrap();
    }
    socket.flush().unwrap();
    let (mut answers, mut pongs) = (0, 0);
    while answers < 40 {
        match socket.read().unwrap() {
            Message::Text(page) => {
                assert!(page.contains(&text));
                answers += 1;
            }
            Message::Pong(_) => pongs += 1,
            other => panic!("{other:?}"),
        }
    }
    socket.send(Message::Ping("last".into())).unwrap();
    while socket.read().unwrap() != Message::Pong("last".into()) {
        pongs += 1;
    }
    assert!(pongs > 0, "the latest of them are answered");
}

#[test]
fn a_server_that_stops_says_so() {
    let server = Running::new();
    let (mut messi, mut nobody) = (login(&server, "messi"), connect(&server));
    assert!(ask(&mut messi, &call("subscribe", "{}")).contains("\"next\""));
    server.handle.stop();
    assert!(read(&mut messi).contains("server_stopping"));
    assert_eq!(close_code(&mut messi), CloseCode::Away);
    assert_eq!(close_code(&mut nobody), CloseCode::Away);
}

#[test]
fn who_takes_too_long_is_told() {
    let limits =
        Limits { line_time: Duration::from_millis(100), login_time: Duration::from_millis(200), ..Limits::default() };
    let server = Running::with(limits);
    let mut silent = connect(&server);
    assert_eq!(close_code(&mut silent), CloseCode::Policy);
    let mut slow = login(&server, "messi");
    // A message of 40 bytes, of which one comes.
    slow.get_mut().write_all(b"\x81\xa8abcdx").unwrap();
    assert_eq!(close_code(&mut slow), CloseCode::Policy);
    // The same behind a whole message, and in a message of which the peer says with pings that it is alive.
    let begun = [&b"\x81\x82\0\0\0\0{}\x81\xa8abcdx"[..], b"\x01\x81\0\0\0\0{\x89\x80\0\0\0\0"];
    for bytes in begun {
        let mut slow = login(&server, "messi");
        slow.get_mut().write_all(bytes).unwrap();
        assert_eq!(close_code(&mut slow), CloseCode::Policy, "{bytes:?}");
    }
    let mut gone = login(&server, "messi");
    gone.get_mut().shutdown(Shutdown::Write).unwrap();
    assert_eq!(
        gone.get_mut().read(&mut [0; 8]).map_err(|problem| problem.kind()).unwrap_or_else(|kind| {
            assert_eq!(kind, ErrorKind::ConnectionReset);
            0
        }),
        0
    );
}

/// A ping that came in two pieces counted as the beginning of a message, which never ended.
#[test]
fn whoever_has_ended_what_it_began_may_be_silent() {
    let time = Duration::from_millis(200);
    let server = Running::with(Limits { line_time: time, ..Limits::default() });
    let mut socket = login(&server, "messi");
    socket.get_mut().write_all(b"\x89\x85\0\0\0\0hal").unwrap();
    // The server has read it by then.
    assert!(ask(&mut login(&server, "lineker"), &call("ping", "{}")).contains("result"));
    socket.get_mut().write_all(b"lo").unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("hallo".into()));
    socket.get_mut().set_read_timeout(Some(3 * time)).unwrap();
    assert!(matches!(socket.read(), Err(Error::Io(problem)) if problem.kind() == ErrorKind::WouldBlock));
    assert!(ask(&mut socket, &call("ping", "{}")).contains("result"));
}

/// If there was no room for the last pong, it waited until the peer sent more.
#[test]
fn the_last_ping_is_answered() {
    let server = Running::new();
    for count in [1, 64, 65, 100, 1000] {
        let mut socket = connect(&server);
        let ping = |number: usize| Message::Ping(format!("{number:0125}").into());
        (0..=count).for_each(|number| socket.write(ping(number)).unwrap());
        socket.flush().unwrap();
        let last = Message::Pong(format!("{count:0125}").into());
        while socket.read().unwrap() != last {}
    }
}

#[test]
fn lines_and_messages_are_of_one_chat() {
    let server = Running::new();
    let mut messi = login(&server, "messi");
    let client = chat_lib::Client::connect(server.lines).unwrap();
    client.login("lineker", "surabaya").unwrap().send("messi", "from a line").unwrap();
    assert!(ask(&mut messi, &call("history", r#"{"with":"lineker"}"#)).contains("from a line"));
}

/// nginx cannot send a header of the PROXY protocol to a server of HTTP.
#[test]
fn proxies_say_whom_a_connection_is_from() {
    let cases: [(&[&str], &str, &[&str], &str); 7] = [
        (&["127.0.0.1"], "", &["198.51.100.1", "198.51.100.2, 203.0.113.9"], "203.0.113.9:0"),
        (&["127.0.0.1"], "", &["2001:db8::7"], "[2001:db8::7]:0"),
        (&["127.0.0.1"], "", &["203.0.113.9:4711"], "203.0.113.9:0"),
        (&["127.0.0.1"], "", &["[2001:db8::7]:4711"], "[2001:db8::7]:0"),
        (&["127.0.0.1"], "", &["unknown"], "127.0.0.1"),
        (&["127.0.0.1"], "PROXY TCP4 203.0.113.5 192.0.2.1 7 8\r\n", &["203.0.113.9"], "203.0.113.5:7"),
        (&[], "", &["203.0.113.9"], "127.0.0.1"),
    ];
    for (proxies, header, forwarded, from) in cases {
        let server = Running::behind(Limits::default(), proxies);
        let mut stream = server.connect();
        stream.write_all(header.as_bytes()).unwrap();
        let mut request = format!("ws://{}/ws", server.web).into_client_request().unwrap();
        for value in forwarded {
            request.headers_mut().append("X-Forwarded-For", value.parse().unwrap());
        }
        let mut socket = tungstenite::client(request, stream).unwrap().0;
        assert!(ask(&mut socket, &call("login", r#"{"user":"messi","password":"surabaya"}"#)).contains("token"));
        let seen = server.chat.sessions().unwrap()[0].from.unwrap().to_string();
        assert!(seen.starts_with(from), "{seen} with {header:?} and {forwarded:?} behind {proxies:?}");
    }
}

/// The rest of a message was in the next record of TLS, and nobody looked for it until the peer sent more.
#[test]
fn a_message_may_be_in_many_records() {
    let authority = Authority::new();
    let chat = demo_chat(Limits::default()).0;
    let listener = Listener::web_tls(([127, 0, 0, 1], 0).into(), WebSite::without_page(), authority.identity());
    let server = Server::builder(chat).listen(listener).bind().unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = thread::spawn(move || server.run());
    let mut session = client_session(&authority);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut stream).unwrap();
    }
    let mut wire = StreamOwned::new(session, stream);
    let request = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    wire.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        wire.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(String::from_utf8(head).unwrap().contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let ping = call("ping", "{}");
    let mut records = Vec::new();
    for byte in [&[0x81, 0x80 | ping.len() as u8, 0, 0, 0, 0], ping.as_bytes()].concat() {
        wire.conn.writer().write_all(&[byte]).unwrap();
        wire.conn.write_tls(&mut records).unwrap();
    }
    wire.sock.write_all(&records).unwrap();
    let mut answer = vec![0; 2 + r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.len()];
    wire.read_exact(&mut answer).unwrap();
    assert!(answer.ends_with(br#""result":{}}"#));
    handle.stop();
    running.join().unwrap().unwrap();
}
