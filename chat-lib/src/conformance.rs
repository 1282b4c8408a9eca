//! One suite that every engine must pass: the sentences of [`Store`]'s documentation, each tried.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{Appended, NewMessage, Record, Room, Store};
use crate::clock::Timestamp;
use crate::entropy::OsEntropy;
use crate::model::{Account, Inbox, PasswordHash, Profile, SessionId, SessionToken, UserName};

/// Runs the suite; `open` gives an engine with nothing in it.
pub(super) fn check(open: impl Fn() -> Box<dyn Store>) {
    accounts(&*open());
    changed_accounts(&*open());
    sessions(&*open());
    active_users(&*open());
    an_id_is_one_sessions(&*open());
    mailboxes(&*open());
    full_mailboxes(&*open());
    removed_accounts(&*open());
    put_back(&*open());
    names_stay_with_messages(&*open());
    dumps(&*open(), &*open());
    concurrent_readers(&*open());
}

fn accounts(store: &dyn Store) {
    assert!(store.account("messi").unwrap().is_none());
    assert!(store.add_account(account("messi", "Lionel Messi")).unwrap());
    assert!(!store.add_account(account("messi", "Somebody Else")).unwrap());
    assert!(store.add_account(account("Messi", "Another One")).unwrap());
    let messi = store.account("messi").unwrap().unwrap();
    assert_eq!((messi.profile.full_name(), messi.profile.country()), ("Lionel Messi", "Argentina"));
    assert!(messi.password.as_ref().unwrap().matches("surabaya").unwrap());
    assert!(store.account("").unwrap().is_none());
    let names: Vec<_> = store.accounts().unwrap().iter().map(|account| account.profile.user().to_string()).collect();
    assert_eq!(names, ["Messi", "messi"]);
}

fn changed_accounts(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let id = session();
    assert!(store.open_session(id, "messi", at(0), at(10)).unwrap());
    let old = store.account("messi").unwrap().unwrap();
    assert!(!store.replace_account(&old, account("henderson", "Lionel Messi")).unwrap(), "another user");
    assert!(store.replace_account(&old, account("messi", "Leo Messi")).unwrap());
    assert!(!store.replace_account(&old, account("messi", "Lionel Messi")).unwrap(), "it is not the account now");
    assert_eq!(store.account("messi").unwrap().unwrap().profile.full_name(), "Leo Messi");
    let user = store.use_session(&id, at(1), at(11)).unwrap().unwrap();
    assert_eq!(user.full_name(), "Leo Messi", "sessions go on under the new name");
    store.close_sessions("henderson").unwrap();
    assert_eq!(user_of(store, id, 1, 11), Some("messi".to_owned()));
    store.close_sessions("messi").unwrap();
    assert_eq!(user_of(store, id, 1, 11), None);
}

fn sessions(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (one, two) = (session(), session());
    assert!(store.open_session(one, "messi", at(0), at(10)).unwrap());
    assert!(store.open_session(two, "henderson", at(0), at(10)).unwrap());
    assert!(!store.open_session(session(), "ronaldo", at(0), at(10)).unwrap());
    assert_eq!(user_of(store, one, 9, 19), Some("messi".to_owned()));
    assert_eq!(user_of(store, two, 10, 20), None, "it has ended at 10");
    assert_eq!(user_of(store, one, 18, 12), Some("messi".to_owned()), "its end was moved to 19, and not back to 12");
    assert_eq!(user_of(store, one, 18, 28), Some("messi".to_owned()));
    assert_eq!(user_of(store, session(), 0, 10), None);
    assert!(store.close_session(&two, at(18)).unwrap().is_none(), "an ended session cannot be closed");
    assert_eq!(store.close_session(&one, at(18)).unwrap().unwrap().user().as_str(), "messi");
    assert!(store.close_session(&one, at(18)).unwrap().is_none());
    assert_eq!(user_of(store, one, 18, 28), None);
}

