//! Where what a command leaves out comes from.

use std::io::{self, BufRead, stdin};

use crate::script::without_mark;
use crate::shell::{Ask, Failure};
use crate::terminal::{Input, Terminal};

impl Ask for Terminal {
    fn password(&mut self, prompt: &str) -> Result<String, Failure> {
        answer(self.read_secret(prompt), PASSWORD)
    }

    fn new_password(&mut self, prompt: &str) -> Result<String, Failure> {
        let password = self.password(prompt)?;
        match answer(self.read_secret("Password again: "), PASSWORD)? == password {
            true => Ok(password),
            false => Err(Failure::Misused("the passwords differ".to_owned())),
        }
    }

    fn full_name(&mut self) -> Result<String, Failure> {
        answer(self.read_line("Full name: "), FULL_NAME)
    }

    fn invitation(&mut self) -> Result<String, Failure> {
        answer(self.read_secret("Invitation code: "), INVITATION)
    }
}

fn answer(input: io::Result<Input>, what: &str) -> Result<String, Failure> {
    match input {
        Ok(Input::Line(line)) => Ok(line),
        Ok(Input::NotText) => Err(Failure::Misused(format!("the {what} is not UTF-8"))),
        Ok(Input::Interrupted | Input::End) => Err(not_given(what)),
        Err(problem) => Err(Failure::Misused(format!("no {what} could be read: {problem}"))),
    }
}

/// A line of standard input for each answer, where the commands come from the command line.
#[derive(Default)]
pub(crate) struct StandardInput {
    /// Whether a line has been read.
    begun: bool,
}

impl StandardInput {
    fn line(&mut self, what: &str) -> Result<String, Failure> {
        let mut line = Vec::new();
        let count = stdin().lock().read_until(b'\n', &mut line);
        let count = count.map_err(|problem| Failure::Misused(format!("no {what} could be read: {problem}")))?;
        if count == 0 {
            return Err(not_given(what));
        }
        let line = if std::mem::replace(&mut self.begun, true) { &line[..] } else { without_mark(&line) };
        match str::from_utf8(line) {
            Ok(line) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
            Err(_) => Err(Failure::Misused(format!("the {what} is not UTF-8"))),
        }
    }
}

impl Ask for StandardInput {
    fn password(&mut self, _: &str) -> Result<String, Failure> {
        self.line(PASSWORD)
    }

    fn new_password(&mut self, _: &str) -> Result<String, Failure> {
        self.line(PASSWORD)
    }

    fn full_name(&mut self) -> Result<String, Failure> {
        self.line(FULL_NAME)
    }

    fn invitation(&mut self) -> Result<String, Failure> {
        self.line(INVITATION)
    }
}

/// Standard input holds the commands, and the next of them is no password.
pub(crate) struct Nobody;

impl Ask for Nobody {
    fn password(&mut self, _: &str) -> Result<String, Failure> {
        Err(not_given(PASSWORD))
    }

    fn new_password(&mut self, _: &str) -> Result<String, Failure> {
        Err(not_given(PASSWORD))
    }

    fn full_name(&mut self) -> Result<String, Failure> {
        Err(not_given(FULL_NAME))
    }

    fn invitation(&mut self) -> Result<String, Failure> {
        Err(not_given(INVITATION))
    }
}

fn not_given(what: &str) -> Failure {
    Failure::Misused(format!("no {what} was given"))
}

const PASSWORD: &str = "password";
const FULL_NAME: &str = "full name";
const INVITATION: &str = "invitation code";
