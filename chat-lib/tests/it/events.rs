//! Events of a session on a server: against servers that follow a script, and against ours.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::model::MessageId;
use chat_lib::protocol::{CloseReason, Event};
use chat_lib::{Client, ClientOptions, Error, Events};
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

use crate::support::{Running, demo_chat, tokens};

/// A connection to a server that follows a script.
struct Peer {
    lines: BufReader<TcpStream>,
}

impl Peer {
    fn accept(listener: &TcpListener) -> Self {
        Self { lines: BufReader::new(listener.accept().unwrap().0) }
    }

    /// Reads a request of that method; gives its id and parameters.
    fn request(&mut self, method: &str) -> (Value, Value) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(line.ends_with("}\r\n"), "{line:?}");
        let mut request: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(request["method"], method);
        (request["id"].take(), request["params"].take())
    }

    fn say(&mut self, line: &Value) {
        self.lines.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn answer(&mut self, id: &Value, result: &Value) {
        self.say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    fn refuse(&mut self, id: &Value, number: i64, code: &str) {
        let error = json!({"code": number, "message": "no", "data": {"code": code}});
        self.say(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
    }

    fn event(&mut self, method: &str, params: &Value) {
        self.say(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn message(&mut self, id: u64) {
        let message = json!({"id": id, "with": "ana", "from": "ana", "name": "Ana", "text": id.to_string(), "time": 1});
        self.event("message", &message);
    }

    /// Opens the session; gives the `after` of the subscription that follows, and answers it with `next`.
    fn begin(&mut self, next: u64) -> Value {
        self.resume();
        self.subscribe(next)
    }

    fn resume(&mut self) {
        let (id, params) = self.request("resume");
        let login = json!({"token": params["token"], "user": "messi", "name": "Lionel Messi", "epoch": "x"});
        self.answer(&id, &login);
    }

    fn subscribe(&mut self, next: u64) -> Value {
        let (id, mut params) = self.request("subscribe");
        self.answer(&id, &json!({"next": next}));
        params["after"].take()
    }
}

/// The events that a server with this script tells.
fn events_of(script: impl FnOnce(TcpListener) + Send + 'static) -> (Result<Events, Error>, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || script(listener));
    (Events::connect(address, &ClientOptions::new(), tokens().next().unwrap(), None), server)
}

/// What comes, in short.
fn told(events: &mut Events) -> Vec<String> {
    events.map(|event| described(event.unwrap())).collect()
}

fn described(event: Event) -> String {
    match event {
        Event::Message(message) => message.id.to_string(),
        Event::Lagged => "lagged".to_owned(),
        Event::Closed { reason: CloseReason::Ended } => "closed".to_owned(),
        other => panic!("{other:?}"),
    }
}

/// More than anything takes here, unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);

const ENDED: &str = "session_ended";

#[test]
fn a_lost_connection_is_made_again_and_goes_on_after_the_last_message() {
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        assert_eq!(peer.begin(3), Value::Null);
        peer.message(5);
        drop(peer);
        // It is lost again before all is done.
        drop(Peer::accept(&listener));
        Peer::accept(&listener).resume();
        let mut peer = Peer::accept(&listener);
        assert_eq!(peer.begin(5), 5);
        // The server should not say it twice, nor out of order.
        for id in [5, 6, 4, 8] {
            peer.message(id);
        }
        peer.event("closed", &json!({"reason": ENDED}));
    });
    let mut events = events.unwrap();
    assert_eq!((events.position().get(), events.is_over()), (3, false));
    assert_eq!(told(&mut events), ["5", "lagged", "6", "8", "closed"]);
    assert!(events.is_over() && events.next().is_none());
    assert_eq!(events.position().get(), 8);
    server.join().unwrap();
}

#[test]
fn a_server_that_stops_ends_nothing() {
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.begin(3);
        drop(peer);
        let mut again = Peer::accept(&listener);
        // It is not ready yet.
        let (id, _) = again.request("resume");
        again.refuse(&id, 19, "busy");
        let mut again = Peer::accept(&listener);
        assert_eq!(again.begin(3), 3);
        again.event("closed", &json!({"reason": ENDED}));
    });
    assert_eq!(told(&mut events.unwrap()), ["lagged", "closed"]);
    server.join().unwrap();
}

#[test]
fn a_reader_that_was_too_slow_subscribes_again() {
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.begin(3);
        peer.message(4);
        peer.event("lagged", &json!({}));
        assert_eq!(peer.subscribe(4), 4);
        peer.message(7);
        peer.event("closed", &json!({"reason": ENDED}));
    });
    assert_eq!(told(&mut events.unwrap()), ["4", "lagged", "7", "closed"]);
    server.join().unwrap();
}

