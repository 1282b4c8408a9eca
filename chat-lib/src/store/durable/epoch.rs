use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A time in which all commits went well; the one that does not ends it.
#[derive(Default)]
pub(super) struct Epoch {
    /// All changes up to this one are on the disk.
    committed: AtomicU64,
    /// A commit has failed, and all changes behind `committed` are lost.
    over: AtomicBool,
}

impl Epoch {
    pub(super) fn has(&self, changes: u64) -> bool {
        self.committed.load(Ordering::Acquire) >= changes
    }

    /// Takes note that all changes up to this one are on the disk.
    pub(super) fn reach(&self, changes: u64) {
        self.committed.store(changes, Ordering::Release);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }
}
