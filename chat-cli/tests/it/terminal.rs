//! The client as a person at a terminal sees it, against a real server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use chat_lib::Client;

use crate::common::terminal::Terminal;
use crate::common::{BINARY, Running, text};

#[test]
fn a_person_at_a_terminal() {
    let mut server = Running::on("127.0.0.25:0");
    let mut terminal = Terminal::new(server.address);
    terminal.wait_for("Command :");
    for keys in ["\x03", "surabaya\r"] {
        terminal.type_in("auth messi\r");
        terminal.wait_for("Password: ");
        terminal.type_in(keys);
        if keys == "\x03" {
            terminal.wait_for("Error, no password was given");
            terminal.wait_for("Command :");
        }
    }
    let shown = terminal.wait_for("username messi logged in, token ");
    assert!(!shown.contains("surabaya"), "the password was echoed: {shown:?}");
    let token = terminal.wait_for("\r\n");
    let prompt = format!("Command {token}:");
    terminal.wait_for(&prompt);
    terminal.type_in("send messi halo\r");
    terminal.wait_for("message sent to messi");
    terminal.wait_for(&prompt);
    // The arrow up brings the last command back.
    terminal.type_in("\x1b[A");
    terminal.wait_for("send messi halo");
    terminal.type_in("\r");
    terminal.wait_for("message sent to messi");
    terminal.wait_for(&prompt);
    terminal.type_in("halo\r");
    terminal.wait_for("Error, Command tidak benar");
    terminal.wait_for(&prompt);

    // A session outlives its connection, and a person may go on after an error.
    let messi = chat_lib::model::SessionToken::parse(&token).unwrap();
    assert_eq!(Client::connect(server.address).unwrap().session_of("messi", messi).inbox().unwrap().len(), 2);
    server.stop();
    terminal.type_in("inbox\r");
    terminal.wait_for("the server closed the connection");
    terminal.wait_for(&prompt);
    terminal.type_in("inbox\r");
    terminal.wait_for("cannot connect to");
    terminal.wait_for(&prompt);
    terminal.type_in("\x04");
    terminal.wait_for("status 0");
    terminal.wait_for_own_mode(true);
}

/// `a\rb\rc\r` in one write did only `a`: each line had its own buffer, and what it had read too much was lost.
#[test]
fn lines_that_are_pasted_are_all_done() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.type_in("auth messi surabaya\rsend messi one\r\nsend messi two\nactiveuser\rquit\r");
    for answer in
        ["username messi logged in", "message sent to messi", "message sent to messi", "Active User", "status 0"]
    {
        terminal.wait_for(answer);
    }
}

/// A bracketed paste of `send messi one\n` sent nothing: its line end became a part of the text.
#[test]
fn a_bracketed_paste_is_as_good_as_typing() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.type_in("auth messi surabaya\r");
    terminal.wait_for("logged in");
    terminal.type_in("\x1b[200~send messi one\nsend messi \ttwo\r\nsend messi three\x1b[201~");
    terminal.wait_for("message sent to messi");
    terminal.wait_for("message sent to messi");
    terminal.type_in("\rinbox\r");
    terminal.wait_for("{\"messi\": [");
    let inbox = terminal.wait_for("]}");
    let texts: Vec<&str> = inbox.split("\"msg\": ").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(texts, ["\" one\\r\\n\"", "\" \\ttwo\\r\\n\"", "\" three\\r\\n\""]);
}

