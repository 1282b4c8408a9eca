//! Sessions: when they begin and end, and who has one.

use std::net::SocketAddr;

use super::{New, add, at, batch, look, open, session_id, with};
use crate::limits::{SESSION_SLACK, SESSIONS_PER_USER};
use crate::store::{NewSession, SessionInfo, SessionOpened, Store};

pub(super) fn check(new: &New<'_>) {
    with(new, lives);
    with(new, details);
    with(new, active_users);
    with(new, an_id_is_of_one_session);
    with(new, closing_all);
    with(new, too_many);
    reopening(new);
}

fn begin(store: &dyn Store, number: u64, user: &str, now: u64, expires: u64) -> bool {
    let session = NewSession { id: session_id(number), user, now: at(now), expires: at(expires), from: None };
    batch(store, |batch| batch.open_session(session)).is_open()
}

fn user_of(store: &dyn Store, number: u64, now: u64, expires: u64) -> Option<String> {
    let user = batch(store, |batch| batch.use_session(&session_id(number), at(now), at(expires)));
    user.map(|profile| profile.user().to_string())
}

fn close(store: &dyn Store, number: u64, now: u64) -> Option<String> {
    let user = batch(store, |batch| batch.close_session(&session_id(number), at(now)));
    user.map(|profile| profile.user().to_string())
}

fn active(store: &dyn Store, now: u64) -> Vec<String> {
    look(store, |batch| batch.active_users(at(now))).iter().map(ToString::to_string).collect()
}

fn live(store: &dyn Store, now: u64) -> Vec<SessionInfo> {
    look(store, |batch| batch.sessions(at(now)))
}

fn lives(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    assert!(begin(store, 1, "messi", 0, 10), "open_session: opens a session");
    assert!(begin(store, 2, "henderson", 0, 10), "open_session: opens a session");
    assert!(!begin(store, 3, "ronaldo", 0, 10), "open_session: `false` if there is no such user");
    assert!(!begin(store, 3, "no user name", 0, 10), "open_session: `false` if there is no such user");
    let messi = Some("messi".to_owned());
    assert_eq!(user_of(store, 1, 9, 19), messi, "use_session: returns the user of a session that is live");
    assert_eq!(user_of(store, 2, 10, 20), None, "use_session: a session is live until it expires, and then no more");
    assert_eq!(user_of(store, 1, 18, 12), messi, "use_session: moves the end");
    assert_eq!(user_of(store, 1, 18, 28), messi, "use_session: never moves the end to an earlier time");
    assert_eq!(user_of(store, 3, 0, 10), None, "use_session: `None` if there is no such session");
    assert_eq!(close(store, 2, 18), None, "close_session: a session that has expired is not found");
    assert_eq!(close(store, 1, 27), messi, "close_session: returns the user of a session that is live");
    assert_eq!(close(store, 1, 18), None, "close_session: the session has ended");
    assert_eq!(user_of(store, 1, 18, 28), None, "close_session: the session has ended");
    assert!(active(store, 18).is_empty(), "active_users: each user with a live session, and no others");
    assert!(live(store, 18).is_empty(), "sessions: all that are live, and no others");
}

fn details(store: &dyn Store) {
    add(store, &["messi"]);
    let from: SocketAddr = "[2001:db8::1]:5000".parse().unwrap();
    let session = NewSession { id: session_id(1), user: "messi", now: at(3), expires: at(10), from: Some(from) };
    let steps = batch(store, |batch| {
        Ok(batch.open_session(session)?.is_open()
            && batch.sessions(at(3))?.len() == 1
            && batch.active_users(at(3))?.len() == 1)
    });
    assert!(steps, "steps of a batch see those before");
    assert!(begin(store, 2, "messi", 4, 10), "open_session: a user may have several sessions");
    assert!(user_of(store, 1, 6, 20).is_some(), "use_session: finds a session that is live");
    let live = live(store, 7);
    assert_eq!(live.len(), 2, "sessions: all that are live");
    let [one, two] = [&live[0], &live[1]];
    assert!(one.id == session_id(1) && two.id == session_id(2), "sessions: in order of login");
    assert_eq!((one.opened, two.opened), (at(3), at(4)), "SessionInfo::opened: when it was opened");
    assert_eq!((one.last_used, two.last_used), (at(6), at(4)), "SessionInfo::last_used: when it was last used");
    assert_eq!((one.from, two.from), (Some(from), None), "SessionInfo::from: where the user logged in from");
    let names = (one.user.user().as_str(), one.user.full_name());
    assert_eq!(names, ("messi", "messi in full"), "SessionInfo::user: the user");
}

