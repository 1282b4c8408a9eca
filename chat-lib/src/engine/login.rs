//! Logins and registrations. [`Chat::start_login`] and [`Chat::start_registration`] find out what the password is for,
//! [`CheckPassword`] is the job that checks or hashes it, and [`Chat::finish_password`] opens the session. Between the two
//! steps others may change the account, so the second one looks at it again.

use std::net::SocketAddr;
use std::sync::Arc;

use super::event::Caller;
use super::step::Work;
use super::throttle::Attempt;
use super::{Chat, Config, Job, Step, Turn};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, PasswordHash, Profile, SessionToken, UserName};
use crate::protocol::Reply;
use crate::store::{Batch, NewSession};

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
    Registration(Arc<Profile>),
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
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        // A program with an authenticator of its own has the accounts.
        if !self.inner.config.registration || self.inner.config.authenticator.is_some() {
            return Err(Error::RegistrationClosed);
        }
        let purpose = Purpose::Registration(Arc::new(Profile::new(UserName::parse(user)?, full_name, "")?));
        self.admit(&purpose, caller, turn)?;
        if turn.batch.account(user)?.is_some() {
            return Err(Error::UserExists);
        }
        let check = CheckPassword { chat: self.clone(), purpose, password: password.to_owned() };
        Ok(Step::Job(Job::new(caller, Work::Password(check))))
    }

    /// The last step of a login or registration.
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
        if failed || verdict.is_ok() && matches!(purpose, Purpose::Registration(_)) {
            self.inner.throttle.failed(&purpose.attempt(caller), turn.now);
        }
        let hash = verdict?;
        let reply = match purpose {
            Purpose::UnknownLogin => return Err(Error::NoSuchUser),
            Purpose::Login(account) => Reply::LoggedIn(self.log_in(&account, hash, caller, turn)?),
            Purpose::Registration(profile) => {
                let token = self.register_user(&profile, hash, caller, turn)?;
                caller.user = Some(profile);
                Reply::Registered(token)
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
        self.record_session(token, user, caller.peer, turn.now, &mut *turn.batch)?;
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
        hash: Option<PasswordHash>,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<SessionToken, Error> {
        // First what can fail: a refusal must not leave an account behind.
        let token = SessionToken::random(&*self.inner.config.entropy)?;
        if !turn.batch.add_account(Account::new(Arc::clone(profile), hash))? {
            return Err(Error::UserExists);
        }
        self.record_session(token, profile.user().as_str(), caller.peer, turn.now, &mut *turn.batch)?;
        Ok(token)
    }

    /// Opens a session of `user` under a new token.
    pub(super) fn record_session(
        &self,
        token: SessionToken,
        user: &str,
        from: Option<SocketAddr>,
        now: Timestamp,
        batch: &mut dyn Batch,
    ) -> Result<(), Error> {
        let session = NewSession { id: token.id(), user, now, expires: now.after(self.limits().session_idle), from };
        match batch.open_session(session)? {
            true => Ok(()),
            false if batch.account(user)?.is_none() => Err(Error::NoSuchUser),
            false => Err(Error::Entropy("the same token came twice".to_owned())),
        }
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
            Purpose::UnknownLogin | Purpose::Registration(_) => false,
        }
    }

    /// Checks or hashes it.
    pub(super) fn run(self) -> CheckedPassword {
        let verdict = self.verdict();
        CheckedPassword { purpose: self.purpose, verdict }
    }

    fn verdict(&self) -> Result<Option<PasswordHash>, Error> {
        let Config { password_cost: cost, entropy, .. } = &self.chat.inner.config;
        let hash = || PasswordHash::new(&self.password, *cost, &**entropy);
        let hashed = match &self.purpose {
            Purpose::Registration(_) => return hash().map(Some),
            Purpose::Login(account) => account.password.as_ref(),
            Purpose::UnknownLogin => None,
        };
        match hashed {
            Some(hashed) if !hashed.matches(&self.password)? => {
                // A refusal takes as long for a user that there is as for one that there is not.
                if hashed.is_cheaper_than(*cost) || PasswordHash::is_too_long(&self.password) {
                    PasswordHash::matches_none(&self.password, *cost)?;
                }
                Err(Error::WrongPassword)
            }
            Some(hashed) if hashed.is_cheaper_than(*cost) => hash().map(Some),
            Some(_) => Ok(None),
            None => {
                PasswordHash::matches_none(&self.password, *cost)?;
                let unknown = matches!(self.purpose, Purpose::UnknownLogin);
                Err(if unknown { Error::NoSuchUser } else { Error::WrongPassword })
            }
        }
    }
}

impl Purpose {
    fn attempt(&self, caller: &Caller) -> Attempt {
        let user = if let Self::Login(account) = self { Some(account.profile.user().clone()) } else { None };
        Attempt::new(user, caller.peer)
    }
}
