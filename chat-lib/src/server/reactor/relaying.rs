//! What a reactor has to do with the other servers of a cluster: it takes what they send before a round, and sends what they are to
//! have after it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::Reactor;
use crate::engine::{Turn, next_connection};
use crate::server::admission::Admission;
use crate::server::disconnect::Disconnect;
use crate::server::peer::Peer;
use crate::server::relay::{
    Arrival, Header, Items, Kind, Pipe, Relay, ServerId, Serving, Standby, ToOwner, ToStandby, Why,
};

/// What has come from other servers, or about them.
pub(super) enum Relayed {
    Packet(ServerId, Box<[u8]>),
    Owner(Option<ServerId>),
}

/// A reactor's part in a cluster. Its way to the owner is in its [`buffers`](super::Buffers), where its peers find it.
pub(super) struct Relaying {
    relay: Relay,
    /// The number of this reactor.
    lane: u16,
    owner: Option<ServerId>,
    serving: Serving,
    /// What is to be taken before the next turn.
    arrived: VecDeque<Relayed>,
    /// The slots of peers that something has come for.
    ready: Vec<usize>,
    /// The slots of peers that may have something for another server.
    touched: Vec<usize>,
    /// Clients of other servers have their place there.
    admission: Arc<Admission>,
    /// When to look next whether time has run out for something.
    due: Instant,
}

impl Relaying {
    /// Whether commands are done here.
    pub(super) fn is_owner(&self) -> bool {
        self.owner == Some(self.relay.own())
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Takes note that a peer's turn has ended. Returns whether the peer is to have another one.
    pub(super) fn turn_ended(&mut self, slot: usize, peer: &mut Peer) -> bool {
        if let Some(pipe) = peer.pipe(None)
            && !std::mem::replace(&mut pipe.is_touched, true)
        {
            self.touched.push(slot);
        }
        peer.go_if_leaving(slot)
    }

    /// Tells another server that a peer is closed.
    pub(super) fn closed(&mut self, peer: &mut Peer, reason: &Disconnect, standby: &mut Standby) {
        standby.detach(peer.serial);
        let Some(pipe) = peer.pipe(None) else { return };
        let (session, conn) = ((pipe.from, pipe.lane), pipe.conn);
        if self.serving.remove(session.0, session.1, conn).is_some() {
            if let Some(update) = peer.take_update() {
                self.serving.update(session, conn, update);
            }
            self.serving.close(session, conn, peer.why(reason));
        }
    }
}

impl Reactor {
    /// Makes this a reactor of a cluster's server.
    pub(in crate::server) fn join_cluster(&mut self, relay: Relay, lane: u16, owner: Option<ServerId>) {
        self.relaying = Some(Box::new(Relaying {
            relay,
            lane,
            owner: None,
            serving: Serving::default(),
            arrived: VecDeque::from([Relayed::Owner(owner)]),
            ready: Vec::new(),
            touched: Vec::new(),
            admission: Arc::default(),
            due: self.now,
        }));
    }

    /// Keeps what has come until the next turn begins.
    pub(super) fn relayed(&mut self, relayed: Relayed) {
        if let Some(relaying) = &mut self.relaying {
            relaying.arrived.push_back(relayed);
        }
    }

    pub(super) fn has_relayed(&self) -> bool {
        self.relaying.as_ref().is_some_and(|relaying| !relaying.arrived.is_empty())
    }

    /// Takes all that has come. There must be no turn.
    pub(super) fn take_relayed(&mut self) {
        if self.relaying.is_none() {
            return;
        }
        self.take_handoffs();
        while let Some(relayed) = self.relaying.as_mut().and_then(|relaying| relaying.arrived.pop_front()) {
            match relayed {
                Relayed::Owner(owner) => self.set_owner(owner),
                Relayed::Packet(from, packet) => {
                    if let Some((header, items)) = Header::read(&packet) {
                        self.take_packet(from, &header, items);
                    }
                }
            }
        }
        self.watch_sessions();
    }

    /// Serves the peers that something has come for.
    pub(super) fn serve_relayed(&mut self, turn: &mut Turn<'_>) {
        let Some(relaying) = &mut self.relaying else { return };
        for slot in std::mem::take(&mut relaying.ready) {
            self.serve(slot, turn);
        }
    }

    /// Sends other servers what this round has brought for them.
    pub(super) fn send_relayed(&mut self) {
        let Some(relaying) = &mut self.relaying else { return };
        for slot in std::mem::take(&mut relaying.touched) {
            let Some(peer) = self.peers.get_mut(slot) else { continue };
            let Some(session) = peer.pipe(None).map(|pipe| ((pipe.from, pipe.lane), pipe.conn)) else { continue };
            if let Some(update) = peer.take_update() {
                relaying.serving.update(session.0, session.1, update);
            }
        }
        relaying.serving.flush(&relaying.relay, self.now);
        self.buffers.standby.flush(&relaying.relay, self.now);
    }