/// Lines that are typed while a command runs wait for it, also one that is longer than the 4,095 bytes of which a
/// terminal makes a line; and a line that a program does not need is there for the next one.
#[test]
fn lines_that_are_typed_ahead_are_not_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut terminal = Terminal::new(listener.local_addr().unwrap());
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut expect = |request: &str, answer: &str| {
        let mut received = vec![0; request.len()];
        stream.read_exact(&mut received).unwrap();
        assert!(received == request.as_bytes(), "{}", received.escape_ascii());
        stream.write_all(answer.as_bytes()).unwrap();
    };
    let token = "609107b0-9f49-4d74-8195-f66446cd56e5";
    let long = "x".repeat(6000);
    terminal.type_in("auth messi surabaya\r");
    // The client waits for its answer when the rest is typed.
    terminal.wait_for("auth messi surabaya");
    terminal.type_in(format!("send messi {long}\ractiveuser\rquit\rread by the shell\n"));
    expect("auth messi surabaya\r\n", &format!("{{\"status\": \"OK\", \"tokenid\": \"{token}\"}}\r\n\r\n"));
    // Messages are sent by protocol 2.
    let mut call = |id: u32, method: &str, params: &str, result: &str| {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        expect(&format!("{request}\r\n"), &format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n"));
    };
    let login = format!(r#"{{"token":"{token}","user":"messi","name":"Lionel Messi","epoch":"x"}}"#);
    call(1, "resume", &format!(r#"{{"token":"{token}"}}"#), &login);
    call(2, "send", &format!(r#"{{"to":"messi","text":"{long}"}}"#), r#"{"id":1,"time":1}"#);
    expect(&format!("activeuser {token}\r\n"), "{\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n");
    terminal.wait_for("Active User");
    terminal.wait_for("status 0");
    terminal.wait_for("rest: read by the shell");
}

/// A password that was typed ahead went into the next command, and onto the screen.
#[test]
fn a_password_that_is_typed_ahead() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.wait_for("Command :");
    terminal.type_in("auth messi\rsurabaya\ractiveuser\r");
    let shown = terminal.wait_for("logged in") + &terminal.wait_for("Active User: \"messi, \"");
    assert!(!shown.contains("surabaya"), "{shown:?}");
}

/// One byte that is not UTF-8 ended the client, and the session was lost with its token.
#[test]
fn bytes_that_are_not_text_are_one_bad_command() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.type_in(b"auth messi surabaya\rsend messi \xff quit\ractiveuser\r");
    terminal.wait_for("logged in");
    terminal.wait_for("Error, Command tidak benar");
    terminal.wait_for("Active User: \"messi, \"");
    terminal.type_in(b"auth messi\rsura\xe2\ractive\xe2\x7fuser\r");
    terminal.wait_for("Error, the password is not UTF-8");
    terminal.wait_for("Active User: \"messi, \"");
}

/// What is pasted cannot command the terminal when it is shown.
#[test]
fn what_is_pasted_is_shown_harmlessly() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.wait_for("Command :");
    terminal.type_in("send messi \u{9b}2J\u{202e}\r");
    let shown = terminal.wait_for("Error, not authorized");
    assert!(shown.contains("send messi \\u{9b}2J\\u{202e}"), "{shown:?}");
    assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{shown:?}");
}

/// A terminal that knows no escape sequences was told some; NO_COLOR and TERM=dumb are honoured.
#[test]
fn a_dumb_terminal_sees_no_escape_sequences() {
    let server = Running::new();
    let mut terminal = Terminal::of_kind("dumb", server.address);
    let mut shown = terminal.wait_for("Command :");
    terminal.type_in("auth messo");
    shown += &terminal.wait_for("auth messo");
    terminal.type_in("\x7fi\r");
    shown += &terminal.wait_for("Password: ");
    terminal.type_in("surabaya\rsend messi halo\r\x0c\x1b[A\x1b[D\r");
    shown += &terminal.wait_for("message sent to messi");
    shown += &terminal.wait_for("message sent to messi");
    terminal.type_in("quit\r");
    shown += &terminal.wait_for("status 0");
    assert!(!shown.contains('\x1b'), "{shown:?}");

    // On a machine that says it is one for CI, clap coloured its help on any terminal.
    for (term, no_color, args) in [("dumb", "", "--help"), ("xterm", "1", "--help"), ("xterm", "1", "--nonsense")] {
        let command = format!("{BINARY} {args}");
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", term).env("NO_COLOR", no_color).env("CI", "true");
        let output = text(&script.output().unwrap().stdout);
        assert!(output.contains("chat-cli") && !output.contains('\x1b'), "{output:?}");
    }
}

/// `register` was no command of the client. It logs in, and its password is neither shown nor brought back.
#[test]
fn a_person_registers() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.wait_for("Command :");
    terminal.type_in("register ana\rsecret\rsecrets\r");
    terminal.wait_for("Password again: ");
    terminal.wait_for("Error, the passwords differ");
    terminal.type_in("register ana\rsecret\rsecret\rAna  Lima\r");
    let shown = terminal.wait_for("username ana logged in, token ");
    assert!(!shown.contains("secret") && shown.contains("Full name: Ana  Lima"), "{shown:?}");
    terminal.type_in("register bob secret Bob B.\r");
    terminal.wait_for("username bob logged in, token ");
    terminal.wait_for(":");
    terminal.type_in("send ana halo\r\x1b[A\x1b[A\x1b[A");
    terminal.wait_for("message sent to ana");
    let shown = terminal.wait_for("send ana halo");
    assert!(!shown.contains("secret"), "{shown:?}");
}
