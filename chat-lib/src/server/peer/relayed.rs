//! What is different about peers in a cluster: those whose client another server serves, and those that stand for a client of another
//! server.

use std::time::Instant;

use super::{JobState, Peer, Service};
use crate::connection::{ConnectionState, Over};
use crate::engine::Chat;
use crate::protocol::Ending;
use crate::server::admission::Ticket;
use crate::server::buffers::Buffers;
use crate::server::disconnect::Disconnect;
use crate::server::relay::{Arrival, Change, Mode, Pipe, Remote, Standby, Whole, Why};
use crate::server::socket::Socket;
use crate::server::transport::Tcp;

/// A client that another server serves.
impl Peer {
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.service, Service::Elsewhere(_))
    }

    /// Whether it waits for what another server has to say.
    pub(super) fn is_awaiting(&self) -> bool {
        !self.connection.is_over() && matches!(&self.service, Service::Elsewhere(remote) if remote.is_awaiting())
    }

    /// Whether nothing is read from the client, because what it sends cannot be passed on now.
    pub(super) fn is_blocked(&self, standby: &Standby) -> bool {
        match &self.service {
            Service::Elsewhere(remote) if !self.connection.is_over() && !self.ticket.is_refused() => match standby.mode
            {
                Mode::Forward => remote.room() == 0,
                Mode::Wait => true,
                // In order: what was passed on has to be answered first.
                Mode::Refuse => remote.is_awaiting(),
            },
            _ => false,
        }
    }

    /// Whether what the client sends is passed on.
    pub(super) fn is_forwarded(&self, standby: &Standby) -> bool {
        let is_answered_here = self.connection.is_over() || self.ticket.is_refused();
        standby.mode == Mode::Forward && self.is_elsewhere() && !is_answered_here
    }

    /// Passes lines on if that is to be done. Returns whether a line has ended.
    pub(super) fn forward(&mut self, bytes: &mut &[u8], lines: &mut usize, standby: &mut Standby) -> bool {
        let is_forwarded = self.is_forwarded(standby);
        if !is_forwarded {
            self.connection.set_without_owner(self.is_elsewhere());
            return false;
        }
        self.attach(standby);
        let Service::Elsewhere(remote) = &mut self.service else { return false };
        let conn = self.serial;
        let passed = self.connection.pass_on(bytes, lines, remote.room(), |passed| standby.pass(conn, passed));
        remote.sent += passed;
        passed > 0
    }

    /// Has the owner serve the client, if that would have something to say unasked.
    pub(super) fn attach_if_bound(&mut self, standby: &mut Standby) {
        if self.is_elsewhere() && self.connection.is_bound() && self.is_forwarded(standby) {
            self.attach(standby);
        }
    }

    fn attach(&mut self, standby: &mut Standby) {
        if let Service::Elsewhere(remote) = &mut self.service
            && !remote.is_attached
            && let Some(address) = self.connection.peer()
        {
            remote.is_attached = true;
            let (form, state) = (self.connection.line_form(), self.connection.state());
            standby.attach(self.serial, remote.slot, Arrival { address, form, state });
        }
    }

    /// Takes output for the client, and what is true once it has that.
    pub(in crate::server) fn take_output(&mut self, bytes: &[u8], whole: Option<Whole>, buffers: &mut Buffers) {
        let Service::Elsewhere(remote) = &mut self.service else { return };
        if self.connection.is_over() {
            return;
        }
        remote.received += bytes.len() as u64;
        remote.is_partial = whole.is_none();
        self.out.lend(|| buffers.lend());
        self.out.make_room();
        self.out.buffer().extend_from_slice(bytes);
        self.out.release();
        let Some(Whole { answered, change }) = whole else { return };
        remote.answered = answered.min(remote.sent);
        match change {
            Change::Nothing => {}
            Change::ToldUpto(last) => self.connection.set_told_upto(last),
            Change::State(state) => self.connection.set_state(state),
        }
    }

    /// Takes note that the owner serves the client no more, or that nobody knows whether it does. A client that awaits
    /// something is closed: nobody knows whether that was done.
    pub(in crate::server) fn lose_owner(&mut self, why: Why) {
        let Service::Elsewhere(remote) = &mut self.service else { return };
        let is_lost = remote.is_awaiting();
        **remote = Remote::new(remote.slot);
        if !self.connection.is_over() {
            match why {
                Why::Moved if !is_lost => {}
                Why::Moved | Why::OutcomeUnknown => self.connection.set_over(Over::OutcomeUnknown),
                Why::Http => self.connection.set_over(Over::Http),
                Why::RateLimited => self.connection.set_over(Over::RateLimited),
                Why::Refused => self.connection.set_over(Over::Refused),
            }
        }
    }

    /// Leaves the client to another server, as soon as its connection is settled. The thread must have no turn.
    pub(in crate::server) fn leave_service(&mut self, slot: usize) {
        if matches!(self.service, Service::Here) && !self.is_pipe() {
            self.service = Service::Leaving;
            self.go_if_leaving(slot);
        }
    }

    /// Serves the client here from now on. The thread must have no turn.
    pub(in crate::server) fn take_service(&mut self) {
        if self.is_elsewhere() {
            self.lose_owner(Why::Moved);
            if !self.connection.is_over() {
                self.connection.come_back();
            }
        }
        // Of a peer that stands for another server's client, nothing was changed.
        self.service = Service::Here;
    }

    /// Tells the owner what the client has got.
    pub(super) fn acknowledge(&mut self, standby: &mut Standby) {
        if let Service::Elsewhere(remote) = &mut self.service
            && remote.is_attached
        {
            let taken = remote.received.saturating_sub(self.out.len() as u64);
            if taken >= remote.acknowledged + ACKNOWLEDGED_BYTES {
                remote.acknowledged = taken;
                standby.acknowledge(self.serial, taken);
            }
        }
    }

    /// Goes to another server if it is to, now that all is committed. Returns whether it has gone. The thread must have no turn.
    pub(in crate::server) fn go_if_leaving(&mut self, slot: usize) -> bool {
        let is_idle = matches!((&self.service, &self.job), (Service::Leaving, JobState::None));
        let goes = is_idle && self.connection.is_settled();
        if goes {
            self.connection.depart();
            self.service = Service::Elsewhere(Box::new(Remote::new(slot)));
        }
        goes
    }

    /// Tries again to go on with a subscription, if that is due. Returns whether it is.
    pub(in crate::server) fn retry_subscription(&mut self) -> bool {
        let wants_retry = self.connection.wants_retry();
        if wants_retry {
            self.connection.retry();
        }
        wants_retry
    }
}

