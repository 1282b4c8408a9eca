//! What a user can do, the same on a chat in the process ([`Chat`]) and on a connection to a server
//! (`Client`): both execute a [`Command`] and give a [`Reply`], and a [`Session`] is written on that. Its methods are in a file
//! for each subject.

mod messages;
mod people;
mod reading;
mod rooms;

use std::fmt;
use std::sync::Arc;

pub use self::messages::Sent;
pub use self::rooms::RoomUpdate;
use crate::engine::Chat;
use crate::error::Error;
use crate::events::Events;
use crate::model::{MessageId, SessionToken};
use crate::protocol::{Command, Reply, Request};

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
    fn execute(&self, request: &Request<'_>) -> Result<Reply, Error>;

    /// Subscribes over a connection of its own.
    fn subscribe(&self, token: SessionToken, after: Option<MessageId>) -> Result<Events, Error>;
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

    /// What happens from now on: messages of all of the user's conversations, also those that the user sends, and whatever else an
    /// [`Event`](crate::protocol::Event) can be.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::protocol::Event;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (messi, henderson) = (chat.login("messi", "surabaya")?, chat.login("henderson", "surabaya")?);
    /// let events = messi.events()?;
    /// henderson.send("messi", "halo")?;
    /// messi.send("henderson", "bye")?;
    /// for event in events {
    ///     if let Event::Message(message) = event? {
    ///         println!("{}: {}", message.from.full_name(), message.text);
    ///         if message.text == "bye" {
    ///             break;
    ///         }
    ///     }
    /// }
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] on a [`Client`](crate::client::Client) that was made [over](crate::client::Client::over) a stream, because a
    /// connection of their own is needed; or as for every method, and as [`Client::connect`](crate::Client::connect).
    pub fn events(&self) -> Result<Events, Error> {
        self.subscribe(None)
    }

    /// As [`events`](Self::events), with all messages after `after` first: a program that remembers the id of the last message that
    /// it has seen misses none, and sees none twice.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn events_after(&self, after: MessageId) -> Result<Events, Error> {
        self.subscribe(Some(after))
    }

    fn subscribe(&self, after: Option<MessageId>) -> Result<Events, Error> {
        match &self.place {
            Place::Chat(chat) => Events::of_chat(chat, &self.token, after),
            #[cfg(feature = "client")]
            Place::Server(server) => server.subscribe(self.token, after),
        }
    }

    /// As [`execute`](Self::execute), for a command that gives nothing.
    fn perform(&self, command: Command<'_>) -> Result<(), Error> {
        self.execute(command).map(drop)
    }

    fn execute(&self, command: Command<'_>) -> Result<Reply, Error> {
        let request = Request::with_token(self.token, command);
        match &self.place {
            Place::Chat(chat) => chat.execute(&request),
            #[cfg(feature = "client")]
            Place::Server(server) => server.execute(&request),
        }
    }
}

/// A command has one kind of reply.
fn unexpected() -> ! {
    unreachable!("the reply is another command's")
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
        let command = Command::Auth { user: user.into(), password: password.into() };
        match self.execute(&Request::new(command))? {
            Reply::LoggedIn(login) => Ok(self.session_of(user, login.token)),
            _ => unexpected(),
        }
    }

    /// Creates an account and opens its first session, if the chat takes registrations
    /// ([`Config::registration`](crate::Config::registration)). Takes tens of milliseconds, because the password is
    /// hashed.
    ///
    /// # Errors
    ///
    /// [`Error::RegistrationClosed`], [`Error::InvitationRequired`], [`Error::NoSuchInvitation`], [`Error::UserExists`],
    /// [`Error::InvalidUserName`], [`Error::InvalidPassword`],
    /// [`Error::InvalidFullName`] or [`Error::TooManyAttempts`]; [`Error::Storage`], [`Error::Entropy`] or
    /// [`Error::Hashing`] if the machine fails.
    pub fn register(
        &self,
        user: &str,
        password: &str,
        full_name: &str,
        invitation: Option<&str>,
    ) -> Result<Session, Error> {
        let (user_name, password, full_name) = (user.into(), password.into(), full_name.into());
        let invitation = invitation.map(Into::into);
        let command = Command::Register { user: user_name, password, full_name, invitation };
        match self.execute(&Request::new(command))? {
            Reply::Registered(login) => Ok(self.session_of(user, login.token)),
            _ => unexpected(),
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
