//! The first client: commands from a person, a file or the command line, and its outputs to the byte.

use std::io;

use chat_lib::printable;

use crate::shell::{Ask, Failure, Shell};
use crate::terminal::{Input, Terminal};
use crate::{All, Stop, say};

/// Does one command after the other, and gives up when the server is gone.
pub(crate) fn script(
    shell: &mut Shell,
    lines: impl Iterator<Item = io::Result<Vec<u8>>>,
    ask: &mut dyn Ask,
) -> Result<All, Stop> {
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
            Err(Failure::Lost(problem)) => return Err(Stop::ServerLost(problem)),
            Err(refused) => {
                all = All::NotWell;
                say(&error(&refused))?;
            }
        }
    }
    Ok(all)
}

/// Talks with a person, who may go on after an error.
pub(crate) fn converse(shell: &mut Shell, terminal: &mut Terminal) -> Result<All, Stop> {
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
            Err(Failure::Lost(problem)) => complain!("chat-cli: {problem}"),
            Err(refused) => say(&error(&refused))?,
        }
    }
}

/// Without the mark by which some editors say that a file is UTF-8.
pub(crate) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// What a person sees of a refusal.
pub(crate) fn error(refused: &Failure) -> String {
    format!("Error, {}", printable(&refused.to_string()))
}
