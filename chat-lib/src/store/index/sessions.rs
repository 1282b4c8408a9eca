//! All live sessions: by id, by user in order of login, and by when they may end.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use slab::Slab;

use super::AccountId;
use crate::clock::Timestamp;
use crate::limits::{SESSION_SLACK, SESSIONS_PER_USER};
use crate::model::{Profile, SessionId, UserName};
use crate::store::hash::NumberHasher;
use crate::store::{NewSession, SessionInfo, SessionOpened};

/// All live sessions.
///
/// Each method that changes something calls `journal` with what an engine has to write down.
#[derive(Default)]
pub(in crate::store) struct Sessions {
    /// They are many and mostly unused, so each map has only the number of a place here.
    sessions: Slab<Session>,
    /// By a part of the id, which is a digest of a random token: no two sessions have the same.
    by_id: HashMap<u64, Place, NumberHasher>,
    /// Each user's sessions by login; no user without one.
    by_user: HashMap<UserName, BTreeMap<Login, Place>>,
    /// Users by the oldest of their sessions.
    by_oldest: BTreeMap<Login, UserName>,
    /// When to look whether a session has ended: not later than it does, and for most much earlier,
    /// because using a session moves its end and not its place here.
    to_check: BTreeMap<(Timestamp, Login), Place>,
    next_login: u64,
}

/// A place in the slab of sessions.
#[derive(Clone, Copy)]
struct Place(u32);

impl Place {
    fn key(self) -> usize {
        // It came from a usize.
        self.0 as usize
    }
}

