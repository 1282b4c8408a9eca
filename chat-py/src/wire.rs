//! Requests and answers of the wire, for a client that has its own I/O.

use std::sync::{Mutex, PoisonError};

use chat_lib::Error;
use chat_lib::model::SessionToken;
use chat_lib::protocol::{Command, reply};
use pyo3::prelude::*;

use crate::errors::run;
use crate::message::Message;

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

/// The request line of a login.
#[pyfunction]
pub(crate) fn write_login(py: Python<'_>, user: &str, password: &str) -> PyResult<Vec<u8>> {
    line(py, || Ok(Command::Auth { user, password }))
}

/// The request line of a registration.
#[pyfunction]
pub(crate) fn write_register(py: Python<'_>, user: &str, password: &str, full_name: &str) -> PyResult<Vec<u8>> {
    line(py, || Ok(Command::Register { user, password, full_name }))
}

/// The request line of a message.
#[pyfunction]
pub(crate) fn write_send(py: Python<'_>, token: &str, to: &str, text: &str) -> PyResult<Vec<u8>> {
    let text = format!(" {text}");
    line(py, || Ok(Command::Send { token: SessionToken::parse(token)?, to, text: &text }))
}

/// The request line of an inbox.
#[pyfunction]
pub(crate) fn write_inbox(py: Python<'_>, token: &str) -> PyResult<Vec<u8>> {
    line(py, || Ok(Command::Inbox { token: SessionToken::parse(token)? }))
}

/// The request line of a list of users.
#[pyfunction]
pub(crate) fn write_active_users(py: Python<'_>, token: &str) -> PyResult<Vec<u8>> {
    line(py, || Ok(Command::ActiveUser { token: SessionToken::parse(token)? }))
}

/// The request line of a logout.
#[pyfunction]
pub(crate) fn write_logout(py: Python<'_>, token: &str) -> PyResult<Vec<u8>> {
    line(py, || Ok(Command::Logout { token: SessionToken::parse(token)? }))
}

fn line<'a>(py: Python<'_>, command: impl FnOnce() -> Result<Command<'a>, Error> + Send) -> PyResult<Vec<u8>> {
    run(py, || {
        let mut line = Vec::new();
        command()?.write(&mut line)?;
        Ok(line)
    })
}

/// The token in the answer to a login.
#[pyfunction]
pub(crate) fn read_logged_in(py: Python<'_>, answer: &[u8]) -> PyResult<String> {
    run(py, || reply::read_logged_in(answer).map(|token| token.to_string()))
}

/// The token in the answer to a registration.
#[pyfunction]
pub(crate) fn read_registered(py: Python<'_>, answer: &[u8]) -> PyResult<String> {
    run(py, || reply::read_registered(answer).map(|token| token.to_string()))
}

/// Raise the error in the answer to a message, if it is a refusal.
#[pyfunction]
pub(crate) fn read_sent(py: Python<'_>, answer: &[u8]) -> PyResult<()> {
    run(py, || reply::read_sent(answer))
}

/// The messages in the answer to an inbox of `recipient`.
#[pyfunction]
pub(crate) fn read_inbox(py: Python<'_>, answer: &[u8], recipient: &str) -> PyResult<Vec<Message>> {
    run(py, || reply::read_inbox(answer).map(|inbox| Message::all(&inbox, recipient)))
}

/// The user names in the answer to a list of users.
#[pyfunction]
pub(crate) fn read_active_users(py: Python<'_>, answer: &[u8]) -> PyResult<Vec<String>> {
    let users = run(py, || reply::read_active_users(answer))?;
    Ok(users.iter().map(ToString::to_string).collect())
}

/// Raise the error in the answer to a logout, if it is a refusal.
#[pyfunction]
pub(crate) fn read_logged_out(py: Python<'_>, answer: &[u8]) -> PyResult<()> {
    run(py, || reply::read_logged_out(answer))
}

/// Escape text that others wrote, for a terminal.
#[pyfunction]
pub(crate) fn printable(text: &str) -> String {
    chat_lib::printable(text).into_owned()
}
