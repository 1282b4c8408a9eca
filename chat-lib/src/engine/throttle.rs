//! Makes those wait who fail to log in again and again (`docs/protocol.md`, "Attempts").

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{FAILURES_FORGOTTEN, FAILURES_REMEMBERED, KNOWN_ADDRESSES, LOGIN_DELAY, LOGIN_DELAY_MAX};
use crate::model::UserName;
use crate::source::source_of;

/// Counts failures for users and addresses, and remembers from where users log in.
#[derive(Default)]
pub(super) struct Throttle {
    table: Mutex<Table>,
}

/// A login or a registration.
pub(super) struct Attempt {
    /// Whose account it is for. Names that no account has are not counted: there is nothing to guess.
    pub(super) user: Option<UserName>,
    from: Source,
}

/// Where an attempt comes from; `None` within the process.
type Source = Option<IpAddr>;

impl Attempt {
    pub(super) fn new(user: Option<UserName>, peer: Option<SocketAddr>) -> Self {
        Self { user, from: peer.map(|peer| source_of(peer.ip())) }
    }

    /// The address that failures count for; `None` for loopback, where everybody may come from who comes through a proxy.
    fn address(&self) -> Option<Culprit> {
        self.from.filter(|address| !address.is_loopback()).map(Culprit::Address)
    }
}

impl Throttle {
    /// Refuses an attempt as long as one of those that its failure would count for has to wait.
    pub(super) fn admit(&self, attempt: &Attempt, free: u32, now: Timestamp) -> Result<(), Error> {
        let table = self.table();
        let culprits = table.culprits(attempt);
        // A clock that was set back would make it longer; then a failure counts as long past.
        let failures = culprits.iter().filter_map(|culprit| table.failures.get(culprit));
        let failures = failures.filter(|failures| failures.last <= now);
        let wait = failures.map(|failures| failures.delay(free).saturating_sub(now.since(failures.last))).max();
        match wait {
            Some(wait) if !wait.is_zero() => Err(Error::TooManyAttempts { wait }),
            _ => Ok(()),
        }
    }

    /// Takes note of an attempt that failed.
    pub(super) fn failed(&self, attempt: &Attempt, now: Timestamp) {
        let mut table = self.table();
        for culprit in table.culprits(attempt) {
            table.failed(culprit, attempt.user.as_ref(), now);
        }
    }

    /// Forgets failures of the user who has logged in, and remembers from where that was.
    pub(super) fn succeeded(&self, user: &UserName, attempt: &Attempt) {
        self.table().succeeded(user, attempt.from);
    }

    /// Forgets all failures of a user, who has a new password.
    pub(super) fn clear(&self, user: &str) {
        self.table().clear(user);
    }

