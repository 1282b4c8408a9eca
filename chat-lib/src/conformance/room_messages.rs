//! Messages in rooms: who may send them, who sees them, and how they are read.

use super::{
    New, add, append, batch, create_room, expected, join, lines, look, message, profile, send, take, unread,
    unread_room, with,
};
use crate::model::{Inbox, MessageId};
use crate::store::{Appended, Position, Quota, Standing, Store, Unread};

pub(super) fn check(new: &New<'_>) {
    with(new, sending);
    with(new, visibility);
    with(new, reading);
    with(new, moving);
    with(new, moving_all_or_nothing);
    with(new, leaving);
}

fn texts(store: &dyn Store, user: &str, room: &str) -> Vec<String> {
    let page = store.history(user, room, Position::After(MessageId::NONE), 99).expect("history: reads");
    let back = store.history(user, room, Position::Before(MessageId::MAX), 99).expect("history: reads");
    assert_eq!(page.messages, back.messages, "history: the same in both directions");
    let synced = store.sync(user, MessageId::NONE, 99).expect("sync: reads");
    let synced: Vec<_> = synced.messages.iter().filter(|message| message.with.as_str() == room).cloned().collect();
    assert_eq!(synced, page.messages, "sync: shows rooms as `history` does");
    for message in &page.messages {
        let found = store.find_message(user, message.id).expect("find_message: reads");
        let found = found.expect("find_message: finds what the user can see");
        assert_eq!((found.id, &found.with), (message.id, &message.with), "find_message: the message of that id");
    }
    page.messages.into_iter().map(|message| message.text).collect()
}

/// Unread messages, cursor and last message of a room, as a user sees it.
fn state(store: &dyn Store, user: &str, room: &str) -> Option<(usize, MessageId, MessageId)> {
    let (state, all) = look(store, |batch| Ok((batch.conversation(user, room)?, batch.conversations(user)?)));
    let same = all.into_iter().find(|state| state.with.as_str() == room);
    assert_eq!(state, same, "conversation: one of `conversations`");
    let state = state?;
    assert_eq!(state.read_by_other, None, "ConversationState::read_by_other: `None` in a room");
    Some((state.unread, state.read, state.last))
}

fn sending(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker", "zidane", "former"]);
    create_room(store, "#bench", &["messi", "henderson", "former"]);
    batch(store, |batch| batch.set_standing("#bench", "zidane", Some(Standing::Invited), true));
    let [messi, lineker, zidane, former] = ["messi", "lineker", "zidane", "former"].map(|user| profile(store, user));
    for room in ["#none", "#", "#no room", "bench"] {
        let law = "append: `NoSuchRecipient` if there is no such room";
        assert_eq!(append(store, room, &messi, " x"), Appended::NoSuchRecipient, "{law}");
    }
    let law = "append: `NotAMember` if the sender is not a member of the room";
    assert_eq!(append(store, "#bench", &lineker, " x"), Appended::NotAMember, "{law}");
    assert_eq!(append(store, "#bench", &zidane, " x"), Appended::NotAMember, "{law}: being invited is not enough");
    batch(store, |batch| batch.remove_account("former"));
    assert_eq!(append(store, "#bench", &former, " x"), Appended::NotAMember, "{law}: a former user is not");
    assert!(texts(store, "messi", "#bench").is_empty(), "append: nothing is done if the sender is not a member");
    let none = Quota { messages: 0, bytes: 0 };
    let appended = batch(store, |batch| batch.append(message("#bench", &messi, " 1"), none));
    assert!(matches!(appended, Appended::Stored(_)), "append: the quota is for messages to a user");
    send(store, "#bench", &profile(store, "henderson"), " 2\r\n");
    for user in ["messi", "henderson"] {
        assert_eq!(texts(store, user, "#bench"), ["1", "2"], "append: all members get what is sent to a room");
        assert_eq!(unread(store, user).0.len(), 0, "unread: direct messages only");
    }
    for user in ["lineker", "zidane", "former", "ronaldo"] {
        assert!(texts(store, user, "#bench").is_empty(), "history: empty for those who are not members");
        assert_eq!(state(store, user, "#bench"), None, "conversation: `None` for those who are not members");
        assert_eq!(unread_room(store, user, "#bench").0.len(), 0, "read_unread_room: empty if the user is no member");
        let page = store.history("messi", "#bench", Position::After(MessageId::NONE), 1).unwrap();
        let found = store.find_message(user, page.messages[0].id).unwrap();
        assert!(found.is_none(), "find_message: `None` for what the user cannot see");
        let read = store.read_until(user, "#bench", MessageId::MAX).unwrap();
        assert!(read.is_none(), "read_until: `None` if the user is no member");
    }
    let append = |batch: &mut dyn crate::store::Batch| batch.append(message("#bench", &messi, " 3"), Quota::UNLIMITED);
    let seen = batch(store, |batch| {
        append(batch)?;
        Ok(batch.conversation("henderson", "#bench")?.map(|state| state.unread))
    });
    assert_eq!(seen, Some(2), "steps of a batch see those before");
}

