//! The client as a person and as a script sees it, against a real server.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::server::Handle;
use chat_lib::{Chat, Client, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_chat-cli");

struct Running {
    address: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        Self::on("127.0.0.1:0")
    }

    /// On an address of loopback that is the caller's own: once the server is gone, the port will not
    /// be another test's.
    fn on(address: &str) -> Self {
        let chat = Chat::memory();
        chat.add_demo_users().unwrap();
        let server = Server::bind(chat, address).unwrap();
        let (address, handle) = (server.addresses()[0], server.handle());
        Self { address, handle, thread: Some(thread::spawn(move || server.run().unwrap())) }
    }

    fn stop(&mut self) {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap();
    }

    fn start(&self, args: &[&str]) -> Child {
        Command::new(BINARY)
            .args(["--server", &self.address.to_string()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = self.start(args);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The output with every token replaced.
fn without_tokens(output: &Output) -> String {
    let text = text(&output.stdout);
    let words = text.split_inclusive([' ', '\n']).map(|word| match word.trim_end() {
        token if token.len() == 36 && token.matches('-').count() == 4 => word.replace(token, "TOKEN"),
        _ => word.to_owned(),
    });
    words.collect()
}

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
    let help = Command::new(BINARY).args(["--server", "127.0.0.1:1", "-c", "help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0), "it needs no server");
    for command in ["auth USER", "send USER TEXT", "inbox", "activeuser", "logout", "help", "quit"] {
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

#[test]
fn a_server_that_is_not_there_or_goes_away() {
    let listener = TcpListener::bind("127.0.0.24:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let gone = thread::spawn(move || drop(listener.accept().unwrap()));
    let run = |args: &[&str]| {
        Command::new(BINARY).args(["--server", &address]).args(args).stdin(Stdio::null()).output().unwrap()
    };
    let output = run(&["-c", "auth messi surabaya", "-c", "inbox"]);
    gone.join().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), format!("chat-cli: {address}: the server closed the connection\n"));
    let output = run(&["-c", "auth messi surabaya"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        format!("chat-cli: cannot connect to {address}: Connection refused (os error 111)\n")
    );
    assert_eq!(run(&["--nonsense"]).status.code(), Some(2));
}

#[test]
fn a_stderr_that_takes_nothing() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status =
        Command::new(BINARY).args(["--server", "127.0.0.1:1", "-c", "auth a b"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_server_cannot_command_the_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 10]).unwrap();
        stream.write_all(b"{\"status\": \"ERROR\", \"message\": \"\\u001b[2J\", \"code\": \"x\"}\r\n\r\n").unwrap();
    });
    let output = Command::new(BINARY).args(["--server", &address, "-c", "auth a b"]).output().unwrap();
    server.join().unwrap();
    assert_eq!(text(&output.stdout), "Error, \\u{1b}[2J\n");
}

/// The client at a terminal, which `script` makes.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn new(server: &Running) -> Self {
        let mut child = Command::new("script")
            .args(["-qec", &format!("tty; exec {BINARY} --server {}", server.address), "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of Debian's bsdutils");
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                sender.send(bytes[..count].to_vec()).unwrap();
            }
        });
        Self { child, keys, screen, seen: String::new() }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Reads the screen up to `text`, and forgets all before its end.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some((before, after)) = self.seen.split_once(text) {
                let before = before.to_owned();
                self.seen = after.to_owned();
                return before;
            }
            let Ok(bytes) = self.screen.recv_timeout(Duration::from_secs(30)) else {
                panic!("no {text:?} in {:?}", self.seen);
            };
            self.seen += &String::from_utf8_lossy(&bytes);
        }
    }
}

#[test]
fn a_person_at_a_terminal() {
    let mut server = Running::on("127.0.0.25:0");
    let mut terminal = Terminal::new(&server);
    let tty = terminal.wait_for("\r\n");
    terminal.wait_for("Command :");
    // The prompt is written just before the echo is turned off.
    let silent = || {
        let settings = Command::new("stty").args(["-a", "-F", &tty]).output().unwrap();
        text(&settings.stdout).contains("-echo ")
    };
    for keys in ["\x03", "surabaya\r"] {
        terminal.type_in("auth messi\r");
        terminal.wait_for("Password: ");
        assert!((0..1000).any(|_| silent()), "the terminal echoes");
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
    // What is typed before a prompt is there may get lost.
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
    assert_eq!(Client::connect(server.address).unwrap().inbox(&messi).unwrap().len(), 2);
    server.stop();
    terminal.type_in("inbox\r");
    terminal.wait_for("the server closed the connection");
    terminal.wait_for(&prompt);
    terminal.type_in("inbox\r");
    terminal.wait_for("cannot connect to");
    terminal.wait_for(&prompt);
    terminal.type_in("\x04");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}
