//! The rules of the chat. [`Chat`] takes commands and gives values.

mod budget;
mod credentials;
mod delivery;
mod event;
mod exchange;
mod lines;
mod operator;
mod origin;
mod throttle;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use self::budget::{Budget, Share};
use self::credentials::Whose;
pub(crate) use self::credentials::{CheckedCredentials, Credentials};
pub(crate) use self::delivery::Delivery;
use self::event::Event;
pub use self::exchange::Restored;
pub(crate) use self::lines::Started;
pub use self::operator::NewUser;
pub(crate) use self::origin::Origin;
use self::throttle::{Attempt, Throttle};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::limits::Limits;
use crate::model::{Account, PasswordCost, Profile, SessionToken, UserName};
use crate::protocol::{Command, Reply};
use crate::settings::Settings;
use crate::store::{Appended, Group, Memory, NewMessage, Room, Store};

/// A chat: users, their sessions and their mailboxes. Clones are handles to the same chat, and all
/// of them can be used from many threads at once.
///
/// ```
/// use chat_lib::{Chat, NewUser};
///
/// let chat = Chat::memory();
/// chat.add_user(NewUser { name: "messi", password: "surabaya", full_name: "Lionel Messi", country: "Argentina" })?;
/// assert!(chat.answer(b"auth messi surabaya").starts_with(b"{\"status\": \"OK\", \"tokenid\": "));
/// assert_eq!(chat.answer(b"halo"), b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n");
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Clone)]
pub struct Chat {
    config: Arc<Config>,
    throttle: Arc<Throttle>,
    budget: Budget,
}

/// What a [`Chat`] stands on. The default keeps everything in memory.
pub struct Config {
    /// Where accounts, sessions and mailboxes are kept.
    pub store: Box<dyn Store>,
    /// What time it is; sessions expire by it.
    pub clock: Box<dyn Clock>,
    /// Where tokens and salts come from.
    pub entropy: Box<dyn Entropy>,
    /// The caps.
    pub limits: Limits,
    /// What it costs to hash a password. A user whose hash cost less gets a new one at their next login.
    pub password_cost: PasswordCost,
    /// Whether peers may make accounts for themselves, with `register`.
    pub registration: bool,
}

impl Config {
    /// A configuration with `settings`, on a store that was opened with their
    /// [`store_options`](Settings::store_options), and with the system's clock and randomness.
    pub fn new(store: Box<dyn Store>, settings: &Settings) -> Self {
        let Settings { limits, registration, password_cost, .. } = settings.clone();
        Self { store, limits, registration, password_cost, ..Self::default() }
    }
}

impl Chat {
    /// An empty chat that is kept in memory only.
    pub fn memory() -> Self {
        Self::new(Config::default())
    }

