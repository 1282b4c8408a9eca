//! What a reactor does with its peers: from the first event to the last, by their slots.

use std::time::Instant;

use mio::Token;
use tracing::{error, info};

use super::Reactor;
use crate::engine::CheckedCredentials;
use crate::error::Error;
use crate::server::disconnect::Disconnect;
use crate::server::handoff::{Accepted, PeerId};
use crate::server::peer::{Next, Peer};

impl Reactor {
    /// Serves a connection from now on.
    pub(super) fn add(&mut self, accepted: Accepted) {
        info!(peer = %accepted.address, "connection");
        let entry = self.peers.vacant_entry();
        let slot = entry.key();
        let peer = entry.insert(Peer::new(self.chat.clone(), accepted, self.next_serial));
        self.next_serial += 1;
        if let Err(problem) = peer.socket.register(self.poll.registry(), Token(slot)) {
            self.close(slot, &Disconnect::Failed(problem));
        }
    }

    /// Gives a peer its turn.
    pub(super) fn serve(&mut self, slot: usize) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let id = PeerId { slot, serial: peer.serial };
        let next = loop {
            match peer.serve(&mut self.buffers) {
                Next::Check(credentials) => {
                    if let Err(credentials) = self.passwords.push(credentials, id, &self.handle) {
                        peer.password_checked(credentials.turn_away());
                    }
                }
                next => break next,
            }
        };
        match &mut self.uncommitted {
            Some(uncommitted) => uncommitted.push((id, next)),
            None => self.settle(id, next, Ok(())),
        }
    }

    /// Returns a checked password to its peer, if that still is there.
    pub(super) fn password_checked(&mut self, PeerId { slot, serial }: PeerId, checked: CheckedCredentials) {
        // Its slot may be another's by now.
        if let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) {
            peer.password_checked(checked);
            self.enqueue(slot);
        }
    }

    /// Sends a peer's answers, or refusals if the commit failed, and does what its turn has come to.
    pub(super) fn settle(&mut self, id: PeerId, next: Next, commit: Result<(), Error>) {
        let PeerId { slot, serial } = id;
        let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) else { return };
        let next = peer.settle(next, commit, &mut self.buffers);
        let due = peer.due(self.chat.limits());
        self.alarms.set(slot, &mut peer.alarm, due);
        match next {
            Next::Close(reason) => self.close(slot, &reason),
            Next::Again => self.enqueue(slot),
            _ => {}
        }
    }

    /// Closes the peers that have used up their time.
    pub(super) fn close_late(&mut self) {
        let Some(now) = self.alarms.next().map(|_| Instant::now()) else { return };
        while let Some(slot) = self.alarms.pop(now) {
            let Some(peer) = self.peers.get_mut(slot) else { continue };
            peer.alarm = None;
            match peer.due(self.chat.limits()) {
                Some(due) if due <= now => {
                    let reason = peer.timeout_reason();
                    self.close(slot, &reason);
                }
                due => self.alarms.set(slot, &mut peer.alarm, due),
            }
        }
    }

    /// Closes the peers that did not take their answers before the server's time was over.
    pub(super) fn close_all(&mut self) {
        self.peers.drain().for_each(|peer| abandon(peer, &Disconnect::AnswerTimeout));
    }

    fn close(&mut self, slot: usize, reason: &Disconnect) {
        let Some(mut peer) = self.peers.try_remove(slot) else { return };
        self.alarms.clear(slot, &mut peer.alarm);
        abandon(peer, reason);
    }

    /// Gives a peer another turn in this round or the next.
    fn enqueue(&mut self, slot: usize) {
        if let Some(peer) = self.peers.get_mut(slot).filter(|peer| !peer.queued) {
            peer.queued = true;
            self.queue.push(slot);
        }
    }
}

/// Ends a peer's connection, and makes messages unread again that it asked for and did not get.
fn abandon(mut peer: Peer, reason: &Disconnect) {
    info!(peer = %peer.address, why = %reason, "disconnection");
    if let Err(problem) = peer.abandon() {
        let reason: &dyn std::error::Error = &problem;
        error!(peer = %peer.address, reason, "an inbox that could not be sent could not be put back");
    }
}
