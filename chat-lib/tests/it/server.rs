//! The server over real sockets: slow, rude and absent peers, and a clean stop.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use chat_lib::limits::{JOBS_WAITING, Limits};
use chat_lib::model::{PasswordCost, Registration};
use chat_lib::protocol::Event;
use chat_lib::server::ServerBuilder;
use chat_lib::{Chat, Client, Config, Error, NewUser, Server};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{Domain, SockRef, Socket, Type};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, cheap, demo_chat, tokens};

const SOON: Duration = Duration::from_millis(50);
const REFUSED: &[u8] = b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n";

fn start(limits: Limits) -> Running {
    Running::new(demo_chat(limits).0)
}

/// A demo chat that takes registrations.
fn open_chat() -> Chat {
    let chat = Chat::new(Config { registration: Registration::Open, password_cost: cheap(), ..Config::default() });
    chat.add_demo_users().unwrap();
    chat
}

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn read_exactly(stream: &mut TcpStream, wanted: &[u8]) {
    let mut answer = vec![0; wanted.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer.escape_ascii().to_string(), wanted.escape_ascii().to_string());
}

/// It once hung when the end of the stream came together with the last request: one event told of
/// both, and reading stopped at the request.
#[test]
fn a_peer_that_half_closes_gets_its_answers_first() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    stream.write_all(&b"halo\r\n".repeat(1000)).unwrap();
    stream.write_all(b"a line without its end is not answered").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    assert_eq!(answers, REFUSED.repeat(1000));
}

/// Reading stops at urgent data, and what is behind it has brought its event already: the rest of the line was never read.
#[test]
fn urgent_data_stalls_nobody() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    for _ in 0..20 {
        stream.write_all(b"ha").unwrap();
        SockRef::from(&stream).send_out_of_band(b"!").unwrap();
        stream.write_all(b"lo\r\n").unwrap();
        read_exactly(&mut stream, REFUSED);
    }
}

/// A web page could have a browser post lines to the server, which did what they said.
#[test]
fn what_a_browser_posts_is_not_obeyed() {
    let server = Running::new(open_chat());
    let body = "register ana secret Ana Lima\r\nauth messi surabaya\r\n";
    let headers = "Host: localhost:8889\r\nContent-Type: text/plain\r\n\r\n";
    let long = "x".repeat(Limits::default().line_bytes);
    for request in [
        format!("POST / HTTP/1.1\r\n{headers}{body}"),
        format!("GET /{long} HTTP/1.1\r\n{headers}{body}"),
        format!("register /ana HTTP/1.1\r\n{body}"),
    ] {
        let mut stream = connect(&server);
        // The server may have closed before it is all written.
        stream.write_all(request.as_bytes()).ok();
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).ok();
        let answers = String::from_utf8(answers).unwrap();
        assert!(!answers.contains("OK") && answers.matches("Command tidak benar").count() == 1, "{answers}");
    }
    let mut stream = connect(&server);
    stream.write_all(b"halo\r\nregister bob secret HTTP/1.1\r\n").unwrap();
    read_exactly(&mut stream, REFUSED);
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"{\"status\": \"OK\"", "only a first line is a request line");
    assert_eq!(server.chat.users().unwrap().len(), 4);
}

#[test]
fn a_line_too_long_is_refused_once_and_the_connection_lives() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    let cap = Limits::default().line_bytes;
    // A line of just the cap is read; it is no command.
    stream.write_all(&[&vec![b'x'; cap - 1][..], b"\n"].concat()).unwrap();
    read_exactly(&mut stream, REFUSED);
    let wanted: &[u8] = b"{\"status\": \"ERROR\", \"message\": \"the line is longer than 65536 bytes; send a shorter one\", \"code\": \"line_too_long\"}\r\n\r\n";
    stream.write_all(&vec![b'x'; cap]).unwrap();
    read_exactly(&mut stream, wanted);
    // Ten megabytes more of the same line are passed over.
    stream.write_all(&vec![b'x'; 10 * 1024 * 1024]).unwrap();
    stream.write_all(b"\nhalo\n").unwrap();
    read_exactly(&mut stream, REFUSED);
}

