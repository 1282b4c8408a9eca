//! Where events come from: the addresses of one server, or of several, and how long each may take.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::address::ServerAddress;
use crate::client::addresses::ServerAddresses;
use crate::client::failover::{connect_patience, failover_delay, random_below};
use crate::client::options::{ClientOptions, LONGEST_PATIENCE};
use crate::error::Error;
use crate::limits::{
    CLIENT_PING_INTERVAL, FAILOVER_PING_INTERVAL, FAILOVER_PING_PATIENCE, RECONNECT_DELAY, RECONNECT_DELAY_MAX,
};

/// The IP addresses of all servers. Names are not looked up again, which could take long.
pub(super) struct Places {
    all: Vec<(ServerAddress, SocketAddr)>,
    at: usize,
    /// How many servers there are.
    servers: u32,
    patience: Duration,
    /// How often the connection was lost since it last had a subscription.
    losses: u32,
}

impl Places {
    /// Looks up the names. Of several servers, one whose name is not found may be away.
    pub(super) fn look_up(addresses: &ServerAddresses, options: &ClientOptions) -> Result<Self, Error> {
        let is_single = addresses.single().is_some();
        let patience = if is_single { options.patience_with_one() } else { options.patience_with_several() };
        let (mut all, mut outcome) = (Vec::new(), Ok(()));
        for address in addresses.iter() {
            match address.resolve() {
                Ok(found) => all.extend(found.into_iter().map(|place| (address.clone(), place))),
                Err(error) => outcome = Err(error),
            }
        }
        if all.is_empty() {
            outcome?;
        }
        let at = if is_single { 0 } else { random_below(all.len()) };
        let servers = u32::try_from(addresses.iter().count()).unwrap_or(u32::MAX);
        Ok(Self { all, at, servers, patience: patience.min(LONGEST_PATIENCE), losses: 0 })
    }

    pub(super) fn current(&self) -> Option<&(ServerAddress, SocketAddr)> {
        self.all.get(self.at.checked_rem(self.all.len())?)
    }

    /// The connection was lost, or could not be made: tells how long to wait before the next place is tried.
    pub(super) fn move_on(&mut self) -> Duration {
        let delay = match self.has_several() {
            true => failover_delay(self.losses),
            false => {
                let factor = 1_u32.checked_shl(self.losses).unwrap_or(u32::MAX);
                RECONNECT_DELAY.saturating_mul(factor).min(RECONNECT_DELAY_MAX)
            }
        };
        // Not all clients of a server that is gone go to the same one.
        let is_first = self.losses == 0 && self.has_several();
        let skipped = if is_first { random_below(self.all.len().saturating_sub(1)) } else { 0 };
        self.at = self.at.wrapping_add(1 + skipped);
        self.losses = self.losses.saturating_add(1);
        delay
    }

    /// There is a subscription. Tells whether the connection was lost before.
    pub(super) fn have_subscribed(&mut self) -> bool {
        std::mem::take(&mut self.losses) > 0
    }

    pub(super) fn has_several(&self) -> bool {
        self.servers > 1
    }

    /// How long it may take, with one server, until there are events; and with several, how long they are tried.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// How long connecting and the first answer may take.
    pub(super) fn connect_patience(&self) -> Duration {
        match self.losses / self.servers {
            _ if !self.has_several() => self.patience,
            // Each has its turn in time.
            0 => connect_patience(0, self.patience / self.servers),
            rounds => connect_patience(rounds, self.patience),
        }
    }

    pub(super) fn ping_interval(&self) -> Duration {
        if self.has_several() { FAILOVER_PING_INTERVAL } else { CLIENT_PING_INTERVAL }
    }

    pub(super) fn ping_patience(&self) -> Duration {
        if self.has_several() { FAILOVER_PING_PATIENCE.min(self.patience) } else { self.patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FAILOVER_DELAY_MAX;

    fn delays(addresses: &str) -> Vec<Duration> {
        let mut places = Places::look_up(&addresses.parse().unwrap(), &ClientOptions::new()).unwrap();
        (0..40).map(|_| places.move_on()).collect()
    }

    #[test]
    fn delays_grow_and_are_bounded() {
        let delays = delays("127.0.0.1:1");
        assert_eq!(delays[..3], [1, 2, 4].map(|factor| RECONNECT_DELAY * factor));
        assert!(delays.is_sorted());
        assert_eq!(delays[39], RECONNECT_DELAY_MAX);
    }

    #[test]
    fn delays_between_several_servers_are_short_and_random() {
        let delays = delays("127.0.0.1:1,127.0.0.1:2");
        for (delay, longest) in delays.iter().zip([1, 2, 4, 8].map(|factor| RECONNECT_DELAY * factor)) {
            assert!(longest / 2 <= *delay && *delay < longest, "{delay:?}");
        }
        assert!(delays[10..].iter().all(|delay| FAILOVER_DELAY_MAX / 2 <= *delay && *delay < FAILOVER_DELAY_MAX));
        assert!(!delays[10..].iter().all(|delay| *delay == delays[10]));
    }

    /// A server that is stopped takes connections and says nothing.
    #[test]
    fn every_server_has_its_turn() {
        let options = ClientOptions::new();
        let mut places = Places::look_up(&"127.0.0.1:1,127.0.0.1:2,127.0.0.1:3".parse().unwrap(), &options).unwrap();
        let port = |places: &Places| places.current().unwrap().1.port();
        places.move_on();
        let mut tried: Vec<_> = (0..3).map(|_| (port(&places), places.move_on()).0).collect();
        tried.sort_unstable();
        assert_eq!(tried, [1, 2, 3]);
        assert!(places.connect_patience() > FAILOVER_PING_PATIENCE, "all of them may have much to do");
        assert!(places.have_subscribed() && !places.have_subscribed());
    }
}
