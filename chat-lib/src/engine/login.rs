//! Logins, registrations and changes of a password. [`Chat::start_login`], [`Chat::start_registration`] and
//! [`Chat::start_password_change`] find out what the password is for, [`CheckPassword`] is the job that checks or hashes it, and
//! [`Chat::finish_password`] opens the session, or changes the password. Between the two steps others may change the account, so
//! the second one looks at it again.

use std::net::SocketAddr;
use std::sync::Arc;

use super::commands::Asker;
use super::event::Caller;
use super::notice::Notice;
use super::step::Work;
use super::throttle::Attempt;
use super::{Chat, Job, Step, Turn};
use crate::error::Error;
use crate::model::{
    Account, InvitationCode, InvitationId, PasswordHash, Profile, Registration, SessionToken, UserName,
};
use crate::protocol::{Login, Reply};
use crate::store::{NewSession, Redeemed, SessionOpened};

/// A password that is still to be checked or hashed.
pub(super) struct CheckPassword {
    chat: Chat,
    purpose: Purpose,
    password: String,
}

/// What a password is for.
enum Purpose {
    /// To log in to this account.
    Login(Arc<Account>),
    /// To log in with a name that no account has.
    UnknownLogin,
    /// To be the password of this user, who has no account yet.
    Registration { profile: Arc<Profile>, invitation: Option<InvitationId> },
    /// To be the old password of this account, whose user wants a new one.
    Change { account: Arc<Account>, new: String, asker: Asker },
}

/// A password that was checked or hashed.
pub(super) struct CheckedPassword {
    purpose: Purpose,
    /// A hash that is to be stored, if there is one.
    verdict: Result<Option<PasswordHash>, Error>,
}

impl Chat {
    /// The first step of a login. A password that is quick to check is checked within it.
    pub(super) fn start_login(
        &self,
        user: &str,
        password: &str,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        if let Some(authenticator) = &self.inner.config.authenticator {
            return self.start_authentication(authenticator, user, password, caller, turn);
        }
        let purpose = turn.batch.account(user)?.map_or(Purpose::UnknownLogin, Purpose::Login);
        if let Purpose::Login(account) = &purpose {
            caller.user = Some(Arc::clone(&account.profile));
        }
        self.admit(&purpose, caller, turn)?;
        let check = CheckPassword { chat: self.clone(), purpose, password: password.to_owned() };
        match check.is_quick() {
            true => self.finish_password(check.run(), caller, turn),
            false => Ok(Step::Job(Job::new(caller, Work::Password(check)))),
        }
    }

    /// The first step of a registration.
    pub(super) fn start_registration(
        &self,
        user: &str,
        password: &str,
        full_name: &str,
        invitation: Option<&str>,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let invitation = match self.registration() {
            Registration::Closed => return Err(Error::RegistrationClosed),
            // One that is given all the same stays valid.
            Registration::Open => None,
            Registration::Invite => {
                let id = InvitationCode::parse(invitation.ok_or(Error::InvitationRequired)?)?.id();
                turn.batch.invitation(&id, turn.now)?.ok_or(Error::NoSuchInvitation)?;
                Some(id)
            }
        };
        let profile = Arc::new(Profile::new(UserName::parse(user)?, full_name, "")?);
        let purpose = Purpose::Registration { profile, invitation };
        self.admit(&purpose, caller, turn)?;
        if turn.batch.account(user)?.is_some() {
            return Err(Error::UserExists);
        }
        let check = CheckPassword { chat: self.clone(), purpose, password: password.to_owned() };
        Ok(Step::Job(Job::new(caller, Work::Password(check))))
    }

    /// The first step of a change of one's own password.
    pub(super) fn start_password_change(
        &self,
        asker: Asker,
        old: &str,
        new: &str,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        if self.inner.config.authenticator.is_some() {
            // The chat has no passwords that could be right.
            return Err(Error::WrongPassword);
        }
        let account = turn.batch.account(asker.name())?.ok_or(Error::NoSuchSession)?;
        let purpose = Purpose::Change { account, new: new.to_owned(), asker };
        self.admit(&purpose, caller, turn)?;
        let check = CheckPassword { chat: self.clone(), purpose, password: old.to_owned() };
        Ok(Step::Job(Job::new(caller, Work::Password(check))))
    }

    /// The last step of a login, a registration or a change of a password.
    pub(super) fn finish_password(
        &self,
        checked: CheckedPassword,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let CheckedPassword { purpose, verdict } = checked;
        // Others may have failed while this one was being checked.
        self.admit(&purpose, caller, turn)?;
        let failed = matches!(verdict, Err(Error::WrongPassword | Error::NoSuchUser));
        if failed || verdict.is_ok() && matches!(purpose, Purpose::Registration { .. }) {
            self.inner.throttle.failed(&purpose.attempt(caller), turn.now);
        }
        let hash = verdict?;
        let reply = match purpose {
            Purpose::UnknownLogin => return Err(Error::NoSuchUser),
            Purpose::Login(account) => {
                Reply::LoggedIn(self.login_reply(self.log_in(&account, hash, caller, turn)?, &account.profile))
            }
            Purpose::Registration { profile, invitation } => {
                let token = self.register_user(&profile, invitation, hash, caller, turn)?;
                caller.user = Some(Arc::clone(&profile));
                Reply::Registered(self.login_reply(token, &profile))
            }
            Purpose::Change { account, asker, .. } => {
                self.change_password(&asker, &account, hash, turn)?;
                Reply::Done
            }
        };
        if let Some(user) = &caller.user {
            // A registration is a login, too: nobody can lock the user out from here.
            self.inner.throttle.succeeded(user.user(), &Attempt::new(None, caller.peer));
        }
        Ok(Step::Done(reply))
    }

