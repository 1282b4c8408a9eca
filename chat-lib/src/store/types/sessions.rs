//! Sessions, as an engine opens and lists them.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::model::{Profile, SessionId};

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

/// What became of a session that was to be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionOpened {
    /// It is open.
    Opened,
    /// It is open, and the user's oldest one has ended for it.
    OldestEnded,
    /// Nothing was done: there is no such user, or there is a session with that id.
    Refused,
}

impl SessionOpened {
    /// Whether the session is open.
    pub fn is_open(self) -> bool {
        self != Self::Refused
    }
}
