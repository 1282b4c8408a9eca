//! One peer of the server: its socket, the transport and the connection on it, and what waits to be sent.
//!
//! A reactor gives it turns. In one, the peer reads and answers ([`Peer::serve`]); when the answers are committed, it sends
//! them ([`Peer::finish_turn`]).

mod deadlines;
mod relayed;
mod state;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tracing::field::{DisplayValue, display};
use tracing::info;

use self::deadlines::Deadlines;
pub(super) use self::state::Next;
use self::state::{JobState, Service};
use super::admission::{Ticket, TurnedAway};
use super::buffers::Buffers;
use super::disconnect::Disconnect;
use super::handoff::{Accepted, PeerWaker};
use super::proxy;
use super::relay::Standby;
use super::socket::Socket;
use super::transport::Transport;
use crate::connection::{Connection, Over};
use crate::engine::{Chat, FinishedJob, Share, Turn};
use crate::error::Error;
use crate::limits::{DEADLINE_CHECK, LINES_PER_TURN, Limits, READS_PER_TURN, RESTORE_RETRY};
use crate::outbox::Outbox;
use crate::store::CommitError;

pub(super) struct Peer {
    pub(super) socket: Socket,
    /// When the reactor will next look at this peer unasked.
    pub(super) alarm: Option<Instant>,
    /// Whether the reactor has it in its queue for another turn.
    pub(super) queued: bool,
    /// The connection's number, which tells it from those that had its slot before.
    pub(super) serial: u64,
    /// A proxy has yet to say whom the connection is from.
    awaits_header: bool,
    /// It may do so within HTTP.
    awaits_forwarded: bool,
    transport: Box<dyn Transport>,
    connection: Connection,
    service: Service,
    out: Outbox,
    /// Received bytes that the connection has not taken: too much is unsent, its turn was over, or it
    /// waits for a job.
    untaken: Vec<u8>,
    /// What is held of its requests: those, and the line that has not ended.
    held: Share,
    job: JobState,
    /// The peer has closed its side.
    ended: bool,
    /// The server has closed its side.
    finished: bool,
    /// The server stops, and reads at most `read_limit` bytes more.
    stopping: bool,
    read_limit: u32,
    deadlines: Deadlines,
    /// Its place among the server's connections.
    ticket: Ticket,
}

impl Peer {
    pub(super) fn new(chat: Chat, accepted: Accepted, now: Instant) -> Self {
        let Accepted { stream, number, address, transport, is_web, ticket, is_proxied } = accepted;
        let mut peer = Self::over(Socket::new(stream), transport, (number, address), ticket, chat, now);
        (peer.awaits_header, peer.awaits_forwarded) = (is_proxied, is_proxied && is_web);
        if is_web {
            peer.connection.take_json_only();
        }
        peer.refuse_if_too_many();
        peer
    }

    fn over(
        socket: Socket,
        transport: Box<dyn Transport>,
        (number, address): (u64, SocketAddr),
        ticket: Ticket,
        chat: Chat,
        now: Instant,
    ) -> Self {
        Self {
            socket,
            alarm: None,
            queued: false,
            serial: number,
            awaits_header: false,
            awaits_forwarded: false,
            transport,
            service: Service::Here,
            out: Outbox::new(&chat),
            held: chat.share_of_requests(),
            connection: Connection::numbered(chat, number, Some(address)),
            untaken: Vec::new(),
            job: JobState::None,
            ended: false,
            finished: false,
            stopping: false,
            read_limit: 0,
            deadlines: Deadlines::new(now),
            ticket,
        }
    }

    fn refuse_if_too_many(&mut self) {
        if self.ticket.is_refused() {
            self.connection.refuse_first_request();
            self.deadlines.set_refused(true);
        }
    }

    /// The address, for the log.
    pub(super) fn address(&self) -> Option<DisplayValue<SocketAddr>> {
        self.connection.peer().map(display)
    }

