//! A user's conversations.

use std::ffi::{CString, c_char};

use chat_lib::protocol::ConversationView;

use super::history::{Said, chat_history_message};
use super::{Element, next};
use crate::error::c_string;
use crate::handle::{chat_conversations, free};
use crate::status::chat_status;

/// A conversation of a user.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_conversation {
    /// The other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    pub with: *const c_char,
    /// How many messages are unread.
    pub unread: usize,
    /// The id of the last message that the user has read; 0 if none.
    pub read: u64,
    /// The id of the last message that the other user has read; 0 if none, or if it is a room or notes to oneself.
    pub read_by_other: u64,
    /// The last message. If the conversation has no message, its id is 0 and its pointers are NULL.
    pub last: chat_history_message,
}

/// What a [`chat_conversation`] points to.
pub struct Conversation {
    with: CString,
    unread: usize,
    read: u64,
    read_by_other: u64,
    last: Option<Said>,
}

impl Conversation {
    /// As `user` sees it.
    pub(crate) fn new(view: ConversationView, user: &str) -> Self {
        let other = view.members.iter().find(|(member, _)| member.as_str() != user);
        Self {
            with: c_string(view.with.as_str()),
            unread: view.unread,
            read: view.read.get(),
            read_by_other: other.map_or(0, |(_, read)| read.get()),
            last: view.last.map(Said::from),
        }
    }
}

impl Element for Conversation {
    type View = chat_conversation;

    fn view(&self) -> chat_conversation {
        let Self { with, unread, read, read_by_other, last } = self;
        chat_conversation {
            with: with.as_ptr(),
            unread: *unread,
            read: *read,
            read_by_other: *read_by_other,
            last: last.as_ref().map_or(chat_history_message::NONE, Said::view),
        }
    }
}

/// Gives the next conversation of a list.
///
/// - `conversations`: a list of conversations.
/// - `conversation_out`: receives the conversation.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the conversation points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_conversations_next(
    conversations: *mut chat_conversations,
    conversation_out: *mut chat_conversation,
) -> chat_status {
    // SAFETY: the caller's promise.
    unsafe { next(conversations, conversation_out, "conversation_out") }
}

/// Frees a list of conversations.
///
/// - `conversations`: a list of conversations; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_conversations_free(conversations: *mut chat_conversations) -> chat_status {
    free(conversations)
}