#[test]
fn a_peer_that_never_ends_its_line_is_closed_and_an_idle_one_is_not() {
    let server = start(Limits { line_time: SOON, ..Limits::default() });
    let mut idle = connect(&server);
    idle.write_all(b"halo\n").unwrap();
    read_exactly(&mut idle, REFUSED);
    for begun in [&b"auth messi"[..], &vec![b'x'; 100_000], b"halo\nauth"] {
        let mut stream = connect(&server);
        stream.write_all(begun).unwrap();
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(problem) => assert_eq!(problem.kind(), ErrorKind::ConnectionReset),
        }
    }
    // All of that took longer than `line_time`, at least three times.
    idle.write_all(b"halo\n").unwrap();
    read_exactly(&mut idle, REFUSED);
}

/// Writes the same line until the server has stopped reading; gives how many whole lines it took
/// in, and what remains to be sent of the last one.
fn write_until_blocked<'a>(stream: &mut TcpStream, line: &'a [u8]) -> (usize, &'a [u8]) {
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&line[written % line.len()..]) {
            Ok(count) => written += count,
            Err(problem) => {
                assert!(matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{problem}");
                return (written / line.len(), &line[written % line.len()..]);
            }
        }
    }
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    let line = [&vec![b'x'; 999][..], b"\n"].concat();
    let (lines, rest) = write_until_blocked(&mut stream, &line);
    // What the sockets' buffers of both directions can hold, and the server's own MiB.
    let answers = lines * REFUSED.len();
    assert!(answers < 16 * 1024 * 1024, "{answers} bytes of answers wait");

    // Others are served, and nothing is lost once it reads again.
    let mut other = connect(&server);
    other.write_all(b"halo\n").unwrap();
    read_exactly(&mut other, REFUSED);
    for _ in 0..lines {
        read_exactly(&mut stream, REFUSED);
    }
    stream.set_write_timeout(None).unwrap();
    stream.write_all(if rest.len() == line.len() { &[] } else { rest }).unwrap();
    stream.write_all(b"halo\n").unwrap();
    for _ in 0..1 + usize::from(rest.len() < line.len()) {
        read_exactly(&mut stream, REFUSED);
    }
}

#[test]
fn many_large_answers_to_small_requests_wait_for_their_reader() {
    let (chat, _) = demo_chat(Limits { reply_bytes: 1000, ..Limits::default() });
    let text = "x".repeat(60_000);
    let server = Running::new(chat);
    let client = Client::connect(server.address).unwrap();
    let messi = client.login("messi", "surabaya").unwrap();
    for _ in 0..200 {
        messi.send("messi", &text).unwrap();
    }
    let mut stream = connect(&server);
    // One read brings all of these to the server, and the first answer alone is 12 MB.
    stream.write_all(format!("inbox {}\n", messi.token()).repeat(500).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches(&text).count(), 200);
    assert_eq!(answers.matches("\r\n\r\n").count(), 500);
}

#[test]
fn a_peer_that_takes_no_answers_for_too_long_is_closed() {
    let server = start(Limits { stall_time: SOON, reply_bytes: 100_000, ..Limits::default() });
    let mut stream = connect(&server);
    let line = [&vec![b'x'; 999][..], b"\n"].concat();
    let problem = loop {
        if let Err(problem) = stream.write_all(&line) {
            break problem;
        }
    };
    assert!(matches!(problem.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{problem}");
}

#[test]
fn a_stop_answers_what_was_sent_before_it() {
    let server = Running::on("127.0.0.21:0", demo_chat(Limits::default()).0);
    let mut streams: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for stream in &mut streams {
        stream.write_all(&b"halo\n".repeat(100)).unwrap();
        // The connection has been accepted for sure once this is here.
        read_exactly(stream, REFUSED);
    }
    let address = server.address;
    server.stop();
    for stream in &mut streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, REFUSED.repeat(99));
    }
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// Sends calls that succeed, and reads their answers.
fn call(stream: &mut BufReader<TcpStream>, calls: &[&str]) -> Vec<String> {
    let text: String = calls.iter().map(|call| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,{call}}}\n")).collect();
    stream.get_mut().write_all(text.as_bytes()).unwrap();
    let answer = |_| {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(line.contains("\"result\""), "{line}");
        line
    };
    (0..calls.len()).map(answer).collect()
}

