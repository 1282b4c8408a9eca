//! The records of a dump, as of one moment, and the check that the log has everything that the index refers to.

mod direct;
mod rooms;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use self::direct::StreamView;
use self::rooms::RoomView;
use super::index::{Index, Known};
use super::log::{Block, Entry, ProfileId, StreamId};
use super::pages::Shelf;
use super::{Member, NewMessage, Record, Visit};
use crate::error::Error;
use crate::model::{Account, ConversationName, Invitation, MessageId, MessageKey, Profile, UserName};

/// Everything but messages, as it is at one moment.
pub(super) struct Snapshot {
    accounts: Vec<Arc<Account>>,
    invitations: Vec<Invitation>,
    /// Who takes no direct messages from whom.
    blocks: Vec<(UserName, UserName)>,
    conversations: Vec<[(UserName, MessageId); 2]>,
    streams: HashMap<StreamId, StreamView>,
    rooms: HashMap<StreamId, RoomView>,
    keys: Vec<(UserName, MessageKey, Known)>,
    /// The last message before each account of that name.
    since: HashMap<UserName, MessageId>,
    /// Messages whose texts are in the log although they were deleted.
    deleted: BTreeSet<MessageId>,
    /// The last message that is committed.
    pub(super) last: MessageId,
}

impl Snapshot {
    /// The snapshot of an index that is [whole](Index::is_whole).
    pub(super) fn of(index: &mut Index) -> Self {
        let (mut blocks, mut conversations, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let accounts = index.accounts("", usize::MAX);
        for account in &accounts {
            let one = account.profile.user();
            blocks.extend(index.blocked(one.as_str()).iter().map(|other| (one.clone(), other.user().clone())));
            keys.extend(index.keys(one.as_str()).map(|(key, known)| (one.clone(), key.clone(), known.clone())));
            for conversation in index.conversations(one.as_str()) {
                let (ConversationName::User(other), Some(read)) = (conversation.with, conversation.read_by_other)
                else {
                    continue;
                };
                if other >= *one {
                    conversations.push([(one.clone(), conversation.read), (other, read)]);
                }
            }
        }
        Self {
            accounts,
            invitations: index.invitations(None),
            blocks,
            conversations,
            streams: index
                .streams()
                .map(|(id, reader, former, state)| (id, StreamView::new(reader, former, state)))
                .collect(),
            rooms: index.room_rows().map(|(id, room, people)| (id, RoomView::new(room, people))).collect(),
            keys,
            since: index.since().collect(),
            deleted: index.deleted_in_log().into_iter().collect(),
            last: index.committed,
        }
    }

    /// Shows what comes before messages.
    pub(super) fn show(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.accounts.iter().try_for_each(|account| visit(Record::Account(account)))?;
        self.invitations.iter().try_for_each(|invitation| visit(Record::Invitation(invitation)))?;
        for (user, blocked) in &self.blocks {
            visit(Record::Block { user: user.as_str(), blocked: blocked.as_str() })?;
        }
        for [(one, read_by_one), (other, read_by_other)] in &self.conversations {
            let one_member = Member { user: one.as_str(), read: *read_by_one };
            let other_member = Member { user: other.as_str(), read: *read_by_other };
            let members = [one_member, other_member];
            visit(Record::Conversation(if one == other { &members[..1] } else { &members }))?;
        }
        let mut rooms: Vec<_> = self.rooms.values().collect();
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        rooms.into_iter().try_for_each(|room| room.show(visit))
    }

    /// Shows the keys.
    pub(super) fn show_keys(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        for (user, key, Known { id, time, to }) in &self.keys {
            visit(Record::Key { user: user.as_str(), to: to.as_str(), key, id: *id, time: *time })?;
        }
        Ok(())
    }

    /// Shows the messages of a block that belong to a dump; those that were read, or are in rooms, only if it `keeps` the block:
    /// for rooms that have an age of their own, or for all else. Blocks come in ascending order.
    pub(super) fn show_block(
        &mut self,
        block: &Block,
        keeps: &mut dyn FnMut(&Block, Option<Duration>) -> bool,
        profile: &dyn Fn(ProfileId) -> Option<Arc<Profile>>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Problem> {
        let kept = keeps(block, None);
        for entry in block.entries() {
            let mut entry = entry.ok_or_else(|| format!("block {} cannot be parsed", block.first))?;
            if entry.id > self.last {
                break;
            }
            if self.deleted.contains(&entry.id) {
                (entry.text, entry.deleted) = ("", true);
            }
            let from = || profile(entry.sender).ok_or_else(|| format!("profile {} is missing", entry.sender.0));
            let (from, to, from_former_user) = if let Some(stream) = self.streams.get_mut(&entry.stream) {
                if !stream.count(&entry)? && (!kept || stream.former) {
                    continue;
                }
                (from()?, stream.reader.as_str(), stream.former)
            } else if let Some(room) = self.rooms.get_mut(&entry.stream) {
                let from = from()?;
                let age = room.age();
                if !room.count(&entry, from.user().as_str())? || !age.map_or(kept, |age| keeps(block, Some(age))) {
                    continue;
                }
                let is_former = self.since.get(from.user()).is_none_or(|since| entry.id <= *since);
                (from, room.name.as_str(), is_former)
            } else {
                continue;
            };
            let Entry { id, text, framing, time, deleted, .. } = entry;
            let key = entry.key.and_then(|key| MessageKey::parse(key).ok());
            let message = NewMessage { to, from: &from, text, framing, time, key: key.as_ref() };
            visit(Record::Message { id, message, from_former_user, deleted })?;
        }
        Ok(())
    }

    /// After all blocks: fails if unread messages were not among them.
    pub(super) fn check(&self) -> Result<(), String> {
        self.streams.iter().try_for_each(|(id, stream)| stream.check(*id))?;
        self.rooms.values().try_for_each(RoomView::check)
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
