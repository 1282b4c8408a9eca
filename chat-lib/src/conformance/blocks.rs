//! Blocks: whose direct messages a user does not take.

use super::{New, add, append, batch, create_room, look, message, open, profile, send, unread, with};
use crate::model::UserName;
use crate::store::{Appended, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, blocking);
    with(new, refusing);
    with(new, users_who_are_removed);
    reopening(new);
}

fn blocked(store: &dyn Store, user: &str) -> Vec<String> {
    let blocks = look(store, |batch| batch.blocks(user));
    blocks.iter().map(|profile| profile.full_name().to_owned()).collect()
}

fn blocking(store: &dyn Store) {
    add(store, &["messi", "henderson", "Zidane"]);
    let block = |user, other| batch(store, |batch| batch.block(user, other));
    let is_blocked = |user, other| look(store, |batch| batch.is_blocked(user, other));
    assert!(blocked(store, "messi").is_empty(), "blocks: none at first");
    assert!(blocked(store, "ronaldo").is_empty(), "blocks: none of a user who does not exist");
    assert!(!block("messi", "ronaldo"), "block: `false` if one of them does not exist");
    assert!(!block("ronaldo", "messi"), "block: `false` if one of them does not exist");
    assert!(block("messi", "henderson"), "block: has a user take no messages from another one");
    assert!(!block("messi", "henderson"), "block: `false` if it is so already");
    assert!(block("messi", "Zidane"), "block: a user may block several");
    assert_eq!(blocked(store, "messi"), ["Zidane in full", "henderson in full"], "blocks: all, in order of user name");
    assert!(is_blocked("messi", "henderson"), "is_blocked: whether `user` has blocked `other`");
    assert!(!is_blocked("henderson", "messi"), "is_blocked: a block has one direction");
    assert!(blocked(store, "henderson").is_empty(), "blocks: whom the user has blocked, not who has blocked the user");
    assert!(!is_blocked("messi", "ronaldo") && !is_blocked("ronaldo", "messi"), "is_blocked: `false` if there is none");
    let unblock = |user, other| batch(store, |batch| batch.unblock(user, other));
    assert!(!unblock("henderson", "messi"), "unblock: `false` if there was no block");
    assert!(unblock("messi", "henderson"), "unblock: undoes a block");
    assert!(!unblock("messi", "henderson"), "unblock: `false` if there was no block");
    assert!(!unblock("ronaldo", "messi"), "unblock: `false` if there was no block");
    assert_eq!(blocked(store, "messi"), ["Zidane in full"], "unblock: undoes that block, and no other");
    let steps = batch(store, |batch| {
        Ok(batch.block("messi", "henderson")?
            && batch.is_blocked("messi", "henderson")?
            && batch.unblock("messi", "henderson")?
            && batch.blocks("messi")?.iter().map(|it| it.user()).eq([&UserName::parse("Zidane")?]))
    });
    assert!(steps, "steps of a batch see those before");
}

fn refusing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    send(store, "messi", &henderson, " before");
    batch(store, |batch| batch.block("messi", "henderson"));
    assert_eq!(append(store, "messi", &henderson, " x"), Appended::Blocked, "append: `Blocked` by the recipient");
    let none = Quota { messages: 0, bytes: 0 };
    let appended = batch(store, |batch| batch.append(message("messi", &henderson, " x"), none));
    assert_eq!(appended, Appended::Blocked, "append: the block comes before the quota");
    assert_eq!(unread(store, "messi").0.len(), 1, "append: nothing is done if the sender is blocked");
    send(store, "henderson", &messi, " a block has one direction");
    send(store, "henderson", &henderson, " notes");
    let appended = append(store, "#bench", &henderson, " x");
    assert!(matches!(appended, Appended::Stored(_)), "block: messages to rooms are not concerned, but: {appended:?}");
    assert_eq!(super::unread_room(store, "messi", "#bench").0.len(), 1, "block: messages to rooms are not concerned");
    batch(store, |batch| batch.unblock("messi", "henderson"));
    send(store, "messi", &henderson, " again");
    assert_eq!(unread(store, "messi").0.len(), 2, "unblock: undoes a block");
}

fn users_who_are_removed(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    batch(store, |batch| Ok(batch.block("messi", "henderson")? && batch.block("henderson", "messi")?));
    batch(store, |batch| batch.remove_account("messi"));
    assert!(blocked(store, "henderson").is_empty(), "remove_account: nobody has blocked the user any more");
    add(store, &["messi"]);
    let law = "remove_account: a later account of that name has nothing to do with it";
    assert!(blocked(store, "messi").is_empty() && blocked(store, "henderson").is_empty(), "{law}: blocks");
    send(store, "messi", &profile(store, "henderson"), " 1");
    send(store, "henderson", &profile(store, "messi"), " 2");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    {
        let store = &*open(&*data);
        add(store, &["messi", "henderson", "lineker"]);
        batch(store, |batch| Ok(batch.block("messi", "henderson")? && batch.block("messi", "lineker")?));
        batch(store, |batch| batch.unblock("messi", "lineker"));
    }
    let store = &*open(&*data);
    let law = "a store that is opened again has what was committed: blocks";
    assert_eq!(blocked(store, "messi"), ["henderson in full"], "{law}");
    assert_eq!(append(store, "messi", &profile(store, "henderson"), " x"), Appended::Blocked, "{law}");
}