#[test]
fn a_stop_tells_subscribers() {
    let server = start(Limits::default());
    let messi = server.chat.login("messi", "surabaya").unwrap();
    let resume = format!(r#""method":"resume","params":{{"token":"{}"}}"#, messi.token());
    let mut bound = BufReader::new(connect(&server));
    call(&mut bound, &[&resume]);
    // So many that they are still being replayed to one that takes none.
    for number in 0..200 {
        messi.send("henderson", &format!("{number} {}", "x".repeat(60_000))).unwrap();
    }
    let mut replayed = BufReader::new(connect(&server));
    call(&mut replayed, &[&resume, r#""method":"subscribe","params":{"after":0}"#]);
    let mut subscribers = [(); 8].map(|()| BufReader::new(connect(&server)));
    for subscriber in &mut subscribers {
        call(subscriber, &[&resume, r#""method":"subscribe""#]);
    }
    server.handle.stop();

    let closed = "{\"jsonrpc\":\"2.0\",\"method\":\"closed\",\"params\":{\"reason\":\"server_stopping\"}}";
    for mut subscriber in subscribers {
        let mut events = String::new();
        subscriber.read_to_string(&mut events).unwrap();
        assert_eq!(events.lines().last(), Some(closed));
        assert_eq!(events.matches(closed).count(), 1);
    }
    let mut events = String::new();
    replayed.read_to_string(&mut events).unwrap();
    let told: Vec<_> = events.lines().collect();
    assert_eq!(told.last(), Some(&closed));
    assert!(told.len() < 200, "a stop does not wait for a replay");
    let mut rest = String::new();
    bound.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "it has not subscribed");
    let chat = server.chat.clone();
    server.stop();
    assert!(chat.session(messi.token()).is_ok(), "the session goes on");
}

/// A server that is started again is the usual case.
#[test]
fn events_go_on_after_a_stop() {
    let server = Running::on("127.0.0.33:0", demo_chat(Limits::default()).0);
    let (address, chat) = (server.address, server.chat.clone());
    let mut events = Client::connect(address).unwrap().login("messi", "surabaya").unwrap().events().unwrap();
    server.stop();
    let _server = Running::on(&address.to_string(), chat.clone());
    chat.login("henderson", "surabaya").unwrap().send("messi", "halo").unwrap();
    let told = std::iter::repeat_with(|| events.next().unwrap().unwrap());
    let message =
        told.take_while(|event| !matches!(event, Event::Closed { .. })).find(|it| matches!(it, Event::Message(_)));
    assert!(message.is_some(), "the events have ended");
}

#[test]
fn a_stop_does_not_wait_for_a_peer_that_reads_nothing() {
    let server = start(Limits { shutdown_grace: SOON, ..Limits::default() });
    let mut stream = connect(&server);
    let line = [&vec![b'x'; 999][..], b"\n"].concat();
    write_until_blocked(&mut stream, &line);
    server.stop();
}

#[test]
fn sessions_expire_by_the_chats_clock() {
    let idle = Limits::default().session_idle;
    let (chat, clock) = demo_chat(Limits::default());
    let server = Running::new(chat);
    let client = Client::connect(server.address).unwrap();
    let used = client.login("messi", "surabaya").unwrap();
    let unused = client.login("henderson", "surabaya").unwrap();
    clock.advance(idle - Duration::from_millis(1));
    used.inbox().unwrap();
    assert_eq!(used.active_users().unwrap().len(), 2);
    clock.advance(Duration::from_millis(1));
    assert_eq!(used.active_users().unwrap().len(), 1);
    for outcome in [unused.inbox().map(drop), unused.logout(), unused.send("messi", "").map(drop)] {
        assert!(matches!(outcome, Err(Error::NoSuchSession)));
    }
    clock.advance(idle);
    assert!(matches!(used.inbox(), Err(Error::NoSuchSession)));
}

#[test]
fn several_addresses_and_one_that_is_taken() {
    let (chat, _) = demo_chat(Limits::default());
    let addresses = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().unwrap());
    let server = Server::bind(chat.clone(), &addresses[..]).unwrap();
    let (bound, handle) = (server.addresses().to_vec(), server.handle());
    assert_eq!(bound.len(), 2);
    let taken = Server::bind(chat.clone(), bound[0]).unwrap_err();
    assert!(matches!(&taken, Error::Listen { address, .. } if *address == bound[0]), "{taken}");
    let none: &[std::net::SocketAddr] = &[];
    assert!(Server::bind(chat, none).is_err());
    let running = std::thread::spawn(move || server.run());
    for address in bound {
        Client::connect(address).unwrap().login("messi", "surabaya").unwrap();
    }
    handle.stop();
    running.join().unwrap().unwrap();
}

/// `--listen 0.0.0.0:P --listen [::]:P` failed with "Address already in use", and so did each pair of addresses of which
/// one includes the other.
#[test]
fn addresses_may_overlap() {
    let (chat, _) = demo_chat(Limits::default());
    let bind = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|address| address.parse::<SocketAddr>().unwrap());
        let builder = addresses.fold(Server::builder(chat.clone()).allow_cleartext(), ServerBuilder::listen);
        builder.bind().map(|server| server.addresses().to_vec())
    };
    chat.remove_user("messi").unwrap();
    chat.remove_user("henderson").unwrap();
    chat.remove_user("lineker").unwrap();
    let free = bind(&["127.0.0.24:0"]).unwrap()[0].port();
    for (addresses, bound) in [
        (&["0.0.0.0", "[::]"][..], 2),
        (&["[::]", "0.0.0.0"], 2),
        (&["[::]", "127.0.0.1"], 2),
        (&["[::]", "[::1]"], 1),
        (&["127.0.0.1", "0.0.0.0"], 1),
        (&["127.0.0.1", "127.0.0.1"], 1),
        (&["127.0.0.1", "[::1]"], 2),
        (&["[::ffff:127.0.0.1]"], 1),
        (&["[::ffff:127.0.0.1]", "127.0.0.1"], 1),
        (&["[::]", "[::ffff:0.0.0.0]"], 2),
    ] {
        for port in [0, free] {
            let addresses: Vec<String> = addresses.iter().map(|host| format!("{host}:{port}")).collect();
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let found = bind(&addresses).unwrap_or_else(|problem| panic!("{addresses:?}: {problem}"));
            assert_eq!(found.len(), bound, "{addresses:?}");
            assert!(found.iter().all(|address| address.port() == found[0].port() && address.port() != 0));
        }
    }
    let any: SocketAddr = "[::]:0".parse().unwrap();
    let both = Server::builder(chat.clone()).listen(any).allow_cleartext().bind().unwrap();
    let port = both.addresses()[0].port();
    chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "" }).unwrap();
    let handle = both.handle();
    let running = thread::spawn(move || both.run());
    for host in ["127.0.0.1", "::1"] {
        let host: IpAddr = host.parse().unwrap();
        let session = Client::connect(SocketAddr::new(host, port)).unwrap().login("ana", "secret").unwrap();
        let from = chat.sessions().unwrap()[0].from.unwrap();
        assert_eq!(from.ip(), host, "IPv4 does not look like IPv6");
        session.logout().unwrap();
    }
    handle.stop();
    running.join().unwrap().unwrap();
}

