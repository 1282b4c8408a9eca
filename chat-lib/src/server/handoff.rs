use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;
use mio::net::TcpStream;

use crate::engine::CheckedCredentials;

/// What another thread hands to a reactor.
pub(super) enum Handoff {
    /// A connection that was accepted, to be served from now on.
    Connection(TcpStream, SocketAddr),
    /// A password that was checked, for the peer that it came from.
    Checked(PeerId, CheckedCredentials),
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
