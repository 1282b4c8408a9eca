//! Where a chat is kept. [`Store`] and [`Batch`] are the contract between the rules of the chat, which call them, and the
//! engines that keep it: [`Memory`], [`Durable`], or one of your own.
//!
//! Any crate can implement the contract: it needs nothing private, and the suite in `chat_lib::conformance` (feature
//! `conformance`) checks an engine against it. `chat-lib/examples/engine` passes, and is a good one to start from.
//!
//! # What an engine has to do
//!
//! Every change happens in a [`Batch`]: [`Store::begin`] starts one, its methods are the steps, and
//! [`Batch::commit`] makes them durable together. Steps never wait for a disk or a network; whatever has to read
//! messages that are not in memory is a method of [`Store`], outside of any batch, and sees only what is committed.
//!
//! - Steps are atomic and happen one after the other: each sees the effects of all steps before it.
//! - Batches that are open at the same time see each other's steps. If one of them fails to commit, the others may have
//!   built on it, so their commits have to fail, too.
//! - A batch whose commit has failed is undone as a whole. One that is dropped without a commit, because its thread has
//!   panicked, may be undone or may be committed with the next one: nobody was told anything about it.
//! - A step that fails has changed nothing.
//!
//! # How to write one
//!
//! 1. Copy `chat-lib/examples/engine` and make its tests run, or begin with a type whose methods all say
//!    [`Error::Storage`].
//! 2. Implement `conformance::Data` for a place where your engine keeps one chat, with a way to
//!    make its next commit fail, and call `conformance::check` in a test. It stops at the first rule that is broken;
//!    conversations come first, then sessions, accounts, invitations, rooms, blocks, deleted messages, news, keys, dumps, random steps,
//!    failing commits and threads.
//! 3. Make it fast, and run the suite again after each change.
//! 4. Hand the engine to a chat: `Config { store: Box::new(engine), ..Config::default() }`.
//!
//! One batch may be open at a time ([`Store::begin`] then waits for it to end), which is the simplest way to keep the
//! rules about batches that are open together. All numbers of conversations, revisions and message ids can come from one
//! counter, because ids may have gaps; it must not be set back when a batch is undone.

mod dump;
#[cfg(feature = "sqlite")]
mod durable;
mod hash;
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, unused_imports, reason = "its journal is for stores on a disk"))]
mod index;
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, unused_imports, reason = "some of it is for stores on a disk"))]
mod log;
mod memory;
mod pages;
#[cfg(feature = "sqlite")]
mod replicated;
mod steps;
mod types;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

#[cfg(feature = "sqlite")]
pub use self::durable::{
    Durable, Keep, KeepRead, Options, Place, RecordHashes, Replica, ReplicaError, Replication, SyncMode, record_hashes,
};
use self::index::{Index, Known};
pub use self::memory::Memory;
#[cfg(feature = "sqlite")]
pub use self::replicated::{LogEntry, LogError, Placed, RECORD_BYTES, ReplicatedLog};
pub use self::types::{
    Appended, CommitError, Commits, ConversationState, Counts, CursorMove, FoundMessage, HistoryPage, Member,
    NewMessage, NewSession, News, NewsMessage, Position, Quota, Record, Redeemed, RoomKeep, RoomMember, RoomMembership,
    RoomState, SessionInfo, SessionOpened, Standing, SyncPage, Unread, Visit,
};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{
    Account, ConversationName, Invitation, InvitationId, MessageId, Profile, RoomName, SessionId, UserName,
};

/// Keeps accounts, sessions, conversations and rooms.
///
/// Methods that read messages may block, and show only what is committed. They may run beside batches of other threads.
///
/// # Errors
///
/// Every method fails with [`Error::Storage`] when the engine could not read or write, and has changed nothing then.
pub trait Store: Send + Sync {
    /// A string that is fixed when the data is created, and again when a dump is restored into it. Ids of messages can
    /// be compared only under one epoch.
    fn epoch(&self) -> String;

