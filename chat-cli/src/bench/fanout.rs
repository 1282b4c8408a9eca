//! The load of deliveries: one connection sends to a room, and all subscribers have to get each message once, in order.

use std::io;
use std::time::{Duration, Instant};

use chat_lib::Error;
use chat_lib::protocol::{Event, Reply, rpc};
use mio::Token;

use super::connection::{Connection, READ_BYTES, code};
use super::ledger::{ALTERED, LOST, OUT_OF_ORDER, Plan, REPEATED, Seen, Sent};
use super::pace::Pace;
use super::pipe::Incoming;
use super::progress::Progress;
use super::tally::Tally;
use super::under_way::{Message, UnderWay};
use super::waiting::Waiting;
use super::workload::Kind;

/// What the load consists of.
pub(super) struct FanOut<'a> {
    pub(super) plan: &'a Plan,
    pub(super) pace: Pace,
    pub(super) tally: Tally,
    pub(super) room: &'a str,
    /// How many messages may be under way that not every subscriber has got.
    pub(super) depth: usize,
    /// How long nothing at all may come.
    pub(super) patience: Duration,
    pub(super) sent: Sent,
    /// What was wrong with what was delivered.
    pub(super) seen: Seen<'a>,
    /// `None` when it is lost.
    pub(super) sender: Option<Connection>,
    pub(super) subscribers: Vec<Subscriber>,
    pub(super) under_way: UnderWay,
}

pub(super) struct Subscriber {
    /// `None` when it is lost.
    connection: Option<Connection>,
    /// The number of the message that it gets next.
    next: u64,
    /// Messages before that one that it has not got.
    skipped: Vec<u64>,
}

impl Subscriber {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection: Some(connection), next: 0, skipped: Vec::new() }
    }
}

