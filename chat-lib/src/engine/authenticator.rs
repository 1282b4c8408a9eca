//! Logins that the program checks itself, in place of stored passwords: the public [`Authenticator`], and the two steps and
//! the job of such a login. It relies on `login.rs` for sessions.
//!
//! A call may hang with a database behind it. So the job of a login over the wire waits for it only so long, and leaves it
//! to a thread of its own; [`Calls`] bounds how many such threads there are.

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::event::Caller;
use super::step::Work;
use super::throttle::Attempt;
use super::turn::Turn;
use super::{Chat, Job, Step};
use crate::error::Error;
use crate::limits::{AUTHENTICATOR_CALLS, AUTHENTICATOR_PATIENCE};
use crate::model::{Account, Profile, SessionToken, UserName};
use crate::protocol::Reply;

/// Checks logins in place of the chat, for a program that has users and passwords already. It is set as
/// [`Config::authenticator`](crate::Config::authenticator).
///
/// The chat then asks it about every login, and does not look at the password hashes that it has itself. A user's first
/// login creates their account, and later ones keep its names up to date. `register` is refused. Bans, sessions and
/// failed logins that have to wait are the chat's as before; a login that is refused counts as failed, also for a user who
/// has no account yet.
///
/// ```
/// use std::sync::Arc;
///
/// use chat_lib::{AuthenticatorError, Authenticator, Chat, Config, Credentials, Identity};
///
/// struct Directory;
///
/// impl Authenticator for Directory {
///     fn authenticate(&self, login: &Credentials) -> Result<Option<Identity>, AuthenticatorError> {
///         let right = login.user.as_str() == "ana" && login.password == "secret";
///         Ok(right.then(|| Identity::default().full_name("Ana Lima")))
///     }
/// }
///
/// let chat = Chat::new(Config { authenticator: Some(Arc::new(Directory)), ..Config::default() });
/// assert_eq!(chat.login("ana", "wrong").unwrap_err().code(), "wrong_password");
/// assert!(chat.users()?.is_empty());
/// chat.login("ana", "secret")?;
/// assert_eq!(chat.users()?[0].profile.full_name(), "Ana Lima");
/// # Ok::<(), chat_lib::Error>(())
/// ```
pub trait Authenticator: Send + Sync {
    /// Says who logs in, or `None` to refuse the login with [`Error::WrongPassword`], whether there is no such user or the
    /// password is wrong.
    ///
    /// It is called from several threads at once, and no lock is held: it may use the chat. It must not wait for a server
    /// to stop, which in turn waits for it. [`Chat::login`], [`Chat::execute`] and [`Chat::answer`] call it in their
    /// caller's thread and wait as long as it takes. A login over the wire has it called in a new thread, and is refused
    /// with [`Error::Busy`] after [`patience`](Self::patience), or if
    /// [`AUTHENTICATOR_CALLS`] calls are running; what a call returns later is ignored.
    ///
    /// # Errors
    ///
    /// Any error, and over the wire also a panic, refuses the login with [`Error::Storage`]. The log has the reason; the
    /// peer is not told.
    fn authenticate(&self, login: &Credentials) -> Result<Option<Identity>, AuthenticatorError>;

    /// How long a login over the wire may take, counted from when its request was read.
    fn patience(&self) -> Duration {
        AUTHENTICATOR_PATIENCE
    }
}

/// Why an [`Authenticator`] could not tell.
pub type AuthenticatorError = Box<dyn StdError + Send + Sync>;

/// What somebody logs in with.
#[non_exhaustive]
pub struct Credentials {
    /// The user name. Names that break the rule for them are refused without asking.
    pub user: UserName,
    /// The password as it was sent: any text without white space at its ends, also an empty one.
    pub password: String,
    /// The peer's address; `None` within the process.
    pub from: Option<SocketAddr>,
}

/// Hides the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password: _, from } = self;
        f.debug_struct("Credentials").field("user", user).field("from", from).finish_non_exhaustive()
    }
}

/// What an [`Authenticator`] knows of a user. What it leaves out stays as it is in the chat; a new account then has the
/// user name as its full name, and no country.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Identity {
    full_name: Option<String>,
    country: Option<String>,
}

impl Identity {
    /// With the name that others see.
    pub fn full_name(self, full_name: impl Into<String>) -> Self {
        Self { full_name: Some(full_name.into()), ..self }
    }

