//! What goes into the methods of the store contract, and what comes out.

mod counts;
mod invitations;
mod messages;
mod record;
mod rooms;
mod sessions;

pub use self::counts::{Commits, Counts};
pub use self::invitations::Redeemed;
pub use self::messages::{
    Appended, ConversationState, CursorMove, FoundMessage, HistoryPage, NewMessage, News, NewsMessage, Position, Quota,
    SyncPage, Unread,
};
pub use self::record::{Member, Record, RoomMembership, Visit};
pub use self::rooms::{RoomKeep, RoomMember, RoomState, Standing};
pub use self::sessions::{NewSession, SessionInfo, SessionOpened};
use crate::error::Error;

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
