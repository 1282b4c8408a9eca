//! A terminal, which `script` makes.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::{BINARY, text};

/// The client at a terminal. A shell stays there when the client has ended or was stopped; it reads a line, and has
/// the client go on if it can.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The device.
    pub(crate) tty: String,
    /// The client's process.
    pub(crate) pid: String,
}

impl Terminal {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self::of_kind("xterm", server)
    }

    /// On a terminal of the kind `term`.
    pub(crate) fn of_kind(term: &str, server: SocketAddr) -> Self {
        Self::running(term, &format!("--seed {server}"))
    }

    /// Not as the first client, but for a person who talks.
    pub(crate) fn talking(term: &str, server: SocketAddr) -> Self {
        Self::running(term, &server.to_string())
    }

    /// With any arguments.
    pub(crate) fn running(term: &str, args: &str) -> Self {
        let client = format!("sh -c 'echo $$; exec {BINARY} {args}'");
        Self::start(term, &format!("trap : INT; set -m; {client}; echo status $?; read rest; echo rest: $rest; fg"))
    }

    /// Without a shell.
    pub(crate) fn alone(server: SocketAddr) -> Self {
        Self::start("xterm", &format!("echo $$; exec {BINARY} --seed {server}"))
    }

    fn start(term: &str, command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["-qec", &format!("ulimit -c 0; tty; {command}"), "/dev/null"])
            .env("TERM", term)
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of Debian's bsdutils");
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                // The test may have enough of it.
                sender.send(bytes[..count].to_vec()).ok();
            }
        });
        let mut terminal = Self { child, keys, screen, seen: String::new(), tty: String::new(), pid: String::new() };
        terminal.tty = terminal.wait_for("\r\n");
        terminal.pid = terminal.wait_for("\r\n");
        terminal
    }

    pub(crate) fn type_in(&mut self, keys: impl AsRef<[u8]>) {
        self.keys.write_all(keys.as_ref()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Reads the screen up to `text`, and forgets all before its end.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
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

    /// Waits until the terminal echoes and reads lines, or until it does neither.
    pub(crate) fn wait_for_own_mode(&self, own: bool) {
        let is_own = || {
            let settings = Command::new("stty").args(["-a", "-F", &self.tty]).output().unwrap();
            let settings = text(&settings.stdout);
            let has = |setting| settings.split_whitespace().any(|word| word.trim_end_matches(';') == setting);
            [has("echo"), has("icanon"), has("isig"), has("icrnl")]
        };
        let wanted = |is: [bool; 4]| if own { is == [true; 4] } else { !is[0] && !is[1] };
        assert!((0..1000).any(|_| wanted(is_own())), "{:?}", is_own());
    }

    pub(crate) fn kill(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid]).status().unwrap().success());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
