//! The terminal's mode, which is put back however the program ends.

use std::io::{self, Write, stdin};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTOU, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

/// The mode of the terminal on standard input. The one that it had before comes back when this is dropped, and before
/// a signal ends or stops the program.
pub(super) struct Mode {
    modes: Arc<Mutex<Modes>>,
}

struct Modes {
    original: Termios,
    /// The mode that is in force, and comes back when the program goes on after a stop.
    wanted: Option<Termios>,
}

impl Mode {
    /// Leaves the mode as it is, and writes a byte to `resumed` whenever the program goes on after a stop.
    pub(super) fn new(mut resumed: UnixStream) -> io::Result<Self> {
        let modes = Arc::new(Mutex::new(Modes { original: tcgetattr(stdin())?, wanted: None }));
        let mut signals = Signals::new(
            [SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP]
                .into_iter()
                .chain([SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU]),
        )?;
        let shared = Arc::clone(&modes);
        // A thread of its own, for the main thread may be waiting for the server.
        thread::Builder::new().spawn(move || {
            for signal in &mut signals {
                // Locked until it has taken effect, so that no other mode is set meanwhile.
                let modes = lock(&shared);
                if signal != SIGCONT {
                    modes.restore().ok();
                    match signal {
                        // Its default is to stop, too, but not where no shell could have the program go on.
                        SIGTSTP => raise(SIGTTOU).ok(),
                        _ => emulate_default_handler(signal).ok(),
                    };
                }
                modes.resume().ok();
                resumed.write_all(b"\n").ok();
            }
        })?;
        Ok(Self { modes })
    }

    /// Keys come as they are typed, without echo, the ones that make signals included.
    pub(super) fn keys(&self) -> io::Result<()> {
        self.set(LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG)
    }

    /// Keys wait until they are read, except those that make signals.
    pub(super) fn busy(&self) -> io::Result<()> {
        self.set(LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN)
    }

    fn set(&self, off: LocalModes) -> io::Result<()> {
        let mut modes = lock(&self.modes);
        let mut wanted = modes.original.clone();
        wanted.input_modes -= InputModes::BRKINT | InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR;
        wanted.input_modes -= InputModes::ISTRIP | InputModes::IXON;
        wanted.local_modes -= off;
        // A signal's key would throw away what was typed ahead.
        wanted.local_modes |= LocalModes::NOFLSH;
        // Reading does not wait: what was typed before a stop may have been read by the shell.
        wanted.special_codes[SpecialCodeIndex::VMIN] = 0;
        wanted.special_codes[SpecialCodeIndex::VTIME] = 0;
        modes.wanted = Some(wanted);
        modes.resume()
    }
}

impl Modes {
    fn resume(&self) -> io::Result<()> {
        // Whatever has been typed stays to be read.
        self.wanted.as_ref().map_or(Ok(()), |wanted| Ok(tcsetattr(stdin(), OptionalActions::Now, wanted)?))
    }

    fn restore(&self) -> io::Result<()> {
        // In the background the terminal is another program's, and setting its mode would stop this one.
        if self.wanted.is_some() && tcgetpgrp(stdin())? == getpgrp() {
            tcsetattr(stdin(), OptionalActions::Now, &self.original)?;
        }
        Ok(())
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        let mut modes = lock(&self.modes);
        modes.restore().ok();
        modes.wanted = None;
    }
}

fn lock(modes: &Mutex<Modes>) -> MutexGuard<'_, Modes> {
    modes.lock().unwrap_or_else(PoisonError::into_inner)
}
