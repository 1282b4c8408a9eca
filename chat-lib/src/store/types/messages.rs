//! Messages: what is appended, what is read, and the conversations that they are in.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::model::{ConversationName, Framing, HistoryMessage, Inbox, MessageId, MessageKey, Profile, UserName};

/// A message to append.
#[derive(Clone, Copy)]
pub struct NewMessage<'a> {
    /// The recipient: a user, or a room, whose name begins with `#`. May be any word: no user or room has a name that is not
    /// valid.
    pub to: &'a str,
    /// The sender. If no user has that name any more, the message is a [former user's](crate::store::Record::Message::from_former_user).
    pub from: &'a Arc<Profile>,
    /// What it says.
    pub text: &'a str,
    /// How protocol 1 framed the text.
    pub framing: Framing,
    /// When it was sent.
    pub time: Timestamp,
    /// The sender's key: the message is not stored again if it is remembered.
    pub key: Option<&'a MessageKey>,
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
    /// Nothing was done: the sender has sent a message with this key to this recipient before, and that one has this id and time.
    Known(MessageId, Timestamp),
    /// Nothing was done: the sender has sent a message with this key to somebody else.
    KeyReused,
    /// Nothing was done: there is no such recipient, user or room.
    NoSuchRecipient,
    /// Nothing was done: the sender is not a member of the room.
    NotAMember,
    /// Nothing was done: the recipient has blocked the sender.
    Blocked,
    /// Nothing was done: the message would exceed the recipient's [`Quota`].
    Full,
}

/// What a user has not read.
#[derive(Debug)]
pub enum Unread {
    /// The messages, and what [`take`](crate::store::Conversations::take) has to do to mark them as read.
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

/// A move of a member's cursor to a later message. It is good as long as the store is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CursorMove {
    /// What the member calls the conversation; `None` if its other member was removed.
    pub with: Option<ConversationName>,
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

/// Messages of all conversations of a user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SyncPage {
    /// The messages, in ascending order.
    pub messages: Vec<HistoryMessage>,
    /// Where the next page begins: every message of the user up to this id was on this page or an earlier one. Never less than
    /// the `after` that was asked for, and greater if there are [`more`](Self::more).
    pub next: MessageId,
    /// Whether there are more. That may be so although the page is not full.
    pub more: bool,
}

impl SyncPage {
    /// Creates one, for a store.
    pub fn new(messages: Vec<HistoryMessage>, next: MessageId, more: bool) -> Self {
        Self { messages, next, more }
    }
}

/// What was committed after a message, of all conversations.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct News {
    /// The messages, in ascending order.
    pub messages: Vec<NewsMessage>,
    /// All messages up to this id are among these or came before.
    pub upto: MessageId,
}

impl News {
    /// Creates some, for a store.
    pub fn new(messages: Vec<NewsMessage>, upto: MessageId) -> Self {
        Self { messages, upto }
    }
}

/// A message, as nobody in particular sees it.
#[derive(Clone, Eq, PartialEq)]
pub struct NewsMessage {
    /// Its number.
    pub id: MessageId,
    /// The recipient.
    pub to: ConversationName,
    /// The sender, as they were called when they sent it.
    pub from: Arc<Profile>,
    /// When it was sent.
    pub time: Timestamp,
    /// What it says; empty if it was deleted.
    pub text: String,
    /// The sender's key.
    pub key: Option<MessageKey>,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// Keeps the text out.
impl fmt::Debug for NewsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewsMessage({} from {} to {}, {} bytes)", self.id, self.from.user(), self.to, self.text.len())
    }
}

/// A message that was found by its id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundMessage {
    /// Its number.
    pub id: MessageId,
    /// The conversation, as the user who asked calls it.
    pub with: ConversationName,
    /// The sender's user name; `None` if the sender was removed since.
    pub from: Option<UserName>,
    /// The engine's own number of its stream, as in [`CursorMove::conversation`].
    pub conversation: u64,
    /// How many bytes it has, text and framing.
    pub bytes: usize,
}

/// A conversation, as one of its members sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConversationState {
    /// What the user calls it.
    pub with: ConversationName,
    /// How many messages are unread.
    pub unread: usize,
    /// The user's cursor.
    pub read: MessageId,
    /// The other member's cursor, which is the user's own in notes; `None` in a room.
    pub read_by_other: Option<MessageId>,
    /// The last message that the user can see; [`MessageId::NONE`] if there is none.
    pub last: MessageId,
}

impl ConversationState {
    /// Creates one, for a store.
    pub fn new(
        with: ConversationName,
        unread: usize,
        read: MessageId,
        read_by_other: Option<MessageId>,
        last: MessageId,
    ) -> Self {
        Self { with, unread, read, read_by_other, last }
    }
}
