//! What one turn counts, in plain numbers, and what all turns together have counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::Histogram;
use crate::error::Error;
use crate::protocol::CommandKind;
use crate::store::CommitError;

/// What the commands of a turn have come to. It is small: a turn may have one command, and is moved around.
#[derive(Default)]
pub(crate) struct Tally {
    /// How often the command was done that was done first. Most turns have only commands of one kind.
    first: (u32, Option<CommandKind>),
    more: Option<Box<More>>,
}

/// What most turns do not have.
struct More {
    /// How often each other command was done.
    done: [u32; KINDS],
    refused: Vec<(Option<CommandKind>, Refusal)>,
    /// How long commands took that had to wait for something.
    waited: Vec<(Work, Duration)>,
}

/// An error, as far as it is counted.
#[derive(Clone, Copy)]
struct Refusal {
    /// The place of its code among [`Error::CODES`].
    code: usize,
    /// The machine's fault.
    failed: bool,
}

/// What a command had to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    Password,
    Authenticator,
    Reading,
}

impl Tally {
    /// Counts a command that was done.
    #[inline]
    pub(crate) fn done(&mut self, command: CommandKind) {
        let (count, first) = &mut self.first;
        if *first.get_or_insert(command) == command {
            *count += 1;
        } else if let Some(count) = self.more().done.get_mut(command as usize) {
            *count += 1;
        }
    }

    /// Counts a command that was refused; `None` for a request that is no command.
    pub(crate) fn refused(&mut self, command: Option<CommandKind>, refusal: &Error) {
        self.more().refused.push((command, Refusal::of(refusal)));
    }

    /// Notes how long a command has taken that had to wait.
    pub(crate) fn waited(&mut self, work: Work, time: Duration) {
        self.more().waited.push((work, time));
    }

    /// How many commands there were.
    pub(crate) fn commands(&self) -> usize {
        let refused = self.more.as_ref().map_or(0, |more| more.refused.len());
        self.each_done().map(|(_, count)| count as usize).sum::<usize>() + refused
    }

    /// The commit has failed: nothing was done, or nobody knows, and all commands are refused for that.
    pub(crate) fn fail(&mut self, problem: &CommitError) {
        let refusal = match problem {
            CommitError::Undone(problem) => Refusal::of(problem),
            CommitError::Unknown(_) => Refusal { code: place_of("outcome_unknown"), failed: true },
        };
        let done: Vec<_> = self.each_done().collect();
        self.first = (0, None);
        let more = self.more();
        more.done = [0; KINDS];
        more.refused.iter_mut().for_each(|(_, refused)| *refused = refusal);
        for (command, count) in done {
            more.refused.extend((0..count).map(|_| (Some(command), refusal)));
        }
    }

    /// Whether one of the commands had to wait for something.
    pub(crate) fn has_waited(&self) -> bool {
        self.more.as_ref().is_some_and(|more| !more.waited.is_empty())
    }

    #[cold]
    fn more(&mut self) -> &mut More {
        let new = || Box::new(More { done: [0; KINDS], refused: Vec::new(), waited: Vec::new() });
        self.more.get_or_insert_with(new)
    }

    /// The commands that were done, and how often.
    fn each_done(&self) -> impl Iterator<Item = (CommandKind, u32)> {
        let (count, first) = self.first;
        let others = self.more.iter().flat_map(|more| CommandKind::ALL.into_iter().zip(more.done));
        first.map(|first| (first, count)).into_iter().chain(others.filter(|(_, count)| *count > 0))
    }
}

impl Refusal {
    fn of(error: &Error) -> Self {
        let failed = matches!(
            error,
            Error::Storage(_) | Error::OutcomeUnknown(_) | Error::Entropy(_) | Error::Hashing(_) | Error::Busy
        );
        Self { code: place_of(error.code()), failed }
    }
}

fn place_of(code: &str) -> usize {
    Error::CODES.iter().position(|(known, _)| *known == code).unwrap_or_default()
}

