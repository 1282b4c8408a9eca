//! A server whose peers speak an awkward transport does for them what it does over TCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::lock_step::PADDING;
use crate::engine::{Chat, Config};
use crate::error::Error;
use crate::limits::Limits;
use crate::server::{Handle, Listener, Server};

/// A server that listens for TCP and for the transport of [`lock_step`](super::lock_step).
struct Running {
    tcp: SocketAddr,
    lock_step: SocketAddr,
    handle: Handle,
    thread: JoinHandle<Result<(), Error>>,
}

impl Running {
    fn new(chat: Chat) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::builder(chat)
            .listen(Listener::tcp(any))
            .listen(Listener::lock_step(any))
            .reactor_threads(NonZeroUsize::MIN)
            .job_threads(NonZeroUsize::MIN)
            .bind()
            .unwrap();
        let &[tcp, lock_step] = server.addresses() else { panic!("{:?}", server.addresses()) };
        Self { tcp, lock_step, handle: server.handle(), thread: thread::spawn(move || server.run()) }
    }

    fn stop(self) {
        self.handle.stop();
        self.thread.join().unwrap().unwrap();
    }
}

fn chat(limits: Limits) -> Chat {
    Chat::new(Config { limits, ..Config::default() })
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// A client that speaks the transport.
struct LockStepClient {
    stream: TcpStream,
    answers: Vec<u8>,
}

impl LockStepClient {
    fn connect(address: SocketAddr) -> Self {
        let mut client = Self { stream: connect(address), answers: Vec::new() };
        assert_eq!(client.read_frame(), b'h');
        client.stream.write_all(b"h").unwrap();
        client
    }

    fn send(&mut self, requests: &[u8]) {
        for byte in requests {
            self.stream.write_all(&[b'd', *byte]).unwrap();
            while self.read_frame() != b'a' {}
        }
    }

    /// Reads until the server has said that it is done, and closes as well.
    fn read_to_end(mut self) -> Vec<u8> {
        while self.read_frame() != b'e' {}
        assert_eq!(self.stream.read(&mut [0]).unwrap(), 0);
        self.answers
    }

    /// Reads the next frame. If it is data, that is kept as answers, and acknowledged.
    fn read_frame(&mut self) -> u8 {
        match self.read_byte() {
            0 => {
                io::copy(&mut (&self.stream).take(PADDING as u64 - 1), &mut io::sink()).unwrap();
                self.read_frame()
            }
            b'd' => {
                let mut bytes = vec![0; self.read_byte().into()];
                self.stream.read_exact(&mut bytes).unwrap();
                self.answers.extend(bytes);
                self.stream.write_all(b"c").unwrap();
                b'd'
            }
            other => other,
        }
    }

    fn read_byte(&mut self) -> u8 {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).unwrap();
        byte[0]
    }
}

/// Requests of one user, whose answers are the same each time.
fn requests(chat: &Chat) -> String {
    let token = chat.login("messi", "surabaya").unwrap().token();
    let send = format!("send {token} messi {}\r\n", "x".repeat(400));
    format!("halo\r\n{}inbox {token}\r\nactiveuser {token}\r\nlogout {token}\r\nx", send.repeat(5))
}

#[test]
fn answers_do_not_depend_on_the_transport() {
    // So that an inbox does not fit, and the peer is not read from for a while.
    let chat = chat(Limits { reply_bytes: 500, ..Limits::default() });
    chat.add_demo_users().unwrap();
    let server = Running::new(chat.clone());

    let mut stream = connect(server.tcp);
    stream.write_all(requests(&chat).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut over_tcp = Vec::new();
    stream.read_to_end(&mut over_tcp).unwrap();

    let mut client = LockStepClient::connect(server.lock_step);
    client.send(requests(&chat).as_bytes());
    client.stream.write_all(b"e").unwrap();
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    assert_eq!(answers, String::from_utf8(over_tcp).unwrap());
    assert_eq!((answers.matches("Message Sent").count(), answers.matches("msg_from").count()), (5, 5));
    server.stop();
}

#[test]
fn a_handshake_that_is_not_completed_ends_and_an_idle_peer_does_not() {
    let server = Running::new(chat(Limits { line_time: Duration::from_millis(50), ..Limits::default() }));
    let mut idle = LockStepClient::connect(server.lock_step);
    let mut stream = connect(server.lock_step);
    let read = io::copy(&mut stream, &mut io::sink()).unwrap();
    assert_eq!(read, PADDING as u64 + 1, "the server's part of the handshake");
    idle.send(b"halo\n");
    drop(idle);
    server.stop();
}

#[test]
fn a_stop_says_goodbye() {
    let server = Running::new(chat(Limits::default()));
    let mut client = LockStepClient::connect(server.lock_step);
    client.send(b"halo\n");
    server.handle.stop();
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    assert_eq!(answers.matches("Command tidak benar").count(), 1);
    server.stop();
}
