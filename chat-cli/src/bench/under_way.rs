//! The messages of a fan-out that are on their way to subscribers.

use std::collections::VecDeque;
use std::time::Instant;

/// Messages that were sent, and are not acknowledged or not delivered to all.
#[derive(Default)]
pub(super) struct UnderWay {
    /// The number of the first one.
    pub(super) first: u64,
    pub(super) messages: VecDeque<Message>,
    /// How many of them were answered.
    pub(super) answered: usize,
}

pub(super) struct Message {
    pub(super) since: Instant,
    /// The line by which it was delivered to the first subscriber, which was found good. The others get the same.
    pub(super) line: Vec<u8>,
    /// How many subscribers have not got it.
    pub(super) left: usize,
    pub(super) is_answered: bool,
    pub(super) is_refused: bool,
}

impl UnderWay {
    pub(super) fn get(&mut self, number: u64) -> Option<&mut Message> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.messages.get_mut(place)
    }

    /// The message that was asked for first and has no answer.
    pub(super) fn unanswered(&mut self) -> Option<(u64, &mut Message)> {
        let number = self.first + self.answered as u64;
        self.messages.get_mut(self.answered).map(|message| (number, message))
    }

    /// Forgets those that are done.
    pub(super) fn forget_done(&mut self) {
        while self.messages.front().is_some_and(|message| message.is_answered && message.left == 0) {
            self.messages.pop_front();
            self.first += 1;
            self.answered -= 1;
        }
    }

    /// The next message from `number` on that subscribers get: one that was refused is not delivered.
    pub(super) fn next_delivered(&mut self, number: u64) -> u64 {
        let mut number = number.max(self.first);
        while self.get(number).is_some_and(|message| message.is_refused) {
            number += 1;
        }
        number
    }
}
