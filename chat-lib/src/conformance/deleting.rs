//! Deleting messages: what is left of them, and for whom they count.

use super::{
    Fault, New, add, batch, create_room, expected, lines, look, message, open, profile, send, take, unread,
    unread_room, with,
};
use crate::model::MessageId;
use crate::store::{Appended, FoundMessage, Position, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, finding);
    with(new, deleting);
    with(new, cursors);
    with(new, quotas);
    with(new, in_rooms);
    with(new, what_is_gone);
    reopening(new);
    undone(new);
}

fn find(store: &dyn Store, user: &str, id: MessageId) -> FoundMessage {
    let found = store.find_message(user, id).expect("find_message: reads");
    found.expect("find_message: a message that the user can see")
}

fn delete(store: &dyn Store, user: &str, id: MessageId) {
    let found = find(store, user, id);
    assert!(batch(store, |batch| batch.delete(&found)), "delete: deletes a message");
    let again = store.find_message(user, id).expect("find_message: reads");
    assert!(again.is_none(), "find_message: `None` if it was deleted");
    assert!(!batch(store, |batch| batch.delete(&found)), "delete: `false` if it was deleted");
}

/// The texts of a conversation, and whether each was deleted.
fn texts(store: &dyn Store, user: &str, with: &str) -> Vec<(String, bool)> {
    let page = store.history(user, with, Position::After(MessageId::NONE), 99).expect("history: reads");
    let synced = store.sync(user, MessageId::NONE, 99).expect("sync: reads").messages;
    let synced: Vec<_> = synced.into_iter().filter(|message| message.with.as_str() == with).collect();
    assert_eq!(synced, page.messages, "sync: shows what was deleted as `history` does");
    page.messages.into_iter().map(|message| (message.text, message.deleted)).collect()
}

fn shown(texts: &[(&str, bool)]) -> Vec<(String, bool)> {
    texts.iter().map(|&(text, deleted)| (text.to_owned(), deleted)).collect()
}

fn finding(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let messi = profile(store, "messi");
    let id = send(store, "henderson", &messi, " halo\r\n");
    let notes = send(store, "messi", &messi, "x");
    for (user, with) in [("messi", "henderson"), ("henderson", "messi")] {
        let found = find(store, user, id);
        assert_eq!((found.id, found.with.as_str()), (id, with), "FoundMessage::with: as the user who asked calls it");
        assert_eq!(found.from.as_ref(), Some(messi.user()), "FoundMessage::from: the sender");
        assert_eq!(found.bytes, 7, "FoundMessage::bytes: text and framing");
    }
    assert_eq!(find(store, "messi", notes).with.as_str(), "messi", "FoundMessage::with: one's own name for notes");
    let not_found = |user, id| {
        assert!(store.find_message(user, id).unwrap().is_none(), "find_message: `None` if {user} cannot see it")
    };
    not_found("lineker", id);
    not_found("ronaldo", id);
    not_found("henderson", notes);
    not_found("messi", MessageId::NONE);
    not_found("messi", MessageId::MAX);
    let between = batch(store, |batch| batch.append(message("lineker", &messi, " x"), Quota::UNLIMITED));
    let Appended::Stored(between) = between else { panic!("append: stores a message to a user") };
    not_found("henderson", between);
    find(store, "lineker", between);
}

fn deleting(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let ids = [" 1\r\n", " 2\r\n", " 3\r\n"].map(|line| send(store, "henderson", &messi, line));
    let own = send(store, "messi", &henderson, " own");
    delete(store, "messi", ids[1]);
    for (user, with) in [("messi", "henderson"), ("henderson", "messi")] {
        let law = "delete: the text is empty, and the message is marked as deleted, for everybody";
        let all = shown(&[("1", false), ("", true), ("3", false), ("own", false)]);
        assert_eq!(texts(store, user, with), all, "{law}");
    }
    let news = store.news(MessageId::NONE).expect("news: reads").messages;
    let news: Vec<_> = news.into_iter().map(|it| (it.text, it.deleted)).take(2).collect();
    assert_eq!(news, shown(&[("1", false), ("", true)]), "news: shows what was deleted as `history` does");
    let law = "delete: the message is not unread";
    let (inbox, moves) = unread(store, "henderson");
    assert_eq!(lines(&inbox), expected(&[("messi", " 1\r\n"), ("messi", " 3\r\n")]), "{law}");
    assert_eq!((moves[0].messages, moves[0].bytes), (2, 8), "{law}: CursorMove");
    let unread_there = |user, with| look(store, |batch| batch.conversation(user, with)).map(|it| it.unread);
    assert_eq!(unread_there("henderson", "messi"), Some(2), "{law}: conversation");
    delete(store, "messi", ids[2]);
    let state = look(store, |batch| batch.conversation("henderson", "messi")).expect("conversation: it is there");
    assert_eq!((state.unread, state.last), (1, own), "{law}: conversation");
    let read = store.read_until("henderson", "messi", ids[2]).unwrap().expect("read_until: the move");
    assert_eq!((read.to, read.messages, read.bytes), (ids[2], 1, 4), "read_until: does not count what was deleted");
    assert_eq!(take(store, "henderson").0.len(), 1, "{law}");
    assert_eq!(unread_there("henderson", "messi"), Some(0), "take: what was taken is read");
    // What was read is deleted, and what is the only unread message.
    delete(store, "messi", ids[0]);
    assert_eq!(unread_there("henderson", "messi"), Some(0), "delete: of what was read, nothing counts");
    delete(store, "henderson", own);
    assert_eq!(unread_there("messi", "henderson"), Some(0), "{law}: conversation");
    let (inbox, moves) = unread(store, "messi");
    assert!(inbox.is_empty() && moves.is_empty(), "{law}: unread");
    let steps = batch(store, |batch| {
        let Appended::Stored(_) = batch.append(message("messi", &henderson, " new"), Quota::UNLIMITED)? else {
            panic!("append: stores a message to a user")
        };
        Ok(batch.conversation("messi", "henderson")?.map(|it| it.unread))
    });
    assert_eq!(steps, Some(1), "delete: what comes later is unread");
    assert_eq!(
        lines(&take(store, "messi").0),
        expected(&[("henderson", " new")]),
        "delete: what comes later is unread"
    );
}

