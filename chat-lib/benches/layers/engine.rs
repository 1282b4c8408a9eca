//! The rules, on a store in memory: without a protocol where a call has none, and with protocol 2 where subscribers are told.

use std::hint::black_box;

use chat_lib::Session;
use chat_lib::clock::SystemClock;
use chat_lib::model::MessageId;
use chat_lib::store::{Memory, Position};
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::fixture::{self, Audience, TEXT, user};
use crate::on_fresh;

/// Sends to a fresh chat, before it is full.
const SENDS: u64 = 20_000;

/// Messages of an inbox and of a page.
const PAGE: usize = 100;

/// Messages to a fresh room of subscribers.
const MESSAGES: u64 = 200;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.bench_function("send", |bencher| {
        on_fresh(
            bencher,
            SENDS,
            || sessions(0),
            |(from, _)| {
                black_box(from.send(black_box(&user(1)), black_box(TEXT)).unwrap());
            },
        );
    });
    group.throughput(Throughput::Elements(PAGE as u64));
    group.bench_function("inbox_of_100", |bencher| {
        on_fresh(bencher, 1, || sessions(PAGE), |(_, to)| assert_eq!(black_box(to.inbox().unwrap()).len(), PAGE));
    });
    group.bench_function("history_of_100", |bencher| {
        let (_, to) = sessions(10 * PAGE);
        let last = Position::Before(MessageId::MAX);
        bencher.iter(|| black_box(to.history(&user(0), last, PAGE).unwrap()).messages.len());
    });
    for subscribers in [1, 10, 100, 1000] {
        group.throughput(Throughput::Elements(subscribers as u64));
        group.bench_with_input(BenchmarkId::new("fan_out", subscribers), &subscribers, |bencher, &subscribers| {
            let fresh = || Audience::new(&fixture::chat(Memory::new(), SystemClock, subscribers + 1), subscribers);
            on_fresh(bencher, MESSAGES, fresh, |audience| {
                black_box(audience.send());
            });
        });
    }
}

/// Of two users, one of whom has sent the other some messages.
fn sessions(messages: usize) -> (Session, Session) {
    let chat = fixture::chat(Memory::new(), SystemClock, 2);
    let (from, to) = (chat.open_session(&user(0)).unwrap(), chat.open_session(&user(1)).unwrap());
    for _ in 0..messages {
        from.send(to.user(), TEXT).unwrap();
    }
    (from, to)
}
