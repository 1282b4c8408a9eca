//! The load of requests: all connections, on one thread.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use chat_lib::Error;
use chat_lib::model::{MessageId, SessionToken};
use chat_lib::protocol::Reply;
use mio::Token;

use super::connection::{Connection, READ_BYTES, code};
use super::ledger::{OUT_OF_ORDER, Order, Plan, Seen, Sent};
use super::pace::Pace;
use super::pipe::Incoming;
use super::progress::Progress;
use super::readback::read_messages;
use super::tally::Tally;
use super::waiting::Waiting;
use super::workload::Kind;

/// What the load consists of.
pub(super) struct Driver<'a> {
    pub(super) plan: &'a Plan,
    pub(super) pace: Pace,
    pub(super) tally: Tally,
    /// The kinds of requests, in the order in which each connection makes them.
    pub(super) round: Vec<Kind>,
    /// How many requests a connection has in flight at most.
    pub(super) depth: usize,
    /// How long nothing at all may come.
    pub(super) patience: Duration,
    pub(super) sent: Vec<Sent>,
    /// What was read by requests of the load.
    pub(super) seen: Seen<'a>,
    pub(super) peers: Vec<Peer>,
    /// How many requests of all of them are not answered.
    pub(super) in_flight: usize,
    /// Takes accounts that have much unread, and how much that is; and how much each has.
    pub(super) full: Sender<usize>,
    pub(super) full_at: u64,
    pub(super) unread: Vec<u64>,
}

/// A connection and its requests.
pub(super) struct Peer {
    /// `None` when it is lost.
    connection: Option<Connection>,
    token: SessionToken,
    asked: VecDeque<Asked>,
    /// How many requests were made.
    turn: usize,
    /// Of what it has read.
    order: Order,
    /// The last message that was acknowledged, in protocol 2.
    last: MessageId,
}

struct Asked {
    kind: Kind,
    /// Of a message.
    number: u64,
    since: Instant,
}

impl Peer {
    pub(super) fn new(connection: Connection, token: SessionToken) -> Self {
        let (asked, order) = (VecDeque::new(), Order::default());
        Self { connection: Some(connection), token, asked, turn: 0, order, last: MessageId::NONE }
    }
}

