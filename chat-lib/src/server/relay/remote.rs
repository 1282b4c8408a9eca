//! What the peer of a client keeps while another server serves it.

/// How far a client's session with the owner has come. All are counted from when the client was attached.
#[derive(Default)]
pub(in crate::server) struct Remote {
    /// The reactor's slot of the peer.
    pub(in crate::server) slot: usize,
    /// The owner knows it.
    pub(in crate::server) is_attached: bool,
    /// How many bytes of lines were passed on, and of how many all requests are answered.
    pub(in crate::server) sent: u64,
    pub(in crate::server) answered: u64,
    /// How many bytes have come for the client, and of how many the owner was told that the client has got them.
    pub(in crate::server) received: u64,
    pub(in crate::server) acknowledged: u64,
    /// What has come ended in the middle of an answer or an event.
    pub(in crate::server) is_partial: bool,
}

impl Remote {
    /// Nothing was passed on.
    pub(in crate::server) fn new(slot: usize) -> Self {
        Self { slot, ..Self::default() }
    }

    /// Whether the client cannot be served by another server now: an answer is awaited, or has not come whole.
    pub(in crate::server) fn is_awaiting(&self) -> bool {
        self.sent != self.answered || self.is_partial
    }

    /// How many bytes more may be passed on, before some are answered.
    pub(in crate::server) fn room(&self) -> u64 {
        INPUT_WINDOW.saturating_sub(self.sent - self.answered)
    }
}

/// How many bytes of a client's lines may be at the owner, beside the last line: what a server reads from a connection at once.
const INPUT_WINDOW: u64 = 64 * 1024;
