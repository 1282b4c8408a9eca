//! How long the release binary takes until it answers, on data with many users and messages, and what users take of memory.
//!
//! `cargo bench -p chat-server --bench start -- --users 1000000 --messages 10000000 --data DIRECTORY` fills the directory, unless it
//! is there already, and then starts the server on it: after a clean stop, and after it was killed while it took messages in.
//! `-- --memory` shows what a user and a conversation take in a chat that lives in memory.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod fill;
mod memory;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mimalloc::MiMalloc;

use self::fill::Size;
use self::server::Server;

/// The same as the server's, so that memory is counted as there.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 1_000_000)]
    users: usize,
    #[arg(long, default_value_t = 10_000_000)]
    messages: usize,
    /// Direct conversations, each between two users [default: as many as users].
    #[arg(long)]
    conversations: Option<usize>,
    /// Users who are logged in.
    #[arg(long, default_value_t = 1000)]
    sessions: usize,
    /// Starts of each kind, of which the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Messages that are sent before the server is killed.
    #[arg(long, default_value_t = 100_000)]
    sent: usize,
    /// The directory to use; it is filled if it does not exist [default: a temporary one].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Measure a chat that lives in memory.
    #[arg(long)]
    memory: bool,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let conversations = args.conversations.unwrap_or(args.users);
    let size = Size { users: args.users, conversations, messages: args.messages, sessions: args.sessions };
    if args.memory {
        memory::run(size);
        return ExitCode::SUCCESS;
    }
    let own = tempfile::tempdir().unwrap();
    let data = args.data.unwrap_or_else(|| own.path().join("data"));
    if !data.exists() {
        fill::fill(&data, size);
    }
    let tokens = fill::tokens(size.sessions);
    let empty = Server::start(&own.path().join("empty")).memory();
    // The first start may find another version's data, and the files are read from the disk.
    let (first, server) = ready(&data, &tokens, size);
    server.stop();
    let (mut clean, mut killed, mut whole, mut rests) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let (after_stop, server) = ready(&data, &tokens, size);
        clean.push(after_stop);
        whole.push(server.rest());
        rests.push((server.memory() - empty).max(0.0));
        server.send(&tokens, args.sent, size);
        server.kill();
        let (after_kill, server) = ready(&data, &tokens, size);
        killed.push(after_kill);
        server.stop();
    }
    println!("{} users, {} conversations, {} messages", size.users, size.conversations, size.messages);
    println!("ready, first start: {:.0} ms", millis(first));
    show("ready after a clean stop", &mut clean);
    show(&format!("ready after kill -9 during {} sends", args.sent), &mut killed);
    show("all users read after a clean stop", &mut whole);
    rests.sort_by(f64::total_cmp);
    let rest = rests[rests.len() / 2];
    println!("memory: {:.1} MiB over an empty chat's, {:.0} bytes per user", rest / MIB, rest / size.users as f64);
    ExitCode::SUCCESS
}

/// Starts the server; the time until it has answered a `send` and an `inbox`.
fn ready(data: &std::path::Path, tokens: &[String], size: Size) -> (Duration, Server) {
    let server = Server::start(data);
    server.ask(&tokens[0], &fill::name(size.users / 2), &tokens[tokens.len() - 1]);
    (server.age(), server)
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |place: usize| millis(times[place]);
    let last = times.len() - 1;
    println!(
        "{what}: {:.0} ms, of {} starts from {:.0} to {:.0} ms",
        at(times.len() / 2),
        times.len(),
        at(0),
        at(last)
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) const MIB: f64 = 1024.0 * 1024.0;
