use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use tracing::info;

use super::acceptor::{Acceptor, FIRST_LISTENER};
use super::alarms::Alarms;
use super::arrivals::{Arrival, Arrivals};
use super::peer::{Buffers, Next, Peer, Why};
use crate::engine::Chat;
use crate::error::Error;

/// One thread's share of the server: a poll and the peers it watches. The first reactor also accepts.
pub(super) struct Reactor {
    chat: Chat,
    stopping: Arc<AtomicBool>,
    poll: Poll,
    waker: Arc<Waker>,
    acceptor: Option<Acceptor>,
    arriving: (Sender<Arrival>, Receiver<Arrival>),
    peers: Slab<Peer>,
    alarms: Alarms,
    /// Peers that have more to read than fitted into their turn.
    again: Vec<usize>,
    buffers: Buffers,
}

impl Reactor {
    pub(super) fn new(chat: Chat, stopping: Arc<AtomicBool>) -> Result<Self, Error> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        Ok(Self {
            chat,
            stopping,
            poll,
            waker,
            acceptor: None,
            arriving: mpsc::channel(),
            peers: Slab::new(),
            alarms: Alarms::default(),
            again: Vec::new(),
            buffers: Buffers::default(),
        })
    }

    /// Makes this the reactor that accepts, for itself and all others.
    pub(super) fn listen(&mut self, listeners: Vec<TcpListener>, reactors: Vec<Arrivals>) -> Result<(), Error> {
        self.acceptor = Some(Acceptor::new(listeners, reactors, self.poll.registry())?);
        Ok(())
    }

    /// Where to hand this reactor its connections.
    pub(super) fn arrivals(&self) -> Arrivals {
        Arrivals::new(self.arriving.0.clone(), Arc::clone(&self.waker))
    }

    pub(super) fn run(&mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(1024);
        while !self.stopping.load(Ordering::Acquire) {
            self.wait(&mut events, self.next_alarm())?;
            for slot in std::mem::take(&mut self.again) {
                self.serve(slot);
            }
            if let Some(acceptor) = &mut self.acceptor {
                acceptor.accept_if_due();
            }
            self.adopt_all();
            self.close_late();
        }
        self.stop(&mut events)
    }

    /// Waits for events, not past `until`, and serves the peers that they are about.
    fn wait(&mut self, events: &mut Events, until: Option<Instant>) -> Result<(), Error> {
        let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
        let patience = if self.again.is_empty() { patience } else { Some(Duration::ZERO) };
        match self.poll.poll(events, patience) {
            Err(problem) if problem.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        for event in &*events {
            match event.token() {
                WAKE => {}
                Token(slot) if slot >= FIRST_LISTENER => {
                    if let Some(acceptor) = &mut self.acceptor {
                        acceptor.accept();
                    }
                }
                Token(slot) => {
                    if let Some(peer) = self.peers.get_mut(slot) {
                        peer.ready(event);
                        self.serve(slot);
                    }
                }
            }
        }
        Ok(())
    }

    fn adopt_all(&mut self) {
        while let Ok((stream, address)) = self.arriving.1.try_recv() {
            self.adopt(stream, address);
        }
    }

    fn adopt(&mut self, stream: TcpStream, address: SocketAddr) {
        info!(peer = %address, "connection");
        let entry = self.peers.vacant_entry();
        let slot = entry.key();
        let peer = entry.insert(Peer::new(self.chat.clone(), stream, address));
        let both = Interest::READABLE | Interest::WRITABLE;
        if let Err(problem) = self.poll.registry().register(&mut peer.stream, Token(slot), both) {
            self.close(slot, &Why::Failed(problem));
        }
    }

    fn serve(&mut self, slot: usize) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        match peer.serve(&mut self.buffers, self.chat.limits()) {
            Next::Close(why) => return self.close(slot, &why),
            Next::Again => self.again.push(slot),
            Next::Wait => {}
        }
        let due = peer.due(self.chat.limits());
        self.alarms.set(slot, &mut peer.alarm, due);
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
        info!(peer = %peer.address, %why, "disconnection");
    }

    /// Answers what has arrived, reads nothing more, and gives peers a while to take their answers.
    fn stop(&mut self, events: &mut Events) -> Result<(), Error> {
        let until = Instant::now() + self.chat.limits().shutdown_grace;
        self.acceptor = None;
        self.adopt_all();
        let slots: Vec<usize> = self.peers.iter().map(|(slot, _)| slot).collect();
        for last_word in [Peer::look, Peer::end] {
            for &slot in &slots {
                if let Some(peer) = self.peers.get_mut(slot) {
                    last_word(peer);
                    self.serve(slot);
                }
            }
        }
        self.again.clear();
        while !self.peers.is_empty() && Instant::now() < until {
            self.wait(events, Some(until))?;
        }
        for (_, peer) in &self.peers {
            info!(peer = %peer.address, why = %Why::Stalled, "disconnection");
        }
        Ok(())
    }

    fn next_alarm(&self) -> Option<Instant> {
        let accepting = self.acceptor.as_ref().and_then(Acceptor::due);
        accepting.into_iter().chain(self.alarms.next()).min()
    }
}

const WAKE: Token = Token(usize::MAX);
