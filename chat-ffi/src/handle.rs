//! Handles: C sees pointers to incomplete types, which are keys of a table. A slot of the table is reused with a new
//! key, and a key repeats only after two thousand million others, so a handle that was freed, or is of another kind, is
//! detected.

use std::sync::{Arc, Mutex, PoisonError};

use chat_lib::{Chat, Client};
use slotmap::{DefaultKey, Key, KeyData};

use crate::boundary::boundary;
use crate::connection::Peer;
use crate::error::Failure;
use crate::events::Stream;
use crate::lists::List;
use crate::lists::conversations::Conversation;
use crate::lists::history::Said;
use crate::lists::inbox::Message;
use crate::lists::invitations::OpenInvitation;
use crate::lists::rooms::Room;
use crate::lists::sessions::OpenSession;
use crate::lists::users::User;
use crate::server::Running;
use crate::session::UserSession;
use crate::status::chat_status;
use crate::table::{Table, table};

/// A handle type of C, and the Rust type behind it. Each pair is declared once, below.
pub(crate) trait Kind: Sized {
    /// What is behind the handle.
    type Target;

    fn into_object(target: Arc<Self::Target>) -> Object;

    fn of_object(object: &Object) -> Option<&Arc<Self::Target>>;
}

macro_rules! kinds {
    ($($name:ident, $kind:ident = $target:ty;)*) => {
        /// What a handle can stand for.
        pub(crate) enum Object {
            $($kind(Arc<$target>)),*
        }

        $(
            impl Kind for $name {
                type Target = $target;

                fn into_object(target: Arc<Self::Target>) -> Object {
                    Object::$kind(target)
                }

                fn of_object(object: &Object) -> Option<&Arc<Self::Target>> {
                    if let Object::$kind(target) = object { Some(target) } else { None }
                }
            }
        )*
    };
}

kinds! {
    chat, Chat = Chat;
    chat_connection, Connection = Peer;
    chat_server, Server = Running;
    chat_client, Client = Client;
    chat_session, Session = UserSession;
    chat_events, Events = Stream;
    chat_inbox, Inbox = Mutex<List<Message>>;
    chat_history, History = Mutex<List<Said>>;
    chat_conversations, Conversations = Mutex<List<Conversation>>;
    chat_users, Users = Mutex<List<User>>;
    chat_rooms, Rooms = Mutex<List<Room>>;
    chat_sessions, Sessions = Mutex<List<OpenSession>>;
    chat_invitations, Invitations = Mutex<List<OpenInvitation>>;
}

/// A chat in the process. It gives an operator's access: functions that take one may do anything.
#[allow(non_camel_case_types)]
pub struct chat {
    _incomplete: (),
}

/// A user's session, on a chat in the process or on a server: its functions do what that user may do. There can be
/// several handles to one session.
///
/// Every function that uses the session fails with CHAT_NO_SUCH_SESSION once it has ended. In the process, it fails with
/// CHAT_STORAGE if the disk does. Over a connection, calls with one client and its sessions wait for each other; they fail
/// with CHAT_INVALID_REQUEST for a word that cannot be sent, and nothing was sent; with what the server refuses, or
/// CHAT_REFUSED if that has no status; and with CHAT_DISCONNECTED, CHAT_TIMED_OUT, CHAT_BAD_REPLY or CHAT_IO, after
/// which the client is of no more use, and whether the request was done is unknown.
#[allow(non_camel_case_types)]
pub struct chat_session {
    _incomplete: (),
}

/// A connection of one peer, without I/O.
#[allow(non_camel_case_types)]
pub struct chat_connection {
    _incomplete: (),
}

/// A server in threads of its own.
#[allow(non_camel_case_types)]
pub struct chat_server {
    _incomplete: (),
}

/// A client's connection to a server.
#[allow(non_camel_case_types)]
pub struct chat_client {
    _incomplete: (),
}

/// What happens in a session's conversations, to be read with chat_events_next().
#[allow(non_camel_case_types)]
pub struct chat_events {
    _incomplete: (),
}

