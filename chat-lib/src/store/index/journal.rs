//! What has changed in the index and the log, for an engine that writes it down.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::keys::KeysRow;
use super::sessions::Login;
use crate::clock::Timestamp;
use crate::model::{Invitation, InvitationId, MessageId, PasswordHash, Profile, RoomName, SessionId, UserName};
use crate::store::log::{Block, ProfileId, StreamId};
use crate::store::{RoomKeep, Standing};

/// Collects changes until they are taken out to be written.
pub(in crate::store) struct Journal {
    /// Whether changes are collected.
    on: bool,
    /// Streams whose rows do not know of all their messages.
    pub(in crate::store) lagging: Vec<StreamId>,
    /// Members of rooms whose rows do not know of all their own messages.
    pub(in crate::store) lagging_members: Vec<(StreamId, UserName)>,
    /// The marks, if changes are not collected.
    pub(in crate::store) marks: BTreeSet<(StreamId, MessageId)>,
    changes: Vec<Change>,
    /// How many changes were taken out, and how many there were that are no [`Change`] of their own yet.
    before: u64,
}

impl Journal {
    pub(in crate::store) fn new(on: bool) -> Self {
        Self {
            on,
            lagging: Vec::new(),
            lagging_members: Vec::new(),
            marks: BTreeSet::new(),
            changes: Vec::new(),
            before: 0,
        }
    }

    pub(in crate::store) fn is_on(&self) -> bool {
        self.on
    }

    pub(in crate::store) fn push(&mut self, change: impl FnOnce() -> Change) {
        if self.on {
            self.changes.push(change());
        }
    }

    /// Notes that a stream can be read from that message.
    pub(in crate::store) fn mark(&mut self, stream: StreamId, message: MessageId) {
        match self.on {
            true => self.changes.push(Change::Mark(stream, message)),
            false => drop(self.marks.insert((stream, message))),
        }
    }

    /// Takes note that the row of a stream or room does not know of its last message.
    pub(in crate::store) fn lags(&mut self, stream: StreamId, lagging: &mut bool) {
        if self.on && !std::mem::replace(lagging, true) {
            self.lagging.push(stream);
        }
    }

    /// Takes note that the row of a member does not know of their last message.
    pub(in crate::store) fn member_lags(&mut self, room: StreamId, user: &UserName) {
        if self.on {
            self.lagging_members.push((room, user.clone()));
        }
    }

    /// Counts a message, whose change is its block's.
    pub(in crate::store) fn count_message(&mut self) {
        self.before += 1;
    }

    /// How many changes there were so far.
    pub(in crate::store) fn count(&self) -> u64 {
        self.before + self.changes.len() as u64
    }

    pub(in crate::store) fn take(&mut self) -> Vec<Change> {
        self.before += self.changes.len() as u64;
        std::mem::take(&mut self.changes)
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(in crate::store) enum Change {
    Profile(ProfileId, Arc<Profile>),
    DropProfile(ProfileId),
    /// An account, new or changed.
    Account(AccountRow),
    DropAccount(AccountId),
    /// A stream, new or changed.
    Stream(StreamRow),
    DropStream(StreamId),
    /// A room, new or changed.
    Room(RoomRow),
    /// A room is dropped with its members.
    DropRoom(StreamId),
    /// Somebody who is a member of a room or invited, new or changed.
    Member(MemberRow),
    DropMember(StreamId, AccountId),
    /// An account takes no direct messages from another one.
    Blocked(AccountId, AccountId),
    Unblocked(AccountId, AccountId),
    /// A session that is opened, or whose end moves.
    Session(SessionRow),
    DropSession(Login),
    Invitation(Invitation),
    /// An invitation was used or revoked, or has expired.
    DropInvitation(InvitationId),
    /// A block that is appended to the log.
    Block(Arc<Block>),
    /// A message from which its stream can be read backwards, noted every so often.
    Mark(StreamId, MessageId),
    /// A message is deleted. Its text is still in the log.
    Deleted(MessageId),
    /// Its text has left the log.
    DropDeleted(MessageId),
    /// Keys of messages, some at a time.
    Keys(KeysRow),
    /// The keys of the row with that number are too old.
    DropKeys(u64),
    /// All blocks and marks are dropped.
    ClearLog,
    Summary(Summary),
}

/// The number of an account. It is never used for another one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct AccountId(pub(in crate::store) u32);

/// An account.
#[derive(Clone, Debug)]
pub(in crate::store) struct AccountRow {
    pub(in crate::store) id: AccountId,
    pub(in crate::store) profile: ProfileId,
    pub(in crate::store) password: Option<PasswordHash>,
    pub(in crate::store) banned: bool,
    /// Messages up to this one that were sent under the user name are another account's.
    pub(in crate::store) since: MessageId,
}

/// A stream as it is once all messages up to its last one have arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::store) struct StreamRow {
    pub(in crate::store) id: StreamId,
    /// The sender; `None` if they were removed.
    pub(in crate::store) writer: Option<AccountId>,
    /// The recipient.
    pub(in crate::store) reader: AccountId,
    pub(in crate::store) state: StreamState,
}

/// How far a stream has come, and how far it was read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::store) struct StreamState {
    /// Its last message.
    pub(in crate::store) head: MessageId,
    /// How many messages it has had.
    pub(in crate::store) count: u64,
    /// The reader's cursor.
    pub(in crate::store) cursor: MessageId,
    /// How many messages lie after the cursor.
    pub(in crate::store) unread: usize,
    /// How many bytes these have, texts and framing.
    pub(in crate::store) bytes: usize,
}

