//! Invitations that were not used yet.

use super::{Change, Index};
use crate::clock::Timestamp;
use crate::model::{Account, Invitation, InvitationId};
use crate::store::Redeemed;

impl Index {
    pub(in crate::store) fn add_invitation(&mut self, invitation: Invitation) -> bool {
        if self.invitations.contains_key(&invitation.id) {
            return false;
        }
        let has_expired = |old: &&Invitation| old.expires <= invitation.created;
        let expired: Vec<_> = self.invitations.values().filter(has_expired).map(|old| old.id).collect();
        for id in expired {
            self.remove_invitation(&id);
        }
        self.invitations.insert(invitation.id, invitation);
        self.journal.push(|| Change::Invitation(invitation));
        true
    }

    pub(in crate::store) fn invitation(&self, id: &InvitationId, now: Timestamp) -> Option<Invitation> {
        self.invitations.get(id).copied().filter(|invitation| invitation.expires > now)
    }

    /// Those that are valid, in order of creation; without a time, all that are kept.
    pub(in crate::store) fn invitations(&self, now: Option<Timestamp>) -> Vec<Invitation> {
        let is_valid = |invitation: &&Invitation| now.is_none_or(|now| invitation.expires > now);
        let mut found: Vec<_> = self.invitations.values().filter(is_valid).copied().collect();
        found.sort_by_key(|invitation| invitation.created);
        found
    }

    pub(in crate::store) fn redeem_invitation(
        &mut self,
        id: &InvitationId,
        now: Timestamp,
        account: Account,
    ) -> Redeemed {
        if self.invitation(id, now).is_none() {
            return Redeemed::NoSuchInvitation;
        }
        if !self.add_account(account) {
            return Redeemed::UserExists;
        }
        self.remove_invitation(id);
        Redeemed::Added
    }

    pub(in crate::store) fn remove_invitation(&mut self, id: &InvitationId) -> bool {
        let removed = self.invitations.remove(id).is_some();
        if removed {
            self.journal.push(|| Change::DropInvitation(*id));
        }
        removed
    }
}
