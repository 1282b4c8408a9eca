//! One peer, without I/O: received bytes in, bytes to send out. It relies on the [engine](crate::Chat) for what commands
//! do, and on the peer's [`Outbox`] for what becomes of the answers.

mod allowance;
mod answers;
mod asked;
mod live;
#[cfg(feature = "server")]
mod moving;
mod over;
mod session;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use self::allowance::Allowance;
use self::asked::{Asked, Uncommitted};
use self::live::Live;
#[cfg(feature = "server")]
pub(crate) use self::moving::{Bound, ConnectionState, Passed};
pub(crate) use self::over::Over;
use crate::engine::{Chat, FinishedJob, Job, Origin, Step, Turn, next_connection};
use crate::error::Error;
use crate::limits::{ANSWER_BYTES_PER_LINE, LINES_PER_TURN, REQUEST_BYTES_SHORT};
#[cfg(feature = "server")]
use crate::limits::{Limits, READ_BYTES};
use crate::outbox::Outbox;
use crate::protocol::{Frame, Frames, Request, http, rpc};

/// A byte stream of one peer. It does no I/O: the caller hands in what it received, and sends what comes into the
/// peer's [`Outbox`], by whatever means it has.
///
/// [`receive`](Self::receive) does everything within the call: it checks passwords, which takes tens of milliseconds, and
/// if the chat is kept on a disk, it reads from there and waits until what its answers promise is written.
/// [`step`](Self::step) leaves to the caller what may block for other reasons than a commit.
///
/// An idle connection keeps an unfinished line, which is shorter than
/// [`line_bytes`](crate::limits::Limits::line_bytes), and the last token that it was sent.
///
/// ```
/// use chat_lib::{Chat, Connection, Outbox};
///
/// let chat = Chat::memory();
/// let mut out = Outbox::new(&chat);
/// let mut connection = Connection::new(chat);
/// for piece in [&b"ha"[..], b"lo\r", b"\n"] {
///     assert_eq!(connection.receive(piece, &mut out), piece.len());
/// }
/// assert_eq!(out.output(), b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n");
/// ```
pub struct Connection {
    chat: Chat,
    origin: Origin,
    frames: Frames,
    /// A line has ended.
    begun: bool,
    /// Every line is JSON, whatever it begins with.
    is_json: bool,
    /// Nothing more is taken from the peer.
    over: Option<Over>,
    /// The server stops: nothing is replayed any more.
    is_leaving: bool,
    /// What the peer may still send, if that is limited.
    allowance: Option<Allowance>,
    /// The first request is refused, because there are too many connections, and then it is over.
    is_refused: bool,
    pending: Pending,
    /// The request that `pending` is about.
    asked: Asked,
    /// What was answered since the last commit.
    uncommitted: Uncommitted,
    /// The session that protocol 2 has bound.
    live: Option<Box<Live>>,
    /// The session that was bound when everything was committed, if the turn has bound another one, or none.
    replaced: Option<Box<Live>>,
    waker: Option<Waker>,
    /// Another server has found a line to be too long, which comes before what is received next.
    long_line: Option<LongLine>,
    /// Requests are refused with `busy`, because no server of the cluster can do them.
    is_without_owner: bool,
    /// What is known of it while another server serves it.
    #[cfg(feature = "server")]
    away: Option<Box<ConnectionState>>,
}

/// A line that is too long, of which another server has told.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "it comes from servers"))]
struct LongLine {
    first: u8,
    /// It is so only because too much is held of requests.
    is_busy: bool,
}

/// What the peer's last request waits for. As long as it is not answered whole, its last byte is not taken, so that the
/// caller comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Pending {
    /// For nothing: its last byte was taken.
    Nothing,
    /// For its job to be finished.
    Job,
    /// For a page of messages, which no request has asked for.
    Page,
    /// For its last byte to be handed in again, once there was room for the rest of its answer.
    LastByte,
}

impl Connection {
    /// A fresh connection to `chat`.
    pub fn new(chat: Chat) -> Self {
        Self::numbered(chat, next_connection(), None)
    }

