//! The client: a connection to a server, and how a user gets a session over it.

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::AsRawFd;
use std::time::Duration;
use std::{mem, ptr};

use chat_lib::{Client, ClientOptions};

use crate::argument::{Out, optional_text, reference, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat_client, chat_session, free, get, put};
use crate::options::{path, sized};
use crate::session::chat_token;
use crate::status::chat_status;

/// How a client connects. Begin with CHAT_CLIENT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for the defaults.
/// Later versions add fields at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct chat_client_options {
    /// sizeof(chat_client_options).
    pub size: usize,
    /// How long to wait at most, in milliseconds, for a connection to each address that the server's name has, and later for each
    /// piece of an answer; 0 for 30 s. The name lookup is not limited. With several servers, it is also how long a call that fails is
    /// tried again, and 0 stands for 15 s.
    pub timeout_millis: u64,
    /// A PEM file with the certificates of the authorities to trust, for an encrypted connection. Any path, UTF-8 or not. NULL for
    /// those that the system trusts.
    pub ca_file: *const c_char,
}

impl chat_client_options {
    /// # Safety
    ///
    /// `options` is NULL or points to as many bytes as its first field says, and `ca_file` is NULL or text that ends with NUL.
    unsafe fn read(options: *const Self) -> Result<ClientOptions, Failure> {
        let own = Self { size: size_of::<Self>(), timeout_millis: 0, ca_file: ptr::null() };
        let expected = "sizeof(chat_client_options); begin with CHAT_CLIENT_OPTIONS_INIT";
        // SAFETY: the size comes first, every bit pattern is one of the fields, and the rest is this function's condition.
        let own = unsafe { sized(options, own, FIRST_SIZE, expected)? };
        let mut read = ClientOptions::new();
        if own.timeout_millis != 0 {
            read = read.patience(Duration::from_millis(own.timeout_millis));
        }
        if !own.ca_file.is_null() {
            // SAFETY: it is not NULL, and the rest is this function's condition.
            read = read.ca_file(path(unsafe { CStr::from_ptr(own.ca_file) }))?;
        }
        Ok(read)
    }
}

/// What the struct had in version 0.1: programs that were compiled for it pass that.
const FIRST_SIZE: usize = mem::offset_of!(chat_client_options, ca_file) + size_of::<*const c_char>();

/// Connects to a server, or to any of several that serve the same chat.
///
/// With several servers, the client goes on at another one when it loses its connection: the next call connects again, and the sessions
/// and their events go on, without missing or repeating a message. Calls that only read are made again by themselves, and so are
/// messages, each of which is sent with a key: the caller's, or else a random one. Other calls fail if it is not known
/// whether they were done. What is refused with CHAT_BUSY, as while another server takes over, is tried again. All of that ends
/// after the timeout of the options.
///
/// - `address`: where it listens: "HOST:PORT", "chat://HOST", or "chats://HOST" for an encrypted connection to a server that
///   proves that it is the one that is meant. In the last two, :PORT may follow; otherwise the port is 8889, or 8890 if the
///   connection is encrypted. Commas separate several: "one:8889,two:8889". "chat://" and "chats://" also hold for those that
///   follow.
/// - `options`: the options; NULL for the defaults.
/// - `client_out`: receives the client.
///
/// Fails with CHAT_TIMED_OUT; CHAT_IO if no server listens there, the address is invalid or the CA file cannot be read; CHAT_TLS
/// if no encrypted connection came about that can be trusted; CHAT_INVALID_ARGUMENT for invalid options.
/// Memory: free the client with chat_client_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_connect(
    address: *const c_char,
    options: *const chat_client_options,
    client_out: *mut *mut chat_client,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, address, options) = unsafe {
            let out = Out::new(client_out, "client_out")?;
            (out, text(address, "address")?, chat_client_options::read(options)?)
        };
        out.set(put(Client::connect_with(address, &options)?));
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
/// - `invitation`: the code of an invitation, where one is needed; NULL for none.
/// - `session_out`: receives the session.
///
/// Fails as chat_register(), with CHAT_BUSY, or as every function of a session over a connection.
/// Memory: free the session with chat_session_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4, 6)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_client_register(
    client: *mut chat_client,
    user: *const c_char,
    password: *const c_char,
    full_name: *const c_char,
    invitation: *const c_char,
    session_out: *mut *mut chat_session,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all five.
        let (out, user, password, full_name, invitation) = unsafe {
            let (out, user) = (Out::new(session_out, "session_out")?, text(user, "user")?);
            let (password, full_name) = (text(password, "password")?, text(full_name, "full_name")?);
            (out, user, password, full_name, optional_text(invitation, "invitation")?)
        };
        out.set(put(get(client)?.register(user, password, full_name, invitation)?.into()));
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
/// connection, and may be when a session that was used over it has ended, and at any time if the connection is encrypted. Waits
/// for a request that is being made. With several servers, each call over the connection can replace it.
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
