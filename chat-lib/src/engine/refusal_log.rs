//! How many refusals the log tells of. Each costs a peer a few bytes, so that anybody could fill a disk with them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::limits::REFUSALS_LOGGED_PER_SECOND;

#[derive(Default)]
pub(super) struct RefusalLog(Mutex<Second>);

/// The second that the last refusal was in.
#[derive(Default)]
struct Second {
    began: Timestamp,
    refusals: u64,
}

impl RefusalLog {
    /// Whether a refusal is to be logged; if so, how many before it were not.
    pub(super) fn admit(&self, now: Timestamp) -> Option<u64> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unlogged = 0;
        // Also if the clock was set back.
        if now.since(second.began) >= Duration::from_secs(1) || now < second.began {
            unlogged = second.refusals.saturating_sub(REFUSALS_LOGGED_PER_SECOND);
            *second = Second { began: now, refusals: 0 };
        }
        second.refusals += 1;
        (second.refusals <= REFUSALS_LOGGED_PER_SECOND).then_some(unlogged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_of_each_second_are_logged() {
        let log = RefusalLog::default();
        let admitted = |millis: u64, refusals: u64| {
            let now = Timestamp::from_millis(millis);
            let admitted: Vec<u64> = (0..refusals).filter_map(|_| log.admit(now)).collect();
            (admitted.len() as u64, admitted.iter().sum::<u64>())
        };
        const MOST: u64 = REFUSALS_LOGGED_PER_SECOND;
        assert_eq!(admitted(5_000, MOST + 7), (MOST, 0));
        assert_eq!(admitted(5_999, 3), (0, 0));
        assert_eq!(admitted(6_000, 2), (2, 10));
        assert_eq!(admitted(60_000, 1), (1, 0));
        assert_eq!(admitted(1_000, MOST + 1), (MOST, 0), "the clock was set back");
    }
}
