//! Tells whether this is still the process that created an object. A child of fork() has none of its threads.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::authenticator;

/// The process that created an object.
#[derive(Clone, Copy)]
pub(crate) struct Process(u64);

impl Process {
    pub(crate) fn this() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    pub(crate) fn is_this(self) -> bool {
        self.0 == FORKS.load(Ordering::Relaxed)
    }
}

/// The number of forks between the first process and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Report that this is a child of fork().
#[pyfunction]
#[pyo3(name = "_after_fork")]
pub(crate) fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    authenticator::after_fork();
}
