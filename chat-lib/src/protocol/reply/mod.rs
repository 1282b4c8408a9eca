//! Answers: a [`Reply`] or an [`Error`](crate::Error) to bytes, and back. Nothing outside this folder knows JSON.

mod inbox;
mod json;
mod read;
mod write;

pub(crate) use self::inbox::InboxWriter;
pub use self::inbox::messages_object;
pub use self::read::{read_active_users, read_inbox, read_logged_in, read_logged_out, read_registered, read_sent};
pub use self::write::{user_list, write};
pub(crate) use self::write::{write_refusal, write_reply};
use crate::model::{Inbox, SessionToken, UserName};

/// What ends an answer. JSON escapes line ends in strings, so it cannot occur inside one.
pub const END: &[u8] = b"\r\n\r\n";

/// What a command that worked gives (`docs/protocol.md`, "Answers").
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// To `auth`: the new session.
    LoggedIn(SessionToken),
    /// To `register`: the account exists; its first session.
    Registered(SessionToken),
    /// To `send`: the message is in the mailbox.
    Sent,
    /// To `inbox`: what was unread.
    Inbox(Inbox),
    /// To `activeuser`: each user with a live session once, in order of login.
    ActiveUsers(Vec<UserName>),
    /// To `logout`: the session is over.
    LoggedOut,
}
