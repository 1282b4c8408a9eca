//! What commands run in. A turn is as long as one peer is served, or as long as a reactor serves all that one poll
//! brought. It relies on the batch of the store, which undoes everything if its commit fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{Caller, Event};
use super::hub::{Intake, Mailbox};
use super::notice::{Noted, Notice};
use super::room_changes::{Changed, RoomChanges};
use super::{Chat, Inner, Step};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::Limits;
use crate::metrics::{Tally, Work};
use crate::model::{Profile, SessionId};
use crate::protocol::Reply;
use crate::store::{Batch, CommitError};

/// A batch of the store, and what belongs to its commands.
#[must_use = "what was done in it has to be committed"]
pub(crate) struct Turn<'a> {
    pub(super) batch: Box<dyn Batch + 'a>,
    /// What time it is for all of its commands: reading the clock for each would be a tenth of what a command costs.
    pub(super) now: Timestamp,
    /// The limits for all of its commands, also if others are put into effect meanwhile.
    pub(crate) limits: &'a Limits,
    /// What the log will say, once it is committed and true.
    events: Vec<Event>,
    tally: Tally,
    /// What its commands had to do beyond the usual since somebody has looked, in requests that take as long.
    work: usize,
    /// When it began, if it is to be known how long it takes.
    began: Option<Instant>,
    /// What subscribers will be told then.
    notices: Vec<Noted>,
    /// Messages were sent in it.
    has_messages: bool,
    /// The mailbox of the connection that is served.
    pub(crate) origin: Option<Arc<Mailbox>>,
    /// The session of the last command, if that was a `send`, and its user.
    checked: Option<(SessionId, Arc<Profile>)>,
    chat: &'a Chat,
}

impl Chat {
    /// Begins a turn. Answers to its commands may leave only when it is [committed](Turn::commit). The thread must have no
    /// other turn.
    pub(crate) fn begin(&self) -> Turn<'_> {
        let Inner { config, .. } = &*self.inner;
        Turn {
            batch: config.store.begin(),
            now: config.clock.now(),
            limits: self.limits(),
            events: Vec::new(),
            tally: Tally::default(),
            work: 0,
            began: None,
            notices: Vec::new(),
            has_messages: false,
            origin: None,
            checked: None,
            chat: self,
        }
    }

    /// Whether a commit may wait for a disk, so that many peers should be served in one turn.
    #[cfg(feature = "server")]
    pub(crate) fn commit_waits(&self) -> bool {
        self.inner.config.store.commit_waits()
    }
}

impl Turn<'_> {
    /// Commits all steps, and then logs what they did and tells subscribers.
    pub(crate) fn commit(self) -> Result<(), CommitError> {
        let mut tally = self.tally;
        let outcome = self.batch.commit();
        let time = self.began.map(|began| began.elapsed());
        match &outcome {
            Ok(()) => {
                self.chat.counters().add(&tally, time);
                self.events.into_iter().for_each(Event::log);
                self.chat.publish(self.has_messages, self.notices);
                self.chat.check_sessions(self.now);
            }
            Err(problem) => {
                if tally.commands() > 0 {
                    Event::log_failed_commit(problem, tally.commands());
                }
                tally.fail(problem);
                self.chat.counters().add(&tally, time);
                match problem {
                    CommitError::Undone(_) => self.chat.forget_room_changes(&self.notices),
                    CommitError::Unknown(_) => self.chat.publish_unknown(self.has_messages, &self.notices),
                }
            }
        }
        outcome
    }

    /// Has the session of the next command looked up.
    pub(crate) fn forget_session(&mut self) {
        self.checked = None;
    }

    /// The user of a session that a command uses. For a row of `send` that was received together, it is looked up once: it lived after
    /// all of them had come.
    pub(super) fn use_session(&mut self, session: SessionId, is_send: bool) -> Result<Arc<Profile>, Error> {
        let user = match self.checked.take() {
            Some((checked, user)) if checked == session => user,
            _ => {
                let expires = self.now.after(self.limits.session_idle);
                self.batch.use_session(&session, self.now, expires)?.ok_or(Error::NoSuchSession)?
            }
        };
        self.checked = is_send.then(|| (session, Arc::clone(&user)));
        Ok(user)
    }

    /// What time it is for all of its commands.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Counts what a command has to do for one request, such as messages to many, in requests that take as long.
    pub(super) fn count_work(&mut self, requests: usize) {
        self.work = self.work.saturating_add(requests);
    }

    /// What was counted since the last look.
    pub(crate) fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    /// Has subscribers told once all is committed.
    pub(super) fn post(&mut self, notice: Notice) {
        self.notices.push(Noted { notice, origin: self.origin.clone() });
    }

    /// As [`post`](Self::post), for a change of a room that was made under the lock that has `changes`.
    pub(super) fn post_room_change(&mut self, changed: Changed, changes: &mut RoomChanges) {
        let room = changed.room.clone();
        let number = changes.push(changed);
        self.post(Notice::Room { room, number });
    }

    /// Has a connection told no more once all is committed.
    pub(crate) fn unsubscribe(&mut self, mailbox: Arc<Mailbox>) {
        self.post(Notice::Unsubscribe { mailbox });
    }

    /// Whether the session of a mailbox has ended. If it has subscribed, it is used by that.
    pub(crate) fn has_ended(&mut self, mailbox: &Mailbox) -> bool {
        let idle = if mailbox.intake() == Intake::Nothing { Duration::ZERO } else { self.limits.session_idle };
        // Should the store fail, the next command will find out.
        matches!(self.batch.use_session(&mailbox.session, self.now, self.now.after(idle)), Ok(None))
    }

    /// Has it measured how long the turn takes.
    #[cfg(feature = "server")]
    pub(crate) fn measure(&mut self) {
        self.began = Some(Instant::now());
    }

    /// Notes that a command goes on that has waited since `began`.
    pub(super) fn note_waited(&mut self, work: Work, began: Instant) {
        self.tally.waited(work, began.elapsed());
    }

    /// Notes how a command has ended. One that waits for a job has not.
    pub(super) fn note(&mut self, caller: &Caller, to: Option<&str>, outcome: &Result<Step, Error>) {
        if let Ok(Step::Job(_)) = outcome {
            return;
        }
        match (outcome, caller.command) {
            (Ok(_), Some(command)) => self.tally.done(command),
            (Ok(_), None) => {}
            (Err(refusal), command) => self.tally.refused(command, refusal),
        }
        self.has_messages |= matches!(outcome, Ok(Step::Done(Reply::Sent { .. })));
        let refusals = &self.chat.inner.refusal_log;
        self.events.extend(Event::new(caller, to, outcome, || refusals.admit(self.now)));
    }
}
