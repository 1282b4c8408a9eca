//! `Client`: a connection to a server, from which sessions are opened.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use chat_lib::client::{Stream, dial};
use chat_lib::model::{MessageId, SessionToken};
use chat_lib::{ClientOptions, Error, ServerAddress};
use pyo3::exceptions::PyRuntimeError;
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
    closing: TcpStream,
    process: Process,
    /// The thread that waits: a signal's handler that runs in it must not wait for it.
    waiting: Mutex<Option<ThreadId>>,
    closed: AtomicBool,
    /// What a signal's handler has raised while somebody waited.
    raised: Arc<Mutex<Option<PyErr>>>,
    /// Where and how it is connected: events have connections of their own.
    target: Target,
}

/// A server, and how to connect to it.
#[derive(Clone)]
struct Target {
    address: ServerAddress,
    options: ClientOptions,
    patience: Duration,
}

impl Target {
    fn new(address: ServerAddress, ca: Option<PathBuf>, patience: Duration) -> Result<Self, Error> {
        let mut options = ClientOptions::new().patience(patience);
        if let Some(ca) = ca {
            options = options.ca_file(ca)?;
        }
        Ok(Self { address, options, patience })
    }

    /// Opens the socket, in a thread.
    fn dial(&self, py: Python<'_>) -> PyResult<TcpStream> {
        let (address, patience) = (self.address.clone(), self.patience);
        elsewhere(py, move || dial(&address, patience))
    }

    /// The stream on a socket, after the TLS handshake if there is one.
    fn secure(&self, socket: Socket) -> Result<Stream<Socket>, Error> {
        let mut stream = Stream::new(socket, &self.address, &self.options)?;
        stream.handshake()?;
        Ok(stream)
    }

    fn subscribe(self, py: Python<'_>, token: SessionToken, after: Option<MessageId>) -> PyResult<Events> {
        let connect = move || chat_lib::Events::connect(self.address, &self.options, token, after);
        elsewhere(py, connect).map(Events::new)
    }
}

/// The address in the two forms of Python: a host, with or without a port, or all in one text.
fn server_address(address: &str, port: Option<u16>) -> Result<ServerAddress, Error> {
    match port {
        Some(port) => ServerAddress::new(address, port),
        None if address.parse::<IpAddr>().is_ok() || !address.contains(':') => {
            ServerAddress::new(address, ServerAddress::PORT)
        }
        None => address.parse(),
    }
}

impl Shared {
    fn connect(py: Python<'_>, target: Target) -> PyResult<Self> {
        let socket = target.dial(py)?;
        let raised = Arc::default();
        let outcome = run(py, || {
            let closing = socket.try_clone().map_err(Error::Io)?;
            let socket = Socket::new(socket, target.patience, Arc::clone(&raised))?;
            Ok((closing, target.secure(socket)?))
        });
        if let Some(raised) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(raised);
        }
        let (closing, stream) = outcome?;
        let client = Mutex::new(Some(chat_lib::Client::over(stream)));
        let (waiting, closed) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { client, closing, process: Process::this(), waiting, closed, raised, target })
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
            // It may be closed by the other side.
            self.closing.shutdown(Shutdown::Both).ok();
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
    #[pyo3(signature = (address="127.0.0.1", port=None, *, ca=None, timeout=30.0))]
    fn new(py: Python<'_>, address: &str, port: Option<u16>, ca: Option<PathBuf>, timeout: f64) -> PyResult<Self> {
        let patience = seconds(timeout)?;
        let target = run(py, || Target::new(server_address(address, port)?, ca, patience))?;
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
        match self.shared.closing.peer_addr() {
            Ok(address) if !self.shared.closed.load(Ordering::Acquire) => format!("Client(address='{address}')"),
            _ => "Client(closed)".to_owned(),
        }
    }
}

/// The events of a session on a server, for `chat.aio`, whose connections are not a `Client`'s.
#[pyfunction]
#[pyo3(signature = (address, token, *, ca=None, after=None, timeout=30.0))]
pub(crate) fn listen(
    py: Python<'_>,
    address: &str,
    token: &str,
    ca: Option<PathBuf>,
    after: Option<u64>,
    timeout: f64,
) -> PyResult<Events> {
    let (after, patience) = (after.map(message_id).transpose()?, seconds(timeout)?);
    let parse = || Ok((SessionToken::parse(token)?, Target::new(address.parse()?, ca, patience)?));
    let (token, target) = run(py, parse)?;
    target.subscribe(py, token, after)
}

/// The parts of an address: all of it as one text, the host, the port, and whether the connection is encrypted.
#[pyfunction]
#[pyo3(signature = (address, port=None))]
pub(crate) fn parse_address(py: Python<'_>, address: &str, port: Option<u16>) -> PyResult<(String, String, u16, bool)> {
    let parsed = run(py, || server_address(address, port))?;
    Ok((parsed.to_string(), parsed.host().to_owned(), parsed.port(), parsed.is_encrypted()))
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

/// A socket whose waits Ctrl-C can end: it waits in short turns, and looks after signals between them.
pub(crate) struct Socket {
    stream: TcpStream,
    patience: Duration,
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Socket {
    fn new(stream: TcpStream, patience: Duration, raised: Arc<Mutex<Option<PyErr>>>) -> Result<Self, Error> {
        stream.set_read_timeout(Some(TURN))?;
        stream.set_write_timeout(Some(TURN))?;
        Ok(Self { stream, patience, raised })
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
            if let Err(raised) = Python::attach(|py| py.check_signals()) {
                *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
                return Err(io::Error::other("a signal's handler has raised an exception"));
            }
            if began.elapsed() >= self.patience {
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
