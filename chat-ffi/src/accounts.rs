//! Who may log in.

use std::ffi::c_char;

use chat_lib::NewUser;

use crate::argument::text;
use crate::boundary::boundary;
use crate::handle::{chat, get};
use crate::status::chat_status;

/// Adds a user with an empty mailbox. Takes tens of milliseconds, for the password is hashed.
///
/// - `chat`: a chat.
/// - `name`: the name to log in with.
/// - `password`: the password; only a hash of it is kept.
/// - `full_name`: the name that others are shown.
/// - `country`: where the user is from; may be "".
///
/// The rules for each are in docs/protocol.md, "Names".
///
/// Returns CHAT_OK; CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD,
/// CHAT_INVALID_FULL_NAME or CHAT_INVALID_COUNTRY; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING;
/// CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
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

/// Gives a user another password, and ends the user's sessions.
///
/// - `chat`: a chat.
/// - `name`: whose.
/// - `password`: the new one.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_USER or CHAT_INVALID_PASSWORD; CHAT_STORAGE, CHAT_ENTROPY or
/// CHAT_HASHING; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
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

/// Removes a user, with sessions and mailbox. What the user has sent to others stays.
///
/// - `chat`: a chat.
/// - `name`: whom.
///
/// Returns CHAT_OK; CHAT_NO_SUCH_USER; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept of what is passed. Thread: any, many at once.
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

/// Adds the users "messi", "henderson" and "lineker", all with the password "surabaya", for trying things
/// out. As everybody knows it, no server starts with them on an address that is not loopback.
///
/// - `chat`: a chat. Existing users are left unchanged.
///
/// Returns CHAT_OK; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING; CHAT_INVALID_ARGUMENT or
/// CHAT_INVALID_HANDLE.
/// Memory: nothing is kept, and nothing given. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_add_demo_users(chat: *mut chat) -> chat_status {
    boundary(|| Ok(get(chat)?.add_demo_users()?))
}
