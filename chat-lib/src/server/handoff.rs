//! How other threads reach a reactor: a channel, and a waker for the poll that the reactor waits in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;
use mio::net::TcpStream;

use super::transport::Transport;
use crate::engine::FinishedJob;

/// What another thread hands to a reactor.
pub(super) enum Handoff {
    /// A connection to serve from now on.
    Connection(Accepted),
    /// A job that was run, for the peer that it came from.
    Finished(PeerId, FinishedJob),
}

/// A connection that a listener accepted, with the transport that is spoken there.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) transport: Box<dyn Transport>,
}

/// Names one peer of a reactor for ever, though its slot may come to be another's.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct PeerId {
    pub(super) slot: usize,
    pub(super) serial: u64,
}

/// The way to one reactor.
#[derive(Clone)]
pub(super) struct ReactorHandle {
    sender: Sender<Handoff>,
    waker: Arc<Waker>,
}

impl ReactorHandle {
    pub(super) fn new(sender: Sender<Handoff>, waker: Arc<Waker>) -> Self {
        Self { sender, waker }
    }

    pub(super) fn hand_over(&self, handoff: Handoff) -> io::Result<()> {
        // A reactor that is gone takes nothing, and the whole server is stopping.
        if self.sender.send(handoff).is_ok() {
            self.waker.wake()?;
        }
        Ok(())
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }
}
