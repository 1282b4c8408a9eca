//! The client: without I/O ([`Requester`]), and blocking ([`Client`]).

mod requester;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};
use std::{fmt, io, process};

pub use self::requester::Requester;
use crate::error::Error;
use crate::limits::CLIENT_PATIENCE;
use crate::model::{Inbox, SessionToken, UserName};
use crate::protocol::Command;
use crate::protocol::reply;

/// A connection to a server, seen from the other side. One request at a time.
///
/// Sessions are not bound to it: a token works on any connection, also after this one is gone.
///
/// ```no_run
/// use chat_lib::{Client, Error};
///
/// let mut client = Client::connect("127.0.0.1:8889")?;
/// let messi = client.login("messi", "surabaya")?;
/// client.send(&messi, "henderson", "Halo Henderson, apa kabar?")?;
/// for message in client.inbox(&messi)?.iter() {
///     println!("{}: {}", message.from.full_name(), message.body());
/// }
/// client.logout(&messi)?;
/// # Ok::<(), Error>(())
/// ```
///
/// Every method but [`connect`](Client::connect) can fail with what the server refuses, with
/// [`Error::InvalidRequest`] for words that would make another request of it (nothing was sent
/// then), and with [`Error::Disconnected`], [`Error::TimedOut`], [`Error::BadReply`] or [`Error::Io`]
/// when the connection is of no more use: whether the request was done is then unknown, and every
/// later one gives [`Error::Disconnected`].
pub struct Client<S = TcpStream> {
    stream: S,
    requester: Requester,
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
        let mut client = Self::over(dial(address, patience)?);
        client.patience = Some(patience);
        // Closing would not do: a fork may hold a copy of the descriptor, and the connection with it.
        client.hang_up = |stream| drop(stream.shutdown(Shutdown::Both));
        Ok(client)
    }
}

impl<S: Read + Write> Client<S> {
    /// A client that speaks over `stream`, which is connected already.
    pub fn over(stream: S) -> Self {
        Self { stream, requester: Requester::new(), patience: None, hang_up: |_| (), process: process::id() }
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::WrongPassword`], or as the type says.
    pub fn login(&mut self, user: &str, password: &str) -> Result<SessionToken, Error> {
        self.request(&Command::Auth { user, password }, reply::read_logged_in)
    }

    /// Makes an account and opens its first session, if the server takes registrations.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the code `registration_closed`, `user_exists` or that of a field's rule, or as the
    /// type says.
    pub fn register(&mut self, user: &str, password: &str, full_name: &str) -> Result<SessionToken, Error> {
        self.request(&Command::Register { user, password, full_name }, reply::read_registered)
    }

    /// Sends a message. When this returns `Ok`, the server has it. The recipient's client shows
    /// `text` as it is; it may be empty, and may hold LF but no CRLF, which would end the request.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`], [`Error::NoSuchRecipient`], or as the type says.
    pub fn send(&mut self, token: &SessionToken, to: &str, text: &str) -> Result<(), Error> {
        self.request(&Command::Send { token: *token, to, text: &format!(" {text}") }, reply::read_sent)
    }

    /// Takes all unread messages out: the server will not give them again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`], or as the type says.
    pub fn inbox(&mut self, token: &SessionToken) -> Result<Inbox, Error> {
        self.request(&Command::Inbox { token: *token }, reply::read_inbox)
    }

    /// Names each user with a live session once, in order of login.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`], or as the type says.
    pub fn active_users(&mut self, token: &SessionToken) -> Result<Vec<UserName>, Error> {
        self.request(&Command::ActiveUser { token: *token }, reply::read_active_users)
    }

    /// Ends the session.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`], or as the type says.
    pub fn logout(&mut self, token: &SessionToken) -> Result<(), Error> {
        self.request(&Command::Logout { token: *token }, reply::read_logged_out)
    }

    fn request<T>(&mut self, command: &Command<'_>, read: fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
        let mut request = Vec::new();
        self.requester.request(command, &mut request)?;
        self.send_all(&request)?;
        let mut chunk = [0; 16 * 1024];
        let answer = loop {
            let count = match patiently(self.patience, || self.stream.read(&mut chunk))? {
                0 => return Err(Error::Disconnected),
                count => count,
            };
            if let Some(answer) = self.requester.receive(chunk.get(..count).unwrap_or_default())? {
                break answer;
            }
        };
        read(&answer).inspect_err(|error| {
            if matches!(error, Error::BadReply(_)) {
                self.requester.give_up();
            }
        })
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

impl<S> Drop for Client<S> {
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

/// For polling: between two requests, it is readable once the server has closed the connection.
impl<S: AsFd> AsFd for Client<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
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
    for address in address.to_socket_addrs().map_err(form)? {
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

/// What is wrong with an address that cannot be looked up.
fn form(problem: io::Error) -> Error {
    Error::Io(match problem.kind() {
        io::ErrorKind::InvalidInput => {
            io::Error::new(problem.kind(), "an address is HOST:PORT, such as localhost:8889")
        }
        _ => problem,
    })
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("requester", &self.requester).finish_non_exhaustive()
    }
}
