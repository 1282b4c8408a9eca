//! `Session`: what a user can do. A new command has its method here.

use std::sync::Arc;

use chat_lib::model::{MessageId, SessionToken};
use chat_lib::protocol::List;
use chat_lib::store::Position;
use chat_lib::{Error, RoomUpdate};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyTuple;

use crate::errors::run;
use crate::events::Events;
use crate::message::{InboxMessage, Message};
use crate::page::{Page, SyncPage};
use crate::reply::names;
use crate::views::{Conversation, Member, Room, Sent, SessionView, UserView};
use crate::{chat, client};

/// A user's session, on a chat in the process or on a server: the methods are the same. Threads may share it. As a context
/// manager, it logs out at the end; without one it goes on, and its token opens it again.
///
/// A `conversation` is called by the other member's user name (notes to oneself by one's own), or by the name of the room,
/// which begins with `#`. A message's `id` is a number; they ascend in order of arrival over the whole chat.
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

    /// Send a message to a user or a room. Once this returns, the message is kept. The text may contain anything.
    ///
    /// With a `key` of 1 to 64 bytes, sending the message again does not store it twice, for example because the connection
    /// was lost before the answer: the same key returns the same `Sent`. Keys are remembered for a day.
    #[pyo3(signature = (to, text, *, key=None))]
    fn send(&self, py: Python<'_>, to: &str, text: &str, key: Option<&str>) -> PyResult<Sent> {
        let sent = self.call(py, |session| match key {
            Some(key) => session.send_with_key(to, text, key),
            None => session.send(to, text),
        })?;
        Ok(Sent::at(sent.id, sent.time))
    }

    /// Send one message to several users. All get it, or none. Over a connection, the text cannot contain CRLF.
    fn send_to_all(&self, py: Python<'_>, to: Vec<PyBackedStr>, text: &str) -> PyResult<()> {
        let to: Vec<&str> = to.iter().map(|user| &**user).collect();
        self.call(py, |session| session.send_to_all(&to, text))
    }

    /// Delete a message that the user has sent, or one in a room that the user owns. Its text is empty from now on.
    fn delete(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        let id = message_id(id)?;
        self.call(py, |session| session.delete(id))
    }

    /// Tell the other members of a conversation that the user is typing. Call it as often as you like: it is passed on every
    /// 3 s at most.
    fn typing(&self, py: Python<'_>, conversation: &str) -> PyResult<()> {
        self.call(py, |session| session.typing(conversation))
    }

    /// Take all unread direct messages out of the user's inbox: no later call returns them again. They stay in the history. In
    /// the process they come in order of arrival; over a connection by sender, senders in order of their first message.
    fn inbox(&self, py: Python<'_>) -> PyResult<Vec<InboxMessage>> {
        self.call(py, |session| session.inbox().map(|inbox| InboxMessage::all(&inbox, &self.user)))
    }

    /// Take all unread messages of a room, in order of arrival: no later call returns them again. Over a connection, the
    /// `sender` of each is "nobody"; only full names are known there.
    fn room_inbox(&self, py: Python<'_>, room: &str) -> PyResult<Vec<InboxMessage>> {
        self.call(py, |session| session.room_inbox(room).map(|inbox| InboxMessage::all(&inbox, room)))
    }

    /// Return the last messages of a conversation, the last ones before the id `before`, or the first ones after the id
    /// `after`. They always come in ascending order. At most `limit`, and 1,000. This does not mark them as read.
    #[pyo3(signature = (conversation, *, before=None, after=None, limit=100))]
    fn history(
        &self,
        py: Python<'_>,
        conversation: &str,
        before: Option<u64>,
        after: Option<u64>,
        limit: usize,
    ) -> PyResult<Py<Page>> {
        let position = match (before, after) {
            (Some(_), Some(_)) => return Err(PyValueError::new_err("there can be 'before' or 'after', but not both")),
            (None, Some(after)) => Position::After(message_id(after)?),
            (before, None) => Position::Before(message_id(before.unwrap_or(MessageId::MAX.get()))?),
        };
        let page = self.call(py, |session| session.history(conversation, position, limit))?;
        Page::of::<_, Message>(py, List { entries: page.messages, more: page.more })
    }

    /// Return the first messages after the id `after` of all of the user's conversations, in ascending order. At most `limit`,
    /// and 1,000. Whoever remembers the page's `next` and passes it on gets every message once.
    #[pyo3(signature = (after=0, *, limit=100))]
    fn sync(&self, py: Python<'_>, after: u64, limit: usize) -> PyResult<Py<SyncPage>> {
        let after = message_id(after)?;
        let page = self.call(py, |session| session.sync(after, limit))?;
        SyncPage::of(py, page)
    }

    /// Mark a conversation as read up to the message with the id `upto`, or up to the last one. Returns how many of its messages
    /// are unread then.
    #[pyo3(signature = (conversation, upto=None))]
    fn read(&self, py: Python<'_>, conversation: &str, upto: Option<u64>) -> PyResult<usize> {
        let upto = message_id(upto.unwrap_or(MessageId::MAX.get()))?;
        self.call(py, |session| session.read(conversation, upto))
    }

    /// Return the user's conversations, the one with the latest message first; only those whose last message is older than the
    /// id `before`, if there is one. At most `limit`, and 1,000.
    #[pyo3(signature = (*, before=None, limit=100))]
    fn conversations(&self, py: Python<'_>, before: Option<u64>, limit: usize) -> PyResult<Py<Page>> {
        let before = message_id(before.unwrap_or(MessageId::MAX.get()))?;
        let list = self.call(py, |session| session.conversations(before, limit))?;
        Page::of::<_, Conversation>(py, list)
    }

    /// Listen to what happens from now on: messages of all of the user's conversations, also those that the user sends, and more.
    /// With `after`, all messages after that id come first: a program that remembers the id of the last message that it has seen
    /// misses none, and sees none twice. On a server, events have a connection of their own.
    #[pyo3(signature = (*, after=None))]
    fn events(&self, py: Python<'_>, after: Option<u64>) -> PyResult<Events> {
        let after = after.map(message_id).transpose()?;
        match &self.place {
            Place::Server(client) => client.subscribe(py, self.token, after),
            Place::Chat(chat) => {
                let chat = chat.get(py)?;
                let session = chat.session_of(&self.user, self.token);
                let events = run(py, || match after {
                    Some(after) => session.events_after(after),
                    None => session.events(),
                });
                events.map(Events::new)
            }
        }
    }

    /// Return the users of the chat, in order of user name; only those after the name `after`. At most `limit`, and 1,000.
    #[pyo3(signature = (*, after="", limit=100))]
    fn users(&self, py: Python<'_>, after: &str, limit: usize) -> PyResult<Py<Page>> {
        let list = self.call(py, |session| session.users(after, limit))?;
        Page::of::<_, UserView>(py, list)
    }

    /// Name each user with a live session once, in order of login.
    fn active_users(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.call(py, chat_lib::Session::active_users).map(names)
    }

    /// Take no more direct messages from a user, and hide from them whether this user is there or types. Rooms stay as they are.
    fn block(&self, py: Python<'_>, user: &str) -> PyResult<()> {
        self.call(py, |session| session.block(user))
    }

    /// Take direct messages from a user again.
    fn unblock(&self, py: Python<'_>, user: &str) -> PyResult<()> {
        self.call(py, |session| session.unblock(user))
    }

    /// Return the users whom this user has blocked, in order of user name.
    fn blocks(&self, py: Python<'_>) -> PyResult<Vec<UserView>> {
        let blocks = self.call(py, chat_lib::Session::blocks)?;
        Ok(blocks.iter().map(|user| UserView::of_profile(user)).collect())
    }

    /// Change the user's full name, country, or both. Messages sent earlier keep the name they were sent under.
    #[pyo3(signature = (*, full_name=None, country=None))]
    fn set_profile(&self, py: Python<'_>, full_name: Option<&str>, country: Option<&str>) -> PyResult<()> {
        self.call(py, |session| session.set_profile(full_name, country))
    }

    /// Change the user's password, and end the user's other sessions. Takes tens of milliseconds, because passwords are
    /// checked and hashed.
    fn set_password(&self, py: Python<'_>, old: &str, new: &str) -> PyResult<()> {
        self.call(py, |session| session.set_password(old, new))
    }

    /// Return the user's live sessions, in order of login.
    fn sessions(&self, py: Python<'_>) -> PyResult<Vec<SessionView>> {
        let sessions = self.call(py, chat_lib::Session::sessions)?;
        Ok(sessions.into_iter().map(SessionView::from).collect())
    }

    /// End the session of the user's that has this `id` in `sessions()`.
    fn end_session(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        self.call(py, |session| session.end_session(id))
    }

    /// Create a room, whose owner and only member is the user. Anyone may join it if it is `open`; otherwise only users who were
    /// invited can see it.
    #[pyo3(signature = (room, *, title="", open=true))]
    fn create_room(&self, py: Python<'_>, room: &str, title: &str, open: bool) -> PyResult<()> {
        self.call(py, |session| session.create_room(room, title, open))
    }

    /// Join a room that is open or that the user was invited to. Does nothing if the user is a member already.
    fn join_room(&self, py: Python<'_>, room: &str) -> PyResult<()> {
        self.call(py, |session| session.join_room(room))
    }

    /// Leave a room, whose messages the user cannot see any more. The last owner cannot.
    fn leave_room(&self, py: Python<'_>, room: &str) -> PyResult<()> {
        self.call(py, |session| session.leave_room(room))
    }

    /// Delete a room with all its messages. Only owners can.
    fn delete_room(&self, py: Python<'_>, room: &str) -> PyResult<()> {
        self.call(py, |session| session.delete_room(room))
    }

    /// Allow a user to join a room. Every member can in an open room, and owners in another one.
    fn invite(&self, py: Python<'_>, room: &str, user: &str) -> PyResult<()> {
        self.call(py, |session| session.invite(room, user))
    }

    /// Remove a member from a room, or take an invitation back. Only owners can.
    fn remove_from_room(&self, py: Python<'_>, room: &str, user: &str) -> PyResult<()> {
        self.call(py, |session| session.remove_from_room(room, user))
    }

    /// Change a room; what is `None` stays as it is. `owners` are the user names of all owners from now on, who must be
    /// members. Only owners can.
    #[pyo3(signature = (room, *, title=None, open=None, owners=None))]
    fn set_room(
        &self,
        py: Python<'_>,
        room: &str,
        title: Option<&str>,
        open: Option<bool>,
        owners: Option<Vec<PyBackedStr>>,
    ) -> PyResult<()> {
        let owners: Option<Vec<&str>> = owners.as_ref().map(|owners| owners.iter().map(|owner| &**owner).collect());
        let update = RoomUpdate { title, open, owners: owners.as_deref() };
        self.call(py, |session| session.set_room(room, update))
    }

    /// Return the members of a room that the user is in, in order of user name; only those after the name `after`. At most
    /// `limit`, and 1,000.
    #[pyo3(signature = (room, *, after="", limit=100))]
    fn members(&self, py: Python<'_>, room: &str, after: &str, limit: usize) -> PyResult<Py<Page>> {
        let list = self.call(py, |session| session.members(room, after, limit))?;
        Page::of::<_, Member>(py, list)
    }

    /// Return the rooms that are open, or that the user is in or is invited to, in order of name; only those after the name
    /// `after`. At most `limit`, and 1,000.
    #[pyo3(signature = (*, after="", limit=100))]
    fn rooms(&self, py: Python<'_>, after: &str, limit: usize) -> PyResult<Py<Page>> {
        let list = self.call(py, |session| session.rooms(after, limit))?;
        Page::of::<_, Room>(py, list)
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

pub(crate) fn message_id(number: u64) -> PyResult<MessageId> {
    MessageId::new(number).ok_or_else(|| PyValueError::new_err("a message's id is below 2**53"))
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
