use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chat_lib::model::SessionToken;
use chat_lib::protocol::{Command, Reply, reply};
use chat_lib::store::{Durable, Memory, Store};
use chat_lib::{Config, Error, NewUser};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{closed, run};
use crate::process::Process;
use crate::session::Session;
use crate::settings;

/// A chat: users, their sessions and their mailboxes. `chat.Chat` is its public face.
#[pyclass(frozen, subclass, module = "chat._chat")]
pub(crate) struct Chat {
    shared: Arc<Shared>,
}

/// A chat until it is closed, for it and its sessions.
pub(crate) struct Shared {
    chat: RwLock<Option<chat_lib::Chat>>,
    process: Process,
}

impl Shared {
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<chat_lib::Chat> {
        let chat = self.chat.read().unwrap_or_else(PoisonError::into_inner);
        chat.clone().filter(|_| self.process.is_this()).ok_or_else(|| closed(py))
    }
}

impl Drop for Shared {
    /// The threads that it would wait for are only in the process that made it.
    fn drop(&mut self) {
        if !self.process.is_this() {
            std::mem::forget(self.chat.write().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Chat {
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<chat_lib::Chat> {
        self.shared.get(py)
    }
}

#[pymethods]
impl Chat {
    #[new]
    #[pyo3(signature = (*, path=None, demo=false, **settings))]
    fn new(py: Python<'_>, path: Option<PathBuf>, demo: bool, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let settings = settings::read(settings, path.is_some())?;
        let chat = run(py, || {
            let store: Box<dyn Store> = match path {
                Some(path) => Box::new(Durable::open(&path, settings.store_options())?),
                None => Box::new(Memory::new()),
            };
            let chat = chat_lib::Chat::new(Config::new(store, &settings));
            if demo {
                chat.add_demo_users()?;
            }
            Ok(chat)
        })?;
        Ok(Self { shared: Arc::new(Shared { chat: RwLock::new(Some(chat)), process: Process::this() }) })
    }

    /// Does what a request line says, and gives the answer that the wire would give, with its end.
    fn answer(&self, py: Python<'_>, line: &[u8]) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || Ok(chat.answer(line)))
    }

    /// The answer of the wire to a login.
    fn answer_login(&self, py: Python<'_>, user: &str, password: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || Ok(written(chat.execute(&Command::Auth { user, password }))))
    }

    /// The answer of the wire to a message, if the session is `sender`'s; `text` is verbatim.
    fn answer_send(&self, py: Python<'_>, token: &str, sender: &str, to: &str, text: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let send = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            let user = chat.session(&token)?.ok_or(Error::NoSuchSession)?;
            let limit = chat.limits().line_bytes;
            if text.len() > limit {
                return Err(Error::LineTooLong { limit });
            }
            match user.user().as_str() == sender {
                true => chat.execute(&Command::Send { token, to, text }),
                false => Err(Error::NoSuchSession),
            }
        };
        run(py, || Ok(written(send())))
    }

    /// The answer of the wire to an inbox, without a session.
    fn answer_inbox(&self, py: Python<'_>, user: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || Ok(written(chat.inbox_of(user).map(Reply::Inbox))))
    }

    /// The answer of the wire to a logout.
    fn answer_logout(&self, py: Python<'_>, token: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let logout = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            chat.execute(&Command::Logout { token })
        };
        run(py, || Ok(written(logout())))
    }

    /// The answer of the wire to a list of users, without a session.
    fn answer_active_users(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let active_users = || {
            let mut seen = HashSet::new();
            let sessions = chat.sessions()?;
            let users = sessions.iter().map(|(_, profile)| profile.user());
            Ok(Reply::ActiveUsers(users.filter(|user| seen.insert(*user)).cloned().collect()))
        };
        run(py, || Ok(written(active_users())))
    }

    /// Adds a user with an empty mailbox.
    #[pyo3(signature = (name, password, *, full_name, country=""))]
    fn add_user(&self, py: Python<'_>, name: &str, password: &str, full_name: &str, country: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.add_user(NewUser { name, password, full_name, country }))
    }

    /// Adds the users messi, henderson and lineker, all with the password surabaya, for trying things out.
    fn add_demo_users(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.add_demo_users())
    }

    /// Gives a user another password, and ends the user's sessions.
    fn set_password(&self, py: Python<'_>, name: &str, password: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.set_password(name, password))
    }

    /// Changes a user's full name or country, or both.
    #[pyo3(signature = (name, *, full_name=None, country=None))]
    fn edit_user(&self, py: Python<'_>, name: &str, full_name: Option<&str>, country: Option<&str>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.edit_user(name, full_name, country))
    }

    /// Removes a user, with sessions and mailbox.
    fn remove_user(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.remove_user(name))
    }

