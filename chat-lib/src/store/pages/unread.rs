//! What a user has not read, and the cursor moves that mark it as read.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use super::{Shelf, start};
use crate::error::Error;
use crate::limits::UNREAD_STEP_BYTES;
use crate::model::{ConversationName, Inbox, MessageId, Profile};
use crate::store::hash::NumberHasher;
use crate::store::index::{Index, View, conversation, stream_of};
use crate::store::log::{Entry, ProfileId, Source, Span, StreamId, Walk, walk_back};
use crate::store::{CursorMove, Unread};

impl Index {
    /// What a user has not read, if it is in memory and little.
    pub(in crate::store) fn unread_step(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
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
        let profile = |id| self.profile(id);
        let damage = |what: &str| Error::Storage(what.into());
        let wanted = Wanted { until: self.tail.last(), not_from: None, max_bytes: usize::MAX };
        let mut collected = collect(&&self.tail, &spans, wanted, self.last_deletion(), &profile, &damage)?;
        collected.inbox.set_to(full_name);
        Ok(match collected.missing {
            true => Unread::WouldBlock,
            false => collected.into_unread(self),
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
                ((full_name.to_owned(), spans), index.committed, index.last_deletion())
            })
        });
        let Some(((full_name, spans), until, deletions)) = found else { return Ok(Unread::TooLarge) };
        let profile = |id| shelf.index(|index| index.profile(id));
        let damage = |what: &str| shelf.damage(what);
        let wanted = Wanted { until, not_from: None, max_bytes: usize::MAX };
        let collected = collect(shelf, &spans, wanted, deletions, &profile, &damage);
        let complete = matches!(collected, Ok(Collected { missing: false, .. }));
        if !complete {
            // Another reader may have been quicker, and what was being read may be gone by now.
            let now = shelf.index(|index| index.unread_spans(user).map(|(_, spans)| spans).unwrap_or_default());
            let same = |span: &Span| now.iter().any(|now| now.stream == span.stream && now.after == span.after);
            if !spans.iter().all(same) {
                continue;
            }
        }
        let mut collected = collected?;
        if shelf.index(|index| index.last_deletion()) != deletions {
            continue;
        }
        if collected.missing {
            return Err(shelf.damage(&format!("unread messages of {user:?} are missing")));
        }
        collected.inbox.set_to(&full_name);
        return Ok(shelf.index(|index| collected.into_unread(index)));
    }
}

/// All that a user has not read in a room, of what is committed.
pub(in crate::store) fn read_unread_room(
    shelf: &impl Shelf,
    user: &str,
    room: &str,
    max_bytes: usize,
) -> Result<Unread, Error> {
    loop {
        let (view, full_name, until, deletions) = shelf.index(|index| {
            // Whoever it is, only a room has a name that begins like this.
            let view = if room.starts_with('#') { index.committed_views(user, room).pop() } else { None };
            let full_name = index.account(user).map(|account| account.profile.full_name().to_owned());
            (view, full_name.unwrap_or_default(), index.committed, index.last_deletion())
        });
        let Some(View { stream, head, floor, cursor: Some(cursor), .. }) = view else {
            return Ok(Unread::Messages { inbox: Inbox::default(), moves: Vec::new() });
        };
        let span = Span { stream, from: head, after: cursor.max(floor) };
        let profile = |id| shelf.index(|index| index.profile(id));
        let wanted = Wanted { until, not_from: Some(user), max_bytes };
        let mut collected = collect(shelf, &[span], wanted, deletions, &profile, &|what| shelf.damage(what))?;
        // What is missing was dropped, and if that was only now, it is no news here.
        if shelf.index(|index| index.last_deletion()) != deletions {
            continue;
        }
        if collected.too_large {
            return Ok(Unread::TooLarge);
        }
        collected.moves.iter_mut().for_each(|step| step.from = cursor);
        collected.inbox.set_to(&full_name);
        return Ok(shelf.index(|index| collected.into_unread(index)));
    }
}

/// Which of the messages of some spans are wanted.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// Those up to this one.
    until: MessageId,
    /// Those of others than this user.
    not_from: Option<&'a str>,
    /// As many as fit.
    max_bytes: usize,
}

struct Collected {
    inbox: Inbox,
    moves: Vec<CursorMove>,
    /// Whether something was not found.
    missing: bool,
    /// Whether they did not fit.
    too_large: bool,
}

impl Collected {
    fn into_unread(self, index: &mut Index) -> Unread {
        let Self { inbox, mut moves, .. } = self;
        moves.iter_mut().for_each(|step| step.with = index.name_of(stream_of(step.conversation), step.with.take()));
        Unread::Messages { inbox, moves }
    }
}