fn visibility(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    create_room(store, "#bench", &["messi"]);
    let messi = profile(store, "messi");
    assert_eq!(
        state(store, "messi", "#bench"),
        Some((0, MessageId::NONE, MessageId::NONE)),
        "conversation: a new room"
    );
    let ids = [" 1", " 2"].map(|line| send(store, "#bench", &messi, line));
    join(store, "#bench", "henderson", false);
    join(store, "#bench", "lineker", true);
    let law = "set_standing: unless they see its history, a new member sees only what comes later";
    assert!(texts(store, "henderson", "#bench").is_empty(), "{law}");
    assert!(store.find_message("henderson", ids[0]).unwrap().is_none(), "{law}: find_message");
    assert_eq!(texts(store, "lineker", "#bench"), ["1", "2"], "set_standing: a new member who sees the room's history");
    let law = "set_standing: a new member's cursor is at the last message of the room";
    assert_eq!(state(store, "henderson", "#bench"), Some((0, ids[1], MessageId::NONE)), "{law}");
    assert_eq!(state(store, "lineker", "#bench"), Some((0, ids[1], ids[1])), "{law}");
    let law = "set_standing: unless they see its history, a new member sees only what comes later";
    let is_read = store.read_until("henderson", "#bench", MessageId::MAX).unwrap();
    assert!(is_read.is_none(), "read_until: `None` if the cursor is there already");
    let third = send(store, "#bench", &messi, " 3");
    for (user, seen) in [("henderson", &["3"][..]), ("lineker", &["1", "2", "3"]), ("messi", &["1", "2", "3"])] {
        assert_eq!(texts(store, user, "#bench"), seen, "{law}");
    }
    for user in ["henderson", "lineker"] {
        assert_eq!(
            state(store, user, "#bench"),
            Some((1, ids[1], third)),
            "conversation: what came after joining is unread"
        );
    }
    let page = store.history("henderson", "#bench", Position::Before(third), 9).unwrap();
    assert!(page.messages.is_empty() && !page.more, "{law}: there are no more before it");
    // A member who becomes an owner joins nothing.
    for standing in [Standing::Owner, Standing::Member] {
        batch(store, |batch| batch.set_standing("#bench", "henderson", Some(standing), true));
        assert_eq!(
            state(store, "henderson", "#bench"),
            Some((1, ids[1], third)),
            "set_standing: a member's cursor stays"
        );
        assert_eq!(texts(store, "henderson", "#bench"), ["3"], "set_standing: a member sees what they saw");
    }
}

