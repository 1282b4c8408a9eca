//! The server's log: a thread that writes what the others log, so that none of them waits for whoever reads it.

mod destination;
mod format;
mod panics;

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::printable;
use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, registry, reload};

use self::destination::{Destination, JOURNALD};
use self::format::{Journald, Json, json_message};
pub(crate) use self::panics::report_panics;

/// What the log looks like, and where it goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A line for each event on stderr, for people.
    Text,
    /// An object of JSON in each line on stderr, with time, level, message and the event's own fields.
    Json,
    /// To journald, with the fields of an event as CHAT_CONN, CHAT_USER and so on.
    Journald,
}

/// Lines that may wait to be written: some 2 MB, half a second of a server at its busiest. Past that, lines are lost
/// and counted, for a server that waited for whoever reads its log could be stopped by them.
const LINES_WAITING: usize = 16_384;

/// How long it is at least between two lines that say how many were lost.
const BETWEEN_LOSSES: Duration = Duration::from_secs(60);

/// How long what waits at the end may take to be written.
const LAST_WORDS: Duration = Duration::from_millis(1400);

/// Writes what is logged, in a thread of its own, until it is finished.
pub(crate) struct Log {
    lines: Lines,
    /// Says that everything has been written.
    written: Receiver<()>,
}

impl Log {
    /// Logs what is as important as `level`, from here on. Fails if the system has no thread for it, or no journald.
    pub(crate) fn start(level: LevelFilter, format: Format) -> Result<Self, String> {
        let destination = match format {
            Format::Text | Format::Json => Destination::Stderr,
            Format::Journald => Destination::journald(Path::new(JOURNALD)).map_err(|problem| {
                format!(
                    "cannot log to journald, because it does not listen at {JOURNALD}: {problem}; use another --log-format"
                )
            })?,
        };
        let coloured = format == Format::Text && stderr().is_terminal() && has_colours(|name| env::var_os(name));
        let (queue, waiting) = sync_channel(LINES_WAITING);
        let state = Arc::new(State::default());
        let (done, written) = channel();
        let theirs = Arc::clone(&state);
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || {
            write(&waiting, &theirs, &destination);
            done.send(())
        });
        thread.map_err(|problem| format!("the system has no thread for the server: {problem}"))?;
        FORMAT.get_or_init(|| format);
        let lines = Lines { queue, state, format, coloured };
        let (level, handle) = reload::Layer::new(level);
        LEVEL.get_or_init(|| handle);
        let registry = registry().with(level);
        let log = fmt::layer().with_target(false).with_ansi(coloured).with_writer(lines.clone());
        match format {
            Format::Text => registry.with(log).init(),
            Format::Json => registry.with(log.event_format(Json)).init(),
            Format::Journald => registry.with(log.event_format(Journald)).init(),
        }
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

/// Writes lines as they come, until it is to end and none waits. Says how many were lost when it has caught up, but not all the time.
fn write(waiting: &Receiver<Vec<u8>>, state: &State, destination: &Destination) {
    let mut said: Option<Instant> = None;
    loop {
        let line = match waiting.try_recv() {
            Ok(line) => line,
            Err(_) if state.ending.load(Ordering::SeqCst) => break,
            Err(_) => {
                if said.is_none_or(|said| said.elapsed() >= BETWEEN_LOSSES) && state.say_lost(destination) {
                    said = Some(Instant::now());
                }
                match waiting.recv() {
                    Ok(line) => line,
                    Err(_) => break,
                }
            }
        };
        if !line.is_empty() && destination.write(&line).is_err() {
            state.lost.fetch_add(1, Ordering::SeqCst);
        }
    }
    state.say_lost(destination);
}

impl State {
    /// Says how many lines were lost since it last did, if any were.
    fn say_lost(&self, destination: &Destination) -> bool {
        let lost = self.lost.swap(0, Ordering::SeqCst);
        let why = match destination {
            Destination::Stderr => "because stderr was read too slowly",
            Destination::Journald { .. } => "on the way to journald",
        };
        if lost > 0 {
            say!("chat-server: {lost} lines of the log were lost, {why}");
        }
        lost > 0
    }
}

/// Says a line on stderr, whatever the log's level is: as JSON if the log there is.
pub(crate) fn say(level: Level, text: &str) {
    let json = match FORMAT.get() {
        Some(Format::Json) => json_message(level, text.strip_prefix("chat-server: ").unwrap_or(text)),
        _ => None,
    };
    // Nobody may be there to read it.
    writeln!(stderr(), "{}", json.as_deref().map_or_else(|| printable(text), Into::into)).ok();
}

/// Logs what is as important as `level`, from here on.
pub(crate) fn set_level(level: LevelFilter) {
    // Before there is a log, there is nothing to set.
    if let Some(Err(problem)) = LEVEL.get().map(|handle| handle.reload(level)) {
        tracing::error!(%problem, "the level of the log could not be changed");
    }
}

/// The level of the log, once there is one.
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// The format of the log, once there is one.
static FORMAT: OnceLock<Format> = OnceLock::new();

/// Takes lines, and does not wait until they are written.
#[derive(Clone)]
struct Lines {
    queue: SyncSender<Vec<u8>>,
    state: Arc<State>,
    format: Format,
    coloured: bool,
}

impl Write for &Lines {
    /// Takes a whole event.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let event = match self.format {
            Format::Text => plain(line, self.coloured),
            Format::Json | Format::Journald => line.to_vec(),
        };
        if self.queue.try_send(event).is_err() {
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
    use std::os::unix::net::UnixDatagram;

    use super::*;

    /// What one event of each kind becomes on its way to `destination`.
    fn log(format: Format, destination: &Destination) {
        let (queue, waiting) = sync_channel(LINES_WAITING);
        let state = Arc::new(State::default());
        let lines = Lines { queue, state: Arc::clone(&state), format, coloured: false };
        let events = || {
            let peer: std::net::SocketAddr = "192.0.2.1:7".parse().unwrap();
            let reason: &dyn std::error::Error = &std::io::Error::other(std::fmt::Error);
            tracing::info!(conn = 7, peer = tracing::field::display(peer), user = "messi", "login");
            tracing::error!(code = "storage", reason, "fail\u{e9}\u{7f}\nPRIORITY=0");
        };
        let log = tracing_subscriber::fmt().with_writer(lines);
        match format {
            Format::Json => tracing::subscriber::with_default(log.event_format(Json).finish(), events),
            _ => tracing::subscriber::with_default(log.event_format(Journald).finish(), events),
        }
        write(&waiting, &state, destination);
    }

    #[test]
    fn journald_gets_a_datagram_for_each_event() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        assert!(Destination::journald(&path).is_err(), "nobody listens");
        let journal = UnixDatagram::bind(&path).unwrap();
        log(Format::Journald, &Destination::journald(&path).unwrap());
        journal.set_nonblocking(true).unwrap();
        let receive = || {
            let mut datagram = [0; 4096];
            let length = journal.recv(&mut datagram).unwrap();
            String::from_utf8(datagram[..length].to_vec()).unwrap()
        };
        assert_eq!(receive(), "", "the question whether anybody listens");
        let first = "SYSLOG_IDENTIFIER=chat-server\nPRIORITY=6\nMESSAGE=login conn=7 peer=\"192.0.2.1:7\" user=\"messi\"\n\
                     CHAT_CONN=7\nCHAT_PEER=192.0.2.1:7\nCHAT_USER=messi\n";
        assert_eq!(receive(), first);
        let second = receive();
        assert!(second.contains("PRIORITY=3\nMESSAGE=fail\u{e9}\\u{7f}\\nPRIORITY=0 code=\"storage\""), "{second}");
        assert_eq!(second.matches("\nPRIORITY=").count(), 1, "{second}");
    }

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
