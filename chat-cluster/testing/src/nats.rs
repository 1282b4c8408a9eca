//! A cluster of NATS servers with JetStream.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::install::nats_server;
use crate::network::Host;
use crate::ports::free_ports;
use crate::process::Process;
use crate::wait::until;

/// Some nodes of NATS that form a cluster. Each keeps its files and ports while it is down.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
    options: NatsOptions,
    #[allow(dead_code, reason = "it is removed when dropped")]
    folder: TempDir,
}

/// How nodes are set up.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Whether the log is synced before it is acknowledged (`sync_interval: always`).
    pub sync_always: bool,
    /// A user's name and password, which clients need then.
    pub login: Option<(String, String)>,
    /// More lines for the configuration of each node.
    pub more: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { sync_always: true, login: None, more: String::new() }
    }
}

#[derive(Debug)]
struct Node {
    name: String,
    client: SocketAddr,
    monitor: SocketAddr,
    route: SocketAddr,
    host: Option<Host>,
    folder: PathBuf,
    process: Option<Process>,
}

impl NatsCluster {
    /// Starts so many nodes on loopback, and waits until they are ready.
    pub fn start(nodes: usize) -> Self {
        Self::start_with(nodes, NatsOptions::default())
    }

    /// The same with other options.
    pub fn start_with(nodes: usize, options: NatsOptions) -> Self {
        Self::on(vec![None; nodes], options)
    }

    /// Starts a node on each of these hosts, and waits until they are ready.
    pub fn on_hosts(hosts: &[Host], options: NatsOptions) -> Self {
        Self::on(hosts.iter().cloned().map(Some).collect(), options)
    }

    fn on(hosts: Vec<Option<Host>>, options: NatsOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes = hosts.into_iter().enumerate().map(|(index, host)| {
            let ip = host.as_ref().map_or(IpAddr::from(Ipv4Addr::LOCALHOST), Host::ip);
            let ports = free_ports(3);
            let [client, monitor, route] = ports.as_slice() else { unreachable!("three ports") };
            let [client, monitor, route] = [client, monitor, route].map(|port| SocketAddr::new(ip, *port));
            let (name, folder) = (format!("n{index}"), folder.path().join(index.to_string()));
            Node { name, client, monitor, route, host, folder, process: None }
        });
        let mut cluster = Self { nodes: nodes.collect(), options, folder };
        for index in 0..cluster.nodes.len() {
            cluster.configure(index);
            cluster.restart(index);
        }
        cluster.wait_ready();
        cluster
    }

