//! The chat server as one binary: arguments, log and signals around `chat_lib::Server`.

mod args;

use std::error::Error;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::thread;

use chat_lib::server::Handle;
use chat_lib::{Chat, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;

use crate::args::Args;

fn main() -> ExitCode {
    match run(&Args::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("chat-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // Before the server listens, so that no signal finds it unprepared.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let _log = log_to_stderr(args.log.into());
    allow_many_connections();

    let chat = Chat::memory();
    if args.demo {
        chat.add_demo_users()?;
    }
    let server = Server::bind(chat, &args.listen[..])?;
    eprintln!("chat-server: everything is kept in memory and gone when the server stops");
    for address in server.addresses() {
        eprintln!("chat-server: listening on {address}");
        if !address.ip().is_loopback() {
            eprintln!("chat-server: passwords and messages to and from {address} are not encrypted");
        }
    }
    stop_at(signals, server.handle());
    server.run()?;
    tracing::info!("stopped");
    Ok(())
}

/// Logs through a thread of its own: whoever reads stderr too slowly, or not at all, loses lines and
/// does not hold up the server. What the guard still has is written when it is dropped.
fn log_to_stderr(level: LevelFilter) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(stderr());
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(stderr().is_terminal())
        .with_writer(writer)
        .init();
    guard
}

/// A connection takes a descriptor, and the soft limit is often 1,024 for the sake of old programs.
fn allow_many_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(problem) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%problem, "the limit of open files could not be raised");
    }
}

/// The first signal stops the server, the second one does not wait for it.
fn stop_at(mut signals: Signals, handle: Handle) {
    thread::spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                std::process::exit(128 + signal);
            }
            tracing::info!(signal, "stopping");
            handle.stop();
        }
    });
}
