//! `Connection`, `Job` and `FinishedJob`: one peer without I/O, for an event loop in Python such as the asyncio server's.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chat_lib::Outbox;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::chat::Chat;
use crate::errors::{closed, exception, run};
use crate::job::{FinishedJob, Job};
use crate::process::Process;
use crate::wakeups::Wakeups;

/// A connection of one peer, without I/O, for your own event loop: received bytes go in, bytes to send come out.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Connection {
    connection: Mutex<Option<Peer>>,
    process: Process,
}

/// A connection, and the answers that the last call returned.
struct Peer {
    connection: chat_lib::Connection,
    out: Outbox,
}

impl Connection {
    /// Calls `work` with the connection; in a child of fork() it is closed.
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Peer) -> T + Send) -> PyResult<T> {
        if !self.process.is_this() {
            return Err(closed(py));
        }
        let found = run(py, || Ok(self.connection.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)))?;
        found.ok_or_else(|| closed(py))
    }
}

impl Drop for Connection {
    /// It may hold the last handle to a chat, whose threads are only in the process that made it.
    fn drop(&mut self) {
        if !self.process.is_this() {
            std::mem::forget(self.connection.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

#[pymethods]
impl Connection {
    #[new]
    #[pyo3(signature = (chat, peer=None))]
    fn new(py: Python<'_>, chat: &Bound<'_, Chat>, peer: Option<(String, u16)>) -> PyResult<Self> {
        let chat = chat.get().get(py)?;
        let out = Outbox::new(&chat);
        let connection = match peer {
            None => chat_lib::Connection::new(chat),
            Some((host, port)) => {
                let host: IpAddr =
                    host.parse().map_err(|_| PyValueError::new_err("peer is no pair of IP address and port"))?;
                chat_lib::Connection::with_peer(chat, (host, port).into())
            }
        };
        Ok(Self { connection: Mutex::new(Some(Peer { connection, out })), process: Process::this() })
    }

    /// Take received bytes, and return the answers to the requests that they complete, and events. It makes no difference how
    /// the bytes are split into pieces. Without any bytes, it returns events.
    fn receive(&self, py: Python<'_>, data: PyBackedBytes) -> PyResult<Vec<u8>> {
        let data: &[u8] = &data;
        self.with(py, |Peer { connection, out }| {
            let (mut rest, mut answers) = (data, Vec::new());
            loop {
                out.sent(usize::MAX);
                let taken = connection.receive(rest, out);
                rest = rest.get(taken..).unwrap_or_default();
                answers.extend_from_slice(out.output());
                if rest.is_empty() {
                    return answers;
                }
            }
        })
    }

    /// As `receive`, but answers only some lines, and stops where something comes that may block. Returns how many bytes were
    /// taken, the answers, and the job that it stopped at.
    fn step(&self, py: Python<'_>, data: PyBackedBytes) -> PyResult<(usize, Vec<u8>, Option<Job>)> {
        let data: &[u8] = &data;
        self.with(py, |Peer { connection, out }| {
            out.sent(usize::MAX);
            let step = connection.step(data, out);
            (step.taken, out.output().to_vec(), step.job.map(Job::new))
        })
    }

    /// Go on with the command that `step` stopped at. Returns its answer, or another job that it needs.
    fn finish_job(&self, py: Python<'_>, job: &Bound<'_, FinishedJob>) -> PyResult<(Vec<u8>, Option<Job>)> {
        let job = job.get().take(py)?;
        self.with(py, |Peer { connection, out }| {
            out.sent(usize::MAX);
            let next = connection.finish_job(job, out);
            (out.output().to_vec(), next.map(Job::new))
        })
    }

    /// Report that all answers were sent.
    fn sent(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |peer| peer.out.sent(usize::MAX))
    }

    /// End the connection because its peer is gone, and the last `unsent` bytes of the answers were not sent. An inbox of
    /// whose answer nothing was sent is unread again, unless the inbox was read since. Answers that earlier calls returned
    /// count as sent, and so does an inbox that is longer than `reply_bytes`.
    fn abandon(&self, py: Python<'_>, unsent: usize) -> PyResult<()> {
        let outcome = self.with(py, |Peer { out, .. }| {
            out.sent(out.len().saturating_sub(unsent));
            out.abandon()
        })?;
        outcome.map_err(|error| exception(py, &error))
    }

    /// Have `wakeups` name `number` when the connection wants a turn although nothing was received: call `receive(b"")` then,
    /// and again after `sent()` as long as it `wants_turn`.
    fn set_wakeups(&self, py: Python<'_>, wakeups: &Bound<'_, Wakeups>, number: u64) -> PyResult<()> {
        let waker = wakeups.get().waker(number);
        self.with(py, |peer| peer.connection.set_waker(waker))
    }

    /// Whether `receive(b"")` would do something: events wait, for example.
    #[getter]
    fn wants_turn(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |peer| peer.connection.wants_turn(&peer.out))
    }

    /// End the connection, whose peer is told of no more events.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.process.is_this() {
            return Ok(());
        }
        run(py, || {
            drop(self.connection.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
    }

    fn __repr__(&self) -> &'static str {
        "Connection()"
    }

    /// Whether the connection is to be closed once its answers are sent: its peer speaks HTTP, or goes on although it sends too
    /// many requests, or it is not known whether its requests were done.
    #[getter]
    fn is_over(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |peer| peer.connection.is_over())
    }

    /// Whether the peer has sent the beginning of a line, but not its end.
    #[getter]
    fn mid_line(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |peer| peer.connection.mid_line())
    }
}
