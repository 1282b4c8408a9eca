//! What a user has not read, and the cursor moves that mark it as read.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use super::{Shelf, start};
use crate::error::Error;
use crate::limits::UNREAD_STEP_BYTES;
use crate::model::{Inbox, MessageId, Profile};
use crate::store::hash::NumberHasher;
use crate::store::index::{Index, StreamState};
use crate::store::log::{Entry, ProfileId, Source, Span, StreamId, Walk, walk_back};
use crate::store::{CursorMove, Unread};

impl Index {
    /// What a user has not read, if it is in memory and little.
    pub(in crate::store) fn unread_step(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
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
pub(in crate::store) fn read_unread(shelf: &impl Shelf, user: &str, max_bytes: usize) -> Result<Unread, Error> {
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
    let mut moves: HashMap<StreamId, CursorMove, NumberHasher> = HashMap::default();
    let mut senders: HashMap<ProfileId, Arc<Profile>, NumberHasher> = HashMap::default();
    let after: HashMap<StreamId, MessageId> = spans.iter().map(|span| (span.stream, span.after)).collect();
    let walk = walk_back(source, spans, damage, |entries| {
        let mut piece = Inbox::default();
        piece.reserve(entries.len(), entries.iter().map(Entry::len).sum());
        for entry in entries.iter().filter(|entry| entry.id <= until) {
            let from = match senders.entry(entry.sender) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(new) => {
                    let missing = || damage(&format!("profile {} is missing", entry.sender.0));
                    new.insert(profile(entry.sender).ok_or_else(missing)?)
                }
            };
            piece.push_framed(from, entry.framing, entry.text);
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
    inbox.reserve(moves.values().map(|step| step.messages).sum(), moves.values().map(|step| step.bytes).sum());
    pieces.for_each(|piece| inbox.append(piece));
    Ok(Collected { inbox, moves: moves.into_values().collect(), missing: walk != Walk::Done })
}

/// The cursor move that reads a conversation up to a message.
pub(in crate::store) fn read_until(
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
