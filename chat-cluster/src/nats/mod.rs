//! The engine on NATS JetStream: the log is a stream, ownership a key in a bucket, snapshots are objects.
//!
//! Its client is asynchronous, and runs on one thread. Everything is kept on three machines, and nothing here is believed that only one of
//! them says, if it matters.

mod api;
mod creds;
mod election;
mod error;
mod link;
mod log;
mod nodes;
mod options;
mod snapshots;
mod streams;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::stream::ClusterInfo;
use bytes::Bytes;
use chat_lib::server::{PACKET_BYTES, ServerId};
use chat_lib::store::{LogEntry, LogError, Placed, RECORD_BYTES, ReplicatedLog};
use tokio::time::Instant;

pub use self::link::NatsLink;
pub use self::options::{InvalidNatsOptions, NatsOptions};

use self::api::Api;
use self::election::Election;
use self::error::NatsError;
use self::log::Log;
use self::nodes::Node;
use self::snapshots::Snapshots;
use self::streams::Names;
use crate::runtime::Runtime;
use crate::{Engine, EngineError, ServerCard, SnapshotName};

/// The engine of a cluster on NATS JetStream 2.15.1 or later.
pub struct Nats {
    runtime: Arc<Runtime>,
    options: NatsOptions,
    names: Names,
    shared: Arc<Shared>,
}

/// What runs on the thread of the client.
struct Shared {
    api: Api,
    log: Arc<Log>,
    election: Election,
    snapshots: Snapshots,
}

impl Nats {
    /// Connects to NATS, makes the cluster's streams unless they are there, and makes sure that they keep what they are given.
    ///
    /// # Errors
    ///
    /// No server can be reached, or one is too old, or (as far as its monitoring port is known) does not sync what it acknowledges, or a stream is not kept on three
    /// machines, or in another way that may lose records. The text says which, and what to do.
    pub fn connect(options: NatsOptions) -> Result<Self, EngineError> {
        let runtime = Runtime::start("chat-nats").map_err(EngineError::new)?;
        let names = Names::new(&options.cluster);
        let (using, called) = (options.clone(), names.clone());
        let opened = runtime.wait(CONNECT_PATIENCE, async move { open(&using, &called).await });
        let (shared, listening) = opened??;
        runtime.spawn(listening);
        Ok(Self { runtime: Arc::new(runtime), options, names, shared: Arc::new(shared) })
    }

    /// Runs something on the thread of the client, and waits for it.
    fn run<T, F>(&self, patience: Duration, work: impl FnOnce(Arc<Shared>, Instant) -> F) -> Result<T, NatsError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, NatsError>> + Send + 'static,
    {
        // The work gives up first, as it knows why.
        self.runtime.wait(patience + MARGIN, work(Arc::clone(&self.shared), Instant::now() + patience))?
    }
}

impl ReplicatedLog for Nats {
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        let record = Bytes::copy_from_slice(record);
        Ok(self.run(PATIENCE, async move |shared, deadline| shared.log.append(at, record, deadline).await)?)
    }

    fn read(&self, from: u64, wait: Duration) -> Result<Vec<LogEntry>, LogError> {
        let patience = wait.saturating_add(PATIENCE * 2);
        Ok(self.run(patience, async move |shared, _| shared.log.read(from, wait, PATIENCE).await)?)
    }

    fn last(&self) -> Result<u64, LogError> {
        Ok(self.run(PATIENCE, async |shared, deadline| Ok(shared.log.state(deadline).await?.last_sequence))?)
    }

    fn trim(&self, before: u64) -> Result<(), LogError> {
        Ok(self.run(PATIENCE, async move |shared, deadline| shared.log.trim(before, deadline).await)?)
    }
}

impl Engine for Nats {
    fn claim(&self, card: &ServerCard) -> Result<ServerCard, EngineError> {
        let card = card.clone();
        Ok(self.run(PATIENCE, async move |shared, deadline| shared.election.claim(&card, deadline).await)?)
    }

    fn owner(&self) -> Result<Option<ServerCard>, EngineError> {
        Ok(self.run(PATIENCE, async |shared, deadline| shared.election.owner(deadline).await)?)
    }

    fn release(&self, server: ServerId) -> Result<(), EngineError> {
        Ok(self.run(PATIENCE, async move |shared, deadline| shared.election.release(server, deadline).await)?)
    }

    fn announce(&self, card: &ServerCard) -> Result<(), EngineError> {
        let card = card.clone();
        Ok(self.run(PATIENCE, async move |shared, deadline| shared.election.announce(&card, deadline).await)?)
    }

