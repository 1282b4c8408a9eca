//! The blocking server: a few reactor threads, each polling many connections.

mod acceptor;
mod alarms;
mod handoff;
mod hashers;
mod listen;
mod peer;
mod reactor;
mod socket;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, panic, thread};

use mio::Waker;
use mio::net::TcpListener;

use self::handoff::ReactorHandle;
use self::hashers::{Hashers, PasswordQueue};
use self::listen::listen;
use self::reactor::Reactor;
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
    hashers: Hashers,
    addresses: Vec<SocketAddr>,
    handle: Handle,
}

impl Server {
    /// Listens on all of `addresses`; port 0 takes a free one, the same for all. An address that another one includes
    /// is left out, and so is one of a kind that this machine does not have, such as `localhost`'s IPv6 address, if
    /// there are others. From here on the system lets peers connect, and [`run`](Self::run) serves them.
    ///
    /// `[::]` takes IPv4 connections, too, unless an IPv4 address with its port is among the others.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] for an address that cannot be had; [`Error::PublicPassword`] for one that is not
    /// loopback, if there are users whose password everybody knows; [`Error::Io`] if `addresses` is empty
    /// or names no address, or if the system has nothing to poll with.
    pub fn bind(chat: Chat, addresses: impl ToSocketAddrs) -> Result<Self, Error> {
        let addresses: Vec<SocketAddr> = addresses.to_socket_addrs()?.collect();
        addresses.iter().try_for_each(|address| chat.may_listen(*address))?;
        let listeners = listen(&addresses)?;
        if listeners.is_empty() {
            return Err(Error::Io(std::io::Error::other("there is no address to listen on")));
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;

        let stopping = Arc::new(AtomicBool::new(false));
        let (passwords, hashers) = PasswordQueue::new();
        let mut reactors = (0..cores())
            .map(|_| Reactor::new(chat.clone(), Arc::clone(&stopping), passwords.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let handles: Vec<ReactorHandle> = reactors.iter().map(Reactor::handle).collect();
        let wakers = handles.iter().map(ReactorHandle::waker).collect();
        if let Some(first) = reactors.first_mut() {
            first.listen(listeners, handles)?;
        }
        Ok(Self { reactors, hashers, addresses, handle: Handle { stopping, wakers } })
    }

    /// The addresses that are listened on, with the ports that were really bound.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What stops the server.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until a [`Handle`] stops it. Then what has been read is answered, peers have
    /// [`shutdown_grace`](crate::limits::Limits::shutdown_grace) to take their answers, and all is closed.
    ///
    /// It uses one thread for each core that the process may run on, the caller's among them, and half
    /// as many that check passwords.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if polling fails, or if the system has no thread left; the server has stopped then.
    pub fn run(self) -> Result<(), Error> {
        let Self { reactors, hashers, handle, .. } = self;
        thread::scope(|scope| {
            let hashing = (0..cores().div_ceil(2)).map(|_| {
                let (hashers, stop) = (hashers.clone(), StopWhenDropped(handle.clone()));
                thread::Builder::new().spawn_scoped(scope, move || {
                    let _stop = stop;
                    hashers.run();
                    Ok(())
                })
            });
            let hashing: Vec<_> = hashing.collect::<Result<_, _>>().map_err(|problem| Error::no_thread(&problem))?;
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
            hashers.finish();
            hashing.into_iter().map(join).fold(outcome, Result::and)
        })
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Stops a server, from any thread and as often as one likes.
#[derive(Clone, Debug)]
pub struct Handle {
    stopping: Arc<AtomicBool>,
    wakers: Vec<Arc<Waker>>,
}

impl Handle {
    /// Tells the server to stop, and does not wait until it has.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for waker in &self.wakers {
            if let Err(problem) = waker.wake() {
                tracing::error!(%problem, "a reactor could not be woken");
            }
        }
    }
}

struct StopWhenDropped(Handle);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}
