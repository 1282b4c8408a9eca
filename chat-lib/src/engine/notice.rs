//! What subscribers are to be told once a [turn](super::turn) is committed, beside the messages, which are
//! [read from the store](crate::store::Store::news).

use std::sync::Arc;

use super::hub::Mailbox;
use super::room_changes::ChangeNumber;
use crate::model::{ConversationName, MessageId, RoomName, UserName};

/// Something that has happened, before anybody is told.
#[derive(Debug)]
pub(super) enum Notice {
    /// A user's cursor has moved.
    Read { user: UserName, with: ConversationName, upto: MessageId },
    /// A user types. Whoever posts it has seen to who must not know.
    Typing { user: UserName, with: ConversationName },
    /// A room has changed.
    Room { room: RoomName, number: ChangeNumber },
    /// A message was deleted. `user` is who has deleted it, and `with` is what that user calls the conversation.
    Deleted { user: UserName, with: ConversationName, id: MessageId },
    /// Sessions of a user may have ended.
    SessionsEnded { user: UserName },
    /// A connection wants to be told no more.
    Unsubscribe { mailbox: Arc<Mailbox> },
}

/// A notice that was posted to a turn.
pub(super) struct Noted {
    pub(super) notice: Notice,
    /// The connection that has caused it, which knows.
    pub(super) origin: Option<Arc<Mailbox>>,
}
