//! What a reactor does with its peers: from the first event to the last, by their slots.

use std::iter::once;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Token;
use tracing::{error, info};

use super::Reactor;
use crate::engine::{Chat, FinishedJob, Job, Turn};
use crate::server::disconnect::Disconnect;
use crate::server::handoff::{Accepted, PeerId, PeerWaker};
use crate::server::peer::{Next, Peer};
use crate::store::CommitError;

impl Reactor {
    /// Serves a connection from now on.
    pub(super) fn add(&mut self, accepted: Accepted) {
        info!(conn = accepted.number, peer = %accepted.address, "connection");
        let entry = self.peers.vacant_entry();
        let slot = entry.key();
        let peer = entry.insert(Box::new(Peer::new(self.chat.clone(), accepted, self.now)));
        if self.relaying.as_ref().is_some_and(|relaying| !relaying.is_owner()) {
            peer.leave_service(slot);
        }
        let due = peer.due_at_last(self.chat.limits(), self.now);
        self.alarms.set(slot, &mut peer.alarm, due);
        if let Err(problem) = peer.socket.register(self.poll.registry(), Token(slot)) {
            self.close(slot, &Disconnect::Failed(problem));
        }
    }

    /// Serves a peer, whose answers wait for the commit of the round.
    pub(super) fn serve(&mut self, slot: usize, turn: &mut Turn<'_>) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let next = peer.serve(turn, &mut self.buffers, self.now);
        self.uncommitted.push((PeerId { slot, serial: peer.serial }, next));
    }

    /// Has a job run, now that what came before it is committed.
    fn start_job(&mut self, id: PeerId, job: Job) {
        if let Err(job) = self.jobs.push(job, id, &self.handle) {
            self.job_finished(id, job.refuse_busy());
        }
    }

    /// Returns a job that was run to its peer, if that still is there.
    pub(super) fn job_finished(&mut self, PeerId { slot, serial }: PeerId, job: FinishedJob) {
        // Its slot may be another's by now.
        if let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) {
            peer.job_finished(job);
            self.enqueue(slot);
        }
    }

    /// Sends a peer's answers, or refusals if the commit failed, and does what its turn has come to.
    pub(super) fn finish_turn(&mut self, id: PeerId, next: Next, commit: &Result<(), CommitError>) {
        let PeerId { slot, serial } = id;
        let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) else { return };
        let next = peer.finish_turn(next, commit, &mut self.buffers);
        if peer.lacks_waker() {
            peer.set_waker(Arc::new(PeerWaker { peer: id, woken: Arc::clone(&self.woken) }));
            // An event may have come in between.
            self.enqueue(slot);
        }
        self.go_on(id, next);
    }

    /// Delivers the events that have come for peers; if `time` is given, only as long as that.
    pub(super) fn deliver_events(&mut self, time: Option<Duration>) {
        let mut woken = self.woken.take().into_iter();
        // Most rounds have no events, and reading the clock would show.
        let until = time.filter(|_| woken.len() > 0).and_then(|time| Instant::now().checked_add(time));
        let is_over = || until.is_some_and(|until| Instant::now() >= until);
        while let Some(id) = woken.next() {
            if woken.len().is_multiple_of(DELIVERIES_PER_LOOK) && is_over() {
                return self.woken.put_back(once(id).chain(woken));
            }
            let Some(peer) = self.peers.get_mut(id.slot).filter(|peer| peer.serial == id.serial) else { continue };
            let next = peer.deliver(&mut self.buffers);
            self.go_on(id, next);
        }
    }

    /// Does what a peer's turn has come to.
    fn go_on(&mut self, id: PeerId, next: Next) {
        let slot = id.slot;
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let due = peer.due(self.chat.limits(), self.now);
        self.alarms.set(slot, &mut peer.alarm, due);
        if let Some(relaying) = &mut self.relaying
            && relaying.turn_ended(slot, peer)
        {
            self.enqueue(slot);
        }
        match next {
            Next::Close(reason) => self.close(slot, &reason),
            Next::Again => self.enqueue(slot),
            Next::Run(job) => self.start_job(id, job),
            _ => {}
        }
    }

    /// Closes the peers that have used up their time.
    pub(super) fn close_late(&mut self) {
        while let Some(slot) = self.alarms.pop(self.now) {
            let Some(peer) = self.peers.get_mut(slot) else { continue };
            peer.alarm = None;
            let limits = self.chat.limits();
            if peer.retry_subscription() {
                self.enqueue(slot);
                continue;
            }
            let mut due = peer.due_at_last(limits, self.now);
            if due.is_some_and(|due| due <= self.now) {
                if !peer.tell_refusal() {
                    let reason = peer.timeout_reason();
                    peer.tell_reason(&reason);
                    self.close(slot, &reason);
                    continue;
                }
                due = peer.due_at_last(limits, self.now);
                self.enqueue(slot);
            }
            let Some(peer) = self.peers.get_mut(slot) else { continue };
            self.alarms.set(slot, &mut peer.alarm, due);
        }
    }

    /// Closes the peers that did not take their answers before the server's time was over.
    pub(super) fn close_all(&mut self) {
        let Self { peers, chat, .. } = self;
        peers.drain().for_each(|peer| abandon(*peer, &Disconnect::AnswerTimeout, chat));
    }

    pub(super) fn close(&mut self, slot: usize, reason: &Disconnect) {
        let Some(mut peer) = self.peers.try_remove(slot) else { return };
        self.alarms.clear(slot, &mut peer.alarm);
        if let Some(relaying) = &mut self.relaying {
            relaying.closed(&mut peer, reason, &mut self.buffers.standby);
        }
        if peer.is_handshaking() {
            self.chat.counters().server.failed_handshakes.inc();
        }
        abandon(*peer, reason, &self.chat);
    }

    /// Gives a peer a turn once all before it in the queue have had theirs.
    pub(super) fn enqueue(&mut self, slot: usize) {
        if let Some(peer) = self.peers.get_mut(slot).filter(|peer| !peer.queued) {
            peer.queued = true;
            self.queue.push_back(slot);
        }
    }
}

/// Looking at the clock for each would show.
const DELIVERIES_PER_LOOK: usize = 16;

/// Ends a peer's connection, and makes messages unread again that it asked for and did not get.
fn abandon(mut peer: Peer, reason: &Disconnect, chat: &Chat) {
    chat.counters().server.disconnected(reason.label());
    info!(conn = peer.serial, peer = peer.address(), why = reason.to_string(), "disconnection");
    if let Err(problem) = peer.abandon() {
        let reason: &dyn std::error::Error = &problem;
        error!(
            conn = peer.serial,
            peer = peer.address(),
            reason,
            "an inbox that could not be sent could not be put back"
        );
    }
}
