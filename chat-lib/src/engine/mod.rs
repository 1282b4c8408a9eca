//! The rules of the chat. [`Chat`] takes commands and gives values.

mod demo;
mod event;
mod login;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use self::event::Event;
pub(crate) use self::login::{CheckedLogin, Login};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::limits::Limits;
use crate::model::{Account, PasswordHash, Profile, SessionToken, UserName};
use crate::protocol::{Command, Reply, reply};
use crate::store::{Memory, Store};

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
}

/// A user to be added. The rules for each field are in `docs/protocol.md`, "Names".
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// The name to log in with.
    pub name: &'a str,
    /// The password; only a hash of it is kept.
    pub password: &'a str,
    /// The name that others are shown.
    pub full_name: &'a str,
    /// Where the user is from; may be empty.
    pub country: &'a str,
}

impl Chat {
    /// An empty chat that is kept in memory only.
    pub fn memory() -> Self {
        Self::new(Config::default())
    }

    /// A chat that stands on `config`.
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config) }
    }

    /// Adds a user with an empty mailbox. Takes tens of milliseconds, for the password is hashed.
    ///
    /// # Errors
    ///
    /// [`Error::UserExists`] if the name is taken; [`Error::InvalidUserName`],
    /// [`Error::InvalidPassword`], [`Error::InvalidFullName`] or [`Error::InvalidCountry`] if a field
    /// breaks its rule; [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// fails.
    pub fn add_user(&self, user: NewUser<'_>) -> Result<(), Error> {
        self.add(user, PasswordHash::new)
    }

    /// Does what a request line says and gives the answer's bytes, whatever the line holds. The line
    /// may be without its end; what it may hold is `docs/protocol.md`.
    pub fn answer(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(login) = self.start(line, None, &mut out) {
            self.finish(login.check(), None, &mut out);
        }
        out
    }

    /// Does what `command` says.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`] and [`Error::WrongPassword`] for a login, [`Error::NoSuchRecipient`] for
    /// a message to nobody, [`Error::NoSuchSession`] for a token that opens none;
    /// [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine fails. Nothing was
    /// done then.
    pub fn execute(&self, command: &Command<'_>) -> Result<Reply, Error> {
        match self.begin(command, None)? {
            Begun::Done(reply) => Ok(reply),
            Begun::Login(login) => self.log_in(login.check(), None),
        }
    }

    /// The caps that this chat works under.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Appends the answer to a line, or gives a login that must be checked and [finished] before
    /// the peer's next line; one that is quick is checked here.
    ///
    /// [finished]: Self::finish
    pub(crate) fn start(&self, line: &[u8], peer: Option<SocketAddr>, out: &mut Vec<u8>) -> Option<Login> {
        if line.len() > self.limits().line_bytes {
            self.answer_too_long(peer, out);
            return None;
        }
        let outcome = match Command::parse(line) {
            Err(error) => self.refuse(error, peer),
            Ok(command) => match self.begin(&command, peer) {
                Err(error) => Err(error),
                Ok(Begun::Done(reply)) => Ok(reply),
                Ok(Begun::Login(login)) if login.is_quick() => self.log_in(login.check(), peer),
                Ok(Begun::Login(login)) => return Some(login),
            },
        };
        reply::write(&outcome, out);
        None
    }

    /// Appends the answer to a login.
    pub(crate) fn finish(&self, login: CheckedLogin, peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        reply::write(&self.log_in(login, peer), out);
    }

    /// Answers a line that is too long to be looked at.
    pub(crate) fn answer_too_long(&self, peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        reply::write(&self.refuse(Error::LineTooLong { limit: self.limits().line_bytes }, peer), out);
    }

    fn refuse(&self, error: Error, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        Event { peer, user: None, command: None, to: None }.log(Err(&error));
        Err(error)
    }

    fn begin(&self, command: &Command<'_>, peer: Option<SocketAddr>) -> Result<Begun, Error> {
        let mut event = Event::of(command, peer);
        let outcome = self.apply(command, &mut event.user);
        match &outcome {
            Ok(Begun::Login(_)) => {}
            Ok(Begun::Done(reply)) => event.log(Ok(reply)),
            Err(error) => event.log(Err(error)),
        }
        outcome
    }

    fn log_in(&self, login: CheckedLogin, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        let CheckedLogin { account, verdict } = login;
        let outcome = verdict.and_then(|()| self.open_session(&account.profile));
        Event { peer, user: Some(Arc::clone(&account.profile)), command: Some("auth"), to: None }.log(outcome.as_ref());
        outcome
    }

    fn open_session(&self, user: &Profile) -> Result<Reply, Error> {
        let now = self.config.clock.now();
        let token = SessionToken::random(&*self.config.entropy)?;
        let name = user.user().as_str();
        match self.config.store.open_session(token, name, now, now.after(self.limits().session_idle))? {
            true => Ok(Reply::LoggedIn(token)),
            false => Err(Error::Entropy("the same token came twice".to_owned())),
        }
    }

    /// `user` is set as soon as it is known whose command it is, refused or not.
    fn apply(&self, command: &Command<'_>, user: &mut Option<Arc<Profile>>) -> Result<Begun, Error> {
        let store = &self.config.store;
        let now = self.config.clock.now();
        let expires = now.after(self.limits().session_idle);
        let mut session = |token: &SessionToken| {
            let from = store.use_session(token, now, expires)?.ok_or(Error::NoSuchSession)?;
            Ok::<_, Error>(Arc::clone(user.insert(from)))
        };
        Ok(Begun::Done(match command {
            Command::Auth { user, password } => {
                let account = store.account(user)?.ok_or(Error::NoSuchUser)?;
                return Ok(Begun::Login(Login::new(account, password)));
            }
            Command::Send { token, to, text } => match store.append(to, &session(token)?, text)? {
                true => Reply::Sent,
                false => return Err(Error::NoSuchRecipient),
            },
            Command::Inbox { token } => Reply::Inbox(store.take_unread(session(token)?.user().as_str())?),
            Command::ActiveUser { token } => {
                session(token)?;
                Reply::ActiveUsers(store.active_users(now)?)
            }
            Command::Logout { token } => {
                *user = Some(store.close_session(token, now)?.ok_or(Error::NoSuchSession)?);
                Reply::LoggedOut
            }
        }))
    }

    fn add(&self, user: NewUser<'_>, hash: fn(&str, &dyn Entropy) -> Result<PasswordHash, Error>) -> Result<(), Error> {
        let profile = Profile::new(UserName::parse(user.name)?, user.full_name, user.country)?;
        let password = hash(user.password, &*self.config.entropy)?;
        match self.config.store.add_account(Account { profile: Arc::new(profile), password })? {
            true => Ok(()),
            false => Err(Error::UserExists),
        }
    }
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
        }
    }
}

/// Shows everything but the password.
impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, full_name, country, password: _ } = self;
        write!(f, "NewUser {{ name: {name:?}, full_name: {full_name:?}, country: {country:?}, .. }}")
    }
}

/// How far a command has come.
enum Begun {
    Done(Reply),
    /// All but the check of the password and the opening of the session.
    Login(Login),
}
