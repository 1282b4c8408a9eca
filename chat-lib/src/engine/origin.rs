//! Where commands come from: the connection, its peer, and the session that it used last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hub::Mailbox;
use super::user_connections::Counted;
use crate::error::Error;
use crate::limits::Limits;
use crate::model::{SessionId, SessionToken};
use crate::source::is_limited;

/// Where commands come from. It remembers the token that came last: most peers have one session, and looking a
/// session up by its token takes a digest.
#[derive(Default)]
pub(crate) struct Origin {
    /// The connection's number; `None` within the process.
    pub(crate) connection: Option<u64>,
    /// The peer's address; `None` within the process.
    pub(crate) peer: Option<SocketAddr>,
    last: Option<Box<(SessionToken, SessionId)>>,
    /// The session that protocol 2 has bound to the connection.
    pub(crate) bound: Option<Arc<Mailbox>>,
    /// The limits for one peer apply.
    pub(crate) is_limited: bool,
    /// A session was opened, or used.
    pub(crate) has_used_session: bool,
    pub(super) counted: Option<Box<Counted>>,
}

impl Origin {
    /// The origin of a connection that has this number.
    pub(crate) fn of_connection(number: u64) -> Self {
        Self { connection: Some(number), ..Self::default() }
    }

    pub(crate) fn set_peer(&mut self, peer: SocketAddr, limits: &Limits) {
        (self.peer, self.is_limited) = (Some(peer), is_limited(peer, limits));
    }

    /// Forgets the session that was bound, and which user the connection counts for.
    #[cfg(feature = "server")]
    pub(crate) fn unbind(&mut self) {
        (self.bound, self.counted) = (None, None);
    }

    /// The session that a request is for: the one that its token may open, or else the one that is bound.
    pub(super) fn session(&mut self, token: Option<&SessionToken>) -> Result<SessionId, Error> {
        match token {
            Some(token) => Ok(self.session_of(token)),
            None => Ok(self.bound.as_ref().ok_or(Error::NoSuchSession)?.session),
        }
    }

    fn session_of(&mut self, token: &SessionToken) -> SessionId {
        match self.last.as_deref() {
            Some((last, id)) if last == token => *id,
            _ => {
                let id = token.id();
                self.last = Some(Box::new((*token, id)));
                id
            }
        }
    }
}

/// The number of a new connection, from 1: the log gives it as `conn` in each line about the connection and its requests, so
/// that one can be followed. No two connections of a process have the same.
pub(crate) fn next_connection() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
