//! The chat server as one binary: arguments, log and signals around `chat_lib::Server`.

/// Says a line on stderr, if anybody is there to read it.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stderr(), $($text)*).ok();
    }};
}

mod args;
mod log;

use std::error::Error;
use std::process::ExitCode;
use std::thread;

use chat_lib::server::Handle;
use chat_lib::{Chat, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::Args;
use crate::log::Log;

fn main() -> ExitCode {
    match run(&Args::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say!("chat-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // Before the server listens, so that no signal finds it unprepared.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let log = Log::start(args.log.into());
    let outcome = serve(args, signals);
    log.finish();
    outcome
}

fn serve(args: &Args, signals: Signals) -> Result<(), Box<dyn Error>> {
    allow_many_connections();

    let chat = Chat::memory();
    if args.demo {
        chat.add_demo_users()?;
    }
    let server = Server::bind(chat, &args.listen[..])?;
    say!("chat-server: everything is kept in memory and gone when the server stops");
    for address in server.addresses() {
        say!("chat-server: listening on {address}");
        if !address.ip().is_loopback() {
            say!("chat-server: passwords and messages to and from {address} are not encrypted");
        }
    }
    stop_at(signals, server.handle());
    server.run()?;
    tracing::info!("stopped");
    Ok(())
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
