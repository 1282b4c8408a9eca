//! When a reactor has to look at a peer although no event tells it to: the earliest of its peers' deadlines.

use std::collections::BTreeSet;
use std::time::Instant;

/// The peers' alarms in order of time. A peer has one alarm at most, and it may go off early: looking at the peer once in
/// vain is cheaper than moving its alarm at every byte.
#[derive(Default)]
pub(super) struct Alarms {
    set: BTreeSet<(Instant, usize)>,
}

impl Alarms {
    /// Sets the alarm of `slot`, which the peer keeps in `alarm`, so that it goes off at `due` or earlier.
    pub(super) fn set(&mut self, slot: usize, alarm: &mut Option<Instant>, due: Option<Instant>) {
        let Some(due) = due.filter(|&due| alarm.is_none_or(|set| due < set)) else { return };
        self.clear(slot, alarm);
        self.set.insert((due, slot));
        *alarm = Some(due);
    }

    pub(super) fn clear(&mut self, slot: usize, alarm: &mut Option<Instant>) {
        if let Some(set) = alarm.take() {
            self.set.remove(&(set, slot));
        }
    }

    /// When the first alarm goes off.
    pub(super) fn next(&self) -> Option<Instant> {
        self.set.first().map(|&(due, _)| due)
    }

    /// Removes an alarm that has gone off by `now`, and returns its slot.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        self.set.first().filter(|&&(due, _)| due <= now)?;
        self.set.pop_first().map(|(_, slot)| slot)
    }
}
