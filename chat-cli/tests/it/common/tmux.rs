//! Terminals that can be looked at, which tmux makes.

use std::fmt::Display;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{BINARY, text};

/// A tmux server of one test's own, with a terminal for each person.
pub(crate) struct Tmux {
    socket: tempfile::TempDir,
}

impl Tmux {
    pub(crate) fn new() -> Self {
        Self { socket: tempfile::tempdir().unwrap() }
    }

    /// The client in a terminal of 80 columns and 24 rows, logged in as a demo user.
    pub(crate) fn log_in(&self, person: &str, server: impl Display) {
        self.open(person, server);
        self.wait_for_last_row(person, "User:");
        self.say(person, person);
        self.wait_for_last_row(person, "Password:");
        self.say(person, "surabaya");
        self.wait_for_last_row(person, &format!("{person}>"));
    }

    /// The client in such a terminal.
    pub(crate) fn open(&self, person: &str, server: impl Display) {
        let client = format!("env TZ=UTC NO_COLOR=1 {BINARY} {server}; echo status $?; read rest");
        self.run(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-s", person, &client]);
        self.run(&["set-option", "-t", person, "status", "off"]);
        self.run(&["resize-window", "-t", person, "-x", "80", "-y", "24"]);
    }

    /// Types a line and Enter.
    pub(crate) fn say(&self, person: &str, line: &str) {
        self.type_in(person, line);
        self.press(person, "Enter");
    }

    pub(crate) fn type_in(&self, person: &str, keys: &str) {
        self.run(&["send-keys", "-t", person, "-l", keys]);
    }

    /// Presses a key, by tmux's name for it.
    pub(crate) fn press(&self, person: &str, key: &str) {
        self.run(&["send-keys", "-t", person, key]);
    }

    /// What the terminal shows, without the empty rows at its end.
    pub(crate) fn screen(&self, person: &str) -> String {
        self.run(&["capture-pane", "-p", "-t", person]).trim_end().to_owned()
    }

    /// Waits until the terminal shows `text`.
    pub(crate) fn wait_for(&self, person: &str, text: &str) {
        self.wait_until(person, text, |screen| screen.contains(text));
    }

    /// Waits until the last row is `row`.
    pub(crate) fn wait_for_last_row(&self, person: &str, row: &str) {
        self.wait_until(person, row, |screen| screen.lines().last() == Some(row));
    }

    pub(crate) fn wait_until(&self, person: &str, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(&self.screen(person)) {
            assert!(Instant::now() < deadline, "{person} does not see {what:?}:\n{}", self.screen(person));
        }
    }

    fn run(&self, args: &[&str]) -> String {
        let socket = self.socket.path().join("tmux");
        let mut tmux = Command::new("tmux");
        let output = tmux.arg("-S").arg(socket).args(args).env("LC_ALL", "C.UTF-8").output().expect("tmux");
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.socket.path().join("tmux");
        Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output().ok();
    }
}
