//! What counts as one source of connections and failed logins.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::limits::Limits;

/// The address that a peer's failures and connections count for: its own, or its network's.
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        // Whoever has an IPv6 address has 2⁶⁴ of them.
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

/// Whether the limits for one peer apply to it: those for an address, for a user and for the rate of requests.
pub(crate) fn is_limited(peer: SocketAddr, limits: &Limits) -> bool {
    limits.limit_loopback || !peer.ip().to_canonical().is_loopback()
}
