//! The chat server as one binary: arguments, log and signals around `chat_lib::Server`, and what an
//! operator does with its data.

/// Says a line on stderr, if anybody is there to read it.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stderr(), $($text)*).ok();
    }};
}

mod args;
mod control;
mod log;
mod serve;
mod task;

use std::error::Error;
use std::process::ExitCode;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::read();
    let outcome = match args.task {
        Some(task) => task::run(task),
        None => serve::run(&args.serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say!("chat-server: {}", Whole(&*problem));
            ExitCode::FAILURE
        }
    }
}

/// An error with its reasons.
struct Whole<'a>(&'a dyn Error);

impl std::fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut told = self.0.to_string();
        let mut next = self.0.source();
        while let Some(reason) = next {
            let text = reason.to_string();
            if !told.contains(&text) {
                write!(f, ": {text}")?;
            }
            told = text;
            next = reason.source();
        }
        Ok(())
    }
}