    /// With where the user is from; may be empty.
    pub fn country(self, country: impl Into<String>) -> Self {
        Self { country: Some(country.into()), ..self }
    }

    /// The profile of a user who has `old`, or none yet.
    fn profile(&self, user: &UserName, old: Option<&Profile>) -> Result<Profile, Error> {
        let (full_name, country) = (self.full_name.as_deref(), self.country.as_deref());
        match old {
            // Names that were given under older rules may stay.
            Some(old) => old.edited(
                full_name.filter(|name| *name != old.full_name()),
                country.filter(|country| *country != old.country()),
            ),
            None => Profile::new(user.clone(), full_name.unwrap_or(user.as_str()), country.unwrap_or_default()),
        }
    }
}

impl Chat {
    /// Whether logins are checked by an authenticator.
    #[cfg(feature = "server")]
    pub(crate) fn has_authenticator(&self) -> bool {
        self.inner.config.authenticator.is_some()
    }

    /// The first step of a login that `authenticator` decides.
    pub(super) fn start_authentication(
        &self,
        authenticator: &Arc<dyn Authenticator>,
        user: &str,
        password: &str,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let name = UserName::parse(user).ok();
        let attempt = Attempt::new(name.clone(), caller.peer);
        self.inner.throttle.admit(&attempt, self.limits().failed_logins, turn.now)?;
        let Some(user) = name else {
            self.inner.throttle.failed(&attempt, turn.now);
            return Err(Error::NoSuchUser);
        };
        caller.user = turn.batch.account(user.as_str())?.map(|account| Arc::clone(&account.profile));
        let authentication = Authentication {
            authenticator: Arc::clone(authenticator),
            calls: self.inner.authenticator_calls.clone(),
            credentials: Credentials { user, password: password.to_owned(), from: caller.peer },
            began: Instant::now(),
        };
        Ok(Step::Job(Job::new(caller, Work::Authentication(authentication))))
    }

    /// The last step of such a login.
    pub(super) fn finish_authentication(
        &self,
        authenticated: Authenticated,
        caller: &mut Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let Authenticated { user, verdict } = authenticated;
        let attempt = Attempt::new(Some(user.clone()), caller.peer);
        // Others may have failed while this one was being checked.
        self.inner.throttle.admit(&attempt, self.limits().failed_logins, turn.now)?;
        let Some(identity) = verdict? else {
            self.inner.throttle.failed(&attempt, turn.now);
            return Err(Error::WrongPassword);
        };
        // First what can fail: a refusal must not leave an account behind.
        let token = SessionToken::random(&*self.inner.config.entropy)?;
        let profile = take_identity(&user, &identity, turn)?;
        caller.user = Some(Arc::clone(&profile));
        self.record_session(token, &user, caller.peer, turn)?;
        // Removing a user and banning one end the sessions that there are then; this one may be newer.
        if turn.batch.account(user.as_str())?.is_none_or(|account| account.banned) {
            turn.batch.close_session(&token.id(), turn.now)?;
            return Err(Error::Busy);
        }
        self.inner.throttle.succeeded(&user, &attempt);
        Ok(Step::Done(Reply::LoggedIn(self.login_reply(token, &profile))))
    }
}

/// Creates or updates the account of a user who may log in.
fn take_identity(user: &UserName, identity: &Identity, turn: &mut Turn<'_>) -> Result<Arc<Profile>, Error> {
    // Once more if somebody else was quicker.
    loop {
        let account = turn.batch.account(user.as_str())?;
        if account.as_ref().is_some_and(|account| account.banned) {
            return Err(Error::Banned);
        }
        let profile = identity.profile(user, account.as_ref().map(|account| &*account.profile));
        // Wrong names are the program's fault, and not the peer's.
        let new = Arc::new(profile.map_err(|problem| Error::Storage(Box::new(problem)))?);
        let done = match account {
            Some(account) if account.profile == new => true,
            Some(account) => {
                let changed = Account { profile: Arc::clone(&new), ..(*account).clone() };
                turn.batch.replace_account(changed)?
            }
            None => turn.batch.add_account(Account::new(Arc::clone(&new), None))?,
        };
        if done {
            return Ok(new);
        }
    }
}