fn active_users(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let ids = ["messi", "henderson", "messi", "lineker"].map(|user| {
        let id = session();
        assert!(store.open_session(id, user, at(0), at(10)).unwrap());
        id
    });
    assert_eq!(active(store, 0), ["messi", "henderson", "lineker"]);
    store.close_session(&ids[0], at(1)).unwrap();
    assert_eq!(active(store, 1), ["henderson", "messi", "lineker"], "the oldest live session counts");
    user_of(store, ids[2], 5, 15);
    assert_eq!(active(store, 9), ["henderson", "messi", "lineker"]);
    assert_eq!(active(store, 10), ["messi"]);
    let live = store.sessions(at(10)).unwrap();
    assert_eq!(live.len(), 1);
    assert!(live[0].0 == ids[2] && live[0].1.user().as_str() == "messi");
    assert!(store.open_session(session(), "lineker", at(10), at(20)).unwrap());
    assert_eq!(active(store, 14), ["messi", "lineker"]);
    assert_eq!(active(store, 15), ["lineker"]);
    assert!(active(store, 20).is_empty());
}

fn an_id_is_one_sessions(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let id = session();
    assert!(store.open_session(id, "messi", at(0), at(10)).unwrap());
    assert!(!store.open_session(id, "henderson", at(0), at(10)).unwrap());
    assert_eq!(user_of(store, id, 0, 10), Some("messi".to_owned()));
}

fn mailboxes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    assert!(take(store, "messi").is_empty());
    assert_eq!(append(store, "ronaldo", &messi, "x"), Appended::NoSuchUser);
    assert!(take(store, "ronaldo").is_empty());
    for (to, from, text) in [
        ("henderson", &messi, " a\r\n"),
        ("messi", &messi, "to oneself"),
        ("henderson", &henderson, ""),
        ("henderson", &messi, "é\0\n"),
    ] {
        assert_eq!(append(store, to, from, text), Appended::Done);
    }
    let inbox = take(store, "henderson");
    assert_eq!(inbox.to(), "henderson in full");
    assert_eq!(texts(&inbox), [("messi", " a\r\n"), ("henderson", ""), ("messi", "é\0\n")]);
    assert!(take(store, "henderson").is_empty(), "the cursor has moved");
    assert_eq!(append(store, "henderson", &messi, "next"), Appended::Done);
    assert_eq!(texts(&take(store, "henderson")), [("messi", "next")]);
    assert_eq!(texts(&take(store, "messi")), [("messi", "to oneself")]);
}

fn full_mailboxes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let append = |text, messages, bytes| {
        let message = NewMessage { to: "henderson", from: &messi, text, time: at(0) };
        store.append(message, Room { messages, bytes }).unwrap()
    };
    assert_eq!(append("12345", 2, 4), Appended::Full);
    assert_eq!(append("1234", 2, 4), Appended::Done);
    assert_eq!(append("5", 2, 4), Appended::Full);
    assert_eq!(append("", 2, 4), Appended::Done);
    assert_eq!(append("", 2, 4), Appended::Full);
    assert_eq!(texts(&take(store, "henderson")), [("messi", "1234"), ("messi", "")]);
    assert_eq!(append("1234", 2, 4), Appended::Done, "what was read takes no room");
}

