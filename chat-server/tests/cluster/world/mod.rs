//! The machines of a chat: servers, and the nodes of the engine that they stand on.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use chat_cluster_testing::{Host, NatsCluster, NatsOptions, Network, PostgresPair, Process, eventually, free_ports};
use serde_json::json;
use tempfile::TempDir;

use crate::clients::wire::{Wire, refusal};
use crate::clients::{PASSWORD, ROOM, user_name};
use crate::history::User;

pub(crate) mod faults;
mod load;
mod status;

const BINARY: &str = env!("CARGO_BIN_EXE_chat-server");

/// What the servers stand on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// One server that needs nothing else.
    Alone,
    /// Three servers over three nodes of NATS.
    Nats,
    /// The same; the servers reach each other directly.
    NatsDirect,
    /// Three servers over PostgreSQL with a synchronous standby, which reach each other directly.
    Postgres,
}

/// All machines.
#[derive(Debug)]
pub(crate) struct World {
    kind: Kind,
    servers: Vec<Server>,
    engine: Engine,
    /// There is one if there is an engine. What is on it is gone before it.
    network: Option<Network>,
    folder: TempDir,
}

#[derive(Debug)]
enum Engine {
    None,
    Nats(NatsCluster),
    Postgres(Box<PostgresPair>),
}

/// One machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Machine {
    Node(usize),
    Server(usize),
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    args: Vec<String>,
    host: Option<Host>,
    log: PathBuf,
    process: Option<Process>,
}

