//! What a dump shows, as of one moment; and whether the log has all that the index says.

use std::collections::HashMap;
use std::sync::Arc;

use super::index::{Index, StreamState};
use super::log::{Block, Entry, ProfileId, StreamId};
use super::pages::Shelf;
use super::{Member, NewMessage, Record, Visit};
use crate::error::Error;
use crate::model::{Account, MessageId, Profile, UserName};

/// Everything but messages, as it is at one moment.
pub(super) struct Snapshot {
    accounts: Vec<Arc<Account>>,
    conversations: Vec<[(UserName, MessageId); 2]>,
    streams: HashMap<StreamId, StreamView>,
    /// The last message that is committed.
    pub(super) last: MessageId,
}

struct StreamView {
    reader: UserName,
    former: bool,
    state: StreamState,
    /// What was found of it in the log: the last message, how many are unread, and their bytes.
    found: (MessageId, usize, usize),
}

impl Snapshot {
    pub(super) fn of(index: &Index) -> Self {
        let mut conversations = Vec::new();
        let accounts = index.accounts();
        for account in &accounts {
            let one = account.profile.user();
            for conversation in index.conversations(one.as_str()) {
                if conversation.with >= *one {
                    let other = conversation.with;
                    conversations.push([(one.clone(), conversation.read), (other, conversation.read_by_other)]);
                }
            }
        }
        let streams = index.streams().map(|(id, reader, former, state)| {
            (id, StreamView { reader: reader.clone(), former, state, found: (state.cursor, 0, 0) })
        });
        Self { accounts, conversations, streams: streams.collect(), last: index.committed }
    }

    /// Shows everything but messages.
    pub(super) fn show(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.accounts.iter().try_for_each(|account| visit(Record::Account(account)))?;
        for [(one, read_by_one), (other, read_by_other)] in &self.conversations {
            let one_member = Member { user: one.as_str(), read: *read_by_one };
            let other_member = Member { user: other.as_str(), read: *read_by_other };
            let members = [one_member, other_member];
            visit(Record::Conversation(if one == other { &members[..1] } else { &members }))?;
        }
        Ok(())
    }

    /// Shows the messages of a block that belong to a dump; those that were read only if the block is `kept`. Blocks come
    /// in ascending order.
    pub(super) fn show_block(
        &mut self,
        block: &Block,
        kept: bool,
        profile: &dyn Fn(ProfileId) -> Option<Arc<Profile>>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Problem> {
        for entry in block.entries() {
            let entry = entry.ok_or_else(|| format!("block {} cannot be parsed", block.first))?;
            if entry.id > self.last {
                break;
            }
            let Some(stream) = self.streams.get_mut(&entry.stream) else { continue };
            let unread = stream.count(&entry)?;
            if !unread && (!kept || stream.former) {
                continue;
            }
            let Entry { id, text, framing, time, .. } = entry;
            let from = profile(entry.sender).ok_or_else(|| format!("profile {} is missing", entry.sender.0))?;
            let message = NewMessage { to: stream.reader.as_str(), from: &from, text, framing, time };
            let from_former_user = stream.former;
            visit(Record::Message { id, message, from_former_user })?;
        }
        Ok(())
    }

    /// After all blocks: fails if unread messages were not among them.
    pub(super) fn check(&self) -> Result<(), String> {
        for (id, StreamView { state, found, .. }) in &self.streams {
            let StreamState { head, unread, bytes, .. } = *state;
            if (found.1, found.2) != (unread, bytes) || unread > 0 && found.0 != head {
                return Err(format!("stream {} should have {state:?}, and the log has {found:?}", id.0));
            }
        }
        Ok(())
    }
}

impl StreamView {
    /// Counts a message, and returns whether it is unread.
    fn count(&mut self, entry: &Entry<'_>) -> Result<bool, String> {
        if entry.id <= self.state.cursor || entry.id > self.state.head {
            return Ok(false);
        }
        let (last, messages, bytes) = self.found;
        // The first unread message follows one that was read, and may be gone.
        if messages > 0 && entry.before != last || entry.before > self.state.cursor && messages == 0 {
            return Err(format!("messages of stream {} before {} are missing", entry.stream.0, entry.id));
        }
        self.found = (entry.id, messages + 1, bytes + entry.len());
        Ok(true)
    }
}

/// Why a dump ended early.
pub(super) enum Problem {
    /// The stored data is damaged.
    Damage(String),
    /// Whoever looks at it wants no more.
    Visitor(Error),
}

impl Problem {
    /// The error that `shelf` has for it.
    pub(super) fn into_error(self, shelf: &impl Shelf) -> Error {
        match self {
            Self::Damage(what) => shelf.damage(&what),
            Self::Visitor(problem) => problem,
        }
    }
}

impl From<String> for Problem {
    fn from(what: String) -> Self {
        Self::Damage(what)
    }
}

impl From<Error> for Problem {
    fn from(problem: Error) -> Self {
        Self::Visitor(problem)
    }
}