fn put_back(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    let taken = |user| store.take_unread(user, usize::MAX).unwrap().unwrap();
    for text in ["1", "2"] {
        append(store, "henderson", &messi, text);
    }
    assert!(store.take_unread("henderson", 1).unwrap().is_none(), "that would take more than a byte");
    let first = taken("henderson");
    assert_eq!(texts(&first.inbox), [("messi", "1"), ("messi", "2")]);
    append(store, "henderson", &messi, "3");
    assert!(store.put_back("henderson", first).unwrap());
    assert_eq!(texts(&taken("henderson").inbox), [("messi", "1"), ("messi", "2"), ("messi", "3")]);

    append(store, "henderson", &messi, "4");
    let first = taken("henderson");
    append(store, "henderson", &messi, "5");
    let second = taken("henderson");
    assert!(store.put_back("henderson", second).unwrap());
    assert!(store.put_back("henderson", first).unwrap(), "the last one first");
    let first = taken("henderson");
    assert_eq!(texts(&first.inbox), [("messi", "4"), ("messi", "5")]);
    append(store, "henderson", &messi, "6");
    assert_eq!(texts(&taken("henderson").inbox), [("messi", "6")]);
    assert!(!store.put_back("henderson", first).unwrap(), "something was read since");

    let nothing = taken("henderson");
    assert!(nothing.receipt.is_none() && !store.put_back("henderson", nothing).unwrap());
    append(store, "henderson", &messi, "7");
    let removed = taken("henderson");
    store.remove_account("henderson").unwrap();
    add(store, &["henderson"]);
    assert!(!store.put_back("henderson", removed).unwrap(), "another user of that name");
    assert!(take(store, "henderson").is_empty());
}

fn removed_accounts(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    let id = session();
    assert!(store.open_session(id, "messi", at(0), at(10)).unwrap());
    append(store, "messi", &henderson, "never read");
    append(store, "henderson", &messi, "a last word");
    assert!(store.remove_account("messi").unwrap());
    assert!(!store.remove_account("messi").unwrap());
    assert!(store.account("messi").unwrap().is_none());
    assert_eq!(user_of(store, id, 1, 11), None);
    assert!(active(store, 1).is_empty());
    assert_eq!(append(store, "messi", &henderson, "too late"), Appended::NoSuchUser);
    assert_eq!(texts(&take(store, "henderson")), [("messi", "a last word")]);
    add(store, &["messi"]);
    assert!(take(store, "messi").is_empty(), "another user of that name");
    assert_eq!(user_of(store, id, 1, 11), None);
}

fn names_stay_with_messages(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    append(store, "henderson", &profile(store, "messi"), "1");
    let old = store.account("messi").unwrap().unwrap();
    assert!(store.replace_account(&old, account("messi", "Leo")).unwrap());
    append(store, "henderson", &profile(store, "messi"), "2");
    let old = store.account("henderson").unwrap().unwrap();
    assert!(store.replace_account(&old, account("henderson", "Jordan")).unwrap());
    let inbox = take(store, "henderson");
    let names: Vec<_> = inbox.iter().map(|message| message.from.full_name()).collect();
    assert_eq!((inbox.to(), &names[..]), ("Jordan", &["messi in full", "Leo"][..]));
}

fn dumps(store: &dyn Store, other: &dyn Store) {
    add(store, &["messi", "henderson", "gone"]);
    let names = ["messi", "henderson", "gone"].map(|user| profile(store, user));
    for second in 0..9 {
        let (to, from) = (["henderson", "messi"][second as usize % 2], &names[second as usize % 3]);
        let message = NewMessage { to, from, text: &format!(" {second}\n"), time: at(second / 2) };
        assert_eq!(store.append(message, ROOM).unwrap(), Appended::Done);
        if second == 4 {
            take(store, "messi");
        }
    }
    store.remove_account("gone").unwrap();
    let dump = dump_of(store);
    assert!(dump[0].starts_with("henderson ") && dump[1].starts_with("messi "));
    let unread: Vec<_> = dump[2..].iter().filter(|line| line.ends_with("false")).collect();
    assert_eq!(unread.len(), 7, "in order of arrival, but for the two that were read: {dump:#?}");
    assert!(unread.is_sorted_by_key(|line| line.split_once('"').unwrap().1.to_owned()));
    store
        .dump(&mut |record| {
            assert!(other.restore(record)?);
            Ok(())
        })
        .unwrap();
    assert_eq!(dump_of(other), dump);
    assert_eq!(texts(&take(other, "messi")), texts(&take(store, "messi")));
    assert_eq!(texts(&take(other, "henderson")), texts(&take(store, "henderson")));
    assert!(!other.restore(Record::Account(&account("messi", "x"))).unwrap());
    let nobodys = NewMessage { to: "gone", from: &names[0], text: "x", time: at(0) };
    assert!(!other.restore(Record::Message { message: nobodys, read: false }).unwrap());
}

