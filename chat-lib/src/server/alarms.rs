//! When a reactor has to look at a peer although no event tells it to: the earliest of its peers' deadlines.

use std::collections::BTreeSet;
use std::time::Instant;

/// The peers' alarms in order of time. A peer has one alarm at most, and it may go off early: looking at the peer once in
/// vain is cheaper than moving its alarm at every byte.
#[derive(Default)]
pub(super) struct Alarms {
    set: BTreeSet<(Instant, usize)>,
    /// When the first one goes off: every round asks.
    next: Option<Instant>,
}

impl Alarms {
    /// Sets the alarm of `slot`, which the peer keeps in `alarm`, so that it goes off at `due` or earlier.
    pub(super) fn set(&mut self, slot: usize, alarm: &mut Option<Instant>, due: Option<Instant>) {
        let Some(due) = due.filter(|&due| alarm.is_none_or(|set| due < set)) else { return };
        self.clear(slot, alarm);
        self.set.insert((due, slot));
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
        *alarm = Some(due);
    }

    pub(super) fn clear(&mut self, slot: usize, alarm: &mut Option<Instant>) {
        if let Some(set) = alarm.take() {
            self.set.remove(&(set, slot));
            self.find_next();
        }
    }

    /// When the first alarm goes off.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Removes an alarm that has gone off by `now`, and returns its slot.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        self.next.filter(|&due| due <= now)?;
        let first = self.set.pop_first();
        self.find_next();
        first.map(|(_, slot)| slot)
    }

    fn find_next(&mut self) {
        self.next = self.set.first().map(|&(due, _)| due);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_alarm_is_known() {
        let (mut alarms, mut own) = (Alarms::default(), [None; 3]);
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        for (slot, seconds) in [(0, 3), (1, 1), (2, 2)] {
            alarms.set(slot, &mut own[slot], Some(at(seconds)));
        }
        assert_eq!((alarms.next(), alarms.pop(now)), (Some(at(1)), None));
        // A later time does not move it, and an earlier one does.
        alarms.set(1, &mut own[1], Some(at(9)));
        alarms.set(0, &mut own[0], Some(at(0)));
        assert_eq!((alarms.next(), alarms.pop(now)), (Some(now), Some(0)));
        assert_eq!(alarms.next(), Some(at(1)));
        alarms.clear(1, &mut own[1]);
        assert_eq!((alarms.next(), alarms.pop(at(5)), alarms.pop(at(5))), (Some(at(2)), Some(2), None));
        assert_eq!(alarms.next(), None);
    }
}
