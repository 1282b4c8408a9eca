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
            let ours = problem.downcast_ref::<chat_lib::Error>();
            say!("chat-server: {}", ours.map_or_else(|| problem.to_string(), chat_lib::Error::with_reasons));
            ExitCode::FAILURE
        }
    }
}
