use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Poll, Token, Waker};
use slab::Slab;
use tracing::{error, info};

use super::acceptor::{Acceptor, FIRST_LISTENER};
use super::alarms::Alarms;
use super::handoff::{Handoff, PeerId, ReactorHandle};
use super::hashers::PasswordQueue;
use super::peer::{Buffers, Next, Peer, Why};
use crate::engine::Chat;
use crate::error::Error;
use crate::limits::COMMIT_DELAY;

/// One thread's share of the server: a poll and the peers it watches. The first reactor also accepts.
pub(super) struct Reactor {
    chat: Chat,
    stopping: Arc<AtomicBool>,
    poll: Poll,
    acceptor: Option<Acceptor>,
    handle: ReactorHandle,
    handoffs: Receiver<Handoff>,
    passwords: PasswordQueue,
    peers: Slab<Peer>,
    next_serial: u64,
    alarms: Alarms,
    /// Peers that have more to read than fitted into their turn.
    again: Vec<usize>,
    /// The peers of this round, whose answers wait for its commit, and what then becomes of them. `None`
    /// if the chat needs no commits.
    unsettled: Option<Vec<(PeerId, Next)>>,
    buffers: Buffers,
}

impl Reactor {
    pub(super) fn new(chat: Chat, stopping: Arc<AtomicBool>, passwords: PasswordQueue) -> Result<Self, Error> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, handoffs) = channel();
        Ok(Self {
            chat,
            stopping,
            poll,
            acceptor: None,
            handle: ReactorHandle::new(sender, waker),
            handoffs,
            passwords,
            peers: Slab::new(),
            next_serial: 0,
            alarms: Alarms::default(),
            again: Vec::new(),
            unsettled: None,
            buffers: Buffers::default(),
        })
    }

    /// Makes this the reactor that accepts, for itself and all others.
    pub(super) fn listen(&mut self, listeners: Vec<TcpListener>, reactors: Vec<ReactorHandle>) -> Result<(), Error> {
        self.acceptor = Some(Acceptor::new(listeners, reactors, self.poll.registry())?);
        Ok(())
    }

    /// Where to hand things to this reactor.
    pub(super) fn handle(&self) -> ReactorHandle {
        self.handle.clone()
    }

    pub(super) fn run(&mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(1024);
        while !self.stopping() {
            self.round(&mut events, self.next_alarm())?;
            if let Some(acceptor) = &mut self.acceptor {
                acceptor.accept_if_due();
            }
            self.close_late();
        }
        self.stop(&mut events)
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Serves everyone for whom something has happened, or will have by `until`.
    fn round(&mut self, events: &mut Events, until: Option<Instant>) -> Result<(), Error> {
        self.wait(events, until)?;
        let mut outcome = Ok(());
        self.together(|reactor| {
            reactor.serve_all(events);
            // A commit takes as long for many as for few, and while it does nobody is served: who speaks
            // up just before it comes along.
            let Some(began) = reactor.has_unsettled().then(Instant::now) else { return };
            while outcome.is_ok() && !events.is_empty() && began.elapsed() < COMMIT_DELAY {
                outcome = reactor.wait(events, Some(began));
                reactor.serve_all(events);
            }
        });
        outcome
    }

    fn serve_all(&mut self, events: &Events) {
        self.take_handoffs();
        let stopping = self.stopping();
        for event in events {
            // Between two peers, for with many of them that are busy a round takes long.
            if self.stopping() != stopping {
                return;
            }
            self.notice(event);
        }
        for slot in std::mem::take(&mut self.again) {
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.queued = false;
                self.serve(slot);
            }
        }
    }

    /// Whether answers wait for the round's commit.
    fn has_unsettled(&self) -> bool {
        self.unsettled.as_ref().is_some_and(|unsettled| !unsettled.is_empty())
    }

    /// Has all answers that `work` makes committed together, and then sends them.
    fn together(&mut self, work: impl FnOnce(&mut Self)) {
        let chat = self.chat.clone();
        let group = chat.begin();
        self.unsettled = group.waits().then(Vec::new);
        work(self);
        let outcome = chat.commit(group);
        for (id, next) in self.unsettled.take().unwrap_or_default() {
            // An error cannot be copied; all that answers say of it is its code.
            let commit = outcome.as_ref().map(drop).map_err(|_| Error::Storage("the commit failed".into()));
            self.settle(id, next, commit);
        }
    }

    fn wait(&mut self, events: &mut Events, until: Option<Instant>) -> Result<(), Error> {
        let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
        let patience = if self.again.is_empty() { patience } else { Some(Duration::ZERO) };
        match self.poll.poll(events, patience) {
            Err(problem) if problem.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    fn notice(&mut self, event: &Event) {
        match event.token() {
            WAKE => {}
            Token(slot) if slot >= FIRST_LISTENER => {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.accept();
                }
            }
            Token(slot) => {
                if let Some(peer) = self.peers.get_mut(slot) {
                    peer.socket.ready(event);
                    self.serve(slot);
                }
            }
        }
    }

    fn take_handoffs(&mut self) {
        while let Ok(handoff) = self.handoffs.try_recv() {
            match handoff {
                Handoff::Connection(stream, address) => self.adopt(stream, address),
                Handoff::Checked(PeerId { slot, serial }, checked) => {
                    // The peer may be gone, and its slot another's.
                    if let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) {
                        peer.give(checked);
                        self.queue(slot);
                    }
                }
            }
        }
    }

    /// Has a peer get its turn in this round or the next.
    fn queue(&mut self, slot: usize) {
        if let Some(peer) = self.peers.get_mut(slot).filter(|peer| !peer.queued) {
            peer.queued = true;
            self.again.push(slot);
        }
    }

    fn adopt(&mut self, stream: TcpStream, address: SocketAddr) {
        info!(peer = %address, "connection");
        let entry = self.peers.vacant_entry();
        let slot = entry.key();
        let peer = entry.insert(Peer::new(self.chat.clone(), stream, address, self.next_serial));
        self.next_serial += 1;
        if let Err(problem) = peer.socket.register(self.poll.registry(), Token(slot)) {
            self.close(slot, &Why::Failed(problem));
        }
    }

    /// Gives a peer its turn.
    fn serve(&mut self, slot: usize) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let id = PeerId { slot, serial: peer.serial };
        let next = loop {
            match peer.serve(&mut self.buffers) {
                Next::Check(credentials) => {
                    if let Err(credentials) = self.passwords.push(credentials, id, &self.handle) {
                        peer.give(credentials.turn_away());
                    }
                }
                next => break next,
            }
        };
        match &mut self.unsettled {
            Some(unsettled) => unsettled.push((id, next)),
            None => self.settle(id, next, Ok(())),
        }
    }

    /// Sends a peer's answers, or refusals in their place, and does what becomes of it.
    fn settle(&mut self, id: PeerId, next: Next, commit: Result<(), Error>) {
        let PeerId { slot, serial } = id;
        let limits = self.chat.limits();
        let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.serial == serial) else { return };
        let next = peer.settle(next, commit, &mut self.buffers);
        let due = peer.due(limits);
        self.alarms.set(slot, &mut peer.alarm, due);
        match next {
            Next::Close(why) => self.close(slot, &why),
            Next::Again => self.queue(slot),
            _ => {}
        }
    }

    fn close_late(&mut self) {
        let Some(now) = self.alarms.next().map(|_| Instant::now()) else { return };
        while let Some(slot) = self.alarms.pop(now) {
            let Some(peer) = self.peers.get_mut(slot) else { continue };
            peer.alarm = None;
            match peer.due(self.chat.limits()) {
                Some(due) if due <= now => {
                    let why = peer.lateness();
                    self.close(slot, &why);
                }
                due => self.alarms.set(slot, &mut peer.alarm, due),
            }
        }
    }

    fn close(&mut self, slot: usize, why: &Why) {
        let Some(mut peer) = self.peers.try_remove(slot) else { return };
        self.alarms.clear(slot, &mut peer.alarm);
        end(&mut peer, why);
    }

    /// Reads once more what has arrived, answers it, and gives peers a while to take their answers.
    fn stop(&mut self, events: &mut Events) -> Result<(), Error> {
        let now = Instant::now();
        let grace = self.chat.limits().shutdown_grace;
        // If reading takes this long, writing has to have its time too.
        let (looking, until) = (now.checked_add(grace / 2), now.checked_add(grace));
        let past = |until: Option<Instant>| until.is_some_and(|until| until <= Instant::now());
        self.acceptor = None;
        self.take_handoffs();
        let slots: Vec<usize> = self.peers.iter().map(|(slot, _)| slot).collect();
        for slots in slots.chunks(events.capacity()) {
            self.together(|reactor| {
                for &slot in slots {
                    if let Some(peer) = reactor.peers.get_mut(slot) {
                        peer.stop_after(if past(looking) { 0 } else { 1 });
                        reactor.serve(slot);
                    }
                }
            });
        }
        while !self.peers.is_empty() && !past(until) {
            self.round(events, until.into_iter().chain(self.alarms.next()).min())?;
            self.close_late();
        }
        self.peers.iter_mut().for_each(|(_, peer)| end(peer, &Why::Stalled));
        Ok(())
    }

    fn next_alarm(&self) -> Option<Instant> {
        let accepting = self.acceptor.as_ref().and_then(Acceptor::due);
        accepting.into_iter().chain(self.alarms.next()).min()
    }
}

fn end(peer: &mut Peer, why: &Why) {
    info!(peer = %peer.address, %why, "disconnection");
    if let Err(problem) = peer.abandon() {
        let reason: &dyn std::error::Error = &problem;
        error!(peer = %peer.address, reason, "an inbox that could not be sent could not be put back");
    }
}

const WAKE: Token = Token(usize::MAX);
