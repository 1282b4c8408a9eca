//! The client: without I/O ([`Requester`]), and blocking ([`Client`]) on a [`Stream`], which may be encrypted.

mod address;
mod events;
mod options;
mod requester;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, process};

pub use self::address::ServerAddress;
pub(crate) use self::events::RemoteEvents;
pub use self::options::ClientOptions;
pub use self::requester::{Answer, Incoming, Requester};
pub use self::stream::{Stream, dial};
use crate::error::Error;
use crate::events::Events;
use crate::model::{MessageId, SessionToken};
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
/// # Errors
///
/// Every method of it and of its sessions can fail with what the server refuses, with [`Error::InvalidRequest`] for words
/// that would make another request of it (nothing was sent then), and with [`Error::Disconnected`], [`Error::TimedOut`],
/// [`Error::BadReply`], [`Error::Tls`] or [`Error::Io`] when the connection is of no more use: whether the request was done is then
/// unknown, and every later one fails with [`Error::Disconnected`]. What the server refuses is the error that the same call
/// gives on a [`Chat`](crate::Chat), or [`Error::Refused`] if this version does not know the server's code.
pub struct Client<S = Stream> {
    line: Arc<Mutex<Line<S>>>,
}

/// The connection and the state of its requests.
struct Line<S> {
    stream: S,
    requester: Requester,
    /// Where and how it was connected here, so that events can be heard from there.
    target: Option<(ServerAddress, ClientOptions)>,
    /// How long to go on with a read or write that signals interrupt, and that begins its time anew.
    patience: Option<Duration>,
    /// Ends a connection that was made here.
    hang_up: fn(&mut S),
    /// The process that it belongs to, and not to a fork of it.
    process: u32,
}

impl Client {
    /// Connects to a [`ServerAddress`], or to what can become one: `"localhost:8889"`, `"chats://chat.example.org"`, a
    /// [`SocketAddr`](std::net::SocketAddr). Waits 30 s at most for that, and later for each piece of an answer.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`]; [`Error::Io`] if the address is none, or with the system's reason; [`Error::Tls`] if the address asks
    /// for an encrypted connection, and the server does not prove that it is the one that is meant.
    pub fn connect<A>(address: A) -> Result<Self, Error>
    where
        A: TryInto<ServerAddress>,
        Error: From<A::Error>,
    {
        Self::connect_with(address, &ClientOptions::new())
    }

    /// As [`connect`](Self::connect), with [options](ClientOptions).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with<A>(address: A, options: &ClientOptions) -> Result<Self, Error>
    where
        A: TryInto<ServerAddress>,
        Error: From<A::Error>,
    {
        let address = address.try_into()?;
        let mut line = Line::new(Stream::connect(&address, options)?);
        (line.target, line.patience) = (Some((address, options.clone())), Some(options.patience));
        line.hang_up = Stream::close;
        Ok(line.into())
    }
}

impl<S: Read + Write + Send + 'static> Client<S> {
    /// A client that speaks over `stream`, which is connected already. Its sessions have no
    /// [events](Session::events), which need another connection; [`Events::connect`] makes one.
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

impl<S: Read + Write + Send> Remote for Mutex<Line<S>> {
    fn execute(&self, request: &Request<'_>) -> Result<Reply, Error> {
        lock(self).execute(request)
    }

    fn subscribe(&self, token: SessionToken, after: Option<MessageId>) -> Result<Events, Error> {
        let Some((address, options)) = lock(self).target.clone() else {
            let reason = "events need a connection of their own, and this client was given its stream";
            return Err(Error::Io(io::Error::new(io::ErrorKind::Unsupported, reason)));
        };
        Events::connect(address, &options, token, after)
    }
}

impl<S> Line<S> {
    fn new(stream: S) -> Self {
        let (requester, process) = (Requester::new(), process::id());
        Self { stream, requester, target: None, patience: None, hang_up: |_| (), process }
    }
}

impl<S: Read + Write> Line<S> {
    fn execute(&mut self, request: &Request<'_>) -> Result<Reply, Error> {
        if let Some(resume) = self.requester.resume_first(request) {
            self.exchange(&resume)?;
        }
        self.exchange(request)
    }

    fn exchange(&mut self, request: &Request<'_>) -> Result<Reply, Error> {
        let mut line = Vec::new();
        self.requester.request(request, &mut line)?;
        self.send_all(&line)?;
        let mut chunk = [0; 16 * 1024];
        let mut received = self.requester.receive(&[])?;
        loop {
            match received {
                Some(Incoming::Answer(answer)) => {
                    return answer.read(&request.command).inspect_err(|error| {
                        if matches!(error, Error::BadReply(_)) {
                            self.requester.give_up();
                        }
                    });
                }
                // A session that was used here has ended, which its next request will tell.
                Some(Incoming::Event(_)) => received = self.requester.receive(&[])?,
                None => {
                    let count = match patiently(self.patience, || self.stream.read(&mut chunk))? {
                        0 => return Err(Error::Disconnected),
                        count => count,
                    };
                    received = self.requester.receive(chunk.get(..count).unwrap_or_default())?;
                }
            }
        }
    }

    fn send_all(&mut self, mut unsent: &[u8]) -> Result<(), Error> {
        while !unsent.is_empty() {
            match patiently(self.patience, || self.stream.write(unsent))? {
                0 => return Err(Error::Disconnected),
                count => unsent = unsent.get(count..).unwrap_or_default(),
            }
        }
        Ok(self.stream.flush()?)
    }
}

impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        if self.process == process::id() {
            (self.hang_up)(&mut self.stream);
        }
    }
}

/// Does again what a signal has interrupted, until it has taken as long as it may.
fn patiently<T>(patience: Option<Duration>, mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let began = Instant::now();
    loop {
        match step() {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {
                if patience.is_some_and(|patience| began.elapsed() >= patience) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            outcome => return outcome,
        }
    }
}

/// For polling: between two requests, it is readable once the server has closed the connection, and may be when a session that was
/// used over it has ended, and at any time if it is encrypted. Waits for a request that is being made. The descriptor is valid as long as there is a handle to the connection.
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

/// A panic while it was locked was one of the stream's; the requester then knows of a request without an answer, and makes
/// no more.
fn lock<S>(line: &Mutex<Line<S>>) -> MutexGuard<'_, Line<S>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