    /// Begins a batch. An engine may hold up everything else while a batch is open, so the caller must be quick, must not
    /// wait for another thread meanwhile, and must neither open a second batch nor call other methods of the store.
    fn begin(&self) -> Box<dyn Batch + '_>;

    /// Whether [`Batch::commit`] may wait for a disk or a network, so that it pays to commit for many peers at once.
    fn commit_waits(&self) -> bool;

    /// Whether everything that would change something is refused, because that was asked for when it was opened, or because
    /// it can only be read.
    fn is_read_only(&self) -> bool;

    /// As [`Conversations::unread`], but reads whatever it takes, and never answers [`Unread::WouldBlock`].
    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error>;

    /// As [`read_unread`](Self::read_unread), of one room: what others have sent after the cursor of `user`, except for what was
    /// deleted, and the move that marks it as read. Empty if `user` is no member.
    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error>;

    /// The cursor move by which `user` reads the conversation with `with` up to `upto`, which [`Conversations::take`] then
    /// does. It goes to the last message that is not after `upto`, whoever sent it, so a position past the last message
    /// means the last message. `None` if there is no such conversation, or the cursor is there already or past it.
    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error>;

    /// At most `limit` messages of the conversation that `user` has with `with`, next to `position`, in ascending order.
    /// Empty if there is no such conversation. A page of long texts should have fewer, so that it takes little memory, but one
    /// at least.
    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error>;

    /// At most `limit` messages of all conversations of `user`, the first ones after `after`, in ascending order. A page of long texts
    /// should have fewer.
    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error>;

    /// The last message that is committed; where none is left, a number that is not less than its id. All messages up to it are
    /// committed or will never be.
    fn last_message(&self) -> MessageId;

    /// What was committed after `after`, in ascending order: some of it, if it is much, and at least one message if there is any.
    /// It is called with what was committed a moment ago, so it should be quick for that.
    fn news(&self, after: MessageId) -> Result<News, Error>;

    /// The message with that id, if `user` can see it and it was not deleted.
    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error>;

    /// The first messages after `after` that `user` has sent and that were not deleted, at most `limit`, in ascending order; also
    /// those in rooms that the user has left. There may be fewer than `limit` although there are more, but none only if there
    /// are no more. Empty if there is no such user.
    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error>;

    /// Visits everything that is kept, as of one moment: accounts in order of user name, then invitations, blocks, direct conversations,
    /// rooms in order of name, messages in order of their ids, and the keys that are remembered. Sessions are not shown. An error that `visit` returns ends it, and is returned. `visit`
    /// must not call the store.
    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// Reads all data, and verifies that it is complete and consistent.
    fn check(&self) -> Result<(), Error>;

    /// Makes the next start faster. Nothing depends on it.
    fn tidy(&self) -> Result<(), Error>;

    /// Where the engine observes its commits. Always the same histograms.
    fn commits(&self) -> Commits;

    /// How many bytes the engine takes on a disk; 0 if it takes none, or cannot tell.
    fn data_bytes(&self) -> u64;

    /// Fails if the next commit is bound to fail, as far as the engine can tell at little cost. After a commit has failed, it should
    /// try whether writing works again.
    fn check_writable(&self) -> Result<(), Error>;
}

/// Steps that are committed together.
#[must_use = "steps take effect only when they are committed"]
pub trait Batch: Accounts + Invitations + Sessions + Conversations + Rooms {
    /// Takes in a record that [`Store::dump`] has shown; records come in the order of the dump, and only between
    /// [`begin_restore`](Self::begin_restore) and [`end_restore`](Self::end_restore). Ids, times and cursors stay as they
    /// were; later messages get ids past all of them, cursors included. `false`, and nothing done, if the record does not fit: a
    /// user name that is taken, an invitation that is there already, a member or recipient that is no user, a message of no conversation (unless it is from a
    /// former user), an id that is not greater than the one before.
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error>;

