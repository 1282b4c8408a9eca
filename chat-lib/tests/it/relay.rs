//! Servers of a cluster that serve each other's clients. Each has a chat of its own on one store, which only
//! does what the owner asks for, and their link loses packets on command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chat_lib::clock::ManualClock;
use chat_lib::entropy::Entropy;
use chat_lib::limits::Limits;
use chat_lib::server::{Handle, Link, Listener, PACKET_BYTES, Relay, ServerId};
use chat_lib::store::{CommitError, Memory};
use chat_lib::{Chat, Config, Error, Server};

use crate::faulty::{Fault, Faulty};
use crate::player::play_all;
use crate::support::{Counting, Running, cheap, demo_chat};

/// What carries packets, and how many it has carried.
#[derive(Default)]
struct Net {
    relays: Mutex<BTreeMap<ServerId, Relay>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From where to where packets are lost.
    cut: BTreeSet<(ServerId, ServerId)>,
    /// How many were lost that say something.
    lost: usize,
    /// The sizes of those that have arrived.
    sizes: BTreeMap<(ServerId, ServerId), Vec<usize>>,
}

struct LinkOf(ServerId, Arc<Net>);

impl Link for LinkOf {
    fn send(&self, to: ServerId, packet: Vec<u8>) {
        let Self(from, net) = self;
        assert!(packet.len() <= PACKET_BYTES);
        let mut state = net.state.lock().unwrap();
        if state.cut.contains(&(*from, to)) {
            state.lost += usize::from(packet.len() > 16);
            return;
        }
        state.sizes.entry((*from, to)).or_default().push(packet.len());
        drop(state);
        let relay = net.relays.lock().unwrap().get(&to).cloned();
        if let Some(relay) = relay {
            relay.receive(*from, &packet);
        }
    }
}

/// A store that is busy unless its server is the owner.
#[derive(Clone)]
struct Deposable(Arc<AtomicBool>);

impl Fault for Deposable {
    fn step(&self) -> Result<(), Error> {
        if self.0.load(Ordering::SeqCst) { Ok(()) } else { Err(Error::Busy) }
    }

    fn commit(&self) -> Result<(), CommitError> {
        self.step().map_err(CommitError::Undone)
    }
}

/// So that no two servers give the same tokens.
struct Shared(Arc<Counting>);

impl Entropy for Shared {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes)
    }
}

struct Member {
    id: ServerId,
    relay: Relay,
    chat: Chat,
    is_owner: Deposable,
    lines: SocketAddr,
    #[cfg(feature = "web")]
    web: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

struct Cluster {
    net: Arc<Net>,
    members: Vec<Member>,
}

impl Cluster {
    /// So many servers, of which the first one is the owner.
    fn new(servers: u8) -> Self {
        Self::with(servers, 1, Limits::default())
    }

    fn with(servers: u8, threads: usize, limits: Limits) -> Self {
        let (net, store) = (Arc::<Net>::default(), Arc::<Memory>::default());
        let entropy = Arc::new(Counting::default());
        let members: Vec<_> = (0..servers)
            .map(|number| {
                let id = ServerId::from_bytes([number; 16]);
                let relay = Relay::new(id, Arc::new(LinkOf(id, Arc::clone(&net))));
                net.relays.lock().unwrap().insert(id, relay.clone());
                let is_owner = Deposable(Arc::new(AtomicBool::new(true)));
                let config = Config {
                    store: Box::new(Faulty { store: Arc::clone(&store), fault: is_owner.clone() }),
                    clock: Box::new(ManualClock::default()),
                    entropy: Box::new(Shared(Arc::clone(&entropy))),
                    limits: limits.clone(),
                    password_cost: cheap(),
                    ..Config::default()
                };
                let chat = Chat::new(config);
                if number == 0 {
                    chat.add_demo_users().unwrap();
                }
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let builder = Server::builder(chat.clone()).listen(any).relay(relay.clone());
                #[cfg(feature = "web")]
                let builder = builder.listen(Listener::web(any, chat_lib::server::WebSite::new()));
                let server = builder.reactor_threads(NonZeroUsize::new(threads).unwrap()).bind().unwrap();
                let (lines, handle) = (server.addresses()[0], server.handle());
                #[cfg(feature = "web")]
                let web = server.web_addresses()[0];
                let thread = Some(thread::spawn(move || server.run()));
                Member {
                    id,
                    relay,
                    chat,
                    is_owner,
                    lines,
                    #[cfg(feature = "web")]
                    web,
                    handle,
                    thread,
                }
            })
            .collect();
        let cluster = Self { net, members };
        cluster.set_owner(Some(0));
        cluster
    }

    /// The owner's.
    fn chat(&self) -> &Chat {
        &self.members.iter().find(|member| member.is_owner.0.load(Ordering::SeqCst)).expect("an owner").chat
    }

