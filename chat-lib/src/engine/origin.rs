//! Where commands come from: the peer, and the session that it used last.

use std::net::SocketAddr;
use std::sync::Arc;

use super::hub::Mailbox;
use crate::error::Error;
use crate::model::{SessionId, SessionToken};

/// Where commands come from. It remembers the token that came last: most peers have one session, and looking a
/// session up by its token takes a digest.
#[derive(Default)]
pub(crate) struct Origin {
    /// The peer's address; `None` within the process.
    pub(crate) peer: Option<SocketAddr>,
    last: Option<(SessionToken, SessionId)>,
    /// The session that protocol 2 has bound to the connection.
    pub(crate) bound: Option<Arc<Mailbox>>,
}

impl Origin {
    pub(crate) fn of_peer(peer: SocketAddr) -> Self {
        Self { peer: Some(peer), ..Self::default() }
    }

    /// The session that a request is for: the one that its token may open, or else the one that is bound.
    pub(super) fn session(&mut self, token: Option<&SessionToken>) -> Result<SessionId, Error> {
        match token {
            Some(token) => Ok(self.session_of(token)),
            None => Ok(self.bound.as_ref().ok_or(Error::NoSuchSession)?.session),
        }
    }

    fn session_of(&mut self, token: &SessionToken) -> SessionId {
        match &self.last {
            Some((last, id)) if last == token => *id,
            _ => {
                let id = token.id();
                self.last = Some((*token, id));
                id
            }
        }
    }
}
