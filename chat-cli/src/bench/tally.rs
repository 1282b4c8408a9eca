//! What is counted while the load runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Latencies of requests and deliveries, and what went wrong.
pub(super) struct Tally {
    /// What is earlier belongs to the warm-up.
    measured_from: Instant,
    /// When the last answer came, or the load was over.
    last: Instant,
    kinds: BTreeMap<&'static str, Figures>,
    /// How many answers and deliveries came, with those of the warm-up.
    pub(super) answers: u64,
    /// How many answers to requests count.
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

/// What is known of a kind of requests, or of deliveries.
pub(super) struct Figures {
    /// How many came after the warm-up.
    pub(super) count: u64,
    /// The latencies in nanoseconds of those that were made, or due, after the warm-up.
    pub(super) latencies: Histogram<u64>,
}

impl Figures {
    pub(super) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that it takes")]
        let latencies = Histogram::new_with_max(LONGEST_NANOS, DIGITS).expect("good bounds");
        Self { count: 0, latencies }
    }

    /// Adds those of another kind.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        // It fails for other bounds only.
        self.latencies.add(&other.latencies).ok();
    }

    fn record(&mut self, latency: Duration, count: u64) {
        self.latencies.saturating_record_n(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), count);
    }
}

impl Tally {
    pub(super) fn new(measured_from: Instant) -> Self {
        Self {
            measured_from,
            last: measured_from,
            kinds: BTreeMap::new(),
            answers: 0,
            requests: 0,
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            unanswered: 0,
            missed: 0,
        }
    }

    /// A request that was made at `since`, or was due then, was answered at `now`.
    pub(super) fn answered(&mut self, what: &'static str, since: Instant, now: Instant) {
        self.requests += u64::from(now >= self.measured_from);
        self.came(what, since, now);
    }

    /// A message that was sent at `since`, or was due then, has come to a subscriber at `now`.
    pub(super) fn delivered(&mut self, since: Instant, now: Instant) {
        self.came(DELIVERY, since, now);
    }

    fn came(&mut self, what: &'static str, since: Instant, now: Instant) {
        self.answers += 1;
        if now < self.measured_from {
            return;
        }
        self.last = self.last.max(now);
        let figures = self.kinds.entry(what).or_insert_with(Figures::new);
        figures.count += 1;
        if since >= self.measured_from {
            figures.record(now.saturating_duration_since(since), 1);
        }
    }

    /// A request was refused.
    pub(super) fn refuse(&mut self, code: &str) {
        self.answers += 1;
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => _ = self.refused.insert(code.to_owned(), 1),
        }
    }

    /// A connection is lost.
    pub(super) fn fail(&mut self, code: &str) {
        *self.failed.entry(code.to_owned()).or_default() += 1;
    }

    /// A request will not be answered. It has waited until `now`, which counts, because the figures would be too good without it.
    pub(super) fn give_up(&mut self, what: &'static str, since: Instant, now: Instant) {
        self.unanswered += 1;
        self.wait(what, since, now, 1);
    }

    /// A request of an open loop was due and was never made. The time that it has waited counts, too.
    pub(super) fn miss(&mut self, what: &'static str, since: Instant, now: Instant) {
        if since >= self.measured_from {
            self.missed += 1;
            self.wait(what, since, now, 1);
        }
    }

    /// A message that was sent at `since`, or was due then, has not come to so many subscribers. The time that they have waited counts.
    pub(super) fn undelivered(&mut self, since: Instant, now: Instant, subscribers: usize) {
        self.wait(DELIVERY, since, now, subscribers as u64);
    }

    fn wait(&mut self, what: &'static str, since: Instant, now: Instant, count: u64) {
        if since >= self.measured_from && count > 0 {
            self.kinds.entry(what).or_insert_with(Figures::new).record(now.saturating_duration_since(since), count);
        }
    }

    /// The load was to last until `time`, even if no answer came for some time before that.
    pub(super) fn lasted_until(&mut self, time: Instant) {
        self.last = self.last.max(time);
    }

    /// The time from the end of the warm-up to the end of the load.
    pub(super) fn elapsed(&self) -> Duration {
        self.last - self.measured_from
    }

    /// What there is of each kind.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, &Figures)> {
        self.kinds.iter().map(|(what, figures)| (*what, figures))
    }

    /// Whether nothing went wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.failed.is_empty() && self.unanswered == 0
    }
}

/// What the report calls a message that a subscriber has got.
pub(super) const DELIVERY: &str = "delivery";

/// The longest latency that is told from longer ones: an hour.
const LONGEST_NANOS: u64 = 60 * 60 * 1_000_000_000;

/// How many digits of a latency are kept.
const DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts() {
        let second = Duration::from_secs(1);
        let begin = Instant::now();
        let mut tally = Tally::new(begin + second);
        tally.answered("send", begin, begin);
        // It was due in the warm-up, and says nothing about the latency at the load that is measured.
        tally.answered("send", begin, begin + 2 * second);
        tally.answered("send", begin + second, begin + 2 * second);
        tally.miss("send", begin + second, begin + 4 * second);
        tally.lasted_until(begin + 5 * second);
        let (_, send) = tally.kinds().next().unwrap();
        assert_eq!((send.count, send.latencies.len(), tally.answers, tally.missed), (2, 2, 3, 1));
        assert!(send.latencies.max() >= 3_000_000_000);
        assert_eq!(tally.elapsed(), 4 * second);
    }

    /// A message that was never sent counted as one delivery, however many subscribers waited for it.
    #[test]
    fn what_nobody_gets_counts_for_each_subscriber() {
        let (second, begin) = (Duration::from_secs(1), Instant::now());
        let mut tally = Tally::new(begin);
        (0..900).for_each(|_| tally.delivered(begin, begin));
        tally.undelivered(begin, begin + second, 100);
        let (_, deliveries) = tally.kinds().next().unwrap();
        assert_eq!((deliveries.count, deliveries.latencies.len(), tally.missed), (900, 1000, 0));
        assert!(deliveries.latencies.value_at_quantile(0.95) >= 999_000_000);
    }
}
