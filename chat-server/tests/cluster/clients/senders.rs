//! Clients that send, in both protocols.

use serde_json::{Value, json};

use super::wire::{refusal, request};
use super::{Client, Stage, called_by};
use crate::history::{Conversation, History, Name, Outcome, Send, Time, User};

/// How many messages of protocol 2 are under way at once, at most.
const DEPTH: usize = 4;
/// How long a client does nothing between two batches, at most.
const PAUSE_MILLISECONDS: usize = 150;

/// Sends numbered messages with keys. What has become of one without an answer is asked by sending it again, mostly.
pub(crate) fn send(stage: &Stage, number: usize, user: User) -> History {
    let mut sender = Sender::new(stage, number, user);
    while !stage.is_stopped() {
        sender.send_batch();
        sender.client.pause(PAUSE_MILLISECONDS);
    }
    sender.client.finish()
}

/// The same in protocol 1, which has no keys: nothing is sent again.
pub(crate) fn send_lines(stage: &Stage, number: usize, user: User) -> History {
    let mut sender = Sender::new(stage, number, user);
    while !stage.is_stopped() {
        sender.send_line();
        sender.client.pause(PAUSE_MILLISECONDS);
    }
    sender.client.finish()
}

struct Sender<'a> {
    client: Client<'a>,
    sender: u16,
    next: u32,
    /// Messages whose fate is not known, or that nobody could take.
    doubtful: Vec<(Name, Conversation)>,
}

impl<'a> Sender<'a> {
    fn new(stage: &'a Stage, number: usize, user: User) -> Self {
        let client = Client::new(stage, number, user);
        Self { client, sender: u16::try_from(number).unwrap(), next: 0, doubtful: Vec::new() }
    }

    /// A new message to somebody, or to all.
    fn message(&mut self) -> (Name, Conversation) {
        self.next += 1;
        let to = self.client.random.within(0..usize::from(self.client.stage.users) + 3);
        let to = u8::try_from(to).unwrap();
        let is_to_user = to < self.client.stage.users;
        let conversation = if is_to_user { Conversation::direct(self.client.user, to) } else { Conversation::Room };
        (Name { sender: self.sender, number: self.next }, conversation)
    }

    fn send_batch(&mut self) {
        if self.client.wire().is_none() {
            return;
        }
        let mut batch: Vec<(Name, Conversation)> = Vec::new();
        for message in std::mem::take(&mut self.doubtful) {
            // Some stay unknown for ever.
            if !self.client.random.one_in(4) {
                batch.push(message);
            }
        }
        let new = self.client.random.within(1..DEPTH);
        while batch.len() < new {
            let message = self.message();
            batch.push(message);
        }
        let (user, began) = (self.client.user, self.client.stage.now());
        let lines: String = batch.iter().map(|(name, conversation)| line(*name, *conversation, user)).collect();
        let Some(wire) = self.client.wire() else { return };
        let mut lives = wire.write(&lines);
        for (name, conversation) in batch {
            let answer = self.client.wire.as_mut().filter(|_| lives).and_then(|wire| wire.answer(name.number));
            lives = answer.is_some();
            let outcome = answer.map_or(Outcome::Unknown, |answer| outcome(&answer));
            if !matches!(outcome, Outcome::Acknowledged(_)) {
                self.doubtful.push((name, conversation));
            }
            self.record(name, conversation, began, outcome);
        }
        if !lives {
            self.client.leave();
        }
    }

    fn send_line(&mut self) {
        let (name, conversation) = self.message();
        let to = called_by(conversation, self.client.user);
        let method = if conversation == Conversation::Room { "sendgroup" } else { "send" };
        let Some(token) = self.client.token() else { return };
        let began = self.client.stage.now();
        let answer = self.client.ask_line(&format!("{method} {token} {to} {}", name.text()));
        if answer.is_none() {
            self.client.leave();
        }
        self.record(name, conversation, began, answer.map_or(Outcome::Unknown, |answer| outcome(&answer)));
    }

    fn record(&mut self, name: Name, conversation: Conversation, began: Time, outcome: Outcome) {
        let Client { stage, user, connection, .. } = self.client;
        if matches!(outcome, Outcome::Acknowledged(_)) {
            stage.count(began);
        }
        let ended = stage.now();
        self.client.history.sends.push(Send { name, conversation, from: user, connection, began, ended, outcome });
    }
}

fn line(name: Name, conversation: Conversation, user: User) -> String {
    let to = called_by(conversation, user);
    request(name.number, "send", &json!({ "to": to, "text": name.text(), "key": name.to_string() }))
}

fn outcome(answer: &Value) -> Outcome {
    match refusal(answer) {
        Some(code) => Outcome::Refused(code),
        None => Outcome::Acknowledged(answer.pointer("/result/id").and_then(Value::as_u64)),
    }
}
