//! News: what was committed, as those see it who tell others of it.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{New, add, batch, create_room, join, message, open, profile, send, take, with};
use crate::model::{HistoryMessage, MessageId, UserName};
use crate::store::{NewsMessage, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, order);
    with(new, equals_what_sync_shows);
    with(new, pages);
    with(new, last_message);
    with(new, only_what_is_committed);
    reopening(new);
}

/// All news after a message, page by page.
pub(super) fn all_news(store: &dyn Store, mut after: MessageId) -> Vec<NewsMessage> {
    let mut all: Vec<NewsMessage> = Vec::new();
    loop {
        let news = store.news(after).expect("news: reads");
        let last = news.messages.last().map_or(after, |message| message.id);
        assert!(news.upto >= last, "News::upto: not before what was shown, or what was asked for");
        assert!(news.messages.first().is_none_or(|first| first.id > after), "news: what was committed after `after`");
        assert!(news.messages.is_sorted_by(|one, next| one.id < next.id), "news: in ascending order");
        if news.messages.is_empty() {
            return all;
        }
        all.extend(news.messages);
        after = news.upto;
    }
}

/// All that a user can see after a message, page by page as `next` says.
pub(super) fn all_synced(store: &dyn Store, user: &str, mut after: MessageId, limit: usize) -> Vec<HistoryMessage> {
    let mut all = Vec::new();
    loop {
        let page = store.sync(user, after, limit).expect("sync: reads");
        let last = page.messages.last().map_or(after, |message| message.id);
        assert!(page.next >= last, "SyncPage::next: not before what was shown, or what was asked for");
        assert!(!page.more || page.next > after, "SyncPage::next: greater than `after` if there are more");
        all.extend(page.messages);
        if !page.more {
            let rest = store.sync(user, page.next, limit).expect("sync: reads");
            assert!(
                rest.messages.is_empty(),
                "SyncPage::next: every message up to it was on this page or an earlier one"
            );
            return all;
        }
        after = page.next;
    }
}

fn order(store: &dyn Store) {
    assert!(all_news(store, MessageId::NONE).is_empty(), "news: none at first");
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi", "henderson"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let mut sent = Vec::new();
    for (to, from) in [("henderson", &messi), ("#bench", &messi), ("messi", &henderson), ("messi", &messi)] {
        sent.push((send(store, to, from, " x\r\n"), to, from));
    }
    take(store, "henderson");
    let shown = all_news(store, MessageId::NONE);
    let shown: Vec<_> = shown.iter().map(|it| (it.id, it.to.as_str(), &it.from)).collect();
    assert_eq!(shown, sent, "news: all messages in ascending order, of all conversations, read or not");
    let rest = all_news(store, sent[1].0);
    assert_eq!(
        rest.iter().map(|it| it.id).collect::<Vec<_>>(),
        [sent[2].0, sent[3].0],
        "news: what came after `after`"
    );
    assert!(
        rest.iter().all(|it| it.text == "x" && !it.deleted && it.key.is_none()),
        "news: messages as they were sent"
    );
    assert!(
        all_news(store, sent[3].0).is_empty() && all_news(store, MessageId::MAX).is_empty(),
        "news: none after the last"
    );
}

/// What `user` sees of news, if all of the room can be seen.
fn seen_by(store: &dyn Store, user: &str, news: &[NewsMessage]) -> Vec<HistoryMessage> {
    let is_member = |room: &str| store_standing(store, room, user);
    let show = |it: &NewsMessage| {
        let is_own = it.from.user().as_str() == user;
        let with = match it.to.as_str() {
            to if to.starts_with('#') => Some(it.to.clone()).filter(|_| is_member(to)),
            to if to == user => Some(it.from.user().clone().into()),
            to => Some(UserName::parse(to).unwrap().into()).filter(|_| is_own),
        };
        let mut shown = HistoryMessage::new(it.id, with?, it.from.clone(), it.time, it.text.clone());
        (shown.key, shown.deleted) = (it.key.clone().filter(|_| is_own), it.deleted);
        Some(shown)
    };
    news.iter().filter_map(show).collect()
}

fn store_standing(store: &dyn Store, room: &str, user: &str) -> bool {
    super::look(store, |batch| batch.standing(room, user)).is_some_and(|standing| standing.is_member())
}

fn equals_what_sync_shows(store: &dyn Store) {
    let users = ["messi", "henderson", "lineker"];
    add(store, &users);
    create_room(store, "#bench", &["messi", "henderson"]);
    create_room(store, "#attack", &["lineker", "messi"]);
    join(store, "#attack", "henderson", true);
    let profiles = users.map(|user| profile(store, user));
    for number in 0..40_usize {
        let from = &profiles[number % 3];
        let to = ["messi", "#bench", "henderson", "#attack", "lineker"][number * 7 % 5];
        let line = format!(" {number}");
        batch(store, |batch| batch.append(message(to, from, &line), Quota::UNLIMITED));
        if number % 9 == 0 {
            let page = store.sync("messi", MessageId::NONE, 99).expect("sync: reads");
            let id = page.messages.last().map_or(MessageId::NONE, |message| message.id);
            if let Some(found) = store.find_message("messi", id).expect("find_message: reads") {
                batch(store, |batch| batch.delete(&found));
            }
        }
    }
    let news = all_news(store, MessageId::NONE);
    for user in users {
        for limit in [1, 3, 99] {
            let synced = all_synced(store, user, MessageId::NONE, limit);
            assert_eq!(synced, seen_by(store, user, &news), "news: equals what `sync` shows to all");
        }
    }
    batch(store, |batch| Ok(batch.remove_room("#bench")? && batch.remove_account("lineker")?));
    let news = all_news(store, MessageId::NONE);
    let law = "news: nothing that is gone";
    assert!(news.iter().all(|it| it.to.as_str() != "#bench" && it.to.as_str() != "lineker"), "{law}");
    for user in ["messi", "henderson"] {
        let is_former = |it: &NewsMessage| it.from.user().as_str() == "lineker" && it.to.as_str() == user;
        let news: Vec<_> = news.iter().filter(|it| !is_former(it)).cloned().collect();
        let synced = all_synced(store, user, MessageId::NONE, 99);
        assert_eq!(synced, seen_by(store, user, &news), "{law}");
    }
}

