//! How servers of a cluster serve each other's clients: a server that is not the owner passes on what its clients send, and gets
//! what they are to be told.

use std::fmt;
use std::sync::Arc;

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
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(InvalidServerId);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidServerId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidServerId)?;
        }
        Ok(Self(bytes))
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
#[derive(Clone)]
pub struct Relay {
    own: ServerId,
    link: Arc<dyn Link>,
}

impl Relay {
    /// The share of the server `own`, which reaches others over `link`. Nobody is the owner yet.
    pub fn new(own: ServerId, link: Arc<dyn Link>) -> Self {
        Self { own, link }
    }

    /// Takes a packet that the server `from` has sent to this one.
    pub fn receive(&self, from: ServerId, packet: &[u8]) {
        let _ = (from, packet, &self.link);
    }

    /// Tells who is the owner now: this server, another one, or nobody. The store knows already: commands may be done from
    /// now on if it is this server, and none were since it was not.
    pub fn set_owner(&self, owner: Option<ServerId>) {
        let _ = (owner, self.own);
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("own", &self.own).finish_non_exhaustive()
    }
}
