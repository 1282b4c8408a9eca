//! Bytes to lines.

use std::hint::black_box;

use chat_lib::protocol::{Frame, Frames};
use criterion::{Criterion, Throughput};

use crate::fixture::TEXT;

/// Lines of a pipelining client.
const LINES: usize = 32;

/// What a packet carries on Ethernet.
const PIECE_BYTES: usize = 1460;

/// What a client writes at a time that does not buffer.
const WORD_BYTES: usize = 8;

pub(crate) fn benches(criterion: &mut Criterion) {
    let line = format!("send 0123abcd-0123-4123-8123-0123456789ab henderson {TEXT}\r\n");
    let lines = line.repeat(LINES);
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    for (name, bytes) in [("whole", lines.len()), ("by_packet", PIECE_BYTES), ("by_word", WORD_BYTES)] {
        group.bench_function(name, |bencher| bencher.iter(|| split(black_box(lines.as_bytes()), bytes)));
    }
}

/// Returns how many bytes the lines have.
fn split(received: &[u8], piece_bytes: usize) -> usize {
    let mut frames = Frames::new(usize::MAX);
    let mut bytes = 0;
    for mut piece in received.chunks(piece_bytes) {
        while let Some(frame) = frames.next(&mut piece) {
            if let Frame::Line(line) = frame {
                bytes += line.len();
            }
        }
    }
    bytes
}
