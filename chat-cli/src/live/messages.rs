//! The commands about messages.

use chat_lib::Error;
use chat_lib::limits::LIST_MAX;
use chat_lib::model::{HistoryMessage, MessageId};
use chat_lib::store::Position;

use super::commands::{split, usage};
use super::talk::{Talk, refused};
use crate::shell::{Ask, Failure};

pub(super) fn to(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    if rest.trim().is_empty() {
        talk.turn_to(None);
        return Ok(String::new());
    }
    let name = talk.named(rest)?;
    talk.open(&name)
}

pub(super) fn message(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (name, text) = split(rest);
    if name.is_empty() || text.is_empty() {
        return Err(usage("msg"));
    }
    let to = talk.named(name)?;
    Ok(talk.send(&to, text))
}

pub(super) fn history(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (mut name, mut count) = ("", PAGE);
    for word in rest.split_whitespace() {
        match word.parse() {
            Ok(number) => count = number,
            Err(_) if name.is_empty() => name = word,
            Err(_) => return Err(usage("history")),
        }
    }
    let name = talk.named(name)?;
    let messages = talk.last_messages(&name, count)?;
    let (now, renderer) = (talk.now(), &talk.renderer);
    let lines: Vec<String> = messages.iter().map(|message| renderer.numbered(message, now)).collect();
    if talk.current() == Some(name.as_str()) {
        messages.iter().for_each(|message| talk.shown = talk.shown.max(message.id));
        talk.mark_read();
    }
    Ok(match lines.is_empty() {
        true => talk.renderer.dim("There are no messages."),
        false => lines.join("\n"),
    })
}

pub(super) fn delete(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let number = match rest.trim() {
        "" => {
            let name = talk.named("")?;
            let messages = talk.last_messages(&name, LIST_MAX)?;
            let own = |message: &&HistoryMessage| talk.renderer.is_me(message.from.user()) && !message.deleted;
            messages.iter().rfind(own).ok_or_else(|| refused("None of the last messages here is yours."))?.id
        }
        room if room.starts_with('#') => {
            talk.ask(|session| session.delete_room(room))?;
            return Ok(talk.renderer.dim(&format!("{room} is deleted.")));
        }
        number => number.parse().ok().and_then(MessageId::new).ok_or_else(|| usage("delete"))?,
    };
    talk.ask(|session| session.delete(number))?;
    Ok(String::new())
}

impl Talk<'_> {
    /// Opens a conversation; gives what is unread there, or the last messages.
    pub(super) fn open(&mut self, name: &str) -> Result<String, Failure> {
        let unread = self.ask(|session| {
            let conversations = session.conversations(MessageId::MAX, LIST_MAX)?.entries;
            let found = conversations.into_iter().find(|conversation| conversation.with.as_str() == name);
            Ok(found.map_or(0, |conversation| conversation.unread))
        })?;
        let messages = self.last_messages(name, unread.clamp(GLIMPSE, LIST_MAX))?;
        self.turn_to(Some(name.to_owned()));
        if name.starts_with('#') {
            self.known.learn_room(name);
        }
        let (now, mut lines) = (self.now(), Vec::new());
        let countable = |message: &HistoryMessage| {
            !message.deleted && (!self.renderer.is_me(message.from.user()) || name == self.renderer.me)
        };
        let unread_here = messages.iter().rev().filter(|message| countable(message)).take(unread);
        let first_unread = unread_here.last().map(|message| message.id);
        for message in &messages {
            if Some(message.id) == first_unread {
                lines.push(self.renderer.dim(&format!("-- {unread} unread --")));
            }
            lines.push(self.renderer.message(message, false, now));
            self.have_shown(message);
        }
        self.mark_read();
        Ok(lines.join("\n"))
    }

    fn last_messages(&mut self, name: &str, count: usize) -> Result<Vec<HistoryMessage>, Failure> {
        let messages = self.ask(|session| {
            let (mut messages, mut before) = (Vec::new(), MessageId::MAX);
            // A page may be shorter than it could be.
            while messages.len() < count {
                let page = session.history(name, Position::Before(before), (count - messages.len()).min(LIST_MAX))?;
                let more = page.more;
                messages.splice(0..0, page.messages);
                match messages.first().map(|message: &HistoryMessage| message.id) {
                    Some(first) if more && first < before => before = first,
                    _ => break,
                }
            }
            Ok::<_, Error>(messages)
        })?;
        for message in &messages {
            self.known.learn_user(message.from.user().as_str(), message.from.full_name());
        }
        Ok(messages)
    }

    /// What is unread, a line for each conversation.
    pub(super) fn unread(&mut self) -> Result<Vec<String>, Failure> {
        let conversations = self.ask(|session| session.conversations(MessageId::MAX, LIST_MAX))?.entries;
        let unread = conversations.iter().filter(|conversation| conversation.unread > 0);
        let lines = unread.map(|conversation| {
            let with = conversation.with.as_str();
            let who = match with.starts_with('#') {
                true => format!("in {with}"),
                false => format!("from {}", self.known.full_name(with)),
            };
            format!("{} unread {who}: /to {with}", conversation.unread)
        });
        Ok(lines.collect())
    }
}

/// How many messages `/history` shows.
const PAGE: usize = 20;

/// How many messages `/to` shows, if less are unread.
const GLIMPSE: usize = 5;