    /// Forgets a user, who was removed.
    pub(super) fn remove(&self, user: &str) {
        let mut table = self.table();
        table.clear(user);
        table.known.remove(user);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose failures are counted together.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Culprit {
    /// A user, from wherever they have not logged in before.
    User(UserName),
    Address(IpAddr),
    /// A user, from where they have.
    Known(UserName, Source),
}

#[derive(Default)]
struct Table {
    failures: HashMap<Culprit, Failures>,
    by_last: BTreeSet<(Timestamp, Culprit)>,
    /// From where each user has logged in, the latest last.
    known: HashMap<UserName, VecDeque<Source>>,
}

struct Failures {
    count: u32,
    last: Timestamp,
    /// The user whom all of them were for, if they were for one.
    user: Option<UserName>,
}

impl Failures {
    /// How long after the last failure the next attempt may come, when `free` failures cost nothing.
    fn delay(&self, free: u32) -> Duration {
        match self.count.checked_sub(free) {
            None => Duration::ZERO,
            Some(over) => LOGIN_DELAY.saturating_mul(2_u32.saturating_pow(over)).min(LOGIN_DELAY_MAX),
        }
    }
}

impl Table {
    /// Where a user has logged in before, nobody else can have them locked out.
    fn culprits(&self, attempt: &Attempt) -> Vec<Culprit> {
        let user = attempt.user.as_ref();
        let known = user.filter(|user| self.known.get(*user).is_some_and(|from| from.contains(&attempt.from)));
        match known {
            Some(user) => vec![Culprit::Known(user.clone(), attempt.from)],
            None => user.cloned().map(Culprit::User).into_iter().chain(attempt.address()).collect(),
        }
    }

    fn succeeded(&mut self, user: &UserName, from: Source) {
        let known = self.known.entry(user.clone()).or_default();
        let before = known.iter().position(|known| *known == from);
        let is_known = before.and_then(|place| known.remove(place)).is_some();
        known.push_back(from);
        let oldest = if known.len() > KNOWN_ADDRESSES { known.pop_front() } else { None };
        if let Some(oldest) = oldest {
            self.forget(&Culprit::Known(user.clone(), oldest));
        }
        self.forget(&if is_known { Culprit::Known(user.clone(), from) } else { Culprit::User(user.clone()) });
    }

    /// Also for an address from where nobody else was tried: it may be where the user is.
    fn clear(&mut self, user: &str) {
        let is_theirs = |failures: &Failures| failures.user.as_ref().is_some_and(|whose| whose.as_str() == user);
        let theirs: Vec<_> = self.failures.extract_if(|_, failures| is_theirs(failures)).collect();
        for (culprit, failures) in theirs {
            self.by_last.remove(&(failures.last, culprit));
        }
    }

    fn failed(&mut self, culprit: Culprit, user: Option<&UserName>, now: Timestamp) {
        let before = self.forget(&culprit).filter(|before| now.since(before.last) < FAILURES_FORGOTTEN);
        let (count, user) = match before {
            Some(Failures { count, user: before, .. }) => (count, before.filter(|before| Some(before) == user)),
            None => (0, user.cloned()),
        };
        let count = count.saturating_add(1);
        self.failures.insert(culprit.clone(), Failures { count, last: now, user });
        self.by_last.insert((now, culprit));
        if self.failures.len() > FAILURES_REMEMBERED
            && let Some((_, oldest)) = self.by_last.pop_first()
        {
            self.failures.remove(&oldest);
        }
    }

    fn forget(&mut self, culprit: &Culprit) -> Option<Failures> {
        let failures = self.failures.remove(culprit)?;
        self.by_last.remove(&(failures.last, culprit.clone()));
        Some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    fn messi() -> UserName {
        UserName::parse("messi").unwrap()
    }

    fn from(address: &str) -> Attempt {
        Attempt::new(Some(messi()), Some(SocketAddr::new(address.parse().unwrap(), 1)))
    }

    fn wait(throttle: &Throttle, attempt: &Attempt, now: u64) -> u64 {
        match throttle.admit(attempt, 5, at(now)) {
            Err(Error::TooManyAttempts { wait }) => wait.as_secs(),
            _ => 0,
        }
    }

    fn fail(throttle: &Throttle, times: usize, attempt: &Attempt) {
        (0..times).for_each(|_| throttle.failed(attempt, at(0)));
    }

    #[test]
    fn delays_double_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let attempt = from("192.0.2.1");
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..17 {
            throttle.failed(&attempt, at(now));
            let seconds = wait(&throttle, &attempt, now);
            waits.push(seconds);
            now += seconds;
            assert_eq!(wait(&throttle, &attempt, now), 0);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        now += FAILURES_FORGOTTEN.as_secs();
        throttle.failed(&attempt, at(now));
        assert_eq!(wait(&throttle, &attempt, now), 0, "what was yesterday is forgotten");
    }

    /// Anyone who knew a user's name could have them locked out, by failing to log in as them again and again.
    #[test]
    fn nobody_is_locked_out_from_where_they_log_in() {
        let throttle = Throttle::default();
        let (home, elsewhere, stranger) = (from("192.0.2.1"), from("198.51.100.1"), from("203.0.113.1"));
        throttle.succeeded(&messi(), &home);
        fail(&throttle, 20, &stranger);
        assert_eq!(wait(&throttle, &home, 0), 0);
        assert_eq!(wait(&throttle, &elsewhere, 0), 900, "that could be the next one's address");
        throttle.succeeded(&messi(), &home);
        assert_eq!(wait(&throttle, &elsewhere, 0), 900, "that is no help to the stranger");

        fail(&throttle, 6, &home);
        assert_eq!(wait(&throttle, &home, 0), 2);
        assert_eq!(wait(&throttle, &Attempt { user: None, ..from("192.0.2.1") }, 0), 0, "for that pair alone");
        throttle.succeeded(&messi(), &home);
        assert_eq!(wait(&throttle, &home, 0), 0);

        // All who come through a proxy, and all within the process, come from one place.
        for place in [from("127.0.0.1"), Attempt::new(Some(messi()), None)] {
            throttle.clear("messi");
            fail(&throttle, 6, &place);
            assert_eq!(wait(&throttle, &place, 0), 2);
            throttle.succeeded(&messi(), &place);
            fail(&throttle, 20, &stranger);
            assert_eq!(wait(&throttle, &place, 0), 0);
        }
    }

    /// A new password was refused, too, for up to 15 minutes.
    #[test]
    fn a_new_password_clears_the_users_failures() {
        let throttle = Throttle::default();
        let (home, elsewhere, stranger) = (from("192.0.2.1"), from("198.51.100.1"), from("203.0.113.1"));
        throttle.succeeded(&messi(), &home);
        [&home, &elsewhere, &stranger].iter().for_each(|place| fail(&throttle, 20, place));
        let lineker = Attempt { user: Some(UserName::parse("lineker").unwrap()), ..from("203.0.113.1") };
        fail(&throttle, 1, &lineker);
        throttle.clear("messi");
        assert_eq!(wait(&throttle, &home, 0), 0);
        assert_eq!(wait(&throttle, &elsewhere, 0), 0, "they may be there");
        assert_eq!(wait(&throttle, &stranger, 0), 900, "one who tries several users has to wait all the same");
        let table = throttle.table();
        assert_eq!(table.failures.len(), table.by_last.len());
    }

    #[test]
    fn the_last_sixteen_addresses_are_known() {
        let throttle = Throttle::default();
        let place = |number: usize| from(&format!("192.0.2.{number}"));
        for number in (0..KNOWN_ADDRESSES).chain([0, KNOWN_ADDRESSES]) {
            throttle.succeeded(&messi(), &place(number));
        }
        fail(&throttle, 5, &from("203.0.113.1"));
        let known: Vec<_> =
            (0..KNOWN_ADDRESSES + 1).filter(|&number| wait(&throttle, &place(number), 0) == 0).collect();
        assert_eq!(known.len(), KNOWN_ADDRESSES);
        assert!(!known.contains(&1), "it was the least recent");
        throttle.remove("messi");
        fail(&throttle, 5, &from("203.0.113.1"));
        assert_eq!(wait(&throttle, &place(0), 0), 1, "another user of that name");
    }

    #[test]
    fn what_counts_as_one_address() {
        let culprit = |address| Attempt { user: None, ..from(address) }.address();
        assert_eq!(culprit("127.0.0.1"), None);
        assert_eq!(culprit("::1"), None);
        assert_eq!(culprit("::ffff:127.0.0.1"), None);
        assert_eq!(culprit("192.0.2.1"), culprit("::ffff:192.0.2.1"));
        assert_ne!(culprit("192.0.2.1"), culprit("192.0.2.2"));
        assert_eq!(culprit("2001:db8::1"), culprit("2001:db8::ffff:0:0:1"));
        assert_ne!(culprit("2001:db8::1"), culprit("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..u32::try_from(FAILURES_REMEMBERED).unwrap() + 10 {
            let attempt = Attempt { user: None, from: Some(IpAddr::V4(number.wrapping_add(1 << 24).into())) };
            throttle.failed(&attempt, at(number.into()));
        }
        let table = throttle.table();
        assert_eq!((table.failures.len(), table.by_last.len()), (FAILURES_REMEMBERED, FAILURES_REMEMBERED));
        assert!(!table.failures.contains_key(&Culprit::Address(IpAddr::V4((9 + (1 << 24)).into()))));
    }
}
