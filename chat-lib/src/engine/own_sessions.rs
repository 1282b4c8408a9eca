//! A user's own sessions: which there are, ending them, going on with one, and the password, whose change ends the others.

use std::sync::Arc;

use super::commands::Asker;
use super::event::Caller;
use super::notice::Notice;
use super::{Chat, Step, Turn};
use crate::error::Error;
use crate::model::{Account, PasswordHash, Profile, SessionId, SessionToken};
use crate::protocol::{Reply, SessionView};
use crate::store::SessionInfo;

impl Chat {
    pub(super) fn log_out(&self, session: &SessionId, turn: &mut Turn<'_>) -> Result<Arc<Profile>, Error> {
        let user = turn.batch.close_session(session, turn.now)?.ok_or(Error::NoSuchSession)?;
        turn.post(Notice::SessionsEnded { user: user.user().clone() });
        Ok(user)
    }

    /// Goes on with the session that a token opens. Whoever has the connection binds it.
    pub(super) fn resume(&self, token: &SessionToken, caller: &mut Caller, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let expires = turn.now.after(self.limits().session_idle);
        let user = turn.batch.use_session(&token.id(), turn.now, expires)?.ok_or(Error::NoSuchSession)?;
        caller.user = Some(Arc::clone(&user));
        // A ban ends the sessions that there are; this one may be newer.
        match turn.batch.account(user.user().as_str())? {
            Some(account) if account.banned => Err(Error::Banned),
            _ => Ok(Step::Done(Reply::LoggedIn(self.login_reply(*token, &user)))),
        }
    }

    pub(super) fn own_sessions(&self, asker: &Asker, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let sessions = turn.batch.sessions_of(asker.name(), turn.now)?;
        turn.count_work(sessions.len() / 4);
        let view = |session: SessionInfo| SessionView {
            session: short_name(&session.id),
            opened: session.opened,
            last_used: session.last_used,
            from: session.from,
            current: session.id == asker.session,
        };
        Ok(Step::Done(Reply::Sessions(sessions.into_iter().map(view).collect())))
    }

    pub(super) fn end_own_session(&self, asker: &Asker, session: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let sessions = turn.batch.sessions_of(asker.name(), turn.now)?;
        turn.count_work(sessions.len() / 64);
        // There may be thousands, and numbers are quicker to compare than names. The prefix has its first byte last.
        let number = u64::from_str_radix(session, 16).map_err(|_| Error::NoSuchSession)?;
        let is_it = |id: &SessionId| id.prefix().swap_bytes() == number && short_name(id) == session;
        let found = sessions.iter().find(|found| is_it(&found.id)).ok_or(Error::NoSuchSession)?;
        turn.batch.close_session(&found.id, turn.now)?.ok_or(Error::NoSuchSession)?;
        turn.post(Notice::SessionsEnded { user: asker.user.user().clone() });
        Ok(Step::Done(Reply::Done))
    }

    /// Gives the user of `account`, as it was when the old password was found to be right, a new password, and ends their
    /// other sessions.
    pub(super) fn change_password(
        &self,
        asker: &Asker,
        account: &Account,
        hash: Option<PasswordHash>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Error> {
        asker.check(turn)?;
        loop {
            let now = turn.batch.account(asker.name())?.ok_or(Error::NoSuchSession)?;
            if now.password != account.password {
                // It was changed meanwhile.
                return Err(Error::Busy);
            }
            // Once more if somebody else was quicker.
            if turn.batch.replace_account(Account { password: hash.clone(), ..(*now).clone() })? {
                break;
            }
        }
        for other in turn.batch.sessions_of(asker.name(), turn.now)? {
            if other.id != asker.session {
                turn.batch.close_session(&other.id, turn.now)?;
            }
        }
        turn.post(Notice::SessionsEnded { user: asker.user.user().clone() });
        self.inner.throttle.clear(asker.name());
        Ok(())
    }
}

impl Asker {
    /// Checks that the session still lives: it may have ended while a job ran, and the name may be another user's now.
    pub(super) fn check(&self, turn: &mut Turn<'_>) -> Result<(), Error> {
        turn.batch.use_session(&self.session, turn.now, turn.now)?.map(drop).ok_or(Error::NoSuchSession)
    }
}

/// What a user's own sessions are called: the first 16 digits of the id, which are as good as all.
fn short_name(id: &SessionId) -> String {
    id.to_string().chars().take(16).collect()
}
