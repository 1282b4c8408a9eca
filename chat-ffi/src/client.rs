//! The client: the five commands over a connection.

use std::ffi::{c_char, c_int};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_lib::Client;
use chat_lib::limits::CLIENT_PATIENCE;

use crate::argument::{Out, reference, text};
use crate::boundary::boundary;
use crate::calls::chat_token;
use crate::handle::{chat_client, chat_inbox, chat_users, get, put, take};
use crate::lists::{Messages, Users};
use crate::status::chat_status;

/// Connects to a server.
///
/// - `address`: where it listens, such as "127.0.0.1:8889".
/// - `timeout_ms`: how long to wait at most, in milliseconds, for a connection to each address that the name
///   has, and later for each piece of an answer; 0 for 30 s. Looking the name up takes what it takes.
/// - `client_out`: where the handle goes.
///
/// Returns CHAT_OK; CHAT_TIMED_OUT; CHAT_IO if nobody listens there or it is no address;
/// CHAT_INVALID_ARGUMENT.
/// Memory: the client is to be freed with chat_client_free(). Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_connect(
    address: *const c_char,
    timeout_ms: u32,
    client_out: *mut *mut chat_client,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, address) = unsafe { (Out::new(client_out, "client_out")?, text(address, "address")?) };
        let patience = if timeout_ms == 0 { CLIENT_PATIENCE } else { Duration::from_millis(timeout_ms.into()) };
        out.set(put(Mutex::new(Client::connect_timeout(address, patience)?)));
        Ok(())
    })
}

/// Logs in over the connection. A session is not bound to it, and works on any.
///
/// - `client`: a client.
/// - `user`: the user name.
/// - `password`: the password.
/// - `token_out`: where the session's token goes.
///
/// Returns as chat_login(), or as all that follow: CHAT_INVALID_REQUEST for a word that cannot travel, and
/// nothing was sent; CHAT_LINE_TOO_LONG or CHAT_BUSY; CHAT_REFUSED for a code without a status;
/// CHAT_DISCONNECTED, CHAT_TIMED_OUT, CHAT_BAD_REPLY or CHAT_IO, after which the client is of no more use,
/// and it is not known whether the request was done.
/// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_login(
    client: *mut chat_client,
    user: *const c_char,
    password: *const c_char,
    token_out: *mut chat_token,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, user, password) =
            unsafe { (Out::new(token_out, "token_out")?, text(user, "user")?, text(password, "password")?) };
        out.set(lock(&*get(client)?).login(user, password)?.into());
        Ok(())
    })
}

/// Sends a message over the connection. When it returns CHAT_OK, the server has promised to keep it.
///
/// - `client`: a client.
/// - `token`: the sender's session.
/// - `to`: the recipient's user name.
/// - `message`: what to say; it may hold LF, but no CRLF.
///
/// Returns as chat_send() and chat_client_login().
/// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_send(
    client: *mut chat_client,
    token: *const chat_token,
    to: *const c_char,
    message: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (token, to, message) = unsafe { (reference(token, "token")?, text(to, "to")?, text(message, "message")?) };
        Ok(lock(&*get(client)?).send(&token.parse()?, to, message)?)
    })
}

/// Takes all unread messages out over the connection. They come by sender, senders in order of their first
/// message.
///
/// - `client`: a client.
/// - `token`: the reader's session.
/// - `inbox_out`: where the messages go.
///
/// Returns as chat_take_inbox() and chat_client_login().
/// Memory: the inbox is to be freed with chat_inbox_free(). Thread: any; calls with one client wait for each
/// other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_take_inbox(
    client: *mut chat_client,
    token: *const chat_token,
    inbox_out: *mut *mut chat_inbox,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, token) = unsafe { (Out::new(inbox_out, "inbox_out")?, reference(token, "token")?) };
        let inbox = lock(&*get(client)?).inbox(&token.parse()?)?;
        out.set(put(Messages::new(&inbox).into()));
        Ok(())
    })
}

/// Lists each user with a live session once, in order of login, over the connection.
///
/// - `client`: a client.
/// - `token`: a session.
/// - `users_out`: where the list goes.
///
/// Returns as chat_active_users() and chat_client_login().
/// Memory: the list is to be freed with chat_users_free(). Thread: any; calls with one client wait for each
/// other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_active_users(
    client: *mut chat_client,
    token: *const chat_token,
    users_out: *mut *mut chat_users,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, token) = unsafe { (Out::new(users_out, "users_out")?, reference(token, "token")?) };
        let users = lock(&*get(client)?).active_users(&token.parse()?)?;
        out.set(put(Users::new(&users).into()));
        Ok(())
    })
}

/// Ends a session over the connection, and no other.
///
/// - `client`: a client.
/// - `token`: the session.
///
/// Returns as chat_logout() and chat_client_login().
/// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_logout(client: *mut chat_client, token: *const chat_token) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let token = unsafe { reference(token, "token")? };
        Ok(lock(&*get(client)?).logout(&token.parse()?)?)
    })
}

/// Gives the client's file descriptor, for poll(). Between two calls it is readable once the server has
/// closed the connection.
///
/// - `client`: a client.
/// - `fd_out`: where the descriptor goes.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the descriptor is the client's: it is not to be read, written or closed, and gone with the client.
/// Thread: any; calls with one client wait for each other.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_fd(client: *const chat_client, fd_out: *mut c_int) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(fd_out, "fd_out")? };
        out.set(lock(&*get(client)?).as_fd().as_raw_fd());
        Ok(())
    })
}

/// Closes the connection and frees the client. Its sessions live on.
///
/// - `client`: a client; NULL is left alone.
///
/// Returns CHAT_OK or CHAT_INVALID_HANDLE.
/// Memory: what it held is gone. Thread: any.
#[unsafe(no_mangle)]
pub extern "C" fn chat_client_free(client: *mut chat_client) -> chat_status {
    boundary(|| take(client, |_| Ok(())))
}

fn lock(client: &Mutex<Client>) -> MutexGuard<'_, Client> {
    client.lock().unwrap_or_else(PoisonError::into_inner)
}
