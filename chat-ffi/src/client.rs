//! The client: a connection to a server, and how a user gets a session over it.

use std::ffi::{c_char, c_int};
use std::os::fd::AsRawFd;
use std::time::Duration;

use chat_lib::Client;
use chat_lib::limits::CLIENT_PATIENCE;

use crate::argument::{Out, reference, text};
use crate::boundary::boundary;
use crate::handle::{chat_client, chat_session, free, get, put};
use crate::session::chat_token;
use crate::status::chat_status;

/// Connects to a server.
///
/// - `address`: where it listens, such as "127.0.0.1:8889".
/// - `timeout_ms`: how long to wait at most, in milliseconds, for a connection to each address that the name has, and
///   later for each piece of an answer; 0 for 30 s. The name lookup is not limited.
/// - `client_out`: receives the client.
///
/// Fails with CHAT_TIMED_OUT, or CHAT_IO if no server listens there or the address is invalid.
/// Memory: free the client with chat_client_free().
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
        out.set(put(Client::connect_timeout(address, patience)?));
        Ok(())
    })
}

/// Logs in over a connection.
///
/// - `client`: a client.
/// - `user`: the user name.
/// - `password`: the password.
/// - `session_out`: receives the session.
///
/// Fails as chat_login(), with CHAT_BUSY also if too many logins wait for their passwords to be checked, or as every
/// function of a session over a connection.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_login(
    client: *mut chat_client,
    user: *const c_char,
    password: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, user, password) =
            unsafe { (Out::new(session_out, "session_out")?, text(user, "user")?, text(password, "password")?) };
        out.set(put(get(client)?.login(user, password)?.into()));
        Ok(())
    })
}

/// Creates an account over a connection, if the server takes registrations, and opens the account's first session.
///
/// - `client`: a client.
/// - `user`: the name to log in with.
/// - `password`: the password.
/// - `full_name`: the name that others see.
/// - `session_out`: receives the session.
///
/// Fails as chat_register(), with CHAT_BUSY, or as every function of a session over a connection.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_register(
    client: *mut chat_client,
    user: *const c_char,
    password: *const c_char,
    full_name: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all four.
        let (out, user, password, full_name) = unsafe {
            let out = Out::new(session_out, "session_out")?;
            (out, text(user, "user")?, text(password, "password")?, text(full_name, "full_name")?)
        };
        out.set(put(get(client)?.register(user, password, full_name)?.into()));
        Ok(())
    })
}

/// Gives the session that a token opens, to be used over a connection. The server is not asked: if there is no such
/// session, its functions fail with CHAT_NO_SUCH_SESSION.
///
/// - `client`: a client.
/// - `user`: the name of the session's user.
/// - `token`: the token.
/// - `session_out`: receives the session.
///
/// Fails with CHAT_NO_SUCH_SESSION if that cannot be a token.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_session(
    client: *mut chat_client,
    user: *const c_char,
    token: *const chat_token,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, user, token) =
            unsafe { (Out::new(session_out, "session_out")?, text(user, "user")?, reference(token, "token")?) };
        out.set(put(get(client)?.session_of(user, token.parse()?).into()));
        Ok(())
    })
}

/// Gives the client's file descriptor, for poll(). Between two requests it is readable once the server has closed the
/// connection, and may be when a session that was used over it has ended. Waits for a request that is being made.
///
/// - `client`: a client.
/// - `fd_out`: receives the descriptor.
///
/// Memory: the descriptor belongs to the connection; do not read, write or close it.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_fd(client: *const chat_client, fd_out: *mut c_int) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(fd_out, "fd_out")? };
        out.set(get(client)?.as_raw_fd());
        Ok(())
    })
}

/// Frees a client. Its connection is closed once the sessions that were opened over it are freed, too.
///
/// - `client`: a client; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_client_free(client: *mut chat_client) -> chat_status {
    free(client)
}
