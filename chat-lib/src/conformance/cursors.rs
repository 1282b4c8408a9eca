//! Cursors: reading up to a message, taking what is unread, and putting it back.

use super::conversations::show;
use super::news::all_synced;
use super::{New, add, batch, create_room, expected, join, lines, look, message, profile, send, take, unread, with};
use crate::model::MessageId;
use crate::store::{Appended, Position, Quota, Store, Unread};

pub(super) fn check(new: &New<'_>) {
    with(new, reading_until);
    with(new, notes);
    with(new, taking);
    with(new, taking_all_or_nothing);
    with(new, putting_back);
    with(new, putting_back_all_or_nothing);
    with(new, steps_see_each_other);
}

/// Comes last: it needs many messages, and whatever else is wrong would show here, too.
pub(super) fn check_long(new: &New<'_>) {
    with(new, syncing);
    with(new, syncing_many_conversations);
}

fn notes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let first = send(store, "messi", &messi, " 1");
    let second = send(store, "messi", &messi, " 2");
    let states = look(store, |batch| batch.conversations("messi"));
    let none = MessageId::NONE;
    let law = "Conversations: in notes to oneself, every message after the cursor is unread";
    assert_eq!(show(&states), [("messi", 2, none, none, second)], "{law}");
    let page = store.history("messi", "messi", Position::Before(second), 9).unwrap();
    let ids: Vec<_> = page.messages.iter().map(|message| (message.id, message.with.as_str())).collect();
    assert_eq!(ids, [(first, "messi")], "HistoryMessage::with: the reader's own name for notes");
    assert_eq!(store.sync("messi", none, 9).unwrap().messages.len(), 2, "sync: notes are a conversation, too");
    assert!(store.sync("henderson", none, 9).unwrap().messages.is_empty(), "sync: the conversations of the user alone");
    let page = store.history("henderson", "messi", Position::After(none), 9).unwrap();
    assert!(page.messages.is_empty(), "history: notes are nobody else's");
    let read = store.read_until("messi", "messi", first).unwrap().expect("read_until: the move, for notes, too");
    assert!(batch(store, |batch| batch.take("messi", &[read])), "take: does a move of `read_until`");
    let states = look(store, |batch| batch.conversations("messi"));
    assert_eq!(show(&states), [("messi", 1, first, first, second)], "{law}");
    assert_eq!(lines(&take(store, "messi").0), expected(&[("messi", " 2")]), "{law}");
    assert_eq!(take(store, "messi").0.len(), 0, "take: what was taken is read");
}

/// An engine read one member's messages up to a mark, and took what the other had sent after it for read.
fn syncing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    let mut sent = Vec::new();
    for _ in 0..70 {
        sent.extend([send(store, "henderson", &messi, " x"), send(store, "messi", &henderson, " y")]);
        let latest = &sent[sent.len().saturating_sub(80)..];
        let (mut after, mut shown) = (latest[0], vec![latest[0]]);
        loop {
            let page = store.sync("messi", after, 30).unwrap();
            shown.extend(page.messages.iter().map(|message| message.id));
            match page.messages.last() {
                Some(last) if page.more => after = last.id,
                _ => break,
            }
        }
        assert_eq!(shown, latest, "sync: shows all messages, page by page, as long as there are more");
    }
}

