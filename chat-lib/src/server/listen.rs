//! Listening sockets for addresses that may be the same, overlap, or come from one name.
//!
//! Overlapping addresses are only resolved among listeners of one transport; of two transports on one address, the system
//! refuses the second.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::warn;

use super::builder::Listener;
use super::transport::TransportKind;
use crate::error::Error;
use crate::limits::{LISTEN_BACKLOG, LISTEN_TRIES};

/// A socket that listens, and the transport of the connections it accepts.
pub(super) struct Listening {
    pub(super) socket: TcpListener,
    pub(super) transport: TransportKind,
    /// It was opened elsewhere, and others go on listening on it.
    pub(super) inherited: bool,
}

/// Opens all of `listeners`. An address that another one with the same transport includes is left out, and so is one of a
/// kind that this machine does not have, as long as there are others. Port 0 takes a free port, the same for all of a
/// transport.
pub(super) fn listen(listeners: &[Listener]) -> Result<Vec<Listening>, Error> {
    let mut listening: Vec<Listening> = Vec::new();
    let (inherited, opened): (Vec<&Listener>, Vec<&Listener>) =
        listeners.iter().partition(|listener| listener.socket.is_some());
    for Listener { transport, .. } in &opened {
        if listening.iter().any(|other| other.transport == *transport) {
            continue;
        }
        let same = opened.iter().filter(|listener| listener.transport == *transport);
        let addresses: Vec<SocketAddr> = same.map(|listener| listener.address).collect();
        let sockets = listen_on(&addresses)?.into_iter();
        listening.extend(sockets.map(|socket| Listening { socket, transport: transport.clone(), inherited: false }));
    }
    for Listener { socket, transport, .. } in inherited {
        let Some(socket) = socket else { continue };
        let socket = socket.try_clone()?;
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket);
        listening.push(Listening { socket, transport: transport.clone(), inherited: true });
    }
    Ok(listening)
}

fn listen_on(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Error> {
    // An IPv4 address may be written as one of IPv6, such as ::ffff:127.0.0.1.
    let canonical = |address: &SocketAddr| match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => *address,
    };
    let all: Vec<SocketAddr> = addresses.iter().map(canonical).collect();
    let mut seen = BTreeSet::new();
    let mut addresses = all.clone();
    addresses.retain(|address| !is_included(*address, &all) && seen.insert(*address));
    for _ in 1..LISTEN_TRIES {
        match listen_once(&addresses) {
            // The port that was free for the first address is another program's for the next one.
            Err(Error::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse && has_free_port(&addresses) => {
            }
            outcome => return outcome,
        }
    }
    listen_once(&addresses)
}

fn listen_once(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Error> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut failure = None;
    let mut free_port = 0;
    for &asked in addresses {
        let mut address = asked;
        if address.port() == 0 {
            address.set_port(free_port);
        }
        match bind(address, addresses.iter().any(|other| other.is_ipv4() && other.port() == asked.port())) {
            Ok(listener) => {
                if asked.port() == 0 {
                    free_port = listener.local_addr()?.port();
                }
                listeners.push(listener);
            }
            Err(source) if is_missing_here(address, &source) => {
                warn!(%address, problem = %source, "this machine has no such address; it is left out");
                failure.get_or_insert(Error::Listen { address, source });
            }
            Err(source) => return Err(Error::Listen { address, source }),
        }
    }
    match failure {
        Some(failure) if listeners.is_empty() => Err(failure),
        _ => Ok(listeners),
    }
}

/// `apart` is whether an IPv6 socket must leave IPv4 to others.
fn bind(address: SocketAddr, apart: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(apart || address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Whether another address is that of all interfaces, this one's among them.
fn is_included(address: SocketAddr, addresses: &[SocketAddr]) -> bool {
    let all = |other: &SocketAddr| other.ip().is_unspecified() && other.is_ipv4() == address.is_ipv4();
    !address.ip().is_unspecified() && addresses.iter().any(|other| all(other) && other.port() == address.port())
}

/// A name such as `localhost` may have an IPv6 address on a machine without IPv6.
fn is_missing_here(address: SocketAddr, problem: &io::Error) -> bool {
    let unsupported = problem.kind() == ErrorKind::Unsupported || problem.raw_os_error() == Some(EAFNOSUPPORT);
    unsupported || address.ip().is_loopback() && problem.kind() == ErrorKind::AddrNotAvailable
}

fn has_free_port(addresses: &[SocketAddr]) -> bool {
    addresses.iter().filter(|address| address.port() == 0).count() > 1
}

/// "Address family not supported by protocol", for which std has no kind.
const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
