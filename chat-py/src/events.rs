//! `Events`: what happens in a session's conversations, as an iterator that Ctrl-C and other threads can end.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::Error;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::{closed, run, seconds};
use crate::event::AnyEvent;
use crate::process::Process;
use crate::wakeups::Wakeups;

/// What happens in a session's conversations: an iterator that waits for the next event. It ends when it is closed, and after
/// `Closed`.
///
/// Each message comes once, in ascending order of ids, also after the connection to a server was lost. Threads may share it:
/// each event goes to one of them.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Events {
    events: Mutex<Option<chat_lib::Events>>,
    closed: AtomicBool,
    position: AtomicU64,
    /// Made when it is asked for, and valid until the object is gone: somebody may still poll it after the events are closed.
    descriptor: OnceLock<OwnedFd>,
    process: Process,
}

impl Events {
    pub(crate) fn new(events: chat_lib::Events) -> Self {
        Self {
            closed: AtomicBool::new(false),
            position: AtomicU64::new(events.position().get()),
            descriptor: OnceLock::new(),
            events: Mutex::new(Some(events)),
            process: Process::this(),
        }
    }

    /// Does `work` with the events, unless they are closed.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut chat_lib::Events) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        if self.is_closed() {
            return Err(closed(py));
        }
        let lock = || self.events.lock().unwrap_or_else(PoisonError::into_inner);
        run(py, || lock().as_mut().map(work).transpose())?.ok_or_else(|| closed(py))
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || !self.process.is_this()
    }

    /// The next event, if it comes within `timeout`, which is short.
    fn poll(&self, timeout: Duration) -> Result<Option<AnyEvent>, Error> {
        let mut place = match self.events.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            // Another thread waits for the next event.
            Err(TryLockError::WouldBlock) => {
                thread::sleep(timeout.min(OTHERS_TURN));
                return Ok(None);
            }
        };
        let Some(events) = place.as_mut().filter(|_| !self.is_closed()) else {
            *place = None;
            return Ok(None);
        };
        let outcome = events.next_timeout(timeout);
        // Not the `position` of iterators, which a `&mut` would find first.
        self.position.store((*events).position().get(), Ordering::Release);
        if events.is_over() {
            self.closed.store(true, Ordering::Release);
        }
        if self.is_closed() {
            *place = None;
        }
        Ok(outcome?.and_then(AnyEvent::of))
    }
}

#[pymethods]
impl Events {
    /// Wait for the next event, for at most `timeout` seconds. Returns `None` if none has come, or there will be no more.
    #[pyo3(signature = (timeout=None))]
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<AnyEvent>> {
        let patience = timeout.map(seconds).transpose()?;
        let began = Instant::now();
        loop {
            if self.is_closed() {
                return Ok(None);
            }
            let left = patience.map(|patience| patience.saturating_sub(began.elapsed()));
            let event = run(py, || self.poll(left.map_or(TURN, |left| left.min(TURN))))?;
            if event.is_some() || left.is_some_and(|left| left.is_zero()) {
                return Ok(event);
            }
            py.check_signals()?;
        }
    }

    /// End the iteration, also in another thread that waits for an event. The session goes on.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.closed.store(true, Ordering::Release);
        if !self.process.is_this() {
            return Ok(());
        }
        run(py, || {
            // A thread that waits for an event drops it.
            match self.events.try_lock() {
                Ok(mut place) => *place = None,
                Err(TryLockError::Poisoned(place)) => *place.into_inner() = None,
                Err(TryLockError::WouldBlock) => {}
            }
            Ok(())
        })
    }

    /// Whether there will be no more events.
    #[getter]
    fn closed(&self) -> bool {
        self.is_closed()
    }

    /// The id of the last message that was returned, or of the one that the events have begun after: what
    /// `Session.events(after=...)` takes to go on from here.
    #[getter]
    fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// A descriptor to poll, and not to read from: it is readable when an event may be there. Call `next(0)` then until
    /// it returns `None`; on a server also every few seconds, because a lost connection is made again by that alone.
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        self.with(py, |events| match self.descriptor.get() {
            Some(descriptor) => Ok(descriptor.as_raw_fd()),
            None => {
                let descriptor = events.descriptor()?;
                Ok(self.descriptor.get_or_init(|| descriptor).as_raw_fd())
            }
        })
    }

    /// In the process, have `wakeups` name `number` when an event may be there: this takes no descriptor. On a server, it does
    /// nothing.
    fn set_wakeups(&self, py: Python<'_>, wakeups: &Bound<'_, Wakeups>, number: u64) -> PyResult<()> {
        let waker = wakeups.get().waker(number);
        self.with(py, |events| {
            events.set_waker(waker);
            Ok(())
        })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<AnyEvent>> {
        self.next(py, None)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        match self.is_closed() {
            true => "Events(closed)".to_owned(),
            false => format!("Events(position={})", self.position()),
        }
    }
}

impl Drop for Events {
    /// It may hold the last handle to a chat, whose threads are only in the process that made it.
    fn drop(&mut self) {
        if !self.process.is_this() {
            std::mem::forget(self.events.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

/// How long to wait before looking after signals.
const TURN: Duration = Duration::from_millis(50);

/// How long to wait while another thread waits for the next event.
const OTHERS_TURN: Duration = Duration::from_millis(5);
