//! Pages of messages: of one conversation, and what other pages are made with.

use std::collections::{HashMap, VecDeque};

use super::{Shelf, start};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{FIRST_MESSAGES, MARK_INTERVAL, MESSAGE_OVERHEAD, PAGE_BYTES};
use crate::model::{HistoryMessage, MessageId, MessageKey};
use crate::store::index::{Index, View};
use crate::store::log::{Entry, ProfileId, StreamId, walk_back};
use crate::store::{HistoryPage, Position};

/// A page of the conversation that `user` has with `with`.
pub(in crate::store) fn history(
    shelf: &impl Shelf,
    user: &str,
    with: &str,
    position: Position,
    limit: usize,
) -> Result<HistoryPage, Error> {
    let (views, committed) = shelf.index(|index| (index.committed_views(user, with), index.committed));
    match position {
        Position::After(after) => {
            let page = |limit_read| {
                let nth = limit_read / INTERVAL + 1;
                page_after(shelf, user, &views, (after, committed), limit, nth)
            };
            let mut found = page(limit.min(FIRST_MESSAGES))?;
            if found.more && !found.is_full && limit > FIRST_MESSAGES {
                found = page(limit)?;
            }
            Ok(HistoryPage::new(found.messages, found.more))
        }
        Position::Before(before) => {
            let until = MessageId::new(before.get().saturating_sub(1)).unwrap_or_default().min(committed);
            let (mut found, mut room, mut more) = (Vec::new(), Room::new(limit), false);
            let spans =
                views.iter().map(|view| Ok(view.span(start(shelf, view.stream, view.head, until)?, MessageId::NONE)));
            let spans = spans.collect::<Result<Vec<_>, Error>>()?;
            walk_back(shelf, &spans, &|what| shelf.damage(what), |entries| {
                for entry in entries.iter().rev().filter(|entry| entry.id <= until) {
                    if !room.take(entry.text) {
                        more = true;
                        return Ok(false);
                    }
                    found.push(Found::from(entry));
                }
                Ok(true)
            })?;
            found.reverse();
            Ok(HistoryPage::new(messages(shelf, user, found, &views)?, more))
        }
    }
}

/// Messages that follow one.
pub(super) struct PageAfter {
    pub(super) messages: Vec<HistoryMessage>,
    /// Whether there are more.
    pub(super) more: bool,
    /// Whether there was no room for another one.
    is_full: bool,
    /// Up to where they were looked for.
    pub(super) until: MessageId,
}

/// The first messages after `after`, each stream read from the mark at the place `nth`.
pub(super) fn page_after(
    shelf: &impl Shelf,
    user: &str,
    views: &[View],
    (after, committed): (MessageId, MessageId),
    limit: usize,
    nth: usize,
) -> Result<PageAfter, Error> {
    // Of a stream that is read from a mark, nothing after it is known, and so nothing after it can be on the page.
    let mut until = committed;
    let mut spans = Vec::new();
    for view in views.iter().filter(|view| view.head > after.max(view.floor)) {
        // What was committed after this began is not on the page.
        let mark = shelf.mark(view.stream, after.max(view.floor), nth)?.filter(|mark| *mark <= committed);
        until = until.min(mark.unwrap_or(committed));
        spans.push(view.span(mark.unwrap_or(view.head), after));
    }
    let (mut found, mut bytes, mut is_cut) = (VecDeque::<Found>::new(), 0, false);
    walk_back(shelf, &spans, &|what| shelf.damage(what), |entries| {
        for entry in entries.iter().rev().filter(|entry| entry.id <= until) {
            bytes += size(entry.text);
            found.push_front(Found::from(entry));
            while found.len() > limit || bytes > PAGE_BYTES && found.len() > 1 {
                bytes -= found.pop_back().map_or(0, |last| size(&last.text));
                is_cut = true;
            }
        }
        Ok(true)
    })?;
    let is_full = is_cut || found.len() >= limit;
    let more = is_cut || views.iter().any(|view| view.head > until);
    Ok(PageAfter { messages: messages(shelf, user, found.into(), views)?, more, is_full, until })
}

/// What still fits on a page: so many messages, of [`PAGE_BYTES`] together, but one at least.
pub(super) struct Room {
    messages: usize,
    bytes: usize,
    is_whole: bool,
}

impl Room {
    pub(super) fn new(messages: usize) -> Self {
        Self { messages, bytes: PAGE_BYTES, is_whole: true }
    }

    /// Reserves space for a message. `false` if it does not fit.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let size = size(text);
        let fits = self.messages > 0 && (size <= self.bytes || self.is_whole);
        if fits {
            *self = Self { messages: self.messages - 1, bytes: self.bytes.saturating_sub(size), is_whole: false };
        }
        fits
    }
}

fn size(text: &str) -> usize {
    MESSAGE_OVERHEAD + text.len()
}

/// A message before its sender is looked up.
pub(super) struct Found {
    pub(super) id: MessageId,
    pub(super) stream: StreamId,
    pub(super) sender: ProfileId,
    pub(super) time: Timestamp,
    pub(super) text: String,
    pub(super) key: Option<MessageKey>,
    pub(super) deleted: bool,
}

impl From<&Entry<'_>> for Found {
    fn from(entry: &Entry<'_>) -> Self {
        let Entry { id, stream, sender, time, text, key, deleted, .. } = *entry;
        let key = key.and_then(|key| MessageKey::parse(key).ok());
        Self { id, stream, sender, time, text: text.to_owned(), key, deleted }
    }
}

/// The messages as `user` sees them.
pub(super) fn messages(
    shelf: &impl Shelf,
    user: &str,
    found: Vec<Found>,
    views: &[View],
) -> Result<Vec<HistoryMessage>, Error> {
    let with: HashMap<_, _> = views.iter().map(|view| (view.stream, &view.with)).collect();
    let message = |index: &mut Index, found: Found| {
        let Found { id, stream, sender, time, text, key, deleted } = found;
        let from = index.profile(sender).ok_or(sender)?;
        let Some(&with) = with.get(&stream) else { return Ok(None) };
        let key = key.filter(|_| index.sender(&from, id).is_some_and(|sender| sender.as_str() == user));
        let message = HistoryMessage::new(id, with.clone(), from, time, text);
        Ok(Some(HistoryMessage { key, deleted, ..message }))
    };
    let messages = shelf.index(|index| {
        found.into_iter().filter_map(|found| message(index, found).transpose()).collect::<Result<Vec<_>, ProfileId>>()
    });
    messages.map_err(|sender| missing(shelf, sender))
}

/// The error for a sender's profile that is not there.
pub(super) fn missing(shelf: &impl Shelf, sender: ProfileId) -> Error {
    shelf.damage(&format!("profile {} is missing", sender.0))
}

const INTERVAL: usize = MARK_INTERVAL as usize;