/// A client of another server, which is served here.
impl Peer {
    /// A peer for a client that comes with `arrival`. The thread must have no turn.
    pub(in crate::server) fn of_server(
        chat: Chat,
        pipe: Pipe,
        (number, arrival): (u64, Arrival),
        ticket: Ticket,
        now: Instant,
    ) -> Self {
        let Arrival { address, form, state } = arrival;
        let mut peer = Self::over(Socket::Pipe(Box::new(pipe)), Box::new(Tcp), (number, address), ticket, chat, now);
        peer.connection.set_line_form(form);
        peer.connection.arrive(state);
        peer
    }

    pub(super) fn is_pipe(&self) -> bool {
        matches!(self.socket, Socket::Pipe(_))
    }

    /// Where what its client sends comes in, and how lines end there once one has.
    pub(in crate::server) fn pipe(&mut self, ending: Option<Ending>) -> Option<&mut Pipe> {
        ending.into_iter().for_each(|ending| self.connection.set_ending(ending));
        self.socket.pipe()
    }

    /// Takes a line that was too long for the other server, if that comes next.
    pub(super) fn take_long_line(&mut self) -> bool {
        let Some((first, is_busy)) = self.socket.pipe().and_then(Pipe::take_long_line) else { return false };
        self.connection.refuse_long_line(first, is_busy);
        true
    }

    /// Takes what is to be told to the other server since the last time, if there is something.
    pub(in crate::server) fn take_update(&mut self) -> Option<(Vec<u8>, Option<Whole>)> {
        let is_settled = self.out.is_empty()
            && matches!(self.job, JobState::None)
            && self.connection.is_settled()
            && !self.connection.mid_line();
        let pipe = self.socket.pipe()?;
        pipe.is_touched = false;
        let bytes = pipe.take_output();
        if !is_settled {
            pipe.is_whole &= bytes.is_empty();
            return (!bytes.is_empty()).then_some((bytes, None));
        }
        let answered = pipe.bytes_read() - self.untaken.len() as u64;
        let state = self.connection.state();
        if bytes.is_empty() && pipe.is_whole && (answered, &state) == (pipe.told.0, &pipe.told.1) {
            return None;
        }
        pipe.is_whole = true;
        let change = change(&pipe.told.1, &state);
        pipe.told = (answered, state);
        Some((bytes, Some(Whole { answered, change })))
    }

    /// Why a peer is closed, as the other server is told.
    pub(in crate::server) fn why(&self, reason: &Disconnect) -> Why {
        match (self.connection.over(), reason) {
            (Some(Over::OutcomeUnknown), _) | (_, Disconnect::OutcomeUnknown) => Why::OutcomeUnknown,
            (Some(Over::Http), _) => Why::Http,
            (Some(Over::RateLimited), _) => Why::RateLimited,
            (Some(Over::Refused), _) => Why::Refused,
            (None, _) => Why::Moved,
        }
    }
}

fn change(before: &ConnectionState, now: &ConnectionState) -> Change {
    if before == now {
        return Change::Nothing;
    }
    if let (Some(old), Some(new)) = (&before.bound, &now.bound)
        && let Some(last) = new.told_upto
        && (before.has_used_session, old.session, &old.user) == (now.has_used_session, new.session, &new.user)
    {
        return Change::ToldUpto(last);
    }
    Change::State(now.clone())
}

/// How many bytes a client takes before the owner is told of them: a quarter of what may be on their way.
const ACKNOWLEDGED_BYTES: u64 = 32 * 1024;
