//! Requests and answers of the wire, for a client that has its own I/O.

use std::sync::{Mutex, PoisonError};

use chat_lib::protocol::{Command, reply};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::errors::run;
use crate::session::Value;

/// The client side of a connection, without I/O, one request at a time.
#[pyclass(frozen, module = "chat._chat")]
#[derive(Default)]
pub(crate) struct Requester {
    requester: Mutex<chat_lib::client::Requester>,
}

#[pymethods]
impl Requester {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Return the bytes to send for a request line.
    fn request(&self, py: Python<'_>, line: &[u8]) -> PyResult<Vec<u8>> {
        run(py, || {
            let mut out = Vec::new();
            self.requester.lock().unwrap_or_else(PoisonError::into_inner).request_line(line, &mut out)?;
            Ok(out)
        })
    }

    /// Take received bytes, and return the answer once all of it has arrived.
    fn receive(&self, py: Python<'_>, data: &[u8]) -> PyResult<Option<Vec<u8>>> {
        run(py, || self.requester.lock().unwrap_or_else(PoisonError::into_inner).receive(data))
    }

    /// Refuse all further requests, because an answer was invalid.
    fn give_up(&self) {
        self.requester.lock().unwrap_or_else(PoisonError::into_inner).give_up();
    }

    fn __repr__(&self) -> &'static str {
        "Requester()"
    }
}

/// The request line of a command, from its name and its words.
#[pyfunction]
#[pyo3(signature = (*words))]
pub(crate) fn write_request(py: Python<'_>, words: Vec<PyBackedStr>) -> PyResult<Vec<u8>> {
    run(py, || {
        let words: Vec<&str> = words.iter().map(|word| &**word).collect();
        let mut line = Vec::new();
        Command::from_words(&words)?.write(&mut line)?;
        Ok(line)
    })
}

/// The value in the answer to a request line of `user`; raise the error, if it is a refusal.
#[pyfunction]
pub(crate) fn read_answer(py: Python<'_>, request: &[u8], answer: &[u8], user: &str) -> PyResult<Option<Value>> {
    run(py, || Ok(Value::of(reply::read(&Command::parse(request)?, answer)?, user)))
}

/// Escape text that others wrote, for a terminal.
#[pyfunction]
pub(crate) fn printable(text: &str) -> String {
    chat_lib::printable(text).into_owned()
}
