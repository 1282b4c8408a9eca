//! The chat client for a terminal or a script.

mod args;
mod shell;
mod trace;

use std::io::{self, BufRead, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;

use clap::Parser;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::args::Args;
use crate::shell::{Failure, Shell};

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(All::Well) => ExitCode::SUCCESS,
        Ok(All::NotWell) => ExitCode::from(1),
        Err(Failure::Refused(problem) | Failure::Lost(problem)) => {
            eprintln!("chat-cli: {problem}");
            ExitCode::from(3)
        }
    }
}

fn run(args: &Args) -> Result<All, Failure> {
    let (interactive, once) = (stdin().is_terminal(), !args.command.is_empty());
    let ask_password = match (interactive, once) {
        (true, _) => password_from_terminal,
        (false, true) => password_from_stdin,
        // Standard input holds the commands, and the next of them is no password.
        (false, false) => || None,
    };
    let mut shell = Shell::new(&args.server, args.trace, ask_password)?;
    match (interactive, once) {
        (_, true) => script(&mut shell, args.command.iter().cloned().map(Ok)),
        (false, false) => script(&mut shell, stdin().lock().lines()),
        (true, false) => converse(&mut shell),
    }
}

/// Whether every command was done.
enum All {
    Well,
    NotWell,
}

/// Does one command after the other, and gives up when the server is gone.
fn script(shell: &mut Shell, lines: impl Iterator<Item = io::Result<String>>) -> Result<All, Failure> {
    let mut all = All::Well;
    for line in lines {
        let line = line.map_err(unreadable)?;
        match line.trim() {
            "" => continue,
            "quit" => break,
            _ => {}
        }
        match shell.execute(&line) {
            Ok(text) => say(&text)?,
            Err(Failure::Refused(problem)) => {
                all = All::NotWell;
                say(&format!("Error, {problem}"))?;
            }
            Err(lost) => return Err(lost),
        }
    }
    Ok(all)
}

/// Talks with a person at a terminal, who may go on after an error.
fn converse(shell: &mut Shell) -> Result<All, Failure> {
    let mut editor = DefaultEditor::new().map_err(unreadable)?;
    loop {
        let line = match editor.readline(&shell.prompt()) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(All::Well),
            Err(problem) => return Err(unreadable(problem)),
        };
        match line.trim() {
            "" => continue,
            "quit" => return Ok(All::Well),
            _ => {}
        }
        // A line with a password is not brought back by the arrow keys.
        if !line.trim_start().starts_with("auth") {
            editor.add_history_entry(&line).map_err(unreadable)?;
        }
        match shell.execute(&line) {
            Ok(text) => say(&text)?,
            Err(Failure::Refused(problem)) => say(&format!("Error, {problem}"))?,
            Err(Failure::Lost(problem)) => eprintln!("chat-cli: {problem}"),
        }
    }
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}").map_err(|problem| Failure::Lost(format!("standard output: {problem}")))
}

fn unreadable(problem: impl std::fmt::Display) -> Failure {
    Failure::Lost(format!("standard input: {problem}"))
}

fn password_from_terminal() -> Option<String> {
    rpassword::prompt_password("Password: ").ok()
}

fn password_from_stdin() -> Option<String> {
    let mut line = String::new();
    stdin().read_line(&mut line).ok().filter(|&count| count > 0)?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}