    fn servers(&self) -> Result<Vec<ServerCard>, EngineError> {
        Ok(self.run(PATIENCE, async |shared, deadline| shared.election.servers(deadline).await)?)
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, EngineError> {
        Ok(self.run(PATIENCE, async |shared, _| shared.snapshots.list(PATIENCE).await)?)
    }

    fn put_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError> {
        let (name, file) = (name.clone(), file.to_owned());
        Ok(self.run(SNAPSHOT_PATIENCE, async move |shared, _| shared.snapshots.put(&name, &file, PATIENCE).await)?)
    }

    fn get_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError> {
        let (name, file) = (name.clone(), file.to_owned());
        Ok(self.run(SNAPSHOT_PATIENCE, async move |shared, _| shared.snapshots.get(&name, &file).await)?)
    }

    fn remove_snapshot(&self, name: &SnapshotName) -> Result<(), EngineError> {
        let name = name.clone();
        Ok(self.run(PATIENCE, async move |shared, _| shared.snapshots.remove(&name, PATIENCE).await)?)
    }

    fn describe(&self) -> Result<Vec<String>, EngineError> {
        let (servers, log) = (self.options.servers.clone(), self.names.log());
        let (cluster, nodes) = self.run(PATIENCE, async move |shared, deadline| {
            let info = shared.api.info(&log, deadline).await?;
            let mut nodes = Vec::new();
            for server in &servers {
                nodes.extend(nodes::greeting(server).await);
            }
            Ok((info.cluster.unwrap_or_default(), nodes))
        })?;
        Ok(describe(&cluster, nodes))
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Connects to one of the servers.
async fn connect(options: &NatsOptions) -> Result<Client, NatsError> {
    let client = options.connect_options()?.connect(options.servers.as_slice()).await;
    client.map_err(|error| NatsError::Connection(format!("none of the servers can be used: {error}")))
}

/// Connects, and checks everything.
async fn open(options: &NatsOptions, names: &Names) -> Result<(Shared, impl Future<Output = ()> + use<>), NatsError> {
    // What is too old may not even understand the rest.
    nodes::check_versions(options).await?;
    let client = connect(options).await?;
    let server = client.server_info();
    Node { name: server.server_name, version: server.version }.check(&format!("{}:{}", server.host, server.port))?;
    if server.max_payload < MESSAGE_BYTES {
        return Err(NatsError::Unfit(format!(
            "the NATS servers take messages of {} bytes, and the chat needs {MESSAGE_BYTES}: raise `max_payload`",
            server.max_payload
        )));
    }
    nodes::check_sync(options).await?;
    let api = Api::new(client);
    for wanted in streams::wanted(names, options.replicas) {
        streams::provide(&api, &wanted, Instant::now() + PROVIDE_PATIENCE).await?;
    }
    let (log, listening) = Log::open(api.clone(), names).await?;
    let (election, snapshots) = (Election::new(api.clone(), names), Snapshots::new(api.clone(), names));
    Ok((Shared { api, log, election, snapshots }, listening))
}

/// A line for each server that keeps the log, and for each of the others that were named.
fn describe(cluster: &ClusterInfo, nodes: Vec<Node>) -> Vec<String> {
    let mut versions: BTreeMap<String, String> = nodes.into_iter().map(|node| (node.name, node.version)).collect();
    let mut line = |name: &str, state: &str| {
        let version = versions.remove(name).unwrap_or_else(|| "not reached".into());
        format!("NATS {name} ({version}): {state}")
    };
    let mut lines: Vec<String> = cluster.leader.iter().map(|leader| line(leader, "leader")).collect();
    let mut replicas: Vec<_> = cluster.replicas.iter().collect();
    replicas.sort_by_key(|replica| &replica.name);
    lines.extend(replicas.into_iter().map(|replica| {
        let seen = replica.active.as_secs_f32();
        let state = match (replica.offline, replica.current) {
            (true, _) => format!("follower, offline since {seen:.0} s"),
            (false, true) => "follower, current".into(),
            (false, false) => format!("follower, {} behind, heard {seen:.0} s ago", replica.lag.unwrap_or_default()),
        };
        line(&replica.name, &state)
    }));
    lines
        .extend(versions.into_iter().map(|(name, version)| format!("NATS {name} ({version}): has no copy of the log")));
    lines
}

/// How long NATS may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much longer its thread may take for that.
const MARGIN: Duration = Duration::from_millis(500);

/// How long it may take to connect and to check everything, and each stream of that, which is long where leaders are elected.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
const PROVIDE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a snapshot may take that makes some progress every few seconds.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(3600);

/// The longest message that is sent, with the headers of a record or a packet.
const MESSAGE_BYTES: usize = if RECORD_BYTES > PACKET_BYTES { RECORD_BYTES } else { PACKET_BYTES } + 4096;
