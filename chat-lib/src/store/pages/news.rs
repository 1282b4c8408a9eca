//! What was committed a short time ago, and single messages by their ids.

use std::sync::Arc;

use super::history::{Found, missing};
use super::{Shelf, Source};
use crate::error::Error;
use crate::limits::NEWS_BYTES;
use crate::model::{ConversationName, MessageId};
use crate::store::index::Index;
use crate::store::log::{Block, Entry};
use crate::store::{FoundMessage, News, NewsMessage};

/// What was committed after `after`.
pub(in crate::store) fn news(shelf: &impl Shelf, mut after: MessageId) -> Result<News, Error> {
    loop {
        let Committed { blocks, upto, last } = committed_after(shelf, after, NEWS_BYTES)?;
        let messages = messages(shelf, &blocks, after, upto)?;
        if !messages.is_empty() || upto >= last {
            return Ok(News::new(messages, upto.max(after)));
        }
        // All of it is gone.
        after = upto;
    }
}

/// A part of the log.
pub(super) struct Committed {
    pub(super) blocks: Vec<Arc<Block>>,
    /// Up to which message the blocks have all that is committed.
    pub(super) upto: MessageId,
    /// The last message that is committed.
    last: MessageId,
}

/// What was committed after `after`: about so many bytes of it, if it is more. There may be other messages in its blocks.
pub(super) fn committed_after(shelf: &impl Shelf, after: MessageId, bytes: usize) -> Result<Committed, Error> {
    let (held, last) = shelf.index(|index| {
        // Most often there is nothing.
        let is_all = index.committed <= after;
        let held = if is_all { Some((Vec::new(), true)) } else { index.tail.blocks_after(after, bytes) };
        (held, index.committed)
    });
    let (blocks, is_all) = match held {
        Some(held) => held,
        None => shelf.blocks_after(after, bytes)?,
    };
    let upto = blocks.last().filter(|_| !is_all).map_or(last, |block| block.last.min(last));
    Ok(Committed { blocks, upto, last })
}

fn messages(
    shelf: &impl Shelf,
    blocks: &[Arc<Block>],
    after: MessageId,
    upto: MessageId,
) -> Result<Vec<NewsMessage>, Error> {
    let mut found = Vec::new();
    for entry in blocks.iter().flat_map(|block| block.entries()) {
        let entry = entry.ok_or_else(|| shelf.damage("a block of the log cannot be parsed"))?;
        if entry.id > after && entry.id <= upto {
            found.push((entry, Found::from(&entry)));
        }
    }
    let messages = shelf.index(|index| {
        let message = |(entry, found)| index.recipient_of(&entry).map(|to| message(index, found, to));
        found.into_iter().filter_map(message).collect::<Result<Vec<_>, _>>()
    });
    messages.map_err(|sender| missing(shelf, sender))
}

fn message(index: &mut Index, found: Found, to: ConversationName) -> Result<NewsMessage, crate::store::log::ProfileId> {
    let Found { id, sender, time, text, key, deleted, .. } = found;
    let from = index.profile(sender).ok_or(sender)?;
    Ok(NewsMessage { id, to, from, time, text, key, deleted })
}

/// The message with that id, if `user` can see it and it was not deleted.
pub(in crate::store) fn find_message(
    shelf: &impl Shelf,
    user: &str,
    id: MessageId,
) -> Result<Option<FoundMessage>, Error> {
    if id > shelf.index(|index| index.committed) {
        return Ok(None);
    }
    let Some(block) = Source::block(shelf, id)? else { return Ok(None) };
    for entry in block.entries() {
        let entry = entry.ok_or_else(|| shelf.damage(&format!("the block of message {id} cannot be parsed")))?;
        if entry.id != id {
            continue;
        }
        return Ok(shelf.index(|index| {
            let with = index.sees(user, &entry).filter(|_| !entry.deleted && !index.is_deleted(id))?;
            let from = index.profile(entry.sender).and_then(|profile| index.sender(&profile, id).cloned());
            let conversation = index.conversation_number(entry.stream);
            Some(FoundMessage { id, with, from, conversation, bytes: entry.len() })
        }));
    }
    Ok(None)
}

/// The first messages after `after` that `user` has sent and that were not deleted.
pub(in crate::store) fn find_sent(
    shelf: &impl Shelf,
    user: &str,
    mut after: MessageId,
    limit: usize,
) -> Result<Vec<FoundMessage>, Error> {
    loop {
        let Committed { blocks, upto, last } = committed_after(shelf, after, NEWS_BYTES)?;
        let mut found = shelf.index(|index| {
            let mut found = Vec::new();
            for entry in blocks.iter().flat_map(|block| block.entries()) {
                let entry = entry.ok_or("a block of the log cannot be parsed")?;
                if entry.id > after && entry.id <= upto {
                    found.extend(sent_by(index, user, &entry));
                }
            }
            Ok(found)
        });
        if let Ok(found) = &mut found {
            found.truncate(limit);
        }
        match found {
            Ok(found) if found.is_empty() && upto < last => after = upto,
            found => return found.map_err(|what: &str| shelf.damage(what)),
        }
    }
}

/// A message, if `user` has sent it and it was not deleted.
fn sent_by(index: &mut Index, user: &str, entry: &Entry<'_>) -> Option<FoundMessage> {
    let from = index.profile(entry.sender)?;
    if from.user().as_str() != user {
        return None;
    }
    let from = index.sender(&from, entry.id)?.clone();
    let with = index.recipient_of(entry).filter(|_| !entry.deleted && !index.is_deleted(entry.id))?;
    let conversation = index.conversation_number(entry.stream);
    Some(FoundMessage { id: entry.id, with, from: Some(from), conversation, bytes: entry.len() })
}
