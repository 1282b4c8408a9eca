//! What a cluster needs of the engine that it stands on.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use chat_lib::hex;
use chat_lib::server::ServerId;
use chat_lib::store::ReplicatedLog;
use serde::{Deserialize, Serialize};

/// How long an owner stays the owner that says nothing.
pub const OWNER_PATIENCE: Duration = Duration::from_secs(2);

/// The log of a chat, and what servers need beside it. None of the rest is needed for safety: whatever it answers, what is acknowledged
/// is in the log once and in order.
///
/// Methods block, and give up after some seconds. They may be called from several threads.
pub trait Engine: ReplicatedLog {
    /// Makes `card`'s server the owner, or renews its ownership, unless another server has done so within [`OWNER_PATIENCE`]. Returns the owner.
    fn claim(&self, card: &ServerCard) -> Result<ServerCard, EngineError>;

    /// The owner, if there is one.
    fn owner(&self) -> Result<Option<ServerCard>, EngineError>;

    /// Ends the ownership of that server, if it has it, so that the others need not wait.
    fn release(&self, server: ServerId) -> Result<(), EngineError>;

    /// Says that a server is there. It is forgotten if that is not repeated within three times [`OWNER_PATIENCE`].
    fn announce(&self, card: &ServerCard) -> Result<(), EngineError>;

    /// All servers that were announced, in order of their names.
    fn servers(&self) -> Result<Vec<ServerCard>, EngineError>;

    /// The snapshots that are kept whole, the newest first.
    fn snapshots(&self) -> Result<Vec<SnapshotName>, EngineError>;

    /// Keeps a file as a snapshot; it can be seen once it is kept whole.
    fn put_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError>;

    /// Writes a snapshot to a new file, which is not left behind if this fails or the content is not what was kept.
    fn get_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError>;

    /// Drops a snapshot, if it is there.
    fn remove_snapshot(&self, name: &SnapshotName) -> Result<(), EngineError>;

    /// What an operator wants to know of the engine, a line each, such as its nodes and which of them leads.
    fn describe(&self) -> Result<Vec<String>, EngineError>;
}

/// A server, as it tells the others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerCard {
    /// A random number, new at each start, in hexadecimal.
    pub id: ServerId,
    /// What operators call it: the host name unless they say otherwise.
    pub name: String,
    /// Where other servers reach it (`--cluster-listen`); `None` if only through the engine.
    pub address: Option<String>,
    /// The version of its program.
    pub version: String,
    /// The last record of the log that it has.
    pub applied: u64,
    /// Whether it does what clients ask for: an owner does not while it is still reading what it has to know.
    pub serves: bool,
}

/// A copy of the data: which records of the log it has, and by the hash of the last of them, of which log.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SnapshotName {
    /// The last record.
    pub at: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// `AT-HASH`, the hash in hexadecimal.
impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-", self.at)?;
        hex::write(&self.hash, f)
    }
}

impl SnapshotName {
    /// The name that [`Display`](fmt::Display) has written.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, digits) = text.split_once('-')?;
        Some(Self { at: at.parse().ok()?, hash: hex::parse(digits)? })
    }
}

/// The engine could not be asked, or did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the cluster's engine: {0}")]
pub struct EngineError(#[source] pub Box<dyn StdError + Send + Sync>);

impl EngineError {
    /// An error with that cause.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
