//! The command line, as data.

use std::net::SocketAddr;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

/// A chat server that netcat can speak to.
///
/// It runs until SIGINT or SIGTERM, then answers what it has read, closes, and exits with 0.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// Where to listen, as IP:PORT; may be given more than once. Port 0 takes a free port; the
    /// address that was really bound is said on stderr. Nothing is encrypted, passwords neither.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8889")]
    pub(crate) listen: Vec<SocketAddr>,

    /// Keep everything in memory: it is gone when the server stops. There is no other store yet, so
    /// this is what happens without it, too.
    #[arg(long)]
    pub(crate) memory: bool,

    /// Add the users messi, henderson and lineker with the password surabaya. As everybody knows it,
    /// only loopback addresses may be listened on then.
    #[arg(long)]
    pub(crate) demo: bool,

    /// What to log on stderr, a line for each event: at info connections, logins, logouts and
    /// refusals; at debug also each send, inbox and activeuser. A busy server is not held up by a slow
    /// reader of stderr: lines are lost then, and their number is said at the end.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Level::Info)]
    pub(crate) log: Level,
}

impl Args {
    /// Reads the command line; on a wrong one says what is wrong and exits with 2.
    pub(crate) fn read() -> Self {
        let args = Self::parse();
        if let Some(address) = args.listen.iter().find(|address| args.demo && !address.ip().is_loopback()) {
            let problem = format!("--demo has a public password and cannot listen on {address}, which is not loopback");
            Self::command().error(ErrorKind::ArgumentConflict, problem).exit();
        }
        args
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