/// A login that the authenticator has yet to decide: the job.
pub(super) struct Authentication {
    authenticator: Arc<dyn Authenticator>,
    calls: Calls,
    credentials: Credentials,
    began: Instant,
}

/// A login that was decided.
pub(super) struct Authenticated {
    user: UserName,
    verdict: Result<Option<Identity>, Error>,
}

impl Authentication {
    /// Asks in this thread, for as long as that takes.
    pub(super) fn run_here(self) -> Authenticated {
        let verdict = ask(&*self.authenticator, &self.credentials);
        Authenticated { user: self.credentials.user, verdict }
    }

    /// Asks in a thread of its own, and waits for it for as long as the authenticator allows.
    pub(super) fn run(self) -> Authenticated {
        let user = self.credentials.user.clone();
        Authenticated { user, verdict: self.ask_in_time() }
    }

    fn ask_in_time(self) -> Result<Option<Identity>, Error> {
        let Self { authenticator, calls, credentials, began } = self;
        let left = authenticator.patience().saturating_sub(began.elapsed());
        if left.is_zero() {
            // It has waited for other jobs until now.
            return Err(Error::Busy);
        }
        let Some(call) = calls.begin() else {
            tracing::warn!(calls = AUTHENTICATOR_CALLS, "a login is refused: too many calls of the authenticator hang");
            return Err(Error::Busy);
        };
        let (sender, verdict) = sync_channel(1);
        let asking = thread::Builder::new().name("authenticator".to_owned()).spawn(move || {
            let verdict = ask(&*authenticator, &credentials);
            drop(call);
            // Nobody may be waiting for it any more.
            sender.send(verdict).ok();
        });
        if let Err(problem) = asking {
            tracing::warn!(%problem, "a login is refused: the system has no thread for the authenticator");
            return Err(Error::Busy);
        }
        verdict.recv_timeout(left).unwrap_or_else(|problem| match problem {
            RecvTimeoutError::Timeout => {
                tracing::warn!("a login is refused: the authenticator has not answered in time");
                Err(Error::Busy)
            }
            RecvTimeoutError::Disconnected => Err(Error::Storage("the authenticator has panicked".into())),
        })
    }
}

fn ask(authenticator: &dyn Authenticator, credentials: &Credentials) -> Result<Option<Identity>, Error> {
    authenticator.authenticate(credentials).map_err(Error::Storage)
}

/// How many calls of an authenticator are running in threads of their own.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// `None` if there are as many as there may be.
    fn begin(&self) -> Option<Call> {
        let more = |calls| (calls < AUTHENTICATOR_CALLS).then_some(calls + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Call(self.clone()))
    }
}

/// One of them. It ends when this is dropped.
struct Call(Calls);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everybody;

    impl Authenticator for Everybody {
        fn authenticate(&self, _: &Credentials) -> Result<Option<Identity>, AuthenticatorError> {
            Ok(Some(Identity::default()))
        }
    }

    fn login(calls: &Calls, began: Instant) -> Result<Option<Identity>, Error> {
        let user = UserName::parse("ana").unwrap();
        let credentials = Credentials { user, password: "secret".to_owned(), from: None };
        Authentication { authenticator: Arc::new(Everybody), calls: calls.clone(), credentials, began }.run().verdict
    }

    #[test]
    fn calls_that_hang_take_no_more_threads_than_allowed() {
        let calls = Calls::default();
        let mut hanging: Vec<Call> = (0..AUTHENTICATOR_CALLS).map(|_| calls.begin().unwrap()).collect();
        assert!(matches!(login(&calls, Instant::now()), Err(Error::Busy)));
        hanging.pop();
        for _ in 0..3 {
            assert!(matches!(login(&calls, Instant::now()), Ok(Some(_))));
        }
    }

    /// The last of a queue of logins would be answered long after its peer had gone, one patience after another.
    #[test]
    fn waiting_for_a_thread_counts() {
        let long_ago = Instant::now().checked_sub(AUTHENTICATOR_PATIENCE).unwrap();
        assert!(matches!(login(&Calls::default(), long_ago), Err(Error::Busy)));
    }

    #[test]
    fn a_password_is_not_shown() {
        let user = UserName::parse("ana").unwrap();
        let credentials = Credentials { user, password: "secret".to_owned(), from: None };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
