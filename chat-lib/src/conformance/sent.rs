//! What a user has sent: everything that can still be deleted, wherever it is.

use super::{New, account, add, batch, create_room, profile, send, with};
use crate::model::{Account, MessageId};
use crate::store::{Position, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, everywhere);
    with(new, pages);
    with(new, namesakes);
    with(new, forgotten_names);
}

fn sent(store: &dyn Store, user: &str) -> Vec<MessageId> {
    let (mut all, mut after) = (Vec::new(), MessageId::NONE);
    loop {
        let page = store.find_sent(user, after, 2).expect("find_sent: reads");
        assert!(page.len() <= 2, "find_sent: at most `limit`");
        let ids = page.iter().map(|found| found.id);
        assert!(ids.clone().is_sorted() && ids.clone().all(|id| id > after), "find_sent: after `after`, ascending");
        for found in &page {
            assert_eq!(found.from.as_ref().map(|from| from.as_str()), Some(user), "find_sent: the user's own");
        }
        all.extend(ids);
        let Some(last) = page.last() else { return all };
        after = last.id;
    }
}

fn everywhere(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    create_room(store, "#left", &["henderson", "messi"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let ids = ["henderson", "messi", "#left"].map(|to| send(store, to, &messi, " halo\r\n"));
    send(store, "messi", &henderson, "x");
    send(store, "#left", &henderson, "x");
    assert_eq!(sent(store, "messi"), ids, "find_sent: to users, oneself and rooms");
    batch(store, |batch| batch.set_standing("#left", "messi", None, false));
    assert_eq!(sent(store, "messi"), ids, "find_sent: also in rooms that the user has left");
    let found = store.find_sent("messi", MessageId::NONE, 9).expect("find_sent: reads");
    let with: Vec<_> = found.iter().map(|found| found.with.as_str()).collect();
    assert_eq!(with, ["henderson", "messi", "#left"], "find_sent: the recipients");
    assert!(found.iter().all(|found| found.bytes == 7), "find_sent: FoundMessage::bytes");
    for found in &found {
        assert!(batch(store, |batch| batch.delete(found)), "find_sent: what `delete` takes");
    }
    assert!(sent(store, "messi").is_empty(), "find_sent: not what was deleted");
    assert_eq!(sent(store, "henderson").len(), 2, "find_sent: the user's own");
    assert!(sent(store, "nobody").is_empty(), "find_sent: empty if there is no such user");
}

fn pages(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let mut ids = Vec::new();
    // Enough that an engine cannot look through all of it at once.
    for number in 0..80 {
        send(store, "messi", &henderson, &"x".repeat(40_000));
        if number % 20 == 7 {
            ids.push(send(store, "henderson", &messi, "x"));
        }
    }
    assert_eq!(sent(store, "messi"), ids, "find_sent: none only if there are no more");
}

fn forgotten_names(store: &dyn Store) {
    let account = |full_name: &str| account("messi", full_name);
    batch(store, |batch| batch.add_account(account("Zedulon Smith")));
    add(store, &["henderson"]);
    create_room(store, "#bench", &["henderson", "messi"]);
    send(store, "#bench", &profile(store, "messi"), "x");
    batch(store, |batch| {
        let revision = batch.account("messi")?.expect("account: it was added").revision;
        batch.replace_account(Account { revision, ..account("Zedulon Jones") })
    });
    send(store, "#bench", &profile(store, "messi"), "x");
    send(store, "#bench", &profile(store, "henderson"), "x");
    assert!(!batch(store, |batch| batch.forget_names("messi")), "forget_names: `false` if there is such a user");
    batch(store, |batch| batch.remove_account("messi"));
    assert!(batch(store, |batch| batch.forget_names("messi")), "forget_names: of a user who was removed");
    let names = || {
        let page = store.history("henderson", "#bench", Position::After(MessageId::NONE), 9).expect("history: reads");
        let names = page.messages.into_iter().map(|it| format!("{} {}", it.from.user(), it.from.full_name()));
        names.collect::<Vec<_>>()
    };
    let wanted = ["messi messi", "messi messi", "henderson henderson in full"];
    assert_eq!(names(), wanted, "forget_names: in all messages, and in nobody else's");
    add(store, &["messi"]);
    assert_eq!(names(), wanted, "forget_names: a later user has nothing to do with it");
}

fn namesakes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["henderson", "messi"]);
    send(store, "#bench", &profile(store, "messi"), "x");
    batch(store, |batch| batch.remove_account("messi"));
    assert!(sent(store, "messi").is_empty(), "find_sent: empty if there is no such user");
    add(store, &["messi"]);
    assert!(sent(store, "messi").is_empty(), "find_sent: not those of an earlier user of that name");
    let id = send(store, "henderson", &profile(store, "messi"), "x");
    assert_eq!(sent(store, "messi"), [id], "find_sent: not those of an earlier user of that name");
}
