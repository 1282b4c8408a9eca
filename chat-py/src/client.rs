//! `Client`: a connection to a server, from which sessions are opened.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use chat_lib::client::{Connector, Stream, dial};
use chat_lib::model::{MessageId, SessionToken};
use chat_lib::{ClientOptions, Error, ServerAddress, ServerAddresses};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::{closed, exception, run, seconds, wait};
use crate::events::Events;
use crate::process::Process;
use crate::session::{Place, Session, message_id};

/// A connection to a server, seen from the other side. Threads may share it; they wait for each other.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Client {
    shared: Arc<Shared>,
}

/// The library's client.
type Inner = chat_lib::Client<Stream<Socket>>;

pub(crate) struct Shared {
    client: Mutex<Option<Inner>>,
    /// Another handle to the stream, by which it is closed while somebody waits for it.
    closing: Arc<Mutex<Option<TcpStream>>>,
    process: Process,
    /// The thread that waits: a signal's handler that runs in it must not wait for it.
    waiting: Mutex<Option<ThreadId>>,
    closed: Arc<AtomicBool>,
    /// What a signal's handler has raised while somebody waited.
    raised: Raised,
    /// Where and how it is connected: events have connections of their own.
    target: Target,
}

type Raised = Arc<Mutex<Option<PyErr>>>;

/// One or more servers of a chat, and how to connect.
#[derive(Clone)]
struct Target {
    addresses: ServerAddresses,
    options: ClientOptions,
}

impl Target {
    fn new(addresses: ServerAddresses, ca: Option<PathBuf>, patience: Option<Duration>) -> Result<Self, Error> {
        let mut options = ClientOptions::new();
        if let Some(patience) = patience {
            options = options.patience(patience);
        }
        if let Some(ca) = ca {
            options = options.ca_file(ca)?;
        }
        Ok(Self { addresses, options })
    }

    fn subscribe(self, py: Python<'_>, token: SessionToken, after: Option<MessageId>) -> PyResult<Events> {
        let connect = move || chat_lib::Events::connect(self.addresses, &self.options, token, after);
        elsewhere(py, connect).map(Events::new)
    }
}

/// Addresses in the forms of Python: one text, in which commas separate them, or a sequence of texts.
#[derive(FromPyObject)]
pub(crate) enum Addresses {
    Text(String),
    Several(Vec<String>),
}

impl Addresses {
    fn local() -> Self {
        Self::Text("127.0.0.1".to_owned())
    }

    /// A host, with or without a port, or all in one text.
    fn read(&self, port: Option<u16>) -> Result<ServerAddresses, Error> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Several(texts) => texts.join(","),
        };
        if let Some(port) = port {
            return Ok(ServerAddress::new(&text, port)?.into());
        }
        let mut has_scheme = false;
        let parts = text.split(',').map(|part| {
            has_scheme |= part.contains("://");
            match part.parse::<IpAddr>() {
                Ok(IpAddr::V6(_)) => format!("[{part}]:{}", ServerAddress::PORT),
                _ if has_scheme || part.is_empty() || part.contains(':') => part.to_owned(),
                _ => format!("{part}:{}", ServerAddress::PORT),
            }
        });
        parts.collect::<Vec<_>>().join(",").parse()
    }
}

impl Shared {
    fn connect(py: Python<'_>, target: Target) -> PyResult<Self> {
        let (raised, closing, closed) = (Raised::default(), Arc::default(), Arc::default());
        let sockets = Sockets {
            options: target.options.clone(),
            raised: Arc::clone(&raised),
            closing: Arc::clone(&closing),
            closed: Arc::clone(&closed),
        };
        let outcome = run(py, || Inner::connect_by(&target.addresses, &target.options, sockets));
        if let Some(raised) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(raised);
        }
        let client = Mutex::new(Some(outcome?));
        Ok(Self { client, closing, process: Process::this(), waiting: Mutex::default(), closed, raised, target })
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<Inner>>> {
        // In a child, its answers would be mixed with its parent's.
        if !self.process.is_this() {
            return Err(closed(py));
        }
        if *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) == Some(thread::current().id()) {
            return Err(PyRuntimeError::new_err("this thread waits for an answer already"));
        }
        let locked = wait(py, None, || match self.client.try_lock() {
            Ok(client) => Some(client),
            Err(TryLockError::Poisoned(client)) => Some(client.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })?;
        locked.ok_or_else(|| closed(py))
    }

