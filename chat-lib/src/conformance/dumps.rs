//! Dumps, restores and epochs.

use std::collections::BTreeSet;

use super::{New, account, add, append, at, batch, expected, lines, message, open, profile, send, take, unread, with};
use crate::error::Error;
use crate::model::{MessageId, PasswordHash};
use crate::store::{Appended, Member, Position, Record, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, order);
    with(new, visits_that_fail);
    restoring(new);
    with(new, misfits);
    with(new, again);
    with(new, ids_after_cursors);
    unfinished(new);
    undone(new);
}

/// A record as text.
pub(super) fn show(record: Record<'_>) -> String {
    match record {
        Record::Account(account) => {
            let (profile, password) = (&account.profile, account.password.as_ref().map(PasswordHash::to_phc));
            format!("account {} {password:?} {}", names(profile), account.banned)
        }
        Record::Conversation(members) => {
            let members: BTreeSet<_> = members.iter().map(|member| (member.user, member.read.get())).collect();
            format!("conversation {members:?}")
        }
        Record::Message { id, message, from_former_user } => {
            let (from, framing) = (names(message.from), message.framing.tag());
            let time = message.time.as_millis();
            format!(
                "message {:020} to {} from {from} {framing} {:?} at {time} {from_former_user}",
                id.get(),
                message.to,
                message.text
            )
        }
    }
}

fn names(profile: &crate::model::Profile) -> String {
    format!("{} {:?} {:?}", profile.user(), profile.full_name(), profile.country())
}

/// The dump as text, a line for each record.
pub(super) fn dump(store: &dyn Store) -> Vec<String> {
    let mut records = Vec::new();
    let dumped = store.dump(&mut |record| {
        records.push(show(record));
        Ok(())
    });
    dumped.expect("dump: shows everything");
    records
}

/// The dump with conversations sorted, whose order is not fixed.
pub(super) fn sorted_dump(store: &dyn Store) -> Vec<String> {
    let mut records = dump(store);
    records.sort();
    records
}

/// Users with conversations, notes, messages of former users, and a cursor in the middle.
fn fill(store: &dyn Store) {
    add(store, &["messi", "henderson", "Lineker", "first", "second"]);
    let mut banned = account("zidane", "Zinédine");
    (banned.banned, banned.password) = (true, None);
    assert!(batch(store, |batch| batch.add_account(banned)), "add_account: adds an account");
    let users = ["messi", "henderson", "Lineker", "first", "second"].map(|user| profile(store, user));
    let mut middle = MessageId::NONE;
    for number in 0..30_u64 {
        let (from, to) = (&users[number as usize % 5], &users[number as usize / 2 % 3]);
        let line = [" a\r\n", "b\n", " ", "", " é\u{0}\n\r\n"][number as usize % 5];
        let mut message = message(to.user().as_str(), from, line);
        message.time = at(100 - number / 3);
        let appended = batch(store, |batch| batch.append(message, crate::store::Quota::UNLIMITED));
        let Appended::Stored(id) = appended else { panic!("append: stores a message to a user") };
        if number == 14 {
            middle = id;
            take(store, "messi");
        }
    }
    let moves = store.read_until("henderson", "messi", middle).expect("read_until: reads");
    assert!(batch(store, |batch| batch.take("henderson", moves.as_slice())), "take: does the moves");
    batch(store, |batch| Ok(batch.remove_account("first")? && batch.remove_account("second")?));
    add(store, &["second"]);
    send(store, "messi", &profile(store, "second"), " of the later one");
}

fn order(store: &dyn Store) {
    assert!(dump(store).is_empty(), "dump: of nothing, nothing");
    fill(store);
    let records = dump(store);
    let kinds: Vec<_> = records.iter().map(|record| record.split(' ').next().unwrap()).collect();
    let rank = |kind: &&str| ["account", "conversation", "message"].iter().position(|it| it == kind);
    assert!(kinds.is_sorted_by_key(rank), "dump: accounts, then conversations, then messages: {records:#?}");
    let of = |kind: &'static str| records.iter().filter(move |record| record.starts_with(kind));
    let users: Vec<_> = of("account").map(|record| record.split(' ').nth(1).unwrap()).collect();
    assert_eq!(users, ["Lineker", "henderson", "messi", "second", "zidane"], "dump: accounts in order of user name");
    assert!(of("message").is_sorted(), "dump: messages in order of their ids: {records:#?}");
    assert!(
        of("account zidane").all(|record| record.ends_with("None true")),
        "dump: accounts as they are: {records:#?}"
    );
    let conversations: BTreeSet<_> = of("conversation").collect();
    assert_eq!(conversations.len(), of("conversation").count(), "dump: each conversation once: {records:#?}");
    assert!(
        of("message").any(|record| record.ends_with("true")),
        "dump: unread messages of former users: {records:#?}"
    );
    let taken: usize = ["messi", "henderson", "Lineker"].map(|user| take(store, user).0.len()).iter().sum();
    assert!(taken > 9, "unread: all that the user has not read");
    let is_former = |record: &String| record.starts_with("message") && record.ends_with("true");
    assert!(
        !dump(store).iter().any(is_former),
        "Record::Message: those of a former user are shown only as long as they are unread"
    );
}

