//! Keys of messages: what is sent again is not stored again.

use std::sync::Arc;
use std::time::Duration;

use super::{Fault, New, add, at, batch, create_room, join, lines, message, open, profile, send, take, unread, with};
use crate::clock::Timestamp;
use crate::limits::{KEY_AGE, KEYS_PER_USER};
use crate::model::{MessageId, MessageKey, Profile};
use crate::store::{Appended, Batch, NewMessage, Position, Quota, Standing, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, sending_again);
    with(new, refusals);
    with(new, in_rooms);
    with(new, shown_to_the_sender);
    with(new, ages);
    with(new, too_many);
    with(new, users_who_are_removed);
    reopening(new);
    undone(new);
}

fn key(key: &str) -> MessageKey {
    MessageKey::parse(key).unwrap()
}

fn append_in(
    batch: &mut dyn Batch,
    to: &str,
    from: &Arc<Profile>,
    key: &str,
    time: Timestamp,
) -> Result<Appended, crate::Error> {
    let key = MessageKey::parse(key)?;
    batch.append(NewMessage { key: Some(&key), time, ..message(to, from, " x") }, Quota::UNLIMITED)
}

/// Sends a message with a key at a second.
fn append(store: &dyn Store, to: &str, from: &Arc<Profile>, key: &str, second: u64) -> Appended {
    batch(store, |batch| append_in(batch, to, from, key, at(second)))
}

/// As [`append`], where the message must be stored.
fn stored(store: &dyn Store, to: &str, from: &Arc<Profile>, key: &str, second: u64) -> MessageId {
    match append(store, to, from, key, second) {
        Appended::Stored(id) => id,
        other => panic!("append: stores a message with a new key, but: {other:?}"),
    }
}

fn count(store: &dyn Store, user: &str) -> usize {
    store.sync(user, MessageId::NONE, 99).expect("sync: reads").messages.len()
}

fn sending_again(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let longest = "é".repeat(32);
    let id = stored(store, "henderson", &messi, "1", 5);
    let law = "append: `Known` with the id and time of the message that was sent with this key";
    assert_eq!(append(store, "henderson", &messi, "1", 7), Appended::Known(id, at(5)), "{law}");
    let other = stored(store, "henderson", &messi, &longest, 8);
    assert!(other > id, "append: stores a message with another key");
    assert_eq!(append(store, "henderson", &messi, "1", 9), Appended::Known(id, at(5)), "{law}, not of a later one");
    assert_eq!(append(store, "henderson", &messi, &longest, 9), Appended::Known(other, at(8)), "{law}");
    assert_eq!(
        append(store, "lineker", &messi, "1", 9),
        Appended::KeyReused,
        "append: `KeyReused` with another recipient"
    );
    assert_eq!(
        append(store, "messi", &messi, "1", 9),
        Appended::KeyReused,
        "append: `KeyReused` with another recipient"
    );
    assert_eq!(count(store, "messi"), 2, "append: nothing is done if the key is known");
    assert_eq!(unread(store, "henderson").0.len(), 2, "append: nothing is done if the key is known");
    stored(store, "messi", &henderson, "1", 9);
    send(store, "henderson", &messi, " without a key");
    send(store, "henderson", &messi, " without a key");
    assert_eq!(count(store, "messi"), 5, "append: a key is the sender's own, and need not be there");
    take(store, "henderson");
    assert_eq!(append(store, "henderson", &messi, "1", 9), Appended::Known(id, at(5)), "{law}, also if it was read");
    batch(store, |batch| {
        let first = append_in(batch, "lineker", &messi, "batch", at(3))?;
        let again = append_in(batch, "lineker", &messi, "batch", at(4))?;
        let Appended::Stored(id) = first else { panic!("append: stores a message with a new key") };
        assert_eq!(again, Appended::Known(id, at(3)), "steps of a batch see those before");
        Ok(())
    });
    let found = store.find_message("messi", id).unwrap().expect("find_message: what the user can see");
    assert!(batch(store, |batch| batch.delete(&found)), "delete: deletes a message");
    let again = append(store, "henderson", &messi, "1", 9);
    assert_eq!(again, Appended::Known(id, at(5)), "{law}, also if it was deleted");
    batch(store, |batch| batch.remove_account("henderson"));
    let again = append(store, "henderson", &messi, "1", 9);
    assert_eq!(again, Appended::Known(id, at(5)), "{law}, also if the recipient was removed");
    assert_eq!(append(store, "henderson", &messi, "new", 9), Appended::NoSuchRecipient, "append: `NoSuchRecipient`");
}

