//! Reading messages: what a user has not read, and pages of history. Both engines do it here; each says where blocks and
//! marks come from.
//!
//! A stream leads only backwards, from each message to the one before. To page forwards without walking back from the
//! end, every [`MARK_INTERVAL`](crate::limits::MARK_INTERVAL)th message of a stream is noted as a mark: a page begins at
//! the first mark that is far enough ahead.

use std::collections::HashMap;
use std::sync::Arc;

use super::index::{Index, StreamState};
use super::log::{Entry, ProfileId, Source, Span, StreamId, Walk, walk_back};
use super::{CursorMove, HistoryPage, Position, Unread};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{MARK_INTERVAL, UNREAD_STEP_BYTES};
use crate::model::{HistoryMessage, Inbox, MessageId, Profile, UserName};

/// An engine, as far as reading messages needs it.
pub(super) trait Shelf: Source {
    /// Shows the index, which nobody changes meanwhile.
    fn index<T>(&self, look: impl FnOnce(&Index) -> T) -> T;

    /// Of the marks of a stream after a message, the one at the place `nth`, counted from 0.
    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error>;

    /// The error that says that what is kept makes no sense.
    fn damage(&self, what: &str) -> Error;
}

impl Index {
    /// The last message of a stream that is committed, to begin at: a commit that fails takes away those after it.
    fn committed_head(&self, stream: StreamId, head: MessageId) -> MessageId {
        let mut found = head;
        if head > self.committed {
            let span = Span { stream, from: head, after: self.committed };
            let earlier = |entries: &[Entry<'_>]| {
                found = entries.first().map_or(found, |entry| entry.before);
                Ok(true)
            };
            // What is not committed is in memory, and was parsed when it was written.
            walk_back(&&self.tail, &[span], &|what| Error::Storage(what.into()), earlier).ok();
        }
        found
    }

    /// The streams between two users, with the last message of each that is committed.
    fn committed_between(&self, user: &str, with: &str) -> [Option<(StreamId, StreamState)>; 2] {
        self.streams_between(user, with).map(|found| {
            found.map(|(id, state)| (id, StreamState { head: self.committed_head(id, state.head), ..state }))
        })
    }

    /// What a user has not read, if it is in memory and little.
    pub(super) fn unread_step(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        let (messages, bytes) = self.unread(user);
        let footprint = Inbox::footprint(messages, bytes);
        if footprint > max_bytes {
            return Ok(Unread::TooLarge);
        }
        if footprint > UNREAD_STEP_BYTES {
            return Ok(Unread::WouldBlock);
        }
        let Some((full_name, spans)) = self.unread_spans(user) else {
            return Ok(Unread::Messages { inbox: Inbox::default(), moves: Vec::new() });
        };
        let profile = |id| self.profile(id).cloned();
        let damage = |what: &str| Error::Storage(what.into());
        Ok(match collect(&&self.tail, &spans, self.tail.last(), &profile, &damage)? {
            Collected { missing: true, .. } => Unread::WouldBlock,
            Collected { mut inbox, moves, .. } => {
                inbox.set_to(full_name);
                Unread::Messages { inbox, moves }
            }
        })
    }
}

/// All that a user has not read of what is committed.
pub(super) fn read_unread(shelf: &impl Shelf, user: &str, max_bytes: usize) -> Result<Unread, Error> {
    loop {
        let found = shelf.index(|index| {
            let (messages, bytes) = index.unread(user);
            let fits = Inbox::footprint(messages, bytes) <= max_bytes;
            fits.then(|| {
                let (full_name, mut spans) = index.unread_spans(user).unwrap_or_default();
                for span in &mut spans {
                    span.from = index.committed_head(span.stream, span.from);
                }
                ((full_name.to_owned(), spans), index.committed)
            })
        });
        let Some(((full_name, spans), committed)) = found else { return Ok(Unread::TooLarge) };
        let profile = |id| shelf.index(|index| index.profile(id).cloned());
        let damage = |what: &str| shelf.damage(what);
        let collected = collect(shelf, &spans, committed, &profile, &damage);
        let complete = matches!(collected, Ok(Collected { missing: false, .. }));
        if !complete {
            // Another reader may have been quicker, and what was being read may be gone by now.
            let now = shelf.index(|index| index.unread_spans(user).map(|(_, spans)| spans).unwrap_or_default());
            let same = |span: &Span| now.iter().any(|now| now.stream == span.stream && now.after == span.after);
            if !spans.iter().all(same) {
                continue;
            }
        }
        let Collected { mut inbox, moves, missing } = collected?;
        if missing {
            return Err(shelf.damage(&format!("unread messages of {user:?} are missing")));
        }
        inbox.set_to(&full_name);
        return Ok(Unread::Messages { inbox, moves });
    }
}

