//! The client: without I/O ([`Requester`]), and blocking ([`Client`]) on a [`Stream`], which may be encrypted.

mod address;
mod addresses;
mod events;
mod exchange;
mod failover;
mod line;
mod options;
mod requester;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex};

pub use self::address::ServerAddress;
pub use self::addresses::ServerAddresses;
pub(crate) use self::events::RemoteEvents;
pub use self::failover::Connector;
use self::line::{Line, lock};
pub use self::options::ClientOptions;
pub use self::requester::{Answer, Incoming, Requester};
use self::stream::Streams;
pub use self::stream::{Stream, dial};
use crate::error::Error;
use crate::model::SessionToken;
use crate::protocol::{Command, Reply, Request};
use crate::session::{Place, Remote, Session};

/// A connection to a server, seen from the other side. Clones and [`Session`]s are handles to the same connection, and
/// all of them can be used from many threads at once; the requests are made one at a time. The connection is closed when
/// the last handle is dropped.
///
/// Sessions are not bound to a connection: a token works on any, also after this one is gone.
///
/// ```no_run
/// use chat_lib::{Client, Error};
///
/// let client = Client::connect("127.0.0.1:8889")?;
/// let messi = client.login("messi", "surabaya")?;
/// messi.send("henderson", "Halo Henderson, apa kabar?")?;
/// for message in messi.inbox()?.iter() {
///     println!("{}: {}", message.from.full_name(), message.body());
/// }
/// messi.logout()?;
/// # Ok::<(), Error>(())
/// ```
///
/// # Several servers
///
/// A client that is given the addresses of [several servers](ServerAddresses) of a chat, `"one:8889,two:8889"`, connects to any of
/// them, and to another one when it loses its connection:
///
/// - The next call after that connects again, and the sessions go on. So do [`Events`](crate::Events), at once, without missing or
///   repeating a message.
/// - What only reads is asked again, and so is a message, since each is sent with a key: the caller's, or else a random one. Other
///   calls fail if it is not known whether they were done, as with one server.
/// - What is refused with [`Error::Busy`], as while another server takes over, is tried again with growing pauses.
///
/// All of that ends after the [patience](ClientOptions::patience) of the options, which is 15 s, with the last error. The calls of other
/// threads wait meanwhile.
///
/// # Errors
///
/// Every method of it and of its sessions can fail with what the server refuses, with [`Error::InvalidRequest`] for words
/// that would make another request of it (nothing was sent then), and with [`Error::Disconnected`], [`Error::TimedOut`],
/// [`Error::BadReply`], [`Error::Tls`] or [`Error::Io`] when the connection is of no more use: whether the request was done is then
/// unknown, and unless there are other servers, every later one fails with [`Error::Disconnected`]. What the server refuses is the error that the same call
/// gives on a [`Chat`](crate::Chat), or [`Error::Refused`] if this version does not know the server's code.
pub struct Client<S = Stream> {
    line: Arc<Mutex<Line<S>>>,
}

impl Client {
    /// Connects to a server, or to any of [several](ServerAddresses): `"localhost:8889"`, `"chats://chat.example.org"`,
    /// `"one:8889,two:8889"`, a [`SocketAddr`](std::net::SocketAddr). Waits 30 s at most for one server, or 15 s for all of several, and
    /// later for each piece of an answer.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`]; [`Error::Io`] if the address is none, or with the system's reason; [`Error::Tls`] if the address asks
    /// for an encrypted connection, and the server does not prove that it is the one that is meant. Of several servers, it is the
    /// error of the last one that was tried.
    pub fn connect<A>(addresses: A) -> Result<Self, Error>
    where
        A: TryInto<ServerAddresses>,
        Error: From<A::Error>,
    {
        Self::connect_with(addresses, &ClientOptions::new())
    }

    /// As [`connect`](Self::connect), with [options](ClientOptions).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with<A>(addresses: A, options: &ClientOptions) -> Result<Self, Error>
    where
        A: TryInto<ServerAddresses>,
        Error: From<A::Error>,
    {
        let mut line = Line::connect(addresses.try_into()?, options, Streams { options: options.clone() })?;
        line.hang_up = Stream::close;
        Ok(line.into())
    }
}

impl<S: Read + Write + Send + 'static> Client<S> {
    /// As [`connect_with`](Client::connect_with), for a program that makes the connections itself, now and whenever one was
    /// lost. The options are for the patience and for events.
    ///
    /// # Errors
    ///
    /// As [`connect`](Client::connect).
    pub fn connect_by<A>(
        addresses: A,
        options: &ClientOptions,
        connector: impl Connector<Stream = S> + 'static,
    ) -> Result<Self, Error>
    where
        A: TryInto<ServerAddresses>,
        Error: From<A::Error>,
    {
        Ok(Line::connect(addresses.try_into()?, options, connector)?.into())
    }

    /// A client that speaks over `stream`, which is connected already. Its sessions have no
    /// [events](Session::events), which need another connection; [`Events::connect`](crate::Events::connect) makes one.
    pub fn over(stream: S) -> Self {
        Line::new(stream).into()
    }

    /// Logs in, which opens a session.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::WrongPassword`], [`Error::TooManyAttempts`] or [`Error::Busy`]; or as the type
    /// says.
    pub fn login(&self, user: &str, password: &str) -> Result<Session, Error> {
        let command = Command::Auth { user: user.into(), password: password.into() };
        match self.line.execute(&Request::new(command))? {
            Reply::LoggedIn(login) => Ok(self.session_of(user, login.token)),
            _ => unreachable!("the reply to an auth command is a token"),
        }
    }

    /// Creates an account and opens its first session, if the server takes registrations.
    ///
    /// # Errors
    ///
    /// [`Error::RegistrationClosed`], [`Error::InvitationRequired`], [`Error::NoSuchInvitation`], [`Error::UserExists`],
    /// [`Error::InvalidUserName`], [`Error::InvalidPassword`],
    /// [`Error::InvalidFullName`], [`Error::TooManyAttempts`] or [`Error::Busy`]; or as the type says.
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
        match self.line.execute(&Request::new(command))? {
            Reply::Registered(login) => Ok(self.session_of(user, login.token)),
            _ => unreachable!("the reply to a register command is a token"),
        }
    }

    /// The session of `user` that a token opens, used over this connection. The server is not asked; if there is no such
    /// session, its methods fail with [`Error::NoSuchSession`].
    pub fn session_of(&self, user: &str, token: SessionToken) -> Session {
        Session::new(Place::Server(Arc::clone(&self.line) as Arc<dyn Remote>), user, token)
    }
}

/// For polling: between two requests, it is readable once the server has closed the connection, and may be when a session that was
/// used over it has ended, and at any time if it is encrypted. Waits for a request that is being made. The descriptor is valid as long as there is a handle to the connection; if there are several servers, each request can replace it.
impl<S: AsRawFd> AsRawFd for Client<S> {
    fn as_raw_fd(&self) -> RawFd {
        lock(&self.line).stream.as_raw_fd()
    }
}

impl<S> From<Line<S>> for Client<S> {
    fn from(line: Line<S>) -> Self {
        Self { line: Arc::new(Mutex::new(line)) }
    }
}

// Derived, it would ask that the stream can be cloned.
impl<S> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self { line: Arc::clone(&self.line) }
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Client");
        if let Ok(line) = self.line.try_lock() {
            shown.field("requester", &line.requester);
        }
        shown.finish_non_exhaustive()
    }
}
