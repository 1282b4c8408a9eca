//! How much memory the answers of all connections take together. It is counted, and whoever adds to it asks first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are held for the answers of all connections together
/// ([`answers_bytes`](crate::limits::Limits::answers_bytes)).
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

/// One holder's part, which is given back when it is dropped.
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
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