    /// Begins a restore. Once this is committed, the store cannot be opened again until
    /// [`end_restore`](Self::end_restore) is committed. If there are no users, ids start over, because a dump may have any.
    fn begin_restore(&mut self) -> Result<(), Error>;

    /// Ends a restore, whether it has succeeded or was undone, and begins a new [epoch](Store::epoch).
    fn end_restore(&mut self) -> Result<(), Error>;

    /// How much there is. Sessions count if they are live at `now`. It should take no longer because there is much.
    fn counts(&mut self, now: Timestamp) -> Result<Counts, Error>;

    /// Ends the batch and waits until its steps are durable. Of several threads that commit at once, one may do it for
    /// all.
    ///
    /// # Errors
    ///
    /// [`CommitError::Undone`] if none of the steps has happened; [`CommitError::Unknown`] if the engine cannot tell. After
    /// that, steps see what has really happened.
    fn commit(self: Box<Self>) -> Result<(), CommitError>;
}

/// The steps of a [`Batch`] about users.
pub trait Accounts {
    /// The account of `user`, if it exists.
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error>;

    /// The first `limit` accounts whose user names come after `after`, in order of user name. With an empty `after` and
    /// `usize::MAX`, these are all. It should take no longer because there are many others.
    fn accounts(&mut self, after: &str, limit: usize) -> Result<Vec<Arc<Account>>, Error>;

    /// Adds an account without conversations, and numbers its [`revision`](Account::revision). `false`, and nothing done,
    /// if the user name is taken.
    fn add_account(&mut self, account: Account) -> Result<bool, Error>;

    /// Replaces the account of the same user and the same [`revision`](Account::revision), and gives the new version a
    /// revision that no account has had since the store was opened. Sessions and conversations stay, and messages keep
    /// the names that they were sent under. `false`, and nothing done, if there is no such user or revision.
    fn replace_account(&mut self, account: Account) -> Result<bool, Error>;

    /// Removes an account with its sessions and conversations. What others have not read of it yet stays theirs to
    /// [take](Conversations::take), and is shown by [`unread`](Conversations::unread) and [`Store::dump`] alone. A later
    /// account of that name has nothing to do with it. `false` if there is no such user.
    fn remove_account(&mut self, user: &str) -> Result<bool, Error>;

    /// Forgets the full name and the country under which a user who was removed has sent messages, of all accounts that had
    /// this name: the full name is the user name then, and the country empty. `false`, and nothing done, if there is such a user.
    ///
    /// A store on a disk then also drops all messages that nobody can reach, whose room or recipient was removed, with the texts of
    /// deleted messages.
    fn forget_names(&mut self, user: &str) -> Result<bool, Error>;

    /// Has `user` take no direct messages from `other`. `false`, and nothing done, if one of them does not exist, or it is so
    /// already.
    fn block(&mut self, user: &str, other: &str) -> Result<bool, Error>;

    /// Undoes a [`block`](Self::block). `false` if there was none.
    fn unblock(&mut self, user: &str, other: &str) -> Result<bool, Error>;

    /// Whom `user` has blocked, in order of user name.
    fn blocks(&mut self, user: &str) -> Result<Vec<Arc<Profile>>, Error>;

    /// Whether `user` has blocked `other`.
    fn is_blocked(&mut self, user: &str, other: &str) -> Result<bool, Error>;
}

/// The steps of a [`Batch`] about invitations, each of which lets one person create an account.
pub trait Invitations {
    /// Adds an invitation; those that have expired by the time of its [creation](Invitation::created) may be forgotten. `false`,
    /// and nothing done, if there is one with that id.
    fn add_invitation(&mut self, invitation: Invitation) -> Result<bool, Error>;

    /// The invitation with that id, if it is valid at `now`.
    fn invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error>;

    /// All invitations that are valid at `now`, in order of creation.
    fn invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error>;