struct Collected {
    inbox: Inbox,
    moves: Vec<CursorMove>,
    /// Whether something was not found.
    missing: bool,
}

/// The messages of `spans` up to the message `until`.
fn collect(
    source: &impl Source,
    spans: &[Span],
    until: MessageId,
    profile: &dyn Fn(ProfileId) -> Option<Arc<Profile>>,
    damage: &dyn Fn(&str) -> Error,
) -> Result<Collected, Error> {
    let mut pieces: Vec<Inbox> = Vec::new();
    let mut moves: HashMap<StreamId, CursorMove> = HashMap::new();
    let after: HashMap<StreamId, MessageId> = spans.iter().map(|span| (span.stream, span.after)).collect();
    let walk = walk_back(source, spans, damage, |entries| {
        let mut piece = Inbox::default();
        let mut sender: Option<(ProfileId, Arc<Profile>)> = None;
        for entry in entries.iter().filter(|entry| entry.id <= until) {
            let from = match sender.take().filter(|(id, _)| *id == entry.sender) {
                Some((_, from)) => from,
                None => {
                    profile(entry.sender).ok_or_else(|| damage(&format!("profile {} is missing", entry.sender.0)))?
                }
            };
            piece.push_framed(&from, entry.framing, entry.text);
            sender = Some((entry.sender, from));
            let step = moves.entry(entry.stream).or_insert_with(|| CursorMove {
                conversation: entry.stream.0.into(),
                from: after.get(&entry.stream).copied().unwrap_or_default(),
                to: entry.id,
                messages: 0,
                bytes: 0,
            });
            step.to = step.to.max(entry.id);
            step.messages += 1;
            step.bytes += entry.len();
        }
        pieces.push(piece);
        Ok(true)
    })?;
    let mut pieces = pieces.into_iter().rev();
    let mut inbox = pieces.next().unwrap_or_default();
    pieces.for_each(|piece| inbox.append(piece));
    Ok(Collected { inbox, moves: moves.into_values().collect(), missing: walk != Walk::Done })
}

/// The cursor move that reads a conversation up to a message.
pub(super) fn read_until(
    shelf: &impl Shelf,
    user: &str,
    with: &str,
    upto: MessageId,
) -> Result<Option<CursorMove>, Error> {
    let damage = |what: &str| shelf.damage(what);
    loop {
        let (streams, committed) = shelf.index(|index| (index.committed_between(user, with), index.committed));
        let upto = upto.min(committed);
        let mut spans = Vec::new();
        for &(stream, state) in streams.iter().flatten() {
            spans.push(Span { stream, from: start(shelf, stream, state.head, upto)?, after: MessageId::NONE });
        }
        // The last message of the conversation that is not past it.
        let mut until = MessageId::NONE;
        walk_back(shelf, &spans, &damage, |entries| {
            until = entries.iter().map(|entry| entry.id).filter(|id| *id <= upto).max().unwrap_or_default();
            Ok(until == MessageId::NONE)
        })?;
        let Some((stream, StreamState { head, cursor, .. })) = streams[0].filter(|(_, state)| until > state.cursor)
        else {
            return Ok(None);
        };
        let mut step = CursorMove { conversation: stream.0.into(), from: cursor, to: until, messages: 0, bytes: 0 };
        let span = Span { stream, from: start(shelf, stream, head, until)?, after: cursor };
        let walk = walk_back(shelf, &[span], &damage, |entries| {
            for entry in entries.iter().filter(|entry| entry.id <= until) {
                step.messages += 1;
                step.bytes += entry.len();
            }
            Ok(true)
        })?;
        if walk == Walk::Done {
            return Ok(Some(step));
        }
        // Another reader may have been quicker, and what was being read may be gone by now.
        let now = shelf.index(|index| index.streams_between(user, with)[0]);
        if now.is_some_and(|(now, state)| now == stream && state.cursor == cursor) {
            return Err(damage(&format!("unread messages of {user:?} are missing")));
        }
    }
}

/// A message of the stream at or after `until` and near to it, to walk back from.
fn start(shelf: &impl Shelf, stream: StreamId, head: MessageId, until: MessageId) -> Result<MessageId, Error> {
    if head <= until {
        return Ok(head);
    }
    Ok(shelf.mark(stream, until, 0)?.unwrap_or(head))
}

/// A page of the conversation that `user` has with `with`.
pub(super) fn history(
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
pub(super) fn sync(shelf: &impl Shelf, user: &str, after: MessageId, limit: usize) -> Result<HistoryPage, Error> {
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
