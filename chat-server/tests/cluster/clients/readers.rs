//! Clients that read, and what is read at the end.

use serde_json::{Value, json};

use super::{Client, Stage, called_by, parse_message};
use crate::history::{Conversation, History, Message, Read, User};

/// How long a reader does nothing between two requests, at most.
const PAUSE_MILLISECONDS: usize = 200;
/// How many messages a page has at most, as a client asks for it.
const PAGE: usize = 100;

/// Reads the latest messages of conversations, and all since some moment, on one server after another.
pub(crate) fn read(stage: &Stage, number: usize, user: User) -> History {
    let mut reader = Reader { client: Client::new(stage, number, user), next: 0 };
    while !stage.is_stopped() {
        if reader.client.random.one_in(8) {
            reader.client.leave();
        }
        if reader.client.wire().is_some() && reader.read_something().is_none() {
            reader.client.leave();
        }
        reader.client.pause(PAUSE_MILLISECONDS);
    }
    reader.client.finish()
}

/// Reads all that a user sees on one server, which works. The largest id is the result beside the history.
pub(crate) fn read_all(stage: &Stage, server: usize, user: User) -> (History, u64) {
    let mut client = Client::new(stage, server, user);
    client.listens = true;
    client.wire().expect("the server works");
    let mut reader = Reader { client, next: 0 };
    let (mut range, mut messages) = ((0, 0), Vec::new());
    let began = stage.now();
    while range.1 != u64::MAX {
        let page = reader.sync(range.1, 1000).expect("the server answers");
        range.1 = page.range.1;
        messages.extend(page.messages);
    }
    let last = messages.last().map_or(0, |message: &Message| message.id);
    let all = Read { user, conversation: None, range, began, ended: stage.now(), messages, last: true };
    reader.client.history.reads = vec![all];
    (reader.client.finish(), last)
}

struct Reader<'a> {
    client: Client<'a>,
    /// All up to here was read.
    next: u64,
}

impl Reader<'_> {
    /// `None` if there is no answer.
    fn read_something(&mut self) -> Option<()> {
        let limit = self.client.random.within(1..PAGE);
        match self.client.random.within(0..8) {
            0..4 => {
                let before = u64::try_from(self.client.random.within(0..2 * PAGE)).unwrap();
                self.sync(self.next.saturating_sub(before), limit)?;
            }
            4..7 => self.history(limit)?,
            _ => {
                // So that mailboxes do not fill up.
                let with = called_by(self.conversation(), self.client.user);
                self.client.ask("read", &json!({ "with": with, "upto": self.next }))?;
            }
        }
        Some(())
    }

    fn conversation(&mut self) -> Conversation {
        let other = self.client.random.within(0..usize::from(self.client.stage.users) + 1);
        let other = User::try_from(other).unwrap();
        if other < self.client.stage.users { Conversation::direct(self.client.user, other) } else { Conversation::Room }
    }

    /// The latest messages of a conversation.
    fn history(&mut self, limit: usize) -> Option<()> {
        let (user, conversation) = (self.client.user, self.conversation());
        let began = self.client.stage.now();
        let answer = self.client.ask("history", &json!({ "with": called_by(conversation, user), "limit": limit }))?;
        let Some(messages) = messages(&answer, user) else { return Some(()) };
        let first = messages.first().map_or(u64::MAX, |message| message.id - 1);
        let range = (if answer["result"]["more"] == true { first } else { 0 }, u64::MAX);
        let ended = self.client.stage.now();
        let conversation = Some(conversation);
        self.client.history.reads.push(Read { user, conversation, range, began, ended, messages, last: false });
        Some(())
    }

    /// All messages after one, as far as they are on one page.
    fn sync(&mut self, after: u64, limit: usize) -> Option<Read> {
        let (user, began) = (self.client.user, self.client.stage.now());
        let answer = self.client.ask("sync", &json!({ "after": after, "limit": limit }))?;
        let ended = self.client.stage.now();
        let empty =
            Read { user, conversation: None, range: (after, after), began, ended, messages: Vec::new(), last: false };
        let Some(messages) = messages(&answer, user) else { return Some(empty) };
        let next = answer["result"]["next"].as_u64()?;
        self.next = self.next.max(next);
        let upto = if answer["result"]["more"] == true { next } else { u64::MAX };
        let read = Read { range: (after, upto), messages, ..empty };
        self.client.history.reads.push(read.clone());
        Some(read)
    }
}

/// The messages of an answer; `None` if it is a refusal.
fn messages(answer: &Value, user: User) -> Option<Vec<Message>> {
    let messages = answer.pointer("/result/messages")?.as_array()?;
    Some(messages.iter().map(|message| parse_message(message, user)).collect())
}
