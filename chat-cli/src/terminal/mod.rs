//! A person at a terminal.
//!
//! Commands and passwords are read here, a byte at a time: what was typed ahead stays in order, and what is not
//! needed is left for the program that comes next. Between two lines the terminal does not go back to its own mode,
//! which cuts long lines. While a line is typed, other lines can be shown above it. No library for editing lines does
//! all of this: rustyline 19 reads 1,024 bytes ahead, goes back to the terminal's own mode between two lines, fails on
//! bytes that are not UTF-8, has no external printer on TERM=dumb, and leaves its mode behind when a signal ends it.

mod display;
mod keys;
mod line;
mod mode;
mod reading;

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use chat_lib::printable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::retry_on_intr;
use rustix::process::{Signal, getpgrp, kill_process_group};
use rustix::termios::{tcgetwinsize, ttyname};
use signal_hook::consts::SIGQUIT;
use signal_hook::low_level::raise;

use self::display::Display;
pub(crate) use self::display::Prompt;
use self::keys::{Key, Keys};
use self::line::Line;
use self::mode::Mode;
pub(crate) use self::reading::{Input, Reading, Step};
use crate::style::is_dumb;

/// The terminal on standard input, and the lines that were typed at it before.
pub(crate) struct Terminal {
    mode: Mode,
    /// Has a byte whenever the program goes on after it was stopped.
    resumed: UnixStream,
    /// Has bytes when something happens beside the terminal; `waker` is its other end.
    woken: UnixStream,
    waker: UnixStream,
    output: Box<dyn Write>,
    dumb: bool,
    keys: Keys,
    history: Vec<String>,
}

impl Terminal {
    /// The terminal on standard input, in the mode that it has.
    pub(crate) fn new() -> io::Result<Self> {
        let (resumed, sender) = UnixStream::pair()?;
        let (woken, waker) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        Ok(Self {
            mode: Mode::new(sender)?,
            resumed,
            woken,
            waker,
            output: output(),
            dumb: is_dumb(),
            keys: Keys::default(),
            history: Vec::new(),
        })
    }

    /// Asks for a line.
    pub(crate) fn read_line(&mut self, prompt: &str) -> io::Result<Input> {
        self.read(prompt, false)
    }

    /// Asks for a line that is not shown.
    pub(crate) fn read_secret(&mut self, prompt: &str) -> io::Result<Input> {
        self.read(prompt, true)
    }

    /// Has the arrow keys bring `line` back.
    pub(crate) fn remember(&mut self, line: &str) {
        self.history.retain(|known| known != line);
        self.history.push(line.to_owned());
        let surplus = self.history.len().saturating_sub(HISTORY_LINES);
        self.history.drain(..surplus);
    }

    fn read(&mut self, prompt: &str, secret: bool) -> io::Result<Input> {
        let mut reading = self.begin(prompt.into(), secret)?;
        loop {
            match self.step(&mut reading, None)? {
                Step::Over(input) => {
                    self.close(reading)?;
                    return Ok(input);
                }
                Step::Tab => reading.line.press(Key::Tab, &[]),
                Step::Changed | Step::Woken => {}
            }
        }
    }

    /// Begins to ask for a line, which goes on with each [`step`](Self::step).
    pub(crate) fn begin(&mut self, prompt: Prompt, secret: bool) -> io::Result<Reading> {
        self.mode.keys()?;
        let (line, display) = (Line::default(), Display::new(prompt, self.dumb));
        Ok(Reading { line, display, secret })
    }

    /// Does what is typed until something happens that the caller may want to know of.
    pub(crate) fn step(&mut self, reading: &mut Reading, timeout: Option<Duration>) -> io::Result<Step> {
        let mut changed = false;
        loop {
            let Some(key) = self.keys.next() else {
                if !self.has_more()? {
                    self.show(reading)?;
                    if changed {
                        return Ok(Step::Changed);
                    }
                }
                match self.wait(timeout)? {
                    Event::Byte(byte) => self.keys.push(byte),
                    Event::Resumed => reading.display.forget(),
                    Event::Woken => return Ok(Step::Woken),
                    Event::Nothing => {}
                    Event::Gone => return Ok(Step::Over(Input::End)),
                }
                continue;
            };
            changed = true;
            match key {
                Key::Enter => return Ok(Step::Over(reading.input())),
                Key::Interrupt => return Ok(Step::Over(Input::Interrupted)),
                Key::EndOfInput if reading.line.is_empty() => return Ok(Step::Over(Input::End)),
                Key::Quit => raise(SIGQUIT)?,
                Key::Suspend => kill_process_group(getpgrp(), Signal::TSTP)?,
                Key::ClearScreen if !self.dumb => {
                    self.output.write_all(b"\x1b[H\x1b[2J")?;
                    reading.display.forget();
                }
                Key::Up | Key::Down if reading.secret => {}
                // What is pasted completes nothing.
                Key::Tab if !reading.secret && !self.has_more()? => return Ok(Step::Tab),
                key => reading.line.press(key, &self.history),
            }
        }
    }

