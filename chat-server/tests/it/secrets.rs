//! Nothing secret in the log, the metrics, the status or `ps`: passwords, tokens, texts and keys are sent down every path, well-formed or not, and looked
//! for afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{BINARY, PATIENCE, Process, ask, done, login};

/// What is in every secret of these tests.
const CANARY: &str = "sekret";

/// A protocol 2 connection.
struct Rpc(BufReader<TcpStream>);

impl Rpc {
    fn send(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        answer
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        serde_json::from_str(&self.send(&request.to_string())).unwrap()
    }
}

/// Sends secrets in all ways that a peer has. Returns the tokens that it was given.
fn send_secrets(server: &Process) -> Vec<String> {
    let mut line = server.connect();
    let token = login(&mut line, "messi");
    for request in [
        "auth messi sekret-1",
        "auth sekret-2 sekret-3",
        &format!("send {token} henderson sekret-4"),
        &format!("send {token} sekret-5 sekret-6"),
        &format!("sendgroup {token} sekret-7,messi sekret-8"),
        &format!("inbox {token}"),
        "inbox sekret-9",
        "sekret-10",
        &format!("auth {}", "sekret".repeat(20_000)),
    ] {
        ask(&mut line, request);
    }
    let mut rpc = Rpc(BufReader::new(server.connect()));
    for request in [
        "{sekret-11",
        r#"{"jsonrpc":"2.0","id":1,"method":"sekret-12"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":7,"password":["sekret-13"]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"login","params":"sekret-14"}"#,
    ] {
        rpc.send(request);
    }
    rpc.call("login", &json!({"user": "messi", "password": "sekret-15"}));
    rpc.call("login", &json!({"user": "sekret-16", "password": "x"}));
    let long = rpc.call("register", &json!({"user": "ana", "password": "sekret-17".repeat(1000), "name": "Ana"}));
    assert_eq!(long["error"]["data"]["code"], "invalid_password", "{long}");
    let registered = rpc.call("register", &json!({"user": "ana", "password": "sekret-18", "name": "Ana"}));
    let mut tokens = vec![token, registered["result"]["token"].as_str().unwrap().to_owned()];
    rpc.call("resume", &json!({"token": "sekret-19"}));
    rpc.call("resume", &json!({"token": tokens[1]}));
    let sent = rpc.call("send", &json!({"to": "messi", "text": "sekret-20", "key": "sekret-21"}));
    rpc.call("send", &json!({"to": "henderson", "text": "sekret-22", "key": "sekret-21"}));
    rpc.call("send", &json!({"to": "sekret-23", "text": "sekret-24"}));
    rpc.call("history", &json!({"with": "messi"}));
    rpc.call("delete", &json!({"id": sent["result"]["id"]}));
    rpc.call("password", &json!({"old": "sekret-25", "new": "sekret-26"}));
    rpc.call("password", &json!({"old": "sekret-18", "new": "sekret-27"}));
    rpc.call("session.end", &json!({"session": "sekret-28"}));
    let again = rpc.call("login", &json!({"user": "ana", "password": "sekret-27"}));
    tokens.push(again["result"]["token"].as_str().unwrap().to_owned());

    let mut browser = server.connect();
    browser.write_all(b"GET /?sekret-29 HTTP/1.1\r\nCookie: sekret-30\r\n\r\n").unwrap();
    browser.read_to_end(&mut Vec::new()).unwrap();
    let mut half = server.connect();
    half.write_all(b"auth messi sekret-31").unwrap();
    tokens
}

/// Sends secrets in all ways that an operator has.
fn operate_with_secrets(directory: &Path) {
    let add = ["user", "add", "bob", "--full-name", "Bob", "--password-stdin"];
    done(&add, directory, b"sekret-40\n");
    done(&["user", "passwd", "bob", "--password-stdin"], directory, b"sekret-41\n");
    for request in ["{\"passwd\":{\"name\":\"bob\",\"password\":\"sekret-42\",\"x\":", "sekret-43"] {
        let mut control = UnixStream::connect(directory.join("control")).unwrap();
        control.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        control.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("does not know this request") && !answer.contains(CANARY), "{answer}");
    }
    assert!(done(&["dump"], directory, b"").contains(CANARY), "texts are in a dump");
}