fn active_users(store: &dyn Store) {
    add(store, &["messi", "henderson", "lineker"]);
    for (number, user) in [(1, "messi"), (2, "henderson"), (3, "messi"), (4, "lineker")] {
        assert!(begin(store, number, user, 0, 10), "open_session: opens a session");
    }
    let law = "active_users: each user with a live session, once, in order of login of their oldest live session";
    assert_eq!(active(store, 0), ["messi", "henderson", "lineker"], "{law}");
    assert!(close(store, 1, 1).is_some(), "close_session: finds a session that is live");
    assert_eq!(active(store, 1), ["henderson", "messi", "lineker"], "{law}");
    assert!(user_of(store, 3, 5, 15).is_some(), "use_session: finds a session that is live");
    assert_eq!(active(store, 9), ["henderson", "messi", "lineker"], "{law}");
    assert_eq!(active(store, 10), ["messi"], "{law}");
    let ids: Vec<_> = live(store, 10).iter().map(|session| session.id).collect();
    assert_eq!(ids, [session_id(3)], "sessions: all that are live, and no others");
    assert!(begin(store, 5, "lineker", 10, 20), "open_session: opens a session");
    let of = |user, now| -> Vec<_> {
        look(store, |batch| batch.sessions_of(user, at(now))).iter().map(|session| session.id).collect()
    };
    let law = "sessions_of: as `sessions`, of one user";
    assert_eq!(of("lineker", 10), [session_id(5)], "{law}");
    assert!(begin(store, 6, "lineker", 11, 20), "open_session: opens a session");
    assert_eq!(of("lineker", 11), [5, 6].map(session_id), "{law}, in order of login");
    assert_eq!(of("messi", 11), [session_id(3)], "{law}");
    assert!(of("henderson", 11).is_empty() && of("ronaldo", 11).is_empty(), "{law}");
    assert!(close(store, 6, 11).is_some(), "close_session: finds a session that is live");
    let law = "active_users: each user with a live session, once, in order of login of their oldest live session";
    assert_eq!(active(store, 14), ["messi", "lineker"], "{law}");
    assert_eq!(active(store, 15), ["lineker"], "{law}");
    assert!(of("messi", 15).is_empty(), "sessions_of: those that are live");
    assert!(active(store, 20).is_empty(), "{law}");
}

fn an_id_is_of_one_session(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    assert!(begin(store, 1, "messi", 0, 10), "open_session: opens a session");
    assert!(!begin(store, 1, "henderson", 0, 10), "open_session: `false` if there is a session with that id");
    assert!(!begin(store, 1, "messi", 0, 20), "open_session: `false` if there is a session with that id");
    assert_eq!(user_of(store, 1, 9, 9), Some("messi".to_owned()), "open_session: `false`, and nothing done");
    assert_eq!(user_of(store, 1, 10, 20), None, "open_session: `false`, and nothing done");
}

fn closing_all(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    for (number, user) in [(1, "messi"), (2, "henderson"), (3, "messi")] {
        assert!(begin(store, number, user, 0, 10), "open_session: opens a session");
    }
    let close_all = |user| batch(store, |batch| batch.close_sessions(user));
    assert_eq!(close_all("messi"), 2, "close_sessions: returns how many there were");
    assert_eq!(close_all("messi"), 0, "close_sessions: returns how many there were");
    assert_eq!(close_all("lineker"), 0, "close_sessions: there are none of a user who does not exist");
    let law = "close_sessions: ends all sessions of the user, and no others";
    assert_eq!((user_of(store, 1, 1, 9), user_of(store, 3, 1, 9)), (None, None), "{law}");
    assert_eq!(active(store, 1), ["henderson"], "{law}");
}