impl World {
    /// Starts all, and waits until all servers serve clients. The first `users` users are in [`ROOM`]; so many `more` are just there.
    pub(crate) fn start(kind: Kind, users: User, more: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (servers, nodes) = match kind {
            Kind::Alone => (1, 0),
            Kind::Nats | Kind::NatsDirect => (3, 3),
            Kind::Postgres => (3, 2),
        };
        let network = (nodes > 0).then(|| Network::start(servers + nodes));
        let hosts = network.as_ref().map_or(Vec::new(), |network| network.hosts().to_vec());
        let (server_hosts, node_hosts) = hosts.split_at(if nodes > 0 { servers } else { 0 });
        let engine = match node_hosts {
            [] => Engine::None,
            [primary, standby] => {
                Engine::Postgres(Box::new(PostgresPair::on_hosts([primary.clone(), standby.clone()])))
            }
            hosts => Engine::Nats(NatsCluster::on_hosts(hosts, NatsOptions::default())),
        };
        let mut world = Self { kind, servers: Vec::new(), engine, network, folder };
        if more > 0 {
            load::users(&world.data(0), more);
        }
        for number in 0..servers {
            world.add_server(number, server_hosts.get(number).cloned());
            // The first one may have data that the others get from it.
            world.wait_until_served(number);
        }
        world.register(users);
        world
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("s{number}"))
    }

    fn add_server(&mut self, number: usize, host: Option<Host>) {
        let ip = host.as_ref().map_or(Ipv4Addr::LOCALHOST.into(), Host::ip);
        let ports: Vec<SocketAddr> = free_ports(2).into_iter().map(|port| SocketAddr::new(ip, port)).collect();
        let (address, data) = (ports[0], self.data(number));
        let mut args = format!("--listen {address} --allow-cleartext --registration open --password-cost 8,1,1");
        // All clients have the address of this machine.
        args += " --connections-per-address 10000 --requests-per-second 100000 --requests-burst 100000";
        args += &format!(" --data {}{}", data.display(), self.cluster_args());
        if let Kind::NatsDirect | Kind::Postgres = self.kind {
            args += &format!(" --cluster-listen {} --cluster-secret {}", ports[1], self.secret().display());
        }
        if self.kind != Kind::Alone {
            args += &format!(" --cluster-server s{number}");
        }
        let args = args.split(' ').map(str::to_owned).collect();
        let log = self.folder.path().join(format!("s{number}.log"));
        self.servers.push(Server { address, args, host, log, process: None });
        self.restart(Machine::Server(number));
    }

    /// What tells a server which cluster it is in.
    fn cluster_args(&self) -> String {
        match &self.engine {
            Engine::None => String::new(),
            Engine::Nats(nodes) => {
                let (nodes, monitors) = (nodes.urls().join(","), nodes.monitor_urls().join(","));
                format!(" --cluster {nodes} --cluster-name t --cluster-monitor {monitors}")
            }
            Engine::Postgres(pair) => format!(" --cluster {} --cluster-name t", pair.url()),
        }
    }

    fn secret(&self) -> PathBuf {
        let path = self.folder.path().join("secret");
        fs::write(&path, "a secret that is long enough for the servers of a test").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// Waits until a server does what clients ask it for.
    pub(crate) fn wait_until_served(&self, number: usize) {
        let Server { address, log, .. } = &self.servers[number];
        let served = || {
            let answer = Wire::connect(*address)?.ask("resume", &json!({ "token": "none" }))?;
            (refusal(&answer)? == "no_such_session").then_some(())
        };
        eventually(&format!("server {number} serves, which logs to {}", log.display()), served);
    }

    /// Waits until all machines work again.
    pub(crate) fn wait_until_whole(&self) {
        match &self.engine {
            Engine::None => {}
            Engine::Nats(nodes) => nodes.wait_ready(),
            Engine::Postgres(pair) => pair.wait_ready(),
        }
        (0..self.servers.len()).for_each(|number| self.wait_until_served(number));
    }

    fn register(&self, users: User) {
        let mut wire = Wire::connect(self.servers[0].address).unwrap();
        for user in 0..users {
            let name = user_name(user);
            let register = json!({ "user": name, "password": PASSWORD, "name": name });
            let enter = if user == 0 { "room.create" } else { "room.join" };
            for (method, params) in [("register", register), (enter, json!({ "room": ROOM }))] {
                // Not so many at once, from one address.
                eventually(&format!("{method} {params}"), || wire.ask(method, &params)?.get("result").map(|_| ()));
            }
        }
    }

    pub(crate) fn kill(&mut self, machine: Machine) {
        match (machine, &mut self.engine) {
            (Machine::Server(number), _) => self.servers[number].process = None,
            (Machine::Node(number), Engine::Nats(nodes)) => nodes.kill(number),
            (Machine::Node(0), Engine::Postgres(pair)) => pair.primary.kill(),
            (Machine::Node(_), Engine::Postgres(pair)) => pair.standby.kill(),
            (Machine::Node(_), Engine::None) => unreachable!("there are no nodes"),
        }
    }

    pub(crate) fn restart(&mut self, machine: Machine) {
        match (machine, &mut self.engine) {
            (Machine::Server(number), _) => {
                let server = &mut self.servers[number];
                let mut args = vec!["-c", SUPERVISOR, "sh", BINARY];
                args.extend(server.args.iter().map(String::as_str));
                server.process = Some(Process::start(Path::new("sh"), &args, server.host.as_ref(), &server.log));
            }
            (Machine::Node(number), Engine::Nats(nodes)) => nodes.restart(number),
            (Machine::Node(0), Engine::Postgres(pair)) => pair.primary.restart(),
            (Machine::Node(_), Engine::Postgres(pair)) => pair.standby.restart(),
            (Machine::Node(_), Engine::None) => unreachable!("there are no nodes"),
        }
    }

    pub(crate) fn stop(&mut self, machine: Machine) {
        match (machine, &self.engine) {
            (Machine::Server(number), _) => self.servers[number].process.as_ref().expect("it runs").stop(),
            (Machine::Node(number), Engine::Nats(nodes)) => nodes.stop(number),
            (Machine::Node(0), Engine::Postgres(pair)) => pair.primary.stop(),
            (Machine::Node(_), Engine::Postgres(pair)) => pair.standby.stop(),
            (Machine::Node(_), Engine::None) => unreachable!("there are no nodes"),
        }
    }

    pub(crate) fn cont(&mut self, machine: Machine) {
        match (machine, &self.engine) {
            (Machine::Server(number), _) => self.servers[number].process.as_ref().expect("it runs").cont(),
            (Machine::Node(number), Engine::Nats(nodes)) => nodes.cont(number),
            (Machine::Node(0), Engine::Postgres(pair)) => pair.primary.cont(),
            (Machine::Node(_), Engine::Postgres(pair)) => pair.standby.cont(),
            (Machine::Node(_), Engine::None) => unreachable!("there are no nodes"),
        }
    }

    /// The server that executes commands now.
    fn owner(&self) -> usize {
        if self.kind == Kind::Alone {
            return 0;
        }
        // Whoever is asked says who it is, if that server works.
        let ask = |number: usize| {
            let mut status = Command::new(BINARY);
            let output = status.args(["cluster", "status", "--data"]).arg(self.data(number)).output().unwrap();
            status::owner(&String::from_utf8_lossy(&output.stdout))
        };
        eventually("an owner", || (0..self.servers.len()).find_map(ask))
    }

    /// The node that leads the log.
    fn leader(&self) -> usize {
        match &self.engine {
            Engine::Nats(nodes) => eventually("a leader of the log", || nodes.leader_of(LOG)),
            Engine::Postgres(_) | Engine::None => 0,
        }
    }

    fn nodes(&self) -> usize {
        match &self.engine {
            Engine::None => 0,
            Engine::Nats(nodes) => nodes.len(),
            Engine::Postgres(_) => 2,
        }
    }

    fn host(&self, machine: Machine) -> Host {
        let hosts = self.network.as_ref().expect("a network").hosts();
        match machine {
            Machine::Server(number) => hosts[number].clone(),
            Machine::Node(number) => hosts[self.servers.len() + number].clone(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("what servers have stored and logged is in {}", self.folder.path().display());
        }
    }
}

/// Starts a server again when it has failed, as systemd does (packaging/systemd/chat-server.service).
const SUPERVISOR: &str = r#"until setpriv --pdeathsig KILL "$@"; do echo "started again"; sleep 1; done"#;

/// The stream that has the log of the cluster `t`.
const LOG: &str = "chat-t-log";
