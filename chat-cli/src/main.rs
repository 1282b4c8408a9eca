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
mod bench;
mod conform;
#[cfg(test)]
mod generated;
mod link;
mod live;
mod script;
mod shell;
mod style;
mod terminal;
mod trace;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::args::{Args, Task};
use crate::ask::{Nobody, StandardInput};
use crate::link::Link;
use crate::script::{converse, script};
use crate::shell::Shell;
use crate::terminal::Terminal;

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
    match &args.task {
        Some(Task::Bench(bench)) => return bench::run(bench),
        Some(Task::Conform(conform)) => return conform::run(conform),
        None => {}
    }
    let mut shell = Shell::new(Link::new(args.target(), args.trace));
    let given = args.command.iter().map(|command| Ok(command.clone().into_bytes()));
    match (stdin().is_terminal(), args.command.is_empty()) {
        (true, true) if args.seed || !stdout().is_terminal() => converse(&mut shell, &mut Terminal::new()?),
        (true, true) => live::talk(&mut shell, &mut Terminal::new()?),
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

/// Prints a line.
fn say(text: &str) -> io::Result<()> {
    writeln!(stdout(), "{text}").map_err(|problem| match problem.kind() {
        ErrorKind::BrokenPipe => problem,
        kind => io::Error::new(kind, format!("standard output cannot be written: {problem}")),
    })
}