    /// As [`new`](Self::new), with the address that the log gives for the peer.
    pub fn with_peer(chat: Chat, peer: SocketAddr) -> Self {
        Self::numbered(chat, next_connection(), Some(peer))
    }

    /// As [`new`](Self::new), with a number from [`next_connection`].
    pub(crate) fn numbered(chat: Chat, number: u64, peer: Option<SocketAddr>) -> Self {
        let frames = Frames::new(chat.limits().line_bytes);
        let counters = chat.counters();
        counters.connections.inc();
        counters.open_connections.inc();
        let mut connection = Self {
            chat,
            origin: Origin::of_connection(number),
            frames,
            begun: false,
            is_json: false,
            over: None,
            is_leaving: false,
            allowance: None,
            is_refused: false,
            pending: Pending::Nothing,
            asked: Asked::default(),
            uncommitted: Uncommitted::default(),
            live: None,
            replaced: None,
            waker: None,
            long_line: None,
            is_without_owner: false,
            #[cfg(feature = "server")]
            away: None,
        };
        peer.into_iter().for_each(|peer| connection.set_peer(peer));
        connection
    }

    /// Takes note of the peer's address, before anything was received.
    pub(crate) fn set_peer(&mut self, peer: SocketAddr) {
        self.origin.set_peer(peer, self.chat.limits());
        self.allowance = self.origin.is_limited.then(|| Allowance::new(self.chat.limits()));
    }

    /// Takes received bytes and appends the answers to the requests that ended in them. How the
    /// bytes were cut into pieces makes no difference.
    ///
    /// Returns how many of the bytes were taken: all of them, unless `out` has come to hold
    /// [`reply_bytes`](crate::limits::Limits::reply_bytes). Send its output then, and hand in the rest before
    /// anything newer. `out` is this connection's, and always the same.
    #[must_use = "bytes that were not taken must be handed in again"]
    pub fn receive(&mut self, bytes: &[u8], out: &mut Outbox) -> usize {
        let (mut rest, mut lines) = (bytes, usize::MAX);
        let mut finished = None;
        loop {
            let job = self.in_turn(out, |connection, turn, out| {
                let job = finished.take().and_then(|job| connection.finish_request(job, turn, out));
                job.or_else(|| connection.start_requests(&mut rest, &mut lines, turn, out))
            });
            match job {
                Some(job) => finished = Some(job.run()),
                None => return bytes.len() - rest.len(),
            }
        }
    }

