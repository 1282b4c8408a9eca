//! A [`Link`] of TLS connections between the servers, for those that reach each other without the engine.
//!
//! Each server listens, and connects to every other one for the packets that it sends there; a connection carries packets in that direction only,
//! and signs of life in both. Certificates mean nothing here: each server makes its own when it starts. What counts is a secret
//! that all servers of a cluster share, and whose knowledge both sides prove for that very connection (see [`channel`]).

mod channel;
mod frames;
mod incoming;
mod outgoing;
mod queue;
mod secret;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_lib::server::{Link, ServerId};
use tokio::sync::oneshot;

use self::channel::Channels;
use self::queue::Queue;
pub use self::secret::{LinkSecret, LinkSecretError};
use crate::engine::ServerCard;
use crate::runtime::Runtime;

/// Takes the packets that others have sent. It is called on the link's thread, which does nothing else meanwhile: it must not block.
pub type Receive = Arc<dyn Fn(ServerId, &[u8]) + Send + Sync>;

/// A [`Link`] over TLS. Dropping it ends all its connections.
pub struct TlsLink {
    runtime: Runtime,
    channels: Arc<Channels>,
    address: SocketAddr,
    peers: Mutex<HashMap<ServerId, Peer>>,
}

/// A server that packets are sent to.
struct Peer {
    address: String,
    queue: Arc<Queue>,
    /// Its connection ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl TlsLink {
    /// Listens at `listen` for other servers that know the secret, as the server `own`. `receive` takes what they send.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened at, or the certificate cannot be made.
    pub fn start(own: ServerId, listen: &str, secret: LinkSecret, receive: Receive) -> io::Result<Self> {
        let channels = Arc::new(Channels::new(own, secret).map_err(io::Error::other)?);
        let addresses: Vec<SocketAddr> = listen.to_socket_addrs()?.collect();
        let listener = TcpListener::bind(addresses.as_slice())?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Runtime::start("chat-link")?;
        runtime.spawn(incoming::accept(listener, Arc::clone(&channels), receive));
        Ok(Self { runtime, channels, address, peers: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The servers that there are. Connects to those that have an address, and ends the connections to all others.
    pub fn set_servers(&self, servers: &[ServerCard]) {
        let wanted: HashMap<ServerId, &str> = servers
            .iter()
            .filter(|card| card.id != self.channels.own())
            .filter_map(|card| Some((card.id, card.address.as_deref()?)))
            .collect();
        let mut peers = self.peers();
        peers.retain(|id, peer| wanted.get(id) == Some(&peer.address.as_str()));
        for (id, address) in wanted {
            peers.entry(id).or_insert_with(|| self.connect(id, address));
        }
    }

    fn connect(&self, id: ServerId, address: &str) -> Peer {
        let queue = Arc::new(Queue::default());
        let (stop, stopped) = oneshot::channel();
        let sending = outgoing::send(id, address.to_owned(), Arc::clone(&self.channels), Arc::clone(&queue));
        self.runtime.spawn(async move {
            tokio::select! {
                () = sending => {}
                _ = stopped => {}
            }
        });
        Peer { address: address.to_owned(), queue, _stop: stop }
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<ServerId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for TlsLink {
    /// Packets are dropped while the server cannot be reached, and when too many wait for it already.
    fn send(&self, to: ServerId, packet: Vec<u8>) {
        if let Some(peer) = self.peers().get(&to) {
            peer.queue.push(packet);
        }
    }
}

impl fmt::Debug for TlsLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsLink").field("address", &self.address).finish_non_exhaustive()
    }
}
