use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{FAILURES_FORGOTTEN, FAILURES_REMEMBERED, LOGIN_DELAY, LOGIN_DELAY_MAX};
use crate::model::UserName;

/// Makes those wait who fail to log in again and again (`docs/protocol.md`, "Attempts").
#[derive(Default)]
pub(super) struct Throttle {
    table: Mutex<Table>,
}

/// Whose failures are counted together.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Culprit {
    User(UserName),
    Address(IpAddr),
}

impl Culprit {
    /// The address that a peer's failures count for; `None` for loopback, where everybody may come from
    /// who comes through a proxy. One who has an IPv6 address has 2⁶⁴ of them.
    pub(super) fn of_peer(peer: Option<SocketAddr>) -> Option<Self> {
        let address = peer?.ip().to_canonical();
        if address.is_loopback() {
            return None;
        }
        Some(Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        }))
    }
}

impl Throttle {
    /// Refuses an attempt as long as one of the culprits has to wait.
    pub(super) fn admit(&self, culprits: &[Culprit], free: u32, now: Timestamp) -> Result<(), Error> {
        let table = self.table();
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
    pub(super) fn failed(&self, culprits: &[Culprit], now: Timestamp) {
        let mut table = self.table();
        for culprit in culprits {
            table.failed(culprit, now);
        }
    }

    /// Forgets the failures of one who has succeeded.
    pub(super) fn succeeded(&self, culprit: &Culprit) {
        self.table().forget(culprit);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Table {
    failures: HashMap<Culprit, Failures>,
    by_last: BTreeSet<(Timestamp, Culprit)>,
}

struct Failures {
    count: u32,
    last: Timestamp,
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
    fn failed(&mut self, culprit: &Culprit, now: Timestamp) {
        let before = self.forget(culprit).filter(|before| now.since(before.last) < FAILURES_FORGOTTEN);
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        self.failures.insert(culprit.clone(), Failures { count, last: now });
        self.by_last.insert((now, culprit.clone()));
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

    fn culprit(address: &str) -> Option<Culprit> {
        Culprit::of_peer(Some(SocketAddr::new(address.parse().unwrap(), 1)))
    }

    #[test]
    fn delays_double_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let messi = [Culprit::User(UserName::parse("messi").unwrap())];
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..17 {
            throttle.failed(&messi, at(now));
            let wait = match throttle.admit(&messi, 5, at(now)) {
                Err(Error::TooManyAttempts { wait }) => wait.as_secs(),
                _ => 0,
            };
            waits.push(wait);
            now += wait;
            assert!(throttle.admit(&messi, 5, at(now)).is_ok());
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        throttle.failed(&messi, at(now));
        throttle.succeeded(&messi[0]);
        assert!(throttle.admit(&messi, 5, at(now)).is_ok());
        for _ in 0..5 {
            throttle.failed(&messi, at(now));
        }
        now += FAILURES_FORGOTTEN.as_secs();
        throttle.failed(&messi, at(now));
        assert!(throttle.admit(&messi, 5, at(now)).is_ok(), "five failures of yesterday are forgotten");
    }

    #[test]
    fn what_counts_as_one_address() {
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
            throttle.failed(&[Culprit::Address(IpAddr::V4(number.into()))], at(number.into()));
        }
        let table = throttle.table();
        assert_eq!((table.failures.len(), table.by_last.len()), (FAILURES_REMEMBERED, FAILURES_REMEMBERED));
        assert!(!table.failures.contains_key(&Culprit::Address(IpAddr::V4(9.into()))));
    }
}
