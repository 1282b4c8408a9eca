//! A person at a terminal.
//!
//! Commands and passwords are read here, a byte at a time: what was typed ahead stays in order, and what is not
//! needed is left for the program that comes next. Between two lines the terminal does not go back to its own mode,
//! which cuts long lines.

mod display;
mod keys;
mod line;
mod mode;

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;

use chat_lib::printable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::retry_on_intr;
use rustix::process::{Signal, getpgrp, kill_process_group};
use rustix::termios::{tcgetwinsize, ttyname};
use signal_hook::consts::SIGQUIT;
use signal_hook::low_level::raise;

use self::display::Display;
use self::keys::{Key, Keys};
use self::line::Line;
use self::mode::Mode;

/// The terminal on standard input, and the lines that were typed at it before.
pub(crate) struct Terminal {
    mode: Mode,
    /// Has a byte whenever the program goes on after it was stopped.
    resumed: UnixStream,
    output: Box<dyn Write>,
    dumb: bool,
    keys: Keys,
    history: Vec<String>,
}

/// What a person answers to a prompt.
pub(crate) enum Input {
    Line(String),
    /// A line with bytes that are not UTF-8.
    NotText,
    /// Ctrl-C: not this one.
    Interrupted,
    /// Ctrl-D, or the terminal is gone: no more lines.
    End,
}

impl Terminal {
    /// The terminal on standard input, in the mode that it has.
    pub(crate) fn new() -> io::Result<Self> {
        let (resumed, sender) = UnixStream::pair()?;
        Ok(Self {
            mode: Mode::new(sender)?,
            resumed,
            output: output(),
            dumb: env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb"),
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
        let (mut line, mut display) = (Line::default(), Display::new(prompt, self.dumb));
        self.mode.keys()?;
        let end = self.edit(&mut line, &mut display, secret)?;
        self.mode.busy()?;
        line.press(Key::End, &[]);
        self.show(&line, &mut display, secret)?;
        self.output.write_all(b"\n")?;
        self.output.flush()?;
        Ok(match end {
            Key::Enter => line.into_text().map_or(Input::NotText, Input::Line),
            Key::Interrupt => Input::Interrupted,
            _ => Input::End,
        })
    }

    /// Does what is typed until a key ends the line; returns that key.
    fn edit(&mut self, line: &mut Line, display: &mut Display, secret: bool) -> io::Result<Key> {
        loop {
            let Some(key) = self.keys.next() else {
                if !self.has_more()? {
                    self.show(line, display, secret)?;
                }
                match self.wait()? {
                    Event::Byte(byte) => self.keys.push(byte),
                    Event::Resumed => display.forget(),
                    Event::Gone => return Ok(Key::EndOfInput),
                }
                continue;
            };
            match key {
                Key::Enter | Key::Interrupt => return Ok(key),
                Key::EndOfInput if line.is_empty() => return Ok(key),
                Key::Quit => raise(SIGQUIT)?,
                Key::Suspend => kill_process_group(getpgrp(), Signal::TSTP)?,
                Key::ClearScreen if !self.dumb => {
                    self.output.write_all(b"\x1b[H\x1b[2J")?;
                    display.forget();
                }
                Key::Up | Key::Down if secret => {}
                key => line.press(key, &self.history),
            }
        }
    }

    fn show(&mut self, line: &Line, display: &mut Display, secret: bool) -> io::Result<()> {
        let (before, after) = if secret { Default::default() } else { line.halves() };
        let shown = |text: String| printable(&text.replace('\t', " ")).into_owned();
        let columns = tcgetwinsize(stdin()).map_or(0, |size| size.ws_col.into());
        let out = display.update(&shown(before), &shown(after), if columns == 0 { COLUMNS } else { columns });
        self.output.write_all(out.as_bytes())?;
        self.output.flush()
    }

    /// Whether something has been typed that was not read.
    fn has_more(&self) -> io::Result<bool> {
        let stdin = stdin();
        let mut typed = [PollFd::new(&stdin, PollFlags::IN)];
        Ok(retry_on_intr(|| poll(&mut typed, Some(&Timespec::default())))? > 0)
    }

    fn wait(&mut self) -> io::Result<Event> {
        let stdin = stdin();
        let mut ready = [PollFd::new(&self.resumed, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        retry_on_intr(|| poll(&mut ready, None))?;
        let [resumed, _] = &ready;
        let mut byte = [0];
        if resumed.revents().contains(PollFlags::IN) {
            self.resumed.read_exact(&mut byte)?;
            return Ok(Event::Resumed);
        }
        Ok(match retry_on_intr(|| rustix::io::read(&stdin, &mut byte)) {
            Ok(1..) => Event::Byte(u8::from_ne_bytes(byte)),
            // Reading from a terminal that was hung up fails.
            _ => Event::Gone,
        })
    }
}

enum Event {
    Byte(u8),
    /// The program was stopped, and the screen may show anything.
    Resumed,
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
