//! The options of a server among several.

use std::fmt;
use std::path::PathBuf;

use clap::Args as Arguments;

/// How to be one of several servers.
#[derive(Arguments, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Cluster {
    /// Be one of several servers, with a log on NATS JetStream or PostgreSQL: nats://HOST:PORT,HOST:PORT,… or
    /// postgres://USER@HOST,HOST/DATABASE.
    ///
    /// With tls:// in place of nats://, or sslmode=verify-full in the URL of PostgreSQL, connections to the engine are encrypted. See
    /// docs/cluster.md for how the engine has to be set up.
    #[arg(long, value_name = "URL", conflicts_with = "memory")]
    pub(crate) cluster: Option<EngineUrl>,

    /// What the chat is called among those that use the same engine: a-z, 0-9 and "-", at most 32.
    #[arg(long, value_name = "NAME", default_value = "chat")]
    pub(crate) cluster_name: String,

    /// What this server is called among those of the cluster, in "chat-server cluster status"; the host name unless it is given.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster_server: Option<String>,

    /// Log in to the engine with this file: a .creds file or an NKey seed of NATS, or the password for PostgreSQL.
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// Trust the authorities in this file for TLS with NATS, in PEM. The URL of PostgreSQL has sslrootcert.
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster_ca: Option<PathBuf>,

    /// Show NATS this certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "cluster_key")]
    pub(crate) cluster_certificate: Option<PathBuf>,

    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cluster_certificate")]
    pub(crate) cluster_key: Option<PathBuf>,

    /// The monitoring ports of the NATS servers, http://HOST:PORT, separated by commas.
    ///
    /// With these, the server refuses to start if a NATS server does not sync what it acknowledges; without, it can only warn.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) cluster_monitor: Vec<String>,

    /// Where the other servers reach this one, as HOST:PORT: they then talk to each other there, over TLS, and not through NATS.
    ///
    /// With PostgreSQL, this is needed. The other servers use this very address.
    #[arg(long, value_name = "ADDR", requires = "cluster_secret")]
    pub(crate) cluster_listen: Option<String>,

    /// The secret by which servers of the cluster know each other: a file that is the same on all of them.
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster_secret: Option<PathBuf>,
}

/// Where the engine is, perhaps with a password, which is never shown.
#[derive(Clone)]
pub(crate) struct EngineUrl(pub(crate) String);

impl From<&str> for EngineUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://…", self.0.split("://").next().unwrap_or_default())
    }
}