/// Ids begin anew where a server has lost messages: those that come then are new ones.
#[test]
fn a_position_past_the_last_message_goes_back() {
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.begin(3);
        peer.message(9);
        drop(peer);
        let mut peer = Peer::accept(&listener);
        assert_eq!(peer.begin(7), 9);
        peer.message(8);
        peer.event("closed", &json!({"reason": ENDED}));
    });
    assert_eq!(told(&mut events.unwrap()), ["9", "lagged", "8", "closed"]);
    server.join().unwrap();
}

#[test]
fn a_session_that_ended_meanwhile() {
    let (events, server) = events_of(|listener| {
        Peer::accept(&listener).begin(3);
        let mut peer = Peer::accept(&listener);
        let (id, _) = peer.request("resume");
        peer.refuse(&id, 13, "no_such_session");
    });
    assert_eq!(told(&mut events.unwrap()), ["closed"]);
    server.join().unwrap();

    // At once, or because the user may not use it, it is an error.
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        let (id, _) = peer.request("resume");
        peer.refuse(&id, 13, "no_such_session");
    });
    assert!(matches!(events, Err(Error::NoSuchSession)));
    server.join().unwrap();
    let (events, server) = events_of(|listener| {
        Peer::accept(&listener).begin(3);
        let mut peer = Peer::accept(&listener);
        let (id, _) = peer.request("resume");
        peer.refuse(&id, 41, "banned");
    });
    let mut events = events.unwrap();
    assert!(matches!(events.next(), Some(Err(Error::Banned))));
    assert!(events.is_over() && events.next().is_none());
    server.join().unwrap();
}

#[test]
fn nonsense_ends_them() {
    let (events, server) = events_of(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.begin(3);
        peer.say(&json!("halo"));
    });
    let mut events = events.unwrap();
    assert!(matches!(events.next(), Some(Err(Error::BadReply(_)))));
    assert!(events.is_over() && events.next().is_none());
    server.join().unwrap();
}

/// In a loop of one's own, nothing waits but the poll.
#[test]
fn events_of_a_server_can_be_polled() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat.clone());
    let mut messi = Client::connect(server.address).unwrap().login("messi", "surabaya").unwrap().events().unwrap();
    let henderson = chat.login("henderson", "surabaya").unwrap();
    let descriptor = messi.descriptor().unwrap();
    // What has come until now.
    while messi.next_timeout(Duration::ZERO).unwrap().is_some() {}
    for _ in 0..3 {
        let sent = [(); 2].map(|()| henderson.send("messi", "halo").unwrap().id);
        let mut got = Vec::new();
        while got.len() < sent.len() {
            poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None).unwrap();
            while let Some(event) = messi.next_timeout(Duration::ZERO).unwrap() {
                got.extend(if let Event::Message(message) = event { Some(message.id) } else { None });
            }
        }
        assert_eq!(got, sent);
    }
}

#[test]
fn nothing_is_missed_while_a_server_is_away() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::on("127.0.0.23:0", chat.clone());
    let address = server.address;
    let messi = Client::connect(address).unwrap().login("messi", "surabaya").unwrap();
    let mut events = messi.events().unwrap();
    let henderson = chat.login("henderson", "surabaya").unwrap();
    let mut ids: Vec<String> = Vec::new();
    let mut send = |count| {
        let sent = (0..count).map(|_| henderson.send("messi", "halo").unwrap().id.to_string());
        ids.extend(sent);
    };
    send(1);
    assert!(matches!(events.next(), Some(Ok(Event::Message(_)))));
    server.stop();
    send(200);
    let server = Running::on(&address.to_string(), chat.clone());
    // All that was sent before is told before what comes now.
    assert!(matches!(events.next(), Some(Ok(Event::Lagged))));
    send(1);
    let messages: Vec<_> =
        std::iter::from_fn(|| events.next_timeout(PATIENCE).unwrap()).take(201).map(described).collect();
    assert_eq!(messages, ids[1..]);
    chat.session(messi.token()).unwrap().logout().unwrap();
    assert_eq!(told(&mut events), ["closed"]);
    server.stop();
}

#[test]
fn events_need_a_connection_of_their_own() {
    let (chat, _) = demo_chat(Limits::default());
    let server = Running::new(chat);
    let client = Client::over(TcpStream::connect(server.address).unwrap());
    let messi = client.login("messi", "surabaya").unwrap();
    assert!(matches!(messi.events(), Err(Error::Io(reason)) if reason.kind() == ErrorKind::Unsupported));
    messi.send("messi", "halo").unwrap();
    let mut events =
        Events::connect(server.address, &ClientOptions::new(), messi.token(), Some(MessageId::NONE)).unwrap();
    assert!(matches!(events.next(), Some(Ok(Event::Message(message))) if message.text == "halo"));
}