fn too_many(store: &dyn Store) {
    add(store, &["messi", "henderson"]);
    assert!(begin(store, 0, "henderson", 0, 100), "open_session: opens a session");
    let opened = batch(store, |batch| {
        let mut opened = 0;
        for number in 1..=SESSIONS_PER_USER as u64 {
            let session =
                NewSession { id: session_id(number), user: "messi", now: at(0), expires: at(100), from: None };
            opened += usize::from(batch.open_session(session)? == SessionOpened::Opened);
        }
        Ok(opened)
    });
    assert_eq!(opened, SESSIONS_PER_USER, "Sessions: a user may have SESSIONS_PER_USER");
    assert!(user_of(store, 1, 1, 100).is_some(), "Sessions: a user may have SESSIONS_PER_USER");
    let one_more = NewSession { id: session_id(u64::MAX), user: "messi", now: at(1), expires: at(100), from: None };
    let outcome = batch(store, |batch| batch.open_session(one_more));
    assert_eq!(outcome, SessionOpened::OldestEnded, "SessionOpened: another one has ended if a user has too many");
    let law = "Sessions: of a user who has SESSIONS_PER_USER, the oldest one ends when another begins";
    assert_eq!(user_of(store, 1, 1, 100), None, "{law}");
    for number in [0, 2, SESSIONS_PER_USER as u64, u64::MAX] {
        assert!(user_of(store, number, 1, 100).is_some(), "{law}, and no other");
    }
    assert_eq!(live(store, 1).len(), SESSIONS_PER_USER + 1, "{law}");
}

fn reopening(new: &New<'_>) {
    let data = new();
    if !data.is_durable() {
        return;
    }
    let from: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    let slack = 640 / u64::from(SESSION_SLACK);
    {
        let store = &*open(&*data);
        add(store, &["messi", "henderson"]);
        let session = NewSession { id: session_id(1), user: "messi", now: at(0), expires: at(640), from: Some(from) };
        assert!(batch(store, |batch| batch.open_session(session)).is_open(), "open_session: opens a session");
        assert!(begin(store, 2, "henderson", 1, 640), "open_session: opens a session");
        assert!(begin(store, 3, "messi", 2, 640), "open_session: opens a session");
        assert!(begin(store, 4, "henderson", 3, 640), "open_session: opens a session");
        assert!(close(store, 2, 4).is_some(), "close_session: finds a session that is live");
        assert!(user_of(store, 1, 300, 940).is_some(), "use_session: finds a session that is live");
    }
    let store = &*open(&*data);
    let law = "a store that is opened again has what was committed";
    let sessions = live(store, 300);
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    assert_eq!(ids, [1, 3, 4].map(session_id), "{law}: sessions, in order of login");
    assert_eq!((sessions[0].from, sessions[0].opened), (Some(from), at(0)), "{law}: the details of sessions");
    let used = sessions[0].last_used;
    assert!(at(300 - slack) <= used && used <= at(300), "SessionInfo::last_used: earlier by a 64th at most");
    assert_eq!(active(store, 300), ["messi", "henderson"], "{law}: sessions, in order of login");
    assert!(user_of(store, 1, 939, 939).is_some(), "{law}: a session lives as long as it was to");
    assert!(user_of(store, 1, 940 + slack, 2000).is_none(), "{law}: a session lives longer by a 64th at most");
    assert!(user_of(store, 4, 640 + slack, 2000).is_none(), "{law}: a session lives longer by a 64th at most");
    assert!(user_of(store, 2, 10, 20).is_none(), "{law}: a session that was closed");
    assert!(begin(store, 5, "messi", 300, 940), "open_session: opens a session");
    let ids: Vec<_> = live(store, 300).iter().map(|session| session.id).collect();
    assert_eq!(ids.last(), Some(&session_id(5)), "sessions: in order of login, also across a restart");
}
