use std::sync::Arc;

use chat_lib::model::SessionToken;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::chat::Shared;
use crate::errors::run;
use crate::message::Message;

/// A session on a chat in the program.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Session {
    chat: Arc<Shared>,
    token: SessionToken,
    user: String,
}

impl Session {
    pub(crate) fn new(chat: Arc<Shared>, token: SessionToken, user: &str) -> Self {
        Self { chat, token, user: user.to_owned() }
    }
}

#[pymethods]
impl Session {
    /// The user name whose session it is.
    #[getter]
    fn user(&self) -> &str {
        &self.user
    }

    /// The token, a secret: anyone who has it can act as the user.
    #[getter]
    fn token(&self) -> String {
        self.token.to_string()
    }

    /// Puts a message into a mailbox. When it returns, the message is safe.
    fn send(&self, py: Python<'_>, to: &str, text: &str) -> PyResult<()> {
        let chat = self.chat.get(py)?;
        run(py, || chat.send(&self.token, to, text))
    }

    /// Takes all unread messages out: nobody will get them again.
    fn inbox(&self, py: Python<'_>) -> PyResult<Vec<Message>> {
        let chat = self.chat.get(py)?;
        run(py, || chat.inbox(&self.token).map(|inbox| Message::all(&inbox, &self.user)))
    }

    /// Names each user with a live session once, in order of login.
    fn active_users(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let chat = self.chat.get(py)?;
        let users = run(py, || chat.active_users(&self.token))?;
        Ok(users.iter().map(ToString::to_string).collect())
    }

    /// Ends the session, and no other.
    fn logout(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.chat.get(py)?;
        run(py, || chat.logout(&self.token))
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Ends the session, if it has not ended before.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        unmasked(py, exception, self.logout(py))
    }

    fn __repr__(&self) -> String {
        format!("Session(user='{}')", self.user)
    }
}

/// What leaves a with-block: a session that has ended already is as good as one that was ended now, and what
/// the block itself has raised is not to be hidden by a failure to log out.
pub(crate) fn unmasked(py: Python<'_>, exception: &Bound<'_, PyTuple>, outcome: PyResult<()>) -> PyResult<()> {
    let raised = exception.get_item(0).is_ok_and(|kind| !kind.is_none());
    let errors = py.import("chat.errors")?;
    outcome.or_else(|error| {
        let harmless = if raised { "ChatError" } else { "NoSuchSession" };
        if error.is_instance(py, &errors.getattr(harmless)?) { Ok(()) } else { Err(error) }
    })
}
