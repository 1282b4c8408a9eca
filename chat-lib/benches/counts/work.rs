//! What is counted. What is prepared, and what is dropped afterwards, is not.

use std::hint::black_box;
use std::sync::Arc;

use chat_lib::Chat;
use chat_lib::clock::ManualClock;
use chat_lib::model::Profile;
use chat_lib::protocol::{Frame, Frames};
use chat_lib::store::{Memory, Store, SyncMode};
use gungraun::prelude::*;
use mimalloc::MiMalloc;
use tempfile::TempDir;

use crate::fixture::{self, Audience, Peer, TEXT, user};

/// The one of `chat-server`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Messages of each run: enough that what a map happens to hash to does not matter.
const MESSAGES: usize = 1024;

/// Requests that a client sends before it reads the first answer.
const DEPTH: usize = 32;

/// The C library copies a few KiB with one instruction that valgrind counts once per byte, if the processor is good at it.
const COPY_BY_LOOPS: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_rep_stosb_threshold=0x40000000";

/// The directory goes last.
type Kept<T> = (T, Option<TempDir>);

/// A chat for which time stands still.
fn chat(store: impl Store + 'static, users: usize) -> Chat {
    fixture::chat(store, ManualClock::default(), users)
}

fn memory() -> Kept<Chat> {
    (chat(Memory::new(), 2), None)
}

fn durable() -> Kept<Chat> {
    let (directory, store) = fixture::durable(SyncMode::Always);
    (chat(store, 2), Some(directory))
}

/// `MESSAGES` requests, as they are received: so many at once.
struct Sending {
    peer: Peer,
    received: Vec<u8>,
    times: usize,
}

impl Sending {
    fn new(chat: &Chat, depth: usize, request: impl FnOnce(&Peer) -> Vec<u8>) -> Self {
        let mut peer = Peer::new(chat, &user(0));
        let request = request(&peer);
        // The conversation begins with it.
        assert!(peer.ask(&request) > 0);
        Self { received: request.repeat(depth), times: MESSAGES / depth, peer }
    }

    fn run(&mut self) {
        for _ in 0..self.times {
            black_box(self.peer.ask(black_box(&self.received)));
        }
    }
}

fn lines((chat, directory): Kept<Chat>, depth: usize) -> Kept<Sending> {
    (Sending::new(&chat, depth, |peer| peer.send_line(&user(1))), directory)
}

fn calls((chat, directory): Kept<Chat>, depth: usize) -> Kept<Sending> {
    (Sending::new(&chat, depth, |_| fixture::send_call(&user(1))), directory)
}

#[library_benchmark]
#[bench::memory_1(lines(memory(), 1))]
#[bench::memory_32(lines(memory(), DEPTH))]
#[bench::durable_1(lines(durable(), 1))]
#[bench::durable_32(lines(durable(), DEPTH))]
fn line_send(mut sending: Kept<Sending>) -> Kept<Sending> {
    sending.0.run();
    sending
}

#[library_benchmark]
#[bench::memory_1(calls(memory(), 1))]
#[bench::memory_32(calls(memory(), DEPTH))]
fn rpc_send(mut sending: Kept<Sending>) -> Kept<Sending> {
    sending.0.run();
    sending
}

/// A user who has got `MESSAGES` messages, and what they ask.
fn waiting((chat, directory): Kept<Chat>, request: impl FnOnce(&Peer) -> Vec<u8>) -> Kept<(Peer, Vec<u8>)> {
    lines((chat.clone(), None), DEPTH).0.run();
    let reader = Peer::new(&chat, &user(1));
    let request = request(&reader);
    ((reader, request), directory)
}

fn inbox_line(peer: &Peer) -> Vec<u8> {
    format!("inbox {}\r\n", peer.token).into_bytes()
}

#[library_benchmark]
#[bench::inbox_memory(waiting(memory(), inbox_line))]
#[bench::inbox_durable(waiting(durable(), inbox_line))]
#[bench::history_memory(waiting(memory(), |_| fixture::history_call(&user(0), 100)))]
fn read(mut reader: Kept<(Peer, Vec<u8>)>) -> Kept<(Peer, Vec<u8>)> {
    let (peer, request) = &mut reader.0;
    let sent = black_box(peer.ask(black_box(request)));
    assert!(sent > 100 * TEXT.len());
    reader
}

#[library_benchmark]
#[bench::subscribers_100(Audience::new(&chat(Memory::new(), 101), 100))]
fn fan_out(mut audience: Audience) -> Audience {
    for _ in 0..DEPTH {
        black_box(audience.send());
    }
    audience
}

fn pipelined() -> (Frames, Vec<u8>) {
    let line = Peer::new(&memory().0, &user(0)).send_line(&user(1));
    (Frames::new(usize::MAX), line.repeat(DEPTH))
}

#[library_benchmark]
#[bench::pipelined_32(pipelined())]
fn frame((mut frames, received): (Frames, Vec<u8>)) -> (Frames, Vec<u8>) {
    for _ in 0..MESSAGES / DEPTH {
        let mut rest = black_box(received.as_slice());
        while let Some(Frame::Line(line)) = frames.next(&mut rest) {
            black_box(line);
        }
    }
    (frames, received)
}

/// A store, and who sends.
type Stored = (Box<dyn Store>, Arc<Profile>);

fn stored(store: impl Store + 'static) -> Stored {
    let sender = fixture::add_users(&store, 2).swap_remove(0);
    (Box::new(store), sender)
}

fn stored_in_memory() -> Kept<Stored> {
    (stored(Memory::new()), None)
}

fn stored_durably() -> Kept<Stored> {
    let (directory, store) = fixture::durable(SyncMode::Always);
    (stored(store), Some(directory))
}

#[library_benchmark]
#[bench::memory_1(stored_in_memory(), 1)]
#[bench::memory_256(stored_in_memory(), 256)]
#[bench::durable_1(stored_durably(), 1)]
#[bench::durable_256(stored_durably(), 256)]
fn commit(kept: Kept<Stored>, group: usize) -> Kept<Stored> {
    let ((store, from), to) = (&kept.0, user(1));
    for _ in 0..MESSAGES / group {
        fixture::commit(&**store, from, &to, group);
    }
    kept
}

library_benchmark_group!(name = all, benchmarks = [frame, line_send, rpc_send, read, fan_out, commit]);

gungraun::main!(
    config = LibraryBenchmarkConfig::default().env("GLIBC_TUNABLES", COPY_BY_LOOPS);
    library_benchmark_groups = all
);

/// Runs the benchmarks under valgrind; in the process that valgrind starts, the one of them that it is there for.
pub(crate) fn run() {
    main();
}
