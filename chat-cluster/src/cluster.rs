//! A server as a member of its cluster, for the program that runs it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use chat_lib::entropy::{Entropy, OsEntropy};
use chat_lib::metrics::Histogram;
use chat_lib::server::{Relay, ServerId};
use chat_lib::store::{Durable, Options, Replica};
use chat_lib::{Chat, Error};

use crate::control::{Control, Shared};
use crate::{ClusterError, ClusterStatus, Engine, ServerCard, directory};

/// A server's share in a cluster, before it serves.
pub struct Cluster {
    engine: Arc<dyn Engine>,
    replica: Replica,
    card: ServerCard,
    directory: PathBuf,
}

impl Cluster {
    /// Opens the store of a server, which calls itself `name` and can be reached by others at `address`, if that is given. Its
    /// `directory` begins with what other servers have if it is empty, or too old.
    ///
    /// # Errors
    ///
    /// See [`ClusterError`].
    pub fn open(
        engine: Arc<dyn Engine>,
        id: ServerId,
        name: String,
        address: Option<String>,
        directory: &Path,
        options: &Options,
    ) -> Result<(Self, Durable), ClusterError> {
        let (store, replica) = directory::open(&engine, directory, options)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let card = ServerCard { id, name, address, version, applied: replica.reached(), serves: false };
        Ok((Self { engine, replica, card, directory: directory.to_owned() }, store))
    }

    /// A number for a server that is being started.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] if the system gives no randomness.
    pub fn draw_id() -> Result<ServerId, Error> {
        let mut number = [0; 16];
        OsEntropy.fill(&mut number)?;
        Ok(ServerId::from_bytes(number))
    }

    /// Joins the cluster. `chat` uses the store, and `relay` belongs to the server. `meet` is called with the servers of the cluster, a few
    /// times a minute or more often. `give_up` is called, once, if the server cannot go on; a restart may help.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Thread`].
    pub fn start(
        self,
        chat: Chat,
        relay: Relay,
        meet: impl Fn(&[ServerCard]) + Send + 'static,
        give_up: impl FnOnce(&ClusterError) + Send + 'static,
    ) -> Result<Running, ClusterError> {
        let Self { engine, replica, card, directory } = self;
        let shared = Arc::new(Shared::new(card));
        let appends = replica.appends();
        let watch = Watch { shared: Arc::clone(&shared), appends };
        let control = Control { engine, replica, chat, relay, directory, shared, makes_snapshot: Arc::default() };
        let thread = thread::Builder::new()
            .name("cluster".to_owned())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| control.run(&meet)));
                if let Err(problem) = outcome.unwrap_or(Err(ClusterError::Panicked)) {
                    give_up(&problem);
                }
            })
            .map_err(ClusterError::Thread)?;
        Ok(Running { watch, thread })
    }
}

/// A server that takes part in a cluster.
pub struct Running {
    watch: Watch,
    thread: JoinHandle<()>,
}

impl Running {
    /// How it is doing.
    pub fn status(&self) -> ClusterStatus {
        self.watch.status()
    }

    /// A handle for those who only want to know.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Takes part no more: if this is the owner, another server can be at once.
    pub fn stop(self) {
        self.watch.leave();
        if self.thread.join().is_err() {
            tracing::error!("the cluster's thread has panicked");
        }
    }
}

/// Knows how a server is doing in its cluster.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
    appends: Histogram,
}

impl Watch {
    /// How it is doing.
    pub fn status(&self) -> ClusterStatus {
        self.shared.status().clone()
    }

    /// Has the server take part no more, and does not wait for that.
    pub fn leave(&self) {
        self.shared.stop();
    }

    /// How long appends took to the log, as an owner has waited for them.
    pub fn appends(&self) -> Histogram {
        self.appends.clone()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("card", &self.card).finish_non_exhaustive()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("status", &self.status()).finish_non_exhaustive()
    }
}