    fn set_owner(&self, owner: Option<usize>) {
        for (place, member) in self.members.iter().enumerate() {
            member.is_owner.0.store(owner == Some(place), Ordering::SeqCst);
        }
        let owner = owner.map(|place| self.members[place].id);
        self.members.iter().for_each(|member| member.relay.set_owner(owner));
    }

    fn connect(&self, place: usize) -> BufReader<TcpStream> {
        connect(self.members[place].lines)
    }

    /// Logs in with protocol 2, and subscribes.
    fn subscribe(&self, place: usize, user: &str) -> BufReader<TcpStream> {
        let mut client = self.connect(place);
        let token = self.chat().open_session(user).unwrap().token();
        ask(&mut client, &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"resume","params":{{"token":"{token}"}}}}"#));
        let answer = ask(&mut client, r#"{"jsonrpc":"2.0","id":2,"method":"subscribe"}"#);
        assert!(answer.contains("next"), "{answer}");
        client
    }

    fn cut(&self, from: usize, to: usize, is_cut: bool) {
        let pair = (self.members[from].id, self.members[to].id);
        let cut = &mut self.net.state.lock().unwrap().cut;
        _ = if is_cut { cut.insert(pair) } else { cut.remove(&pair) };
    }

    /// The sizes of the packets that have arrived, but for those that say nothing.
    fn sizes(&self, from: usize, to: usize) -> Vec<usize> {
        let pair = (self.members[from].id, self.members[to].id);
        let state = self.net.state.lock().unwrap();
        state.sizes.get(&pair).into_iter().flatten().copied().filter(|size| *size > 16).collect()
    }

    fn stop(&mut self, place: usize) {
        self.members[place].handle.stop();
        self.members[place].thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.members.iter().for_each(|member| member.handle.stop());
    }
}

fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

fn send(client: &mut BufReader<TcpStream>, line: &str) {
    client.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The next line; nothing if the server has closed.
fn read(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    line
}

fn ask(client: &mut BufReader<TcpStream>, line: &str) -> String {
    send(client, line);
    read(client)
}

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const PONG: &str = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n";
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::yield_now();
    }
}

#[test]
fn transcripts_through_a_standby() {
    for (pipelined, threads) in [(false, 2), (true, 1)] {
        let mut cluster: Option<(String, Cluster)> = None;
        play_all(pipelined, |name| {
            if cluster.as_ref().is_none_or(|(played, _)| played != name) {
                cluster = Some((name.to_owned(), Cluster::with(2, threads, Limits::default())));
            }
            cluster.as_ref().unwrap().1.connect(1)
        });
    }
}

/// Sends all at once, and reads until the server has closed.
fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address).into_inner();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    // No two chats have the same.
    let epoch = answers.find("\"epoch\":\"").map_or(0..0, |start| start..start + 43);
    answers.replace(&answers[epoch], "")
}

#[test]
fn both_protocols_are_answered_as_by_the_owner_itself() {
    let limits = || Limits { line_bytes: 600, ..Limits::default() };
    let long = "x".repeat(700);
    let dialogs = [
        "auth messi surabaya\r\nhalo\r\nsend x henderson text\nwith an end\r\n".to_owned(),
        // The line that is too long ends with LF, and so do all after it.
        format!("{long}\nauth messi wrong\r\nauth henderson surabaya\n{long}{long}\nhalo\n"),
        format!("{{{long}\r\n{PING}\n\r\n{PING}\r\n{{{long}\r\n"),
        [
            r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"messi","password":"surabaya"}}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"send","params":{"to":"messi","text":"halo","key":"k"}}"#,
            r#"{"jsonrpc":"2.0","method":"send","params":{"to":"messi","text":"unanswered"}}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"history","params":{"with":"messi"}}"#,
            r#"{"jsonrpc":"2.0","id":"4","method":"nothing"}"#,
            "{",
            "[]",
            r#"{"jsonrpc":"2.0","id":5,"method":"logout"}"#,
            "",
        ]
        .join("\n"),
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    for dialog in dialogs {
        let direct = Running::new(demo_chat(limits()).0);
        let cluster = Cluster::with(2, 1, limits());
        let wanted = exchange(direct.address, dialog.as_bytes());
        assert!(!wanted.is_empty());
        assert_eq!(exchange(cluster.members[1].lines, dialog.as_bytes()), wanted, "{dialog}");
        assert_eq!(exchange(cluster.members[0].lines, b"halo\n").matches("ERROR").count(), 1);
    }
}

