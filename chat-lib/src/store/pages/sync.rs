//! Pages of all conversations of a user.
//!
//! A page of a few streams walks back through each of them, from the first mark after the page's beginning. Of many streams, that
//! would read many times what is on the page. So the log is then read forwards, as far as the page needs it; only if that
//! finds nothing, because the user's messages are few among those of others, the page walks back all the same.

use std::collections::HashMap;

use super::Shelf;
use super::history::{Found, PageAfter, Room, messages, page_after};
use super::news::committed_after;
use crate::error::Error;
use crate::limits::{SCAN_BYTES, WALKED_STREAMS};
use crate::model::MessageId;
use crate::store::SyncPage;
use crate::store::hash::NumberHasher;
use crate::store::index::View;
use crate::store::log::{Block, StreamId};

/// A page of all conversations of `user`.
pub(in crate::store) fn sync(
    shelf: &impl Shelf,
    user: &str,
    after: MessageId,
    limit: usize,
) -> Result<SyncPage, Error> {
    sync_walking(shelf, user, after, limit, WALKED_STREAMS)
}

/// As [`sync`], which walks back through so many streams at most.
pub(in crate::store) fn sync_walking(
    shelf: &impl Shelf,
    user: &str,
    mut after: MessageId,
    limit: usize,
    walked: usize,
) -> Result<SyncPage, Error> {
    let (mut views, committed) = shelf.index(|index| {
        let mut views = index.all_views(user, after);
        views.iter_mut().for_each(|view| view.head = index.committed_head(view.stream, view.head));
        (views, index.committed)
    });
    views.retain(|view| view.head > after.max(view.floor));
    if views.len() > walked && limit > 0 {
        let Scanned { found, upto, is_full } = scan(shelf, &views, after, limit)?;
        // What was committed meanwhile may be in other streams.
        let upto = upto.min(committed);
        let more = is_full || views.iter().any(|view| view.head > upto);
        if !more || !found.is_empty() {
            let next = match found.last() {
                Some(last) if is_full => last.id,
                _ if more => upto,
                _ => committed.max(after),
            };
            return Ok(SyncPage::new(messages(shelf, user, found, &views)?, next, more));
        }
        after = upto;
    }
    let PageAfter { messages, more, until, .. } = page_after(shelf, user, &views, (after, committed), limit, 0)?;
    // A page may be empty although there is more, because what was to be on it is gone by now.
    let next = match messages.last() {
        Some(last) if more => last.id,
        None if more && limit == 0 => after,
        _ => until.max(after),
    };
    Ok(SyncPage::new(messages, next, more))
}

/// The first messages in the next part of the log.
struct Scanned {
    found: Vec<Found>,
    /// Up to where the log was read, if there was room for all messages.
    upto: MessageId,
    /// Whether there was no room for the next message.
    is_full: bool,
}

fn scan(shelf: &impl Shelf, views: &[View], after: MessageId, limit: usize) -> Result<Scanned, Error> {
    let views: HashMap<StreamId, &View, NumberHasher> = views.iter().map(|view| (view.stream, view)).collect();
    let (mut found, mut room) = (Vec::new(), Room::new(limit));
    let mut read = |block: &Block| -> Result<bool, Error> {
        for entry in block.entries() {
            let entry = entry.ok_or_else(|| shelf.damage("a block of the log cannot be parsed"))?;
            let is_shown = |view: &&View| entry.id > view.floor.max(after) && entry.id <= view.head;
            if views.get(&entry.stream).is_some_and(is_shown) {
                if !room.take(entry.text) {
                    return Ok(true);
                }
                found.push(Found::from(&entry));
            }
        }
        Ok(false)
    };
    // A single block often has enough.
    let first = after.next().map(|next| shelf.block(next)).transpose()?.flatten();
    let mut upto = first.as_ref().map_or(after, |block| block.last);
    let mut is_full = first.map_or(Ok(false), |block| read(&block))?;
    if !is_full {
        let news = committed_after(shelf, upto, SCAN_BYTES)?;
        for block in &news.blocks {
            is_full = is_full || read(block)?;
        }
        upto = news.upto.max(after);
    }
    Ok(Scanned { found, upto, is_full })
}