/// Most messages are somebody else's: a page may be empty although there are more.
fn pages(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let [messi, henderson] = ["messi", "henderson"].map(|user| profile(store, user));
    let mut own = Vec::new();
    for number in 0..200 {
        if number % 50 == 10 {
            own.push(send(store, "lineker", &messi, " x"));
        } else {
            send(store, "messi", &henderson, " y");
        }
    }
    for limit in [1, 2, 3, 4, 99] {
        let ids: Vec<_> = all_synced(store, "lineker", MessageId::NONE, limit).iter().map(|it| it.id).collect();
        assert_eq!(ids, own, "sync: shows all messages, page by page");
        let ids: Vec<_> = all_synced(store, "lineker", own[1], limit).iter().map(|it| it.id).collect();
        assert_eq!(ids, own[2..], "sync: shows all messages after `after`, page by page");
    }
    let page = store.sync("lineker", MessageId::MAX, 9).expect("sync: reads");
    assert_eq!(page.next, MessageId::MAX, "SyncPage::next: never less than `after`");
    let page = store.sync("ronaldo", own[1], 9).expect("sync: reads");
    assert!(page.messages.is_empty() && page.next >= own[1], "SyncPage::next: never less than `after`");
    assert_eq!(all_news(store, MessageId::NONE).len(), 200, "news: all messages");
}

fn last_message(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    create_room(store, "#bench", &["messi"]);
    let messi = profile(store, "messi");
    let mut before = store.last_message();
    for to in ["henderson", "#bench", "messi", "#bench", "henderson"] {
        let id = send(store, to, &messi, " x");
        assert!(id > before, "last_message: all messages up to it are committed or will never be");
        assert_eq!(store.last_message(), id, "last_message: the last message that is committed");
        before = id;
    }
    add(store, &["lineker"]);
    take(store, "henderson");
    assert_eq!(store.last_message(), before, "last_message: the last message, whatever else was committed");
    let other = send(store, "#bench", &messi, " y");
    batch(store, |batch| Ok(batch.remove_room("#bench")? && batch.remove_account("messi")?));
    let now = store.last_message();
    assert!(now >= before, "last_message: not less than the id of the last message");
    let next = send(store, "lineker", &profile(store, "henderson"), " x");
    assert!(next > now && next > other, "last_message: all messages up to it are committed or will never be");
}

/// How long a batch is held open for another thread, which an engine with one batch at a time makes wait.
const OVERLAP: Duration = Duration::from_millis(50);

fn only_what_is_committed(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let first = send(store, "henderson", &messi, " 1");
    let (told, heard) = mpsc::channel();
    let mut open = store.begin();
    open.append(message("henderson", &messi, " 2"), Quota::UNLIMITED).expect("append: stores");
    thread::scope(|scope| {
        scope.spawn(move || {
            let news = store.news(MessageId::NONE).expect("news: reads");
            let _ = told.send((news.messages.len(), news.upto, store.last_message()));
        });
        // If the engine makes the reader wait, it sees the message, and may.
        if let Ok((count, upto, last)) = heard.recv_timeout(OVERLAP) {
            assert_eq!(count, 1, "news: only what is committed");
            assert!(upto >= first, "News::upto: not before what was shown");
            assert_eq!(last, first, "last_message: the last message that is committed");
        }
        assert!(open.commit().is_ok(), "commit: works if nothing makes it fail");
    });
    let news = all_news(store, first);
    assert_eq!(news.len(), 1, "news: what is committed");
    assert_eq!(store.last_message(), news[0].id, "last_message: the last message that is committed");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let (news, last) = {
        let store = &*open(&*data);
        add(store, &["messi", "henderson"]);
        create_room(store, "#bench", &["messi", "henderson"]);
        for to in ["henderson", "#bench", "messi"] {
            send(store, to, &profile(store, "messi"), " x");
        }
        (all_news(store, MessageId::NONE), store.last_message())
    };
    let store = &*open(&*data);
    let law = "a store that is opened again has what was committed";
    assert_eq!(all_news(store, MessageId::NONE), news, "{law}: news");
    assert_eq!(store.last_message(), last, "{law}: last_message");
    assert_eq!(all_news(store, news[1].id), news[2..], "{law}: news");
    let next = send(store, "#bench", &profile(store, "henderson"), " y");
    assert_eq!(all_news(store, last).iter().map(|it| it.id).collect::<Vec<_>>(), [next], "{law}: news");
}
