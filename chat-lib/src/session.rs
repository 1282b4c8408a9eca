//! What a user can do, the same on a chat in the process ([`Chat`]) and on a connection to a server
//! (`Client`): both execute a [`Command`] and give a [`Reply`], and a [`Session`] is written on that.

use std::fmt;
use std::sync::Arc;

use crate::engine::Chat;
use crate::error::Error;
use crate::model::{Inbox, SessionToken, UserName};
use crate::protocol::{Command, Reply};

/// A session: one user's access to a chat, in the process or on a server.
///
/// It comes from [`Chat::login`], [`Chat::register`], [`Chat::open_session`] or [`Chat::session`], or from the methods of
/// the same names on a [`Client`](crate::client::Client). Clones are handles to the same session, and all of them can be
/// used from many threads at once. Dropping a session does not log it out: its [`token`](Self::token) opens it again.
///
/// ```
/// use chat_lib::Chat;
///
/// let chat = Chat::memory();
/// chat.add_demo_users()?;
/// let messi = chat.login("messi", "surabaya")?;
/// messi.send("messi", "a note to myself")?;
/// assert_eq!(messi.inbox()?.iter().next().unwrap().body(), "a note to myself");
/// messi.logout()?;
/// assert_eq!(messi.inbox().unwrap_err().code(), "no_such_session");
/// # Ok::<(), chat_lib::Error>(())
/// ```
///
/// # Errors
///
/// Every method that returns a `Result` fails with [`Error::NoSuchSession`] once the session has ended. In the process, it
/// fails with [`Error::Storage`] if the machine does; over a connection, with whatever the server refuses (the error is the
/// one that the same call gives in the process), and as [`Client`](crate::client::Client) says.
#[derive(Clone)]
pub struct Session {
    place: Place,
    token: SessionToken,
    user: Arc<str>,
}

/// Where the session's commands are executed.
#[derive(Clone)]
pub(crate) enum Place {
    Chat(Chat),
    #[cfg(feature = "client")]
    Server(Arc<dyn Remote>),
}

/// A connection to a server, of whatever stream.
#[cfg(feature = "client")]
pub(crate) trait Remote: Send + Sync {
    fn execute(&self, command: &Command<'_>) -> Result<Reply, Error>;
}

impl Session {
    pub(crate) fn new(place: Place, user: &str, token: SessionToken) -> Self {
        Self { place, token, user: user.into() }
    }

    /// The name of the user whose session it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The token that opens this session, which is a secret: anyone who has it can act as the user.
    pub fn token(&self) -> SessionToken {
        self.token
    }

    /// Sends a message. Once this returns `Ok`, the message is kept. The recipient's
    /// [`body`](crate::model::Message::body) is `text` as it is; it may be empty, and may contain LF. Over a connection
    /// it cannot contain CRLF, which would end the request.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRecipient`]; [`Error::MailboxFull`]; [`Error::LineTooLong`] if `text` is longer than a request line
    /// may be; [`Error::InvalidRequest`] for a CRLF over a connection; or as for every method.
    pub fn send(&self, to: &str, text: &str) -> Result<(), Error> {
        let text = match &self.place {
            Place::Chat(chat) => {
                let limit = chat.limits().line_bytes;
                if text.len() > limit {
                    return Err(Error::LineTooLong { limit });
                }
                format!(" {text}\r\n")
            }
            #[cfg(feature = "client")]
            Place::Server(_) => format!(" {text}"),
        };
        self.execute(&Command::Send { token: self.token, to, text: &text }).map(drop)
    }

    /// Takes all unread messages out of the user's inbox: no later call returns them again. In the process they come in
    /// order of arrival; over a connection by sender, senders in order of their first message.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if a server holds too many answers that were not read; or as for every method.
    pub fn inbox(&self) -> Result<Inbox, Error> {
        match self.execute(&Command::Inbox { token: self.token })? {
            Reply::Inbox(inbox) => Ok(inbox),
            _ => unreachable!("the reply to an inbox command is an inbox"),
        }
    }

    /// Names each user with a live session once, in order of login.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn active_users(&self) -> Result<Vec<UserName>, Error> {
        match self.execute(&Command::ActiveUser { token: self.token })? {
            Reply::ActiveUsers(users) => Ok(users),
            _ => unreachable!("the reply to an activeuser command is a list of users"),
        }
    }

    /// Ends this session, and no other of the user's.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn logout(&self) -> Result<(), Error> {
        self.execute(&Command::Logout { token: self.token }).map(drop)
    }

    fn execute(&self, command: &Command<'_>) -> Result<Reply, Error> {
        match &self.place {
            Place::Chat(chat) => chat.execute(command),
            #[cfg(feature = "client")]
            Place::Server(server) => server.execute(command),
        }
    }
}

/// Shows whose session it is and where, but not its token.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Chat(_) => "in the process",
            #[cfg(feature = "client")]
            Place::Server(_) => "on a server",
        };
        write!(f, "Session({:?} {place})", self.user)
    }
}

/// How a user gets a session. What an operator can do is above.
impl Chat {
    /// Logs in, which opens a session. Takes tens of milliseconds, because the password is checked.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::WrongPassword`], [`Error::Banned`] or [`Error::TooManyAttempts`]; [`Error::Busy`] if
    /// the password was changed meanwhile; [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine fails.
    pub fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        match self.execute(&Command::Auth { user, password })? {
            Reply::LoggedIn(token) => Ok(self.session_of(user, token)),
            _ => unreachable!("the reply to an auth command is a token"),
        }
    }

    /// Creates an account and opens its first session, if the chat takes registrations
    /// ([`Config::registration`](crate::Config::registration)). Takes tens of milliseconds, because the password is
    /// hashed.
    ///
    /// # Errors
    ///
    /// [`Error::RegistrationClosed`], [`Error::UserExists`], [`Error::InvalidUserName`], [`Error::InvalidPassword`],
    /// [`Error::InvalidFullName`] or [`Error::TooManyAttempts`]; [`Error::Storage`], [`Error::Entropy`] or
    /// [`Error::Hashing`] if the machine fails.
    pub fn register(&self, user: &str, password: &str, full_name: &str) -> Result<Session, Error> {
        match self.execute(&Command::Register { user, password, full_name })? {
            Reply::Registered(token) => Ok(self.session_of(user, token)),
            _ => unreachable!("the reply to a register command is a token"),
        }
    }

    /// The live session that a token opens. Looking it up does not count as using it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`]; [`Error::Storage`] if the machine fails.
    pub fn session(&self, token: SessionToken) -> Result<Session, Error> {
        let owner = self.session_owner(&token)?.ok_or(Error::NoSuchSession)?;
        Ok(self.session_of(owner.user().as_str(), token))
    }

    /// The session of `user` that a token opens, without looking it up. If the session does not exist, its methods fail with
    /// [`Error::NoSuchSession`].
    pub fn session_of(&self, user: &str, token: SessionToken) -> Session {
        Session::new(Place::Chat(self.clone()), user, token)
    }
}
