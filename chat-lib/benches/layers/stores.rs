//! Commits of a store in memory, and of one on a disk, which is synced with each.

use chat_lib::store::{Memory, Store, SyncMode};
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::fixture::{add_users, commit, durable, user};
use crate::on_fresh;

/// Messages that are committed together.
const GROUPS: [usize; 4] = [1, 16, 256, 4096];

/// Messages of a fresh store, so that it takes little memory.
const MESSAGES: usize = 65_536;

pub(crate) fn benches(criterion: &mut Criterion) {
    let in_memory = || ((), Memory::new());
    commits(criterion, "commit_in_memory", in_memory);
    commits(criterion, "commit_durably", || durable(SyncMode::Always));
}

/// The directory comes with the store, if it has one.
fn commits<D, S: Store>(criterion: &mut Criterion, name: &str, store: impl Fn() -> (D, S)) {
    let mut group = criterion.benchmark_group("stores");
    for messages in GROUPS {
        group.throughput(Throughput::Elements(messages as u64));
        group.bench_with_input(BenchmarkId::new(name, messages), &messages, |bencher, &messages| {
            let fresh = || {
                let (directory, store) = store();
                let from = add_users(&store, 2).swap_remove(0);
                (store, directory, from)
            };
            let (calls, to) = ((MESSAGES / messages) as u64, user(1));
            on_fresh(bencher, calls, fresh, |(store, _, from)| commit(store, from, &to, messages));
        });
    }
}