fn reading(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    create_room(store, "#attack", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let first = send(store, "#bench", &messi, " 1\r\n");
    send(store, "#bench", &henderson, " own");
    send(store, "#attack", &messi, " elsewhere");
    send(store, "henderson", &messi, " direct");
    let last = send(store, "#bench", &messi, "2");
    let law = "read_unread_room: what others have sent to the room after the cursor, in order of arrival";
    let (inbox, moves) = unread_room(store, "henderson", "#bench");
    assert_eq!(lines(&inbox), expected(&[("messi", " 1\r\n"), ("messi", "2")]), "{law}");
    assert_eq!(inbox.to(), "henderson in full", "read_unread_room: has the user's full name");
    let shown: Vec<_> = moves.iter().map(|it| (it.from, it.to, it.messages, it.bytes)).collect();
    assert_eq!(shown, [(MessageId::NONE, last, 2, 5)], "read_unread_room: the move that marks it as read");
    let with = moves[0].with.as_ref().map(|with| with.as_str());
    assert_eq!(with, Some("#bench"), "CursorMove::with: what the member calls the conversation");
    assert_eq!(
        state(store, "henderson", "#bench"),
        Some((2, MessageId::NONE, last)),
        "conversation: counts what is unread"
    );
    let law = "read_unread_room: `TooLarge` if the messages would take more than `max_bytes` of memory";
    let bytes = Inbox::footprint(2, 5);
    assert!(matches!(store.read_unread_room("henderson", "#bench", bytes - 1), Ok(Unread::TooLarge)), "{law}");
    assert!(matches!(store.read_unread_room("henderson", "#bench", bytes), Ok(Unread::Messages { .. })), "{law}");
    assert!(batch(store, |batch| batch.take("henderson", &moves)), "take: does the moves if no cursor has moved since");
    assert!(!batch(store, |batch| batch.take("henderson", &moves)), "take: `false` if the cursor has moved since");
    assert_eq!(state(store, "henderson", "#bench"), Some((0, last, last)), "take: moves the cursor to `to`");
    assert_eq!(unread_room(store, "henderson", "#bench").0.len(), 0, "take: what was taken is read");
    assert_eq!(unread_room(store, "henderson", "#attack").0.len(), 1, "take: moves the cursors that it is told");
    assert_eq!(lines(&take(store, "henderson").0), expected(&[("messi", " direct")]), "unread: direct messages only");
    let (inbox, _) = unread_room(store, "messi", "#bench");
    assert_eq!(lines(&inbox), expected(&[("henderson", " own")]), "take: moves only the cursors of its user");
    assert!(batch(store, |batch| batch.put_back("henderson", &moves)), "put_back: undoes what `take` did");
    assert!(
        !batch(store, |batch| batch.put_back("henderson", &moves)),
        "put_back: `false` if the cursor has moved since"
    );
    assert_eq!(
        state(store, "henderson", "#bench"),
        Some((2, MessageId::NONE, last)),
        "put_back: they are unread again"
    );
    assert_eq!(lines(&unread_room(store, "henderson", "#bench").0)[0].1, " 1\r\n", "put_back: they are unread again");
    assert!(store.find_message("henderson", first).unwrap().is_some(), "find_message: what the user can see");
}

/// Moves in a room and in a direct conversation at once.
fn moving_all_or_nothing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let messi = profile(store, "messi");
    send(store, "#bench", &messi, " 1");
    send(store, "henderson", &messi, " 2");
    let mut both = [unread_room(store, "henderson", "#bench").1, unread(store, "henderson").1].concat();
    assert_eq!(both.len(), 2, "unread: one move for each conversation with something unread");
    let counts = || (unread_room(store, "henderson", "#bench").0.len(), unread(store, "henderson").0.len());
    assert!(batch(store, |batch| batch.take("henderson", &both[1..])), "take: does the moves that it is given");
    for _ in 0..2 {
        let taken = batch(store, |batch| batch.take("henderson", &both));
        assert!(
            !taken && counts() == (1, 0),
            "take: `false`, and nothing done, if any of these cursors has moved since"
        );
        both.reverse();
    }
    assert!(batch(store, |batch| batch.put_back("henderson", &both[1..])), "put_back: undoes what `take` did");
    assert!(batch(store, |batch| batch.take("henderson", &both)), "take: does all of the moves");
    assert_eq!(counts(), (0, 0), "take: does all of the moves");
    batch(store, |batch| batch.set_standing("#bench", "henderson", None, true));
    for _ in 0..2 {
        let back = batch(store, |batch| batch.put_back("henderson", &both));
        assert!(!back && counts() == (0, 0), "put_back: `false`, and nothing done, if the membership is gone");
        both.reverse();
    }
}

