//! What becomes of the answers to requests: they are appended to the outbox, and leave once they are true.

use std::sync::Arc;

use super::asked::Asked;
use super::{Connection, Over, Pending};
use crate::engine::{Job, Step, Turn};
use crate::error::Error;
use crate::outbox::Outbox;
use crate::protocol::Reply;
use crate::store::CommitError;

impl Connection {
    /// Lets the answers of a turn be sent. If its commit failed, refusals take their place; if it is not known whether it
    /// did, nothing may be said, and the connection is over. The thread must have no turn.
    pub(crate) fn release_answers(&mut self, commit: &Result<(), CommitError>, out: &mut Outbox) {
        let answers = std::mem::take(&mut self.uncommitted);
        match commit {
            Ok(()) => {
                out.release();
                self.commit_live(out);
            }
            Err(CommitError::Undone(problem)) => {
                out.discard_unreleased();
                answers.refuse(problem, out.buffer());
                if let Some(before) = self.replaced.take() {
                    self.live = Some(before);
                }
                self.live.take_if(|live| !live.is_bound());
                if let Some(live) = &mut self.live {
                    live.roll_back(&self.chat);
                }
                self.origin.bound = self.live.as_ref().map(|live| Arc::clone(live.mailbox()));
            }
            Err(CommitError::Unknown(_)) if answers.is_empty() => {}
            Err(CommitError::Unknown(_)) => {
                self.over = Some(Over::OutcomeUnknown);
                if let Err(problem) = out.abandon() {
                    let (conn, peer) = (self.origin.connection, self.origin.peer.map(tracing::field::display));
                    let reason: &dyn std::error::Error = &problem;
                    tracing::error!(conn, peer, reason, "an inbox that could not be sent could not be put back");
                }
            }
        }
        out.release();
    }

    /// Writes more of the last request's answer. Returns whether it is written whole and the last byte was taken.
    pub(super) fn take_last_byte(&mut self, bytes: &mut &[u8], room: usize, out: &mut Outbox) -> bool {
        match self.pending {
            Pending::Nothing => return true,
            Pending::Job | Pending::Page => return false,
            Pending::LastByte => {}
        }
        let whole = out.resume(room);
        match bytes.split_first() {
            Some((_, rest)) if whole => *bytes = rest,
            _ => return false,
        }
        self.pending = Pending::Nothing;
        true
    }

    /// Appends the answer to a request, or the part of it that there is room for; or returns the job that comes first.
    pub(super) fn append(
        &mut self,
        outcome: Result<Step, Error>,
        turn: &mut Turn<'_>,
        room: usize,
        out: &mut Outbox,
    ) -> Option<Job> {
        self.pending = Pending::Nothing;
        match outcome {
            Ok(Step::Job(job)) => {
                self.pending = Pending::Job;
                return Some(job);
            }
            Ok(Step::Inbox(delivery)) => {
                if !out.answer(delivery, room) {
                    self.pending = Pending::LastByte;
                }
            }
            // Only a replay has one.
            Ok(Step::Page(_)) => {}
            Ok(Step::Done(reply)) => {
                if let Reply::LoggedIn(login) | Reply::Registered(login) = &reply {
                    self.origin.has_used_session = true;
                    // If others were quicker, its next request is refused.
                    self.chat.count_connection(login.user.user(), &mut self.origin).ok();
                }
                self.asked.write_reply(&reply, out.buffer());
                if let Asked::Call(_) = self.asked {
                    self.follow(&reply, turn, out);
                }
            }
            Err(refusal) => self.asked.write_refusal(&refusal, out.buffer()),
        }
        self.uncommitted.push(std::mem::take(&mut self.asked));
        None
    }
}
