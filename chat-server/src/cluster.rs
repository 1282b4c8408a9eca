//! One of several servers: the engine, the link to the others, and what the monitor and the operator are told.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use chat_cluster::{
    ClusterError, ClusterStatus, Engine, LinkSecret, Nats, NatsLink, NatsOptions, Postgres, PostgresOptions, Receive,
    Role, Running, ServerCard, TlsLink, Watch,
};
use chat_lib::Chat;
use chat_lib::printable;
use chat_lib::server::{Handle, Link, Relay};
use chat_lib::store::{Durable, Options, ReplicaError};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::args;

/// A server's part in a cluster, before it serves.
pub(crate) struct Cluster {
    inner: chat_cluster::Cluster,
    engine: Arc<dyn Engine>,
    relay: Relay,
    /// If servers talk to each other, and not through the engine.
    link: Option<Arc<TlsLink>>,
}

impl Cluster {
    /// Connects to the engine at `url`, and opens the store in `directory`.
    pub(crate) fn open(
        url: &str,
        args: &args::Cluster,
        directory: &Path,
        options: &Options,
    ) -> Result<(Self, Durable), Box<dyn Error>> {
        let id = chat_cluster::Cluster::draw_id()?;
        // Packets that come before the relay exists are lost, and the other server starts over.
        let receiver: Arc<OnceLock<Relay>> = Arc::default();
        let receive: Receive = {
            let receiver = Arc::clone(&receiver);
            Arc::new(move |from, packet| receiver.get().into_iter().for_each(|relay| relay.receive(from, packet)))
        };
        let is_open = |address: &String| address.starts_with("0.0.0.0:") || address.starts_with("[::]:");
        if let Some(address) = args.cluster_listen.as_ref().filter(|address| is_open(address)) {
            return Err(format!(
                "--cluster-listen {address}: name the address by which the other servers reach this one"
            )
            .into());
        }
        let over_tls = match (&args.cluster_listen, &args.cluster_secret) {
            (Some(address), Some(secret)) => {
                let secret = LinkSecret::read(secret)?;
                let link = TlsLink::start(id, address, secret, Arc::clone(&receive))
                    .map_err(|problem| format!("--cluster-listen {address}: {problem}"))?;
                Some(Arc::new(link))
            }
            _ => None,
        };
        let (engine, link): (Arc<dyn Engine>, Arc<dyn Link>) = if url.starts_with("postgres") {
            let Some(link) = over_tls.clone() else {
                return Err(
                    "with PostgreSQL, servers need --cluster-listen and --cluster-secret to talk to each other".into(),
                );
            };
            (Arc::new(Postgres::open(url, &args.cluster_name, &postgres_options(args)?)?), link)
        } else {
            let nats = Nats::connect(nats_options(url, args)?)?;
            let link: Arc<dyn Link> = match &over_tls {
                Some(link) => Arc::<TlsLink>::clone(link),
                None => Arc::new(NatsLink::open(&nats, id, receive)?),
            };
            (Arc::new(nats), link)
        };
        let relay = Relay::new(id, link);
        receiver.set(relay.clone()).ok();
        let name = args.cluster_server.clone().unwrap_or_else(host_name);
        let address = over_tls.as_ref().map(|link| advertised(args.cluster_listen.as_deref(), link));
        let opened = chat_cluster::Cluster::open(Arc::clone(&engine), id, name, address, directory, options);
        let (inner, store) = opened.map_err(|problem| match problem {
            // As for a server that is alone.
            ClusterError::Store(problem) | ClusterError::Replica(ReplicaError::Store(problem)) => problem.into(),
            problem => Box::<dyn Error>::from(problem),
        })?;
        Ok((Self { inner, engine, relay, link: over_tls }, store))
    }

    pub(crate) fn relay(&self) -> Relay {
        self.relay.clone()
    }

    /// Begins to take part, until it cannot any more: then `server` is stopped.
    pub(crate) fn start(self, chat: Chat, server: Handle) -> Result<(Running, Watched), ClusterError> {
        let Self { inner, engine, relay, link } = self;
        let meet = move |servers: &[ServerCard]| link.iter().for_each(|link| link.set_servers(servers));
        let failed: Arc<OnceLock<String>> = Arc::default();
        let give_up = {
            let failed = Arc::clone(&failed);
            move |problem: &ClusterError| {
                tracing::error!(%problem, "this server cannot go on in its cluster, and stops");
                failed.set(problem.to_string()).ok();
                server.stop();
            }
        };
        let running = inner.start(chat, relay, meet, give_up)?;
        let watched = Watched { watch: running.watch(), engine, failed };
        Ok((running, watched))
    }
}

/// What is told of a server's part in a cluster.
#[derive(Clone)]
pub(crate) struct Watched {
    watch: Watch,
    engine: Arc<dyn Engine>,
    failed: Arc<OnceLock<String>>,
}