    /// As [`receive`](Self::receive), but stops where something comes that may block, such as the check of a password, and
    /// returns it as a [`Job`]; hand in nothing more until it is [finished](Self::finish_job). The last byte of its request
    /// is not taken before. Answers [`LINES_PER_TURN`] lines at most, so that others can have their turn: hand in the rest
    /// then.
    ///
    /// ```
    /// use chat_lib::{Chat, Connection, NewUser, Outbox};
    ///
    /// let chat = Chat::memory();
    /// chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "Brasil" })?;
    /// let mut out = Outbox::new(&chat);
    /// let mut connection = Connection::new(chat);
    /// let received = b"auth ana secret\r\nhalo\r\n";
    ///
    /// let step = connection.step(received, &mut out);
    /// let mut job = step.job;
    /// assert_eq!(&received[step.taken..], b"\nhalo\r\n");
    /// while let Some(waiting) = job {
    ///     // Anywhere, and on any thread:
    ///     let finished = waiting.run();
    ///     job = connection.finish_job(finished, &mut out);
    /// }
    /// assert!(out.output().starts_with(b"{\"status\": \"OK\", \"tokenid\": "));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    pub fn step(&mut self, bytes: &[u8], out: &mut Outbox) -> Received {
        let (mut rest, mut lines) = (bytes, LINES_PER_TURN);
        let job =
            self.in_turn(out, |connection, turn, out| connection.start_requests(&mut rest, &mut lines, turn, out));
        Received { taken: bytes.len() - rest.len(), job }
    }

    /// Goes on with the request that a [`step`](Self::step) stopped at, and appends its answer. Returns another job if one
    /// is needed: somebody else may have read the same messages meanwhile.
    #[must_use = "the connection waits for the job"]
    pub fn finish_job(&mut self, job: FinishedJob, out: &mut Outbox) -> Option<Job> {
        self.in_turn(out, |connection, turn, out| connection.finish_request(job, turn, out))
    }

    /// Does `work` in a turn of its own. The job that it gives may be run: what came before is committed.
    fn in_turn(
        &mut self,
        out: &mut Outbox,
        work: impl FnOnce(&mut Self, &mut Turn<'_>, &mut Outbox) -> Option<Job>,
    ) -> Option<Job> {
        let chat = self.chat.clone();
        let mut turn = chat.begin();
        let job = work(self, &mut turn, out);
        self.release_answers(&turn.commit(), out);
        self.deliver(out);
        out.account();
        job.filter(|_| !self.is_over())
    }

    /// Takes bytes off the front of `bytes`, and runs the steps of the requests that end in them. Stops after `lines`
    /// lines, which it counts down, or at a job. The answers wait for [`release_answers`](Self::release_answers), and so does the job.
    pub(crate) fn start_requests(
        &mut self,
        bytes: &mut &[u8],
        lines: &mut usize,
        turn: &mut Turn<'_>,
        out: &mut Outbox,
    ) -> Option<Job> {
        let room = self.chat.answer_room();
        out.make_room();
        let line_bytes = match self.chat.is_full_of_requests() {
            true => turn.limits.line_bytes.min(REQUEST_BYTES_SHORT),
            false => turn.limits.line_bytes,
        };
        self.frames.set_limit(line_bytes);
        turn.forget_session();
        turn.origin = self.live.as_ref().map(|live| Arc::clone(live.mailbox()));
        if let Some(live) = &mut self.live
            && !live.check(turn)
        {
            self.origin.bound = None;
        }
        if let Some(allowance) = &mut self.allowance {
            allowance.refill(turn.limits, turn.now());
        }
        loop {
            if self.is_over() || out.is_abandoned() {
                *bytes = &[];
                return None;
            }
            if !self.take_last_byte(bytes, room, out) || out.len() >= room || *lines == 0 {
                return None;
            }
            let received = *bytes;
            let mut is_busy = line_bytes < turn.limits.line_bytes;
            let frame = match self.long_line.take() {
                Some(long) => {
                    is_busy = long.is_busy;
                    Frame::TooLong { first: long.first }
                }
                None => match self.frames.next(bytes) {
                    Some(frame) => frame,
                    None => return self.replay(room, out),
                },
            };
            *lines -= 1;
            let before = out.end();
            let is_admitted =
                !self.is_without_owner && self.allowance.as_mut().is_none_or(Allowance::take) && !self.is_refused;
            let outcome = match frame {
                // What a transport counts as a request, such as a ping, comes as an empty line.
                Frame::Line(line) if self.is_json && is_admitted && line.trim_ascii().is_empty() => continue,
                Frame::Line(line) if self.is_json || rpc::is_rpc(line) => {
                    let (id, command) = match rpc::parse(line) {
                        Ok(call) => (call.id, Ok(call.command)),
                        Err(refusal) => (refusal.id, Err(refusal.error)),
                    };
                    self.asked = Asked::Call(id);
                    match command {
                        _ if !is_admitted => self.refuse(turn),
                        Ok(command) => self.chat.start(&Request::new(command), &mut self.origin, turn),
                        Err(refusal) => Chat::refuse_line(refusal, &self.origin, turn),
                    }
                }
                Frame::TooLong { first } => {
                    self.asked = if self.is_json || rpc::is_rpc(&[first]) { Asked::unread_call() } else { Asked::Line };
                    let limit = turn.limits.line_bytes;
                    let refusal = if is_busy { Error::Busy } else { Error::LineTooLong { limit } };
                    match is_admitted {
                        true => Chat::refuse_line(refusal, &self.origin, turn),
                        false => self.refuse(turn),
                    }
                }
                Frame::Line(line) => {
                    self.asked = Asked::Line;
                    if http::is_host_header(line) || !self.begun && http::is_request_line(line) {
                        self.over = Some(Over::Http);
                        Chat::refuse_line(Error::BadCommand, &self.origin, turn)
                    } else if is_admitted {
                        self.chat.start_line(line, &mut self.origin, turn)
                    } else {
                        self.refuse(turn)
                    }
                }
            };
            self.begun = true;
            let job = self.append(outcome, turn, room, out);
            let work = turn.take_work();
            if let Some(allowance) = self.allowance.as_mut().filter(|_| work > 0) {
                allowance.charge(work, turn.limits);
            }
            let written = usize::try_from(out.end() - before).unwrap_or(usize::MAX);
            *lines = lines.saturating_sub(work + written / ANSWER_BYTES_PER_LINE);
            if self.pending != Pending::Nothing {
                let taken = received.len() - bytes.len();
                *bytes = received.get(taken.saturating_sub(1)..).unwrap_or_default();
                return job;
            }
        }
    }

    /// Goes on with the request whose job was run. The answer, or another job, waits for [`release_answers`](Self::release_answers).
    pub(crate) fn finish_request(&mut self, job: FinishedJob, turn: &mut Turn<'_>, out: &mut Outbox) -> Option<Job> {
        if self.is_over() || out.is_abandoned() {
            return None;
        }
        turn.origin = self.live.as_ref().map(|live| Arc::clone(live.mailbox()));
        let outcome = self.chat.finish(job, turn);
        if self.pending == Pending::Page {
            self.pending = Pending::Nothing;
            #[cfg(feature = "server")]
            let outcome = self.take_restored(outcome, out)?;
            match (outcome, &mut self.live) {
                (Ok(Step::Page(page)), Some(live)) => live.write_page(page, out),
                (_, Some(live)) => {
                    live.fail_replay();
                    turn.unsubscribe(Arc::clone(live.mailbox()));
                }
                (_, None) => {}
            }
            return None;
        }
        let job = self.append(outcome, turn, self.chat.answer_room(), out);
        // Others read pages meanwhile, and must see what this one takes.
        out.account();
        if job.is_none() {
            self.pending = Pending::LastByte;
        }
        job
    }

    /// The peer's address, if it was given.
    #[cfg(feature = "server")]
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.origin.peer
    }

    /// The limits in effect.
    #[cfg(feature = "server")]
    pub(crate) fn limits(&self) -> &Limits {
        self.chat.limits()
    }

    /// How many bytes are held of a line that has not ended.
    #[cfg(feature = "server")]
    pub(crate) fn held(&self) -> usize {
        self.frames.held()
    }

    /// How many bytes to read at once.
    #[cfg(feature = "server")]
    pub(crate) fn read_bytes(&self) -> usize {
        if self.chat.is_full_of_requests() { REQUEST_BYTES_SHORT } else { READ_BYTES }
    }

    /// How many bytes of answers may wait before no more is taken.
    #[cfg(feature = "server")]
    pub(crate) fn room(&self) -> usize {
        self.chat.answer_room()
    }

    /// Whether the connection is over: close it once its answers are sent. Its peer speaks HTTP (`docs/protocol.md`,
    /// "Requests"), or goes on although it was told that it sends too many requests; or the store cannot tell whether it did what
    /// the peer has asked for, so that no answer would be true. What is received now is taken and ignored.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether a line has begun and its end has not come. A peer that leaves it at that for long may
    /// be hung up on.
    pub fn mid_line(&self) -> bool {
        self.frames.mid_line()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.chat.counters().open_connections.dec();
        let lives = self.live.iter().chain(&self.replaced);
        lives.filter(|live| live.is_bound()).for_each(|live| self.chat.unbind(live.mailbox()));
    }
}

/// How far [`Connection::step`] has come.
#[derive(Debug)]
#[must_use = "bytes that were not taken must be handed in again, and a job finished"]
pub struct Received {
    /// How many of the bytes were taken.
    pub taken: usize,
    /// The job that it stopped at.
    pub job: Option<Job>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("number", &self.origin.connection)
            .field("peer", &self.origin.peer)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
