//! The server, in threads of its own.

pub mod options;

use std::ffi::c_char;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::server::{Handle, Listener, TlsIdentity};
use chat_lib::{Chat, Error, Server};

use self::options::{Options, Web, chat_server_options};
use crate::argument::{Out, text};
use crate::boundary::{boundary, panicked};
use crate::buffer::chat_buffer;
use crate::error::Failure;
use crate::handle::{chat, chat_server, get, put, take};
use crate::status::chat_status;

/// A server that runs, or has run.
pub struct Running {
    address: SocketAddr,
    web_address: Option<SocketAddr>,
    identity: Option<TlsIdentity>,
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
    fn start(chat: Chat, address: &str, Options { identity, allow_cleartext, web }: Options) -> Result<Self, Error> {
        let mut builder = Server::builder(chat);
        if allow_cleartext {
            builder = builder.allow_cleartext();
        }
        for address in address.to_socket_addrs()? {
            builder = builder.listen(match &identity {
                Some(identity) => Listener::tls(address, identity.clone()),
                None => Listener::tcp(address),
            });
        }
        if let Some(Web { address, site }) = web {
            for address in address.to_socket_addrs()? {
                builder = builder.listen(match &identity {
                    Some(identity) => Listener::web_tls(address, site.clone(), identity.clone()),
                    None => Listener::web(address, site.clone()),
                });
            }
        }
        let server = builder.bind()?;
        let address = server.addresses().first().copied().ok_or(Error::Disconnected)?;
        let web_address = server.web_addresses().first().copied();
        let (handle, end) = (server.handle(), Arc::<End>::default());
        let its_end = Arc::clone(&end);
        let thread = thread::Builder::new().name("chat-server".to_owned()).spawn(move || {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| server.run()));
            let outcome = outcome.map_or_else(|payload| Err(panicked(payload)), |run| run.map_err(Failure::from));
            *its_end.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            its_end.happened.notify_all();
        });
        let thread = thread.map_err(|problem| Error::no_thread(&problem))?;
        Ok(Self { address, web_address, identity, handle, end, thread: Mutex::new(Some(thread)) })
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

    fn web_address(&self) -> Result<SocketAddr, Failure> {
        self.web_address
            .ok_or_else(|| Failure::argument("the server does not serve browsers: options.web_address was NULL"))
    }

    fn has_ended(&self) -> bool {
        self.end.outcome.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Starts a server in threads of its own. It is listening when this returns.
///
/// - `chat`: a chat; closing it does not stop the server.
/// - `address`: where to listen, such as "127.0.0.1:8889"; port 0 takes a free one.
/// - `options`: the options; NULL for the defaults, with which connections are not encrypted.
/// - `server_out`: receives the server.
///
/// Fails with CHAT_LISTEN; CHAT_PUBLIC_PASSWORD if an address is not loopback and a demo user still has the public
/// password; CHAT_CLEARTEXT if one is not loopback, connections would not be encrypted and `allow_cleartext` is 0;
/// CHAT_BAD_CERTIFICATE if certificate or key cannot be read or do not belong together; CHAT_IO if an address is invalid, if the
/// folder of `web_page` cannot be read, or if the system has no thread or descriptor left (if it refuses a thread later, the
/// server ends, and chat_server_join() returns CHAT_IO); CHAT_STORAGE.
/// Memory: free the server with chat_server_free(), after chat_server_stop() and chat_server_join().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_start(
    chat: *mut chat,
    address: *const c_char,
    options: *const chat_server_options,
    server_out: *mut *mut chat_server,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, address, options) = unsafe {
            let out = Out::new(server_out, "server_out")?;
            (out, text(address, "address")?, chat_server_options::read(options)?)
        };
        out.set(put(Running::start(Chat::clone(&*get(chat)?), address, options)?));
        Ok(())
    })
}

/// Reads the certificate and key files of a server again, when the certificate was renewed. Connections that are opened from
/// then on get the new certificate; the others go on.
///
/// - `server`: a server; if it listens in clear text, nothing happens.
///
/// Fails with CHAT_BAD_CERTIFICATE if certificate or key cannot be read or do not belong together; the old ones stay in use.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_server_reload_certificate(server: *mut chat_server) -> chat_status {
    boundary(|| match &get(server)?.identity {
        Some(identity) => Ok(identity.reload()?),
        None => Ok(()),
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
        out.set(get(server)?.address.to_string().into_bytes().into());
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
        out.set(get(server)?.address.port());
        Ok(())
    })
}

/// Gives the address on which a server serves browsers, with the actual port. The page is at "http://" and that address, or at
/// "https://" if the server has a certificate.
///
/// - `server`: a server.
/// - `address_out`: receives the text, such as "127.0.0.1:40123".
///
/// Fails with CHAT_INVALID_ARGUMENT if the server was started without `web_address`.
/// Memory: free the text with chat_buffer_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_web_address(
    server: *const chat_server,
    address_out: *mut chat_buffer,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(address_out, "address_out")? };
        out.set(get(server)?.web_address()?.to_string().into_bytes().into());
        Ok(())
    })
}

/// Gives the port on which a server serves browsers.
///
/// - `server`: a server.
/// - `port_out`: receives the port.
///
/// Fails with CHAT_INVALID_ARGUMENT if the server was started without `web_address`.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_server_web_port(server: *const chat_server, port_out: *mut u16) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(port_out, "port_out")? };
        out.set(get(server)?.web_address()?.port());
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
