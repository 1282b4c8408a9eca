//! One adapter for each server: how to log in, what a request looks like, what a right answer is.

mod chat;
mod chat2;
pub mod echo;
mod irc;
pub mod live;
mod mqtt;
mod nats;
mod redis;
mod wire;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::options::Options;
use live::{Audience, Publisher, Subscriber};
pub use wire::Wire;

/// Which connection of a lane some bytes came in on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Sending,
    Receiving,
}

/// What the front of the received bytes holds.
pub enum Took {
    /// Not a whole item yet.
    More,
    /// This many bytes that concern no request.
    Skip(usize),
    /// This many bytes that deliver another lane's message here as well.
    Copy(usize),
    /// This many bytes that rightly complete the oldest request in flight.
    Done(usize),
    /// This many bytes that complete it wrongly.
    Wrong(usize, String),
}

/// The talk on one lane: writes its requests and checks their answers.
pub trait Talk: Send {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>);

    /// Looks at the front of `data`; `out` takes what must be said back, such as a pong.
    fn take(&mut self, side: Side, data: &[u8], out: &mut Vec<u8>) -> Took;

    /// Whether the server still has to say something, though all requests are complete.
    fn owed(&self) -> bool {
        false
    }
}

/// A logged-in lane. Where the server delivers live, requests complete on `receiving`.
pub struct Lane {
    pub sending: Wire,
    pub receiving: Option<Wire>,
    pub talk: Box<dyn Talk>,
}

#[derive(Debug, PartialEq)]
pub struct Message {
    pub from: Option<String>,
    pub text: Vec<u8>,
}

/// A logged-in receiver.
pub trait Inbox: Send {
    /// Takes all waiting messages out, and says how long that took without the parsing of a reply.
    /// `expect` is for peers whose inbox has no end mark.
    fn drain(&mut self, expect: usize) -> Result<(Duration, Vec<Message>)>;
}

pub trait Peer: Sync {
    /// Makes what the server needs before the first message, such as streams or sessions.
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// A logged-in connection that does nothing.
    fn login(&self, user: &str) -> Result<Wire>;

    fn sender(&self, lane: usize) -> Result<Lane>;

    fn inbox(&self, _user: &str) -> Result<Box<dyn Inbox>> {
        bail!("this peer keeps no inbox")
    }

    /// Makes what live delivery needs before anybody subscribes, such as rooms or users.
    fn gather(&self) -> Result<()> {
        Ok(())
    }

    /// A connection that gets all messages to this audience from now on.
    fn subscriber(&self, _audience: Audience, _index: usize) -> Result<(Wire, Box<dyn Subscriber>)> {
        bail!("this peer delivers nothing live")
    }

    fn publisher(&self, _audience: Audience, _index: usize) -> Result<(Wire, Box<dyn Publisher>)> {
        bail!("this peer delivers nothing live")
    }
}

pub fn find(options: &Options) -> Result<Box<dyn Peer + '_>> {
    Ok(match options.peer.as_str() {
        "chat" => Box::new(chat::Chat::new(options)),
        "chat2" => Box::new(chat2::Chat2::new(options)),
        "echo" => Box::new(echo::Echo(options)),
        "redis" => Box::new(redis::Redis(options)),
        "nats" => Box::new(nats::Nats(options, nats::Kind::Flushed)),
        "jetstream" => Box::new(nats::Nats(options, nats::Kind::Stored)),
        "mqtt" => Box::new(mqtt::Mqtt(options)),
        "irc" => Box::new(irc::Irc(options)),
        other => bail!("unknown peer {other}"),
    })
}
