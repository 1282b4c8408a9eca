//! A connection that speaks protocol 2, with its own loop.

use std::collections::VecDeque;

use chat_lib::{Chat, Connection, Outbox};
use serde_json::{Value, json};

/// A peer and what it was sent.
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) out: Outbox,
    received: Vec<u8>,
    events: VecDeque<Value>,
    next: u64,
}

impl Peer {
    pub(crate) fn new(chat: &Chat) -> Self {
        let (connection, out) = (Connection::new(chat.clone()), Outbox::new(chat));
        Self { connection, out, received: Vec::new(), events: VecDeque::new(), next: 0 }
    }

    /// A peer that has logged in as one of the demo users.
    pub(crate) fn login(chat: &Chat, user: &str) -> Self {
        let mut peer = Self::new(chat);
        peer.ok("login", json!({ "user": user, "password": "surabaya" }));
        peer
    }

    /// A peer that has subscribed, too.
    pub(crate) fn subscribed(chat: &Chat, user: &str) -> Self {
        let mut peer = Self::login(chat, user);
        peer.ok("subscribe", json!({}));
        peer
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let taken = self.connection.receive(rest, &mut self.out);
            rest = &rest[taken..];
            self.received.extend(self.out.take());
            if rest.is_empty() && !self.connection.wants_turn(&self.out) {
                break;
            }
        }
    }

    /// The next line that it was sent.
    pub(crate) fn line(&mut self) -> Option<Value> {
        let end = self.received.iter().position(|byte| *byte == b'\n')? + 1;
        let line: Vec<u8> = self.received.drain(..end).collect();
        Some(serde_json::from_slice(&line).unwrap())
    }

    /// The answer to a request.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(format!("{request}\n").as_bytes());
        loop {
            let line = self.line().expect("an answer");
            if line["id"] == id {
                return line;
            }
            self.events.push_back(line);
        }
    }

    /// The result of a request that is done.
    pub(crate) fn ok(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer.get("error").is_none(), "{method} was refused: {answer}");
        answer["result"].clone()
    }

    /// The word of a request that is refused.
    pub(crate) fn refused(&mut self, method: &str, params: Value) -> String {
        let answer = self.call(method, params);
        answer["error"]["data"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{method} was not refused: {answer}"))
            .to_owned()
    }

    /// All events that have come since the last time, each as its method and its parameters.
    pub(crate) fn events(&mut self) -> Vec<(String, Value)> {
        self.send(b"");
        let mut events: Vec<Value> = self.events.drain(..).collect();
        while let Some(line) = self.line() {
            events.push(line);
        }
        let split = |event: Value| (event["method"].as_str().expect("an event").to_owned(), event["params"].clone());
        events.into_iter().map(split).collect()
    }

    /// The texts of the messages among them, and the methods of the others.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let told = |(method, params): (String, Value)| match &*method {
            "message" => params["text"].as_str().unwrap().to_owned(),
            _ => format!("<{method}>"),
        };
        self.events().into_iter().map(told).collect()
    }
}