/// Who has many conversations sees all of them, and nothing of others.
fn syncing_many_conversations(store: &dyn Store) {
    let partners: Vec<String> = (0..25).map(|number| format!("p{number:02}")).collect();
    partners.iter().for_each(|partner| add(store, &[partner]));
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let mut sent = Vec::new();
    for round in 0..8 {
        for (number, partner) in partners.iter().enumerate() {
            let from = profile(store, partner);
            sent.push((send(store, "messi", &from, " x"), partner.as_str()));
            if number % 3 == round % 3 {
                sent.push((send(store, partner, &messi, " y"), partner.as_str()));
            }
            send(store, "henderson", &from, " not to everybody");
        }
        if round == 4 {
            join(store, "#bench", "messi", false);
        }
        let id = send(store, "#bench", &henderson, " z");
        if round >= 4 {
            sent.push((id, "#bench"));
        }
    }
    for (limit, begin) in [(1, 0), (7, 0), (7, 100), (30, 250), (usize::MAX, 0), (usize::MAX, 17)] {
        let after = if begin == 0 { MessageId::NONE } else { sent[begin - 1].0 };
        let synced = all_synced(store, "messi", after, limit);
        let shown: Vec<_> = synced.iter().map(|message| (message.id, message.with.as_str())).collect();
        assert_eq!(shown, sent[begin..], "sync: shows all messages of all conversations of the user");
    }
    assert_eq!(store.sync("messi", MessageId::NONE, 0).unwrap().messages.len(), 0, "sync: at most `limit`");
}

fn taking(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    send(store, "henderson", &messi, " 1");
    let (_, first) = unread(store, "henderson");
    let (_, same) = unread(store, "henderson");
    send(store, "messi", &henderson, " an answer");
    send(store, "henderson", &messi, " 2");
    assert!(
        !batch(store, |batch| batch.take("lineker", &first)),
        "take: `false` if the user is no member of the conversation"
    );
    assert!(!batch(store, |batch| batch.take("ronaldo", &first)), "take: `false` if the user is gone");
    assert!(batch(store, |batch| batch.take("henderson", &first)), "take: later messages do not matter");
    assert!(
        !batch(store, |batch| batch.take("henderson", &same)),
        "take: of two readers who have read the same messages, one takes them"
    );
    let (inbox, moves) = unread(store, "henderson");
    assert_eq!(lines(&inbox), expected(&[("messi", " 2")]), "take: takes what was read, and nothing that came later");
    assert_eq!(
        (moves.len(), moves[0].messages, moves[0].bytes),
        (1, 1, 2),
        "CursorMove: how many unread messages lie between"
    );
    assert_eq!(moves[0].conversation, first[0].conversation, "CursorMove::conversation: the engine's number of it");
    assert_eq!(moves[0].from, first[0].to, "CursorMove::from: where the cursor is");
    let unread_there = look(store, |batch| batch.conversations("henderson"))[0].unread;
    assert_eq!(unread_there, 1, "conversations: counts what is unread");
    take(store, "henderson");
    batch(store, |batch| batch.remove_account("messi"));
    add(store, &["messi"]);
    send(store, "henderson", &profile(store, "messi"), " 3");
    let (_, others) = unread(store, "henderson");
    assert_ne!(others[0].conversation, first[0].conversation, "CursorMove::conversation: never used for another one");
    assert!(!batch(store, |batch| batch.take("henderson", &first)), "take: `false` if the conversation is gone");
    batch(store, |batch| batch.remove_account("henderson"));
    assert!(!batch(store, |batch| batch.take("henderson", &others)), "take: `false` if the user is gone");
    add(store, &["henderson"]);
    assert!(
        !batch(store, |batch| batch.take("henderson", &others)),
        "take: `false` if the user is gone, also for another one of that name"
    );
}

fn taking_all_or_nothing(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    send(store, "lineker", &messi, " 1");
    send(store, "lineker", &henderson, " 2");
    let (_, mut both) = unread(store, "lineker");
    assert_eq!(both.len(), 2, "unread: one move for each conversation with something unread");
    let one =
        store.read_until("lineker", "messi", MessageId::MAX).unwrap().expect("read_until: there is something unread");
    assert!(batch(store, |batch| batch.take("lineker", &[one])), "take: does the moves that it is given");
    let law = "take: `false`, and nothing done, if any of these cursors has moved since";
    for _ in 0..2 {
        assert!(!batch(store, |batch| batch.take("lineker", &both)), "{law}");
        assert_eq!(lines(&unread(store, "lineker").0), expected(&[("henderson", " 2")]), "{law}");
        both.reverse();
    }
}

