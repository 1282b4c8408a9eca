//! The chat client for a terminal or a script.

/// Says a line on stderr, if anybody is there to read it.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stderr(), $($text)*).ok();
    }};
}

mod args;
mod shell;
mod trace;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::args::Args;
use crate::shell::{AskPassword, Failure, Shell};

fn main() -> ExitCode {
    match run(&Args::parse()) {
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
    let (interactive, once) = (stdin().is_terminal(), !args.command.is_empty());
    let ask_password: AskPassword = match (interactive, once) {
        (true, _) => password_from_terminal()?,
        (false, true) => Box::new(password_from_stdin),
        // Standard input holds the commands, and the next of them is no password.
        (false, false) => Box::new(|| None),
    };
    let mut shell = Shell::new(&args.server, args.trace, ask_password);
    match (interactive, once) {
        (_, true) => script(&mut shell, args.command.iter().map(|command| Ok(command.clone().into_bytes()))),
        (false, false) => script(&mut shell, stdin().lock().split(b'\n')),
        (true, false) => converse(&mut shell),
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
fn script(shell: &mut Shell, lines: impl Iterator<Item = io::Result<Vec<u8>>>) -> Result<All, Stop> {
    let mut all = All::Well;
    for line in lines {
        let line = line?;
        let outcome = match str::from_utf8(&line).map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) if line.trim() == "quit" => break,
            Ok(line) => shell.execute(line),
            Err(_) => Err(Failure::bad_command()),
        };
        match outcome {
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

/// Talks with a person at a terminal, who may go on after an error.
fn converse(shell: &mut Shell) -> Result<All, Stop> {
    shell.connect().map_err(|failure| Stop::ServerLost(failure.to_string()))?;
    let mut editor = DefaultEditor::new().map_err(io::Error::other)?;
    loop {
        let line = match editor.readline(&shell.prompt()) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(All::Well),
            Err(problem) => return Err(io::Error::other(problem).into()),
        };
        match line.trim() {
            "" => continue,
            "quit" => return Ok(All::Well),
            _ => {}
        }
        // A line with a password is not brought back by the arrow keys.
        if !line.trim_start().starts_with("auth") {
            editor.add_history_entry(&line).map_err(io::Error::other)?;
        }
        match shell.execute(&line) {
            Ok(text) => say(&text)?,
            Err(Failure::Refused(problem)) => say(&error(&problem))?,
            Err(Failure::Lost(problem)) => complain!("chat-cli: {problem}"),
        }
    }
}

/// What a person sees of a refusal. The server's words could hold commands to the terminal.
fn error(message: &str) -> String {
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    format!("Error, {}", message.chars().map(plain).collect::<String>())
}

fn say(text: &str) -> io::Result<()> {
    writeln!(stdout(), "{text}")
}

/// Asks at the terminal, until a person gives up with Ctrl-C. `rpassword` makes a signal of that while
/// the terminal is still without echo, and would leave it so if the signal ended the program.
fn password_from_terminal() -> io::Result<AskPassword> {
    let mortal = Arc::new(AtomicBool::new(true));
    flag::register_conditional_default(SIGINT, Arc::clone(&mortal))?;
    Ok(Box::new(move || {
        mortal.store(false, Ordering::SeqCst);
        let password = rpassword::prompt_password("Password: ").ok();
        mortal.store(true, Ordering::SeqCst);
        password
    }))
}

fn password_from_stdin() -> Option<String> {
    let mut line = String::new();
    stdin().read_line(&mut line).ok().filter(|&count| count > 0)?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}