impl Sessions {
    /// Opens a session of the user with that profile.
    pub(super) fn open(
        &mut self,
        new: &NewSession<'_>,
        account: AccountId,
        user: &Arc<Profile>,
        journal: &mut impl FnMut(SessionChange<'_>),
    ) -> SessionOpened {
        let NewSession { id, now, expires, from, .. } = *new;
        self.end_expired(now, journal);
        if self.by_id.contains_key(&id.prefix()) {
            return SessionOpened::Refused;
        }
        let full = self.by_user.get(user.user()).filter(|logins| logins.len() >= SESSIONS_PER_USER);
        let oldest = full.and_then(BTreeMap::first_key_value).map(|(_, place)| *place);
        let ended = oldest.and_then(|oldest| self.remove(oldest, journal));
        let login = Login(self.next_login);
        let written = with_slack(now, expires);
        let user = Arc::clone(user);
        let session =
            Session { id, login, account, user, opened: now, used: now, from, expires, check: expires, written };
        let Some(session) = self.insert(session) else { return SessionOpened::Refused };
        journal(SessionChange::Lives(session));
        if ended.is_some() { SessionOpened::OldestEnded } else { SessionOpened::Opened }
    }

    /// Puts a session in, perhaps one that was written down before. `None` if there are as many as there can be.
    pub(super) fn insert(&mut self, session: Session) -> Option<&Session> {
        let entry = self.sessions.vacant_entry();
        let place = u32::try_from(entry.key()).map(Place).ok()?;
        let session = entry.insert(session);
        let (id, login, check, user) = (session.id, session.login, session.check, session.user.user());
        self.next_login = self.next_login.max(login.0 + 1);
        let logins = self.by_user.entry(user.clone()).or_default();
        if logins.is_empty() {
            self.by_oldest.insert(login, user.clone());
        }
        logins.insert(login, place);
        self.to_check.insert((check, login), place);
        self.by_id.insert(id.prefix(), place);
        Some(session)
    }

    /// The user whose session that is if it is live, and moves its end.
    pub(super) fn touch(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
        journal: &mut impl FnMut(SessionChange<'_>),
    ) -> Option<&Arc<Profile>> {
        let place = self.find(id)?;
        let session = self.sessions.get_mut(place.key()).filter(|session| session.expires > now)?;
        session.used = session.used.max(now);
        session.expires = session.expires.max(expires);
        if session.expires > session.written {
            session.written = with_slack(now, session.expires);
            journal(SessionChange::Lives(session));
        }
        Some(&session.user)
    }

    /// Ends a session, and returns its user.
    pub(super) fn close(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        journal: &mut impl FnMut(SessionChange<'_>),
    ) -> Option<Arc<Profile>> {
        self.end_expired(now, journal);
        self.remove(self.find(id)?, journal)
    }

    fn find(&self, id: &SessionId) -> Option<Place> {
        let place = *self.by_id.get(&id.prefix())?;
        self.sessions.get(place.key()).filter(|session| session.id == *id).map(|_| place)
    }

    /// How many there are, and of how many the journal knows.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Ends all sessions of `user`, and returns how many.
    pub(super) fn close_all(&mut self, user: &str, journal: &mut impl FnMut(SessionChange<'_>)) -> usize {
        let places: Vec<_> = self.by_user.get(user).into_iter().flat_map(BTreeMap::values).copied().collect();
        for place in &places {
            self.remove(*place, journal);
        }
        places.len()
    }

    /// Gives the sessions of a user the profile that the user has now.
    pub(super) fn set_profile(&mut self, profile: &Arc<Profile>) {
        for place in self.by_user.get(profile.user()).into_iter().flat_map(BTreeMap::values) {
            if let Some(session) = self.sessions.get_mut(place.key()) {
                session.user = Arc::clone(profile);
            }
        }
    }

    /// The users with a live session, in order of login of the oldest one.
    pub(super) fn active_users(
        &mut self,
        now: Timestamp,
        journal: &mut impl FnMut(SessionChange<'_>),
    ) -> Vec<UserName> {
        self.end_expired(now, journal);
        self.by_oldest.values().cloned().collect()
    }

    /// How many are live.
    pub(super) fn count(&mut self, now: Timestamp, journal: &mut impl FnMut(SessionChange<'_>)) -> usize {
        self.end_expired(now, journal);
        self.len()
    }

    /// All that are live, in order of login.
    pub(super) fn live(&mut self, now: Timestamp, journal: &mut impl FnMut(SessionChange<'_>)) -> Vec<SessionInfo> {
        self.end_expired(now, journal);
        let mut live: Vec<_> = self.sessions.iter().map(|(_, session)| session).collect();
        live.sort_by_key(|session| session.login);
        live.into_iter().map(Session::info).collect()
    }

    /// As [`live`](Self::live), of one user.
    pub(super) fn live_of(
        &mut self,
        user: &str,
        now: Timestamp,
        journal: &mut impl FnMut(SessionChange<'_>),
    ) -> Vec<SessionInfo> {
        self.end_expired(now, journal);
        let places = self.by_user.get(user).into_iter().flat_map(BTreeMap::values);
        places.filter_map(|place| self.sessions.get(place.key())).map(Session::info).collect()
    }

    /// Each session is looked at once in its idle time at most, however many are in use.
    fn end_expired(&mut self, now: Timestamp, journal: &mut impl FnMut(SessionChange<'_>)) {
        while let Some(due) = self.to_check.first_entry().filter(|due| due.key().0 <= now) {
            let place = due.remove();
            let Some(session) = self.sessions.get_mut(place.key()) else { continue };
            if session.expires > now {
                session.check = session.expires;
                self.to_check.insert((session.check, session.login), place);
            } else {
                self.remove(place, journal);
            }
        }
    }

    fn remove(&mut self, place: Place, journal: &mut impl FnMut(SessionChange<'_>)) -> Option<Arc<Profile>> {
        let Session { id, login, user, check, .. } = self.sessions.try_remove(place.key())?;
        self.by_id.remove(&id.prefix());
        journal(SessionChange::Ended(login));
        self.to_check.remove(&(check, login));
        let logins = self.by_user.get_mut(user.user())?;
        logins.remove(&login);
        let oldest = logins.first_key_value().map(|(&oldest, _)| oldest);
        if oldest.is_none() {
            self.by_user.remove(user.user());
        }
        if self.by_oldest.remove(&login).is_some()
            && let Some(oldest) = oldest
        {
            self.by_oldest.insert(oldest, user.user().clone());
        }
        Some(user)
    }
}

/// A live session.
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) login: Login,
    pub(super) account: AccountId,
    pub(super) user: Arc<Profile>,
    pub(super) opened: Timestamp,
    pub(super) used: Timestamp,
    pub(super) from: Option<SocketAddr>,
    pub(super) expires: Timestamp,
    /// Where in `to_check` it stands.
    pub(super) check: Timestamp,
    /// The end that the journal knows.
    pub(super) written: Timestamp,
}

impl Session {
    fn info(&self) -> SessionInfo {
        let Self { id, user, opened, used, from, .. } = self;
        SessionInfo::new(*id, Arc::clone(user), *opened, *used, *from)
    }
}

/// The place of a login among all logins.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct Login(pub(in crate::store) u64);

/// What an engine has to write down.
pub(super) enum SessionChange<'a> {
    /// It lives, until the end that is `written` if the process ends before the journal hears more.
    Lives(&'a Session),
    Ended(Login),
}

/// What is written down for the end of a session. Every use moves the end, and with some slack only a
/// few uses have to be written; a session that is read back may live that much longer.
fn with_slack(now: Timestamp, expires: Timestamp) -> Timestamp {
    expires.after(expires.since(now) / SESSION_SLACK)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::entropy::OsEntropy;
    use crate::model::SessionToken;

    const IDLE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    fn profile(user: &str) -> Arc<Profile> {
        Arc::new(Profile::new(UserName::parse(user).unwrap(), user, "").unwrap())
    }

    fn new(id: SessionId, expires: Timestamp) -> NewSession<'static> {
        NewSession { id, user: "", now: at(0), expires, from: None }
    }

    fn sizes(sessions: &Sessions) -> [usize; 4] {
        [sessions.by_id.len(), sessions.by_user.len(), sessions.by_oldest.len(), sessions.to_check.len()]
    }

    #[test]
    fn what_has_ended_leaves_nothing() {
        let mut sessions = Sessions::default();
        let messi = profile("messi");
        let ids: Vec<_> = (0..20).map(|_| SessionToken::random(&OsEntropy).unwrap().id()).collect();
        for (second, &id) in (0..).zip(&ids) {
            assert!(sessions.open(&new(id, at(second).after(IDLE)), AccountId(1), &messi, &mut |_| {}).is_open());
        }
        for (second, id) in (0..).zip(&ids).step_by(2) {
            assert!(sessions.touch(id, at(second), at(second + 1).after(IDLE), &mut |_| {}).is_some());
        }
        assert!(sessions.close(&ids[19], at(5), &mut |_| {}).is_some());
        assert!(sessions.touch(&SessionToken::random(&OsEntropy).unwrap().id(), at(5), at(50), &mut |_| {}).is_none());
        assert_eq!(sizes(&sessions), [19, 1, 1, 19]);
        assert!(sessions.active_users(at(1000), &mut |_| {}).is_empty());
        assert_eq!(sizes(&sessions), [0; 4]);
    }

    #[test]
    fn one_user_too_many_times() {
        let mut sessions = Sessions::default();
        let (messi, lineker) = (profile("messi"), profile("lineker"));
        let mut login = |user| {
            let id = SessionToken::random(&OsEntropy).unwrap().id();
            assert!(sessions.open(&new(id, at(10)), AccountId(1), user, &mut |_| {}).is_open());
            id
        };
        let other = login(&lineker);
        let first = login(&messi);
        let second = login(&messi);
        for _ in 2..=SESSIONS_PER_USER {
            login(&messi);
        }
        assert!(sessions.touch(&first, at(1), at(10), &mut |_| {}).is_none());
        assert!(sessions.touch(&second, at(1), at(10), &mut |_| {}).is_some());
        assert!(sessions.touch(&other, at(1), at(10), &mut |_| {}).is_some());
        assert_eq!(sizes(&sessions), [SESSIONS_PER_USER + 1, 2, 2, SESSIONS_PER_USER + 1]);
    }
}
