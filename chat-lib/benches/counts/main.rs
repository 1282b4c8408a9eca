//! How many instructions the hot paths take: `cargo bench -p chat-lib --bench counts`. Unlike a time, that is the same in each
//! run and on a busy machine, so CI fails when a count differs by more than [`TOLERANCE`](report::TOLERANCE) from the committed
//! one. It needs valgrind and `gungraun-runner`, in the version that `Cargo.lock` has of `gungraun`.
//!
//! - `COUNTS=write cargo bench -p chat-lib --bench counts` commits to what is counted now.
//! - `cargo bench -p chat-lib --bench counts -- '*fan_out*'` counts only that.
//! - `COUNTS=raw cargo bench -p chat-lib --bench counts` shows what the runner shows, such as cache misses, and takes its options.
//!
//! The kernel's work is not counted, nor are other threads'. Counts depend on the compilers of Rust and C (of SQLite and the
//! allocator) and a little on the C library. They do not depend on the machine, as long as it has AVX2: valgrind shows programs the
//! same processor everywhere.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

#[path = "../fixture/mod.rs"]
mod fixture;
mod report;
mod work;

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use self::report::Counts;

/// What to do with the counts.
const MODE: &str = "COUNTS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = std::env::var(MODE).unwrap_or_default();
    // Without `--bench`, it is a test that they run at all.
    if mode == "raw" || !arguments.iter().any(|argument| argument == "--bench") {
        work::run();
        return ExitCode::SUCCESS;
    }
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        eprintln!("The committed counts are for Linux on x86-64.");
        return ExitCode::FAILURE;
    }
    let Some(counted) = count(&arguments) else { return ExitCode::FAILURE };
    let is_whole = arguments.iter().all(|argument| argument.starts_with('-'));
    if mode == "write" {
        report::write(counted, is_whole);
        return ExitCode::SUCCESS;
    }
    match report::check(&counted, is_whole) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("\n{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Counts, and prints each count; `None` if the runner has failed and said why.
fn count(arguments: &[String]) -> Option<Counts> {
    let mut runner = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(arguments)
        .arg("--output-format=json")
        .env(MODE, "raw")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    let lines = BufReader::new(runner.stdout.take().expect("it is piped")).lines();
    println!("{:<24} {:>12}   change", "", "instructions");
    let mut counts = Counts::new();
    for line in lines {
        let (name, count) = report::read(&line.expect("the runner writes text"));
        report::print(&name, count);
        counts.insert(name, count);
    }
    runner.wait().expect("it was started").success().then_some(counts)
}
