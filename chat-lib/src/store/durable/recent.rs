use std::collections::VecDeque;
use std::sync::Arc;

use super::group::MessageGroup;
use crate::limits::RECENT_BYTES;

/// The last groups of the log, in memory: those that are not on the disk yet, and as many before
/// them as there is room for.
#[derive(Default)]
pub(super) struct Recent {
    /// Their numbers are consecutive.
    groups: VecDeque<Arc<MessageGroup>>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, group: Arc<MessageGroup>) {
        self.bytes += group.body.len();
        self.groups.push_back(group);
    }

    pub(super) fn group(&self, number: u64) -> Option<&Arc<MessageGroup>> {
        let first = self.groups.front()?.number;
        self.groups.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Takes note that groups up to `number` are on the disk, and makes room.
    pub(super) fn committed(&mut self, number: u64) {
        while self.bytes > RECENT_BYTES
            && let Some(oldest) = self.groups.pop_front_if(|oldest| oldest.number <= number)
        {
            self.bytes -= oldest.body.len();
        }
    }
}
