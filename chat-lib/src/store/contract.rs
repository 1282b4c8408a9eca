//! One suite that every engine must pass: the sentences of [`Store`]'s documentation, each tried.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Store;
use crate::clock::Timestamp;
use crate::entropy::OsEntropy;
use crate::model::{Account, Inbox, PasswordHash, Profile, SessionToken, UserName};

/// Runs the suite; `open` gives an engine with nothing in it.
pub(super) fn check(open: impl Fn() -> Box<dyn Store>) {
    accounts(&*open());
    sessions(&*open());
    active_users(&*open());
    a_token_opens_one_session(&*open());
    mailboxes(&*open());
    concurrent_readers(&*open());
}

fn accounts(store: &dyn Store) {
    assert!(store.account("messi").unwrap().is_none());
    assert!(store.add_account(account("messi", "Lionel Messi")).unwrap());
    assert!(!store.add_account(account("messi", "Somebody Else")).unwrap());
    assert!(store.add_account(account("Messi", "Another One")).unwrap());
    let messi = store.account("messi").unwrap().unwrap();
    assert_eq!((messi.profile.full_name(), messi.profile.country()), ("Lionel Messi", "Argentina"));
    assert!(messi.password.matches("surabaya").unwrap());
    assert!(store.account("").unwrap().is_none());
}

fn sessions(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (one, two) = (token(), token());
    assert!(store.open_session(one, "messi", at(0), at(10)).unwrap());
    assert!(store.open_session(two, "henderson", at(0), at(10)).unwrap());
    assert!(!store.open_session(token(), "ronaldo", at(0), at(10)).unwrap());
    assert_eq!(user_of(store, one, 9, 19), Some("messi".to_owned()));
    assert_eq!(user_of(store, two, 10, 20), None, "it has ended at 10");
    assert_eq!(user_of(store, one, 18, 12), Some("messi".to_owned()), "its end was moved to 19, and not back to 12");
    assert_eq!(user_of(store, one, 18, 28), Some("messi".to_owned()));
    assert_eq!(user_of(store, token(), 0, 10), None);
    assert!(store.close_session(&two, at(18)).unwrap().is_none(), "an ended session cannot be closed");
    assert_eq!(store.close_session(&one, at(18)).unwrap().unwrap().user().as_str(), "messi");
    assert!(store.close_session(&one, at(18)).unwrap().is_none());
    assert_eq!(user_of(store, one, 18, 28), None);
}

fn active_users(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    let tokens = ["messi", "henderson", "messi", "lineker"].map(|user| {
        let token = token();
        assert!(store.open_session(token, user, at(0), at(10)).unwrap());
        token
    });
    assert_eq!(active(store, 0), ["messi", "henderson", "lineker"]);
    store.close_session(&tokens[0], at(1)).unwrap();
    assert_eq!(active(store, 1), ["henderson", "messi", "lineker"], "the oldest live session counts");
    user_of(store, tokens[2], 5, 15);
    assert_eq!(active(store, 9), ["henderson", "messi", "lineker"]);
    assert_eq!(active(store, 10), ["messi"]);
    assert!(store.open_session(token(), "lineker", at(10), at(20)).unwrap());
    assert_eq!(active(store, 14), ["messi", "lineker"]);
    assert_eq!(active(store, 15), ["lineker"]);
    assert!(active(store, 20).is_empty());
}

fn a_token_opens_one_session(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let token = token();
    assert!(store.open_session(token, "messi", at(0), at(10)).unwrap());
    assert!(!store.open_session(token, "henderson", at(0), at(10)).unwrap());
    assert_eq!(user_of(store, token, 0, 10), Some("messi".to_owned()));
}

fn mailboxes(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    assert!(store.take_unread("messi").unwrap().is_empty());
    assert!(!store.append("ronaldo", &messi, "x").unwrap());
    assert!(store.take_unread("ronaldo").unwrap().is_empty());
    for (to, from, text) in [
        ("henderson", &messi, " a\r\n"),
        ("messi", &messi, "to oneself"),
        ("henderson", &henderson, ""),
        ("henderson", &messi, "é\0\n"),
    ] {
        assert!(store.append(to, from, text).unwrap());
    }
    let inbox = store.take_unread("henderson").unwrap();
    assert_eq!(inbox.to(), "henderson in full");
    assert_eq!(texts(&inbox), [("messi", " a\r\n"), ("henderson", ""), ("messi", "é\0\n")]);
    assert!(store.take_unread("henderson").unwrap().is_empty(), "the cursor has moved");
    assert!(store.append("henderson", &messi, "next").unwrap());
    assert_eq!(texts(&store.take_unread("henderson").unwrap()), [("messi", "next")]);
    assert_eq!(texts(&store.take_unread("messi").unwrap()), [("messi", "to oneself")]);
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
                    assert!(store.append("reader", &from, &number.to_string()).unwrap());
                }
                sending.fetch_sub(1, Ordering::Release);
            });
        }
        let reading = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut stream = Vec::new();
                while sending.load(Ordering::Acquire) > 0 {
                    stream.push(store.take_unread("reader").unwrap());
                }
                stream
            })
        });
        reading.map(|thread| thread.join().unwrap())
    });
    let mut seen: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let rest = vec![store.take_unread("reader").unwrap()];
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
        password: PasswordHash::of_public_password("surabaya", &OsEntropy).unwrap(),
    }
}

fn add(store: &dyn Store, users: &[&str]) {
    for user in users {
        assert!(store.add_account(account(user, &format!("{user} in full"))).unwrap());
    }
}

fn profile(store: &dyn Store, user: &str) -> Arc<Profile> {
    Arc::clone(&store.account(user).unwrap().unwrap().profile)
}

fn token() -> SessionToken {
    SessionToken::random(&OsEntropy).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_secs(seconds))
}

fn user_of(store: &dyn Store, token: SessionToken, now: u64, expires: u64) -> Option<String> {
    let profile = store.use_session(&token, at(now), at(expires)).unwrap();
    profile.map(|profile| profile.user().to_string())
}

fn active(store: &dyn Store, now: u64) -> Vec<String> {
    store.active_users(at(now)).unwrap().iter().map(ToString::to_string).collect()
}

fn texts(inbox: &Inbox) -> Vec<(&str, &str)> {
    inbox.iter().map(|message| (message.from.user().as_str(), message.text)).collect()
}
