//! The owner's side: the sessions in which a reactor serves clients of other servers.

use std::collections::HashMap;
use std::time::Instant;

use super::channel::Channel;
use super::packet::{Header, Kind, ToStandby, Whole, Why};
use super::{Relay, ServerId};

/// The sessions of a reactor, by the server and its reactor.
#[derive(Default)]
pub(in crate::server) struct Serving {
    sessions: HashMap<(ServerId, u16), Session>,
    /// What is to be sent in this round.
    updates: Vec<Update>,
}

struct Session {
    channel: Channel,
    /// The slots of its peers, by the connections' numbers there.
    slots: HashMap<u64, usize>,
}

/// What is to be sent to one connection.
struct Update {
    session: (ServerId, u16),
    bytes: Vec<u8>,
    conn: u64,
    whole: Option<Whole>,
}

impl Serving {
    /// Takes note of a packet of the session that there is. `None` if there is no such session, and `false` if a packet was lost.
    pub(in crate::server) fn take(&mut self, from: ServerId, header: &Header, now: Instant) -> Option<bool> {
        let session = self.sessions.get_mut(&(from, header.lane))?;
        (session.channel.session == header.session).then(|| session.channel.take(header, now))
    }

    /// Whether a packet is of the session that there is.
    pub(in crate::server) fn knows(&self, from: ServerId, header: &Header) -> bool {
        self.sessions.get(&(from, header.lane)).is_some_and(|session| session.channel.session == header.session)
    }

    /// Begins a session with its first packet, and says so.
    pub(in crate::server) fn begin(&mut self, from: ServerId, header: &Header, relay: &Relay, now: Instant) {
        let mut channel = Channel::new(from, Kind::ToStandby, header.lane, header.session, now);
        channel.take(header, now);
        channel.greet(relay, now);
        self.sessions.insert((from, header.lane), Session { channel, slots: HashMap::new() });
    }

    /// Ends a session, and tells the other side. Returns the slots of its peers.
    pub(in crate::server) fn end(&mut self, from: ServerId, lane: u16, relay: &Relay) -> Vec<usize> {
        let Some(session) = self.sessions.remove(&(from, lane)) else { return Vec::new() };
        session.channel.end(relay);
        session.slots.into_values().collect()
    }

    /// Tells a server that there is no such session.
    pub(in crate::server) fn refuse(from: ServerId, header: &Header, relay: &Relay) {
        relay.send(from, Header { kind: Kind::Gone, ..*header }.write().into());
    }

    /// The sessions whose other side is silent.
    pub(in crate::server) fn silent(&self, now: Instant) -> Vec<(ServerId, u16)> {
        self.sessions.iter().filter(|(_, session)| session.channel.is_silent(now)).map(|(key, _)| *key).collect()
    }

    pub(in crate::server) fn all(&self) -> Vec<(ServerId, u16)> {
        self.sessions.keys().copied().collect()
    }

    pub(in crate::server) fn slot(&self, from: ServerId, lane: u16, conn: u64) -> Option<usize> {
        self.sessions.get(&(from, lane))?.slots.get(&conn).copied()
    }

    /// Takes note of a connection's slot.
    pub(in crate::server) fn add(&mut self, from: ServerId, lane: u16, conn: u64, slot: usize) {
        if let Some(session) = self.sessions.get_mut(&(from, lane)) {
            session.slots.insert(conn, slot);
        }
    }

    pub(in crate::server) fn remove(&mut self, from: ServerId, lane: u16, conn: u64) -> Option<usize> {
        self.sessions.get_mut(&(from, lane))?.slots.remove(&conn)
    }

    /// Has something sent with the round.
    pub(in crate::server) fn update(
        &mut self,
        session: (ServerId, u16),
        conn: u64,
        (bytes, whole): (Vec<u8>, Option<Whole>),
    ) {
        self.updates.push(Update { session, bytes, conn, whole });
    }

    /// Tells that a connection is over, after what it is still to be sent.
    pub(in crate::server) fn close(&mut self, session: (ServerId, u16), conn: u64, why: Why) {
        self.pack();
        if let Some(session) = self.sessions.get_mut(&session) {
            session.channel.packer.add(|out| ToStandby::Closed { conn, why }.write(out));
        }
    }

    /// Sends all.
    pub(in crate::server) fn flush(&mut self, relay: &Relay, now: Instant) {
        self.pack();
        self.sessions.values_mut().for_each(|session| session.channel.flush(relay, now));
    }

    /// Packs what is to be sent; what is the same for several connections of a session, once.
    fn pack(&mut self) {
        if self.updates.is_empty() {
            return;
        }
        let mut updates = std::mem::take(&mut self.updates);
        // A connection has one update of each round, so that their order does not matter.
        updates.sort_by(|a, b| (a.session, &a.bytes).cmp(&(b.session, &b.bytes)));
        for same in updates.chunk_by_mut(|a, b| (a.session, &a.bytes) == (b.session, &b.bytes)) {
            for some in same.chunks_mut(OUTPUT_CONNECTIONS) {
                let to = some.iter_mut().map(|update| (update.conn, update.whole.take())).collect();
                if let Some(Update { session, bytes, .. }) = some.first()
                    && let Some(session) = self.sessions.get_mut(session)
                {
                    session.channel.packer.add(|out| ToStandby::Output { to, bytes }.write(out));
                }
            }
        }
    }
}

/// How many connections one output is for at most: at some 100 bytes for each, they fit a packet together with it.
const OUTPUT_CONNECTIONS: usize = 1000;
