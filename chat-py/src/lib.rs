//! The native half of the Python package `chat`: classes around chat-lib, without any rule of the chat. The public
//! package is in `python/chat/`; `python/chat/_chat.pyi` has the types of what is here.

mod authenticator;
mod chat;
mod client;
mod connection;
mod errors;
mod event;
mod events;
mod file;
mod job;
mod message;
mod page;
mod process;
mod reply;
mod server;
mod session;
mod settings;
mod value;
mod values;
mod views;
mod wakeups;
mod web;
mod wire;

use chat_lib::limits;
use chat_lib::model::MessageId;
use pyo3::prelude::*;

/// The native half of `chat`.
#[pymodule(gil_used = false)]
mod _chat {
    #[pymodule_export]
    use super::authenticator::before_exit;
    #[pymodule_export]
    use super::chat::{Chat, session_id};
    #[pymodule_export]
    use super::client::{Client, listen, parse_address, parse_addresses};
    #[pymodule_export]
    use super::connection::Connection;
    #[pymodule_export]
    use super::errors::panic_for_test;
    #[pymodule_export]
    use super::event::{Announcement, Closed, Deleted, Lagged, Presence, Read, RoomChange, Typing};
    #[pymodule_export]
    use super::events::Events;
    #[pymodule_export]
    use super::job::{FinishedJob, Job};
    #[pymodule_export]
    use super::message::{InboxMessage, Message};
    #[pymodule_export]
    use super::page::{Page, SyncPage};
    #[pymodule_export]
    use super::process::after_fork;
    #[pymodule_export]
    use super::server::Server;
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::values::{Invitation, Restored, SessionInfo, User};
    #[pymodule_export]
    use super::views::{Conversation, Member, Room, Sent, SessionView, UserView};
    #[pymodule_export]
    use super::wakeups::Wakeups;
    #[pymodule_export]
    use super::wire::{Answer, Request, Requester, printable};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("AUTHENTICATOR_THREADS", limits::AUTHENTICATOR_THREADS)?;
        module.add("FAILOVER_CONNECT", limits::FAILOVER_CONNECT.as_secs_f64())?;
        module.add("FAILOVER_DELAY", limits::RECONNECT_DELAY.as_secs_f64())?;
        module.add("FAILOVER_DELAY_MAX", limits::FAILOVER_DELAY_MAX.as_secs_f64())?;
        module.add("FAILOVER_PATIENCE", limits::FAILOVER_PATIENCE.as_secs_f64())?;
        module.add("JOBS_WAITING", limits::JOBS_WAITING)?;
        module.add("KEEPALIVE", limits::KEEPALIVE.as_secs())?;
        module.add("LAST_MESSAGE", MessageId::MAX.get())?;
        module.add("LINGER_TIMEOUT", limits::LINGER_TIMEOUT.as_secs_f64())?;
        module.add("SETTINGS", pyo3::types::PyTuple::new(module.py(), settings::names())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
