//! Where commands come from: the peer, and the session that it used last.

use std::net::SocketAddr;

use crate::model::{SessionId, SessionToken};

/// Where commands come from. It remembers the token that came last: most peers have one session, and looking a
/// session up by its token takes a digest.
#[derive(Default)]
pub(crate) struct Origin {
    /// The peer's address; `None` within the process.
    pub(crate) peer: Option<SocketAddr>,
    last: Option<(SessionToken, SessionId)>,
}

impl Origin {
    pub(crate) fn of_peer(peer: SocketAddr) -> Self {
        Self { peer: Some(peer), last: None }
    }

    /// The id of the session that `token` may open.
    pub(super) fn session(&mut self, token: &SessionToken) -> SessionId {
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
