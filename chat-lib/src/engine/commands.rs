//! What each command does: an arm of `Chat::run_step`, and a function in the file of its subject. Those that need a job go on in
//! [`Chat::finish`].

use std::sync::Arc;

use super::event::Caller;
use super::rooms::Settings;
use super::step::{FinishedParts, JobResult};
use super::{Chat, FinishedJob, Origin, Step, Turn};
use crate::error::Error;
use crate::model::{MessageKey, Profile, SessionId};
use crate::protocol::{Command, List, Reply, Request, ServerInfo, line};

/// The user who has sent a command, and the session that it is for.
pub(super) struct Asker {
    pub(super) user: Arc<Profile>,
    pub(super) session: SessionId,
}

impl Asker {
    pub(super) fn name(&self) -> &str {
        self.user.user().as_str()
    }
}

impl Chat {
    /// Starts the command of a request line, whatever the line holds.
    pub(crate) fn start_line(&self, line: &[u8], origin: &mut Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let limit = turn.limits.line_bytes;
        if line.len() > limit {
            return Self::refuse_line(Error::LineTooLong { limit }, origin, turn);
        }
        match line::parse(line) {
            Ok(request) => self.start(&request, origin, turn),
            Err(refusal) => Self::refuse_line(refusal, origin, turn),
        }
    }

    /// Refuses a line that is no command.
    pub(crate) fn refuse_line(refusal: Error, origin: &Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let outcome = Err(refusal);
        turn.note(&Caller::new(origin, None), None, &outcome);
        outcome
    }

    /// Starts a command: does it, refuses it, or returns the job that has to come first.
    pub(crate) fn start(&self, request: &Request<'_>, origin: &mut Origin, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let mut caller = Caller::new(origin, Some(request.command.kind()));
        let outcome = self.run_step(request, origin, &mut caller, turn);
        let to = if let Command::Send { to, .. } = &request.command { Some(&**to) } else { None };
        turn.note(&caller, to, &outcome);
        outcome
    }

    /// Goes on with a command whose job was run.
    pub(crate) fn finish(&self, job: FinishedJob, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let FinishedParts { mut caller, began, waited_for, result } = job.into_parts();
        let outcome = match result {
            JobResult::Password(checked) => self.finish_password(checked, &mut caller, turn),
            JobResult::Authentication(authenticated) => self.finish_authentication(authenticated, &mut caller, turn),
            JobResult::Inbox(read) => self.finish_inbox(read, &caller, turn),
            // It was taken over, and no request has asked for it.
            JobResult::Subscription(next) if caller.command.is_none() => {
                return next.map(|next| Step::Done(Reply::Subscribed { next }));
            }
            JobResult::Subscription(next) => next.map(|next| Step::Done(Reply::Subscribed { next })),
            // It is no command.
            JobResult::Replay(page) => return page.map(Step::Page),
            JobResult::Read(read) => self.finish_reading(read, &caller, turn),
            JobResult::Refused(refusal) => Err(refusal),
        };
        if !matches!(outcome, Ok(Step::Job(_))) {
            turn.note_waited(waited_for, began);
        }
        turn.note(&caller, None, &outcome);
        outcome
    }