    /// Reads at most `bytes` more, of what has arrived, and finishes. Events that told of the socket may have been passed
    /// over, so the system is asked.
    pub(super) fn stop_after(&mut self, bytes: usize) {
        self.socket.assume_ready();
        self.connection.leave();
        self.stopping = true;
        self.read_limit = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    /// Whether serving it may take as long as a handshake does.
    pub(super) fn is_handshaking(&self) -> bool {
        self.transport.is_handshaking()
    }

    /// Takes what became of a [`Next::Run`]; the next turn goes on with its request.
    pub(super) fn job_finished(&mut self, job: FinishedJob) {
        self.job = JobState::Finished(job);
    }

    /// Reads and answers until reading would block or the turn is over. The answers wait for [`finish_turn`](Self::finish_turn).
    pub(super) fn serve(&mut self, turn: &mut Turn<'_>, buffers: &mut Buffers, now: Instant) -> Next {
        self.out.lend(|| buffers.lend());
        self.serve_until_blocked(turn, buffers, now).unwrap_or_else(Next::Close)
    }

    /// Sends the answers of a turn that ended with `next`, or refusals in their place if the commit failed. Returns what
    /// to do with the peer now.
    pub(super) fn finish_turn(&mut self, next: Next, commit: &Result<(), CommitError>, buffers: &mut Buffers) -> Next {
        // What others have done, or nobody has, does not depend on it.
        let commit = if self.is_elsewhere() { &Ok(()) } else { commit };
        self.connection.release_answers(commit, &mut self.out);
        if self.out.is_abandoned() {
            return Next::Close(Disconnect::OutcomeUnknown);
        }
        self.send(next, buffers)
    }

    /// Sends the events that have come. Returns what to do with the peer now.
    pub(super) fn deliver(&mut self, buffers: &mut Buffers) -> Next {
        self.out.lend(|| buffers.lend());
        self.send(Next::Wait, buffers)
    }

    /// Sends answers and events.
    fn send(&mut self, next: Next, buffers: &mut Buffers) -> Next {
        let is_awaiting = self.is_awaiting();
        if self.stopping && !self.finished && !is_awaiting && !self.is_pipe() && matches!(next, Next::Finish) {
            self.connection.say_goodbye(&mut self.out);
        }
        loop {
            if !self.finished {
                self.connection.deliver(&mut self.out);
            }
            if let Err(problem) = self.write() {
                return Next::Close(problem.into());
            }
            if self.finished || !self.connection.has_events(&self.out) {
                break;
            }
        }
        let next = match next {
            Next::Full if !self.is_full(&buffers.standby) => Next::Again,
            Next::Finish if self.out.is_empty() && !is_awaiting => {
                self.finish(&mut buffers.scratch).unwrap_or_else(Next::Close)
            }
            Next::Full | Next::Finish => Next::Wait,
            Next::Wait if self.connection.needs_turn(&self.out) => Next::Again,
            next => next,
        };
        // A peer that is not read from cannot complete anything.
        let mid_request = self.awaits_header || self.connection.mid_line() || self.transport.mid_frame();
        self.deadlines.set_mid_request(mid_request && !self.is_full(&buffers.standby));
        if self.out.is_empty() {
            buffers.give_back(self.out.reclaim());
        }
        self.out.account();
        self.acknowledge(&mut buffers.standby);
        next
    }

    /// Whether it has to be woken for events, and nobody would do so.
    pub(super) fn lacks_waker(&self) -> bool {
        self.connection.lacks_waker()
    }

    pub(super) fn set_waker(&mut self, waker: Arc<PeerWaker>) {
        self.connection.set_waker(waker.into());
    }

    /// Makes messages unread again that the peer has asked for and cannot be sent.
    pub(super) fn abandon(&mut self) -> Result<(), Error> {
        self.out.abandon()
    }

    /// When this peer has used up its time for what it is doing; `None` if nothing is awaited.
    pub(super) fn due(&self, limits: &Limits, now: Instant) -> Option<Instant> {
        let retry = if self.connection.wants_retry() { now.checked_add(RESTORE_RETRY) } else { None };
        // The client's own server holds it to its time.
        let own = if self.is_pipe() { None } else { self.deadlines.due(limits) };
        own.into_iter().chain(retry).min()
    }

    /// When this peer has used up its time, also for logging in, and for being idle: an alarm is always set, and looked at when it
    /// goes off, so that no turn has to move it.
    pub(super) fn due_at_last(&mut self, limits: &Limits, now: Instant) -> Option<Instant> {
        if self.connection.is_subscribed() {
            self.deadlines.set_heard(now);
        }
        let check = now.checked_add(DEADLINE_CHECK);
        if self.is_pipe() {
            return self.due(limits, now).into_iter().chain(check).min();
        }
        let login = if self.connection.has_used_session() { None } else { self.deadlines.login_due(limits) };
        let last = [login, self.deadlines.idle_due(limits), check];
        self.due(limits, now).into_iter().chain(last.into_iter().flatten()).min()
    }

    /// Tells a peer that it is refused, if it has sent no line in time. `false` if it has been told, or is not refused.
    pub(super) fn tell_refusal(&mut self) -> bool {
        let is_untold = self.ticket.is_refused() && !self.connection.is_over();
        if is_untold {
            self.connection.refuse_unasked(&mut self.out);
            self.deadlines.set_refused(false);
        }
        is_untold
    }

    /// Tells a peer that is past its time why it is closed, if that is possible at once.
    pub(super) fn tell_reason(&mut self, reason: &Disconnect) {
        if !self.finished && !self.is_handshaking() {
            self.transport.finish(&mut self.socket, reason).ok();
        }
    }

    /// Why a peer that is past its time is closed.
    pub(super) fn timeout_reason(&self) -> Disconnect {
        match (self.deadlines.is_stalled(), self.finished) {
            (true, _) => Disconnect::AnswerTimeout,
            (false, true) => self.finish_reason(),
            (false, false) if self.awaits_header => Disconnect::HeaderTimeout,
            (false, false) if self.deadlines.is_mid_request() => Disconnect::RequestTimeout,
            (false, false) if !self.connection.has_used_session() => Disconnect::LoginTimeout,
            (false, false) => Disconnect::IdleTimeout,
        }
    }

    fn serve_until_blocked(
        &mut self,
        turn: &mut Turn<'_>,
        Buffers { scratch, standby, .. }: &mut Buffers,
        now: Instant,
    ) -> Result<Next, Disconnect> {
        if self.awaits_header && !self.connection.is_over() {
            match self.read_header() {
                Err(Disconnect::Failed(problem)) if problem.kind() == ErrorKind::WouldBlock => {
                    return Ok(if self.stopping { Next::Finish } else { Next::Wait });
                }
                outcome => outcome?,
            }
        }
        self.write()?;
        let (mut reads, mut lines) = (0, LINES_PER_TURN);
        self.attach_if_bound(standby);
        loop {
            match std::mem::take(&mut self.job) {
                JobState::None => {}
                JobState::Running => {
                    self.job = JobState::Running;
                    return Ok(Next::Wait);
                }
                JobState::Found(job) => {
                    self.job = JobState::Running;
                    return Ok(Next::Run(job));
                }
                JobState::Finished(job) => {
                    self.job = self
                        .connection
                        .finish_request(job, turn, &mut self.out)
                        .map_or(JobState::None, JobState::Found);
                    continue;
                }
            }
            if self.connection.needs_turn(&self.out) {
                self.receive(&[], &mut lines, turn, standby);
                if !matches!(self.job, JobState::None) {
                    continue;
                }
            }
            if self.is_full(standby) {
                return Ok(Next::Full);
            }
            if lines == 0 || reads == READS_PER_TURN {
                return Ok(Next::Again);
            }
            if !self.untaken.is_empty() {
                let untaken = std::mem::take(&mut self.untaken);
                self.receive(&untaken, &mut lines, turn, standby);
                continue;
            }
            if self.take_long_line() {
                self.receive(&[], &mut lines, turn, standby);
                continue;
            }
            if self.ended || self.stopping && self.read_limit == 0 || self.connection.is_over() {
                return Ok(Next::Finish);
            }
            reads += 1;
            let scratch = scratch.get_mut(..self.connection.read_bytes()).unwrap_or_default();
            match self.transport.read(&mut self.socket, scratch) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.deadlines.set_heard(now);
                    if self.transport.take_completed() {
                        self.deadlines.set_mid_request(false);
                    }
                    if self.awaits_forwarded
                        && let Some(source) = self.transport.take_forwarded_for()
                    {
                        self.awaits_forwarded = false;
                        self.take_source(Some(SocketAddr::new(source.to_canonical(), 0)))?;
                    }
                    self.read_limit = self.read_limit.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
                    self.receive(scratch.get(..count).unwrap_or_default(), &mut lines, turn, standby);
                }
                Err(problem) if problem.kind() != ErrorKind::WouldBlock => return Err(problem.into()),
                Err(_) if self.stopping => self.read_limit = 0,
                Err(_) => {
                    self.hold();
                    return Ok(Next::Wait);
                }
            }
        }
    }

    /// Reads what a proxy says of the connection.
    fn read_header(&mut self) -> Result<(), Disconnect> {
        #[cfg(feature = "web")]
        if self.awaits_forwarded && proxy::is_without_header(&mut self.socket)? {
            self.awaits_header = false;
            return Ok(());
        }
        self.awaits_forwarded = false;
        let source = proxy::read_header(&mut self.socket)?;
        self.awaits_header = false;
        self.take_source(source)
    }

    /// Takes `source` as the client's address, which a proxy has given.
    fn take_source(&mut self, source: Option<SocketAddr>) -> Result<(), Disconnect> {
        if let Some(source) = source {
            info!(conn = self.serial, peer = %source, proxy = self.address(), "connection through a proxy");
            self.connection.set_peer(source);
        }
        if let Some(peer) = self.connection.peer() {
            self.ticket.set_source(peer, self.connection.limits()).map_err(|TurnedAway| Disconnect::Refused)?;
            self.refuse_if_too_many();
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &[u8], lines: &mut usize, turn: &mut Turn<'_>, standby: &mut Standby) {
        let before = self.out.end();
        let mut rest = bytes;
        if self.forward(&mut rest, lines, standby) {
            self.deadlines.set_mid_request(false);
        } else if !self.is_forwarded(standby)
            && let Some(job) = self.connection.start_requests(&mut rest, lines, turn, &mut self.out)
        {
            self.job = JobState::Found(job);
        }
        self.untaken.extend_from_slice(rest);
        // At once, and not after the turn: the next read of the turn is to know.
        self.hold();
        if self.out.end() > before {
            // A line has ended, so one that is under way is another.
            self.deadlines.set_mid_request(false);
        }
    }

    /// Takes note of how much is held of the peer's requests.
    fn hold(&mut self) {
        let piped = self.socket.pipe().map_or(0, |pipe| pipe.held());
        self.held.set(self.untaken.capacity() + self.connection.held() + self.transport.held() + piped);
    }

    /// Sends what may be sent, until it would block.
    fn write(&mut self) -> io::Result<()> {
        while !self.out.output().is_empty() {
            match self.transport.write(&mut self.socket, self.out.output()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.out.advance(count);
                    self.deadlines.set_stalled(false);
                }
                Err(problem) => return self.stall(problem),
            }
        }
        match self.transport.flush(&mut self.socket) {
            Ok(()) => self.deadlines.set_stalled(false),
            Err(problem) => self.stall(problem)?,
        }
        Ok(())
    }

    /// Starts the peer's time if what is to be sent would block.
    fn stall(&mut self, problem: io::Error) -> io::Result<()> {
        if problem.kind() != ErrorKind::WouldBlock {
            return Err(problem);
        }
        self.deadlines.set_stalled(true);
        Ok(())
    }

    /// Closes towards the peer, and waits for it to do the same: if it sends more to a closed socket, the
    /// system throws away answers that are on their way.
    fn finish(&mut self, scratch: &mut [u8]) -> Result<Next, Disconnect> {
        if self.is_pipe() {
            return Err(self.finish_reason());
        }
        if !self.finished {
            self.socket.assume_ready();
            let reason = if self.ended { Disconnect::PeerClosed } else { self.finish_reason() };
            match self.transport.finish(&mut self.socket, &reason) {
                Ok(()) => {
                    self.finished = true;
                    self.deadlines.set_finished(true);
                }
                Err(problem) if problem.kind() != ErrorKind::WouldBlock && self.ended => {}
                Err(problem) => {
                    self.stall(problem)?;
                    return Ok(Next::Wait);
                }
            }
        }
        if self.ended {
            return Err(Disconnect::PeerClosed);
        }
        for _ in 0..READS_PER_TURN {
            match self.transport.read(&mut self.socket, scratch) {
                Ok(0) => return Err(self.finish_reason()),
                // It was still sending, and has until the server is gone to see the end. A browser has not.
                Ok(_) if !self.connection.is_over() => self.deadlines.set_finished(false),
                Ok(_) => {}
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Ok(Next::Wait),
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(Next::Again)
    }

    /// Why the server has closed its side.
    fn finish_reason(&self) -> Disconnect {
        match self.connection.over() {
            None => Disconnect::ServerStops,
            Some(Over::Http) => Disconnect::Http,
            Some(Over::OutcomeUnknown) => Disconnect::OutcomeUnknown,
            Some(Over::RateLimited) => Disconnect::RateLimited,
            Some(Over::Refused) => Disconnect::Refused,
        }
    }

    /// Whether so much waits for the peer that nothing more is read from it.
    fn is_full(&self, standby: &Standby) -> bool {
        self.out.len() >= self.connection.room() || self.is_blocked(standby)
    }
}
