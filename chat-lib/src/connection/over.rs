//! Why a connection ends that the peer has not closed, and the refusals that come before that.

use super::Connection;
#[cfg(feature = "server")]
use super::asked::Asked;
use crate::engine::{Chat, Step, Turn};
use crate::error::Error;
#[cfg(feature = "server")]
use crate::outbox::Outbox;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Over {
    /// The peer speaks HTTP.
    Http,
    /// It is not known whether its requests were done.
    OutcomeUnknown,
    /// It went on after many of its requests were refused because they were too many.
    RateLimited,
    /// There are too many connections.
    Refused,
}

impl Connection {
    /// Refuses a request, whatever it is: there are too many of them, or too many connections, or no server can do it.
    pub(super) fn refuse(&mut self, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let limits = self.chat.limits();
        let refusal = match &self.allowance {
            _ if self.is_without_owner && !self.is_refused => Error::Busy,
            Some(allowance) if !self.is_refused => {
                if allowance.is_overdrawn(limits) {
                    self.over = Some(Over::RateLimited);
                }
                Error::RateLimited { wait: allowance.wait(limits) }
            }
            _ => {
                self.over = Some(Over::Refused);
                Error::TooManyConnections
            }
        };
        Chat::refuse_line(refusal, &self.origin, turn)
    }
}

#[cfg(feature = "server")]
impl Connection {
    /// Why it is over, if it is.
    pub(crate) fn over(&self) -> Option<Over> {
        self.over
    }

    /// Takes every line as JSON, whatever it begins with.
    pub(crate) fn take_json_only(&mut self) {
        self.is_json = true;
    }

    /// Has the first request refused, because there are too many connections. Then the connection is over.
    pub(crate) fn refuse_first_request(&mut self) {
        self.is_refused = true;
    }

    /// As [`refuse_first_request`](Self::refuse_first_request), for a peer that has sent none.
    pub(crate) fn refuse_unasked(&mut self, out: &mut Outbox) {
        self.over = Some(Over::Refused);
        let asked = if self.is_json { Asked::unread_call() } else { Asked::Line };
        asked.write_refusal(&Error::TooManyConnections, out.buffer());
        out.release();
    }

    /// Whether it has opened a session, or used one.
    pub(crate) fn has_used_session(&self) -> bool {
        self.origin.has_used_session
    }

    /// Whether it is told of events.
    pub(crate) fn is_subscribed(&self) -> bool {
        let elsewhere = self.away.as_ref().and_then(|away| away.bound.as_ref());
        self.live.as_ref().is_some_and(|live| live.is_subscribed())
            || elsewhere.is_some_and(|bound| bound.told_upto.is_some())
    }

    /// Ends it.
    pub(crate) fn set_over(&mut self, over: Over) {
        self.over = Some(over);
    }
}