    fn run_step(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let is_send = matches!(request.command, Command::Send { .. });
        if !is_send {
            // It may end a session.
            turn.forget_session();
        }
        // What needs no session.
        match &request.command {
            Command::Server => return Ok(Step::Done(Reply::Server(Box::new(self.server_info())))),
            Command::Ping => return Ok(Step::Done(Reply::Done)),
            Command::Auth { user, password } => {
                self.check_connections_of(user, origin)?;
                return self.start_login(user, password, caller, turn);
            }
            Command::Resume { token } => {
                let resumed = self.resume(token, caller, turn)?;
                caller.user.iter().try_for_each(|user| self.count_connection(user.user(), origin))?;
                return Ok(resumed);
            }
            Command::Register { user, password, full_name, invitation } => {
                return self.start_registration(user, password, full_name, invitation.as_deref(), caller, turn);
            }
            _ => {}
        }
        let session = origin.session(request.token.as_ref())?;
        if matches!(request.command, Command::Logout) {
            caller.user = Some(self.log_out(&session, turn)?);
            return Ok(Step::Done(Reply::LoggedOut));
        }
        let user = caller.user.insert(turn.use_session(session, is_send)?);
        origin.has_used_session = true;
        if origin.is_limited {
            self.count_connection(user.user(), origin)?;
        }
        // There are most of these, and counting the handles to a profile once more would show.
        if let Command::Send { to, text, framing, key } = &request.command {
            let key = key.as_deref().map(MessageKey::parse).transpose()?;
            return self.send_message(user, to, text, *framing, key.as_ref(), turn);
        }
        let asker = Asker { user: Arc::clone(user), session };
        match &request.command {
            Command::SendToAll { to, text, framing } => self.send_to_all(&asker.user, to, text, *framing, turn),
            Command::Typing { with } => self.typing(asker.user.user(), with, turn),
            Command::Inbox => self.start_inbox(asker, caller, turn),
            Command::RoomInbox { room } => self.start_room_inbox(asker, room, caller, turn),
            Command::History { with, position, limit } => {
                self.start_history(asker, with, (*position, *limit), caller, turn)
            }
            Command::Sync { after, limit } => Ok(self.start_sync(asker, *after, *limit, caller)),
            Command::Read { with, upto } => self.start_read(asker, with, *upto, caller, turn),
            Command::Conversations { before, limit } => self.start_conversations(asker, *before, *limit, caller, turn),
            Command::Delete { id } => Ok(self.start_delete(asker, *id, caller)),
            Command::ActiveUser => Ok(Step::Done(Reply::ActiveUsers(turn.batch.active_users(turn.now)?))),
            Command::Subscribe { after } => self.start_subscription(*after, origin, caller),
            Command::Unsubscribe => {
                let mailbox = Arc::clone(origin.bound.as_ref().ok_or(Error::NoSuchSession)?);
                turn.unsubscribe(mailbox);
                Ok(Step::Done(Reply::Unsubscribed))
            }
            Command::Users { after, limit } => self.list_users(asker.user.user(), after, *limit, turn),
            Command::Blocks => self.blocks(asker.user.user(), turn),
            Command::Block { user } => self.block(asker.user.user(), user, turn),
            Command::Unblock { user } => self.unblock(asker.user.user(), user, turn),
            Command::SetProfile { full_name, country } => {
                self.set_profile(asker.user.user(), full_name.as_deref(), country.as_deref(), turn)
            }
            Command::SetPassword { old, new } => self.start_password_change(asker, old, new, caller, turn),
            Command::Sessions => self.own_sessions(&asker, turn),
            Command::EndSession { session } => self.end_own_session(&asker, session, turn),
            Command::CreateRoom { room, title, open } => self.create_room(asker.user.user(), room, title, *open, turn),
            Command::JoinRoom { room } => self.join_room(asker.user.user(), room, turn),
            Command::LeaveRoom { room } => self.leave_room(asker.user.user(), room, turn),
            Command::DeleteRoom { room } => self.delete_own_room(asker.user.user(), room, turn),
            Command::InviteToRoom { room, user } => self.invite_to_room(asker.user.user(), room, user, turn),
            Command::RemoveFromRoom { room, user } => self.remove_member(asker.user.user(), room, user, turn),
            Command::SetRoom { room, title, open, owners } => {
                let settings = Settings { title: title.as_deref(), open: *open, owners: owners.as_deref() };
                self.set_room(asker.user.user(), room, &settings, turn)
            }
            Command::Members { room, after, limit } => self.members(asker.user.user(), room, after, *limit, turn),
            Command::Rooms { after, limit } => self.list_rooms(asker.user.user(), after, *limit, turn),
            _ => Err(Error::BadCommand),
        }
    }

    fn server_info(&self) -> ServerInfo {
        let settings = self.settings();
        ServerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            registration: self.registration(),
            limits: settings.limits.clone(),
        }
    }
}

/// The first entries of a list, of which one more is there if there are more.
pub(super) fn page<T>(mut entries: Vec<T>, limit: usize) -> List<T> {
    let more = entries.len() > limit;
    entries.truncate(limit);
    List { entries, more }
}
