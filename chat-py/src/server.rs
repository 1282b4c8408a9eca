//! `Server`: a server in threads of its own, which ends with Ctrl-C and waits without the GIL.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use chat_lib::Error;
use chat_lib::server::Handle;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::chat::Chat;
use crate::errors::{exception, of_code, panicked, run, seconds, wait};
use crate::process::Process;
use crate::session::unmasked;

/// A server in threads of its own. It listens from its creation until it is stopped.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Server {
    address: SocketAddr,
    handle: Handle,
    process: Process,
    thread: Mutex<Option<JoinHandle<Result<(), Error>>>>,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (chat, host="127.0.0.1", port=0))]
    fn new(py: Python<'_>, chat: &Bound<'_, Chat>, host: &str, port: u16) -> PyResult<Self> {
        let chat = chat.get().get(py)?;
        run(py, || {
            let server = chat_lib::Server::bind(chat, (host, port))?;
            let address = server.addresses().first().copied().ok_or(Error::Disconnected)?;
            let handle = server.handle();
            let thread = thread::Builder::new().name("chat-server".to_owned()).spawn(move || server.run());
            let thread = thread.map_err(|problem| Error::no_thread(&problem))?;
            Ok(Self { address, handle, process: Process::this(), thread: Mutex::new(Some(thread)) })
        })
    }

    /// The host and port that the server listens on.
    #[getter]
    fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// Ask the server to stop, without waiting for it.
    fn stop(&self) {
        if self.process.is_this() {
            self.handle.stop();
        }
    }

    /// Wait until the server has stopped, for at most `timeout` seconds; raises `TimedOut` if it is still running.
    #[pyo3(signature = (timeout=None))]
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let patience = timeout.map(seconds).transpose()?;
        if !self.process.is_this() {
            return Ok(());
        }
        let finished = || {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            let finished = thread.as_ref().is_none_or(JoinHandle::is_finished);
            finished.then(|| thread.take())
        };
        match wait(py, patience, finished)? {
            None => Err(of_code(py, Error::TimedOut.code(), "the server is still running", false)),
            Some(None) => Ok(()),
            Some(Some(thread)) => match py.detach(|| thread.join()) {
                Ok(outcome) => outcome.map_err(|error| exception(py, &error)),
                Err(payload) => Err(panicked(py, payload)),
            },
        }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Stop the server and wait until it has stopped.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.stop();
        unmasked(py, exception, self.join(py, None))
    }

    fn __repr__(&self) -> String {
        format!("Server(address='{}')", self.address)
    }
}

impl Drop for Server {
    /// Otherwise a server without references would run for ever.
    fn drop(&mut self) {
        self.stop();
        if !self.process.is_this() {
            std::mem::forget(self.thread.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}
