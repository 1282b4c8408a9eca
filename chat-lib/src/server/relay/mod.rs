//! How servers of a cluster serve each other's clients: a server that is not the owner passes on what its clients send, and gets
//! what they are to be told.
//!
//! Each reactor of a standby has a session with the owner, which is a `channel` each way: numbered `packet`s. There, one reactor has
//! the session, and in it a [peer](super::peer) for each client, with a `pipe` in place of a socket, so that it is served like any
//! other. On the standby, the client's peer is `remote`: it passes on lines, and sends what comes back.
//!
//! A session in which a packet was lost, or whose other side is silent, is over. Clients with requests under way are closed then,
//! because nobody knows what has become of those, and the others are attached anew.

mod channel;
mod packet;
mod pipe;
mod remote;
mod serving;
mod standby;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use self::packet::{Arrival, Change, Header, Items, Kind, ToOwner, ToStandby, Whole, Why};
pub(super) use self::pipe::Pipe;
pub(super) use self::remote::Remote;
pub(super) use self::serving::Serving;
pub(super) use self::standby::{Mode, Standby};
use super::handoff::{Handoff, ReactorHandle};
use crate::hex;

/// The most bytes that a packet between two servers has.
pub const PACKET_BYTES: usize = 512 * 1024;

/// A server of a cluster, by a number that it has drawn at random when it was started.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId([u8; 16]);

impl ServerId {
    /// The server with that number.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The number.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The number in hexadecimal.
impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerId({self})")
    }
}

impl std::str::FromStr for ServerId {
    type Err = InvalidServerId;

    fn from_str(text: &str) -> Result<Self, InvalidServerId> {
        hex::parse(text).map(Self).ok_or(InvalidServerId)
    }
}

/// The number in hexadecimal.
impl serde::Serialize for ServerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ServerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no [`ServerId`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a server's number has 32 hexadecimal digits")]
pub struct InvalidServerId;

/// What carries packets between the servers of a cluster.
pub trait Link: Send + Sync {
    /// Sends a packet of at most [`PACKET_BYTES`] to a server, without waiting. Packets from one server to another arrive in order;
    /// some, or all, may not arrive.
    fn send(&self, to: ServerId, packet: Vec<u8>);
}

/// A server's share in the traffic of its cluster. Clones are handles to the same.
///
/// It is for one server, which is [built](super::ServerBuilder::relay) with it.
#[derive(Clone)]
pub struct Relay {
    own: ServerId,
    link: Arc<dyn Link>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    owner: Option<ServerId>,
    reactors: Vec<ReactorHandle>,
    /// The owner that there is has not answered in time.
    is_unreached: bool,
}

impl Relay {
    /// The share of the server `own`, which reaches others over `link`. Nobody is the owner yet.
    pub fn new(own: ServerId, link: Arc<dyn Link>) -> Self {
        Self { own, link, shared: Arc::default() }
    }

    /// Takes a packet that the server `from` has sent to this one. It does not wait; what is no packet is dropped.
    pub fn receive(&self, from: ServerId, packet: &[u8]) {
        let Some((header, _)) = Header::read(packet) else {
            return tracing::warn!(%from, bytes = packet.len(), "what came from another server is no packet of this version");
        };
        let shared = self.lock();
        let lane = usize::from(header.lane);
        let place = match header.kind {
            Kind::ToStandby | Kind::Gone => Some(lane),
            // So that what comes from many servers is spread evenly.
            Kind::ToOwner | Kind::Leave => (usize::from(from.as_bytes()[0]) + lane).checked_rem(shared.reactors.len()),
        };
        if let Some(reactor) = place.and_then(|place| shared.reactors.get(place)) {
            hand_over(reactor, Handoff::Packet(from, packet.into()));
        }
    }

    /// Tells who is the owner now: this server, another one, or nobody. The store knows already: commands may be done from
    /// now on if it is this server, and none were since it was not. It does not wait.
    pub fn set_owner(&self, owner: Option<ServerId>) {
        let mut shared = self.lock();
        shared.is_unreached &= shared.owner == owner;
        shared.owner = owner;
        shared.reactors.iter().for_each(|reactor| hand_over(reactor, Handoff::Owner(owner)));
    }

    /// Whether the owner does what this server's clients ask for, if it is another server: it has answered in time, or is still waited for.
    pub fn reaches_owner(&self) -> bool {
        !self.lock().is_unreached
    }

    /// Takes note whether the owner can be reached. Returns whether that is new.
    pub(super) fn set_reached(&self, is_reached: bool) -> bool {
        std::mem::replace(&mut self.lock().is_unreached, !is_reached) == is_reached
    }

    /// Has `reactors` told from now on. Returns the owner.
    pub(super) fn connect(&self, reactors: Vec<ReactorHandle>) -> Option<ServerId> {
        let mut shared = self.lock();
        shared.reactors = reactors;
        shared.owner
    }

    pub(super) fn own(&self) -> ServerId {
        self.own
    }

    fn send(&self, to: ServerId, packet: Vec<u8>) {
        self.link.send(to, packet);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hand_over(reactor: &ReactorHandle, handoff: Handoff) {
    if let Err(problem) = reactor.hand_over(handoff) {
        tracing::error!(%problem, "a reactor could not be woken");
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("own", &self.own).finish_non_exhaustive()
    }
}
