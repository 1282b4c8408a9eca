use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use tracing::{debug, info, warn};

use super::handoff::{Handoff, ReactorHandle};
use crate::error::Error;
use crate::limits::{ACCEPT_RETRY, KEEPALIVE};

/// Accepts on all listeners and deals the connections out to the reactors in turn.
pub(super) struct Acceptor {
    listeners: Vec<TcpListener>,
    reactors: Vec<ReactorHandle>,
    turn: usize,
    /// Set while the system has no descriptor or memory for another connection.
    retry: Option<Instant>,
    /// The process that listens.
    process: u32,
}

impl Acceptor {
    pub(super) fn new(
        mut listeners: Vec<TcpListener>,
        reactors: Vec<ReactorHandle>,
        registry: &Registry,
    ) -> Result<Self, Error> {
        for (token, listener) in (FIRST_LISTENER..).zip(&mut listeners) {
            registry.register(listener, Token(token), Interest::READABLE)?;
        }
        Ok(Self { listeners, reactors, turn: 0, retry: None, process: std::process::id() })
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

    /// Accepts all that wait, on every listener.
    pub(super) fn accept(&mut self) {
        let starved = self.retry.take().is_some();
        for listener in &self.listeners {
            loop {
                match listener.accept() {
                    Ok((stream, address)) => {
                        let reactor = self.reactors.get(self.turn % self.reactors.len());
                        self.turn = self.turn.wrapping_add(1);
                        let outcome = reactor.map_or(Ok(()), |reactor| deal(stream, address, reactor));
                        if let Err(problem) = outcome {
                            debug!(peer = %address, %problem, "lost before it was served");
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
        for listener in self.listeners.iter().filter(|_| std::process::id() == self.process) {
            if let Err(problem) = SockRef::from(listener).shutdown(Shutdown::Both) {
                debug!(%problem, "a listener was not shut down");
            }
        }
    }
}

fn deal(stream: TcpStream, address: SocketAddr, reactor: &ReactorHandle) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    reactor.hand_over(Handoff::Connection(stream, address))
}

/// Tokens from here on are listeners', those below are peers'.
pub(super) const FIRST_LISTENER: usize = usize::MAX / 2;