    /// Adds an account as [`Accounts::add_account`] does, and removes the invitation, which must be valid at `now`. Both happen
    /// or neither.
    fn redeem_invitation(&mut self, id: &InvitationId, now: Timestamp, account: Account) -> Result<Redeemed, Error>;

    /// Removes an invitation. `false` if no invitation has that id.
    fn remove_invitation(&mut self, id: &InvitationId) -> Result<bool, Error>;
}

/// The steps of a [`Batch`] about sessions. Of a user who has
/// [`SESSIONS_PER_USER`](crate::limits::SESSIONS_PER_USER), the oldest one ends when another begins. After the
/// store was opened again, a session may end later than it was to, by a 64th of the time that it lives unused.
pub trait Sessions {
    /// Opens a session.
    fn open_session(&mut self, session: NewSession<'_>) -> Result<SessionOpened, Error>;

    /// Finds the session that is live at `now` and moves its end to `expires`, never to an earlier time. Returns the
    /// user; a miss has no side effects.
    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error>;

    /// Finds the session that is live at `now` and ends it. Returns the user.
    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error>;

    /// Ends all sessions of `user`, and returns how many there were.
    fn close_sessions(&mut self, user: &str) -> Result<usize, Error>;

    /// Each user with a session that is live at `now`, once, in order of login of their oldest live session.
    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error>;

    /// All sessions that are live at `now`, in order of login.
    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error>;

    /// As [`sessions`](Self::sessions), of one user.
    fn sessions_of(&mut self, user: &str, now: Timestamp) -> Result<Vec<SessionInfo>, Error>;
}

/// The steps of a [`Batch`] about conversations.
///
/// A message goes to one user or to a room. One to a user belongs to the direct conversation of the sender and that user,
/// which exists from its first message on; one to a room belongs to the room. Each member has a cursor: the last message
/// that they have read. A message is unread if another member sent it, it lies after the cursor and was not deleted; in notes to
/// oneself, every such message after it. Sending moves no cursor.
///
/// Reading removes nothing. An engine may drop the oldest direct messages that have been read, and the oldest messages of a room
/// whether they were read or not; what is dropped is no longer unread. It should spare those that were read a short time ago:
/// they may have to be [put back](Self::put_back).
///
/// Of each sender, the last [`KEYS_PER_USER`](crate::limits::KEYS_PER_USER) keys of the last
/// [`KEY_AGE`](crate::limits::KEY_AGE), by the times of messages, are remembered: also when the message is deleted or dropped, and when
/// its recipient is removed. They are forgotten with the sender.
pub trait Conversations {
    /// Appends a message, and returns its id: greater than all before it, and than all that were given out since the store was
    /// opened, in batches that were undone, too. The quota is for messages to a user. What is refused, is for the first of these
    /// reasons: the [key](NewMessage::key), the recipient, the membership, the block, the quota.
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error>;

