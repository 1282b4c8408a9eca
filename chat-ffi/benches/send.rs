//! What a `send` costs through C, against the same call in Rust: `cargo bench -p chat-ffi`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::ffi::c_char;
use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use chat::accounts::chat_add_demo_users;
use chat::calls::{chat_login, chat_send, chat_token};
use chat::handle::chat as chat_handle;
use chat::open::{chat_close, chat_open};
use chat::status::chat_status;
use chat_lib::Chat;

const CALLS: u32 = 20_000;
const ROUNDS: usize = 15;
const TEXT: &str = "Sixty-four bytes of text, as a person would write it in a hurry";

type Send = unsafe extern "C" fn(*mut chat_handle, *const chat_token, *const c_char, *const c_char) -> chat_status;

fn main() {
    let (mut rust, mut c): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (through_rust(), through_c())).unzip();
    let (rust, c) = (median(&mut rust), median(&mut c));
    println!("send in Rust: {rust:.0} ns; through C: {c:.0} ns; ratio {:.2}", c / rust);
}

/// A fresh chat for each round, so that both fill the same mailbox to the same length.
fn through_rust() -> Duration {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    let token = chat.login("messi", "surabaya").unwrap();
    timed(|| chat.send(black_box(&token), black_box("henderson"), black_box(TEXT)).unwrap())
}

fn through_c() -> Duration {
    let mut chat = ptr::null_mut();
    let mut token = chat_token { text: [0; 37] };
    let text = format!("{TEXT}\0");
    // Not to be inlined: a program in C could not either.
    let send: Send = black_box(chat_send);
    // SAFETY: all text ends with NUL, and what is written to can be.
    unsafe {
        assert_eq!(chat_open(ptr::null(), &raw mut chat), chat_status::CHAT_OK);
        assert_eq!(chat_add_demo_users(chat), chat_status::CHAT_OK);
        let login = chat_login(chat, c"messi".as_ptr(), c"surabaya".as_ptr(), &raw mut token);
        assert_eq!(login, chat_status::CHAT_OK);
    }
    let took = timed(|| {
        // SAFETY: as above.
        let status = unsafe { send(chat, black_box(&raw const token), c"henderson".as_ptr(), text.as_ptr().cast()) };
        assert_eq!(status, chat_status::CHAT_OK);
    });
    assert_eq!(chat_close(chat), chat_status::CHAT_OK);
    took
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
