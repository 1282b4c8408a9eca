//! What the log says of a command: one line, with who and from where, and never a password, a token or a text. An event
//! is made when the command is done, and logged when its [turn](super::turn) is committed.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::field::display;
use tracing::{Level, debug, enabled, error, info, warn};

use super::{Origin, Step};
use crate::error::Error;
use crate::model::Profile;
use crate::protocol::{CommandKind, Reply};
use crate::store::CommitError;

/// Who has sent a command, for the log.
#[derive(Clone)]
pub(super) struct Caller {
    /// The connection's number; `None` within the process.
    pub(super) connection: Option<u64>,
    /// The peer's address; `None` within the process.
    pub(super) peer: Option<SocketAddr>,
    /// The user, as soon as an account says so. A name that no account has is not logged: it may be a password that was
    /// typed in the wrong place.
    pub(super) user: Option<Arc<Profile>>,
    /// `None` for a line that is no command.
    pub(super) command: Option<CommandKind>,
}

impl Caller {
    /// Whoever is at the other end of a connection, before it is known which user that is.
    pub(super) fn new(origin: &Origin, command: Option<CommandKind>) -> Self {
        Self { connection: origin.connection, peer: origin.peer, user: None, command }
    }
}

/// A line of the log.
pub(super) struct Event {
    connection: Option<u64>,
    peer: Option<SocketAddr>,
    user: Option<Arc<Profile>>,
    what: What,
}

enum What {
    /// A session began or ended.
    Session(&'static str),
    /// Any other command was done: these are many.
    Command { command: Option<&'static str>, to: Option<String>, messages: Option<usize> },
    Refusal {
        command: Option<&'static str>,
        code: String,
        /// How many before it were not logged.
        unlogged: u64,
    },
}

impl Event {
    /// The event of a command that was done or refused; `None` if there is nothing to log then. What failed for the
    /// machine's sake is logged at once, whatever becomes of the commit. `admit` says whether one more refusal may be logged, and how
    /// many were not before.
    pub(super) fn new(
        caller: &Caller,
        to: Option<&str>,
        outcome: &Result<Step, Error>,
        admit: impl FnOnce() -> Option<u64>,
    ) -> Option<Self> {
        let command = caller.command.map(CommandKind::name);
        let what = match outcome {
            Ok(Step::Done(Reply::LoggedIn(_))) => What::Session(command.unwrap_or("login")),
            Ok(Step::Done(Reply::LoggedOut)) => What::Session("logout"),
            Ok(Step::Done(Reply::Registered(_))) => What::Session("registration"),
            Ok(_) if !enabled!(Level::DEBUG) => return None,
            Ok(step) => {
                let messages = if let Step::Inbox(delivery) = step { Some(delivery.inbox().len()) } else { None };
                What::Command { command, to: to.map(str::to_owned), messages }
            }
            Err(problem @ (Error::Storage(_) | Error::Entropy(_) | Error::Hashing(_))) => {
                let (conn, peer, user) = (caller.connection, caller.peer.map(display), name(caller.user.as_ref()));
                let reason: &dyn std::error::Error = problem;
                error!(conn, peer, user, command, code = problem.code(), reason, "failure");
                return None;
            }
            Err(_) if !enabled!(Level::INFO) => return None,
            Err(refusal) => {
                let unlogged = if enabled!(Level::DEBUG) { 0 } else { admit()? };
                What::Refusal { command, code: refusal.code().to_owned(), unlogged }
            }
        };
        Some(Self { connection: caller.connection, peer: caller.peer, user: caller.user.clone(), what })
    }

    pub(super) fn log(self) {
        let (conn, peer, user) = (self.connection, self.peer.map(display), name(self.user.as_ref()));
        match self.what {
            What::Session(what) => info!(conn, peer, user, "{what}"),
            What::Command { command, to, messages } => {
                debug!(conn, peer, user, to, messages, "{}", command.unwrap_or_default());
            }
            What::Refusal { command, code, unlogged } => {
                if unlogged > 0 {
                    warn!(refusals = unlogged, "there were too many refusals to log each of them");
                }
                info!(conn, peer, user, command, code, "refusal");
            }
        }
    }

    /// One line for all of the commands: a full disk must not fill the log.
    pub(super) fn log_failed_commit(problem: &CommitError, commands: usize) {
        let code = match problem {
            CommitError::Undone(Error::Busy) => {
                info!(commands, code = "busy", "refused, because another server is the owner");
                return;
            }
            CommitError::Undone(_) => "storage",
            CommitError::Unknown(_) => "outcome_unknown",
        };
        let reason: &dyn std::error::Error = problem;
        error!(commands, code, reason, "failure");
    }
}

fn name(user: Option<&Arc<Profile>>) -> Option<&str> {
    user.map(|profile| profile.user().as_str())
}
