//! Sessions, and what the replies to their commands are in Python. A new command has its method here.

use std::sync::Arc;

use chat_lib::Error;
use chat_lib::model::{SessionToken, UserName};
use chat_lib::protocol::Reply;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::run;
use crate::message::Message;
use crate::{chat, client};

/// A user's session, on a chat in the process or on a server: the methods are the same. Threads may share it. As a context
/// manager, it logs out at the end; without one it goes on, and its token opens it again.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Session {
    place: Place,
    token: SessionToken,
    user: String,
}

/// Where a session is used. What holds the chat or the connection can be closed at any time.
pub(crate) enum Place {
    Chat(Arc<chat::Shared>),
    Server(Arc<client::Shared>),
}

impl Session {
    pub(crate) fn new(place: Place, token: SessionToken, user: &str) -> Self {
        Self { place, token, user: user.to_owned() }
    }

    fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&chat_lib::Session) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        match &self.place {
            Place::Chat(chat) => {
                let chat = chat.get(py)?;
                run(py, || call(&chat.session_of(&self.user, self.token)))
            }
            Place::Server(client) => client.ask(py, |client| call(&client.session_of(&self.user, self.token))),
        }
    }
}

#[pymethods]
impl Session {
    /// The name of the user whose session it is.
    #[getter]
    fn user(&self) -> &str {
        &self.user
    }

    /// The token that opens this session, which is a secret: anyone who has it can act as the user.
    #[getter]
    fn token(&self) -> String {
        self.token.to_string()
    }

    /// Send a message. Once this returns, the message is kept. The text may contain LF; over a connection it cannot
    /// contain CRLF, which would end the request.
    fn send(&self, py: Python<'_>, to: &str, text: &str) -> PyResult<()> {
        self.call(py, |session| session.send(to, text))
    }

    /// Take all unread messages out of the user's inbox: no later call returns them again. In the process they come in
    /// order of arrival; over a connection by sender, senders in order of their first message.
    fn inbox(&self, py: Python<'_>) -> PyResult<Vec<Message>> {
        self.call(py, |session| session.inbox().map(|inbox| Message::all(&inbox, &self.user)))
    }

    /// Name each user with a live session once, in order of login.
    fn active_users(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.call(py, chat_lib::Session::active_users).map(names)
    }

    /// End this session, and no other of the user's.
    fn logout(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, chat_lib::Session::logout)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// End the session, if it has not ended already.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        unmasked(py, exception, self.logout(py))
    }

    fn __repr__(&self) -> String {
        format!("Session(user='{}')", self.user)
    }
}

/// What a reply holds, for the methods of `chat.aio`.
#[derive(IntoPyObject)]
pub(crate) enum Value {
    Text(String),
    Names(Vec<String>),
    Messages(Vec<Message>),
}

impl Value {
    /// The value of the reply to a command of `user`, if it has one.
    pub(crate) fn of(reply: Reply, user: &str) -> Option<Self> {
        match reply {
            Reply::LoggedIn(token) | Reply::Registered(token) => Some(Self::Text(token.to_string())),
            Reply::ActiveUsers(users) => Some(Self::Names(names(users))),
            Reply::Inbox(inbox) => Some(Self::Messages(Message::all(&inbox, user))),
            // The others say only that the command was done.
            _ => None,
        }
    }
}

fn names(users: Vec<UserName>) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

/// The outcome of a with-block's end: a session that has ended already is as good as one that was ended now, and an
/// exception raised in the block is not hidden by a failure to log out.
pub(crate) fn unmasked(py: Python<'_>, exception: &Bound<'_, PyTuple>, outcome: PyResult<()>) -> PyResult<()> {
    let raised = exception.get_item(0).is_ok_and(|kind| !kind.is_none());
    let errors = py.import("chat.errors")?;
    outcome.or_else(|error| {
        let harmless = if raised { "ChatError" } else { "NoSuchSession" };
        if error.is_instance(py, &errors.getattr(harmless)?) { Ok(()) } else { Err(error) }
    })
}