fn dump_of(store: &dyn Store) -> Vec<String> {
    let mut lines = Vec::new();
    store
        .dump(&mut |record| {
            lines.push(match record {
                Record::Account(Account { profile, password }) => {
                    let password = password.as_ref().map(PasswordHash::to_phc);
                    format!("{} {} {} {password:?}", profile.user(), profile.full_name(), profile.country())
                }
                Record::Message { message: NewMessage { to, from, text, time }, read } => {
                    format!("{to} {} {} {text:?} {time:?} {read}", from.user(), from.full_name())
                }
            });
            Ok(())
        })
        .unwrap();
    lines
}

/// Four senders and two readers of one mailbox at once: each message goes to one of the readers,
/// and each reader sees each sender's in order.
fn concurrent_readers(store: &dyn Store) {
    const EACH: usize = 500;
    let senders = ["a", "b", "c", "d"];
    add(store, &["reader"]);
    add(store, &senders);
    let sending = AtomicUsize::new(senders.len());
    let streams = thread::scope(|scope| {
        for sender in senders {
            let sending = &sending;
            scope.spawn(move || {
                let from = profile(store, sender);
                for number in 0..EACH {
                    assert_eq!(append(store, "reader", &from, &number.to_string()), Appended::Done);
                }
                sending.fetch_sub(1, Ordering::Release);
            });
        }
        let reading = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut stream = Vec::new();
                while sending.load(Ordering::Acquire) > 0 {
                    stream.push(take(store, "reader"));
                }
                stream
            })
        });
        reading.map(|thread| thread.join().unwrap())
    });
    let mut seen: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let rest = vec![take(store, "reader")];
    for stream in streams.into_iter().chain([rest]) {
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for message in stream.iter().flat_map(Inbox::iter) {
            let (from, number) = (message.from.user().to_string(), message.text.parse().unwrap());
            assert!(last.insert(from.clone(), number).is_none_or(|before| before < number));
            *seen.entry((from, number)).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), senders.len() * EACH);
    assert!(seen.values().all(|&times| times == 1));
}

fn account(user: &str, full_name: &str) -> Account {
    Account {
        profile: Arc::new(Profile::new(UserName::parse(user).unwrap(), full_name, "Argentina").unwrap()),
        password: Some(PasswordHash::of_public_password("surabaya", &OsEntropy).unwrap()),
    }
}

const ROOM: Room = Room { messages: 10_000, bytes: 100_000 };

fn append(store: &dyn Store, to: &str, from: &Arc<Profile>, text: &str) -> Appended {
    store.append(NewMessage { to, from, text, time: at(0) }, ROOM).unwrap()
}

fn take(store: &dyn Store, user: &str) -> Inbox {
    store.take_unread(user, usize::MAX).unwrap().unwrap().inbox
}

fn add(store: &dyn Store, users: &[&str]) {
    for user in users {
        assert!(store.add_account(account(user, &format!("{user} in full"))).unwrap());
    }
}

fn profile(store: &dyn Store, user: &str) -> Arc<Profile> {
    Arc::clone(&store.account(user).unwrap().unwrap().profile)
}

fn session() -> SessionId {
    SessionToken::random(&OsEntropy).unwrap().id()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_secs(seconds))
}

fn user_of(store: &dyn Store, id: SessionId, now: u64, expires: u64) -> Option<String> {
    let profile = store.use_session(&id, at(now), at(expires)).unwrap();
    profile.map(|profile| profile.user().to_string())
}

fn active(store: &dyn Store, now: u64) -> Vec<String> {
    store.active_users(at(now)).unwrap().iter().map(ToString::to_string).collect()
}

fn texts(inbox: &Inbox) -> Vec<(&str, &str)> {
    inbox.iter().map(|message| (message.from.user().as_str(), message.text)).collect()
}
