//! Every transcript, through each of the ways in.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use chat_lib::limits::Limits;
use chat_lib::{Chat, Connection, Outbox};

use crate::player::{Wire, play_all};
use crate::support::{Running, demo_chat};

#[test]
fn lines_answered_by_the_chat() {
    play_all(false, fresh(|chat| Lines { chat: chat.clone(), answers: VecDeque::new() }));
}

#[test]
fn connection_fed_whole() {
    play_all(false, fresh(|chat| Fed::new(chat, usize::MAX)));
}

#[test]
fn connection_fed_byte_by_byte() {
    play_all(false, fresh(|chat| Fed::new(chat, 1)));
}

#[test]
fn connection_pipelined() {
    play_all(true, fresh(|chat| Fed::new(chat, usize::MAX)));
}

#[test]
fn server_over_sockets() {
    for pipelined in [false, true] {
        let mut server: Option<(String, Running)> = None;
        play_all(pipelined, |name| {
            if server.as_ref().is_none_or(|(played, _)| played != name) {
                server = Some((name.to_owned(), Running::new(demo_chat(Limits::default()).0)));
            }
            let (_, running) = server.as_ref().unwrap();
            BufReader::new(TcpStream::connect(running.address).unwrap())
        });
    }
}

/// Makes connections to a chat that is new for each transcript.
fn fresh<W>(connect: impl Fn(&Chat) -> W) -> impl FnMut(&str) -> W {
    let mut current: Option<(String, Chat)> = None;
    move |name| {
        if current.as_ref().is_none_or(|(played, _)| played != name) {
            current = Some((name.to_owned(), demo_chat(Limits::default()).0));
        }
        connect(&current.as_ref().unwrap().1)
    }
}

struct Lines {
    chat: Chat,
    answers: VecDeque<Vec<u8>>,
}

impl Wire for Lines {
    fn send(&mut self, bytes: &[u8]) {
        // One request, whatever line ends are in it.
        self.answers.push_back(self.chat.answer(bytes));
    }

    fn receive(&mut self) -> Vec<u8> {
        self.answers.pop_front().expect("an answer")
    }
}

struct Fed {
    connection: Connection,
    size: usize,
    out: Outbox,
}

impl Fed {
    fn new(chat: &Chat, size: usize) -> Self {
        Self { connection: Connection::new(chat.clone()), size, out: Outbox::new(chat) }
    }
}

impl Wire for Fed {
    fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.size) {
            assert_eq!(self.connection.receive(piece, &mut self.out), piece.len());
        }
    }

    fn receive(&mut self) -> Vec<u8> {
        let output = self.out.output();
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
        let answer = output[..end].to_vec();
        self.out.sent(end);
        answer
    }
}

impl Wire for BufReader<TcpStream> {
    fn send(&mut self, bytes: &[u8]) {
        self.get_mut().write_all(bytes).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(self.read_until(b'\n', &mut answer).unwrap() > 0, "the server closed the connection");
        }
        answer
    }
}
