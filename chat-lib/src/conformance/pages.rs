//! Pages of messages, as they should be.

use crate::error::Error;
use crate::model::{HistoryMessage, MessageId};
use crate::store::{HistoryPage, Position};

/// The page of `messages` that a store should give.
pub(super) fn page(messages: &[HistoryMessage], position: Position, limit: usize) -> HistoryPage {
    let (mut found, is_backward): (Vec<_>, _) = match position {
        Position::After(id) => (messages.iter().filter(|message| message.id > id).cloned().collect(), false),
        Position::Before(id) => (messages.iter().filter(|message| message.id < id).cloned().collect(), true),
    };
    let more = found.len() > limit;
    if is_backward {
        found.drain(..found.len().saturating_sub(limit));
    } else {
        found.truncate(limit);
    }
    HistoryPage::new(found, more)
}

/// Small limits, and such that just fit.
pub(super) fn limits(messages: usize) -> Vec<usize> {
    let mut limits = vec![1, 2, 3, 7, messages.saturating_sub(1).max(1), messages.max(1), messages + 1, usize::MAX];
    limits.sort_unstable();
    limits.dedup();
    limits
}

/// Pages from one end to the other.
pub(super) fn walk_pages(
    messages: &[HistoryMessage],
    limit: usize,
    is_forward: bool,
    what: &str,
    read: impl Fn(Position) -> Result<HistoryPage, Error>,
) {
    let mut position = if is_forward { Position::After(MessageId::NONE) } else { Position::Before(MessageId::MAX) };
    loop {
        let found = read(position).unwrap_or_else(|problem| panic!("{what}: reads, but: {problem}"));
        compare_pages(&found, &page(messages, position, limit), what);
        let end = if is_forward { found.messages.last() } else { found.messages.first() };
        match end.filter(|_| found.more) {
            Some(end) => position = if is_forward { Position::After(end.id) } else { Position::Before(end.id) },
            None => return,
        }
    }
}

pub(super) fn compare_pages(found: &HistoryPage, expected: &HistoryPage, what: &str) {
    assert_eq!(
        with_keys_of_what_is_left(&found.messages),
        with_keys_of_what_is_left(&expected.messages),
        "{what}: at most `limit` messages next to the position, in ascending order"
    );
    assert_eq!(
        found.more, expected.more,
        "HistoryPage::more: whether there are more in the direction that was asked for ({what})"
    );
}

/// An engine may forget the key that a message was shown with, when it is deleted.
fn with_keys_of_what_is_left(messages: &[HistoryMessage]) -> Vec<HistoryMessage> {
    let mut messages = messages.to_vec();
    messages.iter_mut().filter(|message| message.deleted).for_each(|message| message.key = None);
    messages
}