/// Moves that were made before a message of theirs was deleted.
fn cursors(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let unread_there = || look(store, |batch| batch.conversation("henderson", "messi")).map(|it| it.unread);
    let ids = [" 1", " 2", " 3"].map(|line| send(store, "henderson", &messi, line));
    let (_, moves) = unread(store, "henderson");
    delete(store, "messi", ids[1]);
    // An engine may refuse the move, and then it is read again.
    if !batch(store, |batch| batch.take("henderson", &moves)) {
        take(store, "henderson");
    }
    assert_eq!(unread_there(), Some(0), "take: what was taken is read, also if some of it was deleted meanwhile");
    send(store, "henderson", &messi, " 4");
    assert_eq!(unread_there(), Some(1), "take: counts what is unread, also if some was deleted meanwhile");
    let (_, moves) = take(store, "henderson");
    send(store, "henderson", &messi, " 5");
    let fifth = unread(store, "henderson").1[0].to;
    delete(store, "messi", fifth);
    assert!(batch(store, |batch| batch.put_back("henderson", &moves)), "put_back: undoes what `take` did");
    assert_eq!(unread_there(), Some(1), "put_back: what was deleted is not unread");
    let (inbox, moves) = take(store, "henderson");
    assert_eq!(lines(&inbox), expected(&[("messi", " 4")]), "put_back: what was deleted is not unread");
    let fourth = ids[2].max(store.history("henderson", "messi", Position::Before(fifth), 1).unwrap().messages[0].id);
    delete(store, "messi", fourth);
    let is_back = batch(store, |batch| batch.put_back("henderson", &moves));
    assert_eq!(unread_there(), Some(0), "put_back: what was deleted meanwhile is not unread ({is_back})");
    assert_eq!(unread(store, "henderson").0.len(), 0, "put_back: what was deleted meanwhile is not unread ({is_back})");
    send(store, "henderson", &messi, " 6");
    assert_eq!(
        unread_there(),
        Some(1),
        "put_back: counts what is unread, also if some was deleted meanwhile ({is_back})"
    );
    assert_eq!(take(store, "henderson").0.len(), 1, "take: does the moves if no cursor has moved since");
    assert_eq!(unread_there(), Some(0), "take: what was taken is read");
}

fn quotas(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let append = |line, messages, bytes| {
        batch(store, |batch| batch.append(message("henderson", &messi, line), Quota { messages, bytes }))
    };
    let Appended::Stored(id) = append(" 1234", 1, 5) else { panic!("append: stores what the quota admits") };
    assert_eq!(append("", 1, 9), Appended::Full, "append: `Full`");
    delete(store, "messi", id);
    let law = "delete: what was deleted does not count for the quota";
    assert!(matches!(append(" 5678", 1, 5), Appended::Stored(_)), "{law}");
    assert_eq!(append("", 1, 9), Appended::Full, "{law}, and what came later does");
}

