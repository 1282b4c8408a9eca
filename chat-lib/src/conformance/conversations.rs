//! Messages: sending them, what is unread, what conversations there are, and how much a recipient may leave unread.

use super::{New, add, append, batch, expected, lines, look, message, profile, send, take, unread, with};
use crate::clock::Timestamp;
use crate::model::{Framing, Inbox, MessageId};
use crate::store::{Appended, ConversationState, NewMessage, Position, Quota, Store, Unread};

pub(super) fn check(new: &New<'_>) {
    with(new, sending);
    with(new, framing);
    with(new, states);
    with(new, unread_sizes);
    with(new, quotas);
    with(new, sending_to_several);
}

fn sending(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    assert_eq!(
        append(store, "ronaldo", &messi, " x"),
        Appended::NoSuchRecipient,
        "append: `NoSuchRecipient` if there is none"
    );
    assert_eq!(
        append(store, "a word", &messi, " x"),
        Appended::NoSuchRecipient,
        "append: `NoSuchRecipient` if there is none"
    );
    assert_eq!(take(store, "ronaldo").0.len(), 0, "unread: empty if there is no such user");
    assert_eq!(take(store, "messi").0.len(), 0, "append: nothing is done if there is no such user");
    let mut last = MessageId::NONE;
    for (to, from) in [("henderson", &messi), ("messi", &henderson), ("lineker", &messi), ("messi", &messi)] {
        for line in [" 1\r\n", " 2\r\n"] {
            let id = send(store, to, from, line);
            assert!(id > last, "append: returns an id that is greater than all before it, of whatever conversation");
            last = id;
        }
    }
    let inbox = take(store, "messi").0;
    let all = [("henderson", " 1\r\n"), ("henderson", " 2\r\n"), ("messi", " 1\r\n"), ("messi", " 2\r\n")];
    assert_eq!(lines(&inbox), expected(&all), "unread: all that the user has not read, in order of arrival");
    assert_eq!(inbox.to(), "messi in full", "unread: has the user's full name");
    assert_eq!(take(store, "messi").0.len(), 0, "take: what was taken is read");
    assert_eq!(take(store, "henderson").0.len(), 2, "take: moves only the cursors of its user");
    let time = Timestamp::from_millis(1_700_000_000_123);
    let framing = Framing::split(" x").0;
    let timed = NewMessage { to: "henderson", from: &messi, text: "é\0\n \u{1f600}", framing, time, key: None };
    let id = batch(store, |batch| batch.append(timed, Quota::UNLIMITED));
    let page = store.history("messi", "henderson", Position::Before(MessageId::MAX), 1).unwrap();
    assert_eq!(page.messages.len(), 1, "history: the last message before `MessageId::MAX`");
    let it = &page.messages[0];
    assert_eq!(id, Appended::Stored(it.id), "history: a message has the id that `append` gave it");
    assert_eq!((it.time, it.text.as_str()), (time, "é\0\n \u{1f600}"), "history: time and text are as they were sent");
    assert_eq!((it.with.as_str(), &it.from), ("henderson", &messi), "history: `with` is the other member");
    let page = store.history("henderson", "messi", Position::Before(MessageId::MAX), 1).unwrap();
    assert_eq!(page.messages[0].with.as_str(), "messi", "history: `with` is the other member");
    assert!(page.more, "history: `more` says whether there are more in the direction that was asked for");
}

/// Every tag there is, around texts that have the same characters at their ends.
fn framing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let all = [
        "",
        " ",
        "\n",
        "\r\n",
        " \n",
        " \r\n",
        "a",
        " a",
        "a\n",
        " a\n",
        "a\r\n",
        " a\r\n",
        "  a \r\n\r\n",
        "\r",
        " é\u{0}\r\n",
    ];
    for line in all {
        send(store, "henderson", &messi, line);
    }
    let page = store.history("messi", "henderson", Position::After(MessageId::NONE), 99).unwrap();
    let texts: Vec<_> = page.messages.iter().map(|message| message.text.as_str()).collect();
    let bodies: Vec<_> = all.iter().map(|line| Framing::split(line).1).collect();
    assert_eq!(texts, bodies, "history: the text is without its framing");
    let (inbox, moves) = take(store, "henderson");
    let texts: Vec<_> = inbox.iter().map(|message| message.text).collect();
    assert_eq!(texts, all, "unread: each text in its framing, to the byte");
    let bytes = all.iter().map(|line| line.len()).sum::<usize>();
    assert_eq!(
        (moves.len(), moves[0].messages, moves[0].bytes),
        (1, all.len(), bytes),
        "CursorMove::bytes: texts and framing"
    );
}

