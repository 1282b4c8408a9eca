//! The log on stderr.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use chat_lib::printable;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written: some 2 MB, half a second of a server at its busiest. Past that, lines are lost
/// and counted, for a server that waited for whoever reads its log could be stopped by them.
const LINES_WAITING: usize = 16_384;

/// How long what waits at the end may take to be written.
const LAST_WORDS: Duration = Duration::from_millis(1400);

/// Writes what is logged, in a thread of its own.
pub(crate) struct Log {
    lines: Lines,
    /// Says that everything has been written.
    written: Receiver<()>,
}

impl Log {
    /// Logs what is as important as `level`, from here on. Fails if the system has no thread for it.
    pub(crate) fn start(level: LevelFilter) -> io::Result<Self> {
        let coloured = stderr().is_terminal() && has_colours(|name| env::var_os(name));
        let (queue, waiting) = sync_channel(LINES_WAITING);
        let state = Arc::new(State::default());
        let (done, written) = channel();
        let theirs = Arc::clone(&state);
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            write(&waiting, &theirs);
            done.send(())
        })?;
        let lines = Lines { queue, state, coloured };
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .with_ansi(coloured)
            .with_writer(lines.clone())
            .init();
        Ok(Self { lines, written })
    }

    /// Writes what still waits, or as much of it as the reader takes in a moment.
    pub(crate) fn finish(self) {
        self.lines.state.ending.store(true, Ordering::SeqCst);
        // Wakes the thread, should it wait for a line. With a full queue it does not.
        self.lines.queue.try_send(Vec::new()).ok();
        self.written.recv_timeout(LAST_WORDS).ok();
    }
}

#[derive(Default)]
struct State {
    ending: AtomicBool,
    lost: AtomicU64,
}

/// Writes lines as they come, until it is to end and none waits.
fn write(waiting: &Receiver<Vec<u8>>, state: &State) {
    loop {
        let line = match waiting.try_recv() {
            Ok(line) => line,
            Err(_) if state.ending.load(Ordering::SeqCst) => break,
            Err(_) => match waiting.recv() {
                Ok(line) => line,
                Err(_) => break,
            },
        };
        stderr().write_all(&line).ok();
    }
    match state.lost.load(Ordering::SeqCst) {
        0 => {}
        lost => say!("chat-server: {lost} lines of the log were lost, because stderr was read too slowly"),
    }
}

/// Takes lines, and does not wait until they are written.
#[derive(Clone)]
struct Lines {
    queue: SyncSender<Vec<u8>>,
    state: Arc<State>,
    coloured: bool,
}

impl Write for &Lines {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(plain(line, self.coloured)).is_err() {
            self.state.lost.fetch_add(1, Ordering::SeqCst);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// The line with everything escaped that others may have written into it for a terminal to obey. In a coloured line,
/// escape characters are the log's own: it has escaped all others.
fn plain(line: &[u8], coloured: bool) -> Vec<u8> {
    let line = String::from_utf8_lossy(line);
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let plain = match coloured {
        true => line.split('\x1b').map(printable).collect::<Vec<_>>().join("\x1b"),
        false => printable(line).into_owned(),
    };
    format!("{plain}\n").into_bytes()
}

/// Whether the terminal's user wants colours (<https://no-color.org>), and the terminal has them.
pub(crate) fn has_colours(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwanted && variable("TERM").is_some_and(|terminal| !terminal.is_empty() && terminal != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        let line = "INFO x=\u{9b}2J\u{202e}a\nERROR forged\n".as_bytes();
        assert_eq!(plain(line, false), b"INFO x=\\u{9b}2J\\u{202e}a\\nERROR forged\n");
        assert_eq!(plain(b"\x1b[32m INFO\x1b[0m a\rb\n", true), b"\x1b[32m INFO\x1b[0m a\\rb\n");
        assert_eq!(plain(b"\x1b[32m\n", false), b"\\u{1b}[32m\n");
    }

    /// NO_COLOR and TERM=dumb changed nothing.
    #[test]
    fn colours_only_where_they_are_wanted() {
        for (no_color, term, wanted) in [
            (None, Some("xterm"), true),
            (Some(""), Some("xterm"), true),
            (Some("0"), Some("xterm"), false),
            (None, Some("dumb"), false),
            (None, None, false),
        ] {
            let variable = |name: &str| if name == "TERM" { term } else { no_color }.map(OsString::from);
            assert_eq!(has_colours(variable), wanted, "{no_color:?} {term:?}");
        }
    }
}
