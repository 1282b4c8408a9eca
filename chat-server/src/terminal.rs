//! A person at the terminal, who is asked for a password.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU,
};
use signal_hook::flag;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::emulate_default_handler;

/// The terminal that this process is controlled from.
pub(crate) struct Terminal {
    terminal: File,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    /// Signals do at once what they do by default: nobody is being asked.
    at_once: Arc<AtomicBool>,
}

impl Terminal {
    /// Opens it; fails if there is none.
    pub(crate) fn open() -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let at_once = Arc::new(AtomicBool::new(true));
        for signal in SIGNALS {
            flag::register_conditional_default(signal, Arc::clone(&at_once))?;
        }
        let (read, write) = UnixStream::pair()?;
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, SIGNALS)?;
        Ok(Self { terminal, signals, at_once })
    }

    /// Asks for a line, which is not shown as it is typed. A signal that ends or stops the process does so when the
    /// terminal is as it was before.
    pub(crate) fn ask(&mut self, prompt: &str) -> io::Result<String> {
        // What has come so far has had its effect.
        self.signals.pending().for_each(drop);
        self.at_once.store(false, Ordering::SeqCst);
        let outcome = loop {
            match self.ask_once(prompt) {
                Ok(None) => self.obey_signals()?,
                outcome => break outcome,
            }
        };
        self.at_once.store(true, Ordering::SeqCst);
        self.obey_signals()?;
        String::from_utf8(outcome?.unwrap_or_default())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8"))
    }

    /// `None` if a signal came first.
    fn ask_once(&self, prompt: &str) -> io::Result<Option<Vec<u8>>> {
        let mut terminal = &self.terminal;
        let _hidden = Hidden::new(terminal)?;
        terminal.write_all(prompt.as_bytes())?;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut ready = [PollFd::new(terminal, PollFlags::IN), PollFd::new(self.signals.get_read(), PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(Errno::INTR) => continue,
                outcome => outcome?,
            };
            let [_, signal] = &ready;
            if !signal.revents().is_empty() {
                // Whatever is printed next begins a line.
                terminal.write_all(b"\n")?;
                return Ok(None);
            }
            // The terminal gives a line at once, and nothing at its end (Ctrl-D).
            let mut piece = [0; 4096];
            let count = terminal.read(&mut piece)?;
            if count == 0 {
                terminal.write_all(b"\n")?;
                break;
            }
            line.extend(piece.iter().take(count));
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        Ok(Some(line))
    }

    fn obey_signals(&mut self) -> io::Result<()> {
        self.signals.pending().try_for_each(emulate_default_handler)
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO;
        hidden.local_modes |= LocalModes::ECHONL;
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that was hung up has no settings any more.
        tcsetattr(self.terminal, OptionalActions::Now, &self.before).ok();
    }
}

/// Those that end or stop a process by default, and can be meant for one that waits for a person.
const SIGNALS: [i32; 14] = [
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU,
];
