//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine: a test that waits for this has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at: it is somebody else's, in another process, who cannot tell when it comes.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until there is an answer.
///
/// # Panics
///
/// There is none within [`PATIENCE`]; `what` says what it is.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until(Instant::now() + PATIENCE, ask).unwrap_or_else(|| panic!("{what}: not within {PATIENCE:?}"))
}

/// Waits until there is an answer, but not past `deadline`.
pub fn until<T>(deadline: Instant, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(PAUSE);
    }
}
