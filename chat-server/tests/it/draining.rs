//! What becomes of peers when the server is told to end.

use std::io::{Read, Write};

use rustix::process::Signal;

use crate::process::{Process, ask, login};

#[test]
fn subscribers_are_told() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let resume = format!(r#"{{"jsonrpc":"2.0","method":"resume","params":{{"token":"{token}"}}}}"#);
    stream.write_all(format!("{resume}\r\n{{\"jsonrpc\":\"2.0\",\"method\":\"subscribe\"}}\r\n").as_bytes()).unwrap();
    // It has subscribed once this is answered.
    assert!(ask(&mut stream, "halo").contains("Command tidak benar"));
    server.signal(Signal::TERM);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "{\"jsonrpc\":\"2.0\",\"method\":\"closed\",\"params\":{\"reason\":\"server_stopping\"}}\n");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Process::start(&["--shutdown-grace", "1days"]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let text = "x".repeat(60_000);
    for _ in 0..200 {
        ask(&mut stream, &format!("send {token} messi {text}"));
    }
    // More than sockets hold, and nobody reads it.
    stream.write_all(format!("inbox {token}\r\n").as_bytes()).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    server.signal(Signal::TERM);
    server.wait_for("INFO stopping");
    server.signal(Signal::INT);
    assert_eq!(server.wait().0.code(), Some(130));
}
