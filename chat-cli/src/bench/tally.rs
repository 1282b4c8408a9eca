//! What is counted while the load runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Latencies of requests and deliveries, and what went wrong.
pub(super) struct Tally {
    /// What is earlier belongs to the warm-up.
    measured_from: Instant,
    /// When the last answer came.
    last: Instant,
    latencies: BTreeMap<&'static str, Histogram<u64>>,
    /// How many answers and deliveries came, with those of the warm-up.
    pub(super) answers: u64,
    /// How many of them count, and how many of these were answers to requests.
    pub(super) measured: u64,
    pub(super) requests: u64,
    /// How often requests were refused, by code, with those of the warm-up.
    pub(super) refused: BTreeMap<String, u64>,
    /// How many connections were lost, by the code of the reason.
    pub(super) failed: BTreeMap<String, u64>,
    /// How many requests got no answer, because their connections were lost.
    pub(super) unanswered: u64,
    /// How many requests of an open loop were due and could not be made.
    pub(super) missed: u64,
}

impl Tally {
    pub(super) fn new(measured_from: Instant) -> Self {
        let (latencies, refused, failed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (answers, measured, requests, unanswered, missed) = (0, 0, 0, 0, 0);
        Self {
            measured_from,
            last: measured_from,
            latencies,
            answers,
            measured,
            requests,
            refused,
            failed,
            unanswered,
            missed,
        }
    }

    /// A request that was made at `since`, or was due then, was answered at `now`.
    pub(super) fn answered(&mut self, what: &'static str, since: Instant, now: Instant) {
        self.requests += u64::from(since >= self.measured_from);
        self.came(what, since, now);
    }

    /// A message that was sent at `since`, or was due then, has come to a subscriber at `now`.
    pub(super) fn delivered(&mut self, since: Instant, now: Instant) {
        self.came(DELIVERY, since, now);
    }

    fn came(&mut self, what: &'static str, since: Instant, now: Instant) {
        self.answers += 1;
        if since >= self.measured_from {
            self.measured += 1;
            self.last = self.last.max(now);
            self.record(what, now.saturating_duration_since(since));
        }
    }

    fn record(&mut self, what: &'static str, latency: Duration) {
        let histogram = self.latencies.entry(what).or_insert_with(histogram);
        histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn refuse(&mut self, code: &str) {
        self.answers += 1;
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => _ = self.refused.insert(code.to_owned(), 1),
        }
    }

    /// A connection is lost, with so many requests that were not answered.
    pub(super) fn fail(&mut self, code: &str, unanswered: usize) {
        *self.failed.entry(code.to_owned()).or_default() += 1;
        self.unanswered += unanswered as u64;
    }

    /// A request was due and was never made. It has waited at least until `now`, which counts, because the figures would be too good
    /// without it.
    pub(super) fn miss(&mut self, what: &'static str, since: Instant, now: Instant) {
        if since >= self.measured_from {
            self.missed += 1;
            self.record(what, now.saturating_duration_since(since));
        }
    }

    /// The time from the end of the warm-up to the last answer.
    pub(super) fn elapsed(&self) -> Duration {
        self.last - self.measured_from
    }

    /// The latencies in nanoseconds, by what they are of.
    pub(super) fn latencies(&self) -> impl Iterator<Item = (&'static str, &Histogram<u64>)> {
        self.latencies.iter().map(|(what, histogram)| (*what, histogram))
    }

    /// Whether nothing went wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.failed.is_empty() && self.unanswered == 0
    }
}

/// What the report calls a message that a subscriber has got.
pub(super) const DELIVERY: &str = "delivery";

/// From 1 ns to an hour.
pub(super) fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants that it takes")]
    Histogram::new_with_max(60 * 60 * 1_000_000_000, DIGITS).expect("good bounds")
}

/// How many digits of a latency are kept.
const DIGITS: u8 = 3;
