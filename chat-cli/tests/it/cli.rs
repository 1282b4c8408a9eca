//! The client as a script sees it, against a real server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use chat_lib::Config;
use chat_lib::model::Registration;

use crate::common::{BINARY, Running, text, without_tokens};

#[test]
fn the_first_conversation() {
    let server = Running::new();
    let messi = "auth messi surabaya\nsend henderson Halo Henderson, apa kabar? \nactiveuser\nlogout\n";
    let output = server.run(&[], messi);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        without_tokens(&output),
        "username messi logged in, token TOKEN\n\
         message sent to henderson\n\
         Active User: \"messi, \"\n\
         Logout success!\n"
    );
    let output = server.run(&[], "auth henderson surabaya\ninbox\ninbox\nactiveuser");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        without_tokens(&output),
        "username henderson logged in, token TOKEN\n\
         {\"messi\": [{\"msg_from\": \"Lionel Messi\", \"msg_to\": \"Jordan Henderson\", \"msg\": \" Halo Henderson, apa kabar? \\r\\n\"}]}\n\
         {}\n\
         Active User: \"henderson, \"\n"
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn what_is_refused() {
    let server = Running::new();
    let commands = "inbox\nactiveuser\nlogout\nsend henderson halo\nauth ronaldo x\nauth messi salah\nauth messi\nauth\n\
                    send\nsend henderson\nsend  henderson x\nhalo\n\nauth messi surabaya and more\r\nsend ronaldo halo\nsend henderson \tx\x0c\n";
    let output = server.run(&[], commands);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        without_tokens(&output),
        "Error, not authorized\nError, not authorized\nError, not authorized\nError, not authorized\n\
         Error, User Tidak Ada\nError, Password Salah\nError, no password was given\nError, Command tidak benar\n\
         Error, Command tidak benar\nError, Command tidak benar\nError, Command tidak benar\nError, Command tidak benar\n\
         username messi logged in, token TOKEN\nError, User tidak ditemukan\nmessage sent to henderson\n"
    );
}

#[test]
fn commands_as_arguments_and_a_password_from_standard_input() {
    let server = Running::new();
    let output = server.run(&["-c", "auth messi", "-c", "send messi halo", "-c", "quit", "-c", "halo"], "surabaya\n");
    assert_eq!(output.status.code(), Some(0), "nothing is done after quit");
    assert!(without_tokens(&output).ends_with("TOKEN\nmessage sent to messi\n"));
    let output = server.run(&["-c", "auth messi"], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "Error, no password was given\n".to_owned()));
    let help = Command::new(BINARY).args([NOBODY, "-c", "help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0), "it needs no server");
    for command in ["auth USER", "register USER", "send USER TEXT", "inbox", "activeuser", "logout", "help", "quit"] {
        assert!(text(&help.stdout).contains(command));
    }
}

#[test]
fn bytes_that_are_no_text_are_one_bad_command() {
    let server = Running::new();
    let mut child = server.start(&[]);
    child.stdin.take().unwrap().write_all(b"auth messi surabaya\nsend messi \xff\nactiveuser\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(without_tokens(&output).ends_with("TOKEN\nError, Command tidak benar\nActive User: \"messi, \"\n"));
}

#[test]
fn a_reader_who_has_enough() {
    let server = Running::new();
    let mut child = server.start(&[]);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"help\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn a_trace_shows_the_bytes_both_ways() {
    let server = Running::new();
    let output = server.run(&["--trace", "-c", "auth messi salah"], "");
    assert_eq!(
        text(&output.stderr),
        "> auth messi salah\\r\\n\n< {\\\"status\\\": \\\"ERROR\\\", \\\"message\\\": \\\"Password Salah\\\"}\\r\\n\\r\\n\n"
    );
}

/// An address on which nobody listens. The port of a listener that was just closed would not do: a child that another
/// test forks has a copy of the listener until it runs its program, and the system accepts connections for that long.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn a_server_that_is_not_there_or_goes_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let gone = thread::spawn(move || drop(listener.accept().unwrap()));
    let run = |address: &str, args: &[&str]| {
        Command::new(BINARY).args([address]).args(args).stdin(Stdio::null()).output().unwrap()
    };
    let output = run(&address, &["-c", "auth messi surabaya", "-c", "inbox"]);
    gone.join().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), format!("chat-cli: {address}: the server closed the connection\n"));
    let output = run(NOBODY, &["-c", "auth messi surabaya"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        format!("chat-cli: cannot connect to {NOBODY}: Connection refused (os error 111)\n")
    );
    assert_eq!(run(NOBODY, &["--nonsense"]).status.code(), Some(2));
}