impl Driver<'_> {
    /// Makes requests until there are to be no more, and all are answered or given up.
    pub(super) fn run(&mut self, progress: &mut Progress) -> io::Result<()> {
        let mut waiting = Waiting::new()?;
        for (number, peer) in self.peers.iter_mut().enumerate() {
            // Connections do not begin with the same request.
            peer.turn = number;
            if let Some(connection) = &peer.connection {
                connection.register(waiting.registry(), Token(number))?;
            }
        }
        let (mut buffer, mut text) = (vec![0; READ_BYTES], String::new());
        (0..self.peers.len()).for_each(|number| self.ask(number, Instant::now(), &mut text));
        let mut heard = Instant::now();
        loop {
            let now = Instant::now();
            if progress.tick(now, &self.pace, &self.tally) {
                self.pace.stop(now);
            }
            if self.in_flight == 0 && (self.pace.is_done(now) || self.are_all_lost()) {
                break;
            }
            if self.in_flight == 0 {
                heard = now;
            } else if now.saturating_duration_since(heard) > self.patience {
                (0..self.peers.len()).for_each(|number| self.lose_if_waiting(number));
                break;
            }
            for event in waiting.wait(self.pace.due_time())? {
                let Token(number) = event.token();
                let Some(connection) = self.peers.get_mut(number).and_then(|peer| peer.connection.as_mut()) else {
                    continue;
                };
                let received = match event.is_readable() || event.is_read_closed() {
                    true => connection.receive(&mut buffer, event.is_read_closed()),
                    false => Ok(()),
                };
                let now = Instant::now();
                let answered = self.take_answers(number, now);
                match (answered, received) {
                    (Err(error), _) => self.lose(number, error.code()),
                    (Ok(()), Err(problem)) => self.lose(number, &code(problem)),
                    (Ok(()), Ok(())) => {
                        heard = now;
                        self.ask(number, now, &mut text);
                    }
                }
            }
            let now = Instant::now();
            // Of those that are due now, the others come after the next answers.
            for _ in 0..DUE_AT_ONCE {
                let Some(number) = self.pace.next_due(now) else { break };
                self.ask(number, now, &mut text);
            }
        }
        let now = Instant::now();
        (0..self.peers.len()).for_each(|number| self.miss(number, now));
        if let Some(until) = self.pace.until() {
            self.tally.lasted_until(until.min(now));
        }
        Ok(())
    }

    /// Makes the requests that a connection is to make now, and sends what can be sent.
    fn ask(&mut self, number: usize, now: Instant, text: &mut String) {
        let account = self.plan.account_of(number);
        let Some(peer) = self.peers.get_mut(number) else { return };
        let Some(connection) = &mut peer.connection else { return };
        let mut outcome = Ok(());
        while peer.asked.len() < self.depth {
            let Some(since) = self.pace.next(number, now) else { break };
            let Some(kind) = self.round.get(peer.turn % self.round.len().max(1)).copied() else { break };
            peer.turn += 1;
            let mut message = 0;
            let other = match kind {
                Kind::Send => {
                    message = self.plan.next_number(number);
                    self.plan.texts.write(number, message, text);
                    self.plan.receiver_of(account)
                }
                _ => self.plan.sender_to(account),
            };
            self.in_flight += 1;
            peer.asked.push_back(Asked { kind, number: message, since });
            outcome = connection.pipe.request(Some(peer.token), kind.command(self.plan.name(other), text));
            if outcome.is_err() {
                break;
            }
        }
        if let Err(error) = outcome.and_then(|()| Ok(connection.flush()?)) {
            self.lose(number, error.code());
        }
    }

    /// Takes what a connection has received.
    fn take_answers(&mut self, number: usize, now: Instant) -> Result<(), Error> {
        let Some(peer) = self.peers.get_mut(number) else { return Ok(()) };
        let Some(connection) = &mut peer.connection else { return Ok(()) };
        loop {
            let command = peer.asked.front().map(|asked| asked.kind.command("", ""));
            let outcome = match connection.pipe.next(command.as_ref())? {
                None => return Ok(()),
                Some(Incoming::Event) => continue,
                Some(Incoming::Answer(outcome)) => outcome,
            };
            let Some(Asked { kind, number: message, since }) = peer.asked.pop_front() else { continue };
            self.in_flight -= 1;
            let sent = self.sent.get_mut(number);
            match outcome {
                Ok(reply) => {
                    self.tally.answered(kind.name(), since, now);
                    let account = self.plan.account_of(number);
                    match reply {
                        Reply::Sent { id, .. } => {
                            sent.map(|sent| sent.acknowledged.set(message));
                            if id <= peer.last && id != MessageId::NONE {
                                let last = peer.last.get();
                                self.seen.fault(OUT_OF_ORDER, || format!("id {} was given after id {last}", id.get()));
                            }
                            peer.last = id;
                            let receiver = self.plan.receiver_of(account);
                            if let Some(unread) = self.unread.get_mut(receiver) {
                                *unread += 1;
                                if *unread == self.full_at {
                                    *unread = 0;
                                    // When nobody reads any more, the run is about to end with the reason.
                                    self.full.send(receiver).ok();
                                }
                            }
                        }
                        Reply::Inbox(inbox) => _ = read_messages(account, &mut peer.order, &inbox, &mut self.seen),
                        Reply::History(list) if !list.entries.is_sorted_by(|one, next| one.id < next.id) => {
                            self.seen.fault(OUT_OF_ORDER, || "a page of a conversation".to_owned());
                        }
                        _ => {}
                    }
                }
                Err(error) => {
                    self.tally.refuse(error.code());
                    // Otherwise it may have been stored.
                    if kind == Kind::Send && !matches!(error, Error::OutcomeUnknown(_)) {
                        sent.map(|sent| sent.refused.set(message));
                    }
                }
            }
        }
    }

    fn are_all_lost(&self) -> bool {
        self.peers.iter().all(|peer| peer.connection.is_none())
    }

    fn lose_if_waiting(&mut self, number: usize) {
        if self.peers.get(number).is_some_and(|peer| !peer.asked.is_empty()) {
            self.lose(number, Error::TimedOut.code());
        }
    }

    /// Gives a connection up.
    fn lose(&mut self, number: usize, code: &str) {
        let Some(peer) = self.peers.get_mut(number) else { return };
        if peer.connection.take().is_none() {
            return;
        }
        let now = Instant::now();
        self.tally.fail(code);
        self.in_flight -= peer.asked.len();
        peer.asked.drain(..).for_each(|asked| self.tally.give_up(asked.kind.name(), asked.since, now));
        self.miss(number, now);
        self.pace.give_up(number);
    }

    /// Counts the requests that a connection should have made, each as the kind that it would have been.
    fn miss(&mut self, number: usize, now: Instant) {
        let turn = self.peers.get(number).map_or(0, |peer| peer.turn);
        let kinds = self.round.iter().cycle().skip(turn % self.round.len().max(1));
        self.pace.missed(number, now).zip(kinds).for_each(|(due, kind)| self.tally.miss(kind.name(), due, now));
    }
}

/// How many requests that are due are made before answers are read again.
const DUE_AT_ONCE: usize = 1024;
