//! The server, in threads of its own.

use std::ffi::c_char;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::server::Handle;
use chat_lib::{Chat, Error, Server};

use crate::argument::{Out, text};
use crate::boundary::{boundary, panicked};
use crate::buffer::chat_buffer;
use crate::error::Failure;
use crate::handle::{chat, chat_server, get, put, take};
use crate::status::chat_status;

/// A server that runs, or has run.
pub struct Running {
    address: String,
    port: u16,
    handle: Handle,
    end: Arc<End>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How a server has ended; `None` while it runs.
#[derive(Default)]
struct End {
    outcome: Mutex<Option<Result<(), Failure>>>,
    happened: Condvar,
}

impl Running {
    fn start(chat: Chat, address: &str) -> Result<Self, Error> {
        let server = Server::bind(chat, address)?;
        let bound = server.addresses().first().copied().ok_or(Error::Disconnected)?;
        let (handle, end) = (server.handle(), Arc::<End>::default());
        let its_end = Arc::clone(&end);
        let thread = thread::Builder::new().name("chat-server".to_owned()).spawn(move || {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| server.run()));
            let outcome = outcome.map_or_else(|payload| Err(panicked(payload)), |run| run.map_err(Failure::from));
            *its_end.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            its_end.happened.notify_all();
        });
        let thread = thread.map_err(|problem| Error::no_thread(&problem))?;
        Ok(Self { address: bound.to_string(), port: bound.port(), handle, end, thread: Mutex::new(Some(thread)) })
    }

    /// Waits until it has ended and says how, or gives up after `patience`.
    fn join(&self, patience: Duration) -> Result<(), Failure> {
        let outcome = self.end.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.end.happened.wait_timeout_while(outcome, patience, |outcome| outcome.is_none());
        let (mut outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match outcome.as_mut() {
            None => return Err(Failure::new(chat_status::CHAT_TIMED_OUT, "the server is still running")),
            // A failure is told once.
            Some(outcome) => std::mem::replace(outcome, Ok(())),
        }
        .and_then(|()| self.reap())
    }

    /// Frees what the system keeps of a thread that has ended.
    fn reap(&self) -> Result<(), Failure> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), JoinHandle::join).map_err(panicked)
    }

    fn has_ended(&self) -> bool {
        self.end.outcome.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Starts a server in threads of its own. It is listening when this returns.
///
/// - `chat`: a chat; closing it does not stop the server.
/// - `address`: where to listen, such as "127.0.0.1:8889"; port 0 takes a free one. Connections are not encrypted.
/// - `server_out`: receives the server.
///
/// Fails with CHAT_LISTEN; CHAT_PUBLIC_PASSWORD if the address is not loopback and a demo user still has the public
/// password; CHAT_IO if the address is invalid, or the system has no thread or descriptor left (if it refuses a thread
/// later, the server ends, and chat_server_join() returns CHAT_IO); CHAT_STORAGE.
/// Memory: free the server with chat_server_free(), after chat_server_stop() and chat_server_join().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_start(
    chat: *mut chat,
    address: *const c_char,
    server_out: *mut *mut chat_server,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, address) = unsafe { (Out::new(server_out, "server_out")?, text(address, "address")?) };
        out.set(put(Running::start(Chat::clone(&*get(chat)?), address)?));
        Ok(())
    })
}

/// Gives the address that a server listens on, with the actual port.
///
/// - `server`: a server.
/// - `address_out`: receives the text, such as "127.0.0.1:40123".
///
/// Memory: free the text with chat_buffer_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_address(server: *const chat_server, address_out: *mut chat_buffer) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(address_out, "address_out")? };
        out.set(get(server)?.address.clone().into_bytes().into());
        Ok(())
    })
}

/// Gives the port that a server listens on.
///
/// - `server`: a server.
/// - `port_out`: receives the port.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_port(server: *const chat_server, port_out: *mut u16) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(port_out, "port_out")? };
        out.set(get(server)?.port);
        Ok(())
    })
}

/// Asks a server to stop, without waiting for it. The server answers the requests that it has read, gives peers a few
/// seconds to receive their answers, and closes.
///
/// - `server`: a server; if it has stopped already, nothing happens.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[unsafe(no_mangle)]
pub extern "C" fn chat_server_stop(server: *mut chat_server) -> chat_status {
    boundary(|| {
        get(server)?.handle.stop();
        Ok(())
    })
}

/// Waits until a server has stopped.
///
/// - `server`: a server.
/// - `timeout_ms`: how long to wait at most, in milliseconds.
///
/// Returns CHAT_OK if it has stopped, and CHAT_TIMED_OUT if it is still running. If a failure has stopped it, the first
/// call returns that: CHAT_IO or CHAT_INTERNAL.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_server_join(server: *mut chat_server, timeout_ms: u32) -> chat_status {
    boundary(|| get(server)?.join(Duration::from_millis(timeout_ms.into())))
}

/// Frees a server that has stopped.
///
/// - `server`: a server; NULL does nothing.
///
/// Fails with CHAT_STILL_RUNNING if it has not stopped; it is not freed then.
#[unsafe(no_mangle)]
pub extern "C" fn chat_server_free(server: *mut chat_server) -> chat_status {
    boundary(|| {
        take(server, |running| match running.has_ended() {
            true => running.reap(),
            false => Err(Failure::new(chat_status::CHAT_STILL_RUNNING, "stop the server and join it first")),
        })
        .map(drop)
    })
}
