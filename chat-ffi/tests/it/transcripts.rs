//! The transcripts, through the functions that C calls: answered lines, and a connection fed whole and byte by
//! byte.

use std::collections::VecDeque;
use std::rc::Rc;
use std::{ptr, slice};

use chat::buffer::{chat_buffer, chat_buffer_free};
use chat::connection::{
    chat_connection_free, chat_connection_new, chat_connection_output, chat_connection_receive, chat_connection_sent,
};
use chat::handle::{chat as chat_handle, chat_connection};
use chat::open::{chat_answer, chat_close, chat_open};
use chat::operator::chat_add_demo_users;
use chat::status::chat_status;

use crate::player::{Wire, play_all};

#[test]
fn answered_lines() {
    play_all(false, fresh(|chat| Lines { chat, answers: VecDeque::new() }));
}

#[test]
fn a_connection_fed_whole() {
    play_all(false, fresh(|chat| Fed::new(chat, usize::MAX)));
}

#[test]
fn a_connection_fed_byte_by_byte() {
    play_all(false, fresh(|chat| Fed::new(chat, 1)));
}

#[test]
fn a_connection_pipelined() {
    play_all(true, fresh(|chat| Fed::new(chat, usize::MAX)));
}

/// Makes connections to a chat that is new for each transcript.
fn fresh<W>(connect: impl Fn(Rc<Open>) -> W) -> impl FnMut(&str) -> W {
    let mut current: Option<(String, Rc<Open>)> = None;
    move |name| {
        if current.as_ref().is_none_or(|(played, _)| played != name) {
            current = Some((name.to_owned(), Rc::new(Open::new())));
        }
        connect(Rc::clone(&current.as_ref().unwrap().1))
    }
}

fn ok(status: chat_status) {
    assert_eq!(status, chat_status::CHAT_OK);
}

struct Open(*mut chat_handle);

impl Open {
    fn new() -> Self {
        let mut chat = ptr::null_mut();
        // SAFETY: `chat` can be written to.
        ok(unsafe { chat_open(ptr::null(), &raw mut chat) });
        ok(chat_add_demo_users(chat));
        Self(chat)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        ok(chat_close(self.0));
    }
}

struct Lines {
    chat: Rc<Open>,
    answers: VecDeque<Vec<u8>>,
}

impl Wire for Lines {
    fn send(&mut self, bytes: &[u8]) {
        // One request, whatever line ends are in it.
        let mut answer = chat_buffer { data: ptr::null_mut(), len: 0, capacity: 0 };
        // SAFETY: the line is there, and `answer` can be written to.
        ok(unsafe { chat_answer(self.chat.0, bytes.as_ptr(), bytes.len(), &raw mut answer) });
        // SAFETY: the buffer is as the library has filled it, with a NUL behind its bytes.
        let bytes = unsafe { slice::from_raw_parts(answer.data, answer.len + 1) };
        self.answers.push_back(bytes.strip_suffix(b"\0").unwrap().to_vec());
        // SAFETY: as above, and it is freed once.
        unsafe { chat_buffer_free(&raw mut answer) };
    }

    fn receive(&mut self) -> Vec<u8> {
        self.answers.pop_front().expect("an answer")
    }
}

struct Fed {
    _chat: Rc<Open>,
    connection: *mut chat_connection,
    size: usize,
}

impl Fed {
    fn new(chat: Rc<Open>, size: usize) -> Self {
        let mut connection = ptr::null_mut();
        // SAFETY: `connection` can be written to.
        ok(unsafe { chat_connection_new(chat.0, ptr::null(), &raw mut connection) });
        Self { _chat: chat, connection, size }
    }
}

impl Wire for Fed {
    fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.size) {
            let mut taken = 0;
            // SAFETY: the piece is there, and `taken` can be written to.
            ok(unsafe { chat_connection_receive(self.connection, piece.as_ptr(), piece.len(), &raw mut taken) });
            assert_eq!(taken, piece.len());
        }
    }

    fn receive(&mut self) -> Vec<u8> {
        let (mut data, mut len) = (ptr::null(), 0);
        // SAFETY: both can be written to.
        ok(unsafe { chat_connection_output(self.connection, &raw mut data, &raw mut len) });
        // SAFETY: the connection has shown that there are as many bytes, and is not used while they are.
        let output = unsafe { slice::from_raw_parts(data, len) };
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
        let answer = output[..end].to_vec();
        ok(chat_connection_sent(self.connection, end));
        answer
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        ok(chat_connection_free(self.connection));
    }
}
