//! How long each layer takes, by Criterion: `cargo bench -p chat-lib --bench layers`, with a part of a name behind `--` for some of
//! them. `cargo test` runs each once, on less data.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod engine;
#[path = "../fixture/mod.rs"]
mod fixture;
mod frame;
mod history;
mod line;
mod rpc;
mod stores;

use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    frame::benches(&mut criterion);
    line::benches(&mut criterion);
    rpc::benches(&mut criterion);
    engine::benches(&mut criterion);
    stores::benches(&mut criterion);
    history::benches(&mut criterion);
    criterion.final_summary();
}

/// Times calls that leave something behind: after `calls` of them, they go on with something fresh.
fn on_fresh<T>(bencher: &mut Bencher<'_>, calls: u64, fresh: impl Fn() -> T, mut call: impl FnMut(&mut T)) {
    bencher.iter_custom(|iterations| {
        let (mut left, mut took) = (iterations, Duration::ZERO);
        while left > 0 {
            let calls = left.min(calls);
            let mut subject = fresh();
            let began = Instant::now();
            (0..calls).for_each(|_| call(&mut subject));
            took += began.elapsed();
            left -= calls;
        }
        took
    });
}
