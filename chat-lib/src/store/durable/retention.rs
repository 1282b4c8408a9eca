//! Which messages are kept although they were read, and the clock that decides it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Keep, KeepRead};
use crate::clock::{Clock, Timestamp};
use crate::limits::RETENTION_CATCH_UP;
use crate::store::log::Block;

/// What [`KeepRead`] comes to at any time.
///
/// The system's clock may be wrong for a while, and what was dropped by it is gone. So the time here moves towards the
/// system's, [`RETENTION_CATCH_UP`] times as fast as time passes and no faster, and it is kept with the data, as the
/// clock may be wrong at a start, too. When the system's clock says less, that counts: nothing is dropped by mistake then.
pub(super) struct Retention {
    pub(super) keep_read: KeepRead,
    pub(super) keep: Keep,
    clock: Arc<dyn Clock>,
    reached: Mutex<Reached>,
}

struct Reached {
    time: Timestamp,
    at: Instant,
}

impl Retention {
    /// `known` is the time that the data has; the epoch if it is new.
    pub(super) fn new(keep_read: KeepRead, keep: Keep, clock: Arc<dyn Clock>, known: Timestamp, now: Instant) -> Self {
        let time = if known == Timestamp::EPOCH { clock.now() } else { known };
        Self { keep_read, keep, clock, reached: Mutex::new(Reached { time, at: now }) }
    }

    /// The time to be kept with the data.
    pub(super) fn time(&self, now: Instant) -> Timestamp {
        let system = self.clock.now();
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(reached.at).saturating_mul(RETENTION_CATCH_UP);
        let (earliest, latest) = (reached.time.before(passed), reached.time.after(passed));
        reached.time = system.clamp(earliest, latest);
        reached.at = reached.at.max(now);
        reached.time
    }

    /// Tells of each block, in the order of the log, whether its messages are to be kept as of now even if they were read: those
    /// of rooms that have an age of their own, or with `None` all others.
    pub(super) fn keeps(&self, now: Instant) -> impl FnMut(&Block, Option<Duration>) -> bool + use<> {
        let (keep_read, now) = (self.keep_read, self.time(now).min(self.clock.now()));
        let mut latest = Timestamp::EPOCH;
        move |block, age| {
            // What came later was not sent earlier: a machine may boot in 1970 and be told the time afterwards.
            if block.time <= now {
                latest = latest.max(block.time);
            }
            let keep = match (keep_read, age) {
                (KeepRead::Everything, _) => return true,
                (_, Some(age)) => age,
                (KeepRead::No, None) => Duration::ZERO,
                (KeepRead::For(keep), None) => keep,
                (KeepRead::Forever, None) => Duration::MAX,
            };
            now.since(latest.max(block.time)) < keep
        }
    }
}

/// A clock that can be put forward and back.
#[cfg(test)]
pub(super) struct Wall(Mutex<Timestamp>);

#[cfg(test)]
impl Wall {
    pub(super) fn at(number: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(day(number))))
    }

    pub(super) fn set(&self, number: u64) {
        *self.0.lock().unwrap() = day(number);
    }
}

#[cfg(test)]
impl Clock for Wall {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[cfg(test)]
fn day(number: u64) -> Timestamp {
    Timestamp::from_millis(number * 86_400_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::MessageId;

    const DAY: Duration = Duration::from_secs(86_400);
    const KEEP: KeepRead = KeepRead::For(Duration::from_secs(90 * 86_400));

    fn block(time: Timestamp) -> Block {
        Block::new(MessageId::NONE, time)
    }

    fn retention(wall: &Arc<Wall>, known: Timestamp, start: Instant) -> Retention {
        Retention::new(KEEP, Keep::default(), Arc::<Wall>::clone(wall), known, start)
    }

    #[test]
    fn the_time_follows_the_systems_at_a_bounded_pace() {
        let start = Instant::now();
        let wall = Wall::at(1000);
        let retention = retention(&wall, Timestamp::EPOCH, start);
        assert_eq!(retention.time(start), day(1000), "new data has nothing to lose");
        wall.set(1030);
        assert_eq!(retention.time(start), day(1000));
        assert_eq!(retention.time(start + DAY), day(1024), "a machine that was off for a month");
        assert_eq!(retention.time(start + 2 * DAY), day(1030));
        wall.set(0);
        assert!(retention.keeps(start + 2 * DAY)(&block(day(1)), None), "by the system's clock, that is in the future");
        wall.set(1032);
        assert_eq!(retention.time(start + 3 * DAY), day(1032), "a moment in 1970 costs a moment");
    }

    #[test]
    fn what_was_sent_under_a_wrong_clock_counts_as_what_came_before_it() {
        let start = Instant::now();
        let wall = Wall::at(1000);
        let retention = retention(&wall, day(1000), start);
        let mut keeps = retention.keeps(start);
        assert!(!keeps(&block(day(0)), None), "nothing came before it");
        assert!(!keeps(&block(day(910)), None));
        assert!(keeps(&block(day(911)), None));
        assert!(keeps(&block(day(0)), None));
        assert!(keeps(&block(day(2000)), None));
        wall.set(1001);
        let mut keeps = retention.keeps(start + DAY);
        assert!(!keeps(&block(day(911)), None) && !keeps(&block(day(0)), None), "and goes with it");
        assert!(keeps(&block(day(2000)), None));
        assert!(!keeps(&block(day(0)), None), "a time in the future says nothing of those behind it");
    }
}