/// A room as it is once all messages up to its last one have arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct RoomRow {
    pub(in crate::store) id: StreamId,
    pub(in crate::store) name: RoomName,
    pub(in crate::store) title: Arc<str>,
    pub(in crate::store) open: bool,
    /// Its last message.
    pub(in crate::store) head: MessageId,
    /// How many messages it has had.
    pub(in crate::store) count: u64,
    /// Messages up to this one were dropped.
    pub(in crate::store) gone: MessageId,
    pub(in crate::store) keep: RoomKeep,
}

/// What a user is in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::store) struct MemberRow {
    pub(in crate::store) room: StreamId,
    pub(in crate::store) account: AccountId,
    pub(in crate::store) standing: Standing,
    /// The messages after this one can be seen.
    pub(in crate::store) since: MessageId,
    pub(in crate::store) cursor: MessageId,
    /// How many of the messages of the room are not unread, of the member's own only those up to `sent`.
    pub(in crate::store) base: u64,
    pub(in crate::store) sent: MessageId,
}

/// A session.
#[derive(Clone, Debug)]
pub(in crate::store) struct SessionRow {
    pub(in crate::store) login: Login,
    pub(in crate::store) id: SessionId,
    pub(in crate::store) account: AccountId,
    pub(in crate::store) opened: Timestamp,
    pub(in crate::store) used: Timestamp,
    /// When it ends if the process does before more is written.
    pub(in crate::store) until: Timestamp,
    pub(in crate::store) from: Option<SocketAddr>,
}

/// How many rows there must be, so that missing ones are detected, and what concerns the store as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct Summary {
    /// The [epoch](crate::store::Store::epoch).
    pub(in crate::store) epoch: String,
    /// The stream rows take account of all messages up to this one.
    pub(in crate::store) indexed: MessageId,
    /// A message that there was; the log has its block or a later one.
    pub(in crate::store) last_message: MessageId,
    /// The greatest number that any account, stream or room, or profile ever had.
    pub(in crate::store) last_account: u32,
    pub(in crate::store) last_stream: u32,
    pub(in crate::store) last_profile: u32,
    pub(in crate::store) accounts: u64,
    pub(in crate::store) streams: u64,
    pub(in crate::store) profiles: u64,
    pub(in crate::store) sessions: u64,
    pub(in crate::store) invitations: u64,
    pub(in crate::store) rooms: u64,
    pub(in crate::store) members: u64,
    pub(in crate::store) blocks: u64,
    pub(in crate::store) deleted: u64,
    /// How many deletions there were, and times that messages of a room were dropped.
    pub(in crate::store) deletions: u32,
    pub(in crate::store) key_rows: u64,
    /// How many keys were ever written.
    pub(in crate::store) last_key: u64,
    /// The keys of all messages up to this one are written.
    pub(in crate::store) keyed: MessageId,
    /// Whether a dump is being restored.
    pub(in crate::store) restoring: bool,
    /// The time that messages age by; the epoch of time if there was none yet.
    pub(in crate::store) retention_time: Timestamp,
    /// How long messages are kept that were read, in milliseconds.
    pub(in crate::store) keep_read: u64,
}

impl Summary {
    /// Of data with nothing in it.
    pub(in crate::store) fn empty(epoch: String, keep_read: u64) -> Self {
        Self {
            epoch,
            indexed: MessageId::NONE,
            last_message: MessageId::NONE,
            last_account: 0,
            last_stream: 0,
            last_profile: 0,
            accounts: 0,
            streams: 0,
            profiles: 0,
            sessions: 0,
            invitations: 0,
            rooms: 0,
            members: 0,
            blocks: 0,
            deleted: 0,
            deletions: 0,
            key_rows: 0,
            last_key: 0,
            keyed: MessageId::NONE,
            restoring: false,
            retention_time: Timestamp::EPOCH,
            keep_read,
        }
    }
}
