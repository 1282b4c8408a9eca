//! One session between two servers, as either side has it: what is packed for the other one, and whether anything was lost.

use std::time::{Duration, Instant};

use super::packet::{HEADER_BYTES, Header, Kind, ToOwner};
use super::{PACKET_BYTES, Relay, ServerId};
use crate::protocol::Ending;

/// A session. Its packets are numbered in each direction; a gap means that it is over.
pub(super) struct Channel {
    pub(super) peer: ServerId,
    pub(super) session: u64,
    lane: u16,
    /// That of the packets that are sent.
    kind: Kind,
    sent: u32,
    received: u32,
    /// When something was last received, and sent.
    heard: Instant,
    spoke: Instant,
    pub(super) packer: Packer,
}

impl Channel {
    pub(super) fn new(peer: ServerId, kind: Kind, lane: u16, session: u64, now: Instant) -> Self {
        let packer = Packer::default();
        Self { peer, session, lane, kind, sent: 0, received: 0, heard: now, spoke: now, packer }
    }

    /// Takes note of a packet of this session. `false` if one before it was lost.
    pub(super) fn take(&mut self, header: &Header, now: Instant) -> bool {
        let is_next = header.number == self.received;
        self.received = self.received.wrapping_add(1);
        self.heard = now;
        is_next
    }

    /// Whether nothing was ever received.
    pub(super) fn is_unanswered(&self) -> bool {
        self.received == 0
    }

    pub(super) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) >= SILENCE
    }

    /// Sends what is packed; or, if there is nothing and the other side has not heard for a while, a packet of nothing.
    pub(super) fn flush(&mut self, relay: &Relay, now: Instant) {
        let mut packets = self.packer.take();
        if packets.is_empty() && now.saturating_duration_since(self.spoke) >= HEARTBEAT {
            packets.push(vec![0; HEADER_BYTES]);
        }
        for mut packet in packets {
            let header = Header { kind: self.kind, lane: self.lane, session: self.session, number: self.sent };
            self.sent = self.sent.wrapping_add(1);
            self.spoke = now;
            if let Some(start) = packet.first_chunk_mut() {
                *start = header.write();
            }
            relay.send(self.peer, packet);
        }
    }

    /// Sends a packet of nothing, to be heard at once.
    pub(super) fn greet(&mut self, relay: &Relay, now: Instant) {
        self.packer.add(|_| {});
        self.flush(relay, now);
    }

    /// Tells the other side that the session is over.
    pub(super) fn end(&self, relay: &Relay) {
        let kind = if self.kind == Kind::ToOwner { Kind::Leave } else { Kind::Gone };
        relay.send(self.peer, Header { kind, lane: self.lane, session: self.session, number: 0 }.write().into());
    }
}

/// Packs items into as few packets as they fit in. The first [`HEADER_BYTES`] of each are left free.
#[derive(Default)]
pub(in crate::server) struct Packer {
    /// The packets that are full, and the one that is not.
    full: Vec<Vec<u8>>,
    packet: Vec<u8>,
    item: Vec<u8>,
    /// The lines that came last are of this connection, and end so; where their length is in the packet.
    lines: Option<(u64, Ending, usize)>,
}

impl Packer {
    /// Adds the item that `write` appends.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.lines = None;
        let mut item = std::mem::take(&mut self.item);
        write(&mut item);
        self.packet_for(item.len()).extend_from_slice(&item);
        item.clear();
        self.item = item;
    }

    /// Adds bytes of a connection's lines, behind those that were added just now.
    pub(super) fn add_lines(&mut self, conn: u64, ending: Ending, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some((last, how, length_at)) = self.lines
                && (last, how) == (conn, ending)
                && self.packet.len() < PACKET_BYTES
            {
                let packet = &mut self.packet;
                let (now, later) = bytes.split_at(bytes.len().min(PACKET_BYTES - packet.len()));
                packet.extend_from_slice(now);
                let length = packet.len() - length_at - 4;
                if let Some(place) = packet.get_mut(length_at..).and_then(|rest| rest.first_chunk_mut()) {
                    *place = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
                }
                bytes = later;
                continue;
            }
            let packet = self.packet_for(LINES_HEAD_BYTES + 1);
            ToOwner::Lines { conn, ending, bytes: &[] }.write(packet);
            self.lines = Some((conn, ending, packet.len() - 4));
        }
    }

    /// The last packet if so many bytes fit into it, or else a new one.
    fn packet_for(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.packet.len() + bytes > PACKET_BYTES {
            self.full.push(std::mem::take(&mut self.packet));
        }
        if self.packet.is_empty() {
            self.packet.resize(HEADER_BYTES, 0);
        }
        &mut self.packet
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        self.lines = None;
        let mut packets = std::mem::take(&mut self.full);
        packets.extend(Some(std::mem::take(&mut self.packet)).filter(|packet| !packet.is_empty()));
        packets
    }
}

/// What lines have before their bytes.
const LINES_HEAD_BYTES: usize = 1 + 8 + 1 + 4;

/// How long a server says nothing before it says so: a packet that was lost is missed when the next one comes.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long the other side may be silent before the session is over: several of its [`HEARTBEAT`]s, and with the time until that is
/// looked at no more than 3 s.
const SILENCE: Duration = Duration::from_millis(2250);
