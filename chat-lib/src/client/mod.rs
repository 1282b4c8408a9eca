//! The client: without I/O ([`Requester`]), and blocking ([`Client`]).

mod events;
mod requester;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, process};

pub(crate) use self::events::RemoteEvents;
pub use self::requester::{Answer, Incoming, Requester};
use crate::error::Error;
use crate::events::Events;
use crate::limits::CLIENT_PATIENCE;
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
/// [`Error::BadReply`] or [`Error::Io`] when the connection is of no more use: whether the request was done is then
/// unknown, and every later one fails with [`Error::Disconnected`]. What the server refuses is the error that the same call
/// gives on a [`Chat`](crate::Chat), or [`Error::Refused`] if this version does not know the server's code.
pub struct Client<S = TcpStream> {
    line: Arc<Mutex<Line<S>>>,
}

/// The connection and the state of its requests.
struct Line<S> {
    stream: S,
    requester: Requester,
    /// Where it was connected to here, so that events can be heard from there.
    addresses: Vec<SocketAddr>,
    /// How long to go on with a read or write that signals interrupt, and that begins its time anew.
    patience: Option<Duration>,
    /// Ends a connection that was made here.
    hang_up: fn(&S),
    /// The process that it belongs to, and not to a fork of it.
    process: u32,
}

impl Client {
    /// Connects, and waits 30 s at most for that, and later for each piece of an answer.
    ///
    /// # Errors
    ///
    /// As [`dial`].
    pub fn connect(address: impl ToSocketAddrs) -> Result<Self, Error> {
        Self::connect_timeout(address, CLIENT_PATIENCE)
    }

    /// As [`connect`](Self::connect), waiting `patience` at most.
    ///
    /// # Errors
    ///
    /// As [`dial`].
    pub fn connect_timeout(address: impl ToSocketAddrs, patience: Duration) -> Result<Self, Error> {
        let addresses = resolve(address)?;
        let mut line = Line::new(dial(&*addresses, patience)?);
        (line.addresses, line.patience) = (addresses, Some(patience));
        // Closing would not do: a fork may hold a copy of the descriptor, and the connection with it.
        line.hang_up = |stream| drop(stream.shutdown(Shutdown::Both));
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
    /// [`Error::RegistrationClosed`], [`Error::UserExists`], [`Error::InvalidUserName`], [`Error::InvalidPassword`],
    /// [`Error::InvalidFullName`], [`Error::TooManyAttempts`] or [`Error::Busy`]; or as the type says.
    pub fn register(&self, user: &str, password: &str, full_name: &str) -> Result<Session, Error> {
        let command = Command::Register { user: user.into(), password: password.into(), full_name: full_name.into() };
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
        let (addresses, patience) = {
            let line = lock(self);
            (line.addresses.clone(), line.patience.unwrap_or(CLIENT_PATIENCE))
        };
        if addresses.is_empty() {
            let reason = "events need a connection of their own, and this client was given its stream";
            return Err(Error::Io(io::Error::new(io::ErrorKind::Unsupported, reason)));
        }
        Events::connect(&*addresses, patience, token, after)
    }
}

impl<S> Line<S> {
    fn new(stream: S) -> Self {
        let (requester, addresses, process) = (Requester::new(), Vec::new(), process::id());
        Self { stream, requester, addresses, patience: None, hang_up: |_| (), process }
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
            (self.hang_up)(&self.stream);
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
/// used over it has ended. Waits for a request that is being made. The descriptor is valid as long as there is a handle to the connection.
impl<S: AsRawFd> AsRawFd for Client<S> {
    fn as_raw_fd(&self) -> RawFd {
        lock(&self.line).stream.as_raw_fd()
    }
}

/// Opens a connection for a [`Client`], for a caller that wraps it before handing it to
/// [`Client::over`]. Connecting to an address, and each later read and write, waits `patience` at most, and
/// a millisecond at least.
///
/// # Errors
///
/// [`Error::TimedOut`], or [`Error::Io`] with the system's reason: that of the last address, if
/// `address` names several.
pub fn dial(address: impl ToSocketAddrs, patience: Duration) -> Result<TcpStream, Error> {
    let patience = patience.max(Duration::from_millis(1));
    let mut outcome = Err(io::Error::other("the name has no address"));
    for address in resolve(address)? {
        outcome = TcpStream::connect_timeout(&address, patience);
        if outcome.is_ok() {
            break;
        }
    }
    let stream = outcome.map_err(|problem| match problem.kind() {
        io::ErrorKind::TimedOut => Error::TimedOut,
        _ => Error::Io(problem),
    })?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// The addresses that a name has.
fn resolve(address: impl ToSocketAddrs) -> Result<Vec<SocketAddr>, Error> {
    Ok(address.to_socket_addrs().map_err(form)?.collect())
}

/// What is wrong with an address that cannot be looked up.
fn form(problem: io::Error) -> Error {
    Error::Io(match problem.kind() {
        io::ErrorKind::InvalidInput => {
            io::Error::new(problem.kind(), "an address is HOST:PORT, such as localhost:8889")
        }
        _ => problem,
    })
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