#[test]
fn a_thousand_requests_at_once() {
    let cluster = Cluster::new(2);
    let token = cluster.chat().open_session("messi").unwrap().token();
    let requests: String =
        (0..1000).map(|number| format!("send {token} henderson {number} {}\n", "x".repeat(100))).collect();
    let answers = exchange(cluster.members[1].lines, requests.as_bytes());
    assert_eq!(answers.matches("Message Sent").count(), 1000);
    let packets = cluster.sizes(1, 0).len();
    assert!((1..100).contains(&packets), "{packets}");
    let inbox = cluster.chat().login("henderson", "surabaya").unwrap().inbox().unwrap();
    assert_eq!(inbox.len(), 1000);
}

#[test]
fn a_slow_reader_holds_up_nobody() {
    let cluster = Cluster::new(2);
    let messi = cluster.chat().open_session("messi").unwrap();
    (0..80).for_each(|_| _ = messi.send("messi", &"x".repeat(60_000)).unwrap());
    let mut slow = cluster.connect(1);
    send(&mut slow, &format!("inbox {}", messi.token()));
    let sent = || cluster.sizes(0, 1).iter().sum::<usize>();
    wait_until("something is sent", || sent() > 100_000);
    let mut quick = cluster.connect(1);
    (0..100).for_each(|_| assert_eq!(ask(&mut quick, PING), PONG));
    assert!(sent() < 6_000_000, "what the sockets hold, and what may be on its way: {}", sent());
    let answer = ask(&mut slow, "halo");
    assert_eq!(answer.matches(&"x".repeat(60_000)).count(), 80);
    assert!(sent() > 4_800_000);
}

