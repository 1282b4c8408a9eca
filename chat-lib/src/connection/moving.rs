//! How a connection moves from one server of a cluster to another: what goes with it, and how its lines are passed on in between.

use std::sync::Arc;

use super::{Connection, LongLine, Pending};
use crate::engine::{Mailbox, Step};
use crate::error::Error;
use crate::limits::REQUEST_BYTES_SHORT;
use crate::model::{MessageId, SessionId, UserName};
use crate::outbox::Outbox;
use crate::protocol::{Ending, Frame, Reply};

/// What another server needs to go on with a connection, beside what its transport and its first line have fixed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ConnectionState {
    /// It has opened a session, or used one.
    pub(crate) has_used_session: bool,
    /// The session that protocol 2 has bound.
    pub(crate) bound: Option<Bound>,
}

/// A session that is bound to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Bound {
    pub(crate) user: UserName,
    pub(crate) session: SessionId,
    /// The last message that a subscriber was told of; `None` if there is no subscription.
    pub(crate) told_upto: Option<MessageId>,
}

/// What a connection passes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Passed<'a> {
    /// A whole line with its end, and how lines end.
    Line(&'a [u8], Ending),
    /// A line that is too long, or only now, because it `is_busy`.
    TooLong { first: u8, is_busy: bool },
}

impl Connection {
    /// What another server would need now. It holds once all that was answered is sent, if the connection [is
    /// settled](Self::is_settled).
    pub(crate) fn state(&self) -> ConnectionState {
        if let Some(away) = &self.away {
            return (**away).clone();
        }
        let bound = self.live.as_ref().map(|live| Bound {
            user: live.mailbox().user.clone(),
            session: live.mailbox().session,
            told_upto: live.told_upto(),
        });
        ConnectionState { has_used_session: self.origin.has_used_session, bound }
    }

    /// Whether it is in the middle of nothing: no request, no commit and no job.
    pub(crate) fn is_settled(&self) -> bool {
        let live = self.live.as_ref().is_none_or(|live| live.is_settled());
        self.pending == Pending::Nothing && self.uncommitted.is_empty() && self.replaced.is_none() && live
    }

    /// Leaves it to another server to serve the connection, which must be [settled](Self::is_settled). The thread must have
    /// no turn.
    pub(crate) fn depart(&mut self) {
        self.away = Some(Box::new(self.state()));
        if let Some(live) = self.live.take().filter(|live| live.is_bound()) {
            self.chat.unbind(live.mailbox());
        }
        self.origin.unbind();
    }

    /// Serves the connection here from now on, which another server has served until `state`. It should have a turn soon, which finds
    /// out whether the session still lives, and goes on with the subscription. The thread must have no turn.
    pub(crate) fn arrive(&mut self, state: ConnectionState) {
        (self.away, self.is_without_owner) = (None, false);
        self.origin.has_used_session = state.has_used_session;
        if let Some(Bound { user, session, told_upto }) = state.bound {
            // If others were quicker, its next request is refused.
            self.chat.count_connection(&user, &mut self.origin).ok();
            let mailbox = Mailbox::new(user, session, self.chat.limits().events_bytes);
            self.chat.bind(&mailbox);
            self.waker.iter().for_each(|waker| mailbox.set_waker(waker.clone()));
            self.origin.bound = Some(Arc::clone(&mailbox));
            self.live = Some(Box::new(super::Live::restore(mailbox, told_upto)));
        }
    }

    /// Takes the connection back from a server that has served it until now. The thread must have no turn.
    pub(crate) fn come_back(&mut self) {
        let state = self.state();
        self.arrive(state);
    }

    /// Takes note of what the server that serves it has told.
    pub(crate) fn set_state(&mut self, state: ConnectionState) {
        self.origin.has_used_session = state.has_used_session;
        self.away = Some(Box::new(state));
    }

