//! `Wakeups`: tells an event loop which of its connections want a turn. What wakes them holds locks of the chat, so it must not wait
//! for the GIL, and only writes a byte to a descriptor that the loop polls.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use chat_lib::Error;
use pyo3::prelude::*;

use crate::errors::run;

/// The connections of an event loop that want a turn. Poll it, for it has a `fileno()`, and when it is readable, call
/// `receive(b"")` of each connection that `take()` names.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Wakeups {
    shared: Arc<Shared>,
}

struct Shared {
    waiting: Mutex<BTreeSet<u64>>,
    reader: UnixStream,
    writer: UnixStream,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of one connection.
struct Entry {
    shared: Arc<Shared>,
    number: u64,
}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        let mut waiting = self.shared.lock();
        if waiting.is_empty() {
            // It is empty, and so takes a byte.
            (&self.shared.writer).write_all(&[1]).ok();
        }
        waiting.insert(self.number);
    }
}

impl Wakeups {
    /// What wakes the connection with this number.
    pub(crate) fn waker(&self, number: u64) -> Waker {
        Arc::new(Entry { shared: Arc::clone(&self.shared), number }).into()
    }
}

#[pymethods]
impl Wakeups {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        run(py, || {
            let (reader, writer) = UnixStream::pair().map_err(Error::Io)?;
            reader.set_nonblocking(true).map_err(Error::Io)?;
            writer.set_nonblocking(true).map_err(Error::Io)?;
            Ok(Self { shared: Arc::new(Shared { waiting: Mutex::default(), reader, writer }) })
        })
    }

    /// The numbers of the connections that want a turn; then none does, until it is woken again.
    fn take(&self) -> Vec<u64> {
        let mut waiting = self.shared.lock();
        // What fails is noticed by whoever polls it.
        (&self.shared.reader).read_exact(&mut [0; 1]).ok();
        std::mem::take(&mut *waiting).into_iter().collect()
    }

    /// The descriptor to poll, and not to read from.
    fn fileno(&self) -> RawFd {
        self.shared.reader.as_raw_fd()
    }

    fn __repr__(&self) -> &'static str {
        "Wakeups()"
    }
}
