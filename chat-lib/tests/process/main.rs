//! Tests that need the process to themselves, one after the other: they change its working directory, or read its log,
//! of which `tracing` remembers per process which lines nobody wants.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard, PoisonError};

mod data_directory;
#[path = "../it/faulty.rs"]
mod faulty;
mod log;

/// Lets no other test run until it is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
