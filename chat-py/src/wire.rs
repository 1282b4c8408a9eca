//! Requests and answers of both protocols, for a client that has its own I/O.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_lib::Error;
use chat_lib::client::{Incoming, Requester as LibRequester};
use chat_lib::model::{Framing, SessionToken};
use chat_lib::protocol::{Command, Request as LibRequest, line, rpc};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::errors::{closed, run};
use crate::reply::Value;

/// A request, as a line of the protocol that has its command, and the session that it is for.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct Request {
    line: Vec<u8>,
    /// The session of a request of protocol 2; protocol 1 has it in the line.
    token: Option<SessionToken>,
}

impl Request {
    /// A command of protocol 1.
    fn of_command(py: Python<'_>, token: &str, command: &Command<'_>) -> PyResult<Self> {
        run(py, || {
            let mut line = Vec::new();
            line::write(&LibRequest::with_token(SessionToken::parse(token)?, command.clone()), &mut line)?;
            Ok(Self { line, token: None })
        })
    }

    fn parsed(&self) -> Result<LibRequest<'_>, Error> {
        if !rpc::is_rpc(&self.line) {
            return line::parse(&self.line);
        }
        let call = rpc::parse(&self.line).map_err(|rejected| rejected.error)?;
        Ok(LibRequest { token: self.token, command: call.command })
    }
}

#[pymethods]
impl Request {
    /// A request of protocol 1, from its words.
    #[staticmethod]
    #[pyo3(signature = (*words))]
    fn of_words(py: Python<'_>, words: Vec<PyBackedStr>) -> PyResult<Self> {
        run(py, || {
            let words: Vec<&str> = words.iter().map(|word| &**word).collect();
            let mut line = Vec::new();
            line::write(&line::from_words(&words)?, &mut line)?;
            Ok(Self { line, token: None })
        })
    }

    /// A registration with an invitation, which protocol 1 cannot pass on.
    #[staticmethod]
    fn of_invited(py: Python<'_>, user: &str, password: &str, full_name: &str, invitation: &str) -> PyResult<Self> {
        run(py, || {
            let (user, password, full_name) = (user.into(), password.into(), full_name.into());
            let register = Command::Register { user, password, full_name, invitation: Some(invitation.into()) };
            let mut line = Vec::new();
            rpc::write_request(0, &register, &mut line)?;
            Ok(Self { line, token: None })
        })
    }

    /// A message to several users, for which protocol 2 has no request; nor has it the next one.
    #[staticmethod]
    fn of_message_to_all(py: Python<'_>, token: &str, to: Vec<PyBackedStr>, text: &str) -> PyResult<Self> {
        let to = to.iter().map(|user| (&**user).into()).collect();
        Self::of_command(py, token, &Command::SendToAll { to, text: text.into(), framing: Framing::DEFAULT })
    }

    /// The unread messages of a room.
    #[staticmethod]
    fn of_room_inbox(py: Python<'_>, token: &str, room: &str) -> PyResult<Self> {
        Self::of_command(py, token, &Command::RoomInbox { room: room.into() })
    }

    /// A request of protocol 2, for the session that `token` opens.
    #[staticmethod]
    fn of_call(py: Python<'_>, token: &str, line: &[u8]) -> PyResult<Self> {
        run(py, || {
            let request = Self { line: line.to_vec(), token: Some(SessionToken::parse(token)?) };
            request.parsed()?;
            Ok(request)
        })
    }

    /// Whether doing it twice is like doing it once.
    #[getter]
    fn is_repeatable(&self, py: Python<'_>) -> PyResult<bool> {
        run(py, || Ok(self.parsed()?.command.is_repeatable()))
    }

    /// The request by which a server shows that it answers.
    #[staticmethod]
    fn of_ping(py: Python<'_>) -> PyResult<Self> {
        run(py, || {
            let mut line = Vec::new();
            rpc::write_request(0, &Command::Ping, &mut line)?;
            Ok(Self { line, token: None })
        })
    }

    fn __repr__(&self) -> &'static str {
        "Request()"
    }
}

/// The client side of a connection, without I/O, one request at a time.
#[pyclass(frozen, module = "chat._chat")]
#[derive(Default)]
pub(crate) struct Requester {
    requester: Mutex<LibRequester>,
}

impl Requester {
    fn lock(&self) -> MutexGuard<'_, LibRequester> {
        self.requester.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Requester {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// The request that has to be made and answered before `request`, if there is one.
    fn resume_first(&self, py: Python<'_>, request: &Bound<'_, Request>) -> PyResult<Option<Request>> {
        let request = request.get();
        run(py, || {
            let Some(resume) = self.lock().resume_first(&request.parsed()?) else { return Ok(None) };
            let mut line = Vec::new();
            rpc::write_request(0, &resume.command, &mut line)?;
            Ok(Some(Request { line, token: None }))
        })
    }

    /// Return the bytes to send for a request.
    fn request(&self, py: Python<'_>, request: &Bound<'_, Request>) -> PyResult<Vec<u8>> {
        let request = request.get();
        run(py, || {
            let mut out = Vec::new();
            self.lock().request(&request.parsed()?, &mut out)?;
            Ok(out)
        })
    }

    /// Return the bytes to send for a request line of protocol 1.
    fn request_line(&self, py: Python<'_>, line: &[u8]) -> PyResult<Vec<u8>> {
        run(py, || {
            let mut out = Vec::new();
            self.lock().request_line(line, &mut out)?;
            Ok(out)
        })
    }

    /// Take received bytes, and return the answer once all of it has arrived.
    fn receive(&self, py: Python<'_>, data: &[u8]) -> PyResult<Option<Answer>> {
        run(py, || {
            let mut requester = self.lock();
            let mut received = requester.receive(data)?;
            // It has not subscribed: a session that was used here has ended, which its next request will tell.
            while let Some(Incoming::Event(_)) = received {
                received = requester.receive(&[])?;
            }
            Ok(received.and_then(|received| match received {
                Incoming::Answer(answer) => Some(Answer { answer: Mutex::new(Some(answer)) }),
                Incoming::Event(_) => None,
            }))
        })
    }

    /// Refuse all further requests, because an answer was invalid.
    fn give_up(&self) {
        self.lock().give_up();
    }

    fn __repr__(&self) -> &'static str {
        "Requester()"
    }
}

/// An answer. It can be read once.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct Answer {
    answer: Mutex<Option<chat_lib::client::Answer>>,
}

impl Answer {
    fn take(&self, py: Python<'_>) -> PyResult<chat_lib::client::Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| closed(py))
    }
}

#[pymethods]
impl Answer {
    /// Return the value in the answer to a request of `user`; raise the error, if it is a refusal.
    fn read(&self, py: Python<'_>, request: &Bound<'_, Request>, user: &str) -> PyResult<Option<Value>> {
        let (answer, request) = (self.take(py)?, request.get());
        let (reply, room) = run(py, || {
            let command = request.parsed()?.command;
            Ok((answer.read(&command)?, Value::room(&command)))
        })?;
        Value::of(py, reply, room.as_deref().unwrap_or(user))
    }

    /// Return the bytes of an answer of protocol 1, with their end.
    fn line(&self, py: Python<'_>) -> PyResult<Option<Vec<u8>>> {
        Ok(self.take(py)?.into_line())
    }

    fn __repr__(&self) -> &'static str {
        "Answer()"
    }
}

/// Escape text that others wrote, for a terminal.
#[pyfunction]
pub(crate) fn printable(text: &str) -> String {
    chat_lib::printable(text).into_owned()
}
