use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::model::{PasswordCost, SessionToken};
use chat_lib::protocol::{Command, Reply, reply};
use chat_lib::store::{Durable, KeepRead, Memory, Options, Store, SyncMode};
use chat_lib::{Config, Error, NewUser};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::{closed, run};
use crate::process::Process;
use crate::session::Session;

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
    #[pyo3(signature = (
        *, path=None, demo=false, sync="always", keep_read=None, registration=false, session_idle=None,
        mailbox_messages=None, mailbox_bytes=None, line_bytes=None, reply_bytes=None, line_time=None,
        stall_time=None, failed_logins=None, password_cost=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        demo: bool,
        sync: &str,
        keep_read: Option<Duration>,
        registration: bool,
        session_idle: Option<Duration>,
        mailbox_messages: Option<usize>,
        mailbox_bytes: Option<usize>,
        line_bytes: Option<usize>,
        reply_bytes: Option<usize>,
        line_time: Option<Duration>,
        stall_time: Option<Duration>,
        failed_logins: Option<u32>,
        password_cost: Option<(u32, u32, u32)>,
    ) -> PyResult<Self> {
        let sync = match sync {
            "always" => SyncMode::Always,
            "everysec" => SyncMode::EverySecond,
            "never" => SyncMode::Never,
            _ => return Err(PyValueError::new_err("sync is 'always', 'everysec' or 'never'")),
        };
        let mut limits = Limits::default();
        limits.session_idle = session_idle.unwrap_or(limits.session_idle);
        limits.mailbox_messages = mailbox_messages.unwrap_or(limits.mailbox_messages);
        limits.mailbox_bytes = mailbox_bytes.unwrap_or(limits.mailbox_bytes);
        limits.line_bytes = line_bytes.unwrap_or(limits.line_bytes);
        limits.reply_bytes = reply_bytes.unwrap_or(limits.reply_bytes);
        limits.line_time = line_time.unwrap_or(limits.line_time);
        limits.stall_time = stall_time.unwrap_or(limits.stall_time);
        limits.failed_logins = failed_logins.unwrap_or(limits.failed_logins);
        let chat = run(py, || {
            let password_cost = match password_cost {
                Some((memory, passes, lanes)) => PasswordCost::new(memory, passes, lanes)?,
                None => PasswordCost::default(),
            };
            let store: Box<dyn Store> = match path {
                Some(path) => Box::new(Durable::open(
                    &path,
                    Options { sync, keep_read: keep_read.map(KeepRead::For), ..Options::default() },
                )?),
                None => Box::new(Memory::new()),
            };
            let chat = chat_lib::Chat::new(Config { store, limits, registration, password_cost, ..Config::default() });
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
