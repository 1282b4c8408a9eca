//! The records of a dump.

use super::{NewMessage, RoomKeep, Standing};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Invitation, MessageId, MessageKey, RoomName};

/// The function that [`Store::dump`](crate::store::Store::dump) calls with each record.
pub type Visit<'a> = dyn FnMut(Record<'_>) -> Result<(), Error> + 'a;

/// One record of a dump.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A user.
    Account(&'a Account),
    /// An invitation that was not used yet.
    Invitation(&'a Invitation),
    /// A user who takes no direct messages from another one.
    Block {
        /// Who takes none.
        user: &'a str,
        /// From whom.
        blocked: &'a str,
    },
    /// A direct conversation of two users, or of one for notes, each with their cursor.
    Conversation(&'a [Member<'a>]),
    /// A room.
    Room {
        /// Its name.
        name: &'a RoomName,
        /// Its title.
        title: &'a str,
        /// Whether anyone may join it.
        open: bool,
        /// How much of it is kept.
        keep: RoomKeep,
        /// Its members and those who are invited, in order of user name.
        members: &'a [RoomMembership<'a>],
    },
    /// A message.
    Message {
        /// Its id.
        id: MessageId,
        /// The message. Its key is shown with it, and is not remembered because of it.
        message: NewMessage<'a>,
        /// Whether the sender was removed since, and an account that has the name now is another one. A direct message of theirs
        /// is shown only as long as it is unread.
        from_former_user: bool,
        /// Whether it was deleted. Its text is empty then.
        deleted: bool,
    },
    /// A key that is remembered of a user.
    Key {
        /// The sender.
        user: &'a str,
        /// The recipient as the message had it, a user or a room, who may not exist any more.
        to: &'a str,
        /// The key.
        key: &'a MessageKey,
        /// The message's id. The message may be gone.
        id: MessageId,
        /// The message's time.
        time: Timestamp,
    },
}

/// A member of a direct conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member<'a> {
    /// The user name.
    pub user: &'a str,
    /// The cursor.
    pub read: MessageId,
}

/// What a user is in a room, for a dump.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RoomMembership<'a> {
    /// The user name.
    pub user: &'a str,
    /// What they are.
    pub standing: Standing,
    /// The message after which the room can be seen by them. [`MessageId::NONE`] for those who are invited.
    pub since: MessageId,
    /// The cursor. [`MessageId::NONE`] for those who are invited.
    pub read: MessageId,
}