/// A process that was forked while a server ran has copies of its sockets: peers could connect to a server that was gone,
/// and did not see the end of their connections.
#[test]
fn a_stop_is_seen_though_others_hold_the_sockets() {
    let server = start(Limits::default());
    let address = server.address;
    let mut stream = connect(&server);
    stream.write_all(b"halo\r\n").unwrap();
    read_exactly(&mut stream, REFUSED);
    // What a forked child would have.
    let copies = copies_of_sockets(address);
    assert_eq!(copies.len(), 2, "the listener and the connection");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    server.stop();
    assert!(TcpStream::connect(address).is_err());
    assert!(Server::bind(Chat::memory(), address).is_ok(), "the port can be listened on again");
    drop(copies);
}

/// Copies of this process's sockets that are bound to `address`.
fn copies_of_sockets(address: SocketAddr) -> Vec<OwnedFd> {
    let names = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let sockets = names
        .filter(|path| std::fs::read_link(path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:")));
    let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let number = |path: std::path::PathBuf| path.file_name()?.to_str()?.parse().ok();
    // Another test may have closed it meanwhile.
    let copies = sockets.filter_map(number).filter_map(|fd| pidfd_getfd(&own, fd, PidfdGetfdFlags::empty()).ok());
    copies.filter(|socket| SockRef::from(socket).local_addr().is_ok_and(|at| at.as_socket() == Some(address))).collect()
}

#[test]
fn two_servers_of_one_chat() {
    let (chat, _) = demo_chat(Limits::default());
    let (one, two) = (Running::new(chat.clone()), Running::new(chat));
    let token = Client::connect(one.address).unwrap().login("messi", "surabaya").unwrap().token();
    Client::connect(two.address).unwrap().session_of("messi", token).send("messi", "halo").unwrap();
    one.stop();
    assert_eq!(Client::connect(two.address).unwrap().session_of("messi", token).inbox().unwrap().len(), 1);
    assert_eq!(Some(token), tokens().next());
}

#[test]
fn a_stopped_server_leaves_its_chat_usable() {
    let chat: Chat = demo_chat(Limits::default()).0;
    Running::new(chat.clone()).stop();
    assert_eq!(chat.answer(b"halo"), REFUSED);
}

/// It once closed with requests unread behind the answers, and the system then threw away answers
/// that were on their way: a peer that goes on sending got a quarter of what had been done for it.
#[test]
fn a_stop_while_a_peer_goes_on_sending_loses_no_answer() {
    // On a busy machine, so small a window can stand still for seconds.
    let (chat, _) = demo_chat(Limits { shutdown_grace: Duration::from_secs(60), ..Limits::default() });
    let server = Running::new(chat.clone());
    let token = Client::connect(server.address).unwrap().login("messi", "surabaya").unwrap().token();
    // With so little room at this end, most answers are still at the other one when it stops.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    // One that was not served yet would just be closed.
    stream.write_all(b"halo\n").unwrap();
    stream.read_exact(&mut [0; REFUSED.len()]).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let handle = server.handle.clone();
    let (stopped, stopping) = channel();
    let sender = std::thread::spawn(move || {
        let line = format!("send {token} messi {}\n", "x".repeat(100));
        for number in 0.. {
            if number == 10_000 {
                handle.stop();
                stopped.send(()).unwrap();
            }
            if sending.write_all(line.as_bytes()).is_err() {
                break;
            }
        }
    });
    stopping.recv().unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    // The peer hangs up once it has seen the end, as clients do.
    stream.shutdown(Shutdown::Both).unwrap();
    sender.join().unwrap();
    server.stop();
    let answers = String::from_utf8(answers).unwrap();
    assert!(answers.ends_with("\r\n\r\n"));
    let stored = chat.answer(format!("inbox {token}").as_bytes());
    let stored = String::from_utf8(stored).unwrap().matches("xxx\\n").count();
    assert_eq!(answers.matches("Message Sent").count(), stored);
}

struct Faultless;

impl Fault for Faultless {}

/// A chat in which it takes long to check ana's password, and not bob's.
fn chat_with_a_slow_login() -> Chat {
    let store = Arc::default();
    let chat = |password_cost, name| {
        let store = Box::new(Faulty { store: Arc::clone(&store), fault: Faultless });
        let limits = Limits { failed_logins: u32::MAX, ..Limits::default() };
        let chat = Chat::new(Config { store, limits, password_cost, ..Config::default() });
        chat.add_user(NewUser { name, password: "secret", full_name: name, country: "" }).unwrap();
        chat
    };
    chat(PasswordCost::default(), "ana");
    // The least cost would be no job.
    chat(PasswordCost::new(16, 1, 1).unwrap(), "bob")
}

#[test]
fn a_password_that_takes_long_delays_nobody_else() {
    const LOGINS: usize = 10;
    let server = Running::new(chat_with_a_slow_login());
    let mut slow = [(); 4].map(|()| connect(&server));
    for stream in &mut slow {
        stream.write_all(&b"auth ana wrong\n".repeat(LOGINS)).unwrap();
        stream.write_all(b"auth ana secret\nhalo\n").unwrap();
    }
    // One on each reactor, at least.
    for _ in 0..4 {
        let mut other = connect(&server);
        other.write_all(b"halo\n").unwrap();
        read_exactly(&mut other, REFUSED);
    }
    let early = slow.each_mut().map(|stream| {
        stream.set_nonblocking(true).unwrap();
        let mut seen = vec![0; 100_000];
        let count = stream.read(&mut seen).unwrap_or(0);
        stream.set_nonblocking(false).unwrap();
        String::from_utf8_lossy(&seen[..count]).into_owned()
    });
    for (stream, early) in slow.iter_mut().zip(early) {
        assert!(early.matches("Password Salah").count() < LOGINS, "the others had to wait");
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        let all = early + &rest;
        assert_eq!(all.matches("Password Salah").count(), LOGINS);
        let after = all.rsplit("Password Salah\"}\r\n\r\n").next().unwrap();
        assert!(after.contains("tokenid") && after.ends_with(std::str::from_utf8(REFUSED).unwrap()), "order is lost");
    }
}

#[test]
fn too_many_logins_at_once_are_turned_away() {
    const SLOW: usize = 20;
    let server = Running::new(chat_with_a_slow_login());
    let mut streams: Vec<_> = (0..SLOW + JOBS_WAITING).map(|_| connect(&server)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let user = if number < SLOW { "ana" } else { "bob" };
        stream.write_all(format!("auth {user} secret\n").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let answers = streams.iter_mut().map(|stream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let (busy, done): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.contains("\"code\": \"busy\""));
    assert!(!busy.is_empty() && done.len() >= JOBS_WAITING, "{} were turned away", busy.len());
    assert!(done.iter().all(|answer| answer.contains("tokenid")));
}

#[test]
fn a_stop_while_passwords_are_checked() {
    let server = Running::new(chat_with_a_slow_login());
    let mut streams: Vec<_> = (0..10).map(|_| connect(&server)).collect();
    for stream in &mut streams {
        stream.write_all(b"auth ana secret\nhalo\n").unwrap();
    }
    // A peer that is gone when its login has been checked is nobody's harm.
    drop(streams.pop());
    let mut last = connect(&server);
    last.write_all(b"halo\n").unwrap();
    read_exactly(&mut last, REFUSED);
    server.stop();
    for stream in &mut streams {
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert!(answers.contains("tokenid") && answers.ends_with(std::str::from_utf8(REFUSED).unwrap()));
    }
}

/// A byte from a peer once ended a server that had been told to wait for ever.
#[test]
fn limits_at_their_ends() {
    let (least, most) = (Duration::ZERO, Duration::MAX);
    let server = start(Limits {
        line_time: most,
        stall_time: most,
        shutdown_grace: most,
        session_idle: most,
        ..Limits::default()
    });
    let mut stream = connect(&server);
    stream.write_all(b"h").unwrap();
    let mut other = connect(&server);
    other.write_all(b"halo\n").unwrap();
    read_exactly(&mut other, REFUSED);
    stream.write_all(b"alo\n").unwrap();
    read_exactly(&mut stream, REFUSED);
    server.stop();

    let server = start(Limits { reply_bytes: 0, shutdown_grace: least, session_idle: least, ..Limits::default() });
    let mut stream = connect(&server);
    stream.write_all(b"halo\nhalo\n").unwrap();
    read_exactly(&mut stream, &REFUSED.repeat(2));
    server.stop();
}
