//! Many threads at once: each message is read once and in order, and batches that fail take nothing with them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::random::Random;
use super::{Data, Fault, New, account, add, batch, look, message, open, profile, send, take, unread, with};
use crate::model::{HistoryMessage, Inbox, MessageId};
use crate::store::{Appended, CommitError, Position, Quota, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, one_takes_them);
    with(new, senders_readers_and_pagers);
    counting(new);
}

fn one_takes_them(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    for _ in 0..20 {
        send(store, "henderson", &messi, " x");
        let (_, moves) = unread(store, "henderson");
        let taken: usize = thread::scope(|scope| {
            let take = || usize::from(batch(store, |batch| batch.take("henderson", &moves)));
            let threads = [(); 3].map(|()| scope.spawn(take));
            threads.into_iter().map(|thread| thread.join().expect("a thread panicked")).sum()
        });
        assert_eq!(taken, 1, "take: of several readers who have read the same messages, one takes them");
    }
}

const SENDERS: [&str; 4] = ["a", "b", "c", "d"];
const BATCHES: usize = 30;
const AT_ONCE: usize = 5;
const EACH: usize = BATCHES * AT_ONCE;

/// Four senders, two readers who take from each other, one who asks for everything after what came last, and one who pages
/// through a conversation.
fn senders_readers_and_pagers(store: &dyn Store) {
    add(store, &["reader"]);
    add(store, &SENDERS);
    let sending = AtomicUsize::new(SENDERS.len());
    let goes_on = || sending.load(Ordering::Acquire) > 0;
    let (inboxes, synced, paged) = thread::scope(|scope| {
        for sender in SENDERS {
            let sending = &sending;
            scope.spawn(move || {
                let _ends = Ends(sending);
                let from = profile(store, sender);
                for round in 0..BATCHES {
                    batch(store, |batch| {
                        for number in 0..AT_ONCE {
                            let line = format!(" {}", round * AT_ONCE + number);
                            let appended = batch.append(message("reader", &from, &line), Quota::UNLIMITED)?;
                            assert!(matches!(appended, Appended::Stored(_)), "append: stores a message to a user");
                        }
                        Ok(())
                    });
                }
            });
        }
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut inboxes = Vec::new();
                while goes_on() {
                    inboxes.extend(try_take(store));
                }
                inboxes
            })
        });
        let sync = scope.spawn(|| {
            follow(&goes_on, |after| {
                let page = store.sync("reader", after, 7)?;
                Ok(crate::store::HistoryPage::new(page.messages, page.more))
            })
        });
        let pages = scope.spawn(|| follow(&goes_on, |after| store.history("reader", "a", Position::After(after), 7)));
        let inboxes = readers.map(|reader| reader.join().expect("a reader panicked"));
        (inboxes, sync.join().expect("a reader panicked"), pages.join().expect("a reader panicked"))
    });
    taken_once(inboxes.into_iter().chain([vec![take(store, "reader").0]]));
    let law = "ids ascend in the order in which messages are committed: whoever asks for what comes after the last one misses none";
    assert_eq!(synced.len(), SENDERS.len() * EACH, "sync: {law}");
    for sender in SENDERS {
        let texts = synced.iter().filter(|message| message.from.user().as_str() == sender).map(|it| it.text.clone());
        assert!(texts.eq((0..EACH).map(|number| number.to_string())), "sync: {law}, in order");
    }
    assert!(
        paged.iter().map(|it| it.text.clone()).eq((0..EACH).map(|number| number.to_string())),
        "history: {law}, in order"
    );
}

/// A sender that ends, also by a panic: the readers must not wait for it.
struct Ends<'a>(&'a AtomicUsize);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Takes what is unread unless another reader is quicker.
fn try_take(store: &dyn Store) -> Option<Inbox> {
    let crate::store::Unread::Messages { inbox, moves } =
        store.read_unread("reader", usize::MAX).expect("read_unread: reads")
    else {
        panic!("read_unread: never answers `WouldBlock`, and nothing is too large for `usize::MAX`")
    };
    batch(store, |batch| batch.take("reader", &moves)).then_some(inbox)
}

/// Asks for what comes after the last message until nothing comes any more.
fn follow(
    goes_on: &dyn Fn() -> bool,
    page: impl Fn(MessageId) -> Result<crate::store::HistoryPage, crate::Error>,
) -> Vec<HistoryMessage> {
    let mut messages: Vec<HistoryMessage> = Vec::new();
    loop {
        let is_last = !goes_on();
        let after = messages.last().map_or(MessageId::NONE, |message| message.id);
        let page = page(after).expect("a page can be read");
        let (is_empty, more) = (page.messages.is_empty(), page.more);
        messages.extend(page.messages);
        assert!(
            messages.is_sorted_by(|one, next| one.id < next.id),
            "history, sync: in ascending order, each message once"
        );
        assert!(!is_empty || !more, "HistoryPage::more: whether there are more");
        if is_last && is_empty {
            return messages;
        }
    }
}

