//! Accepts connections on all listeners and hands them out to the reactors.
//!
//! It runs within the first reactor, in whose poll the listeners are.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::time::Instant;

use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use tracing::{debug, info, warn};

use super::handoff::{Accepted, Handoff, ReactorHandle};
use super::listen::Listening;
use crate::engine::next_connection;
use crate::error::Error;
use crate::limits::{ACCEPT_RETRY, KEEPALIVE};

pub(super) struct Acceptor {
    listeners: Vec<Listening>,
    reactors: Vec<ReactorHandle>,
    /// How many connections were accepted: the reactors get them in turn.
    accepted: usize,
    /// Set while the system has no descriptor or memory for another connection: when to try again.
    retry: Option<Instant>,
    /// The process that listens.
    process: u32,
}

impl Acceptor {
    pub(super) fn new(
        mut listeners: Vec<Listening>,
        reactors: Vec<ReactorHandle>,
        registry: &Registry,
    ) -> Result<Self, Error> {
        for (token, listener) in (FIRST_LISTENER..).zip(&mut listeners) {
            registry.register(&mut listener.socket, Token(token), Interest::READABLE)?;
        }
        Ok(Self { listeners, reactors, accepted: 0, retry: None, process: std::process::id() })
    }

    /// When to try again; `None` if the next event will do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retry
    }

    pub(super) fn accept_if_due(&mut self) {
        if self.retry.is_some_and(|retry| retry <= Instant::now()) {
            self.accept();
        }
    }

    /// Accepts all connections that wait, on every listener.
    pub(super) fn accept(&mut self) {
        let starved = self.retry.take().is_some();
        for listener in &self.listeners {
            loop {
                match listener.socket.accept() {
                    Ok((stream, address)) => {
                        let reactor = self.reactors.get(self.accepted % self.reactors.len());
                        self.accepted = self.accepted.wrapping_add(1);
                        let number = next_connection();
                        let outcome = listener.transport.accept().and_then(|transport| {
                            let accepted = Accepted { stream, number, address, transport };
                            reactor.map_or(Ok(()), |reactor| hand_over(accepted, reactor))
                        });
                        if let Err(problem) = outcome {
                            debug!(conn = number, peer = %address, %problem, "lost before it was served");
                        }
                    }
                    Err(problem) if problem.kind() == ErrorKind::WouldBlock => break,
                    Err(problem) if matches!(problem.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {
                    }
                    Err(problem) => {
                        if !starved {
                            warn!(%problem, "cannot accept connections; they wait until it works again");
                        }
                        self.retry = Some(Instant::now() + ACCEPT_RETRY);
                        return;
                    }
                }
            }
        }
        if starved {
            info!("accepting connections again");
        }
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
