//! How many connections a server has, in all and from each address, and which ones are refused. A refused connection is served
//! only until it has been told; beyond a number of those, connections are closed at once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use tracing::warn;

use crate::limits::{Limits, REFUSED_CONNECTIONS, REFUSED_CONNECTIONS_FEWEST};
use crate::source::{is_limited, source_of};

/// The counts of one server.
#[derive(Default)]
pub(super) struct Admission {
    /// How many were refused ever.
    refusals: Counter,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    served: usize,
    /// Those that are being told that they are refused.
    refused: usize,
    by_source: HashMap<IpAddr, usize>,
    /// The log says that there are too many connections.
    is_full: bool,
}

/// A connection's place among the others, until it is dropped.
pub(super) struct Ticket {
    admission: Arc<Admission>,
    is_refused: bool,
    source: Option<IpAddr>,
}

/// A connection that is to be closed without a word.
#[derive(Debug)]
pub(super) struct TurnedAway;

impl Admission {
    /// Nothing counted, but refusals by `refusals`.
    pub(super) fn new(refusals: Counter) -> Self {
        Self { refusals, counts: Mutex::default() }
    }

    /// Counts a connection that was accepted.
    pub(super) fn admit(self: &Arc<Self>, limits: &Limits) -> Result<Ticket, TurnedAway> {
        let mut counts = self.lock();
        let is_refused = counts.served >= limits.connections;
        if is_refused {
            self.refusals.inc();
            counts.add_refused(limits)?;
            if !std::mem::replace(&mut counts.is_full, true) {
                warn!(
                    connections = counts.served,
                    "there are as many connections as allowed; further ones are refused"
                );
            }
        } else {
            counts.served += 1;
            counts.is_full &= counts.served > limits.connections / 2;
        }
        Ok(Ticket { admission: Arc::clone(self), is_refused, source: None })
    }

    /// Counts a connection that another server has counted, and may have refused.
    pub(super) fn admit_remote(self: &Arc<Self>) -> Ticket {
        self.lock().served += 1;
        Ticket { admission: Arc::clone(self), is_refused: false, source: None }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add_refused(&mut self, limits: &Limits) -> Result<(), TurnedAway> {
        let most = (limits.connections / 4).clamp(REFUSED_CONNECTIONS_FEWEST, REFUSED_CONNECTIONS);
        if self.refused >= most {
            return Err(TurnedAway);
        }
        self.refused += 1;
        Ok(())
    }
}

impl Ticket {
    /// Counts the connection for the address that it comes from, once that is known.
    pub(super) fn set_source(&mut self, peer: SocketAddr, limits: &Limits) -> Result<(), TurnedAway> {
        if self.is_refused || !is_limited(peer, limits) {
            return Ok(());
        }
        let source = source_of(peer.ip());
        let mut counts = self.admission.lock();
        let count = counts.by_source.get(&source).copied().unwrap_or_default();
        if count < limits.connections_per_address {
            counts.by_source.insert(source, count + 1);
            self.source = Some(source);
        } else {
            self.admission.refusals.inc();
            counts.add_refused(limits)?;
            counts.served = counts.served.saturating_sub(1);
            self.is_refused = true;
        }
        Ok(())
    }

    /// Whether the connection is only to be told that there are too many.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        let count = if self.is_refused { &mut counts.refused } else { &mut counts.served };
        *count = count.saturating_sub(1);
        if let Some(source) = self.source
            && let Some(count) = counts.by_source.get_mut(&source)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { connections: 3, connections_per_address: 2, ..Limits::default() }
    }

    fn from(admission: &Arc<Admission>, address: &str, limits: &Limits) -> Ticket {
        let mut ticket = admission.admit(limits).unwrap();
        ticket.set_source(SocketAddr::new(address.parse().unwrap(), 1), limits).unwrap();
        ticket
    }

    #[test]
    fn places_are_counted_in_all_and_for_each_network() {
        let (admission, limits) = (Arc::<Admission>::default(), limits());
        let first = from(&admission, "2001:db8::1", &limits);
        let second = from(&admission, "2001:db8::2", &limits);
        assert!(!first.is_refused() && !second.is_refused());
        assert!(from(&admission, "2001:db8::3", &limits).is_refused(), "it is in the same network");
        let other = from(&admission, "192.0.2.1", &limits);
        assert!(!other.is_refused());
        assert!(from(&admission, "192.0.2.2", &limits).is_refused(), "that would be four");
        drop(first);
        assert!(!from(&admission, "::ffff:192.0.2.1", &limits).is_refused());
        drop((second, other));
        let counts = admission.lock();
        assert_eq!((counts.served, counts.refused, counts.by_source.len()), (0, 0, 0));
    }

    #[test]
    fn loopback_is_limited_only_if_that_is_wanted() {
        let (admission, limits) = (Arc::<Admission>::default(), limits());
        let tickets = ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(|address| from(&admission, address, &limits));
        assert!(tickets.iter().all(|ticket| !ticket.is_refused()));
        drop(tickets);
        let limits = Limits { limit_loopback: true, ..limits };
        let refused = [(); 3].map(|()| from(&admission, "127.0.0.1", &limits)).map(|ticket| ticket.is_refused());
        assert_eq!(refused, [false, false, true]);
    }

    #[test]
    fn so_many_are_refused_and_no_more() {
        for (connections, told) in [(0, 8), (100, 25), (10_000, 128)] {
            let (admission, limits) = (Arc::<Admission>::default(), Limits { connections, ..Limits::default() });
            let _served: Vec<_> = (0..connections).map(|_| admission.admit(&limits).unwrap()).collect();
            let mut refused: Vec<_> = (0..told).map(|_| admission.admit(&limits).unwrap()).collect();
            assert!(admission.admit(&limits).is_err());
            refused.pop();
            assert!(admission.admit(&limits).unwrap().is_refused());
            assert_eq!(admission.refusals.get(), told + 2);
        }
    }
}
