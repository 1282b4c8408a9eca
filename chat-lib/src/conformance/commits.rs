//! Commits: what they make durable.

use super::dumps::{show, sorted_dump};
use super::invitations::invitation;
use super::{
    New, account, add, at, batch, create_room, lines, look, message, open, profile, send, session_id, take, unread,
    unread_room, with,
};
use crate::error::Error;
use crate::model::{MessageId, MessageKey, RoomName};
use crate::store::{Appended, Batch, NewMessage, NewSession, Quota, Record, Redeemed, Standing, Store};

pub(super) fn check(new: &New<'_>) {
    reopening(new);
    with(new, housekeeping);
    dropping(new);
}

const USERS: [&str; 5] = ["messi", "henderson", "lineker", "second", "new"];

/// Everything that can be seen, as text.
pub(super) fn everything(store: &dyn Store) -> Vec<String> {
    let mut all = sorted_dump(store);
    for session in look(store, |batch| batch.sessions(at(5))) {
        all.push(format!(
            "session {} {} {:?} {:?}",
            session.id,
            session.user.full_name(),
            session.opened,
            session.from
        ));
    }
    for user in USERS {
        all.push(format!("unread {user}: {:?}", lines(&unread(store, user).0)));
        all.push(format!("unread in #bench {user}: {:?}", lines(&unread_room(store, user, "#bench").0)));
        all.extend(look(store, |batch| batch.conversations(user)).iter().map(|state| format!("{user}: {state:?}")));
    }
    all.extend(super::news::all_news(store, MessageId::NONE).iter().map(|it| format!("news {it:?} {}", it.text)));
    all.push(format!("last {}", store.last_message()));
    all
}

pub(super) fn fill(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker", "second"]);
    let [messi, henderson, second] = ["messi", "henderson", "second"].map(|user| profile(store, user));
    for (to, from) in
        [("henderson", &messi), ("messi", &henderson), ("messi", &messi), ("lineker", &second), ("lineker", &messi)]
    {
        send(store, to, from, " 1\r\n");
        send(store, to, from, "2\n");
    }
    take(store, "messi");
    create_room(store, "#bench", &["messi", "henderson"]);
    create_room(store, "#old", &["messi"]);
    send(store, "#bench", &henderson, " in the room");
    batch(store, |batch| Ok(batch.add_invitation(invitation(1, 0))? && batch.add_invitation(invitation(2, 0))?));
    for (number, user) in [(1, "messi"), (2, "henderson")] {
        let session = NewSession { id: session_id(number), user, now: at(0), expires: at(100), from: None };
        assert!(batch(store, |batch| batch.open_session(session)).is_open(), "open_session: opens a session");
    }
}

/// Steps of each kind, on what [`fill`] has left.
pub(super) fn change(store: &dyn Store) -> impl FnOnce(&mut dyn Batch) -> Result<(), Error> + use<> {
    let news = store.news(MessageId::NONE).expect("news: reads").messages;
    let first = news.first().expect("news: what was committed").id;
    let found = store.find_message("messi", first).expect("find_message: reads");
    let found = found.expect("find_message: a message that the user can see");
    move |batch| {
        let key = MessageKey::parse("key")?;
        let mut messi = account("messi", "Leo");
        messi.revision = batch.account("messi")?.expect("account: returns an account that was added").revision;
        let profile = messi.profile.clone();
        let keyed = NewMessage { key: Some(&key), ..message("henderson", &profile, " 3") };
        let done = [
            batch.replace_account(messi)?,
            batch.add_account(account("new", "New"))?,
            batch
                .open_session(NewSession { id: session_id(3), user: "new", now: at(1), expires: at(100), from: None })?
                .is_open(),
            batch.close_session(&session_id(2), at(1))?.is_some(),
            batch.use_session(&session_id(1), at(2), at(200))?.is_some(),
            matches!(batch.append(message("new", &profile, " hi"), Quota::UNLIMITED)?, Appended::Stored(_)),
            matches!(batch.append(keyed, Quota::UNLIMITED)?, Appended::Stored(_)),
            matches!(batch.append(message("#bench", &profile, " 4"), Quota::UNLIMITED)?, Appended::Stored(_)),
            batch.set_room("#bench", "Title", false)?,
            batch.set_standing("#bench", "lineker", Some(Standing::Owner), false)?,
            batch.set_standing("#bench", "messi", None, false)?,
            batch.create_room(&RoomName::parse("#new")?, "", true)?,
            batch.remove_room("#old")?,
            batch.block("henderson", "lineker")?,
            batch.redeem_invitation(&invitation(1, 0).id, at(1), account("guest", "Guest"))? == Redeemed::Added,
            batch.remove_invitation(&invitation(2, 0).id)?,
            batch.add_invitation(invitation(3, 1))?,
            batch.delete(&found)?,
            batch.remove_account("second")?,
        ];
        assert!(done.iter().all(|done| *done), "the steps of this batch can be done: {done:?}");
        Ok(())
    }
}

