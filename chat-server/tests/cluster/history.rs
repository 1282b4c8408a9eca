//! What clients have done, and what came of it: all that the [judge](crate::judge) gets to see.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// When something happened: since the beginning of the run, on the one clock that all clients share.
pub(crate) type Time = Duration;

/// A user, by number.
pub(crate) type User = u8;

/// A message as its sender calls it. Its text says it, so that everybody who reads it knows it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Name {
    /// The client.
    pub(crate) sender: u16,
    /// Counted by the client.
    pub(crate) number: u32,
}

impl Name {
    /// What the message says. Some texts are long.
    pub(crate) fn text(self) -> String {
        let filling = if self.number.is_multiple_of(LONG_EVERY) { LONG } else { 0 };
        format!("{self} {}", "x".repeat(filling))
    }

    /// The message that says this; `None` if it is no text that anybody sends.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sender, number) = text.split_once(' ')?.0.split_once('.')?;
        let name = Self { sender: sender.parse().ok()?, number: number.parse().ok()? };
        (name.text() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sender, self.number)
    }
}

/// Each so-manieth message has so many bytes more.
const LONG_EVERY: u32 = 16;
const LONG: usize = 3000;

/// Where a message is sent to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Conversation {
    /// The room that all users are in.
    Room,
    /// That of two users, the lower number first, or of one with itself.
    Direct(User, User),
}

impl Conversation {
    pub(crate) fn direct(one: User, other: User) -> Self {
        Self::Direct(one.min(other), one.max(other))
    }

    pub(crate) fn is_seen_by(self, user: User) -> bool {
        match self {
            Self::Room => true,
            Self::Direct(one, other) => one == user || other == user,
        }
    }
}

/// A message as the chat has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) conversation: Conversation,
    pub(crate) from: User,
    pub(crate) name: Name,
}

/// All that has happened, in no particular order unless a field says so.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) sends: Vec<Send>,
    pub(crate) reads: Vec<Read>,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// The epochs that logins have given.
    pub(crate) epochs: BTreeSet<String>,
}

impl History {
    pub(crate) fn append(&mut self, other: Self) {
        self.sends.extend(other.sends);
        self.reads.extend(other.reads);
        self.inboxes.extend(other.inboxes);
        self.sessions.extend(other.sessions);
        self.subscribers.extend(other.subscribers);
        self.epochs.extend(other.epochs);
    }
}

/// One request to send a message; there are several for one that was repeated.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    pub(crate) name: Name,
    pub(crate) conversation: Conversation,
    /// Who sends it.
    pub(crate) from: User,
    /// Which of the client's connections it was sent on: those of one connection are in order.
    pub(crate) connection: u32,
    pub(crate) began: Time,
    pub(crate) ended: Time,
    pub(crate) outcome: Outcome,
}

/// What a client knows of its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It was done. Protocol 1 tells no id.
    Acknowledged(Option<u64>),
    /// It was refused with that code.
    Refused(String),
    /// The connection has ended before it was answered, or nobody has waited any longer.
    Unknown,
}

/// A page of messages that was read (`history`, `sync`).
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) user: User,
    /// `None` for all that the user sees.
    pub(crate) conversation: Option<Conversation>,
    /// The page has all messages with ids above the first and up to the second.
    pub(crate) range: (u64, u64),
    pub(crate) began: Time,
    pub(crate) ended: Time,
    pub(crate) messages: Vec<Message>,
    /// Read at the very end, on a server that was not disturbed any more: what it says is there.
    pub(crate) last: bool,
}

/// An inbox that was emptied (protocol 1). Each user's are in order, and nobody else moves the user's cursors.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    pub(crate) user: User,
    pub(crate) began: Time,
    pub(crate) ended: Time,
    /// `None` if no answer has come.
    pub(crate) messages: Option<Vec<Name>>,
}

/// A token that was given out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// When the first request to end it began, if there was one.
    pub(crate) logout_began: Option<Time>,
    /// When that was acknowledged, if it was.
    pub(crate) logged_out: Option<Time>,
    /// What became of requests that use it: when they began and ended, and whether they were let in.
    pub(crate) uses: Vec<(Time, Time, bool)>,
}

/// What one subscriber was told, over all its connections.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) user: User,
    /// With the time of each, in the order in which they came.
    pub(crate) heard: Vec<(Time, Message)>,
}