    #[cfg(feature = "sqlite")]
    /// The chat that is kept in a directory; if there is none, it is made. Every call that changes
    /// something returns when that is safe on the disk.
    ///
    /// ```
    /// use chat_lib::{Chat, NewUser};
    ///
    /// # let directory = std::env::temp_dir().join(format!("chat-doc-{}", std::process::id()));
    /// let chat = Chat::open(&directory)?;
    /// chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "Brasil" })?;
    /// drop(chat);
    ///
    /// let chat = Chat::open(&directory)?;
    /// assert_eq!(chat.users()?[0].full_name(), "Ana Lima");
    /// # std::fs::remove_dir_all(&directory).unwrap();
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Durable::open`](crate::store::Durable::open).
    pub fn open(directory: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        let store = crate::store::Durable::open(directory.as_ref(), crate::store::Options::default())?;
        Ok(Self::new(Config { store: Box::new(store), ..Config::default() }))
    }

    /// A chat that stands on `config`.
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config), throttle: Arc::default(), budget: Budget::default() }
    }

    /// Does what `command` says.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::WrongPassword`] and [`Error::TooManyAttempts`] for a login;
    /// [`Error::RegistrationClosed`], [`Error::UserExists`] and those that a field's rule has for a
    /// registration; [`Error::NoSuchRecipient`] and [`Error::MailboxFull`] for a message;
    /// [`Error::NoSuchSession`] for a token that opens none; [`Error::Storage`], [`Error::Entropy`] or
    /// [`Error::Hashing`] if the machine fails. Nothing was done then.
    pub fn execute(&self, command: &Command<'_>) -> Result<Reply, Error> {
        match self.durably(|| self.obey(command, &mut Origin::default()))? {
            Obeyed::Done(reply) => Ok(reply),
            Obeyed::Took(delivery) => Ok(Reply::Inbox(delivery.into_inbox())),
            Obeyed::Asks(credentials) => {
                // Not in a group: whoever commits would wait for it.
                let checked = credentials.check();
                self.durably(|| self.conclude(checked, None))
            }
        }
    }

    /// The caps that this chat works under.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Begins a group of answers; none may leave before it is [committed](Self::commit).
    pub(crate) fn begin(&self) -> Group<'_> {
        self.config.store.begin()
    }

    /// Ends a group of answers. An error undid all that they say, and takes the place of each.
    pub(crate) fn commit(&self, group: Group<'_>) -> Result<(), Error> {
        self.config.store.commit(group)
    }

    fn durably<T>(&self, steps: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let group = self.begin();
        let outcome = steps();
        self.commit(group)?;
        outcome
    }

    fn obey(&self, command: &Command<'_>, origin: &mut Origin) -> Result<Obeyed, Error> {
        let mut event = Event::of(command, origin.peer);
        let outcome = self.apply(command, origin, &mut event.user);
        match &outcome {
            Ok(Obeyed::Asks(_)) => {}
            Ok(Obeyed::Done(reply)) => event.log(Ok(reply)),
            Ok(Obeyed::Took(delivery)) => event.log_inbox(delivery.inbox().len()),
            Err(error) => event.log(Err(error)),
        }
        outcome
    }

    /// `user` is set as soon as it is known whose command it is, refused or not.
    fn apply(
        &self,
        command: &Command<'_>,
        origin: &mut Origin,
        user: &mut Option<Arc<Profile>>,
    ) -> Result<Obeyed, Error> {
        let store = &self.config.store;
        let now = self.config.clock.now();
        let expires = now.after(self.limits().session_idle);
        let peer = origin.peer;
        let mut session = |token: &SessionToken| {
            let from = store.use_session(&origin.session(token), now, expires)?.ok_or(Error::NoSuchSession)?;
            Ok::<_, Error>(Arc::clone(user.insert(from)))
        };
        Ok(Obeyed::Done(match command {
            Command::Auth { user: name, password } => {
                let whose = store.account(name)?.map_or(Whose::Nobody, Whose::Account);
                if let Whose::Account(account) = &whose {
                    *user = Some(Arc::clone(&account.profile));
                }
                self.admit(&whose, peer)?;
                return Ok(Obeyed::Asks(self.credentials(whose, password)));
            }
            Command::Register { user: name, password, full_name } => {
                if !self.config.registration {
                    return Err(Error::RegistrationClosed);
                }
                let whose = Whose::Newcomer(Arc::new(Profile::new(UserName::parse(name)?, full_name, "")?));
                self.admit(&whose, peer)?;
                if store.account(name)?.is_some() {
                    return Err(Error::UserExists);
                }
                return Ok(Obeyed::Asks(self.credentials(whose, password)));
            }
            Command::Send { token, to, text } => {
                let Limits { mailbox_messages: messages, mailbox_bytes: bytes, .. } = *self.limits();
                let message = NewMessage { to, from: &session(token)?, text, time: now };
                match store.append(message, Room { messages, bytes })? {
                    Appended::Done => Reply::Sent,
                    Appended::NoSuchUser => return Err(Error::NoSuchRecipient),
                    Appended::Full => return Err(Error::MailboxFull),
                }
            }
            Command::Inbox { token } => {
                let user = session(token)?;
                return self.take_inbox(user).map(Obeyed::Took);
            }
            Command::ActiveUser { token } => {
                session(token)?;
                Reply::ActiveUsers(store.active_users(now)?)
            }
            Command::Logout { token } => {
                *user = Some(store.close_session(&origin.session(token), now)?.ok_or(Error::NoSuchSession)?);
                Reply::LoggedOut
            }
        }))
    }

    /// Does what a command with credentials asks for.
    fn conclude(&self, checked: CheckedCredentials, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        let (user, command) = match &checked.whose {
            Whose::Account(account) => (Some(Arc::clone(&account.profile)), Some("auth")),
            Whose::Newcomer(profile) => (Some(Arc::clone(profile)), Some("register")),
            Whose::Nobody => (None, Some("auth")),
        };
        let outcome = self.judge(checked, peer);
        let user = user.filter(|_| command == Some("auth") || outcome.is_ok());
        Event { peer, user, command, to: None }.log(outcome.as_ref());
        outcome
    }

    fn judge(&self, checked: CheckedCredentials, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        let CheckedCredentials { whose, verdict } = checked;
        // Others may have failed while this one was being checked.
        self.admit(&whose, peer)?;
        let failed = matches!(verdict, Err(Error::WrongPassword | Error::NoSuchUser));
        if failed || verdict.is_ok() && matches!(whose, Whose::Newcomer(_)) {
            self.throttle.failed(&attempt(&whose, peer), self.config.clock.now());
        }
        let hash = verdict?;
        match whose {
            Whose::Nobody => Err(Error::NoSuchUser),
            Whose::Newcomer(profile) => {
                // First what can fail: a refusal must not leave an account behind.
                let token = SessionToken::random(&*self.config.entropy)?;
                let account = Account { profile: Arc::clone(&profile), password: hash };
                if !self.config.store.add_account(account)? {
                    return Err(Error::UserExists);
                }
                self.record_session(token, &profile)?;
                // It is a login, too: nobody can lock the user out from here.
                self.throttle.succeeded(profile.user(), &Attempt::new(None, peer));
                Ok(Reply::Registered(token))
            }
            Whose::Account(account) => {
                // The password may have been changed meanwhile.
                let now = self.config.store.account(account.profile.user().as_str())?.ok_or(Error::NoSuchUser)?;
                if now.password != account.password {
                    return Err(Error::Busy);
                }
                if hash.is_some() {
                    // Who changes the account at the same moment wins; the next login hashes again.
                    let account = Account { password: hash.clone(), ..(*now).clone() };
                    self.config.store.replace_account(&now, account)?;
                }
                let token = SessionToken::random(&*self.config.entropy)?;
                self.record_session(token, &account.profile)?;
                // Changing a password ends the sessions that there are then; this one may be newer.
                let store = &self.config.store;
                let now = store.account(account.profile.user().as_str())?;
                if now.is_none_or(|now| now.password != account.password && now.password != hash) {
                    store.close_session(&token.id(), self.config.clock.now())?;
                    return Err(Error::Busy);
                }
                self.throttle.succeeded(account.profile.user(), &Attempt::new(None, peer));
                Ok(Reply::LoggedIn(token))
            }
        }
    }

    fn record_session(&self, token: SessionToken, user: &Profile) -> Result<(), Error> {
        let now = self.config.clock.now();
        let name = user.user().as_str();
        match self.config.store.open_session(token.id(), name, now, now.after(self.limits().session_idle))? {
            true => Ok(()),
            false => Err(Error::Entropy("the same token came twice".to_owned())),
        }
    }

    fn admit(&self, whose: &Whose, peer: Option<SocketAddr>) -> Result<(), Error> {
        self.throttle.admit(&attempt(whose, peer), self.limits().failed_logins, self.config.clock.now())
    }
}

fn attempt(whose: &Whose, peer: Option<SocketAddr>) -> Attempt {
    let user = if let Whose::Account(account) = whose { Some(account.profile.user().clone()) } else { None };
    Attempt::new(user, peer)
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("limits", self.limits()).finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: Box::new(Memory::new()),
            clock: Box::new(SystemClock),
            entropy: Box::new(OsEntropy),
            limits: Limits::default(),
            password_cost: PasswordCost::default(),
            registration: false,
        }
    }
}

/// How far a command has come.
enum Obeyed {
    Done(Reply),
    /// An inbox was taken, and is to be answered.
    Took(Delivery),
    /// A password has to be checked first.
    Asks(Credentials),
}