pub(super) fn show(states: &[ConversationState]) -> Vec<(&str, usize, MessageId, MessageId, MessageId)> {
    states
        .iter()
        .map(|it| (it.with.as_str(), it.unread, it.read, it.read_by_other.unwrap_or(MessageId::MAX), it.last))
        .collect()
}

fn states(store: &dyn Store) {
    add(store, &["messi", "henderson", "Zidane", "lineker"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    let none = MessageId::NONE;
    assert!(
        look(store, |batch| batch.conversations("messi")).is_empty(),
        "Conversations: one exists from its first message on"
    );
    assert!(
        look(store, |batch| batch.conversations("ronaldo")).is_empty(),
        "conversations: none of a user who does not exist"
    );
    send(store, "henderson", &messi, " 1");
    let second = send(store, "henderson", &messi, " 2");
    let own = look(store, |batch| batch.conversations("messi"));
    assert_eq!(
        show(&own),
        [("henderson", 0, none, none, second)],
        "Conversations: own messages are never unread, and sending moves no cursor"
    );
    let other = look(store, |batch| batch.conversations("henderson"));
    assert_eq!(show(&other), [("messi", 2, none, none, second)], "conversations: counts what is unread");
    take(store, "henderson");
    let third = send(store, "messi", &henderson, " 3");
    let to_zidane = send(store, "Zidane", &messi, " 4");
    let own = look(store, |batch| batch.conversations("messi"));
    let law = "conversations: each with its unread messages, both cursors and its last message, in order of the other member's name";
    assert_eq!(show(&own), [("Zidane", 0, none, none, to_zidane), ("henderson", 1, none, second, third)], "{law}");
    let other = look(store, |batch| batch.conversations("henderson"));
    assert_eq!(show(&other), [("messi", 0, second, none, third)], "{law}");
    assert!(look(store, |batch| batch.conversations("lineker")).is_empty(), "conversations: those of the user alone");
    let one = |user, with| look(store, |batch| batch.conversation(user, with));
    assert_eq!(one("messi", "henderson").as_ref(), own.get(1), "conversation: one of `conversations`");
    assert_eq!(one("messi", "Zidane").as_ref(), own.first(), "conversation: one of `conversations`");
    let others =
        [("messi", "lineker"), ("messi", "messi"), ("messi", "ronaldo"), ("ronaldo", "messi"), ("messi", "#none")];
    assert!(others.iter().all(|(user, with)| one(user, with).is_none()), "conversation: `None` if there is none");
}

fn quotas(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let (messi, lineker) = (profile(store, "messi"), profile(store, "lineker"));
    let append = |from, line, messages, bytes| {
        batch(store, |batch| batch.append(message("henderson", from, line), Quota { messages, bytes }))
    };
    let law = "append: `Full` if the recipient would have more unread than the quota";
    let is_stored = |appended| matches!(appended, Appended::Stored(_));
    assert_eq!(append(&messi, " 1234", 2, 4), Appended::Full, "{law}: bytes of the framing count");
    assert!(is_stored(append(&messi, " 123", 2, 4)), "{law}");
    assert_eq!(append(&messi, "5", 2, 4), Appended::Full, "{law}");
    assert_eq!(append(&lineker, "5", 2, 4), Appended::Full, "{law}, of whatever conversation");
    assert!(is_stored(append(&lineker, "", 2, 4)), "{law}");
    assert_eq!(append(&messi, "", 2, 4), Appended::Full, "{law}: messages count");
    assert_eq!(append(&lineker, "", 0, 99), Appended::Full, "{law}: messages count");
    let lines_there = expected(&[("messi", " 123"), ("lineker", "")]);
    assert_eq!(lines(&unread(store, "henderson").0), lines_there, "append: nothing is done if the inbox is full");
    let henderson = profile(store, "henderson");
    let own =
        batch(store, |batch| batch.append(message("messi", &henderson, " 12345"), Quota { messages: 1, bytes: 6 }));
    assert!(is_stored(own), "append: the quota is the recipient's, not the sender's");
    let (_, moves) = take(store, "henderson");
    assert!(is_stored(append(&messi, " 456", 2, 4)), "append: what was read does not count");
    assert!(batch(store, |batch| batch.put_back("henderson", &moves)), "put_back: undoes what `take` did");
    assert_eq!(append(&lineker, "", 3, 99), Appended::Full, "append: what was put back counts again");
    assert!(is_stored(append(&lineker, "", 4, 8)), "append: what was put back counts again, and once");
}

fn unread_sizes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let nothing = store.read_unread("henderson", 0).unwrap();
    assert!(matches!(nothing, Unread::Messages { .. }), "unread: nothing takes no memory");
    send(store, "henderson", &messi, " 123\r\n");
    send(store, "henderson", &messi, " 456\r\n");
    let bytes = Inbox::footprint(2, 12);
    let law = "unread: `TooLarge` if the messages would take more than `max_bytes` of memory";
    assert!(matches!(store.read_unread("henderson", bytes - 1).unwrap(), Unread::TooLarge), "{law}");
    assert!(matches!(store.read_unread("henderson", bytes).unwrap(), Unread::Messages { .. }), "{law}");
    let quick = look(store, |batch| Ok((batch.unread("henderson", bytes - 1)?, batch.unread("henderson", bytes)?)));
    assert!(matches!(quick.0, Unread::TooLarge | Unread::WouldBlock), "{law}");
    assert!(matches!(quick.1, Unread::Messages { .. } | Unread::WouldBlock), "{law}");
    assert_eq!(take(store, "henderson").0.len(), 2, "unread: looking takes nothing");
}

fn sending_to_several(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker", "zidane"]);
    let messi = profile(store, "messi");
    let append_all = |to: &[&str], messages, bytes| {
        let all: Vec<_> = to.iter().map(|to| message(to, &messi, " all\r\n")).collect();
        batch(store, |batch| batch.append_all(&all, Quota { messages, bytes }))
    };
    let last = send(store, "lineker", &messi, " x");
    let law = "append_all: stores a message to each, and returns the id of the last one";
    let Appended::Stored(id) = append_all(&["messi", "zidane", "henderson"], 9, 99) else { panic!("{law}") };
    assert!(id > last, "append: returns an id that is greater than all before it");
    for user in ["messi", "zidane", "henderson"] {
        assert_eq!(lines(&unread(store, user).0), expected(&[("messi", " all\r\n")]), "{law}");
    }
    let page = store.history("messi", "henderson", Position::Before(MessageId::MAX), 9).unwrap();
    assert_eq!(page.messages.iter().map(|it| it.id).collect::<Vec<_>>(), [id], "{law}");
    batch(store, |batch| batch.block("zidane", "messi"));
    let law = "append_all: stores nothing if one of the messages is refused, and says why the first of them is";
    for (to, messages, refused) in [
        (&["henderson", "ronaldo", "zidane"][..], 9, Appended::NoSuchRecipient),
        (&["henderson", "zidane", "ronaldo"], 9, Appended::Blocked),
        (&["messi", "zidane"], 9, Appended::Blocked),
        (&["lineker", "henderson"], 1, Appended::Full),
        (&["ronaldo"], 9, Appended::NoSuchRecipient),
    ] {
        assert_eq!(append_all(to, messages, 99), refused, "{law}");
        let counts = ["henderson", "messi", "lineker", "zidane"].map(|user| unread(store, user).0.len());
        assert_eq!(counts, [1, 1, 1, 1], "{law}");
    }
    let appended = append_all(&["lineker", "henderson"], 2, 99);
    assert!(matches!(appended, Appended::Stored(_)), "append_all: the quota is each recipient's own");
    assert_eq!(take(store, "lineker").0.len(), 2, "append_all: stores a message to each");
}
