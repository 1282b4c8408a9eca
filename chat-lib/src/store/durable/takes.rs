//! Messages that were taken a short time ago, and may have to be put back because the answer with them could not be sent.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::limits::PUT_BACK_TIME;
use crate::model::MessageId;
use crate::store::CursorMove;
use crate::store::hash::NumberHasher;
use crate::store::index::stream_of;
use crate::store::log::StreamId;

/// The takes of the last [`PUT_BACK_TIME`], and some that are up to a minute older.
#[derive(Default)]
pub(super) struct Takes {
    minutes: VecDeque<Minute>,
}

/// The takes of a minute: for each stream where its cursor was at first.
struct Minute {
    begin: Instant,
    cursors: HashMap<StreamId, MessageId, NumberHasher>,
}

impl Takes {
    pub(super) fn add(&mut self, moves: &[CursorMove], now: Instant) {
        self.forget(now);
        if self.minutes.back().is_none_or(|minute| now.saturating_duration_since(minute.begin) >= MINUTE) {
            self.minutes.push_back(Minute { begin: now, cursors: HashMap::default() });
        }
        let Some(minute) = self.minutes.back_mut() else { return };
        for step in moves {
            lower(minute.cursors.entry(stream_of(step.conversation)).or_insert(step.from), step.from);
        }
    }

    /// For each stream of which something may be put back, where its cursor could come to be.
    pub(super) fn cursors(&mut self, now: Instant) -> HashMap<StreamId, MessageId> {
        self.forget(now);
        let mut cursors = HashMap::new();
        for (&stream, &from) in self.minutes.iter().flat_map(|minute| &minute.cursors) {
            lower(cursors.entry(stream).or_insert(from), from);
        }
        cursors
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |minute: &mut Minute| now.saturating_duration_since(minute.begin) >= PUT_BACK_TIME + MINUTE;
        while self.minutes.pop_front_if(is_old).is_some() {}
    }
}

fn lower(cursor: &mut MessageId, to: MessageId) {
    *cursor = to.min(*cursor);
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every take was remembered on its own: some thousands in a second came to gigabytes within the time.
    #[test]
    fn what_takes_are_remembered_by_is_bounded() {
        let (mut takes, start) = (Takes::default(), Instant::now());
        for second in 0..7200 {
            let [from, to] = [second, second + 1].map(|number| MessageId::new(number).unwrap());
            let step = CursorMove { with: None, conversation: second % 7, from, to, messages: 1, bytes: 1 };
            takes.add(&[step], start + Duration::from_secs(second));
        }
        assert!(takes.minutes.len() <= 22);
        assert!(takes.minutes.iter().all(|minute| minute.cursors.len() == 7));
        let cursors = takes.cursors(start + Duration::from_secs(7200));
        assert!(cursors.values().all(|cursor| cursor.get() < 7 + 7200 - PUT_BACK_TIME.as_secs()));
        assert_eq!(cursors.len(), 7);
        assert!(takes.cursors(start + Duration::from_secs(9000)).is_empty());
    }
}
