//! Many clients of a chat whose machines die. Each takes another server when its own does not answer, and records what it has done and what came of it.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::history::{Conversation, History, Message, Name, Session, Time, User};
use crate::random::Random;
use wire::Wire;

pub(crate) mod inboxes;
pub(crate) mod leavers;
pub(crate) mod readers;
pub(crate) mod senders;
pub(crate) mod subscribers;
pub(crate) mod wire;

/// The room that all are in.
pub(crate) const ROOM: &str = "#all";
pub(crate) const PASSWORD: &str = "rahasia";

/// What all clients share.
pub(crate) struct Stage {
    pub(crate) addresses: Vec<SocketAddr>,
    /// How many users there are. Nobody but the last one's inbox moves that one's cursors.
    pub(crate) users: User,
    pub(crate) seed: u64,
    start: Instant,
    /// Nobody sends or reads any more, and subscribers hear the rest.
    stopped: AtomicBool,
    /// Nobody waits any more.
    over: AtomicBool,
    /// The last message that each user sees, once that is known.
    last: OnceLock<Vec<u64>>,
    /// When the last fault was, in nanoseconds since the start.
    fault: AtomicU64,
    /// How many messages were acknowledged that were sent after that.
    acknowledged: AtomicU64,
}

impl Stage {
    pub(crate) fn new(addresses: Vec<SocketAddr>, users: User, seed: u64) -> Self {
        Self {
            addresses,
            users,
            seed,
            start: Instant::now(),
            stopped: AtomicBool::new(false),
            over: AtomicBool::new(false),
            last: OnceLock::new(),
            fault: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.start.elapsed()
    }

    /// Something happens now: messages that are sent from now on are counted from 0.
    pub(crate) fn mark(&self) -> Time {
        let now = self.now();
        self.fault.store(u64::try_from(now.as_nanos()).unwrap(), Ordering::SeqCst);
        self.acknowledged.store(0, Ordering::SeqCst);
        now
    }

    /// How many messages were acknowledged that were sent since the last [`mark`](Self::mark).
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    fn count(&self, began: Time) {
        if began.as_nanos() >= u128::from(self.fault.load(Ordering::SeqCst)) {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Ends what clients do, but not what subscribers hear.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Tells subscribers the last message of each user, up to which they listen.
    pub(crate) fn set_last(&self, last: Vec<u64>) {
        self.last.set(last).unwrap();
    }

    /// Whether a subscriber that has heard that message has heard all.
    fn has_heard_all(&self, user: User, heard: u64) -> bool {
        self.last.get().is_some_and(|last| last[usize::from(user)] <= heard)
    }

    /// Ends everything.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

pub(crate) fn user_name(user: User) -> String {
    format!("u{user}")
}

fn parse_user(name: &str) -> Option<User> {
    name.strip_prefix('u')?.parse().ok()
}

/// What a conversation is called by one of its members.
fn called_by(conversation: Conversation, user: User) -> String {
    match conversation {
        Conversation::Room => ROOM.to_owned(),
        Conversation::Direct(one, other) => user_name(if one == user { other } else { one }),
    }
}

/// A message of protocol 2, as that user is told of it.
pub(crate) fn parse_message(message: &Value, user: User) -> Message {
    let field = |name: &str| message[name].as_str();
    let parse = || {
        let with = field("with")?;
        let conversation =
            if with == ROOM { Conversation::Room } else { Conversation::direct(user, parse_user(with)?) };
        let (from, name) = (parse_user(field("from")?)?, Name::parse(field("text")?)?);
        Some(Message { id: message["id"].as_u64()?, conversation, from, name })
    };
    parse().unwrap_or_else(|| panic!("nobody has sent {message}"))
}

/// A user on some server, with a session that outlasts its connections.
pub(crate) struct Client<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) random: Random,
    pub(crate) user: User,
    pub(crate) history: History,
    wire: Option<Wire>,
    /// Counts connections.
    connection: u32,
    /// The server that it is at, or tries next.
    server: usize,
    token: Option<String>,
    session: Session,
    /// Whether it goes on when others have stopped.
    listens: bool,
}

impl<'a> Client<'a> {
    pub(crate) fn new(stage: &'a Stage, number: usize, user: User) -> Self {
        let (random, server) = (Random::of(stage.seed, number), number % stage.addresses.len());
        let (history, session) = (History::default(), Session::default());
        Self { stage, random, user, history, wire: None, connection: 0, server, token: None, session, listens: false }
    }

    /// Its history, at the end.
    pub(crate) fn finish(mut self) -> History {
        self.history.sessions.push(self.session);
        self.history
    }

    /// Stays idle for a moment, as people do: so that a run is as long as its faults and not as large as a machine can.
    fn pause(&mut self, milliseconds: usize) {
        let pause = self.random.within(milliseconds / 4..milliseconds);
        thread::sleep(Duration::from_millis(u64::try_from(pause).unwrap()));
    }

    /// A connection in protocol 2 that its session is bound to; `None` if the run has ended.
    pub(crate) fn wire(&mut self) -> Option<&mut Wire> {
        while self.wire.is_none() && !self.is_done() {
            self.wire = self.connect().and_then(|wire| self.open(wire));
            self.retry_elsewhere();
        }
        self.wire.as_mut()
    }

    /// The token for a connection in protocol 1, which it makes; `None` if the run has ended.
    pub(crate) fn token(&mut self) -> Option<String> {
        while self.wire.is_none() && !self.is_done() {
            self.wire = self.connect();
            if self.token.is_none() {
                let line = format!("auth {} {PASSWORD}", user_name(self.user));
                let answer = self.ask_line(&line);
                self.token = answer.and_then(|answer| Some(answer.get("tokenid")?.as_str()?.to_owned()));
                self.wire.take_if(|_| self.token.is_none());
            }
            self.retry_elsewhere();
        }
        self.token.clone().filter(|_| self.wire.is_some())
    }

    /// A request of protocol 2 on its connection, and the answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.wire.as_mut()?.ask(method, params)
    }

    /// The same in protocol 1.
    pub(crate) fn ask_line(&mut self, line: &str) -> Option<Value> {
        self.wire.as_mut()?.ask_line(line)
    }

    fn is_done(&self) -> bool {
        if self.listens { self.stage.is_over() } else { self.stage.is_stopped() }
    }

    /// The connection is of no use any more.
    pub(crate) fn leave(&mut self) {
        self.wire = None;
        self.retry_elsewhere();
    }

    fn retry_elsewhere(&mut self) {
        if self.wire.is_none() {
            self.server = (self.server + 1) % self.stage.addresses.len();
            self.pause(50);
        }
    }

    fn connect(&mut self) -> Option<Wire> {
        self.connection += 1;
        Wire::connect(self.stage.addresses[self.server])
    }

    /// Logs in, or resumes the session.
    fn open(&mut self, mut wire: Wire) -> Option<Wire> {
        let began = self.stage.now();
        let answer = match &self.token {
            Some(token) => wire.ask("resume", &json!({ "token": token })),
            None => wire.ask("login", &json!({ "user": user_name(self.user), "password": PASSWORD })),
        }?;
        let let_in = let_in(&answer);
        if self.token.is_some() {
            self.session.uses.extend(let_in.map(|let_in| (began, self.stage.now(), let_in)));
        }
        let result = answer.get("result")?;
        self.history.epochs.insert(result["epoch"].as_str()?.to_owned());
        self.token = Some(result["token"].as_str()?.to_owned());
        Some(wire)
    }
}

/// Whether a token is good for something, as an answer to `resume` tells; `None` if it does not.
pub(crate) fn let_in(answer: &Value) -> Option<bool> {
    match wire::refusal(answer) {
        None => Some(true),
        Some(code) => (code == "no_such_session").then_some(false),
    }
}
