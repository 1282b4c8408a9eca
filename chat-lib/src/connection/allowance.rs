//! How many requests a connection may still send. It relies on the time of each turn, so that no request asks a clock.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::limits::Limits;

/// A token bucket: it holds `requests_burst` requests, and gets `requests_per_second` back. One that is empty goes into debt, so that
/// a peer that goes on has to wait longer, and is closed in the end.
pub(super) struct Allowance {
    /// In thousandths of a request, of which a millisecond brings as many as a second brings requests.
    left: i64,
    /// When it was last filled.
    filled: Timestamp,
}

impl Allowance {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { left: capacity(limits), filled: Timestamp::EPOCH }
    }

    /// Adds what the time since the last turn has brought. A clock that was set back brings nothing.
    pub(super) fn refill(&mut self, limits: &Limits, now: Timestamp) {
        let elapsed = i64::try_from(now.since(self.filled).as_millis()).unwrap_or(i64::MAX);
        self.left = self.left.saturating_add(elapsed.saturating_mul(per_second(limits))).min(capacity(limits));
        self.filled = now;
    }

    /// Takes one request. `false` if it has to be refused.
    pub(super) fn take(&mut self) -> bool {
        self.left -= REQUEST;
        self.left >= 0
    }

    /// Takes more for a request that had more to do. It may come into debt, but not so far that the next refusals end the
    /// connection: this request was not refused.
    pub(super) fn charge(&mut self, requests: usize, limits: &Limits) {
        let more = i64::try_from(requests).unwrap_or(i64::MAX).saturating_mul(REQUEST);
        self.left = self.left.saturating_sub(more).max(self.left.min(-capacity(limits) / 2));
    }

    /// How long the peer has to wait until its next request is not refused.
    pub(super) fn wait(&self, limits: &Limits) -> Duration {
        let lacking = u64::try_from(REQUEST - self.left).unwrap_or_default();
        Duration::from_millis(lacking.div_ceil(per_second(limits).unsigned_abs()))
    }

    /// Whether as many requests were refused as the burst has, so that the peer will not listen.
    pub(super) fn is_overdrawn(&self, limits: &Limits) -> bool {
        self.left <= -capacity(limits)
    }
}

/// At least one request: a peer that is never answered could not be told why.
fn capacity(limits: &Limits) -> i64 {
    i64::from(limits.requests_burst.max(1)) * REQUEST
}

fn per_second(limits: &Limits) -> i64 {
    limits.requests_per_second.max(1).into()
}

const REQUEST: i64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { requests_burst: 3, requests_per_second: 2, ..Limits::default() }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limits = limits();
        let mut allowance = Allowance::new(&limits);
        let mut admitted = |now: u64, requests: usize| {
            allowance.refill(&limits, at(now));
            (0..requests).filter(|_| allowance.take()).count()
        };
        assert_eq!(admitted(1_000, 3), 3);
        assert_eq!(admitted(1_499, 0), 0);
        assert_eq!(admitted(1_500, 1), 1);
        assert_eq!(admitted(1_000, 1), 0, "the clock was set back");
        assert_eq!(admitted(3_600_000, 4), 3, "no more than the burst");
    }

    #[test]
    fn refused_requests_make_the_wait_longer_and_the_connection_end() {
        let limits = limits();
        let mut allowance = Allowance::new(&limits);
        (0..3).for_each(|_| assert!(allowance.take()));
        let mut waits = Vec::new();
        while !allowance.is_overdrawn(&limits) {
            assert!(!allowance.take());
            waits.push(allowance.wait(&limits).as_millis());
        }
        assert_eq!(waits, [1_000, 1_500, 2_000]);
        allowance.refill(&limits, at(1));
        allowance.refill(&limits, at(2_000));
        assert!(allowance.take(), "it was told how long to wait");
    }

    #[test]
    fn what_had_much_to_do_counts_as_several_but_does_not_end_the_connection() {
        let limits = Limits { requests_burst: 10, requests_per_second: 2, ..Limits::default() };
        let mut allowance = Allowance::new(&limits);
        assert!(allowance.take());
        allowance.charge(8, &limits);
        assert!(allowance.take(), "one was left");
        allowance.charge(usize::MAX, &limits);
        assert!(!allowance.take() && !allowance.is_overdrawn(&limits));
        assert_eq!(allowance.wait(&limits), Duration::from_millis(3500));
        let debt = allowance.left;
        allowance.charge(1, &limits);
        assert_eq!(allowance.left, debt);
    }

    #[test]
    fn nothing_overflows() {
        for (requests_burst, requests_per_second) in [(0, 0), (u32::MAX, u32::MAX)] {
            let limits = Limits { requests_burst, requests_per_second, ..Limits::default() };
            let mut allowance = Allowance::new(&limits);
            for now in [0, u64::MAX, 0, 1] {
                allowance.refill(&limits, at(now));
                assert!(allowance.left <= capacity(&limits));
            }
            assert!(allowance.take());
            assert!(allowance.wait(&limits) <= Duration::from_secs(2));
        }
    }
}
