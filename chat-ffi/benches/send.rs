//! What a `send` costs through C, against the same in Rust: `cargo bench -p chat-ffi --bench send`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::ffi::c_char;
use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use chat::buffer::{chat_buffer, chat_buffer_free};
use chat::handle::{chat as chat_handle, chat_session};
use chat::open::{chat_answer, chat_close, chat_open};
use chat::operator::chat_add_demo_users;
use chat::session::messages::{chat_sent, chat_session_send};
use chat::session::{chat_login, chat_session_free, chat_session_token, chat_token};
use chat::status::chat_status;
use chat_lib::Chat;

const CALLS: u32 = 20_000;
const ROUNDS: usize = 15;
const TEXT: &str = "Sixty-four bytes of text, as a person would write it in a hurry";

type Answer = unsafe extern "C" fn(*mut chat_handle, *const u8, usize, *mut chat_buffer) -> chat_status;
type Send = unsafe extern "C" fn(*mut chat_session, *const c_char, *const c_char, *mut chat_sent) -> chat_status;

fn main() {
    let mut rounds = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        rounds[0].push(answer_in_rust());
        rounds[1].push(answer_through_c());
        rounds[2].push(send_in_rust());
        rounds[3].push(send_through_c());
    }
    let [answer, c_answer, send, c_send] = rounds.map(|mut rounds| median(&mut rounds));
    println!("a line, answered: {answer:.0} ns in Rust, {c_answer:.0} ns through C; ratio {:.2}", c_answer / answer);
    println!("send as a call: {send:.0} ns in Rust, {c_send:.0} ns through C; ratio {:.2}", c_send / send);
}

/// A fresh chat for each round, so that all fill the same mailbox to the same length.
fn answer_in_rust() -> Duration {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    let line = format!("send {} henderson {TEXT}\r\n", chat.login("messi", "surabaya").unwrap().token());
    timed(|| drop(black_box(chat.answer(black_box(line.as_bytes())))))
}

fn answer_through_c() -> Duration {
    let (chat, session) = open();
    let mut token = chat_token { text: [0; 37] };
    // SAFETY: the token can be written to.
    assert_eq!(unsafe { chat_session_token(session, &raw mut token) }, chat_status::CHAT_OK);
    let token = String::from_utf8(token.text.iter().take(36).map(|c| c.cast_unsigned()).collect()).unwrap();
    let line = format!("send {token} henderson {TEXT}\r\n");
    // Not to be inlined: a program in C could not either.
    let answer: Answer = black_box(chat_answer);
    let took = timed(|| {
        let mut buffer = chat_buffer { data: ptr::null_mut(), len: 0, capacity: 0 };
        // SAFETY: the line is there, and the buffer can be written to, and is freed once.
        unsafe {
            assert_eq!(answer(chat, line.as_ptr(), line.len(), &raw mut buffer), chat_status::CHAT_OK);
            chat_buffer_free(&raw mut buffer);
        }
    });
    assert_eq!(chat_session_free(session), chat_status::CHAT_OK);
    assert_eq!(chat_close(chat), chat_status::CHAT_OK);
    took
}

fn send_in_rust() -> Duration {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    let session = chat.login("messi", "surabaya").unwrap();
    timed(|| {
        session.send(black_box("henderson"), black_box(TEXT)).unwrap();
    })
}

fn send_through_c() -> Duration {
    let (chat, session) = open();
    let text = format!("{TEXT}\0");
    let send: Send = black_box(chat_session_send);
    let took = timed(|| {
        // SAFETY: all text ends with NUL.
        let status = unsafe { send(black_box(session), c"henderson".as_ptr(), text.as_ptr().cast(), ptr::null_mut()) };
        assert_eq!(status, chat_status::CHAT_OK);
    });
    assert_eq!(chat_session_free(session), chat_status::CHAT_OK);
    assert_eq!(chat_close(chat), chat_status::CHAT_OK);
    took
}

fn open() -> (*mut chat_handle, *mut chat_session) {
    let (mut chat, mut session) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: all text ends with NUL, and what is written to can be.
    unsafe {
        assert_eq!(chat_open(ptr::null(), &raw mut chat), chat_status::CHAT_OK);
        assert_eq!(chat_add_demo_users(chat), chat_status::CHAT_OK);
        let login = chat_login(chat, c"messi".as_ptr(), c"surabaya".as_ptr(), &raw mut session);
        assert_eq!(login, chat_status::CHAT_OK);
    }
    (chat, session)
}

fn timed(mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..CALLS).for_each(|_| call());
    start.elapsed()
}

/// In nanoseconds per call.
fn median(rounds: &mut [Duration]) -> f64 {
    rounds.sort();
    rounds[rounds.len() / 2].as_secs_f64() * 1e9 / f64::from(CALLS)
}
