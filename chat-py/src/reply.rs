//! What a reply holds, as a value of Python, for the methods of `chat.aio`.

use chat_lib::model::UserName;
use chat_lib::protocol::{Command, Reply};
use chat_lib::store;
use pyo3::prelude::*;

use crate::message::{InboxMessage, Message};
use crate::page::{Page, SyncPage};
use crate::views::{Conversation, Member, Room, Sent, SessionView, UserView};

/// What a reply holds.
#[derive(IntoPyObject)]
pub(crate) enum Value {
    Token(String),
    Unread(usize),
    Names(Vec<String>),
    Inbox(Vec<InboxMessage>),
    Sent(Sent),
    Page(Py<Page>),
    SyncPage(Py<SyncPage>),
    Users(Vec<UserView>),
    Sessions(Vec<SessionView>),
}

impl Value {
    /// The value of the reply to a command, if it has one; `recipient` is the user or room whose inbox it may be.
    pub(crate) fn of(py: Python<'_>, reply: Reply, recipient: &str) -> PyResult<Option<Self>> {
        Ok(Some(match reply {
            Reply::LoggedIn(login) | Reply::Registered(login) => Self::Token(login.token.to_string()),
            Reply::ActiveUsers(users) => Self::Names(names(users)),
            Reply::Inbox(inbox) | Reply::RoomInbox(inbox) => Self::Inbox(InboxMessage::all(&inbox, recipient)),
            Reply::Sent { id, time } => Self::Sent(Sent::at(id, time)),
            Reply::Read { unread } => Self::Unread(unread),
            Reply::History(list) => Self::Page(Page::of::<_, Message>(py, list)?),
            Reply::Sync(list, next) => {
                Self::SyncPage(SyncPage::of(py, store::SyncPage::new(list.entries, next, list.more))?)
            }
            Reply::Conversations(list) => Self::Page(Page::of::<_, Conversation>(py, list)?),
            Reply::Users(list) => Self::Page(Page::of::<_, UserView>(py, list)?),
            Reply::Members(list) => Self::Page(Page::of::<_, Member>(py, list)?),
            Reply::Rooms(list) => Self::Page(Page::of::<_, Room>(py, list)?),
            Reply::Blocks(users) => Self::Users(users.iter().map(|user| UserView::of_profile(user)).collect()),
            Reply::Sessions(sessions) => Self::Sessions(sessions.into_iter().map(SessionView::from).collect()),
            // The others say only that the command was done.
            _ => return Ok(None),
        }))
    }

    /// The room whose inbox a command takes.
    pub(crate) fn room(command: &Command<'_>) -> Option<String> {
        if let Command::RoomInbox { room } = command { Some(room.to_string()) } else { None }
    }
}

pub(crate) fn names(users: Vec<UserName>) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}
