//! Dropping what cursors have passed.

use std::collections::{HashMap, HashSet};
use std::sync::TryLockError;

use super::commit::Shared;
use super::disk::Write;
use super::group::{MessageGroup, ProfileId};
use crate::error::Error;

impl Shared {
    /// Drops messages that are read, in groups that `keeps` does not say to keep, and profiles that no
    /// message has any more. Gives how many bytes of messages are left; `None`, and nothing done, while
    /// somebody else needs the log as it is, or a dump is being restored.
    pub(super) fn sweep(&self, mut keeps: impl FnMut(&MessageGroup) -> bool) -> Result<Option<usize>, Error> {
        let _log_is_ours = match self.sweeping.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let frozen = self.freeze(|state| {
            let mut cursors: HashMap<_, _> = state.users().map(|user| (user.id, user.mailbox.cursor)).collect();
            for (id, put_back) in state.receipts.cursors() {
                cursors.entry(id).and_modify(|cursor| *cursor = put_back.min(*cursor));
            }
            state.is_whole().then(|| (cursors, state.last_group(), state.retire_profiles()))
        })?;
        let Some((cursors, last, mut unused)) = frozen else { return Ok(None) };
        let mut left = 0;
        let mut writes = Vec::new();
        self.each_group(last, |group| {
            let kept = keeps(group);
            let mut thin = MessageGroup { body: Vec::new(), ..*group };
            let mut senders: HashSet<ProfileId> = HashSet::new();
            for entry in group.entries() {
                let what = || self.disk.damage(&format!("message group {} cannot be parsed", group.number));
                let entry = entry.ok_or_else(what)?;
                let cursor = cursors.get(&entry.mailbox);
                senders.insert(entry.sender);
                if cursor.is_some_and(|&cursor| entry.address > cursor || kept) {
                    entry.write(&mut thin.body);
                }
            }
            // The last group stays, if only as a sign of how far the log went.
            if thin.body.is_empty() && group.number != last {
                writes.push(Write::DropGroup(group.number));
                senders.clear();
            } else if thin.body.len() <= group.body.len() / 2 {
                // Rewriting costs as much as writing did; it has to be worth it.
                left += thin.body.len();
                senders = thin.entries().flatten().map(|entry| entry.sender).collect();
                writes.push(Write::ThinGroup(thin));
            } else {
                left += group.body.len();
            }
            unused.retain(|id| !senders.contains(id));
            if writes.len() >= GROUPS_AT_ONCE {
                self.write_beside(&std::mem::take(&mut writes))?;
            }
            Ok(())
        })?;
        self.write_beside(&writes)?;
        self.freeze(|state| {
            state.drop_profiles(&unused);
            state.write_summary();
        })?;
        Ok(Some(left))
    }
}

/// Few enough not to hold up a commit that has to wait for them.
const GROUPS_AT_ONCE: usize = 64;