    /// User name, full name and country of each user, in order of user name.
    fn profiles(&self, py: Python<'_>) -> PyResult<Vec<(String, String, String)>> {
        let chat = self.get(py)?;
        let users = run(py, || chat.users())?;
        let profile = |user: &chat_lib::model::Profile| {
            (user.user().to_string(), user.full_name().to_owned(), user.country().to_owned())
        };
        Ok(users.iter().map(|user| profile(user)).collect())
    }

    /// Session id and user name of each live session, in order of login.
    fn live_sessions(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        let chat = self.get(py)?;
        let sessions = run(py, || chat.sessions())?;
        Ok(sessions.iter().map(|(id, user)| (id.to_string(), user.user().to_string())).collect())
    }

    /// Logs in, which opens a session.
    fn login(&self, py: Python<'_>, user: &str, password: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let token = run(py, || chat.login(user, password))?;
        Ok(Session::new(Arc::clone(&self.shared), token, user))
    }

    /// Makes an account and opens its first session, if the chat takes registrations.
    fn register(&self, py: Python<'_>, user: &str, password: &str, full_name: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let token = run(py, || chat.register(user, password, full_name))?;
        Ok(Session::new(Arc::clone(&self.shared), token, user))
    }

    /// The live session that a token opens.
    fn session(&self, py: Python<'_>, token: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let find = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            Ok((token, chat.session(&token)?.ok_or(Error::NoSuchSession)?))
        };
        let (token, user) = run(py, find)?;
        Ok(Session::new(Arc::clone(&self.shared), token, user.user().as_str()))
    }

    /// How many seconds a line may take to its end, and answers may wait without the peer taking any.
    fn peer_times(&self, py: Python<'_>) -> PyResult<(f64, f64)> {
        let chat = self.get(py)?;
        Ok((chat.limits().line_time.as_secs_f64(), chat.limits().stall_time.as_secs_f64()))
    }

    /// Raises `PublicPassword` if a server must not listen there.
    fn may_listen(&self, py: Python<'_>, host: &str, port: u16) -> PyResult<()> {
        let chat = self.get(py)?;
        let host: IpAddr = host.parse().map_err(|_| PyValueError::new_err("host is no IP address"))?;
        run(py, || chat.may_listen((host, port).into()))
    }

    /// Closes the chat, and with it its sessions, which live on for who opens it again. Servers and
    /// connections that were made of it go on; its directory is free when the last of them is gone.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.shared.process.is_this() {
            return Ok(());
        }
        let chat = self.shared.chat.write().unwrap_or_else(PoisonError::into_inner).take();
        run(py, || {
            drop(chat);
            Ok(())
        })
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        !self.shared.process.is_this() || self.shared.chat.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

/// The id of the session that a token opens, or would open.
#[pyfunction]
pub(crate) fn session_id(py: Python<'_>, token: &str) -> PyResult<String> {
    run(py, || SessionToken::parse(token).map(|token| token.id().to_string()))
}

fn written(outcome: Result<Reply, Error>) -> Vec<u8> {
    let mut out = Vec::new();
    reply::write(&outcome, &mut out);
    out
}
