//! `Message`, as history and events have it, and `InboxMessage`, as an inbox does.

use chat_lib::model::{HistoryMessage, Inbox};

use crate::value::{Text, Time, value};

value! {
    /// A message of a conversation, as one of its members sees it.
    Message {
        /// Its number. Numbers ascend in order of arrival over the whole chat.
        id: u64,
        /// The conversation as its reader calls it: the other member's user name, or the name of the room.
        conversation: String,
        /// The sender's user name.
        sender: String,
        /// The sender's full name at the time of sending.
        sender_name: String,
        /// When it was sent, in UTC.
        time: Time,
        /// The text as it was sent; empty if it was deleted.
        text: Text,
        /// The sender's key, if there is one and the reader is the sender.
        key: Option<String>,
        /// Whether it was deleted.
        deleted: bool,
    }
}

impl From<HistoryMessage> for Message {
    fn from(message: HistoryMessage) -> Self {
        Self {
            id: message.id.get(),
            conversation: message.with.to_string(),
            sender: message.from.user().to_string(),
            sender_name: message.from.full_name().to_owned(),
            time: Time(message.time),
            text: Text(message.text),
            key: message.key.map(|key| key.as_str().to_owned()),
            deleted: message.deleted,
        }
    }
}

value! {
    /// A message that was taken out of an inbox.
    InboxMessage {
        /// The sender's user name.
        sender: String,
        /// The reader's user name, or the name of the room.
        recipient: String,
        /// The sender's full name at the time of sending.
        sender_name: String,
        /// The reader's full name.
        recipient_name: String,
        /// The text as it was sent.
        text: Text,
    }
}

impl InboxMessage {
    /// The messages of the inbox of `recipient`, a user or a room.
    pub(crate) fn all(inbox: &Inbox, recipient: &str) -> Vec<Self> {
        let message = |message: chat_lib::model::Message<'_>| Self {
            sender: message.from.user().to_string(),
            recipient: recipient.to_owned(),
            sender_name: message.from.full_name().to_owned(),
            recipient_name: inbox.to().to_owned(),
            text: Text(message.body().to_owned()),
        };
        inbox.iter().map(message).collect()
    }
}