impl FanOut<'_> {
    /// Sends messages until there are to be no more, and all were delivered or given up.
    pub(super) fn run(&mut self, progress: &mut Progress) -> io::Result<()> {
        let mut waiting = Waiting::new()?;
        let connections = self.subscribers.iter().map(|subscriber| &subscriber.connection).chain([&self.sender]);
        for (number, connection) in connections.enumerate() {
            if let Some(connection) = connection {
                connection.register(waiting.registry(), Token(number))?;
            }
        }
        let (mut buffer, mut text) = (vec![0; READ_BYTES], String::new());
        self.send(Instant::now(), &mut text);
        let mut heard = Instant::now();
        loop {
            let now = Instant::now();
            if progress.tick(now, &self.pace, &self.tally) {
                self.pace.stop(now);
            }
            let is_idle = self.under_way.messages.is_empty();
            if is_idle && (self.pace.is_done(now) || self.sender.is_none()) {
                break;
            }
            if is_idle {
                heard = now;
            } else if now.saturating_duration_since(heard) > self.patience {
                self.give_up();
                break;
            }
            for event in waiting.wait(self.pace.due_time())? {
                let Token(number) = event.token();
                let is_sender = number == self.subscribers.len();
                let connection = match self.subscribers.get_mut(number) {
                    Some(subscriber) => &mut subscriber.connection,
                    None => &mut self.sender,
                };
                let Some(connection) = connection else { continue };
                let received = match event.is_readable() || event.is_read_closed() {
                    true => connection.receive(&mut buffer, event.is_read_closed()),
                    false => Ok(()),
                };
                let now = Instant::now();
                let before = self.tally.answers;
                let taken =
                    if is_sender { self.take_answers(now) } else { self.take_deliveries(number, now, &mut text) };
                if self.tally.answers != before {
                    heard = now;
                }
                match (taken, received) {
                    (Err(error), _) => self.lose(number, error.code()),
                    (Ok(()), Err(problem)) => self.lose(number, &code(problem)),
                    (Ok(()), Ok(())) => {}
                }
            }
            self.under_way.forget_done();
            self.send(Instant::now(), &mut text);
        }
        for (place, subscriber) in self.subscribers.iter().enumerate() {
            for number in &subscriber.skipped {
                self.seen.fault(LOST, || format!("number {number}, at subscriber {place}"));
            }
        }
        let now = Instant::now();
        self.miss(now);
        if let Some(until) = self.pace.until() {
            self.tally.lasted_until(until.min(now));
        }
        Ok(())
    }

    /// Sends the messages that are to be sent now.
    fn send(&mut self, now: Instant, text: &mut String) {
        while self.pace.next_due(now).is_some() {}
        let Some(connection) = &mut self.sender else { return };
        let mut outcome = Ok(());
        while self.under_way.messages.len() < self.depth {
            let Some(since) = self.pace.next(0, now) else { break };
            self.plan.texts.write(0, self.plan.next_number(0), text);
            let left = subscribed(&self.subscribers);
            let message = Message { since, line: Vec::new(), left, is_answered: false, is_refused: false };
            self.under_way.messages.push_back(message);
            outcome = connection.pipe.request(None, Kind::Send.command(self.room, text));
            if outcome.is_err() {
                break;
            }
        }
        if let Err(error) = outcome.and_then(|()| Ok(connection.flush()?)) {
            self.lose(self.subscribers.len(), error.code());
        }
    }

    /// Takes what the sender has received.
    fn take_answers(&mut self, now: Instant) -> Result<(), Error> {
        let Some(connection) = &mut self.sender else { return Ok(()) };
        let command = Kind::Send.command("", "");
        loop {
            let unanswered = self.under_way.unanswered();
            let outcome = match connection.pipe.next(unanswered.is_some().then_some(&command))? {
                None => return Ok(()),
                Some(Incoming::Event) => continue,
                Some(Incoming::Answer(outcome)) => outcome,
            };
            let Some((number, message)) = self.under_way.unanswered() else { continue };
            message.is_answered = true;
            match outcome {
                Ok(Reply::Sent { .. }) => {
                    self.tally.answered(Kind::Send.name(), message.since, now);
                    self.sent.acknowledged.set(number);
                }
                Ok(_) => return Err(Error::BadReply("it is no answer to send".to_owned())),
                Err(error) => {
                    self.tally.refuse(error.code());
                    (message.is_refused, message.left) = (true, 0);
                    self.sent.refused.set(number);
                }
            }
            self.under_way.answered += 1;
        }
    }

    /// Takes what a subscriber has received.
    fn take_deliveries(&mut self, subscriber: usize, now: Instant, text: &mut String) -> Result<(), Error> {
        let Some(Subscriber { connection: Some(connection), next, skipped }) = self.subscribers.get_mut(subscriber)
        else {
            return Ok(());
        };
        while let Some(line) = connection.pipe.next_line()? {
            *next = self.under_way.next_delivered(*next);
            let expected = self.under_way.get(*next);
            if let Some(message) = expected.filter(|message| message.line == line) {
                message.left = message.left.saturating_sub(1);
                self.tally.delivered(message.since, now);
                *next += 1;
                continue;
            }
            let message = match rpc::read(line)? {
                rpc::Incoming::Event(Event::Message(message)) if message.with.as_str() == self.room => message,
                rpc::Incoming::Event(Event::Lagged) => return Err(lagged()),
                rpc::Incoming::Event(Event::Closed { .. }) => return Err(Error::Disconnected),
                rpc::Incoming::Refusal { error, .. } => return Err(error),
                rpc::Incoming::Answer { .. } => return Err(Error::BadReply("nobody asked for it".to_owned())),
                _ => continue,
            };
            let case = |number: u64| format!("number {number}, at subscriber {subscriber}");
            // One that is not the sender's has taken the place of the next one, whichever it was.
            let number = match self.plan.texts.read(&message.text) {
                Some((0, number)) => number,
                _ => *next,
            };
            if number < *next {
                let place = skipped.iter().position(|skipped| *skipped == number);
                self.seen.fault(if place.is_some() { OUT_OF_ORDER } else { REPEATED }, || case(number));
                place.map(|place| skipped.swap_remove(place));
                continue;
            }
            for number in *next..number {
                match self.under_way.get(number) {
                    None => break,
                    Some(message) if message.is_refused => {}
                    Some(message) => {
                        message.left = message.left.saturating_sub(1);
                        skipped.push(number);
                    }
                }
            }
            let Some(sent) = self.under_way.get(number) else {
                self.seen.fault(ALTERED, || case(number));
                continue;
            };
            *next = number + 1;
            sent.left = sent.left.saturating_sub(1);
            self.tally.delivered(sent.since, now);
            self.plan.texts.write(0, number, text);
            if message.text == *text && message.from.user().as_str() == self.plan.name(0) {
                sent.line = line.to_vec();
            } else {
                self.seen.fault(ALTERED, || case(number));
            }
        }
        Ok(())
    }

    /// Gives a connection up, and expects no more deliveries there.
    fn lose(&mut self, number: usize, code: &str) {
        let Some(subscriber) = self.subscribers.get_mut(number) else {
            if self.sender.take().is_some() {
                let now = Instant::now();
                self.tally.fail(code);
                for message in self.under_way.messages.iter_mut().filter(|message| !message.is_answered) {
                    self.tally.give_up(Kind::Send.name(), message.since, now);
                    self.tally.undelivered(message.since, now, message.left);
                    (message.is_answered, message.left) = (true, 0);
                }
                self.under_way.answered = self.under_way.messages.len();
                self.miss(now);
                self.pace.give_up(0);
            }
            return;
        };
        if subscriber.connection.take().is_some() {
            self.tally.fail(code);
            let now = Instant::now();
            let from = self.under_way.next_delivered(subscriber.next);
            let to = self.under_way.first + self.under_way.messages.len() as u64;
            for number in from..to {
                if let Some(message) = self.under_way.get(number).filter(|message| message.left > 0) {
                    message.left -= 1;
                    self.tally.undelivered(message.since, now, 1);
                }
            }
        }
    }

    /// What has not come by now will not come.
    fn give_up(&mut self) {
        let now = Instant::now();
        let to = self.under_way.first + self.under_way.messages.len() as u64;
        for (place, subscriber) in self.subscribers.iter().enumerate().filter(|(_, it)| it.connection.is_some()) {
            for number in subscriber.next..to {
                let message = self.under_way.get(number);
                if let Some(message) = message.filter(|message| message.is_answered && !message.is_refused) {
                    self.tally.undelivered(message.since, now, 1);
                    self.seen.fault(LOST, || format!("number {number}, at subscriber {place}"));
                }
            }
        }
        if self.under_way.unanswered().is_some() {
            self.lose(self.subscribers.len(), Error::TimedOut.code());
        }
    }

    /// Counts the messages that the sender should have sent, and their deliveries.
    fn miss(&mut self, now: Instant) {
        let subscribers = subscribed(&self.subscribers);
        for due in self.pace.missed(0, now) {
            self.tally.miss(Kind::Send.name(), due, now);
            self.tally.undelivered(due, now, subscribers);
        }
    }
}

/// How many subscribers are not lost.
fn subscribed(subscribers: &[Subscriber]) -> usize {
    subscribers.iter().filter(|subscriber| subscriber.connection.is_some()).count()
}

/// A server that ends a subscription has found that its events are not taken fast enough.
fn lagged() -> Error {
    Error::Refused { code: "lagged".to_owned(), message: String::new() }
}
