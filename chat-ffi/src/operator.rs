//! What an operator can do with users and their sessions. `data.rs` has the rest: dumps and checks.

use std::ffi::c_char;
use std::net::SocketAddr;

use chat_lib::NewUser;

use crate::argument::{Out, optional_text, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, chat_inbox, chat_session, chat_sessions, chat_users, get, put};
use crate::lists::{inbox, list};
use crate::status::chat_status;

/// Adds a user with an empty inbox. Takes tens of milliseconds, because the password is hashed.
///
/// - `chat`: a chat.
/// - `name`: the name to log in with.
/// - `password`: the password; only a hash of it is stored.
/// - `full_name`: the name that others see.
/// - `country`: where the user is from; may be "".
///
/// The rules for each are in docs/protocol.md, "Names".
///
/// Fails with CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD, CHAT_INVALID_FULL_NAME or
/// CHAT_INVALID_COUNTRY; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_add_user(
    chat: *mut chat,
    name: *const c_char,
    password: *const c_char,
    full_name: *const c_char,
    country: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all four.
        let user = unsafe {
            NewUser {
                name: text(name, "name")?,
                password: text(password, "password")?,
                full_name: text(full_name, "full_name")?,
                country: text(country, "country")?,
            }
        };
        Ok(get(chat)?.add_user(user)?)
    })
}

/// Adds the users "messi", "henderson" and "lineker", all with the password "surabaya", for trying things out.
/// As the password is public, no server starts on an address other than loopback while they have it.
///
/// - `chat`: a chat. Existing users are left unchanged.
///
/// Fails with CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_add_demo_users(chat: *mut chat) -> chat_status {
    boundary(|| Ok(get(chat)?.add_demo_users()?))
}

/// Lists all users, in order of user name.
///
/// - `chat`: a chat.
/// - `users_out`: receives the list.
///
/// Fails with CHAT_STORAGE.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_list_users(chat: *mut chat, users_out: *mut *mut chat_users) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(users_out, "users_out")? };
        out.set(put(list(get(chat)?.users()?)));
        Ok(())
    })
}

/// Changes a user's full name, country, or both. Messages sent earlier keep the name they were sent under.
///
/// - `chat`: a chat.
/// - `name`: the user to change.
/// - `full_name`: the new full name; NULL keeps the old one.
/// - `country`: the new country; NULL keeps the old one.
///
/// Fails with CHAT_NO_SUCH_USER, CHAT_INVALID_FULL_NAME, CHAT_INVALID_COUNTRY or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_edit_user(
    chat: *mut chat,
    name: *const c_char,
    full_name: *const c_char,
    country: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (name, full_name, country) = unsafe {
            (text(name, "name")?, optional_text(full_name, "full_name")?, optional_text(country, "country")?)
        };
        Ok(get(chat)?.edit_user(name, full_name, country)?)
    })
}

/// Changes a user's password, and ends all of the user's sessions.
///
/// - `chat`: a chat.
/// - `name`: the user to change.
/// - `password`: the new password.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_INVALID_PASSWORD; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_set_password(
    chat: *mut chat,
    name: *const c_char,
    password: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (name, password) = unsafe { (text(name, "name")?, text(password, "password")?) };
        Ok(get(chat)?.set_password(name, password)?)
    })
}

/// Removes a user, with their sessions and inbox. Messages that they have sent to others stay.
///
/// - `chat`: a chat.
/// - `name`: the user to remove.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_remove_user(chat: *mut chat, name: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "name")? };
        Ok(get(chat)?.remove_user(name)?)
    })
}

/// Bans a user: ends their sessions, and refuses new ones. Others can still send to the user. Does nothing if the user is
/// banned already.
///
/// - `chat`: a chat.
/// - `name`: the user to ban. Their logins fail with CHAT_BANNED if the password is right, and otherwise as before.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_ban_user(chat: *mut chat, name: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "name")? };
        Ok(get(chat)?.ban_user(name)?)
    })
}

/// Lets a banned user log in again. Does nothing if the user is not banned.
///
/// - `chat`: a chat.
/// - `name`: the user.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_unban_user(chat: *mut chat, name: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { text(name, "name")? };
        Ok(get(chat)?.unban_user(name)?)
    })
}

/// Removes a user as chat_remove_user() does, and deletes all messages that they have sent. Others see these as deleted. The
/// texts have left the disk when this returns, unless a dump is being made: then they do so within two minutes.
///
/// - `chat`: a chat.
/// - `name`: the user to erase.
/// - `deleted_out`: receives how many messages were deleted; may be NULL.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE. The user may be banned then: call it again.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_erase_user(chat: *mut chat, name: *const c_char, deleted_out: *mut u64) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, name) = unsafe { (Out::optional(deleted_out), text(name, "name")?) };
        let deleted = get(chat)?.erase_user(name)?;
        out.set(deleted);
        Ok(())
    })
}

/// Opens a session of a user without a password, for a program that has authenticated its user itself.
///
/// - `chat`: a chat.
/// - `user`: the user name.
/// - `session_out`: receives the session.
///
/// Fails with CHAT_NO_SUCH_USER, CHAT_BANNED, CHAT_STORAGE or CHAT_ENTROPY.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_open_session(
    chat: *mut chat,
    user: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, user) = unsafe { (Out::new(session_out, "session_out")?, text(user, "user")?) };
        out.set(put(get(chat)?.open_session(user)?.into()));
        Ok(())
    })
}

/// Lists all live sessions, in order of login.
///
/// - `chat`: a chat.
/// - `sessions_out`: receives the list.
///
/// Fails with CHAT_STORAGE.
/// Memory: free the list with chat_sessions_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_list_sessions(chat: *mut chat, sessions_out: *mut *mut chat_sessions) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(sessions_out, "sessions_out")? };
        out.set(put(list(get(chat)?.sessions()?)));
        Ok(())
    })
}

/// Ends all sessions of a user, who may log in again.
///
/// - `chat`: a chat.
/// - `user`: the user name.
///
/// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_end_sessions(chat: *mut chat, user: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let user = unsafe { text(user, "user")? };
        Ok(get(chat)?.end_sessions(user)?)
    })
}

/// Takes all unread messages out of a user's inbox, without a session.
///
/// - `chat`: a chat.
/// - `user`: the user name.
/// - `inbox_out`: receives the messages; empty if the user does not exist.
///
/// Fails with CHAT_STORAGE.
/// Memory: free the inbox with chat_inbox_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_take_inbox_of(
    chat: *mut chat,
    user: *const c_char,
    inbox_out: *mut *mut chat_inbox,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, user) = unsafe { (Out::new(inbox_out, "inbox_out")?, text(user, "user")?) };
        out.set(put(inbox::messages(&get(chat)?.inbox_of(user)?)));
        Ok(())
    })
}

/// Checks that a server may listen on an address: demo users must not become reachable from a network.
/// chat_server_start() does this itself; a program with a loop of its own calls it before it listens.
///
/// - `chat`: a chat.
/// - `address`: IP address and port, such as "0.0.0.0:8889".
///
/// Fails with CHAT_PUBLIC_PASSWORD if the address is not loopback and a demo user still has the public password;
/// CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_may_listen(chat: *mut chat, address: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let address = unsafe { text(address, "address")? };
        let address: SocketAddr = address.parse().map_err(|_| Failure::argument("address is not IP:PORT"))?;
        Ok(get(chat)?.may_listen(address)?)
    })
}
