//! Several chat servers that serve one chat, and go on when one of their machines is lost.
//!
//! An [`engine`](Engine), which is NATS JetStream or PostgreSQL, keeps a log that all servers share. One of them, the owner, does
//! what clients ask for and appends it; the others follow the log, and pass on what their clients ask for.

mod engine;

pub use self::engine::{Engine, EngineError, OWNER_PATIENCE, ServerCard, SnapshotName};
