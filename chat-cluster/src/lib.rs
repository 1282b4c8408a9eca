//! Several chat servers that serve one chat, and go on when one of their machines is lost.
//!
//! An [`engine`](Engine), which is NATS JetStream or PostgreSQL, keeps a log that all servers share. One of them, the owner, does
//! what clients ask for and appends it; the others follow the log, and pass on what their clients ask for. What can be lost and what
//! cannot is in `docs/cluster.md`.
//!
//! - [`Cluster`]: a server's store, and its part in the cluster while it runs;
//! - [`Engine`]: what engines have to do;
//! - the engines, and the links between servers.

mod cluster;
mod control;
mod directory;
mod engine;
mod error;
mod link;
#[cfg(feature = "nats")]
mod nats;
#[cfg(any(feature = "nats", feature = "postgres"))]
mod percent;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg_attr(not(any(feature = "nats", feature = "postgres")), allow(dead_code, reason = "the link does not wait"))]
mod runtime;
mod snapshots;
mod status;

pub use self::cluster::{Cluster, Running, Watch};
pub use self::engine::{Engine, EngineError, OWNER_PATIENCE, ServerCard, SnapshotName};
pub use self::error::ClusterError;
pub use self::link::{LinkSecret, LinkSecretError, Receive, TlsLink};
#[cfg(feature = "nats")]
pub use self::nats::{InvalidNatsOptions, Nats, NatsLink, NatsOptions};
#[cfg(feature = "postgres")]
pub use self::postgres::{Postgres, PostgresOptions};
pub use self::status::{ClusterStatus, Role};
