//! The events of a session on a server: a connection of their own, which is made again whenever it is lost. It relies on the
//! server to replay what it has missed.

mod connection;
mod places;

use std::fmt;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use self::connection::Connection;
use self::places::Places;
use super::address::ServerAddress;
use super::addresses::ServerAddresses;
use super::options::ClientOptions;
use super::requester::Incoming;
use super::stream::{Stream, dial};
use crate::error::Error;
use crate::model::{MessageId, SessionToken};
use crate::protocol::{CloseReason, Command, Event, Reply, Request};

/// The events of a session on a server. Nothing waits but [`next_timeout`](Self::next_timeout).
pub(crate) struct RemoteEvents {
    options: ClientOptions,
    places: Places,
    token: SessionToken,
    /// Where to subscribe again: the last message that was returned. `None` before the first subscription.
    position: Option<MessageId>,
    poll: Poll,
    ready: mio::Events,
    /// Wakes whoever polls.
    waker: Option<Waker>,
    state: State,
}

enum State {
    Connected(Box<Connection>),
    /// Lost, and to be made again at that time.
    Lost(Instant),
    Over,
}

impl RemoteEvents {
    /// Connects and subscribes.
    pub(crate) fn connect(
        addresses: &ServerAddresses,
        options: &ClientOptions,
        token: SessionToken,
        after: Option<MessageId>,
    ) -> Result<Self, Error> {
        options.check(addresses)?;
        let places = Places::look_up(addresses, options)?;
        let (poll, ready) = (Poll::new()?, mio::Events::with_capacity(1));
        let (options, state) = (options.clone(), State::Lost(Instant::now()));
        let mut events = Self { options, places, token, position: after, poll, ready, waker: None, state };
        match addresses.single() {
            Some(address) => {
                let socket = dial(address, events.places.patience())?;
                socket.set_nonblocking(true)?;
                events.attach(TcpStream::from_std(socket), address)?;
                events.subscribe_once()?;
            }
            None => events.subscribe_anywhere()?,
        }
        Ok(events)
    }

    /// Waits until the connection has a subscription.
    fn subscribe_once(&mut self) -> Result<(), Error> {
        loop {
            match &self.state {
                State::Connected(connection) if connection.subscribed => return Ok(()),
                State::Connected(connection) => {
                    let deadline = connection.deadline;
                    if let Progress::Blocked = self.advance(Instant::now())? {
                        self.wait(Some(deadline))?;
                    }
                }
                State::Lost(until) if Instant::now() < *until => {
                    let until = *until;
                    self.wait(Some(until))?;
                }
                State::Lost(_) => drop(self.advance(Instant::now())?),
                // It said that it closes.
                State::Over => return Err(Error::Disconnected),
            }
        }
    }

    /// Waits until one of several servers has given a subscription.
    fn subscribe_anywhere(&mut self) -> Result<(), Error> {
        let end = Instant::now() + self.places.patience();
        loop {
            match self.subscribe_once() {
                Err(error) if passes(&error) && Instant::now() < end => self.lose(Instant::now()),
                outcome => return outcome,
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
                Err(error) if passes(&error) => {
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
                let (address, place) = self.places.current().ok_or(Error::Disconnected)?.clone();
                self.attach(TcpStream::connect(place)?, &address)?;
                return Ok(Progress::Made);
            }
            State::Over => return Ok(Progress::Blocked),
        };
        match connection.receive(now, self.places.ping_interval())? {
            Some(Incoming::Event(event)) => self.take(event, now),
            Some(Incoming::Answer(answer)) => {
                let Some(request) = connection.asked.take() else { return Err(Error::Disconnected) };
                connection.deadline = now + self.places.ping_interval();
                let reply = answer.read(&request.command)?;
                let mut missed = false;
                if let Reply::Subscribed { next } = reply {
                    connection.subscribed = true;
                    self.position = Some(next);
                    missed = self.places.have_subscribed();
                }
                self.subscribe(now)?;
                Ok(if missed { Progress::Event(Event::Lagged) } else { Progress::Made })
            }
            None if now < connection.deadline => Ok(Progress::Blocked),
            None if connection.open && connection.asked.is_none() => {
                connection.ask(Request::new(Command::Ping), now + self.places.ping_patience())?;
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
                let subscribe = Request::new(Command::Subscribe { after: self.position });
                connection.ask(subscribe, now + self.places.patience())
            }
            _ => Ok(()),
        }
    }

    /// Begins with a connection, which may not be open yet.
    fn attach(&mut self, mut socket: TcpStream, address: &ServerAddress) -> Result<(), Error> {
        self.poll.registry().register(&mut socket, Token(0), Interest::READABLE | Interest::WRITABLE)?;
        let mut connection = Connection::new(Stream::new(socket, address, &self.options)?);
        let resume = Request::new(Command::Resume { token: self.token });
        connection.ask(resume, Instant::now() + self.places.connect_patience())?;
        self.state = State::Connected(Box::new(connection));
        Ok(())
    }

    fn lose(&mut self, now: Instant) {
        self.state = State::Lost(now + self.places.move_on());
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

/// Whether another connection may do better.
fn passes(error: &Error) -> bool {
    matches!(
        error,
        Error::Disconnected
            | Error::TimedOut
            // Some networks ask for a login in their own name at first.
            | Error::Tls(_)
            | Error::Io(_)
            | Error::Busy
            | Error::Storage(_)
    )
}

/// How far it has come.
enum Progress {
    Event(Event),
    Made,
    /// It has to wait.
    Blocked,
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
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream as Stream};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::entropy::OsEntropy;
    use crate::limits::CLIENT_PING_INTERVAL;

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
        let mut events = RemoteEvents::connect(&address.into(), &options, token, None).unwrap();
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
}
