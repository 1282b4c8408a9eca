//! Accounts, their revisions, and what is left when they are removed.

use std::collections::BTreeSet;

use super::{
    New, account, add, append, at, batch, check_list, expected, lines, look, profile, send, session_id, take, with,
};
use crate::model::{MessageId, PasswordHash};
use crate::store::{Appended, NewSession, Position, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, adding);
    with(new, replacing);
    with(new, revisions);
    with(new, names_stay_with_messages);
    with(new, removing);
    with(new, a_later_account_of_that_name);
    with(new, messages_of_former_users);
}

fn adding(store: &dyn Store) {
    assert!(look(store, |batch| batch.account("messi")).is_none(), "account: `None` if there is none");
    assert!(look(store, |batch| batch.account("")).is_none(), "account: `None` for what is no user name");
    let mut messi = account("messi", "Lionel Messi");
    messi.banned = true;
    assert!(batch(store, |batch| batch.add_account(messi)), "add_account: adds an account");
    let again = batch(store, |batch| batch.add_account(account("messi", "Somebody Else")));
    assert!(!again, "add_account: `false` if the user name is taken");
    assert!(batch(store, |batch| batch.add_account(account("Messi", "X"))), "user names are compared byte by byte");
    let mut nobody = account("9", "Nobody");
    nobody.password = None;
    assert!(batch(store, |batch| batch.add_account(nobody)), "add_account: an account may have no password");

    let messi = look(store, |batch| batch.account("messi")).expect("account: the account of the user");
    let names = (messi.profile.user().as_str(), messi.profile.full_name(), messi.profile.country());
    assert_eq!(names, ("messi", "Lionel Messi", "Argentina"), "account: as it was added, and no other was since");
    let password = messi.password.as_ref().map(PasswordHash::to_phc);
    assert_eq!(password.as_deref(), Some(super::PASSWORD), "account: keeps the hash of the password");
    assert!(messi.banned, "account: keeps whether the user is banned");
    let accounts = look(store, |batch| batch.accounts("", usize::MAX));
    let names: Vec<_> = accounts.iter().map(|account| account.profile.user().as_str()).collect();
    assert_eq!(names, ["9", "Messi", "messi"], "accounts: all, in order of user name");
    check_list("accounts", &["9", "Messi", "messi"], |after, limit| {
        let accounts = look(store, |batch| batch.accounts(after, limit));
        accounts.iter().map(|account| account.profile.user().to_string()).collect()
    });
    assert!(accounts[0].password.is_none() && !accounts[0].banned, "accounts: as they were added");
    let steps = batch(store, |batch| {
        let added = batch.add_account(account("ana", "Ana"))?;
        Ok(added
            && batch.account("ana")?.is_some()
            && batch.accounts("", usize::MAX)?.len() == 4
            && !batch.add_account(account("ana", "B"))?)
    });
    assert!(steps, "steps of a batch see those before");
}

fn replacing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let open = |number, user| {
        let session = NewSession { id: session_id(number), user, now: at(0), expires: at(10), from: None };
        batch(store, |batch| batch.open_session(session)).is_open()
    };
    assert!(open(1, "messi"), "open_session: opens a session");
    send(store, "messi", &profile(store, "henderson"), " hi");
    let old = look(store, |batch| batch.account("messi")).unwrap();
    let mut new = account("messi", "Leo Messi");
    new.revision = old.revision;
    new.banned = true;
    new.password = None;
    let mut other = account("lineker", "Gary");
    other.revision = old.revision;
    assert!(!batch(store, |batch| batch.replace_account(other)), "replace_account: `false` if there is no such user");
    let mut other = new.clone();
    other.revision = look(store, |batch| batch.account("henderson")).unwrap().revision.max(old.revision) + 1000;
    assert!(!batch(store, |batch| batch.replace_account(other)), "replace_account: `false` if it has another revision");
    assert!(
        batch(store, |batch| batch.replace_account(new.clone())),
        "replace_account: replaces the version that was seen"
    );
    assert!(
        !batch(store, |batch| batch.replace_account(new)),
        "replace_account: `false` for a revision that was replaced"
    );

    let new = look(store, |batch| batch.account("messi")).unwrap();
    assert_eq!((new.profile.full_name(), new.banned), ("Leo Messi", true), "replace_account: as it was given");
    assert!(new.password.is_none(), "replace_account: as it was given");
    let user = batch(store, |batch| batch.use_session(&session_id(1), at(1), at(11)));
    let user = user.expect("replace_account: sessions stay");
    assert_eq!(user.full_name(), "Leo Messi", "replace_account: sessions are of the account as it is now");
    let session = look(store, |batch| batch.sessions(at(1)));
    assert_eq!(session[0].user.full_name(), "Leo Messi", "replace_account: sessions are of the account as it is now");
    let (inbox, _) = take(store, "messi");
    assert_eq!(inbox.to(), "Leo Messi", "unread: has the user's full name");
    assert_eq!(lines(&inbox), expected(&[("henderson", " hi")]), "replace_account: conversations stay");
}