fn in_rooms(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let ids = [" 1", " 2", " 3"].map(|line| send(store, "#bench", &messi, line));
    assert_eq!(find(store, "henderson", ids[1]).with.as_str(), "#bench", "FoundMessage::with: the room");
    // Whoever may delete it is not the store's concern.
    delete(store, "henderson", ids[1]);
    let law = "delete: in a room, too";
    for user in ["messi", "henderson"] {
        assert_eq!(texts(store, user, "#bench"), shown(&[("1", false), ("", true), ("3", false)]), "{law}");
    }
    let (inbox, moves) = unread_room(store, "henderson", "#bench");
    assert_eq!(lines(&inbox), expected(&[("messi", " 1"), ("messi", " 3")]), "{law}: read_unread_room");
    assert_eq!((moves[0].messages, moves[0].bytes), (2, 4), "{law}: CursorMove");
    let count = || look(store, |batch| batch.conversation("henderson", "#bench")).map(|it| it.unread);
    assert_eq!(count(), Some(2), "{law}: conversation");
    assert!(batch(store, |batch| batch.take("henderson", &moves)), "take: does the moves if no cursor has moved since");
    assert_eq!(count(), Some(0), "{law}: conversation");
    delete(store, "messi", ids[0]);
    assert_eq!(count(), Some(0), "delete: of what was read, nothing counts");
    super::join(store, "#bench", "lineker", true);
    let all = shown(&[("", true), ("", true), ("3", false)]);
    assert_eq!(texts(store, "lineker", "#bench"), all, "{law}, for those who come later");
}

fn what_is_gone(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let direct = find(store, "messi", send(store, "henderson", &messi, " deleted"));
    let kept = find(store, "messi", send(store, "henderson", &messi, " kept"));
    let in_room = find(store, "messi", send(store, "#bench", &messi, " x"));
    delete(store, "messi", direct.id);
    batch(store, |batch| batch.remove_account("messi"));
    let left = expected(&[("messi", " kept")]);
    assert_eq!(lines(&unread(store, "henderson").0), left, "remove_account: what was deleted does not come back");
    assert!(
        store.find_message("henderson", kept.id).unwrap().is_none(),
        "find_message: not in a conversation that is gone"
    );
    assert!(batch(store, |batch| batch.delete(&in_room)), "delete: a former user's message in a room");
    assert_eq!(texts(store, "henderson", "#bench"), shown(&[("", true)]), "delete: a former user's message in a room");
    let notes = find(store, "henderson", send(store, "henderson", &henderson, " notes"));
    batch(store, |batch| batch.remove_account("henderson"));
    assert!(!batch(store, |batch| batch.delete(&notes)), "delete: `false` if its conversation is gone");
    assert!(!batch(store, |batch| batch.delete(&kept)), "delete: `false` if its conversation is gone");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let ids = {
        let store = &*open(&*data);
        add(store, &["messi", "henderson"]);
        create_room(store, "#bench", &["messi", "henderson"]);
        let messi = profile(store, "messi");
        let ids = ["henderson", "henderson", "#bench", "#bench"].map(|to| send(store, to, &messi, " a secret\r\n"));
        delete(store, "messi", ids[0]);
        delete(store, "messi", ids[2]);
        ids
    };
    for _ in 0..2 {
        let store = &*open(&*data);
        let law = "a store that is opened again has what was committed: messages that were deleted";
        for (with, id) in [("messi", ids[0]), ("#bench", ids[2])] {
            assert_eq!(texts(store, "henderson", with), shown(&[("", true), ("a secret", false)]), "{law}");
            let count = look(store, |batch| batch.conversation("henderson", with)).map(|it| it.unread);
            assert_eq!(count, Some(1), "{law} are not unread");
            assert!(store.find_message("henderson", id).unwrap().is_none(), "{law}: find_message");
        }
        assert_eq!(lines(&unread(store, "henderson").0).len(), 1, "{law} are not unread");
        assert_eq!(lines(&unread_room(store, "henderson", "#bench").0).len(), 1, "{law} are not unread");
        store.check().expect("check: finds nothing wrong");
        store.tidy().expect("tidy: does what makes the next start fast");
    }
}

fn undone(new: &New<'_>) {
    for fault in Fault::ALL {
        let data = new();
        let store = &*open(&*data);
        add(store, &["messi", "henderson"]);
        let id = send(store, "henderson", &profile(store, "messi"), " x");
        let found = find(store, "messi", id);
        if !data.fail_next_commit(fault) {
            return;
        }
        let mut failing = store.begin();
        assert!(failing.delete(&found).expect("delete: deletes"), "delete: deletes a message");
        assert!(failing.commit().is_err(), "commit: a failure ({fault:?}) is told");
        let is_deleted = store.find_message("messi", id).unwrap().is_none();
        let law = "commit: all steps of a batch happen or none: delete";
        assert_eq!(
            texts(store, "messi", "henderson"),
            shown(&[(if is_deleted { "" } else { "x" }, is_deleted)]),
            "{law}"
        );
        assert_eq!(unread(store, "henderson").0.len(), usize::from(!is_deleted), "{law} ({fault:?})");
        assert_eq!(batch(store, |batch| batch.delete(&found)), !is_deleted, "{law} ({fault:?})");
        assert_eq!(unread(store, "henderson").0.len(), 0, "delete: the message is not unread");
    }
}