fn reading_until(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let read_until = |user: &str, with: &str, upto| store.read_until(user, with, upto).expect("read_until: reads");
    assert!(
        read_until("messi", "henderson", MessageId::MAX).is_none(),
        "read_until: `None` if there is no such conversation"
    );
    let mut ids = Vec::new();
    for (to, from, line) in [
        ("henderson", &messi, " 0"),
        ("lineker", &messi, " elsewhere"),
        ("henderson", &messi, " 22"),
        ("messi", &henderson, " an answer"),
        ("henderson", &messi, " 444"),
        ("messi", &henderson, " another answer"),
    ] {
        ids.push(send(store, to, from, line));
    }
    let until = |upto: MessageId| {
        let it = read_until("henderson", "messi", upto)?;
        Some((it.from, it.to, it.messages, it.bytes))
    };
    let none = MessageId::NONE;
    assert_eq!(until(none), None, "read_until: `None` if the cursor is there already");
    assert_eq!(until(ids[0]), Some((none, ids[0], 1, 2)), "read_until: up to the message");
    assert_eq!(
        until(ids[1]),
        Some((none, ids[0], 1, 2)),
        "read_until: up to the last message of the conversation that is not after `upto`"
    );
    assert_eq!(until(ids[2]), Some((none, ids[2], 2, 5)), "read_until: counts what is unread, and its bytes");
    assert_eq!(until(ids[3]), Some((none, ids[3], 2, 5)), "read_until: one's own messages do not count");
    assert_eq!(
        until(MessageId::MAX),
        Some((none, ids[5], 3, 9)),
        "read_until: a position past the last message means the last message"
    );
    let own =
        read_until("messi", "henderson", ids[2]).expect("read_until: the cursor also moves over one's own messages");
    assert_eq!(
        (own.from, own.to, own.messages, own.bytes),
        (none, ids[2], 0, 0),
        "read_until: one's own messages do not count"
    );

    let middle = read_until("henderson", "messi", ids[2]).expect("read_until: the move");
    assert!(
        batch(store, |batch| batch.take("henderson", std::slice::from_ref(&middle))),
        "take: does a move of `read_until`"
    );
    assert_eq!(
        lines(&unread(store, "henderson").0),
        expected(&[("messi", " 444")]),
        "take: what lies after the cursor is unread"
    );
    let state = look(store, |batch| batch.conversations("henderson"));
    assert_eq!(show(&state), [("messi", 1, ids[2], none, ids[5])], "take: moves the cursor to `to`");
    assert_eq!(until(ids[0]), None, "read_until: `None` if the cursor is past it");
    assert_eq!(until(ids[2]), None, "read_until: `None` if the cursor is there already");
    assert_eq!(until(ids[5]), Some((ids[2], ids[5], 1, 4)), "read_until: from where the cursor is");
    assert!(
        batch(store, |batch| batch.put_back("henderson", std::slice::from_ref(&middle))),
        "put_back: undoes what `take` did"
    );
    assert_eq!(until(MessageId::MAX), Some((none, ids[5], 3, 9)), "put_back: the messages are unread again");
    assert!(
        read_until("ronaldo", "messi", MessageId::MAX).is_none(),
        "read_until: `None` if there is no such conversation"
    );
    assert!(
        read_until("lineker", "henderson", MessageId::MAX).is_none(),
        "read_until: `None` if there is no such conversation"
    );
}