    pub(crate) fn ask<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&Inner) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let client = self.lock(py)?;
        let client = client.as_ref().filter(|_| !self.closed.load(Ordering::Acquire)).ok_or_else(|| closed(py))?;
        let wait = |thread| *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = thread;
        wait(Some(thread::current().id()));
        let outcome = run(py, || ask(client));
        wait(None);
        match self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(raised) => Err(raised),
            None if self.closed.load(Ordering::Acquire) => outcome.map_err(|_| closed(py)),
            None => outcome,
        }
    }

    /// The events of a session, over a connection of their own.
    pub(crate) fn subscribe(&self, py: Python<'_>, token: SessionToken, after: Option<MessageId>) -> PyResult<Events> {
        if !self.process.is_this() || self.closed.load(Ordering::Acquire) {
            return Err(closed(py));
        }
        self.target.clone().subscribe(py, token, after)
    }

    /// A call that waits for an answer returns.
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.hang_up();
        if let Ok(mut client) = self.client.try_lock() {
            client.take();
        }
    }

    /// Closing would not do: a child of fork() may hold a copy of the descriptor. And a child that is done with
    /// its copy must not end the connection.
    fn hang_up(&self) {
        if self.process.is_this() {
            let closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
            // It may be closed by the other side.
            closing.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Client {
    fn session_of(&self, token: SessionToken, user: &str) -> Session {
        Session::new(Place::Server(Arc::clone(&self.shared)), token, user)
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(
        signature = (address=Addresses::local(), port=None, *, ca=None, timeout=None),
        text_signature = "(address='127.0.0.1', port=None, *, ca=None, timeout=None)"
    )]
    fn new(
        py: Python<'_>,
        address: Addresses,
        port: Option<u16>,
        ca: Option<PathBuf>,
        timeout: Option<f64>,
    ) -> PyResult<Self> {
        let patience = timeout.map(seconds).transpose()?;
        let target = run(py, || Target::new(address.read(port)?, ca, patience))?;
        Ok(Self { shared: Arc::new(Shared::connect(py, target)?) })
    }

    /// Log in. The session can be used over any connection, also after this one is closed.
    fn login(&self, py: Python<'_>, user: &str, password: &str) -> PyResult<Session> {
        let token = self.shared.ask(py, |client| client.login(user, password).map(|session| session.token()))?;
        Ok(self.session_of(token, user))
    }

    /// Create an account and open its first session, if the server takes registrations. Where an invitation is needed,
    /// `invitation` is its code.
    #[pyo3(signature = (user, password, full_name, *, invitation=None))]
    fn register(
        &self,
        py: Python<'_>,
        user: &str,
        password: &str,
        full_name: &str,
        invitation: Option<&str>,
    ) -> PyResult<Session> {
        let register = |client: &Inner| client.register(user, password, full_name, invitation);
        let token = self.shared.ask(py, |client| register(client).map(|session| session.token()))?;
        Ok(self.session_of(token, user))
    }

    /// The session of `user` that a token opens, used over this connection. The server is not asked.
    fn session(&self, py: Python<'_>, token: &str, user: &str) -> PyResult<Session> {
        let token = run(py, || SessionToken::parse(token))?;
        Ok(self.session_of(token, user))
    }

    /// Close the connection; calls that wait for an answer end. Sessions go on.
    fn close(&self) {
        self.shared.close();
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        let closing = self.shared.closing.lock().unwrap_or_else(PoisonError::into_inner);
        match closing.as_ref().map(TcpStream::peer_addr) {
            Some(Ok(address)) if !self.shared.closed.load(Ordering::Acquire) => format!("Client(address='{address}')"),
            _ => "Client(closed)".to_owned(),
        }
    }
}

/// The events of a session on a server, for `chat.aio`, whose connections are not a `Client`'s.
#[pyfunction]
#[pyo3(signature = (address, token, *, ca=None, after=None, timeout=None))]
pub(crate) fn listen(
    py: Python<'_>,
    address: &str,
    token: &str,
    ca: Option<PathBuf>,
    after: Option<u64>,
    timeout: Option<f64>,
) -> PyResult<Events> {
    let (after, patience) = (after.map(message_id).transpose()?, timeout.map(seconds).transpose()?);
    let parse = || Ok((SessionToken::parse(token)?, Target::new(address.parse()?, ca, patience)?));
    let (token, target) = run(py, parse)?;
    target.subscribe(py, token, after)
}

/// The parts of an address: all of it as one text, the host, the port, and whether the connection is encrypted.
type Parts = (String, String, u16, bool);

/// The parts of an address, for `ChatClient`, which knows one server.
#[pyfunction]
#[pyo3(signature = (address, port=None))]
pub(crate) fn parse_address(py: Python<'_>, address: &str, port: Option<u16>) -> PyResult<Parts> {
    let parsed = run(py, || Addresses::Text(address.to_owned()).read(port))?;
    let single = parsed.single().ok_or_else(|| PyValueError::new_err("this client takes the address of one server"))?;
    Ok(parts(single))
}

/// The parts of each address, for `chat.aio`.
#[pyfunction]
#[pyo3(signature = (address, port=None))]
pub(crate) fn parse_addresses(py: Python<'_>, address: Addresses, port: Option<u16>) -> PyResult<Vec<Parts>> {
    Ok(run(py, || address.read(port))?.iter().map(parts).collect())
}

fn parts(address: &ServerAddress) -> Parts {
    (address.to_string(), address.host().to_owned(), address.port(), address.is_encrypted())
}

/// Does in a thread what cannot be interrupted, so that Ctrl-C ends the wait for it.
fn elsewhere<T: Send + 'static>(
    py: Python<'_>,
    connect: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let connecting = thread::Builder::new().name("chat-dial".to_owned()).spawn(connect);
    let connecting = connecting.map_err(|problem| exception(py, &Error::no_thread(&problem)))?;
    wait(py, None, || connecting.is_finished().then_some(()))?;
    let outcome = connecting.join().unwrap_or_else(|_| Err(Error::Disconnected));
    outcome.map_err(|error| exception(py, &error))
}

/// Makes the connections of a client, which Ctrl-C and `close()` can end at any time.
struct Sockets {
    options: ClientOptions,
    raised: Raised,
    closing: Arc<Mutex<Option<TcpStream>>>,
    closed: Arc<AtomicBool>,
}

impl Sockets {
    /// Whether the client is still wanted.
    fn check(&self) -> Result<(), Error> {
        check_signals(&self.raised).map_err(Error::Io)?;
        if self.closed.load(Ordering::Acquire) { Err(Error::Disconnected) } else { Ok(()) }
    }
}

impl Connector for Sockets {
    type Stream = Stream<Socket>;

    fn connect(&mut self, address: &ServerAddress, patience: Duration) -> Result<Self::Stream, Error> {
        self.check()?;
        let meant = address.clone();
        let dialing = thread::Builder::new().name("chat-dial".to_owned()).spawn(move || dial(&meant, patience));
        let dialing = dialing.map_err(|problem| Error::no_thread(&problem))?;
        while !dialing.is_finished() {
            thread::sleep(GLANCE);
            self.check()?;
        }
        let socket = dialing.join().unwrap_or(Err(Error::Disconnected))?;
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.try_clone().map_err(Error::Io)?);
        // It may have been closed before there was this socket.
        self.check()?;
        let mut stream = Stream::new(Socket::new(socket, patience, Arc::clone(&self.raised))?, address, &self.options)?;
        stream.handshake()?;
        Ok(stream)
    }

    fn set_patience(&mut self, stream: &mut Self::Stream, patience: Duration) -> Result<(), Error> {
        stream.socket().patience.set(patience);
        Ok(())
    }

    fn is_closed(&mut self, stream: &mut Self::Stream) -> bool {
        let socket = &stream.socket().stream;
        if socket.set_nonblocking(true).is_err() {
            return true;
        }
        let closed = match socket.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(problem) => problem.kind() != ErrorKind::WouldBlock,
        };
        socket.set_nonblocking(false).is_err() || closed
    }

    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            thread::sleep(TURN.min(until.saturating_duration_since(Instant::now())));
            self.check()?;
        }
        Ok(())
    }
}

