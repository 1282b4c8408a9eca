//! How long a peer may take to complete a request, to take its answers, and to close after the server has.
//!
//! Only times since when something is awaited are kept; [`Limits`] say how long.

use std::time::Instant;

use crate::limits::{LINGER_TIMEOUT, Limits};

#[derive(Default)]
pub(super) struct Deadlines {
    /// Since when the peer has a line, a frame or a handshake to complete.
    request: Option<Instant>,
    /// Since when the peer has not taken any answers that wait for it.
    stalled: Option<Instant>,
    /// Since when the server has closed its side; `None` again if the peer may take its time.
    finished: Option<Instant>,
}

impl Deadlines {
    /// Sets whether the peer has something to complete. If it had before, its time goes on.
    pub(super) fn set_mid_request(&mut self, mid_request: bool) {
        match mid_request {
            true => _ = self.request.get_or_insert_with(Instant::now),
            false => self.request = None,
        }
    }

    /// Sets whether answers wait that the peer does not take. If they did before, its time goes on.
    pub(super) fn set_stalled(&mut self, stalled: bool) {
        match stalled {
            true => _ = self.stalled.get_or_insert_with(Instant::now),
            false => self.stalled = None,
        }
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// Sets whether the peer has to close soon, since the server has.
    pub(super) fn set_finished(&mut self, finished: bool) {
        self.finished = finished.then(Instant::now);
    }

    /// When the peer has used up its time; `None` if nothing is awaited.
    pub(super) fn due(&self, limits: &Limits) -> Option<Instant> {
        let request = self.request.and_then(|since| since.checked_add(limits.line_time));
        let stalled = self.stalled.and_then(|since| since.checked_add(limits.stall_time));
        let finished = self.finished.and_then(|since| since.checked_add(LINGER_TIMEOUT));
        request.into_iter().chain(stalled).chain(finished).min()
    }
}