fn refusals(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["henderson"]);
    let messi = profile(store, "messi");
    let law = "append: what is refused is not remembered by its key";
    assert_eq!(append(store, "ronaldo", &messi, "1", 0), Appended::NoSuchRecipient, "append: `NoSuchRecipient`");
    add(store, &["ronaldo"]);
    stored(store, "ronaldo", &messi, "1", 0);
    assert_eq!(append(store, "#bench", &messi, "2", 0), Appended::NotAMember, "append: `NotAMember`");
    assert_eq!(append(store, "#bench", &messi, "1", 0), Appended::KeyReused, "append: the key comes first");
    assert_eq!(append(store, "#none", &messi, "1", 0), Appended::KeyReused, "append: the key comes first");
    let known = stored(store, "henderson", &messi, "2", 0);
    batch(store, |batch| batch.block("henderson", "messi"));
    assert_eq!(
        append(store, "henderson", &messi, "2", 0),
        Appended::Known(known, at(0)),
        "append: the key comes first"
    );
    assert_eq!(append(store, "henderson", &messi, "3", 0), Appended::Blocked, "append: `Blocked`");
    batch(store, |batch| batch.unblock("henderson", "messi"));
    let full = Quota { messages: 0, bytes: 0 };
    let appended = |name: &str| {
        let key = key(name);
        batch(store, |batch| batch.append(NewMessage { key: Some(&key), ..message("henderson", &messi, " x") }, full))
    };
    assert_eq!(appended("3"), Appended::Full, "append: `Full`");
    assert_eq!(appended("2"), Appended::Known(known, at(0)), "append: the key comes first");
    stored(store, "henderson", &messi, "3", 0);
    assert_eq!(count(store, "messi"), 3, "{law}");
}

fn in_rooms(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    create_room(store, "#attack", &["messi"]);
    let messi = profile(store, "messi");
    let id = stored(store, "#bench", &messi, "1", 5);
    let known = Appended::Known(id, at(5));
    assert_eq!(append(store, "#bench", &messi, "1", 6), known, "append: `Known`, also in a room");
    assert_eq!(append(store, "#attack", &messi, "1", 6), Appended::KeyReused, "append: `KeyReused` in another room");
    assert_eq!(append(store, "henderson", &messi, "1", 6), Appended::KeyReused, "append: `KeyReused` with a user");
    batch(store, |batch| batch.set_standing("#bench", "messi", None, true));
    assert_eq!(append(store, "#bench", &messi, "1", 6), known, "append: `Known`, also after leaving the room");
    batch(store, |batch| batch.remove_room("#bench"));
    assert_eq!(append(store, "#bench", &messi, "1", 6), known, "append: `Known`, also if the room was removed");
}

fn shown_to_the_sender(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let messi = profile(store, "messi");
    for to in ["henderson", "#bench"] {
        send(store, to, &messi, " without");
        stored(store, to, &messi, &format!("to {to}"), 0);
    }
    let keys = |user: &str| -> Vec<Option<String>> {
        let page = store.sync(user, MessageId::NONE, 9).expect("sync: reads");
        page.messages.iter().map(|message| message.key.as_ref().map(|key| key.as_str().to_owned())).collect()
    };
    let all = [None, Some("to henderson".to_owned()), None, Some("to #bench".to_owned())];
    assert_eq!(keys("messi"), all, "HistoryMessage::key: the sender's key");
    assert_eq!(keys("henderson"), [None, None, None, None], "HistoryMessage::key: only the sender sees it");
    let page = store.history("messi", "henderson", Position::After(MessageId::NONE), 9).unwrap();
    let key = page.messages[1].key.as_ref().map(MessageKey::as_str);
    assert_eq!(key, Some("to henderson"), "HistoryMessage::key: the sender's key");
    let news = store.news(MessageId::NONE).expect("news: reads").messages;
    let keys: Vec<_> = news.iter().map(|message| message.key.as_ref().map(MessageKey::as_str)).collect();
    assert_eq!(keys, [None, Some("to henderson"), None, Some("to #bench")], "NewsMessage::key: the sender's key");
}

/// Whoever asks near the end of the age gets either.
const MARGIN: Duration = Duration::from_secs(60);

fn ages(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let messi = profile(store, "messi");
    let append = |to: &str, time| batch(store, |batch| append_in(batch, to, &messi, "1", time));
    let Appended::Stored(id) = append("henderson", at(0)) else { panic!("append: stores a message with a new key") };
    let nearly = at(0).after(KEY_AGE).before(MARGIN);
    let over = at(0).after(KEY_AGE).after(MARGIN);
    assert_eq!(
        append("henderson", nearly),
        Appended::Known(id, at(0)),
        "Conversations: keys are remembered for KEY_AGE"
    );
    let Appended::Stored(later) = append("lineker", over) else {
        panic!("Conversations: keys are remembered for KEY_AGE, by the times of messages, and no longer")
    };
    assert_eq!(
        append("lineker", over),
        Appended::Known(later, over),
        "append: a key that was forgotten can be used again"
    );
}