fn taken_once(readers: impl Iterator<Item = Vec<Inbox>>) {
    let mut seen: BTreeMap<(String, usize), usize> = BTreeMap::new();
    for inboxes in readers {
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for message in inboxes.iter().flat_map(Inbox::iter) {
            let (from, number) =
                (message.from.user().to_string(), message.body().parse().expect("a text as it was sent"));
            let is_later = last.insert(from.clone(), number).is_none_or(|before| before < number);
            assert!(is_later, "unread: in order of arrival, also with several readers");
            *seen.entry((from, number)).or_default() += 1;
        }
    }
    assert!(seen.values().all(|times| *times == 1), "take: each message is taken once");
    assert_eq!(seen.len(), SENDERS.len() * EACH, "take: takes what was read, and nothing that came later");
}

/// Several threads count in a full name, and note each count; some of their commits fail.
fn counting(new: &New<'_>) {
    let data = new();
    let counted = {
        let store = &*open(&*data);
        add(store, &["messi"]);
        let mut zero = account("messi", "0");
        zero.revision = look(store, |batch| batch.account("messi")).unwrap().revision;
        assert!(batch(store, |batch| batch.replace_account(zero)), "replace_account: replaces an account");
        let counts: Vec<Counts> = thread::scope(|scope| {
            let data = &*data;
            let threads: Vec<_> = (0..3).map(|seed| scope.spawn(move || count(data, store, seed))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a counting thread panicked")).collect()
        });
        let committed: Vec<_> = counts.iter().flat_map(|counts| counts.committed.clone()).collect();
        let undone: Vec<_> = counts.iter().flat_map(|counts| counts.undone.clone()).collect();
        notes(store, &committed, &undone)
    };
    if data.is_durable() {
        let store = &*open(&*data);
        assert_eq!(
            notes(store, &[], &[]),
            counted,
            "commit: what was committed is there when the store is opened again"
        );
    }
}

#[derive(Default)]
struct Counts {
    committed: Vec<String>,
    undone: Vec<String>,
}

fn count(data: &dyn Data, store: &dyn Store, seed: u64) -> Counts {
    let (mut random, mut counts) = (Random::new(seed), Counts::default());
    for round in 0..40 {
        let mut batch = store.begin();
        let old = batch.account("messi").expect("account: finds").expect("account: finds");
        let number = old.profile.full_name().parse::<usize>().expect("account: as it was given") + 1;
        let mut new = account("messi", &number.to_string());
        new.revision = old.revision;
        let from = new.profile.clone();
        if !batch.replace_account(new).expect("replace_account: replaces") {
            continue;
        }
        let note = format!("{number} {seed} {round}");
        let appended = batch.append(message("messi", &from, &note), Quota::UNLIMITED).expect("append: stores");
        assert!(matches!(appended, Appended::Stored(_)), "append: stores a message to a user");
        if random.below(4) == 0 {
            data.fail_next_commit(Fault::ALL[random.below(Fault::ALL.len())]);
        }
        thread::yield_now();
        match batch.commit() {
            Ok(()) => counts.committed.push(note),
            Err(CommitError::Undone(_)) => counts.undone.push(note),
            Err(CommitError::Unknown(_)) => {}
        }
    }
    counts
}

/// Checks that the notes count from 1 to what the name says, with all that was committed and nothing that was undone.
fn notes(store: &dyn Store, committed: &[String], undone: &[String]) -> Vec<String> {
    let page = store.history("messi", "messi", Position::After(MessageId::NONE), usize::MAX).expect("history: reads");
    let notes: Vec<_> = page.messages.into_iter().map(|message| message.text).collect();
    let number = |note: &String| note.split(' ').next().unwrap().parse::<usize>().unwrap();
    // Batches that are open at the same time may append in another order than they count.
    let mut numbers: Vec<_> = notes.iter().map(number).collect();
    numbers.sort_unstable();
    let law = "commit: what fails takes those with it that are open beside it and have built on it, and nothing else";
    assert!(numbers.into_iter().eq(1..=notes.len()), "{law}: {notes:?}");
    let account = look(store, |batch| batch.account("messi")).expect("account: finds");
    assert_eq!(account.profile.full_name(), notes.len().to_string(), "{law}");
    assert!(committed.iter().all(|note| notes.contains(note)), "commit: waits until the steps are durable");
    assert!(!undone.iter().any(|note| notes.contains(note)), "CommitError::Undone: nothing of it has happened");
    notes
}
