//! The blocking server: a few reactor threads, each polling many connections.
//!
//! One of them accepts connections and hands them out (`acceptor`). In a `reactor`, a connection is a `peer`: a `socket`, a
//! `transport` that turns its bytes into those of the chat's protocol, and a [`Connection`](crate::Connection) that answers
//! them. What would hold up a reactor is done by threads of their own (`jobs`). Servers of a cluster serve each
//! other's clients (`relay`). Nothing else in the library has sockets, but the client.

mod acceptor;
mod admission;
mod alarms;
mod buffers;
mod builder;
mod disconnect;
mod handoff;
#[cfg(feature = "tls")]
mod identity;
mod jobs;
mod listen;
mod peer;
mod proxy;
mod reactor;
mod relay;
#[cfg(feature = "web")]
mod site;
mod socket;
mod transport;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use std::{fmt, panic, thread};

pub use self::builder::{Listener, ServerBuilder};
use self::handoff::{Handoff, ReactorHandle};
#[cfg(feature = "tls")]
pub use self::identity::TlsIdentity;
use self::jobs::Worker;
pub use self::proxy::{InvalidNetwork, Network};
use self::reactor::Reactor;
pub use self::relay::{InvalidServerId, Link, PACKET_BYTES, Relay, ServerId};
#[cfg(feature = "web")]
pub use self::site::{InvalidOrigin, WebOrigin, WebSite};
use crate::engine::Chat;
use crate::error::Error;

/// A server that is bound and not yet running.
///
/// ```
/// use std::thread;
///
/// use chat_lib::{Chat, Client, Error, Server};
///
/// let chat = Chat::memory();
/// chat.add_demo_users()?;
/// let server = Server::bind(chat, "127.0.0.1:0")?;
/// let (address, handle) = (server.addresses()[0], server.handle());
/// let running = thread::spawn(move || server.run());
///
/// let messi = Client::connect(address)?.login("messi", "surabaya")?;
/// messi.send("henderson", "halo")?;
///
/// handle.stop();
/// running.join().expect("it did not panic")?;
/// # Ok::<(), Error>(())
/// ```
pub struct Server {
    reactors: Vec<Reactor>,
    /// Each kind of worker, and how many threads it has.
    workers: [(Worker, usize); 2],
    addresses: Vec<SocketAddr>,
    cleartext: Vec<SocketAddr>,
    web: Vec<SocketAddr>,
    handle: Handle,
}

impl Server {
    /// Listens on all of `addresses` for plain TCP, with the defaults of a [`builder`](Self::builder), which says more of
    /// addresses and errors.
    ///
    /// # Errors
    ///
    /// Those of [`ServerBuilder::bind`], and [`Error::Io`] if `addresses` is a name that cannot be resolved.
    pub fn bind(chat: Chat, addresses: impl ToSocketAddrs) -> Result<Self, Error> {
        addresses.to_socket_addrs()?.fold(Self::builder(chat), ServerBuilder::listen).bind()
    }

    /// A server with options of its own.
    ///
    /// ```
    /// use chat_lib::server::Listener;
    /// use chat_lib::{Chat, Error, Server};
    ///
    /// let local = Listener::tcp(([127, 0, 0, 1], 0).into());
    /// let server = Server::builder(Chat::memory()).listen(local).bind()?;
    /// assert_ne!(server.addresses()[0].port(), 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn builder(chat: Chat) -> ServerBuilder {
        ServerBuilder::new(chat)
    }

    /// The addresses that the server listens on, with the ports that were really bound.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Those of [`addresses`](Self::addresses) on which connections are not encrypted.
    pub fn cleartext_addresses(&self) -> &[SocketAddr] {
        &self.cleartext
    }

    /// Those of [`addresses`](Self::addresses) that are for browsers.
    pub fn web_addresses(&self) -> &[SocketAddr] {
        &self.web
    }

    /// A handle that stops the server.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until a [`Handle`] stops it. Then what has been read is answered, peers have
    /// [`shutdown_grace`](crate::limits::Limits::shutdown_grace) to take their answers, and all is closed.
    ///
    /// A login that an [`Authenticator`](crate::Authenticator) is being asked about is waited for, for as long as its patience.
    ///
    /// It uses as many threads as the [`builder`](Self::builder) was told to, the caller's among them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if polling fails, or if the system has no thread left; the server has stopped then.
    pub fn run(self) -> Result<(), Error> {
        let Self { reactors, workers, handle, .. } = self;
        thread::scope(|scope| {
            let working =
                workers.iter().flat_map(|(worker, threads)| (0..*threads).map(|_| worker.clone())).map(|worker| {
                    let stop = StopWhenDropped(handle.clone());
                    thread::Builder::new().spawn_scoped(scope, move || {
                        let _stop = stop;
                        worker.run();
                        Ok(())
                    })
                });
            let working: Vec<_> = working.collect::<Result<_, _>>().map_err(|problem| Error::no_thread(&problem))?;
            let mut reactors = reactors.into_iter().map(|mut reactor| {
                let stop = StopWhenDropped(handle.clone());
                move || {
                    // Nobody is served by half a server: when one thread ends, all do.
                    let _stop = stop;
                    reactor.run()
                }
            });
            let first = reactors.next();
            let others = reactors.map(|reactor| thread::Builder::new().spawn_scoped(scope, reactor));
            let others: Vec<_> = others
                .collect::<Result<_, _>>()
                .inspect_err(|_| handle.stop())
                .map_err(|problem| Error::no_thread(&problem))?;
            let outcome = first.map_or(Ok(()), |reactor| reactor());
            // The scope would wait for them to be done, and joining waits for them to be gone.
            let join = |other: thread::ScopedJoinHandle<'_, _>| match other.join() {
                Ok(outcome) => outcome,
                Err(payload) => panic::resume_unwind(payload),
            };
            let outcome = others.into_iter().map(join).fold(outcome, Result::and);
            workers.iter().for_each(|(worker, _)| worker.finish());
            working.into_iter().map(join).fold(outcome, Result::and)
        })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Stops a server, from any thread and any number of times.
#[derive(Clone, Debug)]
pub struct Handle {
    stopping: Arc<AtomicBool>,
    reactors: Vec<ReactorHandle>,
}

impl Handle {
    /// Tells the server to stop, without waiting until it has.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for reactor in &self.reactors {
            if let Err(problem) = reactor.wake() {
                tracing::error!(%problem, "a reactor could not be woken");
            }
        }
    }

    /// Whether the server was told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether every thread that serves connections answers within `patience`, for a watchdog. It waits for the answers; a
    /// server that is stopping is taken to be well. A thread does not answer while it waits for the disk, and none
    /// does before [`Server::run`] or after it.
    #[must_use]
    pub fn responds_within(&self, patience: Duration) -> bool {
        if self.is_stopping() {
            return true;
        }
        let (answer, answers) = channel();
        for reactor in &self.reactors {
            if let Err(problem) = reactor.hand_over(Handoff::Ping(answer.clone())) {
                tracing::error!(%problem, "a reactor could not be woken");
            }
        }
        let began = Instant::now();
        self.reactors.iter().all(|_| answers.recv_timeout(patience.saturating_sub(began.elapsed())).is_ok())
    }
}

struct StopWhenDropped(Handle);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}
