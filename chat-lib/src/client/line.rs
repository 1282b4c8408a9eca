//! A client's connection, and the state of its requests. If it knows several servers, the next request after a failure goes to
//! another one.

use std::io::{self, Read, Write};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::addresses::ServerAddresses;
use super::exchange::exchange;
use super::failover::{Connector, Failover, Retry, is_loss};
use super::options::ClientOptions;
use super::requester::Requester;
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::events::Events;
use crate::model::{Framing, MessageId, SessionToken};
use crate::protocol::{Command, Reply, Request};
use crate::session::Remote;

pub(super) struct Line<S> {
    pub(super) stream: S,
    pub(super) requester: Requester,
    /// Where and how it was connected here, so that events can be heard from there.
    target: Option<(ServerAddresses, ClientOptions)>,
    /// How long to go on with a read or write that signals interrupt, and that begins its time anew.
    patience: Option<Duration>,
    /// Ends a connection that was made here.
    pub(super) hang_up: fn(&mut S),
    /// How to connect to another server, if there are several.
    failover: Option<Failover<S>>,
    /// Whether the connection is of no more use.
    is_lost: bool,
    /// The process that it belongs to, and not to a fork of it.
    process: u32,
}

/// Why an attempt has failed.
struct Failed {
    error: Error,
    /// Whether the server may have had the request.
    sent: bool,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S) -> Self {
        let (requester, process) = (Requester::new(), process::id());
        let (target, patience, failover) = (None, None, None);
        Self { stream, requester, target, patience, hang_up: |_| (), failover, is_lost: false, process }
    }

    fn hang_up(&mut self) {
        if self.process == process::id() {
            (self.hang_up)(&mut self.stream);
        }
    }
}

impl<S: Read + Write + 'static> Line<S> {
    pub(super) fn connect(
        addresses: ServerAddresses,
        options: &ClientOptions,
        mut connector: impl Connector<Stream = S> + 'static,
    ) -> Result<Self, Error> {
        options.check(&addresses)?;
        let mut line;
        if let Some(address) = addresses.single() {
            let patience = options.patience_with_one();
            line = Self::new(connector.connect(address, patience)?);
            line.patience = Some(patience);
        } else {
            let patience = options.patience_with_several();
            let mut failover = Failover::new(&addresses, patience, Box::new(connector));
            let (stream, requester) = failover.connect(None)?;
            line = Self::new(stream);
            (line.requester, line.patience, line.failover) = (requester, Some(patience), Some(failover));
        }
        line.target = Some((addresses, options.clone()));
        Ok(line)
    }
}

impl<S: Read + Write> Line<S> {
    /// Makes a request. If there are several servers, it is made again as long as that may help and does nothing twice.
    pub(super) fn execute(&mut self, request: &Request<'_>) -> Result<Reply, Error> {
        let Some(failover) = &self.failover else {
            return self.attempt(request).map_err(|failed| failed.error);
        };
        let mut retry = Retry::new(failover.patience());
        let request = with_key(request)?;
        let is_repeatable = request.command.is_repeatable();
        let mut unknown = None;
        loop {
            let outcome = self.be_connected(retry.until()).and_then(|()| self.attempt(&request));
            let Failed { error, sent } = match outcome {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            let is_unknown = is_loss(&error) && sent || error.code() == OUTCOME_UNKNOWN;
            let pause = match &error {
                _ if is_unknown && !is_repeatable => None,
                Error::Busy => {
                    self.is_lost |= retry.is_refused_often();
                    retry.pause()
                }
                error if is_loss(error) || is_unknown => retry.pause(),
                _ => return Err(error),
            };
            // A later failure does not say whether the request was done.
            let Some((pause, failover)) = pause.zip(self.failover.as_mut()) else {
                return Err(unknown.unwrap_or(error));
            };
            failover.pause(pause)?;
            if is_unknown {
                unknown.get_or_insert(error);
            }
        }
    }

    fn attempt(&mut self, request: &Request<'_>) -> Result<Reply, Failed> {
        let Self { stream, requester, patience, .. } = self;
        let resumed = match requester.resume_first(request) {
            Some(resume) => exchange(stream, requester, *patience, &resume).map(drop),
            None => Ok(()),
        };
        let outcome = match resumed {
            Ok(()) => exchange(stream, requester, *patience, request).map_err(|error| Failed { error, sent: true }),
            Err(error) => Err(Failed { error, sent: false }),
        };
        if let Err(Failed { error, .. }) = &outcome {
            self.is_lost |= is_loss(error) || matches!(error, Error::BadReply(_));
        }
        outcome
    }

    /// Connects to another server if the connection was lost, by `until` if there is such a time.
    fn be_connected(&mut self, until: Option<Instant>) -> Result<(), Failed> {
        let Some(failover) = &mut self.failover else { return Ok(()) };
        if !self.is_lost && !failover.is_closed(&mut self.stream) {
            return Ok(());
        }
        self.is_lost = true;
        let (stream, requester) = failover.connect_elsewhere(until).map_err(|error| Failed { error, sent: false })?;
        self.hang_up();
        (self.stream, self.requester, self.is_lost, self.process) = (stream, requester, false, process::id());
        Ok(())
    }
}

/// Gives a message a key, by which it can be sent again without being stored twice.
fn with_key<'a>(request: &Request<'a>) -> Result<Request<'a>, Error> {
    let mut request = request.clone();
    if let Command::Send { framing: Framing::DEFAULT, key: key @ None, .. } = &mut request.command {
        let mut random = [0; 16];
        OsEntropy.fill(&mut random)?;
        *key = Some(format!("{:032x}", u128::from_ne_bytes(random)).into());
    }
    Ok(request)
}

const OUTCOME_UNKNOWN: &str = "outcome_unknown";

impl<S: Read + Write + Send> Remote for Mutex<Line<S>> {
    fn execute(&self, request: &Request<'_>) -> Result<Reply, Error> {
        lock(self).execute(request)
    }

    fn subscribe(&self, token: SessionToken, after: Option<MessageId>) -> Result<Events, Error> {
        let Some((addresses, options)) = lock(self).target.clone() else {
            let reason = "events need a connection of their own, and this client was given its stream";
            return Err(Error::Io(io::Error::new(io::ErrorKind::Unsupported, reason)));
        };
        Events::connect(addresses, &options, token, after)
    }
}

impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// A panic while it was locked was one of the stream's; the requester then knows of a request without an answer, and makes
/// no more.
pub(super) fn lock<S>(line: &Mutex<Line<S>>) -> MutexGuard<'_, Line<S>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