    /// Appends one message to each of several users, or none: what is [`Stored`](Appended::Stored) is the last one, and any other
    /// outcome is that of the first message that is refused. All are of one sender, to different users, and without a key;
    /// if there are none, the outcome is [`NoSuchRecipient`](Appended::NoSuchRecipient).
    fn append_all(&mut self, messages: &[NewMessage<'_>], quota: Quota) -> Result<Appended, Error>;

    /// All direct messages that `user` has not read, in order of arrival, and the cursor moves that would mark them as read: each
    /// to the last unread message of its conversation, or past it. Empty if there is no such user. [`Unread::TooLarge`] if the
    /// messages would take more than `max_bytes` of memory by [`Inbox::footprint`](crate::model::Inbox::footprint),
    /// [`Unread::WouldBlock`] if reading them could take long.
    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error>;

    /// Does all of `moves`: each takes a cursor of `user` from where it was to a later message. `false`, and nothing
    /// done, if any of these cursors has moved since, or the conversation, the membership or the user is gone. So of two readers
    /// who have read the same messages, one takes them.
    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error>;

    /// Undoes what [`take`](Self::take) did with `moves`, because the messages never reached their reader. This is the
    /// only way for a cursor to move back. `false`, and nothing done, if any of the cursors has moved since, or the
    /// conversation, the membership, the user or any of the messages is gone.
    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error>;

    /// The conversations of `user`: direct ones with users who still exist, in order of the other member's name, and then the
    /// rooms that the user is a member of, in order of name.
    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error>;

    /// One of them.
    fn conversation(&mut self, user: &str, with: &str) -> Result<Option<ConversationState>, Error>;

    /// Deletes a message: from now on its text is empty, it is marked as deleted, and it is not unread. `false`, and nothing done, if
    /// it is gone, was deleted, or its conversation is gone. Its text is to leave the disk soon.
    fn delete(&mut self, message: &FoundMessage) -> Result<bool, Error>;
}

/// The steps of a [`Batch`] about rooms. Who may do what is not the store's concern.
///
/// Lists come as those of [`Accounts::accounts`]: the first `limit` entries whose names come after `after`, in order of name.
pub trait Rooms {
    /// The room of that name.
    fn room(&mut self, room: &str) -> Result<Option<RoomState>, Error>;

    /// The rooms.
    fn rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error>;

    /// The rooms that are open.
    fn open_rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error>;

    /// Creates a room without members, and with no limits of its own. `false`, and nothing done, if there is one of that name.
    fn create_room(&mut self, room: &RoomName, title: &str, open: bool) -> Result<bool, Error>;

    /// Changes a room; how much of it is kept stays. `false` if no room has that name.
    fn set_room(&mut self, room: &str, title: &str, open: bool) -> Result<bool, Error>;

    /// Sets how much of a room is kept. `false` if no room has that name.
    fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> Result<bool, Error>;

    /// Removes a room with its members and messages. A later room of that name has nothing to do with it. `false` if there is
    /// none.
    fn remove_room(&mut self, room: &str) -> Result<bool, Error>;

    /// What a user is in a room; `None` if that is nothing, or one of them does not exist.
    fn standing(&mut self, room: &str, user: &str) -> Result<Option<Standing>, Error>;

    /// Makes a user a member of a room or something else, or with `None` nothing. `false`, and nothing done, if one of them does
    /// not exist.
    ///
    /// When somebody becomes a member who was none, their cursor is at the last message of the room, and unless
    /// `sees_history`, they see only messages after it.
    fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> Result<bool, Error>;

    /// The members of a room and those who are invited. Empty if there is no such room.
    fn members(&mut self, room: &str, after: &str, limit: usize) -> Result<Vec<RoomMember>, Error>;

    /// The rooms that a user is a member of or is invited to, and what the user is there.
    fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Result<Vec<(RoomState, Standing)>, Error>;
}

/// A string that no other data has had.
fn new_epoch() -> String {
    // The standard library seeds it from the system. It is no secret, so that is good enough.
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

/// Takes in a record of a dump.
fn restore(index: &mut Index, record: Record<'_>) -> Result<bool, Error> {
    match record {
        Record::Account(account) => Ok(index.add_account(account.clone())),
        Record::Invitation(invitation) => Ok(index.add_invitation(*invitation)),
        Record::Conversation([member]) => Ok(index.restore_conversation([(member.user, member.read); 2])),
        Record::Conversation([one, other]) => {
            Ok(index.restore_conversation([(one.user, one.read), (other.user, other.read)]))
        }
        Record::Conversation(_) => Ok(false),
        Record::Message { id, message, from_former_user, deleted } => {
            index.restore_message(id, &message, from_former_user, deleted)
        }
        Record::Block { user, blocked } => Ok(index.block(user, blocked)),
        Record::Room { name, title, open, keep, members } => Ok(index.restore_room(name, title, open, keep, members)),
        Record::Key { user, to, key, id, time } => {
            let Ok(to) = ConversationName::parse(to) else { return Ok(false) };
            Ok(index.restore_key(user, key, Known { id, time, to }))
        }
    }
}
