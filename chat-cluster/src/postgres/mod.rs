//! The engine on PostgreSQL 15 or later.
//!
//! The primary must have a synchronous standby (`synchronous_standby_names`), and it is its operator's business, or that of the
//! program that manages the servers, to promote that standby, and no other, when the primary is lost. A URL names all servers that may be the
//! primary: `postgres://user@one,two/database`.
//!
//! A server of the chat has three connections: one for appends, one for reading the log and for hints, and one for snapshots and trimming. None of them may
//! lead through a pooler that shares connections between transactions.

mod checks;
mod describe;
mod fault;
mod line;
mod log;
mod schema;
mod servers;
mod session;
mod snapshots;
mod target;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat_lib::server::ServerId;
use chat_lib::store::{LogEntry, LogError, Placed, ReplicatedLog};

use self::fault::Fault;
use self::line::Line;
use self::session::Commits;
use self::target::Target;
use crate::engine::{Engine, EngineError, ServerCard, SnapshotName};
use crate::runtime::Runtime;

/// An [`Engine`] on PostgreSQL.
pub struct Postgres {
    runtime: Runtime,
    target: Arc<Target>,
    standby_optional: bool,
    /// Appends, and what proves that this is the primary.
    appends: Arc<Line>,
    /// Reads and hints.
    asks: Arc<Line>,
    /// Snapshots and trimming, which take long.
    transfers: Arc<Line>,
}

/// How to use PostgreSQL.
#[derive(Clone, Default)]
pub struct PostgresOptions {
    /// The password for a URL without one, so that it need not stand in a command line.
    pub password: Option<String>,
    /// Makes do without a synchronous standby: what is acknowledged is lost with the primary. For tests.
    pub standby_optional: bool,
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions").field("standby_optional", &self.standby_optional).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to the primary among the servers of `url`, and creates the tables of the cluster `name` there (in the schema
    /// `chat_NAME`) if there are none.
    ///
    /// TLS is used if the server offers it, and always with `sslmode=require`, `verify-full` or `sslrootcert=FILE` in the URL. Certificates
    /// are always verified, by the system's authorities unless there is a `sslrootcert`; `sslmode=disable` does without TLS.
    ///
    /// # Errors
    ///
    /// If the URL or the name is wrong, no server answers, or the primary may lose what it has committed.
    pub fn open(url: &str, name: &str, options: &PostgresOptions) -> Result<Self, EngineError> {
        Self::connect(url, name, options).map_err(EngineError::new)
    }

    fn connect(url: &str, name: &str, options: &PostgresOptions) -> Result<Self, Fault> {
        let schema = schema::schema_of(name)?;
        let target = Arc::new(Target::parse(url, options.password.as_deref(), &format!("chat {name}"))?);
        let standby_optional = options.standby_optional;
        let line = |commits| Arc::new(Line::new(Arc::clone(&target), &schema, commits, standby_optional));
        let engine = Self {
            runtime: Runtime::start("chat-postgres")?,
            standby_optional,
            appends: line(Commits::Everywhere),
            asks: line(Commits::Here),
            transfers: line(Commits::Everywhere),
            target: Arc::clone(&target),
        };
        let line = Arc::clone(&engine.appends);
        engine.runtime.wait(PATIENCE, async move { schema::create(&mut *line.session().await?, &schema).await })??;
        Ok(engine)
    }

    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.runtime.wait(PATIENCE, work).map_err(Fault::from).flatten().map_err(EngineError::new)
    }

    fn wait_log<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, LogError> {
        self.runtime.wait(patience, work).map_err(Fault::from).flatten().map_err(LogError::new)
    }
}

/// The hosts only.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("hosts", &self.target).finish_non_exhaustive()
    }
}

impl ReplicatedLog for Postgres {
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError> {
        let (line, record, standby_optional) = (Arc::clone(&self.appends), record.to_vec(), self.standby_optional);
        self.wait_log(PATIENCE, async move { log::append(&line, at, &record, standby_optional).await })
    }

    fn read(&self, from: u64, wait: Duration) -> Result<Vec<LogEntry>, LogError> {
        let line = Arc::clone(&self.asks);
        self.wait_log(PATIENCE.saturating_add(wait), async move { log::read(&line, from, wait).await })
    }

    fn last(&self) -> Result<u64, LogError> {
        let (line, standby_optional) = (Arc::clone(&self.appends), self.standby_optional);
        self.wait_log(PATIENCE, async move { log::last(&line, standby_optional).await })
    }

    fn trim(&self, before: u64) -> Result<(), LogError> {
        loop {
            let line = Arc::clone(&self.transfers);
            if !self.wait_log(PATIENCE, async move { log::trim_some(&line, before).await })? {
                return Ok(());
            }
        }
    }
}

impl Engine for Postgres {
    fn claim(&self, card: &ServerCard) -> Result<ServerCard, EngineError> {
        let (line, card) = (Arc::clone(&self.asks), card.clone());
        self.wait(async move { servers::claim(&line, &card).await })
    }

    fn owner(&self) -> Result<Option<ServerCard>, EngineError> {
        let line = Arc::clone(&self.asks);
        self.wait(async move { servers::owner(&line).await })
    }

    fn release(&self, server: ServerId) -> Result<(), EngineError> {
        let line = Arc::clone(&self.asks);
        self.wait(async move { servers::release(&line, &server.to_string()).await })
    }

    fn announce(&self, card: &ServerCard) -> Result<(), EngineError> {
        let (line, card) = (Arc::clone(&self.asks), card.clone());
        self.wait(async move { servers::announce(&line, &card).await })
    }

    fn servers(&self) -> Result<Vec<ServerCard>, EngineError> {
        let line = Arc::clone(&self.asks);
        self.wait(async move { servers::servers(&line).await })
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, EngineError> {
        self.list_snapshots().map_err(EngineError::new)
    }

    fn put_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError> {
        self.upload(name, file).map_err(EngineError::new)
    }

    fn get_snapshot(&self, name: &SnapshotName, file: &Path) -> Result<(), EngineError> {
        self.download(name, file).map_err(EngineError::new)
    }

    fn remove_snapshot(&self, name: &SnapshotName) -> Result<(), EngineError> {
        self.drop_snapshot(name).map_err(EngineError::new)
    }

    fn describe(&self) -> Result<Vec<String>, EngineError> {
        let line = Arc::clone(&self.asks);
        self.wait(async move { describe::describe(&line).await })
    }
}

/// How long anything may take, connecting anew to up to three hosts included. Longer than a statement waits for a lock.
const PATIENCE: Duration = Duration::from_secs(5);
