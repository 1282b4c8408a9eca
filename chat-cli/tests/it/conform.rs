//! `chat-cli conform` against our own server, and against servers and transcripts that are wrong.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use chat_lib::Config;
use chat_lib::model::Registration;
use chat_lib::store::{Durable, Options};
use serde_json::Value as Json;

use crate::common::relay::relay;
use crate::common::{BINARY, Running, text};

fn conform(args: &[&str]) -> Output {
    Command::new(BINARY).arg("conform").args(args).output().unwrap()
}

/// Plays all transcripts twice, on a server that was used before: the first time a user is still logged in, and the second
/// time there is what is left of the first.
fn play_twice(server: &Running) {
    let login = ["-c", "auth messi surabaya", &server.address.to_string()];
    assert!(Command::new(BINARY).args(login).output().unwrap().status.success());
    for _ in 0..2 {
        let output = conform(&[&server.address.to_string()]);
        let report = text(&output.stdout);
        let not_passed: Vec<_> = report.lines().filter(|line| !line.starts_with("passed")).collect();
        assert_eq!(output.status.code(), Some(0), "{not_passed:#?}");
        assert!(matches!(not_passed[..], [sum] if sum.ends_with(" passed, 0 failed, 0 skipped")), "{not_passed:#?}");
        assert!(
            report.contains("passed   protocol-1/01-login\n") && report.contains("passed   protocol-2/27-replay\n")
        );
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn our_server_in_memory() {
    play_twice(&Running::new());
}

#[test]
fn our_server_on_a_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Box::new(Durable::open(directory.path(), Options::default()).unwrap());
    play_twice(&Running::serve(Config { store, registration: Registration::Open, ..Config::default() }, "127.0.0.1:0"));
}

#[test]
fn what_a_server_cannot_show_is_skipped_and_said() {
    let server = Running::serve(Config::default(), "127.0.0.1:0");
    let address = server.address.to_string();
    let output = conform(&[&address, "--only", "protocol-2/50-register", "--only", "protocol-2/01"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "passed   protocol-2/01-server-and-ping\n\
         skipped  protocol-2/50-register: the server does not let everybody register\n\
         1 passed, 0 failed, 1 skipped\n"
    );
    let output = conform(&[&address, "--only", "protocol-2/50-register"]);
    assert_eq!(output.status.code(), Some(1), "nothing was shown");
}

#[test]
fn a_server_that_changes_an_answer_fails() {
    let server = Running::new();
    let broken = relay(server.address, |line| Some(line.replace("Message Sent", "message sent")));
    let output = conform(&[&broken.to_string(), "--only", "protocol-1/0"]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(
        report.contains(
            "failed   protocol-1/03-send-and-inbox\n           \
             The seed's own conversation, as its client puts it on the wire (two spaces before the text).\n           \
             line 5   a< {\"status\": \"OK\", \"message\": \"Message Sent\"}\\r\\n\\r\\n\n           \
             expected {\"status\": \"OK\", \"message\": \"Message Sent\"}\\r\\n\\r\\n (it differs from byte 30 on)\n           \
             came     {\"status\": \"OK\", \"message\": \"message sent\"}\\r\\n\\r\\n\n"
        ),
        "{report}"
    );
    assert!(report.contains("passed   protocol-1/01-login\n") && report.ends_with("6 passed, 3 failed, 0 skipped\n"));
}

#[test]
fn a_server_that_loses_an_event_fails() {
    let server = Running::new();
    let broken = relay(server.address, |line| (!line.contains(r#""method":"read""#)).then_some(line));
    let output = conform(&[&broken.to_string(), "--only", "protocol-2/31", "--timeout", "1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"], &report["skipped"]), (&0.into(), &1.into(), &0.into()));
    let played = &report["transcripts"][0];
    assert_eq!((&played["name"], &played["outcome"]), (&"protocol-2/31-read-receipts".into(), &"failed".into()));
    assert!(played["step"].as_str().unwrap().starts_with("a event read "), "{played}");
    assert_eq!(played["came"], "nothing in time");
    assert_eq!(report["server"], broken.to_string());
}

#[test]
fn what_no_transcript_expects_fails() {
    let server = Running::new();
    let folder = tempfile::tempdir().unwrap();
    for (name, transcript, came) in [
        ("value", "a call ping\na result {\"pong\": true}", "result.pong: nothing, in {"),
        ("order", "a call ping\na call ping\na json {\"id\": 2}", "expected id: 2"),
        ("event", "a call ping\na event message {}", "id: 1, in {"),
        ("kind", "a> halo\\n\na result {}", "every call on this connection is answered"),
        ("line", "a> halo\\n\na json {}", "one that CR LF ends, in {"),
        ("end", "a> GET / HTTP/1.1\\r\\n\na silent", "Command tidak benar"),
        ("more", "a> halo\\n\na closed", "came     {\"status\": \"ERROR\""),
        (
            "hidden",
            "a> {\"jsonrpc\":\"2.0\",\"id\":\"\\x1b[2J\",\"method\":\"ping\"}\\n\na json {\"result\": {}}",
            "result: nothing",
        ),
        ("unbound", "a> inbox $T1\\n", "$T1 stands for nothing yet"),
        ("noise", "# Title.\na what", "line 2 is not one of a transcript"),
    ] {
        let path = folder.path().join("mine.chat");
        fs::write(path, format!("{transcript}\n")).unwrap();
        let folder = folder.path().to_str().unwrap();
        let output = conform(&[&server.address.to_string(), "--transcripts", folder, "--timeout", "1"]);
        let report = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{name}: {report}");
        assert!(report.contains("failed   mine") && report.contains(came), "{name}: {report}");
        assert!(!report.contains('\u{1b}'), "{name}: {report}");
    }
}

#[test]
fn a_server_without_the_demo_users_is_not_tested() {
    let chat = chat_lib::Chat::memory();
    let server = chat_lib::Server::bind(chat, "127.0.0.1:0").unwrap();
    let (address, handle) = (server.addresses()[0].to_string(), server.handle());
    let running = thread::spawn(move || server.run().unwrap());
    let output = conform(&[&address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("messi cannot log in with the password surabaya"));
    handle.stop();
    running.join().unwrap();
}

#[test]
fn a_server_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = conform(&[&silent.local_addr().unwrap().to_string(), "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("the server did not answer in time"));
}

/// A server that crashed was told of, but not at which transcript.
#[test]
fn a_server_that_goes_away() {
    let server = Running::new();
    let handle = server.handle();
    let address = relay(server.address, move |line| {
        if line.contains("Password Salah") {
            handle.stop();
            return None;
        }
        Some(line)
    });
    let output = conform(&[&address.to_string(), "--only", "protocol-1/0", "--timeout", "1"]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3));
    assert!(report.contains("failed   protocol-1/02-login-refused"), "{report}");
    assert!(report.ends_with("1 passed, 1 failed, 0 skipped\n"), "{report}");
}

#[test]
fn how_it_is_called() {
    let output = conform(&["--list", "--only", "protocol-2/01"]);
    assert_eq!(output.status.code(), Some(0));
    let listed = text(&output.stdout);
    assert_eq!(
        listed,
        "protocol-2/01-server-and-ping  The server describes itself, and answers a ping, without a session.\n"
    );
    for (args, code) in [
        (&[] as &[&str], 2),
        (&["localhost"], 2),
        (&["127.0.0.1:1", "--timeout", "0"], 2),
        (&["127.0.0.1:1", "--only", "nothing"], 1),
        (&["127.0.0.1:1", "--transcripts", "/nonexistent"], 1),
        // Nothing listens there.
        (&["127.0.0.1:1"], 3),
    ] {
        assert_eq!(conform(args).status.code(), Some(code), "{args:?}");
    }
}