fn visits_that_fail(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let mut visits = 0;
    let outcome = store.dump(&mut |_| {
        visits += 1;
        Err(Error::Busy)
    });
    assert!(matches!(outcome, Err(Error::Busy)) && visits == 1, "dump: an error that `visit` returns ends it");
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
        for with in users {
            let page = |store: &dyn Store| store.history(user, with, Position::After(MessageId::NONE), 99).unwrap();
            assert_eq!(page(other), page(store), "{law}: history");
        }
    }
    let last = store.sync("messi", MessageId::NONE, 99).unwrap().messages.last().map(|message| message.id);
    assert!(
        Some(send(other, "zidane", &profile(other, "messi"), " new")) > last,
        "append: returns an id that is greater than all before it, also after a restore"
    );
    batch(other, |batch| batch.remove_account("zidane"));
    let mut banned = account("zidane", "Zinédine");
    (banned.banned, banned.password) = (true, None);
    batch(other, |batch| batch.add_account(banned));
}

/// A restore that fails is undone by removing the users; then the same dump may be restored again, mended.
fn again(store: &dyn Store) {
    let messi = account("messi", "Messi");
    let id = MessageId::new(5).unwrap();
    for round in 0..2 {
        let notes = [Member { user: "messi", read: MessageId::NONE }];
        let said = Record::Message { id, message: message("messi", &messi.profile, " x"), from_former_user: false };
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

fn misfits(store: &dyn Store) {
    let (messi, gone) = (account("messi", "Messi"), account("gone", "Gone"));
    let id = |number| MessageId::new(number).unwrap();
    let members = |users: &'static [&'static str]| {
        users.iter().map(|user| Member { user, read: MessageId::NONE }).collect::<Vec<_>>()
    };
    batch(store, |batch| batch.begin_restore());
    let restore = |record: Record<'_>| batch(store, |batch| batch.restore(record));
    let said = |number, to, from, from_former_user| Record::Message {
        id: id(number),
        message: message(to, from, " x"),
        from_former_user,
    };
    assert!(restore(Record::Account(&messi)), "restore: takes in an account");
    assert!(restore(Record::Account(&account("henderson", "Jordan"))), "restore: takes in an account");
    assert!(!restore(Record::Account(&messi)), "restore: `false` for a user name that is taken");
    assert!(
        !restore(Record::Conversation(&members(&["messi", "gone"]))),
        "restore: `false` for a member that is no user"
    );
    assert!(!restore(said(3, "messi", &messi.profile, false)), "restore: `false` for a message of no conversation");
    assert!(restore(Record::Conversation(&members(&["messi", "henderson"]))), "restore: takes in a conversation");
    assert!(restore(Record::Conversation(&members(&["messi"]))), "restore: takes in notes");
    assert!(!restore(said(5, "gone", &messi.profile, false)), "restore: `false` for a recipient that is no user");
    assert!(!restore(said(5, "gone", &messi.profile, true)), "restore: `false` for a recipient that is no user");
    assert!(!restore(said(5, "messi", &gone.profile, false)), "restore: `false` for a message of no conversation");
    assert!(restore(said(5, "henderson", &messi.profile, false)), "restore: takes in a message");
    assert!(
        !restore(said(5, "henderson", &messi.profile, false)),
        "restore: `false` for an id that is not greater than the one before"
    );
    assert!(
        !restore(said(4, "messi", &messi.profile, false)),
        "restore: `false` for an id that is not greater than the one before"
    );
    assert!(restore(said(7, "messi", &gone.profile, true)), "restore: takes in a message of a former user");
    assert!(
        restore(said(9, "messi", &messi.profile, true)),
        "restore: takes in a message of a former user whose name is used again"
    );
    batch(store, |batch| batch.end_restore());
    assert_eq!(dump(store).len(), 2 + 2 + 3, "restore: `false`, and nothing done");
    let former = expected(&[("gone", " x"), ("messi", " x")]);
    assert_eq!(lines(&take(store, "messi").0), former, "restore: takes in messages of former users");
    let page = store.history("messi", "messi", Position::After(MessageId::NONE), 9).unwrap();
    assert!(
        page.messages.is_empty(),
        "restore: a former user's messages are not those of the user who has the name now"
    );
}

/// All messages that the cursors have passed were dropped before the dump.
fn ids_after_cursors(store: &dyn Store) {
    let users = ["messi", "henderson"].map(|user| account(user, user));
    let read = MessageId::new(1000).unwrap();
    batch(store, |batch| {
        batch.begin_restore()?;
        for user in &users {
            batch.restore(Record::Account(user))?;
        }
        batch.restore(Record::Conversation(&[Member { user: "messi", read }, Member { user: "henderson", read }]))?;
        batch.end_restore()
    });
    let law = "restore: later messages have ids past the cursors, too";
    assert!(matches!(append(store, "messi", &users[1].profile, " x"), Appended::Stored(id) if id > read), "{law}");
    assert_eq!(take(store, "messi").0.len(), 1, "{law}");
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
        let added = batch(store, |batch| batch.accounts()).len();
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