    /// `nats://HOST:PORT` of each node, without a user.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("nats://{}", node.client)).collect()
    }

    /// `http://HOST:PORT` of each node's monitoring port.
    pub fn monitor_urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.monitor)).collect()
    }

    /// How many nodes there are, down or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Kills a node.
    pub fn kill(&mut self, index: usize) {
        self.node_mut(index).process = None;
    }

    /// Ends a node as an operator does.
    pub fn terminate(&mut self, index: usize) {
        if let Some(mut process) = self.node_mut(index).process.take() {
            process.terminate();
        }
    }

    /// Starts a node that is down, on its files. It is ready some time after.
    pub fn restart(&mut self, index: usize) {
        let node = self.node_mut(index);
        let (config, log) = (node.folder.join("config"), node.folder.join("log"));
        let args = ["--config", config.to_str().unwrap()];
        node.process = Some(Process::start(nats_server(), &args, node.host.as_ref(), &log));
    }

    /// Stops a node (SIGSTOP).
    pub fn stop(&self, index: usize) {
        self.process(index).stop();
    }

    /// Continues a node that was stopped.
    pub fn cont(&self, index: usize) {
        self.process(index).cont();
    }

    /// Removes all that a node that is down has stored.
    pub fn wipe(&mut self, index: usize) {
        let node = self.node_mut(index);
        assert!(node.process.is_none(), "{} runs", node.name);
        fs::remove_dir_all(node.folder.join("store")).unwrap();
    }

    /// The folder of a node's files, under which JetStream's are.
    pub fn folder(&self, index: usize) -> PathBuf {
        self.nodes.get(index).unwrap().folder.join("store")
    }

    /// What a node has logged.
    pub fn log(&self, index: usize) -> String {
        fs::read_to_string(self.nodes.get(index).unwrap().folder.join("log")).unwrap()
    }

    /// The node that leads a stream, as it says itself; `None` if nobody does, or it is unreachable.
    pub fn leader_of(&self, stream: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|index| {
            let found = self.ask(*index, "/jsz?streams=true").and_then(|jsz| {
                streams(&jsz).find(|found| found.get("name").and_then(Value::as_str) == Some(stream)).cloned()
            });
            let leader = found.and_then(|stream| stream.pointer("/cluster/leader")?.as_str().map(str::to_owned));
            leader.is_some_and(|leader| Some(leader.as_str()) == self.nodes.get(*index).map(|node| node.name.as_str()))
        })
    }

    /// Waits until every node runs, the cluster and all its streams have leaders, and those hear of all others, which have all that they
    /// have. From then on, the loss of any node is borne.
    pub fn wait_ready(&self) {
        let ready = || (0..self.nodes.len()).try_for_each(|index| self.check_node(index));
        let deadline = Instant::now() + HEALING;
        until(deadline, ready).unwrap_or_else(|| panic!("all nodes of NATS are ready: not within {HEALING:?}"));
    }

    /// Whether a node works, and follows or leads what it should.
    fn check_node(&self, index: usize) -> Option<()> {
        self.ask(index, "/healthz")?.get("status")?.as_str().filter(|status| *status == "ok")?;
        let jsz = self.ask(index, "/jsz?streams=true")?;
        let own = self.nodes.get(index).map(|node| node.name.as_str());
        let groups =
            jsz.get("meta_cluster").into_iter().chain(streams(&jsz).filter_map(|stream| stream.get("cluster")));
        let mut groups = groups.peekable();
        // A node alone is in no cluster.
        groups.peek().map(|_| ()).or((self.nodes.len() == 1).then_some(()))?;
        groups
            .all(|group| {
                let leader = group.get("leader").and_then(Value::as_str).filter(|leader| !leader.is_empty());
                let mut replicas = group.get("replicas").and_then(Value::as_array).into_iter().flatten();
                leader.is_some() && (leader != own || replicas.all(is_near))
            })
            .then_some(())
    }

    /// An answer of a node's monitoring port.
    pub fn ask(&self, index: usize, path: &str) -> Option<Value> {
        http::get(self.nodes.get(index)?.monitor, path)
    }

    /// Writes a node's configuration.
    fn configure(&self, index: usize) {
        let node = self.nodes.get(index).unwrap();
        fs::create_dir_all(node.folder.join("store")).unwrap();
        let (name, client, monitor) = (&node.name, node.client, node.monitor);
        let (store, more) = (node.folder.join("store"), &self.options.more);
        let sync = if self.options.sync_always { "sync_interval: always" } else { "" };
        let mut config = format!("server_name: {name}\nlisten: \"{client}\"\nhttp: \"{monitor}\"\n{more}\n");
        config += &format!("jetstream {{ store_dir: {store:?}, max_mem: 64M, max_file: 4G\n{sync} }}\n");
        if self.nodes.len() > 1 {
            let routes: Vec<String> = self.nodes.iter().map(|node| format!("\"nats://{}\"", node.route)).collect();
            let (listen, routes) = (node.route, routes.join(", "));
            config += &format!("cluster {{ name: test, listen: \"{listen}\", routes: [{routes}] }}\n");
        }
        if let Some((user, password)) = &self.options.login {
            config += &format!("authorization {{ user: {user:?}, password: {password:?} }}\n");
        }
        fs::write(node.folder.join("config"), config).unwrap();
    }

    fn process(&self, index: usize) -> &Process {
        self.nodes.get(index).and_then(|node| node.process.as_ref()).expect("the node runs")
    }

    fn node_mut(&mut self, index: usize) -> &mut Node {
        self.nodes.get_mut(index).expect("there is such a node")
    }
}

/// What `/jsz` says of streams.
fn streams(jsz: &Value) -> impl Iterator<Item = &Value> {
    let accounts = jsz.get("account_details").and_then(Value::as_array).into_iter().flatten();
    accounts.filter_map(|account| account.get("stream_detail")?.as_array()).flatten()
}

/// Whether a leader has heard of a replica just now, and it has all that the leader has. After nodes were cut off from each other, that
/// takes as long as TCP waits with its next try.
fn is_near(replica: &Value) -> bool {
    let is_current = replica.get("current").and_then(Value::as_bool) == Some(true);
    let is_offline = replica.get("offline").and_then(Value::as_bool) == Some(true);
    let silence = replica.get("active").and_then(Value::as_u64).map(Duration::from_nanos);
    is_current && !is_offline && silence.is_some_and(|silence| silence < SILENCE)
}

/// How long nodes may take to find each other again. Mostly it is some seconds, but a minute has been seen after a cut.
const HEALING: Duration = Duration::from_secs(180);

/// Leaders are heard of once a second.
const SILENCE: Duration = Duration::from_secs(3);
