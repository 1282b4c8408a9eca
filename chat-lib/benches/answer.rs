//! What it costs to answer a `send` in memory: `cargo bench -p chat-lib --bench answer`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use chat_lib::Chat;

const CALLS: u32 = 20_000;
const ROUNDS: usize = 15;

fn main() {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| nanoseconds()).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{:.0}", rounds[ROUNDS / 2]);
}

/// Of one call, on a fresh chat, so that every round fills the same mailbox to the same length.
fn nanoseconds() -> f64 {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    let token = chat.login("messi", "surabaya").unwrap().token();
    let line = format!("send {token} henderson Sixty-four bytes of text, as a person would write it in a hurry\r\n");
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(chat.answer(black_box(line.as_bytes())));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}
