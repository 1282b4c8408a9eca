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

/// What the commands of a turn have come to.
pub(crate) struct Tally {
    /// Which of `done` are not 0, a bit for each.
    touched: u64,
    done: [u32; KINDS],
    refused: Vec<(Option<CommandKind>, Refusal)>,
    /// How long the turn has taken, if that was measured.
    time: Option<Duration>,
    /// How long commands took that ended in this turn and had to wait for something.
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
    pub(crate) fn new() -> Self {
        Self { touched: 0, done: [0; KINDS], refused: Vec::new(), time: None, waited: Vec::new() }
    }

    /// Counts a command that was done.
    pub(crate) fn done(&mut self, command: CommandKind) {
        let kind = command as usize;
        self.touched |= 1 << kind;
        if let Some(count) = self.done.get_mut(kind) {
            *count += 1;
        }
    }

    /// Counts a command that was refused; `None` for a request that is no command.
    pub(crate) fn refused(&mut self, command: Option<CommandKind>, refusal: &Error) {
        self.refused.push((command, Refusal::of(refusal)));
    }

    /// Notes how long a command has taken that had to wait.
    pub(crate) fn waited(&mut self, work: Work, time: Duration) {
        self.waited.push((work, time));
    }

    /// Notes how long the turn has taken, with its commit.
    pub(crate) fn took(&mut self, time: Duration) {
        self.time = Some(time);
    }

    /// How many commands there were.
    pub(crate) fn commands(&self) -> usize {
        self.each_done().map(|(_, count)| count as usize).sum::<usize>() + self.refused.len()
    }

    /// The commit has failed: nothing was done, or nobody knows, and all commands are refused for that.
    pub(crate) fn fail(&mut self, problem: &CommitError) {
        let refusal = match problem {
            CommitError::Undone(problem) => Refusal::of(problem),
            CommitError::Unknown(_) => Refusal { code: place_of("outcome_unknown"), failed: true },
        };
        let done: Vec<_> = self.each_done().collect();
        for (kind, count) in done {
            self.refused.extend((0..count).map(|_| (CommandKind::ALL.get(kind).copied(), refusal)));
        }
        self.refused.iter_mut().for_each(|(_, refused)| *refused = refusal);
        (self.touched, self.done) = (0, [0; KINDS]);
    }

    /// The commands that were done, by the numbers of their kinds.
    fn each_done(&self) -> impl Iterator<Item = (usize, u32)> {
        let mut left = self.touched;
        std::iter::from_fn(move || {
            let kind = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some((kind, self.done.get(kind).copied().unwrap_or_default()))
        })
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
    pub(super) fn add(&self, tally: &Tally) {
        let Outcomes { requests, codes } = &*self.0;
        let add = |kind: usize, outcome: usize, count: u32| {
            if let Some(counter) = requests.get(kind).and_then(|outcomes| outcomes.get(outcome)) {
                counter.fetch_add(count.into(), Ordering::Relaxed);
            }
        };
        tally.each_done().for_each(|(kind, count)| add(kind, DONE, count));
        for (command, refusal) in &tally.refused {
            add(command.map_or(KINDS, |kind| kind as usize), if refusal.failed { FAILED } else { REFUSED }, 1);
            if let Some(counter) = codes.get(refusal.code) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
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
            // Some codes never answer a request.
            match counter.load(Ordering::Relaxed) {
                0 => {}
                count => encode_counter(&mut encoder, &[("code", *code)], count)?,
            }
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
    pub(super) fn add(&self, tally: &Tally) {
        let [(_, nothing), (_, password), (_, authenticator), (_, reading)] = &self.0;
        if let Some(time) = tally.time {
            let at_once = tally.commands().saturating_sub(tally.waited.len());
            if at_once > 0 {
                nothing.observe_time(time, at_once as u64);
            }
        }
        for (work, time) in &tally.waited {
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

/// Each kind has a bit.
const _: () = assert!(KINDS <= u64::BITS as usize);

const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];
const DONE: usize = 0;
const REFUSED: usize = 1;
const FAILED: usize = 2;
