//! The chat server as one binary: arguments, log and signals around `chat_lib::Server`, and what an
//! operator does with its data.

/// Says a line on stderr, if anybody is there to read it. What others wrote may be in it.
macro_rules! say {
    ($($text:tt)*) => { crate::log::say(tracing::Level::INFO, &format!($($text)*)) };
}

mod accept;
mod args;
mod cluster;
mod config;
mod control;
mod data;
mod descriptors;
mod flags;
#[cfg(test)]
mod generated;
mod listen;
mod log;
mod monitor;
mod permissions;
mod reload;
mod serve;
mod service;
mod task;
mod terminal;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mimalloc::MiMalloc;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;
use tracing::Level;

use crate::args::Task;
use crate::log::report_panics;

/// With the C library's, messages that are kept for a while and the buffers that come and go between them make a server's memory
/// grow to three times what it uses.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    report_panics();
    avoid_huge_pages();
    // With a handler, a file that may not grow is an error like a full disk, and does not end the process.
    if let Err(problem) = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))) {
        say!("chat-server: SIGXFSZ cannot be handled: {problem}");
    }
    let mut configuration = match config::read() {
        Ok(configuration) => configuration,
        Err(wrong) => return wrong.say(),
    };
    configuration.say_warnings();
    let outcome = match configuration.args.task.take() {
        Some(Task::Config(task)) => return config::run(task, configuration.args.config),
        Some(task) => task::run(task),
        None => serve::run(configuration),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log::say(Level::ERROR, &format!("chat-server: {}", in_words(&*problem)));
            ExitCode::FAILURE
        }
    }
}

/// Has the system give out memory in pages of 4 KiB. It may clear huge pages of 2 MiB instead, and everybody waits meanwhile: that took 7 ms
/// on a virtual machine that gets its memory from its host bit by bit, six times as long as for as much in small pages.
fn avoid_huge_pages() {
    // Where it is refused, memory only comes less evenly.
    #[cfg(target_os = "linux")]
    rustix::thread::disable_transparent_huge_pages(true).ok();
}

fn in_words(problem: &(dyn Error + 'static)) -> String {
    match problem.downcast_ref::<chat_lib::Error>() {
        // Its own sentence is for peers of a server.
        Some(chat_lib::Error::Storage(reason)) => format!("the data cannot be read or written: {reason}"),
        Some(ours) => ours.with_reasons(),
        None => chat_lib::with_reasons(problem),
    }
}
