//! How much memory the answers of all connections take together, and their requests. It is counted, and whoever adds to it asks
//! first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Chat;
use crate::limits::REQUESTS_BYTES;

/// How many bytes are held for all connections together: of answers
/// ([`answers_bytes`](crate::limits::Limits::answers_bytes)), or of requests ([`REQUESTS_BYTES`]), or of events.
#[derive(Clone, Default)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
}

impl Budget {
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A share of `bytes`, however many are used already.
    pub(crate) fn share(&self, bytes: usize) -> Share {
        let mut share = Share { budget: self.clone(), bytes: 0 };
        share.set(bytes);
        share
    }
}

impl Chat {
    /// Whether as much is held of requests as may be.
    pub(crate) fn is_full_of_requests(&self) -> bool {
        self.inner.requests.used() >= REQUESTS_BYTES
    }

    /// A share of what is held of requests.
    #[cfg(feature = "server")]
    pub(crate) fn share_of_requests(&self) -> Share {
        self.inner.requests.share(0)
    }
}

/// One holder's part, which is given back when it is dropped.
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// How many bytes all holders have together.
    pub(crate) fn used(&self) -> usize {
        self.budget.used()
    }

    pub(crate) fn set(&mut self, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