impl Watched {
    /// Why the server has stopped by itself, if it has.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Has the server take part no more.
    pub(crate) fn leave(&self) {
        self.watch.leave();
    }

    /// Why the server should get no clients now.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        self.watch.status().unready()
    }

    /// Who is the owner, for somebody whose request this server has refused because it is not.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        let ClusterStatus { role, owner, .. } = self.watch.status();
        match (role, owner) {
            (Role::Owner, _) => None,
            (_, Some(owner)) => Some(format!("{} is the owner now; run this there", printable(&owner.name))),
            (_, None) => Some("no server of the cluster is the owner now; try again".to_owned()),
        }
    }

    /// The metrics of the cluster, as text.
    pub(crate) fn metrics(&self) -> String {
        let status = self.watch.status();
        let mut registry = Registry::with_prefix("chat_cluster");
        let is_owner = u64::from(status.role == Role::Owner);
        registry.register("owner", "Whether this server is the owner", ConstGauge::new(is_owner));
        let servers = status.servers.len() as u64;
        registry.register("servers", "Servers that have said lately that they are there", ConstGauge::new(servers));
        registry.register(
            "records",
            "The last record of the shared log that this server has",
            ConstGauge::new(status.own.applied),
        );
        registry.register(
            "lag_records",
            "Records of the shared log that this server does not have yet",
            ConstGauge::new(status.lag()),
        );
        registry.register(
            "takeovers",
            "How often this server has become the owner",
            ConstCounter::new(status.takeovers),
        );
        let problem = u64::from(status.problem.is_some() || !status.reaches_owner);
        registry.register(
            "engine_problem",
            "Whether the engine does not answer as it should",
            ConstGauge::new(problem),
        );
        registry.register_with_unit(
            "append",
            "How long appends to the shared log took",
            Unit::Seconds,
            self.watch.appends(),
        );
        let mut text = String::new();
        // A string takes everything.
        prometheus_text::encode(&mut text, &registry).ok();
        text
    }

    /// Writes all that an operator wants to know.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let status = self.watch.status();
        let name = |card: &ServerCard| printable(&card.name).to_string();
        let mut line = |what: &str, text: String| writeln!(out, "{what:<18}{text}");
        line("server", format!("{} ({})", name(&status.own), status.own.id))?;
        line("role", status.role.to_string())?;
        line("owner", status.owner.as_ref().map_or_else(|| "none".to_owned(), &name))?;
        line("log", format!("{} records, {} of them not here yet", status.last, status.lag()))?;
        line("takeovers", status.takeovers.to_string())?;
        for card in &status.servers {
            let role = match status.owner.as_ref().is_some_and(|owner| owner.id == card.id) {
                true => "owner",
                false => "standby",
            };
            let address =
                card.address.as_ref().map(|address| format!(", at {}", printable(address))).unwrap_or_default();
            let text = format!(
                "{}: {role}, record {}, version {}{address}",
                name(card),
                card.applied,
                printable(&card.version)
            );
            line("member", text)?;
        }
        match self.engine.describe() {
            Ok(lines) => lines.iter().try_for_each(|text| line("engine", printable(text).to_string()))?,
            Err(problem) => line("warning", printable(&problem.to_string()).to_string())?,
        }
        if let Some(problem) = &status.problem {
            line("warning", printable(problem).to_string())?;
        }
        if let Some(problem) = status.unready() {
            line("warning", problem.to_owned())?;
        }
        Ok(())
    }
}

fn nats_options(url: &str, args: &args::Cluster) -> Result<NatsOptions, Box<dyn Error>> {
    let mut options = NatsOptions::new(url, &args.cluster_name).map_err(|problem| format!("--cluster: {problem}"))?;
    if let Some(file) = &args.cluster_credentials {
        options = options.credentials(file);
    }
    if let Some(file) = &args.cluster_ca {
        options = options.authority(file);
    }
    if let (Some(certificate), Some(key)) = (&args.cluster_certificate, &args.cluster_key) {
        options = options.certificate(certificate, key);
    }
    for monitor in &args.cluster_monitor {
        options = options.monitor(monitor).map_err(|problem| format!("--cluster-monitor {monitor}: {problem}"))?;
    }
    Ok(options)
}

fn postgres_options(args: &args::Cluster) -> Result<PostgresOptions, Box<dyn Error>> {
    let password = match &args.cluster_credentials {
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|problem| format!("{}: {problem}", file.display()))?;
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => None,
    };
    Ok(PostgresOptions { password, ..PostgresOptions::default() })
}

/// The address that others are told, with the port that was bound.
fn advertised(asked: Option<&str>, link: &TlsLink) -> String {
    let host = asked.and_then(|address| address.rsplit_once(':')).map_or("127.0.0.1", |(host, _)| host);
    format!("{host}:{}", link.address().port())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
