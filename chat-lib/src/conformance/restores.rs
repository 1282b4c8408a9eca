//! Restores and epochs: what a dump has shown is taken in, and nothing that does not fit.

use std::collections::BTreeSet;

use super::dumps::{dump, fill, show, sorted_dump};
use super::{New, account, add, batch, lines, look, message, open, profile, send, take, unread, unread_room, with};
use crate::model::MessageId;
use crate::store::{Member, Position, Record, Store};

pub(super) fn check(new: &New<'_>) {
    restoring(new);
    with(new, again);
    unfinished(new);
    undone(new);
}

/// Restores the dump of `store` into `other`, in two batches.
fn restore(store: &dyn Store, other: &dyn Store) {
    batch(other, |batch| batch.begin_restore());
    let mut number = 0;
    let count = dump(store).len();
    for half in 0..2 {
        batch(other, |batch| {
            number = 0;
            store.dump(&mut |record| {
                if (number < count / 2) == (half == 0) {
                    assert!(batch.restore(record)?, "restore: takes in what `dump` has shown: {}", show(record));
                }
                number += 1;
                Ok(())
            })
        });
    }
    batch(other, |batch| batch.end_restore());
}

fn restoring(new: &New<'_>) {
    let (data, other_data) = (new(), new());
    let store = &*open(&*data);
    fill(store);
    let (epoch, mut epochs) = (store.epoch(), BTreeSet::new());
    assert!(!epoch.is_empty(), "epoch: a string");
    epochs.insert(epoch);
    {
        let other = &*open(&*other_data);
        epochs.insert(other.epoch());
        restore(store, other);
        epochs.insert(other.epoch());
        assert_eq!(epochs.len(), 3, "end_restore: begins a new epoch; epochs are different for each data: {epochs:?}");
        same(store, other);
    }
    if other_data.is_durable() {
        let other = &*open(&*other_data);
        assert!(epochs.contains(&other.epoch()), "epoch: is fixed until a dump is restored");
        same(store, other);
    }
}

fn same(store: &dyn Store, other: &dyn Store) {
    let law = "restore: ids, times and cursors stay as they were";
    assert_eq!(sorted_dump(other), sorted_dump(store), "{law}");
    let users = ["messi", "henderson", "Lineker", "second", "zidane"];
    for user in users {
        let ((inbox, moves), (other_inbox, other_moves)) = (unread(store, user), unread(other, user));
        assert_eq!(lines(&other_inbox), lines(&inbox), "{law}: what is unread");
        let count = |moves: &[crate::store::CursorMove]| {
            moves.iter().map(|it| (it.messages, it.bytes)).fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
        };
        assert_eq!(count(&other_moves), count(&moves), "{law}: how much is unread");
        let states = batch(store, |batch| batch.conversations(user));
        assert_eq!(batch(other, |batch| batch.conversations(user)), states, "{law}: conversations");
        assert_eq!(
            look(other, |batch| batch.rooms_of(user, "", usize::MAX)),
            look(store, |batch| batch.rooms_of(user, "", usize::MAX)),
            "{law}: rooms"
        );
        let inbox = |store: &dyn Store| lines(&unread_room(store, user, "#bench").0);
        assert_eq!(inbox(other), inbox(store), "{law}: what is unread in rooms");
        let blocks = |store: &dyn Store| look(store, |batch| batch.blocks(user)).len();
        assert_eq!(blocks(other), blocks(store), "{law}: blocks");
        for with in users.into_iter().chain(["#bench", "#Attack", "#nobody"]) {
            let page = |store: &dyn Store| store.history(user, with, Position::After(MessageId::NONE), 99).unwrap();
            assert_eq!(page(other), page(store), "{law}: history");
        }
    }
    assert_eq!(
        look(other, |batch| batch.rooms("", usize::MAX)),
        look(store, |batch| batch.rooms("", usize::MAX)),
        "{law}: rooms"
    );
    let last = store.last_message();
    add(other, &["later"]);
    assert!(
        send(other, "later", &profile(other, "messi"), " new") > last,
        "append: returns an id that is greater than all before it, also after a restore"
    );
    batch(other, |batch| batch.remove_account("later"));
}

/// A restore that fails is undone by removing the users; then the same dump may be restored again, mended.
fn again(store: &dyn Store) {
    let messi = account("messi", "Messi");
    let id = MessageId::new(5).unwrap();
    for round in 0..2 {
        let notes = [Member { user: "messi", read: MessageId::NONE }];
        let said = Record::Message {
            id,
            message: message("messi", &messi.profile, " x"),
            from_former_user: false,
            deleted: false,
        };
        batch(store, |batch| batch.begin_restore());
        for record in [Record::Account(&messi), Record::Conversation(&notes), said] {
            assert!(batch(store, |batch| batch.restore(record)), "begin_restore: ids begin anew without users");
        }
        if round == 0 {
            batch(store, |batch| batch.remove_account("messi"));
        }
        batch(store, |batch| batch.end_restore());
    }
    assert_eq!(lines(&take(store, "messi").0), [("messi".to_owned(), " x".to_owned())], "restore: takes in a message");
}

fn unfinished(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    {
        let store = &*open(&*data);
        batch(store, |batch| batch.begin_restore());
        batch(store, |batch| batch.restore(Record::Account(&account("messi", "Messi"))));
        let added = batch(store, |batch| batch.accounts("", usize::MAX)).len();
        assert_eq!(added, 1, "begin_restore: the store itself goes on");
    }
    for _ in 0..2 {
        let opened = data.open();
        assert!(
            opened.is_err(),
            "begin_restore: until `end_restore` is committed, a store that is opened again refuses to open"
        );
    }
}

fn undone(new: &New<'_>) {
    let data = new();
    let epoch = {
        let store = &*open(&*data);
        let before = store.epoch();
        batch(store, |batch| batch.begin_restore());
        batch(store, |batch| batch.restore(Record::Account(&account("messi", "Messi"))));
        batch(store, |batch| {
            batch.remove_account("messi")?;
            batch.end_restore()
        });
        assert_ne!(store.epoch(), before, "end_restore: begins a new epoch, also if the restore was undone");
        assert!(dump(store).is_empty(), "end_restore: a restore that was undone leaves nothing");
        store.epoch()
    };
    if data.is_durable() {
        let store = &*open(&*data);
        assert_eq!(store.epoch(), epoch, "epoch: is fixed until a dump is restored");
        assert!(dump(store).is_empty(), "end_restore: a restore that was undone leaves nothing");
    }
}
