//! The side of a server whose clients another one serves: a reactor's session with the owner, and what goes there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::packet::{Arrival, Header, Kind, ToOwner};
use super::{Relay, ServerId};
use crate::connection::Passed;
use crate::entropy::{Entropy, OsEntropy};

/// A reactor's way to the owner.
#[derive(Default)]
pub(in crate::server) struct Standby {
    pub(in crate::server) mode: Mode,
    /// The owner, if that is another server.
    owner: Option<ServerId>,
    /// The session with the owner, or with the last one, whose answers are still awaited.
    channel: Option<Channel>,
    /// The slots of the peers that it knows, by the connections' numbers.
    attached: HashMap<u64, usize>,
    /// Since when requests wait for a session.
    waiting: Option<Instant>,
    /// When a session was last begun.
    begun: Option<Instant>,
    /// Since when there is no owner, while answers of the last one are awaited.
    orphaned: Option<Instant>,
}

/// What becomes of requests that are not done here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::server) enum Mode {
    /// They are refused with `busy`: there is no owner.
    #[default]
    Refuse,
    /// They wait until there is a session with the owner.
    Wait,
    /// They are passed on.
    Forward,
}

impl Standby {
    /// Sets who the owner is, if that is another server. Returns whether the session is over with that.
    pub(in crate::server) fn set_owner(&mut self, owner: Option<ServerId>, is_own: bool, now: Instant) -> bool {
        self.owner = owner;
        let current = self.channel.as_ref().map(|channel| channel.peer);
        let is_over = current.is_some() && current != owner && (owner.is_some() || is_own);
        self.orphaned = if owner.is_none() { Some(now) } else { None };
        self.waiting = owner.map(|_| now);
        self.begun = None;
        self.mode = match &self.channel {
            _ if owner.is_none() => Mode::Refuse,
            Some(channel) if current == owner && !channel.is_unanswered() => Mode::Forward,
            _ => Mode::Wait,
        };
        is_over
    }

    /// Ends the session. Returns the slots of the peers that were attached.
    pub(in crate::server) fn end(&mut self, relay: &Relay, now: Instant) -> Vec<usize> {
        if let Some(channel) = self.channel.take() {
            channel.end(relay);
        }
        if self.owner.is_some() {
            self.mode = Mode::Wait;
            self.waiting.get_or_insert(now);
        }
        std::mem::take(&mut self.attached).into_values().collect()
    }

    /// Whether the session is over, for a time that has passed.
    pub(in crate::server) fn is_overdue(&self, now: Instant) -> bool {
        let is_past = |since: Option<Instant>, patience| since.is_some_and(|since| now >= since + patience);
        self.channel.as_ref().is_some_and(|channel| {
            channel.is_silent(now)
                || channel.is_unanswered() && is_past(self.begun, ANSWER_PATIENCE)
                || is_past(self.orphaned, OWNER_PATIENCE)
        })
    }

    /// Begins a session if there should be one. Returns whether requests that waited for it are to be refused now.
    pub(in crate::server) fn go_on(&mut self, relay: &Relay, lane: u16, now: Instant) -> bool {
        if let (None, Some(owner)) = (&self.channel, self.owner)
            && self.begun.is_none_or(|begun| now >= begun + RETRY)
        {
            let mut session = [0; 8];
            // It is tried again.
            if OsEntropy.fill(&mut session).is_ok() {
                let mut channel = Channel::new(owner, Kind::ToOwner, lane, u64::from_be_bytes(session), now);
                channel.greet(relay, now);
                (self.channel, self.begun) = (Some(channel), Some(now));
            }
        }
        let gives_up = self.mode == Mode::Wait && self.waiting.is_some_and(|since| now >= since + OWNER_PATIENCE);
        if gives_up {
            self.mode = Mode::Refuse;
        }
        gives_up
    }

    /// Whether a packet is of the session that there is.
    pub(in crate::server) fn knows(&self, from: ServerId, header: &Header) -> bool {
        self.channel.as_ref().is_some_and(|channel| (channel.peer, channel.session) == (from, header.session))
    }

    /// Takes note of a packet. `None` if one before it was lost, and otherwise whether requests can be passed on from now on.
    pub(in crate::server) fn take(&mut self, header: &Header, now: Instant) -> Option<bool> {
        let channel = self.channel.as_mut()?;
        if !channel.take(header, now) {
            return None;
        }
        let opens = self.mode != Mode::Forward && self.owner == Some(channel.peer);
        if opens {
            (self.mode, self.waiting) = (Mode::Forward, None);
        }
        Some(opens)
    }

    /// The slot of a peer that is attached.
    pub(in crate::server) fn slot(&self, conn: u64) -> Option<usize> {
        self.attached.get(&conn).copied()
    }

    pub(in crate::server) fn attach(&mut self, conn: u64, slot: usize, arrival: Arrival) {
        self.attached.insert(conn, slot);
        self.add(&ToOwner::Attach { conn, arrival });
    }

    /// Takes note that the owner has closed a connection.
    pub(in crate::server) fn detached(&mut self, conn: u64) -> Option<usize> {
        self.attached.remove(&conn)
    }

    /// Tells the owner that a client is gone.
    pub(in crate::server) fn detach(&mut self, conn: u64) {
        if self.attached.remove(&conn).is_some() {
            self.add(&ToOwner::Detach { conn });
        }
    }

    pub(in crate::server) fn pass(&mut self, conn: u64, passed: Passed<'_>) {
        match passed {
            Passed::Line(bytes, ending) => {
                if let Some(channel) = &mut self.channel {
                    channel.packer.add_lines(conn, ending, bytes);
                }
            }
            Passed::TooLong { first, is_busy } => self.add(&ToOwner::TooLong { conn, first, is_busy }),
        }
    }

    pub(in crate::server) fn acknowledge(&mut self, conn: u64, bytes: u64) {
        self.add(&ToOwner::Taken { conn, bytes });
    }

    fn add(&mut self, item: &ToOwner<'_>) {
        if let Some(channel) = &mut self.channel {
            channel.packer.add(|out| item.write(out));
        }
    }

    pub(in crate::server) fn flush(&mut self, relay: &Relay, now: Instant) {
        if let Some(channel) = &mut self.channel {
            channel.flush(relay, now);
        }
    }
}

/// How long an owner has to answer before a session with it is begun anew: it may not know yet that it is the owner.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// How long after it was begun the next session may begin, so that servers that do not agree who is the owner do not spin.
const RETRY: Duration = Duration::from_millis(200);

/// How long requests wait for a session with the owner, and, when there is no owner, answers of the last one are waited for.
const OWNER_PATIENCE: Duration = Duration::from_secs(3);
