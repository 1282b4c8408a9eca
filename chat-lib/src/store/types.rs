//! What goes into the methods of the store contract, and what comes out.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Framing, HistoryMessage, Inbox, MessageId, Profile, SessionId, UserName};

/// A session to open.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// The digest of its token.
    pub id: SessionId,
    /// The user. May be any word: no user has a name that is not valid.
    pub user: &'a str,
    /// When it begins.
    pub now: Timestamp,
    /// When it ends unless it is used.
    pub expires: Timestamp,
    /// The address that the user logged in from; `None` for a session that was opened within the process.
    pub from: Option<SocketAddr>,
}

/// A session that is live.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The digest of its token. The token itself is kept nowhere.
    pub id: SessionId,
    /// The user.
    pub user: Arc<Profile>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was last used. After a restart this may be too early, by up to 1/64 of the time after which an unused session
    /// ends.
    pub last_used: Timestamp,
    /// The address that the user logged in from; `None` for a session that was opened within the process.
    pub from: Option<SocketAddr>,
}

impl SessionInfo {
    /// Creates one, for a store.
    pub fn new(
        id: SessionId,
        user: Arc<Profile>,
        opened: Timestamp,
        last_used: Timestamp,
        from: Option<SocketAddr>,
    ) -> Self {
        Self { id, user, opened, last_used, from }
    }
}

/// A message to append.
#[derive(Clone, Copy)]
pub struct NewMessage<'a> {
    /// The recipient. May be any word: no user has a name that is not valid.
    pub to: &'a str,
    /// The sender. If no user has that name any more, the message is a [former user's](Record::Message::from_former_user).
    pub from: &'a Arc<Profile>,
    /// What it says.
    pub text: &'a str,
    /// How protocol 1 framed the text.
    pub framing: Framing,
    /// When it was sent.
    pub time: Timestamp,
}

/// Keeps the text out.
impl fmt::Debug for NewMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewMessage(from {} to {:?}, {} bytes)", self.from.user(), self.to, self.text.len())
    }
}

/// How much a recipient may have unread.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// How many messages.
    pub messages: usize,
    /// Their total size in bytes, text and framing.
    pub bytes: usize,
}

impl Quota {
    /// No limit.
    pub const UNLIMITED: Self = Self { messages: usize::MAX, bytes: usize::MAX };

    /// Whether a recipient with this much unread may get another message of `length` bytes.
    pub fn admits(self, messages: usize, bytes: usize, length: usize) -> bool {
        messages < self.messages && bytes.saturating_add(length) <= self.bytes
    }
}

impl NewMessage<'_> {
    /// Its size in bytes, text and framing.
    pub fn len(&self) -> usize {
        self.text.len() + self.framing.len()
    }

    /// Whether its size is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The outcome of an append.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is stored under this id.
    Stored(MessageId),
    /// Nothing was done: there is no such recipient.
    NoSuchUser,
    /// Nothing was done: the message would exceed the recipient's [`Quota`].
    Full,
}

/// What a user has not read.
#[derive(Debug)]
pub enum Unread {
    /// The messages, and what [`take`](super::Conversations::take) has to do to mark them as read.
    Messages {
        /// The messages, with the user's full name.
        inbox: Inbox,
        /// One move for each conversation with something unread.
        moves: Vec<CursorMove>,
    },
    /// They would take more memory than allowed.
    TooLarge,
    /// They are not in memory.
    WouldBlock,
}

/// A move of a member's cursor to a later message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CursorMove {
    /// The engine's own number of the conversation, which is never reused.
    pub conversation: u64,
    /// Where the cursor is.
    pub from: MessageId,
    /// Where it will be.
    pub to: MessageId,
    /// How many unread messages lie between, including the one at `to`.
    pub messages: usize,
    /// How many bytes these have, texts and framing.
    pub bytes: usize,
}

/// Where a page of a conversation begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Position {
    /// The last messages before this one: with [`MessageId::MAX`], the end of the conversation.
    Before(MessageId),
    /// The first messages after this one.
    After(MessageId),
}

/// Consecutive messages.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The messages, in ascending order.
    pub messages: Vec<HistoryMessage>,
    /// Whether there are more in the direction that was asked for. That may be so although the page is not full.
    pub more: bool,
}

impl HistoryPage {
    /// Creates one, for a store.
    pub fn new(messages: Vec<HistoryMessage>, more: bool) -> Self {
        Self { messages, more }
    }
}

/// A direct conversation, as one of its members sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConversationState {
    /// The other member; the user's own name for notes.
    pub with: UserName,
    /// How many messages are unread.
    pub unread: usize,
    /// The user's cursor.
    pub read: MessageId,
    /// The other member's cursor.
    pub read_by_other: MessageId,
    /// The last message.
    pub last: MessageId,
}

impl ConversationState {
    /// Creates one, for a store.
    pub fn new(with: UserName, unread: usize, read: MessageId, read_by_other: MessageId, last: MessageId) -> Self {
        Self { with, unread, read, read_by_other, last }
    }
}

/// The function that [`Store::dump`](super::Store::dump) calls with each record.
pub type Visit<'a> = dyn FnMut(Record<'_>) -> Result<(), Error> + 'a;

/// One record of a dump.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A user.
    Account(&'a Account),
    /// A direct conversation of two users, or of one for notes, each with their cursor.
    Conversation(&'a [Member<'a>]),
    /// A message.
    Message {
        /// Its id.
        id: MessageId,
        /// The message.
        message: NewMessage<'a>,
        /// Whether the sender was removed since, and an account that has the name now is another one. Such messages are
        /// shown only as long as they are unread.
        from_former_user: bool,
    },
}

/// A member of a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member<'a> {
    /// The user name.
    pub user: &'a str,
    /// The cursor.
    pub read: MessageId,
}

/// Why a commit has failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// None of it has happened, and none of it will.
    #[error("it was not stored: {0}")]
    Undone(#[source] Error),
    /// Either all of it has happened or none of it, and the engine does not know which. Report neither.
    #[error("it is not known whether it was stored: {0}")]
    Unknown(#[source] Error),
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Undone(problem) => problem,
            CommitError::Unknown(problem) => Self::OutcomeUnknown(Box::new(problem)),
        }
    }
}
