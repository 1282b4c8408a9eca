//! What users and conversations take in a chat that lives in memory.

use std::fs;

use chat_lib::store::Memory;

use super::MIB;
use super::fill::{self, Size};

pub(crate) fn run(size: Size) {
    let store = Memory::new();
    fill::begin(&store);
    let before = resident();
    fill::users(&store, size.users);
    let users = resident();
    fill::conversations(&store, size, 0);
    let conversations = resident();
    fill::end(&store);
    let per = |bytes: f64, count: usize| bytes / count as f64;
    println!("{} users, {} conversations in memory: {:.0} MiB", size.users, size.conversations, conversations / MIB);
    println!("{:.0} bytes per user", per(users - before, size.users));
    println!("{:.0} bytes per conversation", per(conversations - users, size.conversations));
}

/// How many bytes of memory this process has.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}
