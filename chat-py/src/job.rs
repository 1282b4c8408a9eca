//! What a command waits for, so that `chat.aio` can run it on a thread of its choice.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::errors::{closed, run};

/// The part of a command that may block, for `chat.aio`. It can be used once.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct Job {
    job: Mutex<Option<chat_lib::Job>>,
    io_bound: bool,
    asks_authenticator: bool,
}

/// A job that was run. It can be used once.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct FinishedJob {
    job: Mutex<Option<chat_lib::FinishedJob>>,
}

impl Job {
    pub(crate) fn new(job: chat_lib::Job) -> Self {
        Self { io_bound: job.is_io_bound(), asks_authenticator: job.asks_authenticator(), job: Mutex::new(Some(job)) }
    }

    fn take(&self, py: Python<'_>) -> PyResult<chat_lib::Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| closed(py))
    }
}

impl FinishedJob {
    fn new(job: chat_lib::FinishedJob) -> Self {
        Self { job: Mutex::new(Some(job)) }
    }

    pub(crate) fn take(&self, py: Python<'_>) -> PyResult<chat_lib::FinishedJob> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| closed(py))
    }
}

#[pymethods]
impl Job {
    /// Whether it waits for a disk, and hardly uses a processor.
    #[getter]
    fn is_io_bound(&self) -> bool {
        self.io_bound
    }

    /// Whether it asks the program's `authenticate`.
    #[getter]
    fn asks_authenticator(&self) -> bool {
        self.asks_authenticator
    }

    /// Does it, which may take long.
    fn run(&self, py: Python<'_>) -> PyResult<FinishedJob> {
        let job = self.take(py)?;
        run(py, || Ok(job.run())).map(FinishedJob::new)
    }

    /// Has its command refused with `busy`.
    fn refuse_busy(&self, py: Python<'_>) -> PyResult<FinishedJob> {
        self.take(py).map(|job| FinishedJob::new(job.refuse_busy()))
    }
}