/// Whether all of [`change`] has happened; it must be that or nothing.
pub(super) fn has_changed(store: &dyn Store, before: &[String]) -> bool {
    let now = everything(store);
    if now == before {
        return false;
    }
    let has = |start: &str, part: &str| now.iter().any(|line| line.starts_with(start) && line.contains(part));
    let done = [
        has("account messi", "Leo"),
        has("account new", "New"),
        has(&format!("session {}", session_id(3)), "New"),
        !has(&format!("session {}", session_id(2)), ""),
        has("unread new", " hi"),
        has("unread henderson", " 3"),
        !has("account second", ""),
        has("unread in #bench henderson", " 4"),
        has("room #bench \"Title\" false", "\"lineker\", standing: Owner"),
        !has("room #bench", "\"messi\""),
        has("room #new", ""),
        !has("room #old", ""),
        has("block henderson", "lineker"),
        has("account guest", "Guest"),
        !now.contains(&show(Record::Invitation(&invitation(1, 0)))),
        !now.contains(&show(Record::Invitation(&invitation(2, 0)))),
        now.contains(&show(Record::Invitation(&invitation(3, 1)))),
        has("key messi", "henderson"),
        has("message", "true false"),
        !has("unread henderson", " 1"),
    ];
    assert!(
        done.iter().all(|done| *done),
        "commit: all steps of a batch happen or none: {done:?} {before:#?} {now:#?}"
    );
    true
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let (before, epoch) = {
        let store = &*open(&*data);
        fill(store);
        batch(store, change(store));
        (everything(store), store.epoch())
    };
    let law = "commit: waits until the steps are durable";
    for _ in 0..2 {
        let store = &*open(&*data);
        assert_eq!(store.epoch(), epoch, "epoch: is fixed when the data is created");
        assert_eq!(everything(store), before, "{law}");
    }
    let store = &*open(&*data);
    let last = store.sync("messi", MessageId::NONE, 99).unwrap().messages.last().map(|message| message.id);
    let next = send(store, "lineker", &profile(store, "henderson"), " next");
    assert!(Some(next) > last, "append: returns an id that is greater than all before it, also across a restart");
    let (_, moves) = take(store, "henderson");
    assert!(batch(store, |batch| batch.put_back("henderson", &moves)), "put_back: undoes what `take` did");
    let mut numbers: Vec<_> = unread(store, "henderson").1.iter().map(|it| it.conversation).collect();
    numbers.extend(unread(store, "lineker").1.iter().map(|it| it.conversation));
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "CursorMove::conversation: never used for another one, also across a restart");
}

fn housekeeping(store: &dyn Store) {
    fill(store);
    let before = everything(store);
    store.check().expect("check: finds nothing wrong");
    store.tidy().expect("tidy: does what makes the next start fast");
    store.check().expect("check: finds nothing wrong");
    assert_eq!(everything(store), before, "tidy, check: nothing depends on them");
    batch(store, change(store));
    assert!(has_changed(store, &before), "commit: makes all steps of a batch durable");
    store.check().expect("check: finds nothing wrong");
}

fn dropping(new: &New<'_>) {
    let data = new();
    let (changed, before) = {
        let store = &*open(&*data);
        fill(store);
        let before = everything(store);
        let change = change(store);
        let mut dropped = store.begin();
        change(&mut *dropped).expect("a step failed");
        drop(dropped);
        // With it, or without.
        batch(store, |batch| batch.close_sessions("lineker"));
        (has_changed(store, &before), before)
    };
    if data.is_durable() {
        let after = has_changed(&*open(&*data), &before);
        assert_eq!(after, changed, "a batch that is dropped is undone or committed with the next one, and stays so");
    }
}
