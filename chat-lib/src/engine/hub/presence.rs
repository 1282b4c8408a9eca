//! Which users are there: those who have a subscription.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::limits::LAST_SEEN_USERS;
use crate::model::UserName;
use crate::protocol::Presence;

/// The users who are there, and when others were.
#[derive(Default)]
pub(super) struct Present {
    /// How many subscriptions each user has who is there.
    subscriptions: HashMap<UserName, usize>,
    /// When users were last there who are not now.
    last_seen: HashMap<UserName, Timestamp>,
}

impl Present {
    /// Counts a subscription. Returns whether it is the user's first one.
    pub(super) fn arrive(&mut self, user: &UserName) -> bool {
        let count = self.subscriptions.entry(user.clone()).or_default();
        *count += 1;
        *count == 1
    }

    /// Takes a subscription off. Returns whether it was the user's last one.
    pub(super) fn leave(&mut self, user: &UserName, now: Timestamp) -> bool {
        let Some(count) = self.subscriptions.get_mut(user) else { return false };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.subscriptions.remove(user);
        if self.last_seen.len() >= LAST_SEEN_USERS && !self.last_seen.contains_key(user) {
            self.last_seen.clear();
        }
        self.last_seen.insert(user.clone(), now);
        true
    }

    /// How many users are there.
    pub(super) fn users(&self) -> usize {
        self.subscriptions.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    pub(super) fn of(&self, user: &UserName) -> Presence {
        Presence { online: self.subscriptions.contains_key(user), last_seen: self.last_seen.get(user).copied() }
    }
}
