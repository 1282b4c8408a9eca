//! Reading messages: what is unread, and what was said before.

use std::ffi::{c_char, c_int};

use chat_lib::store::Position;

use crate::argument::{Out, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat_conversations, chat_history, chat_inbox, chat_session, get, put};
use crate::lists::conversations::Conversation;
use crate::lists::history::id;
use crate::lists::{inbox, list};
use crate::status::chat_status;

/// Takes all unread direct messages out of the user's inbox: no later call returns them again. They stay in the history. In the
/// process they come in order of arrival; over a connection by sender, senders in order of their first message.
///
/// - `session`: the reader's session.
/// - `inbox_out`: receives the messages; there may be none.
///
/// Fails with CHAT_BUSY if a server holds too many answers that were not read; or as every function of a session.
/// Memory: free the inbox with chat_inbox_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_take_inbox(
    session: *mut chat_session,
    inbox_out: *mut *mut chat_inbox,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(inbox_out, "inbox_out")? };
        out.set(put(inbox::messages(&get(session)?.session.inbox()?)));
        Ok(())
    })
}

/// Takes all unread messages of a room, in order of arrival: no later call returns them again. They stay in the history. Over a
/// connection the full names of the senders are known, but not their user names.
///
/// - `session`: the reader's session.
/// - `room`: the room.
/// - `inbox_out`: receives the messages; there may be none.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; CHAT_BUSY if a server holds too many answers that were not read; or as
/// every function of a session.
/// Memory: free the inbox with chat_inbox_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_take_room_inbox(
    session: *mut chat_session,
    room: *const c_char,
    inbox_out: *mut *mut chat_inbox,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, room) = unsafe { (Out::new(inbox_out, "inbox_out")?, text(room, "room")?) };
        out.set(put(inbox::messages(&get(session)?.session.room_inbox(room)?)));
        Ok(())
    })
}

/// Gives the last messages of a conversation before one of them. Reading them this way does not mark them as read.
///
/// - `session`: a session.
/// - `with`: the other user's name, or the room.
/// - `before`: the id of the message; CHAT_MAX_ID for the end of the conversation.
/// - `limit`: how many messages at most; more than 1,000 means 1,000.
/// - `history_out`: receives the messages, in ascending order; there may be none.
/// - `more_out`: receives 1 if there are older ones, and 0 if not; may be NULL.
///
/// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
/// Memory: free the list with chat_history_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_history(
    session: *mut chat_session,
    with: *const c_char,
    before: u64,
    limit: usize,
    history_out: *mut *mut chat_history,
    more_out: *mut c_int,
) -> chat_status {
    // SAFETY: the caller's promise.
    boundary(|| unsafe { history(session, with, Position::Before(id(before)), limit, history_out, more_out) })
}

/// Gives the first messages of a conversation after one of them. Reading them this way does not mark them as read.
///
/// - `session`: a session.
/// - `with`: the other user's name, or the room.
/// - `after`: the id of the message; 0 for the beginning of the conversation.
/// - `limit`: how many messages at most; more than 1,000 means 1,000.
/// - `history_out`: receives the messages, in ascending order; there may be none.
/// - `more_out`: receives 1 if there are later ones, and 0 if not; may be NULL.
///
/// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
/// Memory: free the list with chat_history_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_history_after(
    session: *mut chat_session,
    with: *const c_char,
    after: u64,
    limit: usize,
    history_out: *mut *mut chat_history,
    more_out: *mut c_int,
) -> chat_status {
    // SAFETY: the caller's promise.
    boundary(|| unsafe { history(session, with, Position::After(id(after)), limit, history_out, more_out) })
}

/// # Safety
///
/// Each pointer is NULL or valid.
unsafe fn history(
    session: *mut chat_session,
    with: *const c_char,
    position: Position,
    limit: usize,
    history_out: *mut *mut chat_history,
    more_out: *mut c_int,
) -> Result<(), Failure> {
    // SAFETY: this function's condition, for all three.
    let (out, more, with) =
        unsafe { (Out::new(history_out, "history_out")?, Out::optional(more_out), text(with, "with")?) };
    let page = get(session)?.session.history(with, position, limit)?;
    more.set(page.more.into());
    out.set(put(list(page.messages)));
    Ok(())
}

/// Gives the first messages after `after` of all of the user's conversations. A program that remembers where the next page
/// begins gets every message once.
///
/// - `session`: a session.
/// - `after`: the id of a message, or what `next_out` has received; 0 for all messages.
/// - `limit`: how many messages at most; more than 1,000 means 1,000.
/// - `history_out`: receives the messages, in ascending order; there may be none.
/// - `next_out`: receives the `after` for the next page.
/// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_history_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 4, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_sync(
    session: *mut chat_session,
    after: u64,
    limit: usize,
    history_out: *mut *mut chat_history,
    next_out: *mut u64,
    more_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, next, more) = unsafe {
            (Out::new(history_out, "history_out")?, Out::new(next_out, "next_out")?, Out::optional(more_out))
        };
        let page = get(session)?.session.sync(id(after), limit)?;
        next.set(page.next.get());
        more.set(page.more.into());
        out.set(put(list(page.messages)));
        Ok(())
    })
}

/// Marks a conversation as read up to a message. What was read once stays read.
///
/// - `session`: a session.
/// - `with`: the other user's name, or the room.
/// - `upto`: the id of the message; CHAT_MAX_ID for the last one.
/// - `unread_out`: receives how many messages of the conversation are unread then; may be NULL.
///
/// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_read(
    session: *mut chat_session,
    with: *const c_char,
    upto: u64,
    unread_out: *mut usize,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, with) = unsafe { (Out::optional(unread_out), text(with, "with")?) };
        out.set(get(session)?.session.read(with, id(upto))?);
        Ok(())
    })
}

/// Lists the user's conversations, the one with the latest message first.
///
/// - `session`: a session.
/// - `before`: only conversations whose last messages are older than the one with this id; CHAT_MAX_ID for the first page.
/// - `limit`: how many conversations at most; more than 1,000 means 1,000.
/// - `conversations_out`: receives the list.
/// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_conversations_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_conversations(
    session: *mut chat_session,
    before: u64,
    limit: usize,
    conversations_out: *mut *mut chat_conversations,
    more_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, more) = unsafe { (Out::new(conversations_out, "conversations_out")?, Out::optional(more_out)) };
        let session = &get(session)?.session;
        let page = session.conversations(id(before), limit)?;
        more.set(page.more.into());
        let conversations = page.entries.into_iter().map(|view| Conversation::new(view, session.user()));
        out.set(put(list(conversations)));
        Ok(())
    })
}
