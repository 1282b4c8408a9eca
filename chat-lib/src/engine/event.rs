use std::net::SocketAddr;
use std::sync::Arc;

use tracing::field::display;
use tracing::{debug, info};

use crate::error::Error;
use crate::model::Profile;
use crate::protocol::{Command, Reply};

/// What the log says of a command: one line, with who and from where, and never a password, a token
/// or a text.
pub(super) struct Event<'a> {
    pub(super) peer: Option<SocketAddr>,
    /// Whose command it is, when an account says so. A name that no account has is not logged: it
    /// may be a password that was typed in the wrong place.
    pub(super) user: Option<Arc<Profile>>,
    /// `None` for a line that is no command.
    pub(super) command: Option<&'a Command<'a>>,
}

impl Event<'_> {
    /// Messages are many and logged at debug; all else at info.
    pub(super) fn log(&self, outcome: Result<&Reply, &Error>) {
        let (peer, user) = (self.peer.map(display), self.user());
        match (outcome, self.command) {
            (Ok(Reply::LoggedIn(_)), _) => info!(peer, user, "login"),
            (Ok(Reply::LoggedOut), _) => info!(peer, user, "logout"),
            (Ok(Reply::Sent), Some(Command::Send { to, .. })) => debug!(peer, user, to, "send"),
            (Ok(Reply::Inbox(inbox)), _) => debug!(peer, user, messages = inbox.len(), "inbox"),
            (Ok(_), command) => debug!(peer, user, "{}", command.map_or("command", Command::name)),
            (Err(error @ (Error::Storage(_) | Error::Entropy(_) | Error::Hashing(_))), command) => {
                let reason: &dyn std::error::Error = error;
                tracing::error!(
                    peer,
                    user,
                    command = command.map(Command::name),
                    code = error.code(),
                    reason,
                    "failure"
                );
            }
            (Err(error), command) => {
                info!(peer, user, command = command.map(Command::name), code = error.code(), "refusal");
            }
        }
    }

    fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|profile| profile.user().as_str())
    }
}
