//! Messages on their way: each has a key, so that it is sent exactly once however often the connection is lost.

use std::collections::VecDeque;

use chat_lib::entropy::{Entropy, OsEntropy};
use chat_lib::{Error, printable};

use super::render::sentence;
use crate::link::Trouble;
use crate::shell::Shell;

/// Messages that the server has not acknowledged, in the order in which they were typed.
pub(crate) struct Outgoing {
    waiting: VecDeque<Draft>,
    /// What the keys of this client begin with.
    prefix: String,
    count: u64,
}

struct Draft {
    to: String,
    text: String,
    key: String,
    /// Whether the user knows that it waits.
    told: bool,
    /// Whether the server may have it.
    tried: bool,
}

impl Outgoing {
    pub(super) fn new() -> Result<Self, Error> {
        let mut random = [0; 8];
        OsEntropy.fill(&mut random)?;
        let prefix = format!("cli-{:016x}-", u64::from_ne_bytes(random));
        Ok(Self { waiting: VecDeque::new(), prefix, count: 0 })
    }

    pub(super) fn push(&mut self, to: &str, text: &str) {
        self.count += 1;
        let key = format!("{}{}", self.prefix, self.count);
        self.waiting.push_back(Draft { to: to.to_owned(), text: text.to_owned(), key, told: false, tried: false });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a key is one of this client's.
    pub(super) fn owns(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }

    /// Sends all that it can; returns what was refused, as sentences.
    pub(super) fn send(&mut self, shell: &mut Shell) -> Vec<String> {
        let mut refused = Vec::new();
        while let Some(draft) = self.waiting.front_mut() {
            shell.link.forget_if_closed();
            draft.tried |= shell.link.client().is_some();
            match shell.ask(|session| session.send_with_key(&draft.to, &draft.text, &draft.key)) {
                Ok(_) => {}
                // Its session has ended, and another one of this user can still send it.
                Err(Trouble::Lost(_) | Trouble::Refused(Error::NoSuchSession)) => break,
                Err(Trouble::Refused(error)) => refused.push(draft.not_sent(&error)),
            }
            self.waiting.pop_front();
        }
        refused
    }

    /// Says once for each message that it waits.
    pub(super) fn tell(&mut self) -> Vec<String> {
        let untold = self.waiting.iter_mut().filter(|draft| !draft.told);
        let tell = |draft: &mut Draft| {
            draft.told = true;
            format!("Waiting to send: {}", draft.shown())
        };
        untold.map(tell).collect()
    }

    /// Gives up on all that wait; returns a line for each.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        let given_up = self.waiting.drain(..).map(|draft| match draft.tried {
            true => format!("It is not known whether this was sent: {}", draft.shown()),
            false => format!("Not sent: {}", draft.shown()),
        });
        given_up.collect()
    }
}

impl Draft {
    fn shown(&self) -> String {
        format!("[{}] {}", printable(&self.to), printable(&self.text))
    }

    fn not_sent(&self, error: &Error) -> String {
        format!("{} Not sent: {}", sentence(&printable(&error.to_string())), self.shown())
    }
}
