//! What an operator does with people and rooms, on a running server and on stopped data.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Process, ask, done, login, task};

/// A connection of protocol 2.
struct Rpc(BufReader<TcpStream>);

impl Rpc {
    fn login(server: &Process, user: &str) -> Self {
        let mut rpc = Self(BufReader::new(server.connect()));
        rpc.call("login", &json!({"user": user, "password": "surabaya"}));
        rpc
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.0.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
        let answer = self.next();
        assert!(answer["result"].is_object(), "{answer}");
        answer
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The parameters of the next event of a kind.
    fn event(&mut self, kind: &str) -> Value {
        loop {
            let line = self.next();
            if line["method"] == kind {
                return line["params"].clone();
            }
        }
    }
}

fn fails(words: &[&str], directory: &Path) -> String {
    let (success, _, stderr) = task(words, directory, b"");
    assert!(!success, "{words:?}");
    stderr
}

#[test]
fn people_are_kicked_exported_and_erased_on_a_running_server() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    let mut messi = Rpc::login(&server, "messi");
    messi.call("subscribe", &json!({}));
    messi.call("send", &json!({"to": "henderson", "text": "sekret"}));

    let sessions = done(&["user", "sessions", "messi"], directory.path(), b"");
    let fields: Vec<&str> = sessions.trim_end().split('\t').collect();
    assert!(fields.len() == 4 && fields[0].len() == 16 && fields[1].ends_with('Z'), "{sessions}");
    assert!(fields[3].starts_with("127.0.0.1:"), "{sessions}");

    done(&["user", "kick", "messi"], directory.path(), b"");
    assert_eq!(messi.event("closed"), json!({"reason": "session_ended"}));
    assert_eq!(done(&["user", "sessions", "messi"], directory.path(), b""), "");
    login(&mut server.connect(), "messi");

    let export = done(&["user", "export", "messi"], directory.path(), b"");
    assert!(export.starts_with("{\"chat_user\":") && export.contains("\"text\":\"sekret\""), "{export}");
    assert!(export.lines().last().unwrap().starts_with("{\"end\":"), "{export}");

    assert_eq!(done(&["user", "erase", "messi"], directory.path(), b""), "deleted messages: 1\n");
    let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        assert!(!fs::read(&file).unwrap().windows(6).any(|part| part == b"sekret"), "{}", file.display());
    }
    assert!(ask(&mut server.connect(), "auth messi surabaya").contains("User Tidak Ada"));
    for task in ["kick", "sessions", "export", "erase"] {
        assert!(fails(&["user", task, "messi"], directory.path()).contains("there is no such user"), "{task}");
    }
}

#[test]
fn rooms_are_shown_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    let mut messi = Rpc::login(&server, "messi");
    messi.call("room.create", &json!({"room": "#bench", "title": "The bench", "open": false}));
    messi.call("room.create", &json!({"room": "#other"}));
    messi.call("room.invite", &json!({"room": "#bench", "user": "lineker"}));
    messi.call("subscribe", &json!({}));
    let list = "#bench\tThe bench\tinvite-only\t1\n#other\t\topen\t1\n";
    let people = "lineker\tGary Lineker\tinvited\nmessi\tLionel Messi\towner\n";
    assert_eq!(done(&["room", "list"], directory.path(), b""), list);
    assert_eq!(done(&["room", "show", "bench"], directory.path(), b""), people);
    done(&["room", "delete", "#other"], directory.path(), b"");
    assert_eq!(messi.event("room")["change"], "deleted");
    assert!(fails(&["room", "delete", "other"], directory.path()).contains("there is no such room"));

    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    assert_eq!(done(&["room", "list"], directory.path(), b""), list.lines().next().unwrap().to_owned() + "\n");
    assert_eq!(done(&["room", "show", "#bench"], directory.path(), b""), people);
    done(&["room", "delete", "bench"], directory.path(), b"");
    assert_eq!(done(&["room", "list"], directory.path(), b""), "");
    assert!(done(&["user", "export", "messi"], directory.path(), b"").contains("\"session\":"));
    assert_eq!(done(&["user", "erase", "messi"], directory.path(), b""), "deleted messages: 0\n");
}

#[test]
fn a_room_is_given_limits() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    let mut messi = Rpc::login(&server, "messi");
    messi.call("room.create", &json!({"room": "#bench"}));
    let set = |words: &[&str]| done(&[&["room", "set", "bench"], words].concat(), directory.path(), b"");
    let show = || done(&["room", "show", "bench"], directory.path(), b"");
    let messi = "messi\tLionel Messi\towner\n";
    assert_eq!(show(), messi);
    assert_eq!(set(&["--keep-for", "90days", "--keep-messages", "1000"]), "");
    assert_eq!(show(), format!("#bench\tkeep_for=90days\tkeep_messages=1000\n{messi}"));
    set(&["--keep-bytes", "64MiB", "--keep-messages", "unlimited"]);
    let all = format!("#bench\tkeep_for=90days\tkeep_messages=unlimited\tkeep_bytes=64MiB\n{messi}");
    assert_eq!(show(), all);
    let problem = fails(&["room", "set", "bench", "--keep-for", "long"], directory.path());
    assert!(problem.contains("expected a duration") && problem.contains("forever, none or default"), "{problem}");
    assert!(fails(&["room", "set", "bench"], directory.path()).contains("--keep-for"));
    assert!(fails(&["room", "set", "none", "--keep-bytes", "0"], directory.path()).contains("there is no such room"));
    assert!(fails(&["room", "show", "none"], directory.path()).contains("there is no such room"));

    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    assert_eq!(show(), all);
    set(&["--keep-for", "forever", "--keep-messages", "default"]);
    assert_eq!(show(), format!("#bench\tkeep_for=forever\tkeep_bytes=64MiB\n{messi}"));
    set(&["--keep-for", "default", "--keep-bytes", "default"]);
    assert_eq!(show(), messi);
}

#[test]
fn an_announcement_needs_a_server_and_reaches_its_subscribers() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &["--log", "debug"]);
    let mut messi = Rpc::login(&server, "messi");
    let announce = ["announce", "Down at noon, sekret"];
    assert_eq!(done(&announce, directory.path(), b""), "sent to 0 connections\n");
    messi.call("subscribe", &json!({}));
    assert_eq!(done(&announce, directory.path(), b""), "sent to 1 connection\n");
    let told = messi.event("announcement");
    assert!(told["text"] == announce[1] && told["time"].is_u64(), "{told}");
    assert!(fails(&["announce", &"x".repeat(5000)], directory.path()).contains("longer than 4096 bytes"));
    assert!(fails(&["announce", ""], directory.path()).contains("an announcement needs a text"));
    server.signal(Signal::TERM);
    let (_, said) = server.wait();
    assert!(!said.join("\n").contains("sekret"), "{said:#?}");
    assert!(fails(&announce, directory.path()).contains("no server runs on"));
}
