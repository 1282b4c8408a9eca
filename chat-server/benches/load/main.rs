//! What the release binary stands, measured from outside:
//!
//! - `cargo bench -p chat-server --bench load -- abuse [--short]`: how other clients fare while somebody floods the server.
//! - `cargo bench -p chat-server --bench load -- soak [--minutes N]`: whether memory and descriptors stay as they are for an hour.
//! - `cargo bench -p chat-server --bench load -- cost`: what TLS and WebSocket cost against lines in clear text.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod abuse;
#[path = "../../../chat-lib/tests/it/tls/certificates.rs"]
#[allow(dead_code, reason = "what only the tests of the library need")]
mod certificates;
mod cost;
mod floods;
mod hammer;
mod probe;
mod server;
mod soak;
mod visits;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
    /// Cargo passes it.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Floods the server in one way after another while a well-behaved client measures.
    Abuse {
        /// Shorter floods, and time limits that a busy machine keeps, too.
        #[arg(long)]
        short: bool,
        /// Only the floods whose names contain this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Serves clients that come and go, and looks whether memory grows or descriptors are left open.
    Soak {
        #[arg(long, default_value_t = 60.0)]
        minutes: f64,
    },
    /// Measures what each transport costs.
    Cost,
}

fn main() -> ExitCode {
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let is_good = match Args::parse().what {
        What::Abuse { short, only } => abuse::run(short, &only),
        What::Soak { minutes } => soak::run(minutes),
        What::Cost => cost::run(),
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
