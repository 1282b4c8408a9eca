//! The rules of the chat. [`Chat`] takes commands and gives values.

mod demo;
mod event;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use self::event::Event;
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
        self.answer_to(line, None, &mut out);
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
        self.execute_for(command, None)
    }

    /// The caps that this chat works under.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// As [`answer`](Self::answer), for the log with the address of who asked.
    pub(crate) fn answer_to(&self, line: &[u8], peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        let limit = self.limits().line_bytes;
        let outcome = match line.len() > limit {
            true => self.refuse(Error::LineTooLong { limit }, peer),
            false => match Command::parse(line) {
                Ok(command) => self.execute_for(&command, peer),
                Err(error) => self.refuse(error, peer),
            },
        };
        reply::write(&outcome, out);
    }

    /// Answers a line that is too long to be looked at.
    pub(crate) fn answer_too_long(&self, peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        reply::write(&self.refuse(Error::LineTooLong { limit: self.limits().line_bytes }, peer), out);
    }

    fn refuse(&self, error: Error, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        Event { peer, user: None, command: None }.log(Err(&error));
        Err(error)
    }

    fn execute_for(&self, command: &Command<'_>, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        let mut event = Event { peer, user: None, command: Some(command) };
        let outcome = self.apply(command, &mut event.user);
        event.log(outcome.as_ref());
        outcome
    }

    /// `user` is set as soon as it is known whose command it is, refused or not.
    fn apply(&self, command: &Command<'_>, user: &mut Option<Arc<Profile>>) -> Result<Reply, Error> {
        let store = &self.config.store;
        let now = self.config.clock.now();
        let expires = now.after(self.limits().session_idle);
        let mut session = |token: &SessionToken| {
            let from = store.use_session(token, now, expires)?.ok_or(Error::NoSuchSession)?;
            Ok::<_, Error>(Arc::clone(user.insert(from)))
        };
        Ok(match command {
            Command::Auth { user: name, password } => {
                let account = store.account(name)?.ok_or(Error::NoSuchUser)?;
                *user = Some(Arc::clone(&account.profile));
                if !account.password.matches(password)? {
                    return Err(Error::WrongPassword);
                }
                let token = SessionToken::random(&*self.config.entropy)?;
                match store.open_session(token, name, now, expires)? {
                    true => Reply::LoggedIn(token),
                    false => return Err(Error::Entropy("the same token came twice".to_owned())),
                }
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
        })
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
