//! The events of a session on a server: a connection of their own, which is made again whenever it is lost. It relies on the
//! server to replay what it has missed.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use super::address::ServerAddress;
use super::options::ClientOptions;
use super::requester::{Incoming, Requester};
use super::stream::{Stream, dial};
use crate::error::Error;
use crate::limits::{CLIENT_PING_INTERVAL, RECONNECT_DELAY, RECONNECT_DELAY_MAX};
use crate::model::{MessageId, SessionToken};
use crate::protocol::{CloseReason, Command, Event, Reply, Request};

/// The events of a session on a server. Nothing waits but [`next_timeout`](Self::next_timeout).
pub(crate) struct RemoteEvents {
    address: ServerAddress,
    options: ClientOptions,
    /// The IP addresses that the host has. They are not looked up again, which could take long.
    places: Vec<SocketAddr>,
    token: SessionToken,
    /// Where to subscribe again: the last message that was returned. `None` before the first subscription.
    position: Option<MessageId>,
    poll: Poll,
    ready: mio::Events,
    /// Wakes whoever polls.
    waker: Option<Waker>,
    state: State,
    /// How often the connection was lost since it last had a subscription.
    losses: u32,
}

enum State {
    Connected(Box<Connection>),
    /// Lost, and to be made again at that time.
    Lost(Instant),
    Over,
}

struct Connection {
    stream: Stream<TcpStream>,
    /// Whether the stream is known to be connected, and the TLS handshake done.
    open: bool,
    requester: Requester,
    unsent: Vec<u8>,
    /// The request that was not answered yet.
    asked: Option<Request<'static>>,
    subscribed: bool,
    /// When the answer to the open request is due; without an open request, when to ping the server.
    deadline: Instant,
    /// The process that it belongs to, and not to a fork of it.
    process: u32,
}

impl RemoteEvents {
    /// Connects and subscribes.
    pub(crate) fn connect(
        address: ServerAddress,
        options: &ClientOptions,
        token: SessionToken,
        after: Option<MessageId>,
    ) -> Result<Self, Error> {
        let options = options.clone().patience(options.patience.min(LONGEST_PATIENCE));
        let socket = dial(&address, options.patience)?;
        socket.set_nonblocking(true)?;
        let (poll, ready, state) = (Poll::new()?, mio::Events::with_capacity(1), State::Over);
        let (places, position, waker) = (address.resolve()?, after, None);
        let mut events = Self { address, options, places, token, position, poll, ready, waker, state, losses: 0 };
        events.attach(TcpStream::from_std(socket))?;
        loop {
            match &events.state {
                State::Connected(connection) if connection.subscribed => return Ok(events),
                State::Connected(connection) => {
                    let deadline = connection.deadline;
                    if let Progress::Blocked = events.advance(Instant::now())? {
                        events.wait(Some(deadline))?;
                    }
                }
                // It said that it closes.
                State::Lost(_) | State::Over => return Err(Error::Disconnected),
            }
        }
    }

