//! The command line of `chat-cli bench`, as data.

use std::time::Duration;

use clap::builder::{ArgPredicate, RangedU64ValueParser};

use super::endpoint::{Endpoint, Endpoints};
use super::pace::Length;
use super::pipe::Protocol;
use super::text::MIN_BYTES;
use super::workload::{Kind, Mix};
use crate::args::Security;

/// Measure how many requests a server answers, and how fast.
///
/// Connections make requests for a while; then throughput and latencies are shown. Each keeps so many requests in flight (a closed
/// loop), or, with --rate, makes them at fixed times (an open loop): a latency counts from when the request was due, so that a server that
/// stalls does not look better by being asked less. With --fan-out, one connection sends to a room, and the latency is from sending
/// to each delivery.
///
/// All messages are read back: each one that was acknowledged has to be there once, unaltered and in its sender's order. Subscribers
/// have to get each one once, in order.
///
/// The load is as heavy as the server can take, so do not point it at one that people are using. Messages go only to the accounts of
/// the run. Without --user, these are new ones: the server has to be open for registration, and its operator removes them
/// afterwards; their names begin with "bench-". What accounts that are named with --user have unread counts as read. Nobody else
/// may use them meanwhile.
///
/// Ctrl-C ends the load early and shows what was measured.
///
/// Exits with 0 if all went well, 1 if messages were lost, altered, repeated or out of order, a request was refused, or a connection
/// was lost, 2 if it was called wrongly, and 3 if the server could not be reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// The server to measure: HOST:PORT, chat://HOST, chats://HOST for encrypted connections, or ws://HOST:PORT or wss://HOST for the
    /// WebSocket of browsers.
    ///
    /// The path of the WebSocket is /ws unless one follows. Connections are spread over several servers of a chat.
    #[arg(
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8889",
        default_value_if("tls", ArgPredicate::IsPresent, "chats://127.0.0.1:8890")
    )]
    server: Vec<Endpoints>,

    #[command(flatten)]
    pub(super) security: Security,

    /// How many connections make requests.
    #[arg(short, long, value_name = "N", default_value_t = 64, value_parser = number(1..=100_000))]
    pub(super) connections: usize,

    /// How many requests each connection has in flight at most; with --fan-out, how many messages that not every subscriber has.
    #[arg(short = 'p', long, value_name = "N", default_value_t = 1, value_parser = number(1..=100_000))]
    pub(super) depth: usize,

    /// How many bytes the text of a message has.
    #[arg(short, long, value_name = "N", default_value_t = 64, value_parser = number(MIN_BYTES as u64..=16 * 1024 * 1024))]
    pub(super) bytes: usize,

    /// How long to measure.
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,

    /// How long to make requests before that, which are not measured. The default is 1, or 0 with --requests.
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,

    /// Measure so many requests, however long they take.
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    requests: Option<u64>,

    /// Make so many requests per second, over all connections together, whether or not the server keeps up.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(super) rate: Option<u32>,

    /// The protocol to speak: 1 or 2. The default is 1, or 2 over WebSocket and with --fan-out, where there is no other.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    protocol: Option<u8>,

    /// How often to request what: "send=8,inbox=1,activeuser=1" in protocol 1, "send=8,history=1,ping=1" in protocol 2. The default is
    /// "send".
    #[arg(short, long, value_name = "MIX", conflicts_with = "fan_out")]
    mix: Option<Mix>,

    /// Have one connection send to a room with so many subscribers, and measure deliveries.
    #[arg(long, value_name = "N", conflicts_with = "connections", value_parser = number(1..=100_000))]
    pub(super) fan_out: Option<usize>,

    /// Use this account; may be given more than once.
    ///
    /// Passwords are asked for at the terminal, or read from standard input if that is not a terminal, one per line.
    #[arg(short, long, value_name = "NAME", conflicts_with = "accounts")]
    pub(super) user: Vec<String>,

    /// Register so many accounts and use them.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = number(1..=10_000))]
    pub(super) accounts: usize,

    /// Print the report as one JSON object.
    #[arg(long)]
    pub(super) json: bool,

    /// How long to wait for connections and answers: the run ends if nothing at all comes for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl Bench {
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let endpoints = self.server.iter().flat_map(|Endpoints(endpoints)| endpoints).cloned();
        let has_tls = self.security.has_tls();
        endpoints.map(|endpoint| if has_tls { endpoint.encrypted() } else { endpoint }).collect()
    }

    /// The protocol, if all that was asked for is possible in it; or what is wrong.
    pub(super) fn protocol(&self) -> Result<Protocol, String> {
        // Each account has its own mailbox.
        let is_twice = |(place, user): &(usize, &String)| self.user.iter().take(*place).any(|other| other == *user);
        if let Some((_, user)) = self.user.iter().enumerate().find(is_twice) {
            return Err(format!("the account {user:?} is named twice"));
        }
        if self.security.has_ca() && !self.endpoints().iter().any(|endpoint| endpoint.address.is_encrypted()) {
            return Err("a CA file is for encrypted connections; the address has to be chats:// or wss://".to_owned());
        }
        let needs_two = match self.endpoints().iter().any(|endpoint| endpoint.websocket.is_some()) {
            true => Some("a WebSocket carries"),
            false => self.fan_out.map(|_| "subscriptions are part of"),
        };
        let protocol = match (self.protocol, needs_two) {
            (Some(1), Some(reason)) => return Err(format!("{reason} protocol 2 only")),
            (Some(2), _) | (None, Some(_)) => Protocol::Two,
            (Some(_), None) | (None, None) => Protocol::One,
            (Some(_), Some(_)) => Protocol::Two,
        };
        match self.mix().0.iter().find(|(kind, _)| !kind.is_of(protocol)) {
            Some((kind, _)) => {
                Err(format!("protocol {} has no {:?}; choose another --protocol", protocol.number(), kind.name()))
            }
            None => Ok(protocol),
        }
    }

    pub(super) fn mix(&self) -> Mix {
        self.mix.clone().unwrap_or_else(Mix::send)
    }

    pub(super) fn length(&self) -> Length {
        self.requests.map_or(Length::Time(self.duration), Length::Requests)
    }

    pub(super) fn warm_up(&self) -> Duration {
        let default = if self.requests.is_some() { Duration::ZERO } else { Duration::from_secs(1) };
        self.warm_up.unwrap_or(default)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Whether messages are sent at all.
    pub(super) fn sends(&self) -> bool {
        self.mix().0.iter().any(|(kind, _)| *kind == Kind::Send)
    }
}

fn number(range: std::ops::RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=LONGEST).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("it is a number of seconds, at most {LONGEST}"))
}

/// A week, in seconds.
const LONGEST: f64 = 604_800.0;