/// The wanted messages of `spans` that were not deleted, and the moves past them, which know of the deletion with that number.
fn collect(
    source: &impl Source,
    spans: &[Span],
    wanted: Wanted<'_>,
    deletions: u32,
    profile: &dyn Fn(ProfileId) -> Option<Arc<Profile>>,
    damage: &dyn Fn(&str) -> Error,
) -> Result<Collected, Error> {
    let (mut messages, mut bytes, mut too_large) = (0, 0, false);
    let mut pieces: Vec<Inbox> = Vec::new();
    let mut moves: HashMap<StreamId, CursorMove, NumberHasher> = HashMap::default();
    let mut senders: HashMap<ProfileId, Arc<Profile>, NumberHasher> = HashMap::default();
    let after: HashMap<StreamId, MessageId> = spans.iter().map(|span| (span.stream, span.after)).collect();
    let walk = walk_back(source, spans, damage, |entries| {
        let mut piece = Inbox::with_capacity(entries.len(), entries.iter().map(Entry::len).sum());
        for entry in entries.iter().filter(|entry| entry.id <= wanted.until && !entry.deleted) {
            let from = match senders.entry(entry.sender) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(new) => {
                    let missing = || damage(&format!("profile {} is missing", entry.sender.0));
                    new.insert(profile(entry.sender).ok_or_else(missing)?)
                }
            };
            if wanted.not_from == Some(from.user().as_str()) {
                continue;
            }
            piece.push_framed(from, entry.framing, entry.text);
            let step = moves.entry(entry.stream).or_insert_with(|| CursorMove {
                with: Some(from.user().clone().into()),
                conversation: conversation(entry.stream, deletions),
                from: after.get(&entry.stream).copied().unwrap_or_default(),
                to: entry.id,
                messages: 0,
                bytes: 0,
            });
            step.to = step.to.max(entry.id);
            step.messages += 1;
            step.bytes += entry.len();
            messages += 1;
            bytes += entry.len();
        }
        pieces.push(piece);
        too_large = Inbox::footprint(messages, bytes) > wanted.max_bytes;
        Ok(!too_large)
    })?;
    let mut inbox = Inbox::default();
    pieces.into_iter().rev().for_each(|piece| inbox.append(piece));
    Ok(Collected { inbox, moves: moves.into_values().collect(), missing: walk != Walk::Done, too_large })
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
        let (views, committed, deletions) =
            shelf.index(|index| (index.committed_views(user, with), index.committed, index.last_deletion()));
        let upto = upto.min(committed);
        let mut spans = Vec::new();
        for view in &views {
            spans.push(view.span(start(shelf, view.stream, view.head, upto)?, MessageId::NONE));
        }
        // The last message of the conversation that is not past it.
        let mut until = MessageId::NONE;
        walk_back(shelf, &spans, &damage, |entries| {
            until = entries.iter().map(|entry| entry.id).filter(|id| *id <= upto).max().unwrap_or_default();
            Ok(until == MessageId::NONE)
        })?;
        let mine = views.iter().find_map(|view| Some((view, view.cursor?)));
        let Some((view, cursor)) = mine.filter(|(_, cursor)| until > *cursor) else { return Ok(None) };
        let (stream, conversation) = (view.stream, conversation(view.stream, deletions));
        let with_name = Some(view.with.clone());
        let mut step = CursorMove { with: with_name, conversation, from: cursor, to: until, messages: 0, bytes: 0 };
        let span = view.span(start(shelf, stream, view.head, until)?, cursor);
        let profile = |id| shelf.index(|index| index.profile(id));
        // In a room, one's own messages are not unread.
        let is_room = matches!(view.with, ConversationName::Room(_));
        let own = |sender| is_room && profile(sender).is_some_and(|profile| profile.user().as_str() == user);
        let walk = walk_back(shelf, &[span], &damage, |entries| {
            let others = |entry: &&Entry<'_>| entry.id <= until && !entry.deleted && !own(entry.sender);
            for entry in entries.iter().filter(others) {
                step.messages += 1;
                step.bytes += entry.len();
            }
            Ok(true)
        })?;
        if shelf.index(|index| index.last_deletion()) != deletions {
            continue;
        }
        // In a room, what is missing was dropped.
        if walk == Walk::Done || is_room {
            return Ok(Some(step));
        }
        // Another reader may have been quicker, and what was being read may be gone by now.
        let now = shelf.index(|index| index.streams_between(user, with)[0]);
        if now.is_some_and(|(now, state)| now == stream && state.cursor == cursor) {
            return Err(damage(&format!("unread messages of {user:?} are missing")));
        }
    }
}