fn revisions(store: &dyn Store) {
    let mut seen = BTreeSet::new();
    let mut is_new = |user: &str| seen.insert(look(store, |batch| batch.account(user)).unwrap().revision);
    for _ in 0..3 {
        for user in ["messi", "henderson"] {
            add(store, &[user]);
            assert!(is_new(user), "add_account: a revision that no account has had");
            for _ in 0..3 {
                let same = look(store, |batch| batch.account(user)).unwrap();
                let replaced = batch(store, |batch| batch.replace_account((*same).clone()));
                assert!(replaced, "replace_account: replaces an account by the same");
                assert!(is_new(user), "replace_account: gives a revision that no account has had");
            }
        }
        for user in ["henderson", "messi"] {
            assert!(batch(store, |batch| batch.remove_account(user)), "remove_account: `true` if there was one");
        }
    }
}

fn names_stay_with_messages(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    send(store, "henderson", &profile(store, "messi"), " 1");
    let mut new = account("messi", "Leo");
    new.revision = look(store, |batch| batch.account("messi")).unwrap().revision;
    assert!(batch(store, |batch| batch.replace_account(new)), "replace_account: replaces an account");
    send(store, "henderson", &profile(store, "messi"), " 2");
    let page = store.history("henderson", "messi", Position::After(MessageId::NONE), 9).unwrap();
    let names: Vec<_> = page.messages.iter().map(|message| message.from.full_name()).collect();
    assert_eq!(names, ["messi in full", "Leo"], "replace_account: messages keep the names that they were sent under");
    let (inbox, _) = take(store, "henderson");
    let names: Vec<_> = inbox.iter().map(|message| message.from.full_name()).collect();
    assert_eq!(names, ["messi in full", "Leo"], "replace_account: messages keep the names that they were sent under");
}

fn removing(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    let session = NewSession { id: session_id(1), user: "messi", now: at(0), expires: at(10), from: None };
    assert!(batch(store, |batch| batch.open_session(session)).is_open(), "open_session: opens a session");
    send(store, "messi", &henderson, " never read");
    send(store, "messi", &messi, " notes");
    send(store, "henderson", &messi, " read");
    take(store, "henderson");
    send(store, "henderson", &messi, " a last word\n");
    assert!(!batch(store, |batch| batch.remove_account("lineker")), "remove_account: `false` if there is no such user");
    assert!(batch(store, |batch| batch.remove_account("messi")), "remove_account: removes an account");
    assert!(!batch(store, |batch| batch.remove_account("messi")), "remove_account: `false` if there is no such user");
    assert!(look(store, |batch| batch.account("messi")).is_none(), "remove_account: the account is gone");
    let used = batch(store, |batch| batch.use_session(&session_id(1), at(1), at(11)));
    assert!(used.is_none(), "remove_account: the sessions are gone");
    let (active, sessions) = look(store, |batch| Ok((batch.active_users(at(1))?, batch.sessions(at(1))?)));
    assert!(active.is_empty() && sessions.is_empty(), "remove_account: the sessions are gone");
    assert_eq!(
        append(store, "messi", &henderson, " too late"),
        Appended::NoSuchRecipient,
        "append: `NoSuchRecipient` if there is none"
    );
    shows_nothing_of_messi(store);
    let (inbox, _) = take(store, "henderson");
    let left = expected(&[("messi", " a last word\n")]);
    assert_eq!(lines(&inbox), left, "remove_account: what others have not read of it yet stays theirs to take");
    assert_eq!(take(store, "henderson").0.len(), 0, "take: what was taken is read, also if a former user has sent it");
}