/// Cursor moves of `read_until`, in a room with three members.
fn moving(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    create_room(store, "#bench", &["messi", "henderson", "lineker"]);
    let [messi, henderson, lineker] = ["messi", "henderson", "lineker"].map(|user| profile(store, user));
    let ids = [(&messi, " 0"), (&henderson, " own"), (&lineker, " 22"), (&messi, " 333")]
        .map(|(from, line)| send(store, "#bench", from, line));
    let between = send(store, "messi", &lineker, " elsewhere");
    let until = |upto| {
        let it = store.read_until("henderson", "#bench", upto).expect("read_until: reads")?;
        Some((it.from, it.to, it.messages, it.bytes))
    };
    let none = MessageId::NONE;
    assert_eq!(until(none), None, "read_until: `None` if the cursor is there already");
    assert_eq!(until(ids[0]), Some((none, ids[0], 1, 2)), "read_until: up to the message");
    assert_eq!(until(ids[1]), Some((none, ids[1], 1, 2)), "read_until: to the last message, whoever has sent it");
    assert_eq!(until(ids[2]), Some((none, ids[2], 2, 5)), "read_until: counts what others have sent");
    assert_eq!(until(between), Some((none, ids[3], 3, 9)), "read_until: the last message that is not after `upto`");
    assert_eq!(until(MessageId::MAX), Some((none, ids[3], 3, 9)), "read_until: past the last message means that");
    let read = store.read_until("henderson", "#bench", ids[2]).unwrap().expect("read_until: the move");
    assert!(batch(store, |batch| batch.take("henderson", &[read])), "take: does a move of `read_until`");
    assert_eq!(state(store, "henderson", "#bench"), Some((1, ids[2], ids[3])), "take: moves the cursor to `to`");
    assert_eq!(until(ids[1]), None, "read_until: `None` if the cursor is past it");
    assert_eq!(until(MessageId::MAX), Some((ids[2], ids[3], 1, 4)), "read_until: from where the cursor is");
    assert_eq!(state(store, "lineker", "#bench"), Some((3, none, ids[3])), "take: moves only the cursors of its user");
    let own = send(store, "#bench", &henderson, " again");
    assert_eq!(state(store, "henderson", "#bench"), Some((1, ids[2], own)), "Conversations: sending moves no cursor");
}

fn leaving(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    send(store, "#bench", &messi, " 1");
    send(store, "#bench", &henderson, " 2");
    let (_, moves) = unread_room(store, "henderson", "#bench");
    for standing in [None, Some(Standing::Invited)] {
        batch(store, |batch| batch.set_standing("#bench", "henderson", standing, true));
        let law = "set_standing: who is not a member any more sees nothing of the room";
        assert!(texts(store, "henderson", "#bench").is_empty(), "{law}: history");
        assert_eq!(state(store, "henderson", "#bench"), None, "{law}: conversations");
        assert_eq!(unread_room(store, "henderson", "#bench").0.len(), 0, "{law}: read_unread_room");
        assert!(!batch(store, |batch| batch.take("henderson", &moves)), "take: `false` if the membership is gone");
        assert_eq!(
            append(store, "#bench", &henderson, " x"),
            Appended::NotAMember,
            "append: `NotAMember` after leaving"
        );
    }
    assert_eq!(texts(store, "messi", "#bench"), ["1", "2"], "set_standing: what was said stays for others");
    let (inbox, _) = unread_room(store, "messi", "#bench");
    assert_eq!(lines(&inbox), expected(&[("henderson", " 2")]), "set_standing: what was said stays unread for others");
    let third = send(store, "#bench", &messi, " 3");
    join(store, "#bench", "henderson", false);
    let law = "set_standing: who comes back is a new member";
    assert_eq!(state(store, "henderson", "#bench"), Some((0, third, MessageId::NONE)), "{law}");
    assert!(texts(store, "henderson", "#bench").is_empty(), "{law}");
    batch(store, |batch| batch.set_standing("#bench", "henderson", None, true));
    join(store, "#bench", "henderson", true);
    assert_eq!(state(store, "henderson", "#bench"), Some((0, third, third)), "{law}");
    assert_eq!(texts(store, "henderson", "#bench"), ["1", "2", "3"], "{law}");
    send(store, "#bench", &messi, " 4");
    let (inbox, _) = unread_room(store, "henderson", "#bench");
    assert_eq!(lines(&inbox), expected(&[("messi", " 4")]), "{law}");
}
