//! Which users have blocked which.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Change, Index, User};
use crate::model::{Profile, UserName};

impl Index {
    pub(in crate::store) fn block(&mut self, user: &str, other: &str) -> bool {
        self.load_user(user);
        self.load_user(other);
        let name = |user: &str| self.users.get_key_value(user).map(|(name, _)| name.clone());
        let (Some(user), Some(other)) = (name(user), name(other)) else { return false };
        let Some(blocker) = self.users.get_mut(&user) else { return false };
        let blocker_id = blocker.id;
        if !blocker.more().blocked.insert(other.clone()) {
            return false;
        }
        let Some(blocked) = self.users.get_mut(&other) else { return false };
        blocked.more().blocked_by.insert(user);
        let blocked_id = blocked.id;
        self.blocks += 1;
        self.journal.push(|| Change::Blocked(blocker_id, blocked_id));
        true
    }

    pub(in crate::store) fn unblock(&mut self, user: &str, other: &str) -> bool {
        self.load_user(user);
        self.load_user(other);
        let Some(blocker) = self.users.get_mut(user) else { return false };
        let blocker_id = blocker.id;
        if !blocker.more.as_mut().is_some_and(|more| more.blocked.remove(other)) {
            return false;
        }
        self.blocks -= 1;
        if let Some(blocked) = self.users.get_mut(other) {
            blocked.more().blocked_by.remove(user);
            let blocked_id = blocked.id;
            self.journal.push(|| Change::Unblocked(blocker_id, blocked_id));
        }
        true
    }

    /// Whom a user has blocked, in order of user name.
    pub(in crate::store) fn blocked(&mut self, user: &str) -> Vec<Arc<Profile>> {
        self.load_user(user);
        let names: Vec<_> = self.users.get(user).into_iter().flat_map(User::blocked).cloned().collect();
        names.iter().filter_map(|name| Some(Arc::clone(&self.account(name.as_str())?.profile))).collect()
    }

    pub(in crate::store) fn is_blocked(&mut self, user: &str, other: &str) -> bool {
        self.load_user(user);
        self.users.get(user).is_some_and(|user| user.has_blocked(other))
    }

    /// Drops all blocks by and of a user.
    pub(super) fn drop_blocks(&mut self, user: &str) {
        let more = self.users.get(user).and_then(|user| user.more.as_ref());
        let (blocked, blocked_by): (BTreeSet<_>, BTreeSet<_>) =
            more.map(|more| (more.blocked.clone(), more.blocked_by.clone())).unwrap_or_default();
        for other in &blocked {
            self.unblock(user, other.as_str());
        }
        for other in &blocked_by {
            self.unblock(other.as_str(), user);
        }
    }
}

impl User {
    fn blocked(&self) -> impl Iterator<Item = &UserName> {
        self.more.iter().flat_map(|more| &more.blocked)
    }

    pub(super) fn has_blocked(&self, other: &str) -> bool {
        self.more.as_ref().is_some_and(|more| more.blocked.contains(other))
    }
}
