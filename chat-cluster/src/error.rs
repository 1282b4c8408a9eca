//! Why a server cannot take part in a cluster.

use std::io;
use std::path::{Path, PathBuf};

use chat_lib::store::{LogError, ReplicaError};

use crate::EngineError;

/// Why a server cannot take part in a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The engine could not be asked, or is not set up as it has to be.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store cannot go on.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] chat_lib::Error),
    /// The data directory could not be worked with.
    #[error("{path}: {problem}", path = path.display())]
    Directory {
        /// What could not be worked with.
        path: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// A server without data needs a snapshot, and the engine has none that fits the log.
    #[error("the engine has no snapshot that fits its log, so that a server without data has nothing to begin with")]
    NoSnapshot,
    /// A server without data must not found a chat in place of one that others have.
    #[error("the shared log is empty, and the server {server:?} has had records of it: the engine has lost its data")]
    LogLost {
        /// What that server is called.
        server: String,
    },
    /// The thread that takes part in the cluster has failed. This program's.
    #[error("the cluster's thread has panicked, which the log tells more of")]
    Panicked,
    /// The system has no thread for it.
    #[error("the system has no thread for the cluster: {0}")]
    Thread(io::Error),
}

impl ClusterError {
    /// Whether retrying cannot help until the server is restarted.
    pub(crate) fn is_for_good(&self) -> bool {
        match self {
            Self::Replica(problem) => !matches!(problem, ReplicaError::Log(_) | ReplicaError::Store(_)),
            _ => false,
        }
    }

    pub(crate) fn directory(path: &Path, problem: io::Error) -> Self {
        Self::Directory { path: path.to_owned(), problem }
    }
}
