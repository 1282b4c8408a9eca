use chat_lib::Error;
use chat_lib::model::SessionToken;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::run;
use crate::message::Message;

/// A session on a chat in the program.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Session {
    chat: chat_lib::Chat,
    token: SessionToken,
    user: String,
}

impl Session {
    pub(crate) fn new(chat: chat_lib::Chat, token: SessionToken, user: &str) -> Self {
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

    /// The token, a secret: whoever has it may act as the user.
    #[getter]
    fn token(&self) -> String {
        self.token.to_string()
    }

    /// Puts a message into a mailbox. When it returns, the message is safe.
    fn send(&self, py: Python<'_>, to: &str, text: &str) -> PyResult<()> {
        run(py, || self.chat.send(&self.token, to, text))
    }

    /// Takes all unread messages out: nobody will get them again.
    fn inbox(&self, py: Python<'_>) -> PyResult<Vec<Message>> {
        run(py, || self.chat.inbox(&self.token).map(|inbox| Message::all(&inbox, &self.user)))
    }

    /// Names each user with a live session once, in order of login.
    fn active_users(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let users = run(py, || self.chat.active_users(&self.token))?;
        Ok(users.iter().map(ToString::to_string).collect())
    }

    /// Ends the session, and no other.
    fn logout(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.chat.logout(&self.token))
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Ends the session, if it has not ended before.
    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        run(py, || ended(self.chat.logout(&self.token)))
    }

    fn __repr__(&self) -> String {
        format!("Session(user='{}')", self.user)
    }
}

/// A session that has ended already is as good as one that was ended now.
pub(crate) fn ended(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::NoSuchSession) => Ok(()),
        outcome => outcome,
    }
}
