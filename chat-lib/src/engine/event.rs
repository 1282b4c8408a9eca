use std::net::SocketAddr;
use std::sync::Arc;

use tracing::field::display;
use tracing::{debug, error, info};

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
    pub(super) command: Option<&'static str>,
    /// Who a message is for.
    pub(super) to: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub(super) fn of(command: &Command<'a>, peer: Option<SocketAddr>) -> Self {
        let to = if let Command::Send { to, .. } = command { Some(*to) } else { None };
        Self { peer, user: None, command: Some(command.name()), to }
    }

    /// Messages are many and logged at debug; all else at info.
    pub(super) fn log(&self, outcome: Result<&Reply, &Error>) {
        let Self { command, to, .. } = self;
        let (peer, user) = (self.peer.map(display), self.user());
        match outcome {
            Ok(Reply::LoggedIn(_)) => info!(peer, user, "login"),
            Ok(Reply::LoggedOut) => info!(peer, user, "logout"),
            Ok(Reply::Registered(_)) => info!(peer, user, "registration"),
            Ok(Reply::Sent) => debug!(peer, user, to, "send"),
            Ok(Reply::Inbox(inbox)) => self.log_inbox(inbox.len()),
            Ok(Reply::ActiveUsers(_)) => debug!(peer, user, "activeuser"),
            Err(failure @ (Error::Storage(_) | Error::Entropy(_) | Error::Hashing(_))) => {
                let reason: &dyn std::error::Error = failure;
                error!(peer, user, command, code = failure.code(), reason, "failure");
            }
            Err(refusal) => info!(peer, user, command, code = refusal.code(), "refusal"),
        }
    }

    /// As [`log`](Self::log), of an inbox that is still to be answered.
    pub(super) fn log_inbox(&self, messages: usize) {
        let (peer, user) = (self.peer.map(display), self.user());
        debug!(peer, user, messages, "inbox");
    }

    fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|profile| profile.user().as_str())
    }
}