fn too_many(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    // Where nothing has to be counted for a quota.
    create_room(store, "#bench", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let of_another = stored(store, "#bench", &henderson, "0", 0);
    let ids = batch(store, |batch| {
        (0..KEYS_PER_USER)
            .map(|number| match append_in(batch, "#bench", &messi, &number.to_string(), at(1))? {
                Appended::Stored(id) => Ok(id),
                other => panic!("append: stores a message with a new key, but: {other:?}"),
            })
            .collect::<Result<Vec<_>, _>>()
    });
    let known = |id| Appended::Known(id, at(1));
    let law = "Conversations: of each sender, the last KEYS_PER_USER keys are remembered";
    assert_eq!(append(store, "#bench", &messi, "0", 2), known(ids[0]), "{law}");
    stored(store, "#bench", &messi, "one more", 1);
    assert_eq!(append(store, "#bench", &messi, "1", 2), known(ids[1]), "{law}");
    let last = KEYS_PER_USER - 1;
    assert_eq!(append(store, "#bench", &messi, &last.to_string(), 2), known(ids[last]), "{law}");
    assert_eq!(append(store, "#bench", &henderson, "0", 2), Appended::Known(of_another, at(0)), "{law}");
    stored(store, "#bench", &messi, "0", 3);
    stored(store, "#bench", &messi, "1", 3);
}

fn users_who_are_removed(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi"]);
    let messi = profile(store, "messi");
    stored(store, "henderson", &messi, "1", 0);
    stored(store, "#bench", &messi, "2", 0);
    batch(store, |batch| batch.remove_account("messi"));
    add(store, &["messi"]);
    join(store, "#bench", "messi", true);
    let law = "Conversations: keys are forgotten with the sender";
    let new = profile(store, "messi");
    assert!(matches!(append(store, "#bench", &new, "1", 0), Appended::Stored(_)), "{law}");
    assert!(matches!(append(store, "henderson", &new, "2", 0), Appended::Stored(_)), "{law}");
    let keys = store.history("messi", "#bench", Position::After(MessageId::NONE), 9).unwrap();
    let keys: Vec<_> = keys.messages.iter().map(|it| it.key.as_ref().map(MessageKey::as_str)).collect();
    assert_eq!(keys, [None, Some("1")], "HistoryMessage::key: not that of a former user whose name is used again");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let ids = {
        let store = &*open(&*data);
        add(store, &["messi", "henderson", "lineker"]);
        create_room(store, "#bench", &["messi"]);
        let messi = profile(store, "messi");
        let ids = [("henderson", "1"), ("#bench", "2"), ("henderson", "3"), ("lineker", "4")];
        let ids = ids.map(|(to, key)| stored(store, to, &messi, key, 5));
        let found = store.find_message("messi", ids[2]).unwrap().expect("find_message: what the user can see");
        batch(store, |batch| Ok(batch.delete(&found)? && batch.remove_account("lineker")?));
        ids
    };
    for _ in 0..2 {
        let store = &*open(&*data);
        let messi = profile(store, "messi");
        let law = "a store that is opened again has what was committed: keys";
        for (number, to) in ["henderson", "#bench", "henderson", "lineker"].into_iter().enumerate() {
            let again = append(store, to, &messi, &(number + 1).to_string(), 9);
            assert_eq!(again, Appended::Known(ids[number], at(5)), "{law}");
        }
        assert_eq!(append(store, "#bench", &messi, "1", 9), Appended::KeyReused, "{law}");
        let own = store.find_message("messi", ids[0]).unwrap().map(|found| found.id);
        assert_eq!(own, Some(ids[0]), "append: the message of a key that is known is still there");
        store.tidy().expect("tidy: does what makes the next start fast");
    }
}

fn undone(new: &New<'_>) {
    for fault in Fault::ALL {
        let data = new();
        let store = &*open(&*data);
        add(store, &["messi", "henderson"]);
        create_room(store, "#bench", &[]);
        batch(store, |batch| batch.set_standing("#bench", "messi", Some(Standing::Owner), true));
        let messi = profile(store, "messi");
        if !data.fail_next_commit(fault) {
            return;
        }
        let mut failing = store.begin();
        append_in(&mut *failing, "henderson", &messi, "1", at(5)).expect("append: stores");
        assert!(failing.commit().is_err(), "commit: a failure ({fault:?}) is told");
        let there = lines(&unread(store, "henderson").0).len();
        let again = append(store, "henderson", &messi, "1", 6);
        let law = "append: a key is remembered if and only if its message was stored, also if a commit has failed";
        assert_eq!(matches!(again, Appended::Known(_, time) if time == at(5)), there == 1, "{law} ({fault:?})");
        assert_eq!(matches!(again, Appended::Stored(_)), there == 0, "{law} ({fault:?})");
        assert_eq!(unread(store, "henderson").0.len(), 1, "append: a message with a key is stored once ({fault:?})");
    }
}
