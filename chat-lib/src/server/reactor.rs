//! One thread of the server: it polls its peers' sockets and serves in rounds.
//!
//! All that a round's events bring is read, answered, committed together, and only then sent.

mod peers;
mod relaying;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use slab::Slab;

use self::relaying::{Relayed, Relaying};
use super::acceptor::{Acceptor, FIRST_LISTENER};
use super::alarms::Alarms;
use super::buffers::Buffers;
use super::handoff::{Handoff, PeerId, ReactorHandle, Woken};
use super::jobs::JobQueues;
use super::listen::Listening;
use super::peer::{Next, Peer};
use super::proxy::Network;
use crate::engine::{Chat, Turn};
use crate::error::Error;
use crate::limits::{COMMIT_DELAY, EVENTS_TIME, QUEUE_TIME, READ_BYTES};

/// One thread's share of the server: a poll and the peers it watches. The first reactor also accepts.
pub(super) struct Reactor {
    chat: Chat,
    stopping: Arc<AtomicBool>,
    poll: Poll,
    acceptor: Option<Acceptor>,
    handle: ReactorHandle,
    handoffs: Receiver<Handoff>,
    /// Peers for whom events have come.
    woken: Arc<Woken>,
    jobs: JobQueues,
    /// Each in a box: of a list of peers that grows, the system would keep a copy for a while.
    peers: Slab<Box<Peer>>,
    /// What time it was when the last events came: asking the clock for each peer would show.
    now: Instant,
    alarms: Alarms,
    /// When sessions are to be looked at, in case that nothing happens until then. Of the reactor that accepts.
    session_check: Option<Instant>,
    /// Peers whose turns may take long, the next one first: they had more to do than fitted into their last turn, a job of theirs is
    /// finished, or they shake hands.
    queue: VecDeque<usize>,
    /// The peers of this round, whose answers wait for its commit, and what to do with them then.
    uncommitted: Vec<(PeerId, Next)>,
    buffers: Buffers,
    /// What it has to do with other servers, if it has.
    relaying: Option<Box<Relaying>>,
    /// How long the queue is served before the others have their turn.
    queue_time: Duration,
    rounds: u32,
}

