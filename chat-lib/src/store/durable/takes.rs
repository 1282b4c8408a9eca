//! Messages that were taken a short time ago, and may have to be put back because the answer with them could not be sent.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::limits::PUT_BACK_TIME;
use crate::model::MessageId;
use crate::store::CursorMove;
use crate::store::log::StreamId;

/// The takes of the last [`PUT_BACK_TIME`].
#[derive(Default)]
pub(super) struct Takes {
    takes: VecDeque<(Instant, u64, MessageId)>,
}

impl Takes {
    pub(super) fn add(&mut self, moves: &[CursorMove], now: Instant) {
        self.forget(now);
        self.takes.extend(moves.iter().map(|step| (now, step.conversation, step.from)));
    }

    /// For each stream of which something may be put back, where its cursor could come to be.
    pub(super) fn cursors(&mut self, now: Instant) -> HashMap<StreamId, MessageId> {
        self.forget(now);
        let mut cursors = HashMap::new();
        for &(_, stream, from) in &self.takes {
            let Ok(stream) = u32::try_from(stream) else { continue };
            let cursor = cursors.entry(StreamId(stream)).or_insert(from);
            *cursor = from.min(*cursor);
        }
        cursors
    }

    fn forget(&mut self, now: Instant) {
        while self.takes.pop_front_if(|(time, ..)| now.saturating_duration_since(*time) >= PUT_BACK_TIME).is_some() {}
    }
}
