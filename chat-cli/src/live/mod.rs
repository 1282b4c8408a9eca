//! The client for a person at a terminal, on which messages are shown as they come. It relies on `terminal/` for the line that is typed
//! meanwhile, and on a session for everything else.

pub(crate) mod commands;
mod complete;
mod events;
mod feed;
mod hints;
mod known;
mod messages;
mod outgoing;
mod people;
mod render;
mod rooms;
mod talk;

use std::io;

use chat_lib::printable;

use self::commands::{Command, Typed, nearest, parse};
use self::complete::complete;
use self::feed::Feed;
use self::render::sentence;
use self::talk::{End, Talk};
use crate::shell::{Failure, Shell};
use crate::style::{Painter, Role, has_colors};
use crate::terminal::{Input, Reading, Step, Terminal};
use crate::{All, Stop};

/// Runs until the person leaves. The server must be reachable at first, and may go away and come back later.
pub(crate) fn talk(shell: &mut Shell, terminal: &mut Terminal) -> Result<All, Stop> {
    shell.reach().map_err(|failure| Stop::ServerLost(failure.to_string()))?;
    let painter = Painter { colors: has_colors() };
    loop {
        let end = match shell.session() {
            Some(_) => use_session(shell, terminal, painter)?,
            None => log_in(shell, terminal, painter)?,
        };
        if end == End::Quit {
            return Ok(All::Well);
        }
    }
}

/// Asks for a user and their password until there is a session.
fn log_in(shell: &mut Shell, terminal: &mut Terminal, painter: Painter) -> io::Result<End> {
    while shell.session().is_none() {
        let line = match terminal.read_line("User: ")? {
            Input::Line(line) => line,
            Input::NotText | Input::Interrupted => continue,
            Input::End => return Ok(End::Quit),
        };
        // A user name alone logs in, unless it is a command that needs no session.
        let typed = line.trim();
        let done = match parse(typed, false) {
            _ if typed.is_empty() => continue,
            Typed::Command(Command { name: "quit", .. }, _) => return Ok(End::Quit),
            Typed::Command(Command { name: "help", .. }, _) => Ok(HELP.to_owned()),
            Typed::Command(Command { name: name @ ("auth" | "register"), .. }, rest) => {
                shell.execute(Some(&format!("{name} {}", rest.trim())), terminal)
            }
            Typed::Nowhere(user) if user == typed => shell.execute(Some(&format!("auth {user}")), terminal),
            _ => Err(Failure::Misused(format!("Log in first. {HELP}"))),
        };
        match done {
            // The token that the first client shows is of no use here, and a secret.
            Ok(_) if shell.session().is_some() => {}
            Ok(text) => terminal.print(&text)?,
            Err(failure) => terminal.print(&shown(&failure, painter))?,
        }
    }
    Ok(End::Session)
}

/// Talks in one session until it ends.
fn use_session(shell: &mut Shell, terminal: &mut Terminal, painter: Painter) -> io::Result<End> {
    let Some((_, token)) = shell.session() else { return Ok(End::Session) };
    let feed = Feed::open(shell.link.target(), token, terminal.waker()?);
    let talk = feed.and_then(|feed| Ok((Talk::new(shell, painter, terminal.is_dumb())?, feed)));
    let (mut talk, feed) = match talk {
        Ok(talk) => talk,
        Err(error) => {
            terminal.print(&painter.paint(Role::Problem, printable(&sentence(&error.to_string()))))?;
            shell.forget_session();
            return Ok(End::Session);
        }
    };
    let welcome = talk.welcome();
    terminal.print(&welcome)?;
    let end = loop {
        if let Some(end) = talk.end {
            break end;
        }
        converse(&mut talk, &feed, terminal)?;
    };
    for line in talk.outgoing.give_up() {
        terminal.print(&painter.paint(Role::Problem, line))?;
    }
    Ok(end)
}

/// Asks for one line, shows events meanwhile, and runs the line.
fn converse(talk: &mut Talk<'_>, feed: &Feed, terminal: &mut Terminal) -> io::Result<()> {
    let mut reading = terminal.begin(talk.prompt(), false)?;
    let input = loop {
        match terminal.step(&mut reading, talk.timeout())? {
            Step::Over(input) => break input,
            Step::Tab => press_tab(talk, terminal, &mut reading)?,
            Step::Changed => talk.typed(&reading.before()),
            Step::Woken => {
                let lines = talk.catch_up(feed);
                reading.set_prompt(&talk.prompt());
                if talk.end.is_some() {
                    terminal.erase(reading)?;
                    return lines.iter().try_for_each(|line| terminal.print(line));
                }
                if !lines.is_empty() {
                    terminal.print_above(&mut reading, &lines.join("\n"))?;
                }
            }
        }
    };
    let line = match input {
        Input::Line(line) if line.trim().is_empty() => return terminal.erase(reading),
        Input::Line(line) => line,
        Input::NotText => {
            close(talk, terminal, reading)?;
            return terminal.print(&shown(&Failure::Misused("This line is not UTF-8.".to_owned()), talk.painter()));
        }
        Input::Interrupted => return close(talk, terminal, reading),
        Input::End => {
            talk.quit();
            return close(talk, terminal, reading);
        }
    };
    // A message comes back as it is, with its time.
    match parse(&line, talk.current().is_some()) {
        Typed::Text(_) | Typed::Command(Command { name: "msg", .. }, _) => terminal.erase(reading)?,
        _ => close(talk, terminal, reading)?,
    }
    if !may_hold_secret(&line, talk.current().is_some()) {
        terminal.remember(&line);
    }
    match talk.perform(&line, terminal) {
        Ok(text) if text.is_empty() => Ok(()),
        Ok(text) => terminal.print(&text),
        Err(failure) => terminal.print(&shown(&failure, talk.painter())),
    }
}

fn close(talk: &Talk<'_>, terminal: &mut Terminal, mut reading: Reading) -> io::Result<()> {
    reading.set_prompt(&talk.lasting_prompt());
    terminal.close(reading)
}

fn press_tab(talk: &Talk<'_>, terminal: &mut Terminal, reading: &mut Reading) -> io::Result<()> {
    let completion = complete(&reading.before(), &talk.known);
    reading.replace(completion.count, &completion.text);
    match completion.choices.is_empty() {
        true => Ok(()),
        false => terminal.print_above(reading, &completion.choices.join("  ")),
    }
}

/// Whether a line has a password in it, or would have if its command were spelled right.
fn may_hold_secret(line: &str, in_conversation: bool) -> bool {
    match parse(line, in_conversation) {
        Typed::Command(command, _) => command.is_secret(),
        Typed::Unknown(name) | Typed::Nowhere(name) => nearest(name).is_some_and(Command::is_secret),
        Typed::Text(_) => false,
    }
}

/// How a failure is shown.
fn shown(failure: &Failure, painter: Painter) -> String {
    let problem = match failure {
        Failure::Refused(error) => error.to_string(),
        Failure::Misused(problem) | Failure::Lost(problem) => problem.clone(),
    };
    painter.paint(Role::Problem, printable(&sentence(&problem)))
}

/// The help for somebody who is not logged in.
const HELP: &str = "Type your user name, or /register USER if you have none; /quit leaves.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_remembered() {
        for line in ["/auth a b", "auth a b", "/aut a b", "/register a b c", "regster a b c", "/password a b"] {
            assert!(may_hold_secret(line, false), "{line}");
        }
        for line in ["/msg a auth", "send a auth", "/help", "halo"] {
            assert!(!may_hold_secret(line, false), "{line}");
        }
        assert!(!may_hold_secret("auth is a word", true));
    }
}