    /// The next event. `None` if no event comes within `timeout`, the session has ended, or the [waker](Self::waker) was called
    /// after `stopped` was set.
    pub(crate) fn next_timeout(&mut self, timeout: Duration, stopped: &AtomicBool) -> Result<Option<Event>, Error> {
        let end = Instant::now().checked_add(timeout);
        loop {
            let now = Instant::now();
            match self.advance(now) {
                Ok(Progress::Event(event)) => return Ok(Some(event)),
                Ok(Progress::Made) => continue,
                Ok(Progress::Blocked) => {}
                // It has ended while it was not connected.
                Err(Error::NoSuchSession) => {
                    self.state = State::Over;
                    return Ok(Some(Event::Closed { reason: CloseReason::Ended }));
                }
                Err(
                    Error::Disconnected
                    | Error::TimedOut
                    // Some networks ask for a login in their own name at first.
                    | Error::Tls(_)
                    | Error::Io(_)
                    | Error::Busy
                    | Error::Storage(_),
                ) => {
                    self.lose(now);
                    continue;
                }
                Err(error) => return Err(error),
            }
            let until = match &self.state {
                State::Connected(connection) => connection.deadline,
                State::Lost(until) => *until,
                State::Over => return Ok(None),
            };
            if stopped.load(Ordering::Acquire) {
                return Ok(None);
            }
            let woken = self.wait(Some(end.map_or(until, |end| end.min(until))))?;
            if !woken && end.is_some_and(|end| end <= Instant::now()) {
                return Ok(None);
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(&self.state, State::Connected(connection) if connection.subscribed)
    }

    pub(crate) fn position(&self) -> MessageId {
        self.position.unwrap_or_default()
    }

    /// Wakes whoever waits in [`next_timeout`](Self::next_timeout).
    pub(crate) fn waker(&mut self) -> Result<Waker, Error> {
        let waker = match self.waker.take() {
            Some(waker) => waker,
            None => Arc::new(PollWaker(mio::Waker::new(self.poll.registry(), Token(1))?)).into(),
        };
        Ok(self.waker.insert(waker).clone())
    }

    /// Readable when the connection has something that was not looked at.
    pub(crate) fn descriptor(&self) -> Result<OwnedFd, Error> {
        Ok(self.poll.registry().as_fd().try_clone_to_owned()?)
    }

    /// Goes on as far as it can without waiting, up to the next event.
    fn advance(&mut self, now: Instant) -> Result<Progress, Error> {
        let connection = match &mut self.state {
            State::Connected(connection) => connection,
            State::Lost(until) if now < *until => return Ok(Progress::Blocked),
            State::Lost(_) => {
                let place = self.losses as usize % self.places.len().max(1);
                let place = *self.places.get(place).ok_or(Error::Disconnected)?;
                self.attach(TcpStream::connect(place)?)?;
                return Ok(Progress::Made);
            }
            State::Over => return Ok(Progress::Blocked),
        };
        match connection.receive(now)? {
            Some(Incoming::Event(event)) => self.take(event, now),
            Some(Incoming::Answer(answer)) => {
                let Some(request) = connection.asked.take() else { return Err(Error::Disconnected) };
                connection.deadline = now + CLIENT_PING_INTERVAL;
                let reply = answer.read(&request.command)?;
                let mut missed = false;
                if let Reply::Subscribed { next } = reply {
                    connection.subscribed = true;
                    self.position = Some(next);
                    missed = std::mem::take(&mut self.losses) > 0;
                }
                self.subscribe(now)?;
                Ok(if missed { Progress::Event(Event::Lagged) } else { Progress::Made })
            }
            None if now < connection.deadline => Ok(Progress::Blocked),
            None if connection.open && connection.asked.is_none() => {
                connection.ask(Request::new(Command::Ping), now + self.options.patience)?;
                Ok(Progress::Made)
            }
            None => Err(Error::TimedOut),
        }
    }

    /// Takes an event that the server has told, and returns it if the caller is to see it.
    fn take(&mut self, event: Event, now: Instant) -> Result<Progress, Error> {
        match &event {
            Event::Message(message) if self.position.is_some_and(|position| message.id <= position) => {
                return Ok(Progress::Made);
            }
            Event::Message(message) => self.position = Some(message.id),
            Event::Lagged => {
                if let State::Connected(connection) = &mut self.state {
                    connection.subscribed = false;
                }
                self.subscribe(now)?;
            }
            // The session goes on, on the next server or the same one.
            Event::Closed { reason: CloseReason::ServerStopping } => return Err(Error::Disconnected),
            Event::Closed { .. } => self.state = State::Over,
            _ => {}
        }
        Ok(Progress::Event(event))
    }

    /// Subscribes, unless it has, or another request comes first.
    fn subscribe(&mut self, now: Instant) -> Result<(), Error> {
        match &mut self.state {
            State::Connected(connection) if !connection.subscribed && connection.asked.is_none() => {
                connection.ask(Request::new(Command::Subscribe { after: self.position }), now + self.options.patience)
            }
            _ => Ok(()),
        }
    }

    /// Begins with a connection, which may not be open yet.
    fn attach(&mut self, mut socket: TcpStream) -> Result<(), Error> {
        self.poll.registry().register(&mut socket, Token(0), Interest::READABLE | Interest::WRITABLE)?;
        let stream = Stream::new(socket, &self.address, &self.options)?;
        let mut connection = Connection {
            stream,
            open: false,
            requester: Requester::new(),
            unsent: Vec::new(),
            asked: None,
            subscribed: false,
            deadline: Instant::now(),
            process: process::id(),
        };
        let resume = Request::new(Command::Resume { token: self.token });
        connection.ask(resume, Instant::now() + self.options.patience)?;
        self.state = State::Connected(Box::new(connection));
        Ok(())
    }

    fn lose(&mut self, now: Instant) {
        let delay = RECONNECT_DELAY.saturating_mul(1_u32.checked_shl(self.losses).unwrap_or(u32::MAX));
        self.state = State::Lost(now + delay.min(RECONNECT_DELAY_MAX));
        self.losses = self.losses.saturating_add(1);
    }

    /// Waits until something happens on the connection, and returns whether it has.
    fn wait(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.ready, timeout) {
            Ok(()) => Ok(!self.ready.is_empty()),
            Err(problem) if problem.kind() == ErrorKind::Interrupted => Ok(false),
            Err(problem) => Err(Error::Io(problem)),
        }
    }
}

struct PollWaker(mio::Waker);

impl Wake for PollWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only if so many calls wait that one more makes no difference.
        self.0.wake().ok();
    }
}

/// No deadline is later than that. A longer one would not be noticed, and could not be told to the system.
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How far it has come.
enum Progress {
    Event(Event),
    Made,
    /// It has to wait.
    Blocked,
}

impl Connection {
    fn ask(&mut self, request: Request<'static>, deadline: Instant) -> Result<(), Error> {
        self.requester.request(&request, &mut self.unsent)?;
        (self.asked, self.deadline) = (Some(request), deadline);
        Ok(())
    }