    /// Leaves the line on the screen as it was typed.
    pub(crate) fn close(&mut self, mut reading: Reading) -> io::Result<()> {
        self.mode.busy()?;
        reading.line.press(Key::End, &[]);
        self.show(&mut reading)?;
        self.output.write_all(b"\n")?;
        self.output.flush()
    }

    /// Takes the line off the screen, if the terminal can do that.
    pub(crate) fn erase(&mut self, mut reading: Reading) -> io::Result<()> {
        self.mode.busy()?;
        if self.dumb {
            self.show(&mut reading)?;
        }
        let cleared = reading.display.clear();
        self.output.write_all(cleared.as_bytes())?;
        self.output.flush()
    }

    /// Shows lines above the one that is being typed.
    pub(crate) fn print_above(&mut self, reading: &mut Reading, text: &str) -> io::Result<()> {
        let cleared = reading.display.clear();
        self.output.write_all(cleared.as_bytes())?;
        self.print(text)?;
        self.show(reading)
    }

    /// Shows lines while none is being typed.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.write_all(b"\n")?;
        self.output.flush()
    }

    /// Ends a wait of [`step`](Self::step) whenever a byte is written to it. Writing does not block.
    pub(crate) fn waker(&self) -> io::Result<UnixStream> {
        self.waker.try_clone()
    }

    /// Whether the terminal knows no escape sequences.
    pub(crate) fn is_dumb(&self) -> bool {
        self.dumb
    }

    fn show(&mut self, reading: &mut Reading) -> io::Result<()> {
        let (before, after) = if reading.secret { Default::default() } else { reading.line.halves() };
        let shown = |text: String| printable(&text.replace('\t', " ")).into_owned();
        let columns = tcgetwinsize(stdin()).map_or(0, |size| size.ws_col.into());
        let columns = if columns == 0 { COLUMNS } else { columns };
        let out = reading.display.update(&shown(before), &shown(after), columns);
        self.output.write_all(out.as_bytes())?;
        self.output.flush()
    }

    /// Whether something has been typed that was not read.
    fn has_more(&self) -> io::Result<bool> {
        let stdin = stdin();
        let mut typed = [PollFd::new(&stdin, PollFlags::IN)];
        Ok(retry_on_intr(|| poll(&mut typed, Some(&Timespec::default())))? > 0)
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Event> {
        let stdin = stdin();
        let ready = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut ready = [ready(self.resumed.as_fd()), ready(self.woken.as_fd()), ready(stdin.as_fd())];
        // A time that is too long for the system is no limit.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        if retry_on_intr(|| poll(&mut ready, timeout.as_ref()))? == 0 {
            return Ok(Event::Woken);
        }
        let [resumed, woken, typed] = ready.map(|fd| fd.revents());
        let mut byte = [0];
        if resumed.contains(PollFlags::IN) {
            self.resumed.read_exact(&mut byte)?;
            return Ok(Event::Resumed);
        }
        if woken.contains(PollFlags::IN) {
            self.woken.read_exact(&mut byte)?;
            return Ok(Event::Woken);
        }
        Ok(match retry_on_intr(|| rustix::io::read(&stdin, &mut byte)) {
            Ok(1..) => Event::Byte(u8::from_ne_bytes(byte)),
            Ok(0) if !typed.contains(PollFlags::HUP) => Event::Nothing,
            // Reading from a terminal that was hung up fails.
            _ => Event::Gone,
        })
    }
}

enum Event {
    Byte(u8),
    /// The program was stopped, and the screen may show anything.
    Resumed,
    Woken,
    /// Somebody else has read what was typed.
    Nothing,
    Gone,
}

/// Where a person sees it, also if standard output goes elsewhere.
fn output() -> Box<dyn Write> {
    if stdout().is_terminal() {
        return Box::new(stdout());
    }
    let options =
        |path: &OsStr| OpenOptions::new().write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed()).open(path);
    match ttyname(stdin(), Vec::new()).map(|path| options(OsStr::from_bytes(path.as_bytes()))) {
        Ok(Ok(terminal)) => Box::new(terminal),
        _ => Box::new(stderr()),
    }
}

/// How many lines the arrow keys can bring back.
const HISTORY_LINES: usize = 100;

/// How wide a terminal is that does not say so.
const COLUMNS: usize = 80;
