//! Invitations: each lets one account be added, once and in time.

use super::{Fault, New, account, add, at, batch, look, open, with};
use crate::model::{Invitation, InvitationId};
use crate::store::{Redeemed, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, adding);
    with(new, redeeming);
    with(new, expiring);
    reopening(new);
    failing(new);
}

/// An invitation that is created at `created` and valid for 10 s.
pub(super) fn invitation(number: u8, created: u64) -> Invitation {
    Invitation::new(InvitationId::from_bytes([number; 32]), at(created), at(created + 10))
}

fn invite(store: &dyn Store, number: u8, created: u64) -> bool {
    batch(store, |batch| batch.add_invitation(invitation(number, created)))
}

fn valid(store: &dyn Store, now: u64) -> Vec<Invitation> {
    look(store, |batch| batch.invitations(at(now)))
}

fn redeem(store: &dyn Store, number: u8, now: u64, user: &str) -> Redeemed {
    batch(store, |batch| batch.redeem_invitation(&invitation(number, 0).id, at(now), account(user, "In full")))
}

fn adding(store: &dyn Store) {
    assert!(valid(store, 0).is_empty(), "invitations: none at first");
    for (number, created) in [(2, 1), (1, 2), (3, 0)] {
        assert!(invite(store, number, created), "add_invitation: adds an invitation");
    }
    let all = [invitation(3, 0), invitation(2, 1), invitation(1, 2)];
    assert_eq!(valid(store, 2), all, "invitations: all that are valid, in order of creation");
    assert!(!invite(store, 2, 5), "add_invitation: `false` if there is one with that id");
    assert_eq!(valid(store, 2), all, "add_invitation: `false`, and nothing done");
    let find = |number: u8| look(store, |batch| batch.invitation(&invitation(number, 0).id, at(2)));
    assert_eq!(find(2), Some(invitation(2, 1)), "invitation: the one with that id");
    assert_eq!(find(4), None, "invitation: `None` if there is none");
    let remove = |number: u8| batch(store, |batch| batch.remove_invitation(&invitation(number, 0).id));
    assert!(remove(2), "remove_invitation: removes an invitation");
    assert!(!remove(2) && !remove(4), "remove_invitation: `false` if there is none with that id");
    assert_eq!(valid(store, 2), [invitation(3, 0), invitation(1, 2)], "remove_invitation: that one and no other");
    assert_eq!(redeem(store, 2, 2, "messi"), Redeemed::NoSuchInvitation, "remove_invitation: it cannot be redeemed");
}

fn redeeming(store: &dyn Store) {
    add(store, &["henderson"]);
    assert!(invite(store, 1, 0) && invite(store, 2, 0), "add_invitation: adds an invitation");
    let law = "redeem_invitation: `NoSuchInvitation`, and nothing done, if there is none with that id";
    assert_eq!(redeem(store, 3, 0, "messi"), Redeemed::NoSuchInvitation, "{law}");
    assert!(look(store, |batch| batch.account("messi")).is_none(), "{law}");
    let law = "redeem_invitation: `UserExists`, and nothing done, if the user name is taken";
    assert_eq!(redeem(store, 1, 0, "henderson"), Redeemed::UserExists, "{law}");
    assert_eq!(valid(store, 0).len(), 2, "{law}");
    assert_eq!(redeem(store, 1, 9, "messi"), Redeemed::Added, "redeem_invitation: adds the account");
    let messi = look(store, |batch| batch.account("messi")).expect("redeem_invitation: adds the account");
    assert_eq!(messi.profile.full_name(), "In full", "redeem_invitation: adds the account as it was given");
    let law = "redeem_invitation: removes the invitation, and no other";
    assert_eq!(redeem(store, 1, 9, "lineker"), Redeemed::NoSuchInvitation, "{law}");
    assert_eq!(valid(store, 9), [invitation(2, 0)], "{law}");
    let twice = batch(store, |batch| {
        let id = invitation(2, 0).id;
        let first = batch.redeem_invitation(&id, at(9), account("ana", "Ana"))?;
        Ok((first, batch.redeem_invitation(&id, at(9), account("eva", "Eva"))?))
    });
    assert_eq!(twice, (Redeemed::Added, Redeemed::NoSuchInvitation), "steps of a batch see those before");
}

fn expiring(store: &dyn Store) {
    assert!(invite(store, 1, 0) && invite(store, 2, 5), "add_invitation: adds an invitation");
    assert_eq!(valid(store, 9).len(), 2, "invitations: an invitation is valid until it expires");
    let law = "Invitations: an invitation is valid until it expires, and then no more";
    assert_eq!(valid(store, 10), [invitation(2, 5)], "{law}");
    assert_eq!(look(store, |batch| batch.invitation(&invitation(1, 0).id, at(10))), None, "{law}");
    assert_eq!(redeem(store, 1, 10, "messi"), Redeemed::NoSuchInvitation, "{law}");
    assert!(look(store, |batch| batch.account("messi")).is_none(), "{law}");
    assert!(invite(store, 3, 12), "add_invitation: adds an invitation");
    assert_eq!(valid(store, 12), [invitation(2, 5), invitation(3, 12)], "add_invitation: those that are valid stay");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    {
        let store = &*open(&*data);
        for number in 1..=4 {
            assert!(invite(store, number, number.into()), "add_invitation: adds an invitation");
        }
        assert_eq!(redeem(store, 2, 5, "messi"), Redeemed::Added, "redeem_invitation: adds the account");
        assert!(batch(store, |batch| batch.remove_invitation(&invitation(3, 0).id)), "remove_invitation: removes");
    }
    let store = &*open(&*data);
    let law = "a store that is opened again has what was committed: invitations";
    assert_eq!(valid(store, 5), [invitation(1, 1), invitation(4, 4)], "{law}");
    assert_eq!(redeem(store, 2, 5, "eva"), Redeemed::NoSuchInvitation, "{law}");
    store.check().expect("check: finds nothing wrong");
}

/// A registration whose commit fails must not cost the invitation.
fn failing(new: &New<'_>) {
    let data = new();
    let store = &*open(&*data);
    assert!(invite(store, 1, 0), "add_invitation: adds an invitation");
    let mut failing = store.begin();
    let redeemed = failing.redeem_invitation(&invitation(1, 0).id, at(1), account("messi", "Messi"));
    assert_eq!(redeemed.expect("redeem_invitation: redeems"), Redeemed::Added, "redeem_invitation: adds the account");
    if !data.fail_next_commit(Fault::Nothing) {
        return;
    }
    assert!(failing.commit().is_err(), "commit: a failure is told");
    assert_eq!(valid(store, 1), [invitation(1, 0)], "commit: an invitation whose redemption was undone is valid again");
    assert_eq!(redeem(store, 1, 1, "messi"), Redeemed::Added, "commit: works after one has failed");
}