impl Reactor {
    pub(super) fn new(chat: Chat, stopping: Arc<AtomicBool>, jobs: JobQueues) -> Result<Self, Error> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, handoffs) = channel();
        Ok(Self {
            chat,
            stopping,
            poll,
            acceptor: None,
            woken: Arc::new(Woken::new(Arc::clone(&waker))),
            handle: ReactorHandle::new(sender, waker),
            handoffs,
            jobs,
            peers: Slab::new(),
            now: Instant::now(),
            alarms: Alarms::default(),
            session_check: None,
            queue: VecDeque::new(),
            uncommitted: Vec::new(),
            buffers: Buffers::default(),
            relaying: None,
            queue_time: QUEUE_TIME,
            rounds: 0,
        })
    }

    /// Makes this the reactor that accepts, for itself and all others.
    pub(super) fn listen(
        &mut self,
        proxies: Vec<Network>,
        listeners: Vec<Listening>,
        reactors: Vec<ReactorHandle>,
    ) -> Result<(), Error> {
        self.acceptor = Some(Acceptor::new(self.chat.clone(), proxies, listeners, reactors, self.poll.registry())?);
        self.session_check = Instant::now().checked_add(self.chat.session_check_interval());
        Ok(())
    }

    /// Where to hand things to this reactor.
    pub(super) fn handle(&self) -> ReactorHandle {
        self.handle.clone()
    }

    /// Serves until the server is told to stop, and then until all peers have their answers or no longer have time.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(1024);
        self.now = Instant::now();
        while !self.stopping() {
            self.round(&mut events, self.next_alarm())?;
            if let Some(acceptor) = &mut self.acceptor {
                acceptor.accept_if_due(self.now);
            }
            self.close_late();
            self.check_sessions_if_due();
        }
        self.stop(&mut events)
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Serves everyone for whom something has happened, or will have by `until`.
    fn round(&mut self, events: &mut Events, until: Option<Instant>) -> Result<(), Error> {
        self.wait(events, until.map(|until| until.saturating_duration_since(self.now)))?;
        self.now = Instant::now();
        self.take_relayed();
        let mut outcome = Ok(());
        self.in_one_commit(|reactor, turn| {
            reactor.serve_all(events, turn);
            // A commit that waits takes as long for many requests as for few, and nobody is served meanwhile: requests that
            // arrive just before it are taken along.
            let is_worth_it = reactor.chat.commit_waits() && !reactor.uncommitted.is_empty();
            let Some(began) = is_worth_it.then(Instant::now) else { return };
            while outcome.is_ok() && !events.is_empty() && began.elapsed() < COMMIT_DELAY {
                outcome = reactor.wait(events, Some(Duration::ZERO));
                reactor.serve_all(events, turn);
            }
        });
        self.deliver_events(None);
        self.send_relayed();
        outcome
    }

    fn serve_all(&mut self, events: &Events, turn: &mut Turn<'_>) {
        self.take_handoffs();
        self.serve_relayed(turn);
        let stopping = self.stopping();
        for event in events {
            // Checked for each event, since a round with many busy peers takes long.
            if self.stopping() != stopping {
                return;
            }
            self.handle_event(event, turn);
        }
        self.serve_queue(turn);
    }

    /// Serves those who wait in the queue, as long as there is time for it.
    fn serve_queue(&mut self, turn: &mut Turn<'_>) {
        if self.queue.is_empty() {
            return;
        }
        let began = Instant::now();
        for _ in 0..self.queue.len() {
            let Some(slot) = self.queue.pop_front() else { return };
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.queued = false;
                self.serve(slot, turn);
            }
            if began.elapsed() >= self.queue_time {
                return;
            }
        }
    }

    /// Commits all that `work` does in one turn, and then sends the answers, so that a peer that waits for them is not woken
    /// for each one.
    fn in_one_commit(&mut self, work: impl FnOnce(&mut Self, &mut Turn<'_>)) {
        let chat = self.chat.clone();
        let mut turn = chat.begin();
        self.rounds = self.rounds.wrapping_add(1);
        if chat.commit_waits() || self.rounds.is_multiple_of(MEASURED_ROUNDS) {
            turn.measure();
        }
        work(self, &mut turn);
        let commit = turn.commit();
        if commit.is_ok() {
            // Who waits for a message comes before who waits for an answer, unless there are many.
            self.deliver_events(Some(EVENTS_TIME));
        }
        for (id, next) in std::mem::take(&mut self.uncommitted) {
            self.finish_turn(id, next, &commit);
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), Error> {
        let is_accepting = self.acceptor.as_ref().is_some_and(Acceptor::has_more);
        let is_busy = is_accepting || self.has_relayed();
        let nobody_waits = self.queue.is_empty() && !is_busy && self.woken.begin_wait();
        let timeout = if nobody_waits { timeout } else { Some(Duration::ZERO) };
        let polled = self.poll.poll(events, timeout);
        self.woken.end_wait();
        match polled {
            Err(problem) if problem.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    fn handle_event(&mut self, event: &Event, turn: &mut Turn<'_>) {
        match event.token() {
            WAKE => {}
            Token(slot) if slot >= FIRST_LISTENER => {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.accept();
                }
            }
            Token(slot) => {
                if let Some(peer) = self.peers.get_mut(slot) {
                    peer.socket.update(event);
                    match peer.is_handshaking() {
                        true => self.enqueue(slot),
                        false => self.serve(slot, turn),
                    }
                }
            }
        }
    }

    fn take_handoffs(&mut self) {
        while let Ok(handoff) = self.handoffs.try_recv() {
            match handoff {
                Handoff::Connection(accepted) => self.add(accepted),
                Handoff::Finished(id, job) => self.job_finished(id, job),
                Handoff::Packet(from, packet) => self.relayed(Relayed::Packet(from, packet)),
                Handoff::Owner(owner) => self.relayed(Relayed::Owner(owner)),
                // Whoever asked may have given up.
                Handoff::Ping(answer) => _ = answer.send(()),
            }
        }
    }

    fn next_alarm(&self) -> Option<Instant> {
        let accepting = self.acceptor.as_ref().and_then(Acceptor::due);
        accepting.into_iter().chain(self.next_deadline()).chain(self.session_check).min()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let relaying = self.relaying.as_ref().map(|relaying| relaying.due());
        self.alarms.next().into_iter().chain(relaying).min()
    }

    fn check_sessions_if_due(&mut self) {
        if self.session_check.is_none_or(|due| self.now < due) {
            return;
        }
        self.session_check = self.now.checked_add(self.chat.session_check_interval());
        if self.relaying.as_ref().is_some_and(|relaying| !relaying.is_owner()) {
            return;
        }
        if let Err(problem) = self.chat.have_sessions_checked() {
            let reason: &dyn std::error::Error = &problem;
            tracing::warn!(reason, "it could not be looked whether sessions have ended");
        }
    }

    /// Reads once more what has arrived, answers it, and gives peers a while to take their answers.
    fn stop(&mut self, events: &mut Events) -> Result<(), Error> {
        let now = Instant::now();
        let grace = self.chat.limits().shutdown_grace;
        // If reading takes this long, writing has to have its time too.
        let (reading_until, until) = (now.checked_add(grace / 2), now.checked_add(grace));
        let past = |until: Option<Instant>| until.is_some_and(|until| until <= Instant::now());
        self.acceptor = None;
        self.take_handoffs();
        let slots: Vec<usize> = self.peers.iter().map(|(slot, _)| slot).collect();
        for slots in slots.chunks(events.capacity()) {
            self.in_one_commit(|reactor, turn| {
                for &slot in slots {
                    if let Some(peer) = reactor.peers.get_mut(slot) {
                        peer.stop_after(if past(reading_until) { 0 } else { READ_BYTES });
                        reactor.serve(slot, turn);
                    }
                }
            });
        }
        while !self.peers.is_empty() && !past(until) {
            self.round(events, until.into_iter().chain(self.next_deadline()).min())?;
            self.close_late();
        }
        self.close_all();
        self.leave_cluster();
        Ok(())
    }
}

/// Reading the clock would be a percent of what a round with one request costs, unless it waits for a disk. So only one round in
/// so many is measured.
const MEASURED_ROUNDS: u32 = 16;

const WAKE: Token = Token(usize::MAX);

#[cfg(test)]
mod tests;
