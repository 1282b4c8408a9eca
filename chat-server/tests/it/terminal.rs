//! The binary at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::{BINARY, Process, ask, done};

/// A terminal with a program at it.
struct Session {
    /// The side of the person.
    person: File,
    /// The side of the program.
    terminal: File,
    child: Child,
    seen: String,
}

impl Session {
    fn new(words: &[&str], variables: &[(&str, &str)]) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let path = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        // Without `NOCTTY` it would become the terminal of the tests, if they have none.
        let no_ctty = OpenptFlags::NOCTTY.bits().cast_signed();
        let terminal = File::options().read(true).write(true).custom_flags(no_ctty).open(path).unwrap();
        let end = || terminal.try_clone().unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", BINARY]).args(words).env_remove("NO_COLOR").env("TERM", "xterm");
        command.envs(variables.iter().copied()).stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        Self { person: person.into(), terminal, child, seen: String::new() }
    }

    fn user_add(directory: &Path) -> Self {
        let directory = directory.to_str().unwrap();
        Self::new(&["user", "add", "ana", "--full-name", "Ana", "--data", directory], &[])
    }

    /// Reads up to `text`; returns what came before it.
    fn wait_for(&mut self, text: &str) -> String {
        while !self.seen.contains(text) {
            let patience = Timespec { tv_sec: 30, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&self.person, PollFlags::IN)], Some(&patience)).unwrap();
            assert!(ready > 0, "no {text:?} behind {:?}", self.seen);
            let mut byte = [0];
            self.person.read_exact(&mut byte).unwrap();
            self.seen.push(char::from(byte[0]));
        }
        let seen = std::mem::take(&mut self.seen);
        seen.strip_suffix(text).unwrap().to_owned()
    }

    fn types(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether the terminal shows what is typed, and takes it line by line.
    fn modes(&self) -> (bool, bool) {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        (modes.contains(LocalModes::ECHO), modes.contains(LocalModes::ICANON))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Ctrl-C at `user add` left the terminal without echo, and so did every other signal that ended it.
#[test]
fn a_signal_at_a_prompt_leaves_the_terminal_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let keys = [("\x03", Signal::INT), ("\x1c", Signal::QUIT)];
    let others = [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::ALARM, Signal::USR1, Signal::XCPU];
    let all = keys.into_iter().chain(others.map(|signal| ("", signal)));
    for (prompt, (keys, signal)) in all.flat_map(|by| [("Password: ", by), ("The same again: ", by)]) {
        let mut session = Session::user_add(directory.path());
        session.wait_for("Password: ");
        if prompt != "Password: " {
            session.types("secret\n");
            session.wait_for(prompt);
        }
        assert_eq!(session.modes(), (false, true));
        session.types("half");
        match keys {
            "" => kill_process(session.id(), signal).unwrap(),
            keys => session.types(keys),
        }
        assert_eq!(session.child.wait().unwrap().signal(), Some(signal.as_raw()), "{keys:?} {signal:?}");
        assert_eq!(session.modes(), (true, true), "{keys:?} {signal:?}");
    }
}

/// Whoever stops it at a prompt has a terminal as before, and is asked again afterwards.
#[test]
fn a_stop_at_a_prompt_asks_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut session = Session::user_add(directory.path());
    session.wait_for("Password: ");
    kill_process(session.id(), Signal::TSTP).unwrap();
    session.wait_for("\n");
    let (_, status) = waitpid(Some(session.id()), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped(), "{status:?}");
    assert_eq!(session.modes(), (true, true));
    kill_process(session.id(), Signal::CONT).unwrap();
    session.wait_for("Password: ");
    session.types("sexcrets\x7f\x15secret\n");
    assert_eq!(session.wait_for("The same again: "), "\r\n", "nothing is shown");
    session.types("secret\n");
    assert!(session.child.wait().unwrap().success());
    assert_eq!(session.modes(), (true, true));
    let server = Process::start_on_data(directory.path(), &[]);
    assert!(ask(&mut server.connect(), "auth ana secret").contains("tokenid"));
}

/// `user passwd nobody` asked for a password twice before it refused the name.
#[test]
fn nobody_is_asked_in_vain() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let refused = |words: &[&str], wanted: &str| {
        let mut session = Session::new(&[words, &["--data", data]].concat(), &[]);
        session.wait_for(wanted);
        assert_eq!(session.child.wait().unwrap().code(), Some(1));
    };
    let all = || {
        refused(&["user", "passwd", "nobody"], "chat-server: there is no such user");
        refused(&["user", "add", "ana", "--full-name", "Ana"], "chat-server: that user name is taken");
        refused(&["user", "add", "a b", "--full-name", "Ana"], "chat-server: a user name has");
        refused(&["user", "add", "bob", "--full-name", "\t"], "chat-server: a full name has");
    };
    refused(&["user", "passwd", "nobody"], "chat-server: there is no chat data in");
    refused(&["user", "add", "a b", "--full-name", "Ana"], "chat-server: a user name has");
    assert!(!directory.path().join("chat.db").exists());
    done(&["user", "add", "ana", "--full-name", "Ana", "--password-stdin"], directory.path(), b"secret\n");
    all();
    let _server = Process::start_on_data(directory.path(), &[]);
    all();
}

/// NO_COLOR and TERM=dumb changed nothing.
#[test]
fn colours_only_where_they_are_wanted() {
    let serve = ["--memory", "--listen", "127.0.0.1:0"];
    let said = |words: &[&str], variables: &[(&str, &str)], text: &str| {
        let mut session = Session::new(words, variables);
        if words == serve {
            session.wait_for("listening on ");
            kill_process(session.id(), Signal::TERM).unwrap();
        }
        session.wait_for(text).contains('\x1b')
    };
    for (variables, coloured) in
        [(&[][..], true), (&[("NO_COLOR", "")], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)]
    {
        assert_eq!(said(&serve, variables, "stopping"), coloured, "{variables:?}");
        assert_eq!(said(&["--nonsense"], variables, "unexpected argument"), coloured, "{variables:?}");
    }
}