    /// As [`set_state`](Self::set_state), if only messages were told.
    pub(crate) fn set_told_upto(&mut self, last: MessageId) {
        if let Some(bound) = self.away.as_mut().and_then(|away| away.bound.as_mut()) {
            bound.told_upto = Some(last);
        }
    }

    /// Whether a session is bound, here or where it is served.
    pub(crate) fn is_bound(&self) -> bool {
        self.live.is_some() || self.away.as_ref().is_some_and(|away| away.bound.is_some())
    }

    /// Whether a line has ended, and how; whether all are JSON.
    pub(crate) fn line_form(&self) -> (bool, Option<Ending>, bool) {
        (self.begun, self.frames.ending(), self.is_json)
    }

    /// Sets what [`line_form`](Self::line_form) gave elsewhere.
    pub(crate) fn set_line_form(&mut self, (begun, ending, is_json): (bool, Option<Ending>, bool)) {
        (self.begun, self.is_json) = (begun, is_json);
        ending.into_iter().for_each(|ending| self.frames.set_ending(ending));
    }

    /// Sets how lines end, before any that has ended is received here.
    pub(crate) fn set_ending(&mut self, ending: Ending) {
        self.frames.set_ending(ending);
    }

    /// Has a line refused, before what is received next, that another server has found to be too long.
    pub(crate) fn refuse_long_line(&mut self, first: u8, is_busy: bool) {
        self.long_line = Some(LongLine { first, is_busy });
    }

    /// Whether all requests are refused with `busy` from now on.
    pub(crate) fn set_without_owner(&mut self, is_without_owner: bool) {
        self.is_without_owner = is_without_owner;
    }

    /// Takes bytes off the front of `bytes`, and passes on the lines that end in them. Stops after `lines` lines, which it counts down,
    /// or when `room` bytes or more were passed on, which it returns.
    pub(crate) fn pass_on(
        &mut self,
        bytes: &mut &[u8],
        lines: &mut usize,
        room: u64,
        mut pass: impl FnMut(Passed<'_>),
    ) -> u64 {
        let line_bytes = self.chat.limits().line_bytes;
        let is_short = self.chat.is_full_of_requests() && line_bytes > REQUEST_BYTES_SHORT;
        self.frames.set_limit(if is_short { REQUEST_BYTES_SHORT } else { line_bytes });
        let mut passed = 0;
        while passed < room && *lines > 0 {
            let ending = self.frames.ending();
            let Some(frame) = self.frames.next(bytes) else { break };
            *lines -= 1;
            self.begun = true;
            match (frame, ending) {
                (Frame::Line(line), Some(ending)) => {
                    passed += line.len() as u64;
                    pass(Passed::Line(line, ending));
                }
                // The first one, which has decided it.
                (Frame::Line(line), None) => {
                    let line = line.to_vec();
                    passed += line.len() as u64;
                    pass(Passed::Line(&line, self.frames.ending().unwrap_or(Ending::Lf)));
                }
                (Frame::TooLong { first }, _) => {
                    passed += 1;
                    pass(Passed::TooLong { first, is_busy: is_short });
                }
            }
        }
        passed
    }

    /// Whether it has to be [tried again](Self::retry) to go on with a subscription.
    pub(crate) fn wants_retry(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.wants_retry())
    }

    pub(crate) fn retry(&mut self) {
        self.live.iter_mut().for_each(|live| live.retry());
    }

    /// Takes what has come of a job, if that was to go on with a subscription.
    pub(super) fn take_restored(
        &mut self,
        outcome: Result<Step, Error>,
        out: &mut Outbox,
    ) -> Option<Result<Step, Error>> {
        let Some(live) = self.live.as_mut().filter(|live| live.is_restoring()) else { return Some(outcome) };
        match &outcome {
            Ok(Step::Done(Reply::Subscribed { next })) => live.restored(Ok(*next), out),
            Ok(_) => return Some(outcome),
            Err(problem) => live.restored(Err(problem), out),
        }
        None
    }
}