/// Requests by command and outcome.
#[derive(Clone, Debug)]
pub(super) struct Requests(Arc<Outcomes>);

/// Refusals by code.
#[derive(Clone, Debug)]
pub(super) struct Refusals(Arc<Outcomes>);

#[derive(Debug)]
struct Outcomes {
    /// For each kind of command, and at the end for what is no command: done, refused, failed.
    requests: [[AtomicU64; OUTCOMES.len()]; KINDS + 1],
    codes: [AtomicU64; Error::CODES.len()],
}

impl Requests {
    #[inline]
    pub(super) fn add(&self, tally: &Tally) {
        if let (count, Some(command)) = tally.first {
            self.count(Some(command), DONE, count);
        }
        if let Some(more) = &tally.more {
            self.add_more(more);
        }
    }

    #[cold]
    fn add_more(&self, more: &More) {
        for (command, count) in CommandKind::ALL.into_iter().zip(more.done).filter(|(_, count)| *count > 0) {
            self.count(Some(command), DONE, count);
        }
        for (command, refusal) in &more.refused {
            self.count(*command, if refusal.failed { FAILED } else { REFUSED }, 1);
            if let Some(counter) = self.0.codes.get(refusal.code) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    #[inline]
    fn count(&self, command: Option<CommandKind>, outcome: usize, count: u32) {
        let outcomes = self.0.requests.get(command.map_or(KINDS, |command| command as usize));
        if let Some(counter) = outcomes.and_then(|outcomes| outcomes.get(outcome)) {
            counter.fetch_add(count.into(), Ordering::Relaxed);
        }
    }

    pub(super) fn refusals(&self) -> Refusals {
        Refusals(Arc::clone(&self.0))
    }
}

impl Default for Requests {
    fn default() -> Self {
        let requests = std::array::from_fn(|_| Default::default());
        Self(Arc::new(Outcomes { requests, codes: std::array::from_fn(|_| AtomicU64::new(0)) }))
    }
}

impl EncodeMetric for Requests {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let commands = CommandKind::ALL.iter().map(|kind| kind.name()).chain(["none"]);
        for (command, counters) in commands.zip(&self.0.requests) {
            for (outcome, counter) in OUTCOMES.iter().zip(counters) {
                let labels = [("command", command), ("outcome", *outcome)];
                encode_counter(&mut encoder, &labels, counter.load(Ordering::Relaxed))?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for Refusals {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for ((code, _), counter) in Error::CODES.iter().zip(&self.0.codes) {
            // Zeros are shown, too: Prometheus sees no increase when a metric appears with 1.
            encode_counter(&mut encoder, &[("code", *code)], counter.load(Ordering::Relaxed))?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

fn encode_counter(encoder: &mut MetricEncoder<'_>, labels: &[(&str, &str)], count: u64) -> fmt::Result {
    encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

/// How long requests took.
#[derive(Clone, Debug)]
pub(super) struct Durations([(&'static str, Histogram); 4]);

impl Durations {
    /// `time` is how long the turn took, if that was measured.
    pub(super) fn add(&self, tally: &Tally, time: Option<Duration>) {
        let [(_, nothing), (_, password), (_, authenticator), (_, reading)] = &self.0;
        let waited = tally.more.as_ref().map_or(&[][..], |more| &more.waited);
        if let Some(time) = time {
            let at_once = tally.commands().saturating_sub(waited.len());
            nothing.observe_time(time, at_once as u64);
        }
        for (work, time) in waited {
            let durations = match work {
                Work::Password => password,
                Work::Authenticator => authenticator,
                Work::Reading => reading,
            };
            durations.observe_time(*time, 1);
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self(["nothing", "password", "authenticator", "reading"].map(|work| (work, Histogram::seconds())))
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(work, durations)| {
            let labels = [("waited_for", *work)];
            durations.encode(encoder.encode_family(&labels)?)
        })
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

const KINDS: usize = CommandKind::ALL.len();

const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];
const DONE: usize = 0;
const REFUSED: usize = 1;
const FAILED: usize = 2;