fn putting_back(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let put_back = |moves: &[_]| batch(store, |batch| batch.put_back("henderson", moves));
    send(store, "henderson", &messi, " 1");
    send(store, "henderson", &messi, " 2");
    let (_, first) = take(store, "henderson");
    send(store, "henderson", &messi, " 3");
    assert!(!batch(store, |batch| batch.put_back("messi", &first)), "put_back: moves the cursors of its user alone");
    assert!(put_back(&first), "put_back: undoes what `take` did");
    assert!(!put_back(&first), "put_back: `false` if the cursor has moved since, as by another `put_back`");
    let all = expected(&[("messi", " 1"), ("messi", " 2"), ("messi", " 3")]);
    assert_eq!(
        lines(&take(store, "henderson").0),
        all,
        "put_back: the messages are unread again, before those that came later"
    );

    send(store, "henderson", &messi, " 4");
    let (_, first) = take(store, "henderson");
    send(store, "henderson", &messi, " 5");
    let (_, second) = take(store, "henderson");
    assert!(!put_back(&first), "put_back: `false` if the cursor has moved since");
    assert!(put_back(&second) && put_back(&first), "put_back: the last one first");
    let (inbox, first) = take(store, "henderson");
    assert_eq!(lines(&inbox), expected(&[("messi", " 4"), ("messi", " 5")]), "put_back: the messages are unread again");
    send(store, "henderson", &messi, " 6");
    assert_eq!(lines(&take(store, "henderson").0), expected(&[("messi", " 6")]), "take: what was taken is read");
    assert!(!put_back(&first), "put_back: `false` if the cursor has moved since");
    assert_eq!(take(store, "henderson").0.len(), 0, "put_back: `false`, and nothing done");

    send(store, "henderson", &messi, " 7");
    let (_, gone) = take(store, "henderson");
    batch(store, |batch| batch.remove_account("henderson"));
    assert!(!put_back(&gone), "put_back: `false` if the user is gone");
    add(store, &["henderson"]);
    assert!(!put_back(&gone), "put_back: `false` if the user is gone, also for another one of that name");
    assert_eq!(take(store, "henderson").0.len(), 0, "put_back: `false`, and nothing done");
}

fn putting_back_all_or_nothing(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    send(store, "lineker", &messi, " 1");
    send(store, "lineker", &henderson, " 2");
    let (_, mut both) = take(store, "lineker");
    send(store, "lineker", &messi, " 3");
    take(store, "lineker");
    let law = "put_back: `false`, and nothing done, if any of the cursors has moved since";
    for _ in 0..2 {
        assert!(!batch(store, |batch| batch.put_back("lineker", &both)), "{law}");
        assert_eq!(unread(store, "lineker").0.len(), 0, "{law}");
        both.reverse();
    }
}

fn steps_see_each_other(store: &dyn Store) {
    let law = "steps of a batch see those before";
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    batch(store, |batch| {
        let mut last = MessageId::NONE;
        for number in 1..=3 {
            let Appended::Stored(id) = batch.append(message("henderson", &messi, " x\r\n"), Quota::UNLIMITED)? else {
                panic!("append: stores a message to a user")
            };
            assert!(id > last, "append: returns an id that is greater than all before it, also in one batch");
            last = id;
            let states = batch.conversations("henderson")?;
            assert_eq!(show(&states), [("messi", number, MessageId::NONE, MessageId::NONE, last)], "{law}");
        }
        let full = batch.append(message("henderson", &messi, ""), Quota { messages: 3, bytes: 99 })?;
        assert_eq!(full, Appended::Full, "{law}");
        if let Unread::Messages { inbox, moves } = batch.unread("henderson", usize::MAX)? {
            assert_eq!(inbox.len(), 3, "{law}");
            assert!(batch.take("henderson", &moves)?, "take: does the moves if no cursor has moved since");
            assert!(!batch.take("henderson", &moves)?, "{law}");
            assert_eq!(batch.conversations("henderson")?[0].unread, 0, "{law}");
            assert!(batch.put_back("henderson", &moves)?, "put_back: undoes what `take` did, also in one batch");
            assert_eq!(batch.conversations("henderson")?[0].unread, 3, "{law}");
        }
        Ok(())
    });
    assert_eq!(take(store, "henderson").0.len(), 3, "commit: makes all steps of a batch durable");
}
