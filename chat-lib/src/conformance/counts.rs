//! What a store counts, for metrics.

use super::{New, add, at, batch, create_room, look, open, profile, send, session_id, take, with};
use crate::store::{Counts, NewSession, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, counting);
    with(new, conversations_of_removed_users);
    reopening(new);
}

fn counts(store: &dyn Store, now: u64) -> Counts {
    look(store, |batch| batch.counts(at(now)))
}

fn counting(store: &dyn Store) {
    assert_eq!(counts(store, 0), Counts::default(), "counts: there is nothing yet");
    fill(store);
    let wanted = Counts { users: 3, sessions: 2, direct_conversations: 2, rooms: 1, messages: 5, message_bytes: 11 };
    assert_eq!(counts(store, 5), wanted, "counts: how much there is");
    let later = counts(store, 10);
    assert_eq!(later.sessions, 1, "counts: sessions count if they are live");
    take(store, "messi");
    assert!(batch(store, |batch| batch.remove_room("#bench")), "remove_room: removes a room");
    let after = counts(store, 10);
    assert_eq!((after.rooms, after.messages, after.message_bytes), (0, 5, 11), "Counts::messages: never falls");
    assert!(store.check_writable().is_ok(), "check_writable: commits work");
}

/// Three users, a direct conversation, notes, a room, and a session that ends at 10.
fn fill(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    for (to, from) in [("henderson", &messi), ("messi", &henderson), ("messi", &messi)] {
        send(store, to, from, " 1\r\n");
    }
    send(store, "messi", &messi, " notes\r\n");
    create_room(store, "#bench", &["messi"]);
    send(store, "#bench", &messi, " 123\r\n");
    for (number, expires) in [(1, 10), (2, 20)] {
        let session =
            NewSession { id: session_id(number), user: "messi", now: at(0), expires: at(expires), from: None };
        assert!(batch(store, |batch| batch.open_session(session)).is_open(), "open_session: opens a session");
    }
}

fn conversations_of_removed_users(store: &dyn Store) {
    fill(store);
    assert!(batch(store, |batch| batch.remove_account("henderson")), "remove_account: removes an account");
    let Counts { users, direct_conversations, .. } = counts(store, 0);
    assert_eq!((users, direct_conversations), (2, 1), "counts: conversations of users who exist");
    assert!(batch(store, |batch| batch.remove_account("messi")), "remove_account: removes an account");
    let Counts { users, direct_conversations, sessions, .. } = counts(store, 0);
    assert_eq!((users, direct_conversations, sessions), (1, 0, 0), "counts: conversations of users who exist");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    fill(&*open(&*data));
    let store = open(&*data);
    let Counts { users, direct_conversations, rooms, messages, .. } = counts(&*store, 0);
    assert_eq!((users, direct_conversations, rooms), (3, 2, 1), "counts: how much there is, also after a restart");
    assert_eq!(messages, 0, "Counts::messages: since the store was opened");
}