    /// Sends and reads until something has come, or it would block.
    fn receive(&mut self, now: Instant) -> Result<Option<Incoming>, Error> {
        if !self.open && !self.has_opened()? {
            return Ok(None);
        }
        let mut chunk = [0; 16 * 1024];
        let mut incoming = self.requester.receive(&[])?;
        loop {
            while !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(count) => drop(self.unsent.drain(..count)),
                    Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                    Err(problem) if problem.kind() == ErrorKind::WouldBlock => break,
                    Err(problem) => return Err(problem.into()),
                }
            }
            if incoming.is_some() {
                return Ok(incoming);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Error::Disconnected),
                Ok(count) => {
                    if self.asked.is_none() {
                        self.deadline = now + CLIENT_PING_INTERVAL;
                    }
                    incoming = self.requester.receive(chunk.get(..count).unwrap_or_default())?;
                }
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(problem) => return Err(problem.into()),
            }
        }
    }

    fn has_opened(&mut self) -> Result<bool, Error> {
        let socket = self.stream.socket();
        if let Some(problem) = socket.take_error()? {
            return Err(Error::Io(problem));
        }
        match socket.peer_addr() {
            Ok(_) => socket.set_nodelay(true)?,
            Err(problem) if problem.kind() == ErrorKind::NotConnected => return Ok(false),
            Err(problem) => return Err(problem.into()),
        }
        match self.stream.handshake() {
            Ok(()) => self.open = true,
            Err(problem) if problem.kind() == ErrorKind::WouldBlock => {}
            Err(problem) => return Err(problem.into()),
        }
        Ok(self.open)
    }
}

/// Closing would not do: a fork may hold a copy of the descriptor, and the connection with it.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.process == process::id() {
            self.stream.say_goodbye();
            drop(self.stream.socket().shutdown(Shutdown::Both));
        }
    }
}

impl fmt::Debug for RemoteEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Connected(_) => "connected",
            State::Lost(_) => "connection lost",
            State::Over => "over",
        };
        write!(f, "after {}, {state}", self.position())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream as Stream};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::entropy::OsEntropy;

    /// Reads a request, and answers it.
    fn answer(peer: &mut BufReader<Stream>, method: &str, result: &str) {
        let mut line = String::new();
        peer.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("\"method\":\"{method}\"")), "{line}");
        let (_, id) = line.split_once("\"id\":").unwrap();
        let (id, _) = id.split_once(',').unwrap();
        let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n");
        peer.get_mut().write_all(answer.as_bytes()).unwrap();
    }

    /// A connection can be lost without either side being told.
    #[test]
    fn a_silent_server_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let token = SessionToken::random(&OsEntropy).unwrap();
        let (has_asked, asked) = mpsc::channel();
        let server = thread::spawn(move || {
            let mut peer = BufReader::new(listener.accept().unwrap().0);
            let login = format!(r#"{{"token":"{token}","user":"messi","name":"Messi","epoch":"x"}}"#);
            answer(&mut peer, "resume", &login);
            answer(&mut peer, "subscribe", "{\"next\":3}");
            asked.recv().unwrap();
            answer(&mut peer, "ping", "{}");
            peer
        });
        let patience = Duration::from_secs(30);
        let options = ClientOptions::new().patience(patience);
        let mut events = RemoteEvents::connect(address.into(), &options, token, None).unwrap();
        let later = Instant::now() + CLIENT_PING_INTERVAL;
        assert!(matches!(events.advance(later), Ok(Progress::Made)));
        assert!(matches!(events.advance(later), Ok(Progress::Blocked)));
        has_asked.send(()).unwrap();
        let peer = server.join().unwrap();
        let mut now = later + patience;
        // The answer is there, although its time is over.
        assert!(matches!(events.advance(now), Ok(Progress::Made)));
        assert!(matches!(events.advance(now), Ok(Progress::Blocked)));
        now += CLIENT_PING_INTERVAL;
        assert!(matches!(events.advance(now), Ok(Progress::Made)));
        assert!(matches!(events.advance(now + patience), Err(Error::TimedOut)));
        drop(peer);
    }

    #[test]
    fn delays_grow_and_are_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (poll, ready) = (Poll::new().unwrap(), mio::Events::with_capacity(1));
        let mut events = RemoteEvents {
            address: listener.local_addr().unwrap().into(),
            options: ClientOptions::new(),
            places: vec![listener.local_addr().unwrap()],
            token: SessionToken::random(&OsEntropy).unwrap(),
            position: None,
            poll,
            ready,
            waker: None,
            state: State::Over,
            losses: 0,
        };
        let now = Instant::now();
        let delays: Vec<_> = (0..40)
            .map(|_| {
                events.lose(now);
                let State::Lost(until) = events.state else { panic!() };
                until - now
            })
            .collect();
        assert_eq!(delays[..3], [1, 2, 4].map(|factor| RECONNECT_DELAY * factor));
        assert!(delays.is_sorted());
        assert_eq!(delays[39], RECONNECT_DELAY_MAX);
    }
}