/// Keeps what a signal's handler raises.
fn check_signals(raised: &Raised) -> io::Result<()> {
    let mut place = raised.lock().unwrap_or_else(PoisonError::into_inner);
    if place.is_none() {
        drop(place);
        let Err(error) = Python::attach(|py| py.check_signals()) else { return Ok(()) };
        place = raised.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(error);
    }
    Err(io::Error::other("a signal's handler has raised an exception"))
}

/// A socket whose waits Ctrl-C can end: it waits in short turns, and looks after signals between them.
pub(crate) struct Socket {
    stream: TcpStream,
    patience: Cell<Duration>,
    raised: Raised,
}

impl Socket {
    fn new(stream: TcpStream, patience: Duration, raised: Raised) -> Result<Self, Error> {
        stream.set_read_timeout(Some(TURN))?;
        stream.set_write_timeout(Some(TURN))?;
        Ok(Self { stream, patience: Cell::new(patience), raised })
    }

    fn turns<T>(&mut self, mut turn: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        let began = Instant::now();
        loop {
            match turn(&mut self.stream) {
                Err(problem)
                    if matches!(
                        problem.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                outcome => return outcome,
            }
            check_signals(&self.raised)?;
            if began.elapsed() >= self.patience.get() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turns(|stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.turns(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

const TURN: Duration = Duration::from_millis(50);

/// How often to look whether a connection was made. Most are in less.
const GLANCE: Duration = Duration::from_millis(1);
