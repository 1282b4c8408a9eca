//! `Chat`: a chat in the process, as its operator has it, and the calls of the course's program. Everything runs without
//! the GIL.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chat_lib::model::{Framing, InvitationId, SessionToken};
use chat_lib::protocol::line::reply;
use chat_lib::protocol::{Command, Reply, Request};
use chat_lib::store::{Durable, Memory, Store};
use chat_lib::{Authenticator, Config, Error, NewUser};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::authenticator::Callable;
use crate::errors::{closed, run};
use crate::file;
use crate::message::InboxMessage;
use crate::process::Process;
use crate::session::{Place, Session};
use crate::settings;
use crate::values::{Invitation, Restored, SessionInfo, User};
use crate::views::{Member, Room};

/// A chat in the process, and its operator's access to it: its methods may do anything. What a user can do is on
/// `Session`. `chat.Chat` adds what the course's programs use.
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

    fn session_of(&self, token: SessionToken, user: &str) -> Session {
        Session::new(Place::Chat(Arc::clone(&self.shared)), token, user)
    }
}

#[pymethods]
impl Chat {
    #[new]
    #[pyo3(signature = (*, path=None, demo=false, authenticate=None, **settings))]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        demo: bool,
        authenticate: Option<Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let settings = settings::read(settings, path.is_some())?;
        let callable = authenticate.map(Callable::new).transpose()?;
        let authenticator = callable.map(|callable| -> Arc<dyn Authenticator> { Arc::new(callable) });
        let chat = run(py, || {
            let store: Box<dyn Store> = match path {
                Some(path) => Box::new(Durable::open(&path, settings.store_options())?),
                None => Box::new(Memory::new()),
            };
            let chat = chat_lib::Chat::new(Config { authenticator, ..Config::new(store, &settings) });
            if demo {
                chat.add_demo_users()?;
            }
            Ok(chat)
        })?;
        Ok(Self { shared: Arc::new(Shared { chat: RwLock::new(Some(chat)), process: Process::this() }) })
    }

    /// Execute a request line, and return the answer as a server would send it, its end included.
    fn answer(&self, py: Python<'_>, line: &[u8]) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || Ok(chat.answer(line)))
    }

    /// The answer of the protocol to a login.
    fn answer_login(&self, py: Python<'_>, user: &str, password: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || {
            Ok(written(chat.execute(&Request::new(Command::Auth { user: user.into(), password: password.into() }))))
        })
    }

    /// The answer of the protocol to a message, if the session is `sender`'s; `text` is verbatim.
    fn answer_send(&self, py: Python<'_>, token: &str, sender: &str, to: &str, text: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let send = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            let session = chat.session(token)?;
            let limit = chat.limits().line_bytes;
            if text.len() > limit {
                return Err(Error::LineTooLong { limit });
            }
            match session.user() == sender {
                true => {
                    let (framing, text) = Framing::split(text);
                    let send = Command::Send { to: to.into(), text: text.into(), framing, key: None };
                    chat.execute(&Request::with_token(token, send))
                }
                false => Err(Error::NoSuchSession),
            }
        };
        run(py, || Ok(written(send())))
    }

    /// The answer of the protocol to an inbox, without a session.
    fn answer_inbox(&self, py: Python<'_>, user: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        run(py, || Ok(written(chat.inbox_of(user).map(Reply::Inbox))))
    }

    /// The answer of the protocol to a logout.
    fn answer_logout(&self, py: Python<'_>, token: &str) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let logout = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            chat.execute(&Request::with_token(token, Command::Logout))
        };
        run(py, || Ok(written(logout())))
    }

    /// The answer of the protocol to a list of users, without a session.
    fn answer_active_users(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let chat = self.get(py)?;
        let active_users = || {
            let mut seen = HashSet::new();
            let sessions = chat.sessions()?;
            let users = sessions.iter().map(|session| session.user.user());
            Ok(Reply::ActiveUsers(users.filter(|user| seen.insert(*user)).cloned().collect()))
        };
        run(py, || Ok(written(active_users())))
    }

    /// Add a user with an empty inbox. Takes tens of milliseconds, because the password is hashed.
    #[pyo3(signature = (name, password, *, full_name, country=""))]
    fn add_user(&self, py: Python<'_>, name: &str, password: &str, full_name: &str, country: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.add_user(NewUser { name, password, full_name, country }))
    }

    /// Add the users messi, henderson and lineker, all with the password surabaya, for trying things out.
    fn add_demo_users(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.add_demo_users())
    }

    /// Change a user's password, and end all of the user's sessions.
    fn set_password(&self, py: Python<'_>, name: &str, password: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.set_password(name, password))
    }

    /// Change a user's full name, country, or both. Messages sent earlier keep the name they were sent under.
    #[pyo3(signature = (name, *, full_name=None, country=None))]
    fn edit_user(&self, py: Python<'_>, name: &str, full_name: Option<&str>, country: Option<&str>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.edit_user(name, full_name, country))
    }

    /// Remove a user, with their sessions and inbox. Messages that they have sent to others stay.
    fn remove_user(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.remove_user(name))
    }

    /// Remove a user, and delete all messages that they have sent; others see these as deleted. The texts have left the disk
    /// when this returns, unless a dump is being made: then they do so within two minutes. Returns how many messages were
    /// deleted. If it fails, call it again.
    fn erase_user(&self, py: Python<'_>, name: &str) -> PyResult<u64> {
        let chat = self.get(py)?;
        run(py, || chat.erase_user(name))
    }

    /// Write all that there is of one user to a binary file, as lines of JSON (docs/dump.md). The file's `write` must not use
    /// the chat; other threads may.
    fn export_user(&self, py: Python<'_>, name: &str, file: Py<PyAny>) -> PyResult<()> {
        let chat = self.get(py)?;
        file::write(py, file, |out| chat.export_user(name, out))
    }

    /// List all rooms, in order of name.
    fn list_rooms(&self, py: Python<'_>) -> PyResult<Vec<Room>> {
        let chat = self.get(py)?;
        Ok(run(py, || chat.rooms())?.into_iter().map(Room::from).collect())
    }

    /// List the members of a room, in order of user name.
    fn list_members(&self, py: Python<'_>, room: &str) -> PyResult<Vec<Member>> {
        let chat = self.get(py)?;
        let members = run(py, || chat.room_members(room))?.into_iter();
        Ok(members.filter(|member| member.standing.is_member()).map(Member::from).collect())
    }

    /// Set how much of a room is kept, as ``chat-server room set`` does. `limit` is ``keep_for``, ``keep_messages`` or ``keep_bytes``;
    /// `value` is in text form, such as ``90days``, ``1000`` or ``16MiB``, or ``default`` for what holds for the whole chat.
    fn set_room_keep(&self, py: Python<'_>, room: &str, limit: &str, value: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        let found = run(py, || chat.rooms())?.into_iter().find(|found| found.name.as_str() == room);
        let mut keep = found.map(|found| found.keep).unwrap_or_default();
        keep.set(limit, value).map_err(|problem| PyValueError::new_err(problem.to_string()))?;
        run(py, || chat.set_room_keep(room, keep))
    }

    /// Delete a room with its messages. Its members are told, as if an owner had done it.
    fn delete_room(&self, py: Python<'_>, room: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.delete_room(room))
    }

    /// Tell everybody who is there: each connection and each `Events` that has subscribed gets an `Announcement`, which is not
    /// stored. Returns how many were told. `text` has at most 4,096 bytes, and is not blank.
    fn announce(&self, py: Python<'_>, text: &str) -> PyResult<usize> {
        let chat = self.get(py)?;
        run(py, || chat.announce(text))
    }

    /// Ban a user: end their sessions, and refuse new ones. Others can still send to the user. Logins raise `Banned` if the
    /// password is right. Does nothing if the user is banned already.
    fn ban_user(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.ban_user(name))
    }

    /// Let a banned user log in again. Does nothing if the user is not banned.
    fn unban_user(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.unban_user(name))
    }

    /// Change the settings while the chat is in use. Those that are not given get their defaults. Connections and sessions
    /// stay as they are; the new values hold from the next request on. A subscriber keeps the `events_bytes` and a
    /// connection the `limit_loopback` that it began with, and time limits that are running end no earlier than they would have.
    ///
    /// The chat keeps replaced settings, some hundred bytes each time that something changes.
    #[pyo3(signature = (**settings))]
    fn reload(&self, py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let settings = settings::read(settings, false)?;
        self.get(py)?.reload(&settings);
        Ok(())
    }

    /// List all users, in order of user name.
    fn list_users(&self, py: Python<'_>) -> PyResult<Vec<User>> {
        let chat = self.get(py)?;
        let users = run(py, || chat.users())?;
        Ok(users.iter().map(User::from).collect())
    }

    /// Open a session of a user without a password, for a program that has authenticated its user itself.
    fn open_session(&self, py: Python<'_>, user: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let token = run(py, || chat.open_session(user).map(|session| session.token()))?;
        Ok(self.session_of(token, user))
    }

    /// List all live sessions, in order of login.
    fn list_sessions(&self, py: Python<'_>) -> PyResult<Vec<SessionInfo>> {
        let chat = self.get(py)?;
        let sessions = run(py, || chat.sessions())?;
        Ok(sessions.iter().map(SessionInfo::from).collect())
    }

    /// End all sessions of a user, who may log in again.
    fn end_sessions(&self, py: Python<'_>, user: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.end_sessions(user))
    }

    /// Take all unread messages out of a user's inbox, without a session. There are none if there is no such user.
    fn inbox_of(&self, py: Python<'_>, user: &str) -> PyResult<Vec<InboxMessage>> {
        let chat = self.get(py)?;
        run(py, || chat.inbox_of(user).map(|inbox| InboxMessage::all(&inbox, user)))
    }

    /// Create an invitation, with which one person can register within 7 days, and return its code. The chat keeps only a
    /// digest of the code.
    fn invite(&self, py: Python<'_>) -> PyResult<String> {
        let chat = self.get(py)?;
        run(py, || chat.invite().map(|code| code.to_string()))
    }

    /// List the invitations that can still be used, in order of creation.
    fn list_invitations(&self, py: Python<'_>) -> PyResult<Vec<Invitation>> {
        let chat = self.get(py)?;
        let invitations = run(py, || chat.invitations())?;
        Ok(invitations.iter().map(Invitation::from).collect())
    }

    /// Revoke an invitation that was not used yet. `id` is that from `list_invitations`.
    fn revoke_invitation(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.revoke_invitation(&InvitationId::parse(id)?))
    }

    /// Write all users and messages as they are at one moment to a binary file, as lines of JSON (docs/dump.md). With
    /// `hashes`, the hashes of passwords are included. The file's `write` must not use the chat; other threads may.
    #[pyo3(signature = (file, *, hashes=true))]
    fn dump(&self, py: Python<'_>, file: Py<PyAny>, hashes: bool) -> PyResult<()> {
        let chat = self.get(py)?;
        file::write(py, file, |out| chat.dump(hashes, out))
    }

    /// Restore what `dump` has written, from a binary file, into a chat without users. If this fails, the chat is as it was
    /// before.
    fn restore(&self, py: Python<'_>, file: Py<PyAny>) -> PyResult<Restored> {
        let chat = self.get(py)?;
        file::read(py, file, |input| chat.restore(input).map(Restored::from))
    }

    /// Read all stored data and verify that it is consistent; raises `StorageError` if it is not. The chat can be used
    /// meanwhile.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.check())
    }

    /// Write what makes the next start quick, as closing does: for a process that exits while a server or a connection
    /// still uses the chat.
    fn tidy(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.tidy())
    }

    /// What the chat has counted, in the text format of Prometheus (version 0.0.4). Everything that this process does with the
    /// chat is counted, whether it came over a connection or not. No name of a user or room is in it, and nothing that a user
    /// wrote.
    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        let chat = self.get(py)?;
        run(py, || Ok(chat.metrics()))
    }

    /// Check that what is sent now could be stored, as far as can be told at little cost; raises `StorageError` if the last
    /// change could not be stored and storing does not work yet, or if the data can only be read.
    fn check_writable(&self, py: Python<'_>) -> PyResult<()> {
        let chat = self.get(py)?;
        run(py, || chat.check_writable())
    }

    /// Log in, which opens a session. Takes tens of milliseconds, because the password is checked.
    fn login(&self, py: Python<'_>, user: &str, password: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let token = run(py, || chat.login(user, password).map(|session| session.token()))?;
        Ok(self.session_of(token, user))
    }

    /// Create an account and open its first session, if the chat takes registrations. Where an invitation is needed,
    /// `invitation` is its code.
    #[pyo3(signature = (user, password, full_name, *, invitation=None))]
    fn register(
        &self,
        py: Python<'_>,
        user: &str,
        password: &str,
        full_name: &str,
        invitation: Option<&str>,
    ) -> PyResult<Session> {
        let chat = self.get(py)?;
        let register = || chat.register(user, password, full_name, invitation).map(|session| session.token());
        let token = run(py, register)?;
        Ok(self.session_of(token, user))
    }

    /// The live session that a token opens. Looking it up does not count as using it.
    fn session(&self, py: Python<'_>, token: &str) -> PyResult<Session> {
        let chat = self.get(py)?;
        let find = || {
            let token = SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?;
            chat.session(token)
        };
        let session = run(py, find)?;
        Ok(self.session_of(session.token(), session.user()))
    }

    /// The limits `line_time` and `stall_time`, in seconds.
    fn peer_times(&self, py: Python<'_>) -> PyResult<(f64, f64)> {
        let chat = self.get(py)?;
        Ok((chat.limits().line_time.as_secs_f64(), chat.limits().stall_time.as_secs_f64()))
    }

    /// Check that a server may listen on an IP address: raises `PublicPassword` if demo users would become reachable from a
    /// network. `Server` does this itself.
    fn may_listen(&self, py: Python<'_>, host: &str, port: u16) -> PyResult<()> {
        let chat = self.get(py)?;
        let host: IpAddr = host.parse().map_err(|_| PyValueError::new_err("host is no IP address"))?;
        run(py, || chat.may_listen((host, port).into()))
    }

    /// Close the chat. Its `Session` objects can no longer be used; the sessions themselves go on when the chat is opened
    /// again. Servers and connections of the chat keep working, and its directory is in use until the last of them is
    /// gone.
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

    /// Whether the chat's directory could only be read when it was opened. Everything that would change something then raises
    /// `StorageError`, also sending a message and logging in.
    #[getter]
    fn is_read_only(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.get(py)?.is_read_only())
    }

    /// Whether the chat is closed.
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
