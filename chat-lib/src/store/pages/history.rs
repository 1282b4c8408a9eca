//! Pages of one conversation, and of all conversations of a user.

use std::collections::HashMap;

use super::{Shelf, start};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::MARK_INTERVAL;
use crate::model::{HistoryMessage, MessageId, UserName};
use crate::store::log::{Entry, ProfileId, Span, StreamId, walk_back};
use crate::store::{HistoryPage, Position};

/// A page of the conversation that `user` has with `with`.
pub(in crate::store) fn history(
    shelf: &impl Shelf,
    user: &str,
    with: &str,
    position: Position,
    limit: usize,
) -> Result<HistoryPage, Error> {
    let Ok(with) = UserName::parse(with) else { return Ok(HistoryPage::default()) };
    let (streams, committed) = shelf.index(|index| (index.committed_between(user, with.as_str()), index.committed));
    let heads: Vec<_> = streams.into_iter().flatten().map(|(stream, state)| (stream, state.head)).collect();
    let with: HashMap<_, _> = heads.iter().map(|(stream, _)| (*stream, with.clone())).collect();
    match position {
        Position::After(after) => page_after(shelf, &heads, &with, (after, committed), limit, limit / INTERVAL + 1),
        Position::Before(before) => {
            let until = MessageId::new(before.get().saturating_sub(1)).unwrap_or_default().min(committed);
            let mut found = Vec::new();
            let spans = heads.iter().map(|&(stream, head)| {
                Ok(Span { stream, from: start(shelf, stream, head, until)?, after: MessageId::NONE })
            });
            let spans = spans.collect::<Result<Vec<_>, Error>>()?;
            walk_back(shelf, &spans, &|what| shelf.damage(what), |entries| {
                found.extend(entries.iter().rev().filter(|entry| entry.id <= until).map(Found::from));
                Ok(found.len() <= limit)
            })?;
            let more = found.len() > limit;
            found.truncate(limit);
            found.reverse();
            page(shelf, found, &with, more)
        }
    }
}

/// A page of all conversations of `user`.
pub(in crate::store) fn sync(
    shelf: &impl Shelf,
    user: &str,
    after: MessageId,
    limit: usize,
) -> Result<HistoryPage, Error> {
    let (streams, committed) = shelf.index(|index| {
        let mut streams = Vec::new();
        for with in index.partners(user) {
            let between = index.committed_between(user, with.as_str()).into_iter().flatten();
            let news = between.filter(|(_, state)| state.head > after);
            streams.extend(news.map(|(stream, state)| (stream, state.head, with.clone())));
        }
        (streams, index.committed)
    });
    let heads: Vec<_> = streams.iter().map(|(stream, head, _)| (*stream, *head)).collect();
    let with = streams.into_iter().map(|(stream, _, with)| (stream, with)).collect();
    page_after(shelf, &heads, &with, (after, committed), limit, 0)
}

/// The first messages after `after` of streams, each read from the mark at the place `nth`.
fn page_after(
    shelf: &impl Shelf,
    heads: &[(StreamId, MessageId)],
    with: &HashMap<StreamId, UserName>,
    (after, committed): (MessageId, MessageId),
    limit: usize,
    nth: usize,
) -> Result<HistoryPage, Error> {
    // Of a stream that is read from a mark, nothing after it is known, and so nothing after it can be on the page.
    let mut until = committed;
    let mut spans = Vec::new();
    for &(stream, head) in heads.iter().filter(|(_, head)| *head > after) {
        // What was committed after this began is not on the page.
        let mark = shelf.mark(stream, after, nth)?.filter(|mark| *mark <= committed);
        until = until.min(mark.unwrap_or(committed));
        spans.push(Span { stream, from: mark.unwrap_or(head), after });
    }
    let is_cut = heads.iter().any(|(_, head)| *head > until);
    let mut found: Vec<Found> = Vec::new();
    walk_back(shelf, &spans, &|what| shelf.damage(what), |entries| {
        found.extend(entries.iter().rev().filter(|entry| entry.id <= until).map(Found::from));
        Ok(true)
    })?;
    found.reverse();
    let more = is_cut || found.len() > limit;
    found.truncate(limit);
    page(shelf, found, with, more)
}

struct Found {
    id: MessageId,
    stream: StreamId,
    sender: ProfileId,
    time: Timestamp,
    text: String,
}

impl From<&Entry<'_>> for Found {
    fn from(entry: &Entry<'_>) -> Self {
        let Entry { id, stream, sender, time, text, .. } = *entry;
        Self { id, stream, sender, time, text: text.to_owned() }
    }
}

fn page(
    shelf: &impl Shelf,
    found: Vec<Found>,
    with: &HashMap<StreamId, UserName>,
    more: bool,
) -> Result<HistoryPage, Error> {
    let messages = shelf.index(|index| {
        let message = |Found { id, stream, sender, time, text }| {
            let from = index.profile(sender).cloned().ok_or(sender)?;
            Ok(with.get(&stream).map(|with| HistoryMessage::new(id, with.clone(), from, time, text)))
        };
        found.into_iter().filter_map(|found| message(found).transpose()).collect::<Result<Vec<_>, ProfileId>>()
    });
    let messages = messages.map_err(|sender| shelf.damage(&format!("profile {} is missing", sender.0)))?;
    Ok(HistoryPage::new(messages, more))
}

const INTERVAL: usize = MARK_INTERVAL as usize;
