//! How a server is set up: where it listens, what is spoken there, and its threads.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{fmt, io, thread};

use super::handoff::ReactorHandle;
#[cfg(feature = "tls")]
use super::identity::TlsIdentity;
use super::jobs::JobQueues;
use super::listen::{Listening, listen};
use super::proxy::Network;
use super::reactor::Reactor;
use super::relay::Relay;
#[cfg(feature = "web")]
use super::site::WebSite;
use super::transport::TransportKind;
use super::{Handle, Server};
use crate::engine::Chat;
use crate::error::Error;
use crate::limits::AUTHENTICATOR_THREADS;

/// Sets up a [`Server`]; [`Server::builder`] makes one.
#[must_use = "a builder does nothing until it is bound"]
pub struct ServerBuilder {
    chat: Chat,
    listeners: Vec<Listener>,
    allow_cleartext: bool,
    proxies: Vec<Network>,
    reactor_threads: NonZeroUsize,
    job_threads: NonZeroUsize,
    relay: Option<Relay>,
}

impl ServerBuilder {
    pub(super) fn new(chat: Chat) -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let job_threads = NonZeroUsize::new(cores.get().div_ceil(2)).unwrap_or(cores);
        Self {
            chat,
            listeners: Vec::new(),
            allow_cleartext: false,
            proxies: Vec::new(),
            reactor_threads: cores,
            job_threads,
            relay: None,
        }
    }

    /// Adds an address to listen on: a [`Listener`], or a socket address for plain TCP.
    pub fn listen(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Adds an address for browsers: the library's page, and its WebSocket. [`Listener::web`] has more choices.
    #[cfg(feature = "web")]
    pub fn web(self, address: SocketAddr) -> Self {
        self.listen(Listener::web(address, WebSite::new()))
    }

    /// Allows to listen for plain TCP on addresses that are not loopback. Anyone between a peer and the server can then read
    /// and change what they send, passwords included, unless something else encrypts it, such as a proxy in front of the server.
    pub fn allow_cleartext(mut self) -> Self {
        self.allow_cleartext = true;
        self
    }

    /// Trusts proxies in front of the server, by their addresses: each connection from there must begin with a header of the PROXY
    /// protocol, version 1 or 2, and counts as one from the address in it, for limits and the log. From anywhere else, such a header
    /// is a line like any other, so peers cannot pretend to be somebody else.
    pub fn trust_proxies(mut self, proxies: impl IntoIterator<Item = Network>) -> Self {
        self.proxies.extend(proxies);
        self
    }

    /// How many threads serve connections, the one that calls [`Server::run`] among them. By default, one for each core
    /// that the process may run on.
    pub fn reactor_threads(mut self, threads: NonZeroUsize) -> Self {
        self.reactor_threads = threads;
        self
    }

    /// How many more threads do what would hold up connections: so many check passwords, and as many read from the disk.
    /// By default, half as many as there are cores. If the chat has an authenticator, all logins are its, and
    /// [`AUTHENTICATOR_THREADS`] wait for it, or as many as are said here if these are more.
    pub fn job_threads(mut self, threads: NonZeroUsize) -> Self {
        self.job_threads = threads;
        self
    }

    /// Makes it a server of a cluster: while another one is the owner, that one does what this one's clients ask for, and while
    /// nobody is, their requests are refused with `busy`. The [`Relay`] is told who the owner is.
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relay = Some(relay);
        self
    }

    /// Listens on all addresses; port 0 takes a free one, the same for all. An address that another one includes is left
    /// out, and so is one of a kind that this machine does not have, such as `localhost`'s IPv6 address, if there are
    /// others. From here on the system lets peers connect, and [`Server::run`] serves them.
    ///
    /// `[::]` takes IPv4 connections, too, unless an IPv4 address with its port is among the others.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] for an address that cannot be listened on. For one that is not loopback,
    /// [`Error::PublicPassword`] if there are users whose password everybody knows, and [`Error::Cleartext`] if connections
    /// are not encrypted and that is not [allowed](Self::allow_cleartext). [`Error::Io`] if there is no address, or if the
    /// system has nothing to poll with.
    pub fn bind(self) -> Result<Server, Error> {
        let Self { chat, listeners, allow_cleartext, proxies, reactor_threads, job_threads, relay } = self;
        for Listener { address, transport, .. } in &listeners {
            chat.may_listen(*address)?;
            let is_loopback = address.ip().to_canonical().is_loopback();
            if transport.is_cleartext() && !is_loopback && !allow_cleartext {
                return Err(Error::Cleartext { address: *address });
            }
        }
        let listening = listen(&listeners)?;
        if listening.is_empty() {
            return Err(Error::Io(io::Error::other("there is no address to listen on")));
        }
        let (mut addresses, mut cleartext, mut web) = (Vec::new(), Vec::new(), Vec::new());
        for Listening { socket, transport, .. } in &listening {
            let address = socket.local_addr()?;
            addresses.push(address);
            cleartext.extend(Some(address).filter(|_| transport.is_cleartext()));
            web.extend(Some(address).filter(|_| transport.is_web()));
        }

        let stopping = Arc::new(AtomicBool::new(false));
        let (jobs, workers) = JobQueues::new();
        let mut reactors = (0..reactor_threads.get())
            .map(|_| Reactor::new(chat.clone(), Arc::clone(&stopping), jobs.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let handles: Vec<ReactorHandle> = reactors.iter().map(Reactor::handle).collect();
        if let Some(relay) = relay {
            let owner = relay.connect(handles.clone());
            for (lane, reactor) in reactors.iter_mut().enumerate() {
                reactor.join_cluster(relay.clone(), u16::try_from(lane).unwrap_or(u16::MAX), owner);
            }
        }
        if let Some(first) = reactors.first_mut() {
            first.listen(proxies, listening, handles.clone())?;
        }
        let [processor, disk] = workers;
        let login_threads = if chat.has_authenticator() { AUTHENTICATOR_THREADS } else { 0 };
        let workers = [(processor, job_threads.get().max(login_threads)), (disk, job_threads.get())];
        Ok(Server { reactors, workers, addresses, cleartext, web, handle: Handle { stopping, reactors: handles } })
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("listeners", &self.listeners)
            .field("allow_cleartext", &self.allow_cleartext)
            .field("proxies", &self.proxies)
            .field("reactor_threads", &self.reactor_threads)
            .field("job_threads", &self.job_threads)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

/// An address to listen on, and what is spoken there.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(super) address: SocketAddr,
    /// A socket that listens already, instead of one that is to be opened.
    pub(super) socket: Option<Arc<TcpListener>>,
    pub(super) transport: TransportKind,
}

impl Listener {
    /// Plain TCP: what goes over it is not encrypted.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self { address, socket: None, transport: TransportKind::Tcp }
    }

    /// Uses `socket`, which listens already, in place of opening one; its address replaces the listener's. A service
    /// manager passes such sockets (socket activation).
    ///
    /// The socket is left open when the server stops: connections that arrive then wait for the next server that has it.
    ///
    /// # Errors
    ///
    /// Those of [`TcpListener::local_addr`], for a socket that is not TCP.
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// use chat_lib::server::Listener;
    /// use chat_lib::{Chat, Error, Server};
    ///
    /// let socket = TcpListener::bind("127.0.0.1:0")?;
    /// let listener = Listener::tcp(socket.local_addr()?).with_socket(socket)?;
    /// let server = Server::builder(Chat::memory()).listen(listener).bind()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_socket(self, socket: TcpListener) -> io::Result<Self> {
        Ok(Self { address: socket.local_addr()?, socket: Some(Arc::new(socket)), ..self })
    }

    /// TLS, with the certificate of `identity`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(address: SocketAddr, identity: TlsIdentity) -> Self {
        Self { address, socket: None, transport: TransportKind::Tls(identity) }
    }

    /// HTTP and WebSocket for browsers: what goes over it is not encrypted.
    #[cfg(feature = "web")]
    #[must_use]
    pub fn web(address: SocketAddr, site: WebSite) -> Self {
        Self { address, socket: None, transport: TransportKind::Web(site, Box::new(TransportKind::Tcp)) }
    }

    /// As [`web`](Self::web), over TLS, with the certificate of `identity`.
    #[cfg(all(feature = "tls", feature = "web"))]
    #[must_use]
    pub fn web_tls(address: SocketAddr, site: WebSite, identity: TlsIdentity) -> Self {
        Self { address, socket: None, transport: TransportKind::Web(site, Box::new(TransportKind::Tls(identity))) }
    }

    #[cfg(test)]
    pub(super) fn lock_step(address: SocketAddr) -> Self {
        Self { address, socket: None, transport: TransportKind::LockStep }
    }
}

/// Plain TCP.
impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Self::tcp(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_threads_that_were_asked_for() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let [two, three] = [2, 3].map(|threads| NonZeroUsize::new(threads).unwrap());
        let builder = Server::builder(Chat::memory()).listen(any).reactor_threads(two).job_threads(three);
        let server = builder.bind().unwrap();
        assert_eq!((server.reactors.len(), server.workers.each_ref().map(|(_, threads)| *threads)), (2, [3, 3]));
    }

    /// Of two listeners on one address, one would be left out if their transports were the same.
    #[test]
    fn two_transports_cannot_share_an_address() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let free = Server::bind(Chat::memory(), any).unwrap().addresses()[0];
        let builder = Server::builder(Chat::memory()).listen(free).listen(Listener::lock_step(free));
        assert!(matches!(builder.bind(), Err(Error::Listen { address, .. }) if address == free));
    }
}
