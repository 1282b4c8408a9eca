//! The chat client for a terminal or a script.

/// Says a line on stderr, if anybody is there to read it. What came from a server cannot command the terminal.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stderr(), "{}", chat_lib::printable(&format!($($text)*))).ok();
    }};
}

mod args;
mod ask;
mod shell;
mod terminal;
mod trace;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use chat_lib::printable;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::args::Args;
use crate::ask::{Nobody, StandardInput};
use crate::shell::{Ask, Failure, Shell};
use crate::terminal::{Input, Terminal};

fn main() -> ExitCode {
    // A limit on the size of files is an error of a write then, and not the end.
    let ready = flag::register(SIGXFSZ, Arc::default()).map_err(Stop::Local);
    match ready.and_then(|_| run(&Args::read())) {
        Ok(All::Well) => ExitCode::SUCCESS,
        Ok(All::NotWell) => ExitCode::from(1),
        // Whoever read the output has enough of it.
        Err(Stop::Local(problem)) if problem.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Stop::Local(problem)) => {
            complain!("chat-cli: {problem}");
            ExitCode::from(1)
        }
        Err(Stop::ServerLost(problem)) => {
            complain!("chat-cli: {problem}");
            ExitCode::from(3)
        }
    }
}

fn run(args: &Args) -> Result<All, Stop> {
    let mut shell = Shell::new(&args.server, args.trace);
    let given = args.command.iter().map(|command| Ok(command.clone().into_bytes()));
    match (stdin().is_terminal(), args.command.is_empty()) {
        (true, true) => converse(&mut shell, &mut Terminal::new()?),
        (true, false) => script(&mut shell, given, &mut Terminal::new()?),
        (false, true) => script(&mut shell, stdin().lock().split(b'\n'), &mut Nobody),
        (false, false) => script(&mut shell, given, &mut StandardInput::default()),
    }
}

/// Why the client ends before its commands do.
enum Stop {
    ServerLost(String),
    /// Reading commands or printing answers failed.
    Local(io::Error),
}

impl From<io::Error> for Stop {
    fn from(problem: io::Error) -> Self {
        Self::Local(problem)
    }
}

/// Whether every command was done.
enum All {
    Well,
    NotWell,
}

/// Does one command after the other, and gives up when the server is gone.
fn script(shell: &mut Shell, lines: impl Iterator<Item = io::Result<Vec<u8>>>, ask: &mut dyn Ask) -> Result<All, Stop> {
    let mut all = All::Well;
    for line in lines {
        let line = line?;
        let line = str::from_utf8(without_mark(&line)).map(|line| line.strip_suffix('\r').unwrap_or(line));
        match line.map(str::trim) {
            Ok("") => continue,
            Ok("quit") => break,
            _ => {}
        }
        match shell.execute(line.ok(), ask) {
            Ok(text) => say(&text)?,
            Err(Failure::Refused(problem)) => {
                all = All::NotWell;
                say(&error(&problem))?;
            }
            Err(Failure::Lost(problem)) => return Err(Stop::ServerLost(problem)),
        }
    }
    Ok(all)
}

/// Talks with a person, who may go on after an error.
fn converse(shell: &mut Shell, terminal: &mut Terminal) -> Result<All, Stop> {
    shell.reach().map_err(|failure| Stop::ServerLost(failure.to_string()))?;
    loop {
        let line = match terminal.read_line(&shell.prompt())? {
            Input::Line(line) => Some(line),
            Input::NotText => None,
            Input::Interrupted => continue,
            Input::End => return Ok(All::Well),
        };
        match line.as_deref().map(str::trim) {
            Some("") => continue,
            Some("quit") => return Ok(All::Well),
            _ => {}
        }
        // A line that may have a password in it is not brought back by the arrow keys.
        let secret = |line: &&str| ["auth", "register"].iter().any(|name| line.trim_start().starts_with(name));
        if let Some(line) = line.as_deref().filter(|line| !secret(line)) {
            terminal.remember(line);
        }
        match shell.execute(line.as_deref(), terminal) {
            Ok(text) => say(&text)?,
            Err(Failure::Refused(problem)) => say(&error(&problem))?,
            Err(Failure::Lost(problem)) => complain!("chat-cli: {problem}"),
        }
    }
}

/// Without the mark by which some editors say that a file is UTF-8.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// What a person sees of a refusal.
fn error(message: &str) -> String {
    format!("Error, {}", printable(message))
}

fn say(text: &str) -> io::Result<()> {
    writeln!(stdout(), "{text}").map_err(|problem| match problem.kind() {
        ErrorKind::BrokenPipe => problem,
        kind => io::Error::new(kind, format!("standard output cannot be written: {problem}")),
    })
}
