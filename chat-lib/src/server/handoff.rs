//! How other threads reach a reactor: a channel, a list of peers who have events, and a waker for the poll that the reactor waits in.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use mio::Waker;
use mio::net::TcpStream;

use super::admission::Ticket;
use super::relay::ServerId;
use super::transport::Transport;
use crate::engine::FinishedJob;

/// What another thread hands to a reactor.
pub(super) enum Handoff {
    /// A connection to serve from now on.
    Connection(Accepted),
    /// A job that was run, for the peer that it came from.
    Finished(PeerId, FinishedJob),
    /// A packet that another server has sent.
    Packet(ServerId, Box<[u8]>),
    /// Who is the owner from now on.
    Owner(Option<ServerId>),
    /// A question whether the reactor is at work, which it answers.
    Ping(Sender<()>),
}

/// A connection that a listener accepted, with the transport that is spoken there.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    /// Names the connection in the log.
    pub(super) number: u64,
    pub(super) address: SocketAddr,
    pub(super) transport: Box<dyn Transport>,
    /// The transport is for browsers, who send nothing but JSON.
    pub(super) is_web: bool,
    pub(super) ticket: Ticket,
    /// It comes from a proxy, which says first whom it is from.
    pub(super) is_proxied: bool,
}

/// Names one peer of a reactor for ever, though its slot may come to be another's.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct PeerId {
    pub(super) slot: usize,
    /// The connection's number.
    pub(super) serial: u64,
}

/// The way to one reactor.
#[derive(Clone, Debug)]
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

    pub(super) fn wake(&self) -> io::Result<()> {
        self.waker.wake()
    }
}

/// The peers of a reactor for whom events have come. Most come from the reactor itself, so that it need not be woken.
pub(super) struct Woken {
    peers: Mutex<Vec<PeerId>>,
    /// The reactor waits in its poll, or is about to.
    waiting: AtomicBool,
    waker: Arc<Waker>,
}

impl Woken {
    pub(super) fn new(waker: Arc<Waker>) -> Self {
        Self { peers: Mutex::default(), waiting: AtomicBool::new(false), waker }
    }

    /// Takes note that the reactor is going to wait. `false` if it must not, because a peer has events already.
    pub(super) fn begin_wait(&self) -> bool {
        self.waiting.store(true, Ordering::SeqCst);
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn end_wait(&self) {
        self.waiting.store(false, Ordering::SeqCst);
    }

    /// Takes out all peers.
    pub(super) fn take(&self) -> Vec<PeerId> {
        std::mem::take(&mut *self.peers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts those back that were taken out, and have to wait.
    pub(super) fn put_back(&self, peers: impl Iterator<Item = PeerId>) {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).splice(0..0, peers);
    }

    fn push(&self, peer: PeerId) {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).push(peer);
        if self.waiting.swap(false, Ordering::SeqCst)
            && let Err(problem) = self.waker.wake()
        {
            tracing::error!(%problem, "a reactor could not be woken");
        }
    }
}

/// Has a peer's reactor deliver events to it.
pub(super) struct PeerWaker {
    pub(super) peer: PeerId,
    pub(super) woken: Arc<Woken>,
}

impl Wake for PeerWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.push(self.peer);
    }
}
