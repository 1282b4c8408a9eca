//! Accepts connections on all listeners and hands them out to the reactors.
//!
//! It runs within the first reactor, in whose poll the listeners are.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use tracing::{debug, info, warn};

use super::admission::Admission;
use super::handoff::{Accepted, Handoff, ReactorHandle};
use super::listen::Listening;
use super::proxy::Network;
use crate::engine::{Chat, next_connection};
use crate::error::Error;
use crate::limits::{ACCEPT_RETRY, ACCEPTS_PER_ROUND, KEEPALIVE};

pub(super) struct Acceptor {
    chat: Chat,
    admission: Arc<Admission>,
    proxies: Vec<Network>,
    listeners: Vec<Listening>,
    reactors: Vec<ReactorHandle>,
    /// How many connections were accepted: the reactors get them in turn.
    accepted: usize,
    /// More connections may wait, although no event will say so.
    has_more: bool,
    /// Set while the system has no descriptor or memory for another connection: when to try again.
    retry: Option<Instant>,
    /// The process that listens.
    process: u32,
}

impl Acceptor {
    pub(super) fn new(
        chat: Chat,
        proxies: Vec<Network>,
        mut listeners: Vec<Listening>,
        reactors: Vec<ReactorHandle>,
        registry: &Registry,
    ) -> Result<Self, Error> {
        for (token, listener) in (FIRST_LISTENER..).zip(&mut listeners) {
            registry.register(&mut listener.socket, Token(token), Interest::READABLE)?;
        }
        let admission = Arc::new(Admission::new(chat.counters().server.refused_connections.clone()));
        Ok(Self {
            chat,
            admission,
            proxies,
            listeners,
            reactors,
            accepted: 0,
            has_more: false,
            retry: None,
            process: std::process::id(),
        })
    }

    /// When to try again; `None` if the next event will do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retry
    }

    /// Whether connections wait that no event will tell of.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    pub(super) fn accept_if_due(&mut self, now: Instant) {
        if self.has_more || self.retry.is_some_and(|retry| retry <= now) {
            self.accept();
        }
    }

    /// Accepts the connections that wait, on every listener, but no more than have their turn.
    pub(super) fn accept(&mut self) {
        let starved = self.retry.take().is_some();
        self.has_more = false;
        for place in 0..self.listeners.len() {
            if let Err(problem) = self.accept_from(place) {
                if !starved {
                    warn!(%problem, "cannot accept connections; they wait until it works again");
                }
                self.retry = Some(Instant::now() + ACCEPT_RETRY);
                return;
            }
        }
        if starved {
            info!("accepting connections again");
        }
    }

    fn accept_from(&mut self, place: usize) -> io::Result<()> {
        let Some(listener) = self.listeners.get(place) else { return Ok(()) };
        for _ in 0..ACCEPTS_PER_ROUND {
            match listener.socket.accept() {
                Ok((stream, address)) => {
                    // IPv4 looks like IPv6 where the listener takes both.
                    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                    let limits = self.chat.limits();
                    let is_proxied = self.proxies.iter().any(|network| network.contains(address.ip()));
                    let admitted = self.admission.admit(limits).and_then(|mut ticket| {
                        if !is_proxied {
                            ticket.set_source(address, limits)?;
                        }
                        Ok(ticket)
                    });
                    // Closing is all that it gets.
                    let Ok(ticket) = admitted else { continue };
                    let reactor = self.reactors.get(self.accepted % self.reactors.len());
                    self.accepted = self.accepted.wrapping_add(1);
                    let number = next_connection();
                    let outcome = listener.transport.accept(limits).and_then(|transport| {
                        let is_web = listener.transport.is_web();
                        let accepted = Accepted { stream, number, address, transport, is_web, ticket, is_proxied };
                        reactor.map_or(Ok(()), |reactor| hand_over(accepted, reactor))
                    });
                    if let Err(problem) = outcome {
                        debug!(conn = number, peer = %address, %problem, "lost before it was served");
                    }
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(problem) if matches!(problem.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(problem) => return Err(problem),
            }
        }
        self.has_more = true;
        Ok(())
    }
}

impl Drop for Acceptor {
    /// Closing would not do: a fork may hold a copy of the descriptor, and peers would connect and wait. But a fork that
    /// drops its copy of this must not stop the process that listens.
    fn drop(&mut self) {
        let own = self.listeners.iter().filter(|listener| !listener.inherited);
        for listener in own.filter(|_| std::process::id() == self.process) {
            if let Err(problem) = SockRef::from(&listener.socket).shutdown(Shutdown::Both) {
                debug!(%problem, "a listener was not shut down");
            }
        }
    }
}

fn hand_over(accepted: Accepted, reactor: &ReactorHandle) -> io::Result<()> {
    accepted.stream.set_nodelay(true)?;
    SockRef::from(&accepted.stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    reactor.hand_over(Handoff::Connection(accepted))
}

/// Tokens from here on are listeners', those below are peers'.
pub(super) const FIRST_LISTENER: usize = usize::MAX / 2;