    /// Opens a session for the user of `account`, as it was when the password was found to be right. A new hash of it
    /// replaces the old one.
    fn log_in(
        &self,
        account: &Account,
        hash: Option<PasswordHash>,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<SessionToken, Error> {
        let user = account.profile.user().as_str();
        let now = turn.batch.account(user)?.ok_or(Error::NoSuchUser)?;
        if now.password != account.password {
            // It was changed meanwhile.
            return Err(Error::Busy);
        }
        if now.banned {
            return Err(Error::Banned);
        }
        if hash.is_some() {
            // If somebody else changes the account at the same moment, the next login hashes again.
            turn.batch.replace_account(Account { password: hash.clone(), ..(*now).clone() })?;
        }
        let token = SessionToken::random(&*self.inner.config.entropy)?;
        self.record_session(token, now.profile.user(), caller.peer, turn)?;
        // Changing a password, removing a user and banning one end the sessions that there are then; this one may be newer.
        let now = turn.batch.account(user)?;
        let still_right = |now: &Account| now.password == account.password || now.password == hash;
        if !now.is_some_and(|now| still_right(&now) && !now.banned) {
            turn.batch.close_session(&token.id(), turn.now)?;
            return Err(Error::Busy);
        }
        Ok(token)
    }

    /// Adds the account of a new user, and opens its first session.
    fn register_user(
        &self,
        profile: &Arc<Profile>,
        invitation: Option<InvitationId>,
        hash: Option<PasswordHash>,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<SessionToken, Error> {
        // First what can fail: a refusal must not leave an account behind.
        let token = SessionToken::random(&*self.inner.config.entropy)?;
        let account = Account::new(Arc::clone(profile), hash);
        let outcome = match invitation {
            Some(id) => turn.batch.redeem_invitation(&id, turn.now, account)?,
            None if turn.batch.add_account(account)? => Redeemed::Added,
            None => Redeemed::UserExists,
        };
        match outcome {
            Redeemed::Added => {}
            Redeemed::UserExists => return Err(Error::UserExists),
            Redeemed::NoSuchInvitation => return Err(Error::NoSuchInvitation),
        }
        self.record_session(token, profile.user(), caller.peer, turn)?;
        Ok(token)
    }

    /// Opens a session of `user` under a new token.
    pub(super) fn record_session(
        &self,
        token: SessionToken,
        user: &UserName,
        from: Option<SocketAddr>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Error> {
        let (now, expires) = (turn.now, turn.now.after(self.limits().session_idle));
        match turn.batch.open_session(NewSession { id: token.id(), user: user.as_str(), now, expires, from })? {
            SessionOpened::Opened => Ok(()),
            SessionOpened::OldestEnded => {
                turn.post(Notice::SessionsEnded { user: user.clone() });
                Ok(())
            }
            SessionOpened::Refused if turn.batch.account(user.as_str())?.is_none() => Err(Error::NoSuchUser),
            SessionOpened::Refused => Err(Error::Entropy("the same token came twice".to_owned())),
        }
    }

    /// What a login gives.
    pub(super) fn login_reply(&self, token: SessionToken, user: &Arc<Profile>) -> Login {
        Login { token, user: Arc::clone(user), epoch: self.inner.epoch() }
    }

    fn admit(&self, purpose: &Purpose, caller: &Caller, turn: &Turn<'_>) -> Result<(), Error> {
        self.inner.throttle.admit(&purpose.attempt(caller), self.limits().failed_logins, turn.now)
    }
}

impl CheckPassword {
    /// Whether checking takes no longer than other commands do.
    fn is_quick(&self) -> bool {
        match &self.purpose {
            Purpose::Login(account) => account.password.as_ref().is_some_and(PasswordHash::is_quick),
            Purpose::UnknownLogin | Purpose::Registration { .. } | Purpose::Change { .. } => false,
        }
    }

    /// Checks or hashes it.
    pub(super) fn run(self) -> CheckedPassword {
        let verdict = self.verdict();
        CheckedPassword { purpose: self.purpose, verdict }
    }

    fn verdict(&self) -> Result<Option<PasswordHash>, Error> {
        let (entropy, cost) = (&*self.chat.inner.config.entropy, self.chat.settings().password_cost);
        let hash = |password: &str| PasswordHash::new(password, cost, entropy).map(Some);
        let hashed = match &self.purpose {
            Purpose::Registration { .. } => return hash(&self.password),
            Purpose::Login(account) | Purpose::Change { account, .. } => account.password.as_ref(),
            Purpose::UnknownLogin => None,
        };
        match hashed {
            Some(hashed) if !hashed.matches(&self.password)? => {
                // A refusal takes as long for a user that there is as for one that there is not.
                if hashed.is_cheaper_than(cost) || PasswordHash::is_too_long(&self.password) {
                    PasswordHash::matches_none(&self.password, cost)?;
                }
                Err(Error::WrongPassword)
            }
            Some(hashed) => match &self.purpose {
                Purpose::Change { new, .. } => hash(new),
                _ if hashed.is_cheaper_than(cost) => hash(&self.password),
                _ => Ok(None),
            },
            None => {
                PasswordHash::matches_none(&self.password, cost)?;
                let unknown = matches!(self.purpose, Purpose::UnknownLogin);
                Err(if unknown { Error::NoSuchUser } else { Error::WrongPassword })
            }
        }
    }
}

impl Purpose {
    fn attempt(&self, caller: &Caller) -> Attempt {
        let user = match self {
            Self::Login(account) | Self::Change { account, .. } => Some(account.profile.user().clone()),
            Self::UnknownLogin | Self::Registration { .. } => None,
        };
        Attempt::new(user, caller.peer)
    }
}