/// `-c activeuser` said "not authorized" and exited with 1 although nobody listened: what needs the server is not
/// judged before it was reached.
#[test]
fn nothing_is_refused_before_the_server_was_reached() {
    for command in
        ["activeuser", "inbox", "logout", "send messi halo", "send", "auth", "auth messi", "register", "halo"]
    {
        let mut scripted = Command::new(BINARY);
        scripted.args([NOBODY]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut scripted = scripted.spawn().unwrap();
        scripted.stdin.take().unwrap().write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut given = Command::new(BINARY);
        given.args([NOBODY, "-c", command]).stdin(Stdio::null());
        for output in [scripted.wait_with_output().unwrap(), given.output().unwrap()] {
            assert_eq!(output.status.code(), Some(3), "{command}");
            assert_eq!(text(&output.stdout), "", "{command}");
            assert!(text(&output.stderr).starts_with(&format!("chat-cli: cannot connect to {NOBODY}: ")), "{command}");
        }
    }
}

/// The mark that some editors put before a text got into the first command, and silently into the password.
#[test]
fn a_byte_order_mark_is_skipped() {
    let server = Running::new();
    let output = server.run(&[], "\u{feff}auth messi surabaya\r\nactiveuser\r\n");
    assert_eq!(without_tokens(&output), "username messi logged in, token TOKEN\nActive User: \"messi, \"\n");
    let output = server.run(&["-c", "auth messi"], "\u{feff}surabaya\r\n");
    assert_eq!(without_tokens(&output), "username messi logged in, token TOKEN\n");
}

/// `register` was no command of the client.
#[test]
fn registering_logs_in() {
    let server = Running::new();
    let output = server
        .run(&[], "register ana secret Ana  Lima\nsend ana halo\ninbox\nregister ana x Ana\nregister bob\nregister\n");
    assert_eq!(
        without_tokens(&output),
        "username ana logged in, token TOKEN\nmessage sent to ana\n\
         {\"ana\": [{\"msg_from\": \"Ana  Lima\", \"msg_to\": \"Ana  Lima\", \"msg\": \" halo\\r\\n\"}]}\n\
         Error, that user name is taken\nError, no password was given\nError, Command tidak benar\n"
    );
    let output = server.run(&["-c", "register bob", "-c", "activeuser"], "secret\nBob B.\n");
    assert!(without_tokens(&output).ends_with("token TOKEN\nActive User: \"ana, bob, \"\n"), "{output:?}");
    let output = server.run(&["-c", "register eve secret"], "");
    assert_eq!(text(&output.stdout), "Error, no full name was given\n");
}

#[test]
fn an_invitation_is_asked_for_where_one_is_needed() {
    let server = Running::serve(Config { registration: Registration::Invite, ..Config::default() }, "127.0.0.1:0");
    let code = server.chat.invite().unwrap();
    let output = server.run(&["-c", "register ana secret Ana", "-c", "activeuser"], &format!("{code}\n"));
    assert!(without_tokens(&output).ends_with("token TOKEN\nActive User: \"ana, \"\n"), "{output:?}");
    let output = server.run(&["-c", "register eva secret Eva"], &format!("{code}\n"));
    assert!(text(&output.stdout).starts_with("Error, there is no such invitation"), "{output:?}");
    let output = server.run(&[], "register eva secret Eva\n");
    assert_eq!(text(&output.stdout), "Error, no invitation code was given\n");
}

#[test]
fn a_stderr_that_takes_nothing() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(BINARY).args([NOBODY, "-c", "auth a b"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_server_cannot_command_the_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 10]).unwrap();
        stream
            .write_all(b"{\"status\": \"ERROR\", \"message\": \"\\u001b[2J\\u202e\xc2\x9b\", \"code\": \"x\"}\r\n\r\n")
            .unwrap();
    });
    let output = Command::new(BINARY).args([&address, "-c", "auth a b"]).output().unwrap();
    server.join().unwrap();
    assert_eq!(text(&output.stdout), "Error, \\u{1b}[2J\\u{202e}\\u{9b}\n");
}

/// A limit on the size of files ended the client with a signal, and a full disk was told without saying which.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let script = "file=$(mktemp); (ulimit -f 0; exec \"$0\" -c help >\"$file\"); code=$?; rm \"$file\"; exit $code";
    for script in [script, "exec \"$0\" -c help >/dev/full"] {
        let output = Command::new("sh").args(["-c", script, BINARY]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("chat-cli: standard output cannot be written: "), "{stderr}");
    }
}

/// One server goes while a script talks, and the others have what it said.
#[test]
fn a_script_goes_on_at_another_server() {
    let mut one = Running::on("127.0.0.91:0");
    let mut two = one.another("127.0.0.92:0");
    let mut child = Command::new(BINARY)
        .arg(format!("{},{}", one.address, two.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut run = |command: &str| {
        input.write_all(format!("{command}\n").as_bytes()).unwrap();
        lines.next().unwrap().unwrap()
    };
    assert!(run("auth messi surabaya").starts_with("username messi logged in"));
    one.stop();
    assert_eq!(run("send messi one"), "message sent to messi");
    one.start_again();
    two.stop();
    assert_eq!(run("send messi two"), "message sent to messi");
    assert!(run("inbox").contains(r#""msg": " one\r\n"}, {"#));
    one.stop();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
