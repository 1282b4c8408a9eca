//! How long a peer may take to complete a request, to take its answers, to log in, and to close after the server has.
//!
//! Only times since when something is awaited are kept; [`Limits`] say how long.

use std::time::Instant;

use crate::limits::{LINGER_TIMEOUT, Limits, REFUSAL_PATIENCE};

pub(super) struct Deadlines {
    /// When the peer has connected.
    connected: Instant,
    /// When something was last received from it.
    heard: Instant,
    /// Since when the peer has a line, a frame or a handshake to complete.
    request: Option<Instant>,
    /// Since when the peer has not taken any answers that wait for it.
    stalled: Option<Instant>,
    /// Since when the server has closed its side; `None` again if the peer may take its time.
    finished: Option<Instant>,
    /// Since when the peer is to be told that it is refused.
    refused: Option<Instant>,
}

impl Deadlines {
    pub(super) fn new(now: Instant) -> Self {
        Self { connected: now, heard: now, request: None, stalled: None, finished: None, refused: None }
    }

    /// Takes note that something was received, or that the peer need not send anything.
    pub(super) fn set_heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Sets whether the peer has something to complete. If it had before, its time goes on.
    pub(super) fn set_mid_request(&mut self, mid_request: bool) {
        match mid_request {
            true => _ = self.request.get_or_insert_with(Instant::now),
            false => self.request = None,
        }
    }

    pub(super) fn is_mid_request(&self) -> bool {
        self.request.is_some()
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

    /// Sets whether the peer is still to be told that it is refused.
    pub(super) fn set_refused(&mut self, refused: bool) {
        self.refused = refused.then(Instant::now);
    }

    /// When the peer has used up its time for what it is doing; `None` if nothing is awaited.
    pub(super) fn due(&self, limits: &Limits) -> Option<Instant> {
        let request = self.request.and_then(|since| since.checked_add(limits.line_time));
        let stalled = self.stalled.and_then(|since| since.checked_add(limits.stall_time));
        let finished = self.finished.and_then(|since| since.checked_add(LINGER_TIMEOUT));
        let refused = self.refused.and_then(|since| since.checked_add(REFUSAL_PATIENCE));
        request.into_iter().chain(stalled).chain(finished).chain(refused).min()
    }

    /// When the peer must have logged in.
    pub(super) fn login_due(&self, limits: &Limits) -> Option<Instant> {
        self.connected.checked_add(limits.login_time)
    }

    /// When the peer has been idle for too long.
    pub(super) fn idle_due(&self, limits: &Limits) -> Option<Instant> {
        self.heard.checked_add(limits.idle_time)
    }
}