fn shows_nothing_of_messi(store: &dyn Store) {
    let law = "remove_account: the conversations are gone";
    assert!(look(store, |batch| batch.conversations("henderson")).is_empty(), "{law}");
    for position in [Position::After(MessageId::NONE), Position::Before(MessageId::MAX)] {
        let page = store.history("henderson", "messi", position, 9).unwrap();
        assert!(page.messages.is_empty() && !page.more, "{law}");
        let page = store.history("messi", "henderson", position, 9).unwrap();
        assert!(page.messages.is_empty() && !page.more, "{law}");
    }
    assert!(store.sync("henderson", MessageId::NONE, 9).unwrap().messages.is_empty(), "{law}");
    assert!(store.read_until("henderson", "messi", MessageId::MAX).unwrap().is_none(), "{law}");
}

fn a_later_account_of_that_name(store: &dyn Store) {
    let law = "remove_account: a later account of that name has nothing to do with it";
    add(store, &["messi", "henderson"]);
    let (messi, henderson) = (profile(store, "messi"), profile(store, "henderson"));
    let session = NewSession { id: session_id(1), user: "messi", now: at(0), expires: at(10), from: None };
    assert!(batch(store, |batch| batch.open_session(session)).is_open(), "open_session: opens a session");
    send(store, "messi", &henderson, " never read");
    send(store, "messi", &messi, " notes");
    send(store, "henderson", &messi, " of the first");
    let old = look(store, |batch| batch.account("messi")).unwrap();
    assert!(
        batch(store, |batch| Ok(batch.remove_account("messi")? && batch.add_account(account("messi", "New"))?)),
        "{law}"
    );
    assert!(!batch(store, |batch| batch.replace_account((*old).clone())), "{law}: its revisions are others");
    shows_nothing_of_messi(store);
    assert_eq!(take(store, "messi").0.len(), 0, "{law}: its inbox is empty");
    assert!(store.sync("messi", MessageId::NONE, 9).unwrap().messages.is_empty(), "{law}");
    assert!(batch(store, |batch| batch.use_session(&session_id(1), at(1), at(11))).is_none(), "{law}: no session");

    let id = send(store, "henderson", &profile(store, "messi"), " of the second");
    let conversations = look(store, |batch| batch.conversations("henderson"));
    let counts: Vec<_> = conversations.iter().map(|it| (it.with.as_str(), it.unread, it.last)).collect();
    assert_eq!(counts, [("messi", 1, id)], "{law}: unread messages of the first are not the second's");
    let page = store.history("henderson", "messi", Position::After(MessageId::NONE), 9).unwrap();
    assert_eq!(page.messages.len(), 1, "{law}: history begins anew");
    let read = store.read_until("henderson", "messi", MessageId::MAX).unwrap().expect("read_until: there is one");
    assert_eq!((read.to, read.messages), (id, 1), "{law}");
    assert!(batch(store, |batch| batch.take("henderson", &[read])), "take: does a move of `read_until`");
    let (inbox, _) = take(store, "henderson");
    assert_eq!(lines(&inbox), expected(&[("messi", " of the first")]), "{law}: each is read for itself");
    let names: Vec<_> = inbox.iter().map(|message| message.from.full_name()).collect();
    assert_eq!(names, ["messi in full"], "{law}");
}

fn messages_of_former_users(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    let messi = profile(store, "messi");
    batch(store, |batch| batch.remove_account("messi"));
    let first = send(store, "henderson", &messi, " 1");
    let second = send(store, "henderson", &messi, " 2");
    assert!(second > first, "append: returns an id that is greater than all before it");
    shows_nothing_of_messi(store);
    add(store, &["messi"]);
    shows_nothing_of_messi(store);
    let law = "NewMessage::from: if no user has that name any more, the message is a former user's";
    assert_eq!(lines(&take(store, "henderson").0), expected(&[("messi", " 1"), ("messi", " 2")]), "{law}");
}
