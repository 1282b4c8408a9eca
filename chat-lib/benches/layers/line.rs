//! Protocol 1: a line to a request, a reply to an answer, and both around the engine.

use std::hint::black_box;

use chat_lib::Chat;
use chat_lib::clock::{SystemClock, Timestamp};
use chat_lib::model::MessageId;
use chat_lib::protocol::{Reply, line};
use chat_lib::store::Memory;
use criterion::Criterion;

use crate::fixture::{self, Peer, user};
use crate::on_fresh;

/// The calls from C and Python are measured in rounds of as many.
const CALLS: u64 = 20_000;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    let (_, request) = sending();
    group.bench_function("parse_send", |bencher| {
        bencher.iter(|| black_box(line::parse(black_box(&request))).is_ok());
    });
    let reply = Ok(Reply::Sent { id: MessageId::new(1_000_000).unwrap(), time: Timestamp::EPOCH });
    let mut out = Vec::new();
    group.bench_function("write_sent", |bencher| {
        bencher.iter(|| {
            out.clear();
            line::reply::write(black_box(&reply), &mut out);
            out.len()
        });
    });
    // `chat-py/benches/send.py` compares itself with this one.
    group.bench_function("answer_send", |bencher| {
        on_fresh(bencher, CALLS, sending, |(chat, line)| {
            black_box(chat.answer(black_box(line)));
        });
    });
}

fn sending() -> (Chat, Vec<u8>) {
    let chat = fixture::chat(Memory::new(), SystemClock, 2);
    let line = Peer::new(&chat, &user(0)).send_line(&user(1));
    (chat, line)
}