    /// Ends all sessions, because the server stops.
    pub(super) fn leave_cluster(&mut self) {
        self.send_relayed();
        let Some(relaying) = &mut self.relaying else { return };
        for (from, lane) in relaying.serving.all() {
            relaying.serving.end(from, lane, &relaying.relay);
        }
        self.buffers.standby.end(&relaying.relay, self.now);
    }

    fn set_owner(&mut self, owner: Option<ServerId>) {
        let now = self.now;
        let Some(relaying) = &mut self.relaying else { return };
        if std::mem::replace(&mut relaying.owner, owner) == owner {
            return;
        }
        let is_own = relaying.is_owner();
        let standby = &mut self.buffers.standby;
        if standby.set_owner(owner.filter(|_| !is_own), is_own, now) {
            self.end_standby_session();
        }
        for (slot, peer) in &mut self.peers {
            match is_own {
                true => peer.take_service(),
                false => peer.leave_service(slot),
            }
        }
        self.serve_all_again();
        // A new owner is told at once who is there.
        if let Some(relaying) = &mut self.relaying {
            relaying.due = now;
        }
    }

    /// Gives all peers a turn: what becomes of their requests has changed.
    fn serve_all_again(&mut self) {
        let slots: Vec<usize> = self.peers.iter().map(|(slot, _)| slot).collect();
        slots.into_iter().for_each(|slot| self.enqueue(slot));
    }

    /// Ends the session with the owner. Clients that await something are closed.
    fn end_standby_session(&mut self) {
        let Some(relaying) = &mut self.relaying else { return };
        for slot in self.buffers.standby.end(&relaying.relay, self.now) {
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.lose_owner(Why::Moved);
                relaying.ready.push(slot);
            }
        }
    }

    /// Ends a session with another server whose clients are served here.
    fn end_session(&mut self, (from, lane): (ServerId, u16)) {
        let Some(relaying) = &mut self.relaying else { return };
        for slot in relaying.serving.end(from, lane, &relaying.relay) {
            self.close(slot, &Disconnect::LinkLost);
        }
    }

    /// Looks whether time has run out for something, and begins a session with the owner if there is none.
    fn watch_sessions(&mut self) {
        let now = self.now;
        let Some(relaying) = &mut self.relaying else { return };
        if now < relaying.due {
            return;
        }
        relaying.due = now + WATCH_INTERVAL;
        for session in relaying.serving.silent(now) {
            warn!(server = %session.0, "another server is silent; its clients' connections end here");
            self.end_session(session);
        }
        if self.buffers.standby.is_overdue(now) {
            debug!("the session with the owner of the cluster is over: it is silent, or there is no owner");
            self.end_standby_session();
        }
        if let Some(relaying) = &mut self.relaying
            && self.buffers.standby.go_on(&relaying.relay, relaying.lane, now)
        {
            if relaying.relay.set_reached(false) {
                warn!("the owner of the cluster cannot be reached; requests are refused as busy");
            }
            self.serve_all_again();
        }
    }

    fn take_packet(&mut self, from: ServerId, header: &Header, items: Items<'_>) {
        match header.kind {
            Kind::ToOwner => self.take_from_standby(from, header, items),
            Kind::ToStandby => self.take_from_owner(from, header, items),
            Kind::Gone => {
                if self.buffers.standby.knows(from, header) {
                    self.end_standby_session();
                }
            }
            Kind::Leave => {
                let serving = self.relaying.as_ref().map(|relaying| &relaying.serving);
                if serving.is_some_and(|serving| serving.knows(from, header)) {
                    self.end_session((from, header.lane));
                }
            }
        }
    }

    fn take_from_standby(&mut self, from: ServerId, header: &Header, mut items: Items<'_>) {
        let (now, stopping, session) = (self.now, self.stopping(), (from, header.lane));
        let Some(relaying) = &mut self.relaying else { return };
        match relaying.serving.take(from, header, now) {
            Some(true) => {}
            Some(false) => {
                warn!(server = %from, "a packet of another server was lost; its clients' connections end here");
                return self.end_session(session);
            }
            None if header.number == 0 && relaying.is_owner() && !stopping => {
                self.end_session(session);
                let Some(relaying) = &mut self.relaying else { return };
                relaying.serving.begin(from, header, &relaying.relay, now);
            }
            None => return Serving::refuse(from, header, &relaying.relay),
        }
        while !items.is_empty() {
            let is_understood = items.next_to_owner().is_some_and(|item| self.take_item(session, item));
            if !is_understood {
                warn!(server = %from, "what another server has sent cannot be read; its clients' connections end here");
                return self.end_session(session);
            }
        }
    }

