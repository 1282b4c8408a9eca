//! Several servers of one chat: which one to connect to, and when to try again.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::address::ServerAddress;
use super::addresses::ServerAddresses;
use super::exchange::exchange;
use super::requester::Requester;
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::limits::{FAILOVER_CONNECT, FAILOVER_DELAY_MAX, RECONNECT_DELAY};
use crate::protocol::{Command, Request};

/// Makes the connections of a [`Client`](crate::Client) to one of several servers, for a program that has streams of its own.
pub trait Connector: Send {
    /// What the client reads and writes.
    type Stream;

    /// Connects to a server, with the TLS handshake if its address is encrypted. Waits `patience` at most, and so does each later
    /// read and write.
    ///
    /// # Errors
    ///
    /// Whatever has failed; the next server is tried then.
    fn connect(&mut self, address: &ServerAddress, patience: Duration) -> Result<Self::Stream, Error>;

    /// Has each later read and write wait `patience` at most.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    fn set_patience(&mut self, stream: &mut Self::Stream, patience: Duration) -> Result<(), Error>;

    /// Whether the server has closed the connection, as far as is known without waiting.
    fn is_closed(&mut self, stream: &mut Self::Stream) -> bool;

    /// Waits before the servers are tried again.
    ///
    /// # Errors
    ///
    /// What the call is to fail with, if nothing more is to be tried.
    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        thread::sleep(time);
        Ok(())
    }
}

/// Several servers, and which one the client is connected to.
pub(super) struct Failover<S> {
    addresses: Vec<ServerAddress>,
    at: usize,
    /// How often no server could be connected to since one was.
    failures: u32,
    patience: Duration,
    connector: Box<dyn Connector<Stream = S>>,
}

impl<S> Failover<S> {
    pub(super) fn new(
        addresses: &ServerAddresses,
        patience: Duration,
        connector: Box<dyn Connector<Stream = S>>,
    ) -> Self {
        let addresses: Vec<_> = addresses.iter().cloned().collect();
        let at = random_below(addresses.len());
        Self { addresses, at, failures: 0, patience, connector }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn is_closed(&mut self, stream: &mut S) -> bool {
        self.connector.is_closed(stream)
    }

    pub(super) fn pause(&mut self, time: Duration) -> Result<(), Error> {
        if time.is_zero() { Ok(()) } else { self.connector.pause(time) }
    }
}

impl<S: Read + Write> Failover<S> {
    /// Connects to another server than the last one, or to that one if the others cannot be reached.
    pub(super) fn connect_elsewhere(&mut self, until: Option<Instant>) -> Result<(S, Requester), Error> {
        // Not all clients of a server that is gone go to the same one.
        self.at += 1 + random_below(self.addresses.len().saturating_sub(1));
        self.connect(until)
    }

    /// Connects to the first server that answers, and tries each of them once, until `until` if there is such a time.
    pub(super) fn connect(&mut self, until: Option<Instant>) -> Result<(S, Requester), Error> {
        let count = self.addresses.len();
        let until = until.unwrap_or_else(|| Instant::now() + self.patience);
        let mut outcome = Err(Error::TimedOut);
        for remaining in (1..=u32::try_from(count).unwrap_or(u32::MAX)).rev() {
            let share = until.saturating_duration_since(Instant::now()) / remaining;
            let Some(address) = self.addresses.get(self.at % count) else { break };
            if share.is_zero() {
                break;
            }
            let patience = connect_patience(self.failures, share);
            match reach(&mut *self.connector, address, patience, self.patience) {
                Ok(reached) => {
                    self.failures = 0;
                    return Ok(reached);
                }
                Err(error) => outcome = Err(naming(address, error)),
            }
            self.at += 1;
        }
        self.failures = self.failures.saturating_add(1);
        outcome
    }
}

/// Connects to a server and waits for its first answer: one that has stopped still takes connections.
fn reach<S: Read + Write>(
    connector: &mut dyn Connector<Stream = S>,
    address: &ServerAddress,
    patience: Duration,
    later: Duration,
) -> Result<(S, Requester), Error> {
    let mut stream = connector.connect(address, patience)?;
    let mut requester = Requester::new();
    match exchange(&mut stream, &mut requester, Some(patience), &Request::new(Command::Ping)) {
        Ok(_) | Err(Error::Busy) => {}
        Err(error) => return Err(error),
    }
    connector.set_patience(&mut stream, later)?;
    Ok((stream, requester))
}

/// Says which server it was.
fn naming(address: &ServerAddress, error: Error) -> Error {
    match error {
        Error::Io(problem) => Error::Io(io::Error::new(problem.kind(), format!("{address}: {problem}"))),
        Error::Tls(problem) => Error::Tls(format!("{address}: {problem}")),
        error => error,
    }
}

/// When to try again after failures.
pub(super) struct Retry {
    patience: Duration,
    /// When to give up; `None` before the first failure.
    until: Option<Instant>,
    failures: u32,
    refusals: u32,
}

impl Retry {
    /// Gives up `patience` after the first failure.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, until: None, failures: 0, refusals: 0 }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// How long to wait after a failure; `None` to give up.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let until = *self.until.get_or_insert(now + self.patience);
        // Where the connection was lost, another server is asked at once.
        let delay = match (self.failures, self.refusals) {
            (0, 0) => Duration::ZERO,
            (failures, _) => failover_delay(failures.saturating_sub(1)),
        };
        self.failures = self.failures.saturating_add(1);
        (now + delay < until).then_some(delay)
    }

    /// Counts a refusal with `busy`, and tells whether another server should be asked: this one may never find the others again.
    pub(super) fn is_refused_often(&mut self) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        self.refusals.is_multiple_of(REFUSALS_OF_ONE)
    }
}

/// So often a server may say that it is busy before another one is asked. It takes about a second and a half, in which most
/// takeovers are over.
const REFUSALS_OF_ONE: u32 = 5;

/// Whether an error says that the connection is of no more use, and the server may not even have noticed.
pub(super) fn is_loss(error: &Error) -> bool {
    matches!(error, Error::Disconnected | Error::TimedOut | Error::Tls(_) | Error::Io(_))
}

/// How long to wait before the next attempt, after so many: twice as long each time, and half of it random, so that not all
/// clients come at once.
pub(super) fn failover_delay(attempts: u32) -> Duration {
    let longest = RECONNECT_DELAY.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX));
    let longest = longest.min(FAILOVER_DELAY_MAX);
    longest.mul_f64(random_below(1_000) as f64 / 2_000.0 + 0.5)
}

/// How long a server may take to connect and for its first answer. If none could in that time, all of them may have much to do.
pub(super) fn connect_patience(rounds: u32, patience: Duration) -> Duration {
    FAILOVER_CONNECT.saturating_mul(1_u32.checked_shl(rounds).unwrap_or(u32::MAX)).min(patience)
}

/// A number below `end`, for an even load; it need not be a secret.
pub(super) fn random_below(end: usize) -> usize {
    let mut random = [0; size_of::<usize>()];
    // Without randomness, the first one will do.
    if OsEntropy.fill(&mut random).is_err() {
        return 0;
    }
    usize::from_ne_bytes(random).checked_rem(end).unwrap_or(0)
}
