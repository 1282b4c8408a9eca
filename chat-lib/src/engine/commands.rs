//! What each command does: an arm of `Chat::run_step`, and a function. Those that need a job have files of their own,
//! [`login`](super::login), [`authenticator`](super::authenticator) and [`inbox`](super::inbox), and go on in [`Chat::finish`].

use std::sync::Arc;

use super::event::Caller;
use super::step::JobResult;
use super::{Chat, FinishedJob, Origin, Step, Turn};
use crate::error::Error;
use crate::model::{Framing, Profile, SessionToken};
use crate::protocol::{Command, Reply};
use crate::store::{Appended, NewMessage, Quota};

impl Chat {
    /// Starts the command of a request line, whatever the line holds.
    pub(crate) fn start_line(&self, line: &[u8], origin: &mut Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let limit = self.limits().line_bytes;
        if line.len() > limit {
            return Self::refuse_line(Error::LineTooLong { limit }, origin, turn);
        }
        match Command::parse(line) {
            Ok(command) => self.start(&command, origin, turn),
            Err(refusal) => Self::refuse_line(refusal, origin, turn),
        }
    }

    /// Refuses a line that is no command.
    pub(crate) fn refuse_line(refusal: Error, origin: &Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let outcome = Err(refusal);
        turn.note(&Caller { peer: origin.peer, user: None, command: None }, None, &outcome);
        outcome
    }

    /// Starts a command: does it, refuses it, or returns the job that has to come first.
    pub(crate) fn start(&self, command: &Command<'_>, origin: &mut Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let mut caller = Caller { peer: origin.peer, user: None, command: Some(command.name()) };
        let outcome = self.run_step(command, origin, &mut caller, turn);
        let to = if let Command::Send { to, .. } = command { Some(*to) } else { None };
        turn.note(&caller, to, &outcome);
        outcome
    }

    /// Goes on with a command whose job was run.
    pub(crate) fn finish(&self, job: FinishedJob, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let (mut caller, result) = job.into_parts();
        let outcome = match result {
            JobResult::Password(checked) => self.finish_password(checked, &mut caller, turn),
            JobResult::Authentication(authenticated) => self.finish_authentication(authenticated, &mut caller, turn),
            JobResult::Inbox(read) => self.finish_inbox(read, &caller, turn),
            JobResult::Refused(refusal) => Err(refusal),
        };
        turn.note(&caller, None, &outcome);
        outcome
    }

    fn run_step(
        &self,
        command: &Command<'_>,
        origin: &mut Origin,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        match *command {
            Command::Auth { user, password } => self.start_login(user, password, caller, turn),
            Command::Register { user, password, full_name } => {
                self.start_registration(user, password, full_name, caller, turn)
            }
            Command::Send { token, to, text } => {
                let from = self.use_session(&token, origin, caller, turn)?;
                self.send_message(&from, to, text, turn)
            }
            Command::Inbox { token } => {
                let user = self.use_session(&token, origin, caller, turn)?;
                self.start_inbox(user, origin.session(&token), caller, turn)
            }
            Command::ActiveUser { token } => {
                self.use_session(&token, origin, caller, turn)?;
                Ok(Step::Done(Reply::ActiveUsers(turn.batch.active_users(turn.now)?)))
            }
            Command::Logout { token } => {
                let closed = turn.batch.close_session(&origin.session(&token), turn.now)?;
                caller.user = Some(closed.ok_or(Error::NoSuchSession)?);
                Ok(Step::Done(Reply::LoggedOut))
            }
        }
    }

    /// The user whose session the token opens.
    fn use_session(
        &self,
        token: &SessionToken,
        origin: &mut Origin,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Arc<Profile>, Error> {
        let expires = turn.now.after(self.limits().session_idle);
        let user = turn.batch.use_session(&origin.session(token), turn.now, expires)?.ok_or(Error::NoSuchSession)?;
        Ok(Arc::clone(caller.user.insert(user)))
    }

    fn send_message(&self, from: &Arc<Profile>, to: &str, text: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let quota = Quota { messages: self.limits().mailbox_messages, bytes: self.limits().mailbox_bytes };
        let (framing, text) = Framing::split(text);
        match turn.batch.append(NewMessage { to, from, text, framing, time: turn.now }, quota)? {
            Appended::Stored(_) => Ok(Step::Done(Reply::Sent)),
            Appended::NoSuchUser => Err(Error::NoSuchRecipient),
            Appended::Full => Err(Error::MailboxFull),
        }
    }
}