    /// Does what a standby says. Returns whether that makes sense.
    fn take_item(&mut self, session: (ServerId, u16), item: ToOwner<'_>) -> bool {
        let (from, lane) = session;
        let Some(relaying) = &mut self.relaying else { return false };
        let mut with_pipe = |conn, ending, work: &dyn Fn(&mut Pipe)| {
            // It may have been closed here just now.
            let Some(slot) = relaying.serving.slot(from, lane, conn) else { return };
            relaying.ready.push(slot);
            self.peers.get_mut(slot).and_then(|peer| peer.pipe(ending)).map(work);
        };
        match item {
            ToOwner::Attach { conn, arrival } => return self.add_relayed(session, conn, arrival),
            ToOwner::Lines { conn, ending, bytes } => {
                with_pipe(conn, Some(ending), &|pipe| pipe.receive(bytes));
            }
            ToOwner::TooLong { conn, first, is_busy } => {
                with_pipe(conn, None, &|pipe| pipe.receive_long_line(first, is_busy));
            }
            ToOwner::Taken { conn, bytes } => with_pipe(conn, None, &|pipe| pipe.set_taken(bytes)),
            ToOwner::Detach { conn } => {
                if let Some(slot) = relaying.serving.remove(from, lane, conn) {
                    self.close(slot, &Disconnect::PeerClosed);
                }
            }
        }
        true
    }

    /// Serves a client of another server from now on. Returns whether it was unknown.
    fn add_relayed(&mut self, (from, lane): (ServerId, u16), conn: u64, arrival: Arrival) -> bool {
        let stopping = self.stopping();
        let Some(relaying) = &mut self.relaying else { return false };
        if relaying.serving.slot(from, lane, conn).is_some() {
            return false;
        }
        if stopping {
            relaying.serving.close((from, lane), conn, Why::Moved);
            return true;
        }
        let number = next_connection();
        info!(conn = number, peer = %arrival.address, server = %from, there = conn, "connection through another server");
        let entry = self.peers.vacant_entry();
        let slot = entry.key();
        let pipe = Pipe::new(from, lane, conn, arrival.state.clone());
        let ticket = relaying.admission.admit_remote();
        let peer = Peer::of_server(self.chat.clone(), pipe, (number, arrival), ticket, self.now);
        let peer = entry.insert(Box::new(peer));
        let due = peer.due_at_last(self.chat.limits(), self.now);
        self.alarms.set(slot, &mut peer.alarm, due);
        relaying.ready.push(slot);
        relaying.serving.add(from, lane, conn, slot);
        true
    }

    fn take_from_owner(&mut self, from: ServerId, header: &Header, mut items: Items<'_>) {
        let (now, standby) = (self.now, &mut self.buffers.standby);
        if !standby.knows(from, header) {
            return debug!(server = %from, "a packet of a session that is over");
        }
        match standby.take(header, now) {
            None => {
                warn!(server = %from, "a packet of the owner was lost; clients that await an answer are closed");
                return self.end_standby_session();
            }
            Some(true) => {
                self.relaying.iter().for_each(|relaying| _ = relaying.relay.set_reached(true));
                self.serve_all_again();
            }
            Some(false) => {}
        }
        while !items.is_empty() {
            match items.next_to_standby() {
                Some(ToStandby::Output { to, bytes }) => {
                    for (conn, whole) in to {
                        let peer =
                            self.buffers.standby.slot(conn).and_then(|slot| Some((slot, self.peers.get_mut(slot)?)));
                        let (Some((slot, peer)), Some(relaying)) = (peer, &mut self.relaying) else { continue };
                        peer.take_output(bytes, whole, &mut self.buffers);
                        relaying.ready.push(slot);
                    }
                }
                Some(ToStandby::Closed { conn, why }) => {
                    let Some(slot) = self.buffers.standby.detached(conn) else { continue };
                    let (Some(peer), Some(relaying)) = (self.peers.get_mut(slot), &mut self.relaying) else { continue };
                    peer.lose_owner(why);
                    relaying.ready.push(slot);
                }
                None => {
                    warn!(server = %from, "what the owner has sent cannot be read; clients that await an answer are closed");
                    return self.end_standby_session();
                }
            }
        }
    }
}

/// How often it is looked whether a session has been silent for too long: a part of that time.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