/// Messages that were taken out of an inbox, to be read once with chat_inbox_next().
#[allow(non_camel_case_types)]
pub struct chat_inbox {
    _incomplete: (),
}

/// Messages of conversations, to be read once with chat_history_next().
#[allow(non_camel_case_types)]
pub struct chat_history {
    _incomplete: (),
}

/// A list of conversations, to be read once with chat_conversations_next().
#[allow(non_camel_case_types)]
pub struct chat_conversations {
    _incomplete: (),
}

/// A list of users, to be read once with chat_users_next().
#[allow(non_camel_case_types)]
pub struct chat_users {
    _incomplete: (),
}

/// A list of rooms, to be read once with chat_rooms_next().
#[allow(non_camel_case_types)]
pub struct chat_rooms {
    _incomplete: (),
}

/// A list of sessions, to be read once with chat_sessions_next().
#[allow(non_camel_case_types)]
pub struct chat_sessions {
    _incomplete: (),
}

/// A list of invitations, to be read once with chat_invitations_next().
#[allow(non_camel_case_types)]
pub struct chat_invitations {
    _incomplete: (),
}

/// A handle for `target`.
pub(crate) fn put<K: Kind>(target: K::Target) -> *mut K {
    let object = K::into_object(Arc::new(target));
    let table = table();
    let key = table.objects.write().unwrap_or_else(PoisonError::into_inner).insert(object);
    std::ptr::without_provenance_mut(to_address(table, key))
}

/// What `handle` stands for.
// In line, with `argument::text`: a tenth of what a call costs (`benches/send.rs`).
#[inline(always)]
pub(crate) fn get<K: Kind>(handle: *const K) -> Result<Arc<K::Target>, Failure> {
    let table = table();
    let objects = table.objects.read().unwrap_or_else(PoisonError::into_inner);
    let object = to_key(table, handle.addr()).and_then(|key| objects.get(key)).and_then(K::of_object);
    object.cloned().ok_or_else(|| invalid(handle))
}

/// Removes what `handle` stands for from the table, if `ready` allows it, and returns it; NULL does nothing. Calls that still
/// use it keep it alive until they return.
pub(crate) fn take<K: Kind>(
    handle: *mut K,
    ready: impl FnOnce(&K::Target) -> Result<(), Failure>,
) -> Result<Option<Arc<K::Target>>, Failure> {
    if handle.is_null() {
        return Ok(None);
    }
    let table = table();
    let mut objects = table.objects.write().unwrap_or_else(PoisonError::into_inner);
    let key = to_key(table, handle.addr()).ok_or_else(|| invalid(handle))?;
    let target = objects.get(key).and_then(K::of_object).ok_or_else(|| invalid(handle))?;
    ready(target)?;
    let target = Arc::clone(target);
    // The caller drops what it stood for, which may take long: the table must not be locked meanwhile.
    objects.remove(key);
    Ok(Some(target))
}

/// Removes what `handle` stands for; NULL does nothing.
pub(crate) fn free<K: Kind>(handle: *mut K) -> chat_status {
    boundary(|| take(handle, |_| Ok(())).map(drop))
}

fn invalid<K>(handle: *const K) -> Failure {
    if handle.is_null() {
        return Failure::argument("the handle is NULL");
    }
    let problem = "the handle was freed, is of another kind, belongs to the parent of a fork(), or never was a handle";
    Failure::new(chat_status::CHAT_INVALID_HANDLE, problem)
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a handle holds a key of 64 bits in a pointer");

/// No two generations have an address in common until one of them has used a slot some thirty thousand times.
fn to_address(table: &Table, key: DefaultKey) -> usize {
    (key.data().as_ffi() ^ (table.generation << 48)) as usize
}

/// `None` if no key has that address: the table takes some others for keys, too.
fn to_key(table: &Table, address: usize) -> Option<DefaultKey> {
    let key: DefaultKey = KeyData::from_ffi(address as u64 ^ (table.generation << 48)).into();
    (to_address(table, key) == address).then_some(key)
}
