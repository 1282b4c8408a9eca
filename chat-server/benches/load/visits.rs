//! What the clients of the soak do between connecting and going.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};

use chat_lib::client::{Client, ClientOptions};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;

use crate::server::{PATIENCE, Server};

/// Each is repeated by a client of its own, with another number each time.
pub(crate) const VISITS: [fn(&Server, u64); 6] = [lines, rpc, subscriber, tls, browser, cut_off];

fn lines(server: &Server, number: u64) {
    let mut wire = Wire::connect(server);
    let answer = wire.ask("auth messi surabaya");
    let token = answer.split_once("\"tokenid\": \"").unwrap().1.trim_end_matches("\"}").to_owned();
    wire.ask(&format!("send {token} henderson number {number}"));
    wire.ask(&format!("sendgroup {token} lineker,henderson to both"));
    assert!(wire.ask(&format!("inbox {token}")).contains("messages"));
    wire.ask(&format!("activeuser {token}"));
    assert!(wire.ask("nonsense").contains("ERROR"));
    assert!(wire.ask(&format!("logout {token}")).contains("Logged Out!"));
}

fn rpc(server: &Server, number: u64) {
    let mut wire = Wire::login(server, "henderson");
    wire.result("send", &format!(r#"{{"to":"messi","text":"number {number}","key":"{number}"}}"#));
    for method in ["conversations", "sessions", "users", "blocks", "room.list"] {
        wire.result(method, "{}");
    }
    wire.result("history", r#"{"with":"messi","limit":20}"#);
    wire.result("read", r#"{"with":"messi","upto":9007199254740991}"#);
    let room = format!(r##"{{"room":"#room{number}"}}"##);
    wire.result("room.create", &room);
    wire.result("send", &format!(r##"{{"to":"#room{number}","text":"hello"}}"##));
    wire.result("room.delete", &room);
    wire.result("logout", "{}");
}

fn subscriber(server: &Server, _: u64) {
    let mut wire = Wire::login(server, "lineker");
    wire.result("subscribe", "{}");
    wire.result("send", r#"{"to":"lineker","text":"a note"}"#);
    wire.result("read", r#"{"with":"lineker","upto":9007199254740991}"#);
    wire.result("read", r#"{"with":"messi","upto":9007199254740991}"#);
    wire.result("unsubscribe", "{}");
    wire.result("logout", "{}");
}

fn tls(server: &Server, number: u64) {
    let options = ClientOptions::new().ca_file(server.authority()).unwrap();
    let client = Client::connect_with(format!("chats://{}", server.tls).as_str(), &options).unwrap();
    let session = client.login("messi", "surabaya").unwrap();
    session.send("lineker", &format!("number {number}")).unwrap();
    session.inbox().unwrap();
    session.logout().unwrap();
}

fn browser(server: &Server, number: u64) {
    let request = format!("ws://{}/ws", server.web).into_client_request().unwrap();
    let stream = TcpStream::connect(server.web).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut socket = tungstenite::client(request, stream).unwrap().0;
    let text = format!(r#"{{"to":"lineker","text":"number {number}"}}"#);
    let calls = [
        ("login", r#"{"user":"henderson","password":"surabaya"}"#),
        ("subscribe", "{}"),
        ("send", &*text),
        ("logout", "{}"),
    ];
    for (method, params) in calls {
        let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        socket.send(Message::text(request)).unwrap();
        // Events come between answers.
        while !socket.read().unwrap().to_text().unwrap().contains("\"result\"") {}
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
}

/// Goes in the middle of a line, without reading what was answered.
fn cut_off(server: &Server, _: u64) {
    let mut wire = Wire::connect(server);
    wire.stream.write_all(b"activeuser nobody\nactiveuser nobody\nauth mes").unwrap();
    wire.stream.shutdown(Shutdown::Both).unwrap();
}

struct Wire {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Wire {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.clear).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { lines: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    fn login(server: &Server, user: &str) -> Self {
        let mut wire = Self::connect(server);
        wire.result("login", &format!(r#"{{"user":"{user}","password":"surabaya"}}"#));
        wire
    }

    fn result(&mut self, method: &str, params: &str) {
        let answer = self.ask(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#));
        assert!(answer.contains("\"result\""), "{method}: {answer}");
    }

    /// The next line that is neither empty, as between answers of protocol 1, nor an event.
    fn ask(&mut self, line: &str) -> String {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        loop {
            let mut answer = String::new();
            assert!(self.lines.read_line(&mut answer).unwrap() > 0, "the server has closed after {line}");
            let answer = answer.trim_end();
            if !answer.is_empty() && !answer.starts_with(r#"{"jsonrpc":"2.0","method""#) {
                return answer.to_owned();
            }
        }
    }
}