#[test]
fn an_answer_comes_before_its_event() {
    let cluster = Cluster::new(2);
    let mut client = cluster.subscribe(1, "messi");
    for number in 0..100 {
        let answer =
            ask(&mut client, r#"{"jsonrpc":"2.0","id":3,"method":"send","params":{"to":"messi","text":"halo"}}"#);
        assert!(answer.contains(r#""id":3"#), "{number}: {answer}");
        let event = read(&mut client);
        assert!(event.contains(r#""method":"message""#), "{number}: {event}");
    }
}

#[test]
fn an_event_is_sent_once_to_a_server() {
    let cluster = Cluster::new(2);
    let (messi, henderson) =
        (cluster.chat().open_session("messi").unwrap(), cluster.chat().open_session("henderson").unwrap());
    messi.create_room("#all", "", true).unwrap();
    henderson.join_room("#all").unwrap();
    let mut subscribers: Vec<_> = (0..50).map(|_| cluster.subscribe(1, "henderson")).collect();
    let before = cluster.sizes(0, 1);
    let text = "x".repeat(20_000);
    let mut sender = cluster.connect(0);
    assert!(ask(&mut sender, &format!("sendgroup {} #all {text}", messi.token())).contains("Message Sent"));
    for subscriber in &mut subscribers {
        assert!(read(subscriber).contains(&text));
    }
    let sent: usize = cluster.sizes(0, 1)[before.len()..].iter().sum();
    assert!((20_000..40_000).contains(&sent), "{sent}");
}

#[test]
fn what_was_lost_is_not_done_again() {
    let cluster = Cluster::new(2);
    let token = cluster.chat().open_session("messi").unwrap().token();
    let mut idle = cluster.subscribe(1, "lineker");
    let mut asking = cluster.connect(1);
    assert_eq!(ask(&mut asking, PING), PONG);
    cluster.cut(0, 1, true);
    send(&mut asking, &format!("send {token} henderson halo"));
    wait_until("the answer is lost", || cluster.net.state.lock().unwrap().lost > 0);
    cluster.cut(0, 1, false);
    let began = Instant::now();
    assert_eq!(read(&mut asking), "", "nobody knows");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(ask(&mut idle, PING), PONG);
    cluster.chat().open_session("messi").unwrap().send("lineker", "are you there").unwrap();
    assert!(read(&mut idle).contains("are you there"));
    assert_eq!(cluster.chat().login("henderson", "surabaya").unwrap().inbox().unwrap().len(), 1);
}

#[test]
fn a_server_that_is_out_of_reach_is_noticed() {
    let cluster = Cluster::new(2);
    let mut idle = cluster.connect(1);
    assert_eq!(ask(&mut idle, PING), PONG);
    let mut asking = cluster.connect(1);
    assert_eq!(ask(&mut asking, PING), PONG);
    cluster.cut(0, 1, true);
    cluster.cut(1, 0, true);
    let began = Instant::now();
    assert_eq!(ask(&mut asking, PING), "");
    let elapsed = began.elapsed();
    assert!(elapsed < Duration::from_millis(3100), "{elapsed:?}");
    // It waits for a while, and is refused then.
    assert!(ask(&mut idle, PING).contains("\"busy\""));
    let relay = &cluster.members[1].relay;
    assert!(!relay.reaches_owner());
    cluster.cut(0, 1, false);
    cluster.cut(1, 0, false);
    wait_until("it is served again", || ask(&mut idle, PING) == PONG);
    assert!(relay.reaches_owner());
}

#[test]
fn subscribers_are_complete_after_changes_of_owner() {
    let cluster = Cluster::with(3, 2, Limits::default());
    let mut subscribers: Vec<_> = (0..6).map(|number| cluster.subscribe(number % 3, "messi")).collect();
    const MESSAGES: usize = 600;
    thread::scope(|scope| {
        scope.spawn(|| {
            let owners = [Some(1), Some(2), None, Some(0), Some(2), Some(0)];
            for (number, owner) in (0..MESSAGES).zip(owners.into_iter().cycle().flat_map(|owner| [owner; 60])) {
                if number % 60 == 0 {
                    cluster.set_owner(owner);
                    if owner.is_none() {
                        thread::sleep(Duration::from_millis(100));
                        cluster.set_owner(Some(1));
                    }
                }
                cluster.chat().open_session("henderson").unwrap().send("messi", &format!("number {number}.")).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        });
        for subscriber in &mut subscribers {
            for number in 0..MESSAGES {
                let mut event = read(subscriber);
                while !event.contains(r#""method":"message""#) {
                    assert!(event.contains("presence"), "{number}: {event}");
                    event = read(subscriber);
                }
                assert!(event.contains(&format!("number {number}.")), "{number}: {event}");
            }
        }
    });
    for subscriber in &mut subscribers {
        send(subscriber, PING);
        while read(subscriber) != PONG {}
        let answer = ask(subscriber, r#"{"jsonrpc":"2.0","id":3,"method":"profile","params":{"name":"M"}}"#);
        assert!(answer.contains("\"result\""), "its session is bound: {answer}");
    }
}

#[test]
fn nobody_is_served_without_an_owner() {
    let cluster = Cluster::new(2);
    let mut clients = [cluster.connect(0), cluster.connect(1)];
    clients.iter_mut().for_each(|client| assert_eq!(ask(client, PING), PONG));
    // An unfinished line survives.
    clients.iter_mut().for_each(|client| client.get_mut().write_all(br#"{"jsonrpc":"2.0","id":"#).unwrap());
    cluster.set_owner(None);
    for client in &mut clients {
        let answer = ask(client, r#"8,"method":"ping"}"#);
        assert!(answer.contains(r#""id":8"#) && answer.contains("\"busy\""), "{answer}");
        let answer = ask(client, "halo");
        assert!(answer.contains("\"code\": \"busy\""), "{answer}");
        assert_eq!(read(client), "\r\n");
    }
    cluster.set_owner(Some(1));
    for client in &mut clients {
        wait_until("there is an owner", || ask(client, PING) == PONG);
    }
}

#[test]
fn the_end_of_a_session_and_of_servers_is_told() {
    let mut cluster = Cluster::new(3);
    let mut ending = cluster.connect(1);
    let token = cluster.chat().open_session("lineker").unwrap().token();
    let resume = |token| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"resume","params":{{"token":"{token}"}}}}"#);
    ask(&mut ending, &resume(token));
    cluster.set_owner(Some(2));
    cluster.chat().answer(format!("logout {token}").as_bytes());
    assert!(read(&mut ending).contains(r#""closed""#));
    let mut subscribed = cluster.subscribe(1, "messi");
    let mut elsewhere = cluster.subscribe(0, "henderson");
    // The owner's clients are told that it stops, and those of others are not.
    cluster.stop(2);
    cluster.set_owner(Some(0));
    cluster.chat().open_session("lineker").unwrap().send("messi", "go on").unwrap();
    assert!(read(&mut subscribed).contains("go on"));
    wait_until("it is served", || ask(&mut elsewhere, PING) == PONG);
    cluster.stop(1);
    assert!(read(&mut subscribed).contains("server_stopping"));
    assert_eq!(read(&mut subscribed), "");
}

#[cfg(feature = "web")]
#[test]
fn a_browser_through_a_standby() {
    use tungstenite::Message;
    use tungstenite::client::IntoClientRequest;
    let cluster = Cluster::new(2);
    let web = cluster.members[1].web;
    let request = format!("ws://{web}/ws").into_client_request().unwrap();
    let stream = connect(web).into_inner();
    let mut socket = tungstenite::client(request, stream).unwrap().0;
    let mut exchange = |line: &str| {
        socket.send(Message::text(line)).unwrap();
        socket.read().unwrap().into_text().unwrap().as_str().to_owned()
    };
    assert_eq!(exchange(PING), PONG.trim_end());
    assert!(exchange("halo").contains("-32700"), "all are JSON there");
    cluster.set_owner(Some(1));
    assert_eq!(exchange(PING), PONG.trim_end());
    cluster.set_owner(None);
    assert!(exchange(PING).contains("\"busy\""));
}
