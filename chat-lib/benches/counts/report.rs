//! The committed counts, and how others differ from them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Instructions of each benchmark.
pub(crate) type Counts = BTreeMap<String, u64>;

/// How much a count may differ, as a part of the committed one. Runs differ by 0.02 %.
pub(crate) const TOLERANCE: f64 = 0.03;

const RENEW: &str = "COUNTS=write cargo bench -p chat-lib --bench counts";

/// A benchmark's name and count, from what the runner says.
pub(crate) fn read(summary: &str) -> (String, u64) {
    let summary: Value = serde_json::from_str(summary).expect("the runner writes an object on each line");
    let word = |key: &str| summary[key].as_str().expect("a benchmark has it");
    let count = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new").and_then(Value::as_u64);
    (format!("{}.{}", word("function_name"), word("id")), count.expect("instructions are counted"))
}

/// Shows a count beside the committed one.
pub(crate) fn print(name: &str, count: u64) {
    match committed().get(name) {
        Some(&committed) => println!("{name:<24} {count:>12} {:>+8.2} %", 100.0 * change(committed, count)),
        None => println!("{name:<24} {count:>12}      new"),
    }
}

/// Says which counts are off, and what to do about it. Committed ones that were not counted are, if all should have been.
pub(crate) fn check(counted: &Counts, is_whole: bool) -> Result<(), String> {
    let committed = committed();
    let mut complaint = String::new();
    for (name, &count) in counted {
        let outcome = match committed.get(name) {
            None => writeln!(complaint, "{name} is new"),
            Some(&old) if change(old, count) > TOLERANCE => {
                writeln!(complaint, "{name} got SLOWER: {count} instructions instead of {old}, {}", percent(old, count))
            }
            Some(&old) if change(old, count) < -TOLERANCE => {
                writeln!(complaint, "{name} got faster: {count} instructions instead of {old}, {}", percent(old, count))
            }
            Some(_) => Ok(()),
        };
        outcome.expect("a string can be written to");
    }
    for name in committed.keys().filter(|name| is_whole && !counted.contains_key(*name)) {
        writeln!(complaint, "{name} is gone").expect("a string can be written to");
    }
    if complaint.is_empty() {
        return Ok(());
    }
    let most = 100.0 * TOLERANCE;
    Err(format!(
        "{complaint}\nCounts must be within {most} % of chat-lib/benches/counts.json. If a change is worth what it costs, \
         or to keep what it gains, renew them and commit the file:\n\n    {RENEW}\n\nIf nothing was changed that could \
         explain it, compare the compilers: the committed counts are those of Rust 1.95, and of Debian 12's gcc and C library."
    ))
}

/// Commits to these counts; of those that were not counted, only if all were.
pub(crate) fn write(counted: Counts, is_whole: bool) {
    let mut counts = if is_whole { Counts::new() } else { committed() };
    counts.extend(counted);
    let text = serde_json::to_string_pretty(&counts).expect("numbers can be written");
    std::fs::write(file(), text + "\n").expect("the file can be written");
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/counts.json")
}

fn committed() -> Counts {
    let text = std::fs::read(file()).unwrap_or_else(|_| b"{}".to_vec());
    serde_json::from_slice(&text).expect("the file has numbers")
}

fn change(old: u64, new: u64) -> f64 {
    (new as f64 - old as f64) / old as f64
}

fn percent(old: u64, new: u64) -> String {
    format!("{:+.1} %", 100.0 * change(old, new))
}
