//! Threads that check passwords beside the reactors, which would otherwise serve nobody for tens of milliseconds. A bounded
//! queue leads there; the outcome comes back as a [`Handoff`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::handoff::{Handoff, PeerId, ReactorHandle};
use crate::engine::Credentials;
use crate::limits::LOGINS_WAITING;

/// Where reactors leave passwords to be checked.
#[derive(Clone)]
pub(super) struct PasswordQueue {
    sender: SyncSender<Waiting>,
}

impl PasswordQueue {
    /// A queue, and the other end of it for the threads that check.
    pub(super) fn new() -> (Self, Hashers) {
        let (sender, receiver) = sync_channel(LOGINS_WAITING);
        let hashers = Hashers { receiver: Arc::new(Mutex::new(receiver)), over: Arc::new(AtomicBool::new(false)) };
        (Self { sender }, hashers)
    }

    /// Returns the credentials if too many wait already.
    pub(super) fn push(
        &self,
        credentials: Credentials,
        peer: PeerId,
        reactor: &ReactorHandle,
    ) -> Result<(), Credentials> {
        let waiting = Waiting { credentials, peer, reactor: reactor.clone() };
        self.sender.try_send(waiting).map_err(|problem| match problem {
            TrySendError::Full(waiting) | TrySendError::Disconnected(waiting) => waiting.credentials,
        })
    }
}

/// Checks passwords, beside the reactors.
#[derive(Clone)]
pub(super) struct Hashers {
    receiver: Arc<Mutex<Receiver<Waiting>>>,
    over: Arc<AtomicBool>,
}

impl Hashers {
    /// Works until [`finish`](Self::finish), or until no reactor is left.
    pub(super) fn run(&self) {
        while let Some(Waiting { credentials, peer, reactor }) = self.next() {
            if let Err(problem) = reactor.hand_over(Handoff::Checked(peer, credentials.check())) {
                tracing::error!(%problem, "a reactor could not be woken");
            }
        }
    }

    /// Ends all threads, each after the password that it is checking.
    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn next(&self) -> Option<Waiting> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.recv().ok().filter(|_| !self.over.load(Ordering::Acquire))
    }
}

struct Waiting {
    credentials: Credentials,
    peer: PeerId,
    reactor: ReactorHandle,
}
