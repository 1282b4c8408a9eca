//! Invitations from an operator's commands to a registration, with a server running on the data and without.

use std::io::{BufRead, BufReader, Write};

use rustix::process::Signal;

use crate::process::{Process, done, task};

/// The answer to a registration.
fn register(server: &Process, user: &str, code: &str) -> String {
    let mut stream = server.connect();
    let params = format!(r#"{{"user":"{user}","password":"secret","name":"Somebody","invitation":"{code}"}}"#);
    writeln!(stream, r#"{{"jsonrpc":"2.0","id":1,"method":"register","params":{params}}}"#).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn an_operator_invites_lists_and_revokes() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Process::start_on_data(data, &["--registration", "invite"]);
    let (success, code, said) = task(&["invite"], data, b"");
    assert!(success && said.contains("within 7 days") && !said.contains("closed"), "{said}");
    let code = code.trim();
    assert!(register(&server, "ana", "0").contains("no_such_invitation"));
    assert!(register(&server, "ana", code).contains("\"token\""));
    assert!(register(&server, "eva", code).contains("no_such_invitation"));
    assert_eq!(done(&["invite", "list"], data, b""), "");

    let second = done(&["invite"], data, b"");
    let list = done(&["invite", "list"], data, b"");
    assert!(!list.contains(second.trim()), "the list shows no code");
    let (id, expires) = list.trim().split_once('\t').unwrap();
    assert_eq!((list.lines().count(), expires.len()), (1, "2026-11-25T00:00:00Z".len()), "{list}");
    done(&["invite", "revoke", id], data, b"");
    assert!(register(&server, "eva", second.trim()).contains("no_such_invitation"));
    let (success, _, said) = task(&["invite", "revoke", id], data, b"");
    assert!(!success && said.contains("there is no such invitation"), "{said}");
    let (success, _, said) = task(&["invite", "revoke", "x"], data, b"");
    assert!(!success && said.contains("there is no such invitation"), "{said}");
    server.signal(Signal::TERM);
    let (status, said) = server.wait();
    assert!(status.success());
    assert!(said.iter().all(|line| !line.contains(code) && !line.contains(second.trim())), "a code is a secret");
}

/// The first user of a server that is not running yet may be the operator.
#[test]
fn an_invitation_may_come_before_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("chat-data");
    let code = done(&["invite"], &data, b"");
    assert_eq!(done(&["invite", "list"], &data, b"").lines().count(), 1);
    let server = Process::start_on_data(&data, &["--registration", "invite"]);
    assert!(register(&server, "ana", code.trim()).contains("\"token\""));
}

/// An operator gave away codes that nobody could use.
#[test]
fn an_invitation_to_a_closed_server_comes_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let _server = Process::start_on_data(directory.path(), &[]);
    let (success, code, said) = task(&["invite"], directory.path(), b"");
    assert!(success && code.trim().len() == 32, "{code}");
    assert!(said.contains("nobody can use it now: the server runs with registration = \"closed\""), "{said}");
}