/// What is told to whoever watches the server.
fn watched(server: &mut Process, directory: &Path) -> String {
    let place = |line: &str| Some(line.split_once("metrics are at http://")?.1.split_once('/')?.0.to_owned());
    let address = server.said.iter().find_map(|line| place(line));
    let address = address.unwrap_or_else(|| {
        let rest = server.wait_for("metrics are at http://");
        rest.split_once('/').unwrap().0.to_owned()
    });
    let mut scrape = TcpStream::connect(address).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    scrape.read_to_string(&mut metrics).unwrap();
    assert!(metrics.contains("chat_requests_total"), "{metrics}");
    metrics + &done(&["status"], directory, b"")
}

#[test]
fn nothing_secret_is_told_to_those_who_watch() {
    for format in ["text", "json"] {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Process::start_on_data(
            directory.path(),
            &[
                &["--log", "trace", "--log-format", format, "--registration", "open", "--password-cost", "8,1,1"][..],
                &["--metrics", "127.0.0.1:0"],
            ]
            .concat(),
        );
        let tokens = send_secrets(&server);
        operate_with_secrets(directory.path());
        let watched = watched(&mut server, directory.path());
        let cmdline = fs::read_to_string(format!("/proc/{}/cmdline", server.id())).unwrap();
        server.wait_for("it sent an HTTP request");
        server.signal(Signal::TERM);
        let (_, said) = server.wait();
        let all = said.join("\n");
        assert!(all.contains("registration") && all.contains("invalid_password") && all.contains("passwd"), "{all}");
        for secret in tokens.iter().map(String::as_str).chain([CANARY, "surabaya"]) {
            assert!(!all.contains(secret) && !cmdline.contains(secret), "{secret} in {all}");
            assert!(!watched.contains(secret), "{secret} in {watched}");
        }
    }
}

/// Others can read the command lines of all processes.
#[test]
fn passwords_are_not_taken_from_the_command_line() {
    for words in [&["user", "add", "ana", "--full-name", "Ana"][..], &["user", "passwd", "ana"]] {
        for extra in [&["sekret"][..], &["--password", "sekret"], &["--password-stdin=sekret"]] {
            let output = Command::new(BINARY).args(words).args(extra).stdin(Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{words:?} {extra:?}: {output:?}");
        }
    }
}

#[test]
fn a_request_can_be_followed_by_its_connection() {
    let mut server = Process::start(&["--log", "debug", "--log-format", "json"]);
    let (mut one, mut other) = (server.connect(), server.connect());
    one.set_read_timeout(Some(PATIENCE)).unwrap();
    let token = login(&mut one, "messi");
    login(&mut other, "henderson");
    ask(&mut one, &format!("send {token} henderson halo"));
    ask(&mut one, &format!("send {token} nobody halo"));
    ask(&mut other, "halo");
    drop(one);
    server.wait_for("disconnection");
    drop(other);
    server.wait_for("disconnection");
    server.signal(Signal::TERM);
    let (_, said) = server.wait();
    let mut connections: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for line in &said {
        let event: BTreeMap<String, Value> = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        assert!(text("time").ends_with('Z') && !text("level").is_empty() && !text("message").is_empty(), "{line}");
        if let Some(number) = event.get("conn") {
            assert!(text("peer").starts_with("127.0.0.1:"), "{line}");
            let told = [text("message"), text("user"), text("code")].join(" ");
            connections.entry(number.as_u64().unwrap()).or_default().push(told.trim_end().to_owned());
        }
    }
    let wanted = [
        (1, &["connection", "login messi", "send messi", "refusal messi no_such_recipient", "disconnection"][..]),
        (2, &["connection", "login henderson", "refusal  bad_command", "disconnection"]),
    ];
    let wanted = wanted.map(|(number, lines)| (number, lines.iter().copied().map(str::to_owned).collect()));
    assert_eq!(connections, BTreeMap::from(wanted), "{said:#?}");
}
