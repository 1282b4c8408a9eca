//! A PostgreSQL server and its synchronous standby.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::install::{postgres_programs, run};
use crate::network::Host;
use crate::ports::free_ports;
use crate::process::Process;
use crate::wait::eventually;

/// The user, the database and the password of tests.
const USER: &str = "chat";
const PASSWORD: &str = "surabaya";

/// Who runs the server if root runs the tests: PostgreSQL refuses to be root.
const NOBODY: u32 = 65534;
const AS_NOBODY: [&str; 5] = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

/// A server with a standby: a commit is acknowledged once both have it on their disks.
#[derive(Debug)]
pub struct PostgresPair {
    /// The server that takes writes until [`promote`](Postgres::promote).
    pub primary: Postgres,
    /// The one that follows it.
    pub standby: Postgres,
}

impl PostgresPair {
    /// Starts both on loopback, and waits until commits are replicated.
    pub fn start() -> Self {
        Self::on([None, None])
    }

    /// The same on two hosts: the primary on the first one.
    pub fn on_hosts(hosts: [Host; 2]) -> Self {
        Self::on(hosts.map(Some))
    }

    fn on([primary_host, standby_host]: [Option<Host>; 2]) -> Self {
        let primary = Postgres::create(primary_host);
        let mut standby = Postgres::empty(standby_host);
        let (address, data) = (primary.address, standby.data());
        let source = format!("{} port={}", source(&address), address.port());
        let mut copy = standby.command("pg_basebackup");
        run(copy.args(["--write-recovery-conf", "--checkpoint=fast", "--dbname", &source, "--pgdata"]).arg(&data));
        standby.configure("");
        standby.restart();
        primary.configure("synchronous_standby_names = 'ANY 1 (standby)'");
        let pair = Self { primary, standby };
        pair.primary.query("SELECT pg_reload_conf()");
        pair.wait_ready();
        pair
    }

    /// `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?…`, for whichever of them takes writes.
    pub fn url(&self) -> String {
        let (primary, standby) = (self.primary.address, self.standby.address);
        format!("postgres://{USER}:{PASSWORD}@{primary},{standby}/{USER}?target_session_attrs=read-write")
    }

    /// Waits until both run, and the standby has all that the primary has acknowledged.
    pub fn wait_ready(&self) {
        self.primary.wait_ready();
        self.standby.wait_ready();
        let replicated = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'";
        eventually("commits are replicated", || (self.primary.try_query(replicated)? == "1").then_some(()));
    }
}

/// A server. It keeps its files and its port while it is down.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    address: SocketAddr,
    host: Option<Host>,
    process: Option<Process>,
}

impl Postgres {
    /// Starts a server without a standby on loopback, and waits until it is ready.
    pub fn start() -> Self {
        Self::create(None)
    }

    fn create(host: Option<Host>) -> Self {
        let mut server = Self::empty(host);
        let password = server.folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        server.own(&password);
        let mut initdb = server.command("initdb");
        initdb.args(["--username", USER, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        run(initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(server.data()));
        let rights = server.data().join("pg_hba.conf");
        let anywhere = "host all all all scram-sha-256\nhost replication all all scram-sha-256\n";
        fs::write(rights, anywhere).unwrap();
        server.configure("");
        server.restart();
        let ready = || server.ask("postgres", "SELECT 1");
        eventually("PostgreSQL is ready", ready);
        server.ask("postgres", &format!("CREATE DATABASE {USER}")).expect("a database");
        server
    }

    fn empty(host: Option<Host>) -> Self {
        let ip = host.as_ref().map_or(IpAddr::from(Ipv4Addr::LOCALHOST), Host::ip);
        let port = free_ports(1).into_iter().next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::new(ip, port);
        let server = Self { folder, programs: postgres_programs(), address, host, process: None };
        server.own(server.folder.path());
        server
    }

    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@{}/{USER}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it while it is down, on its files. It is ready some time after.
    pub fn restart(&mut self) {
        let data = self.data();
        let (program, log) = (self.programs.join("postgres"), self.folder.path().join("log"));
        fs::File::options().create(true).append(true).open(&log).unwrap();
        self.own(&log);
        self.process =
            Some(Process::start_as(&program, &["-D", data.to_str().unwrap()], rights(), self.host.as_ref(), &log));
    }

    /// Stops it and all its processes (SIGSTOP).
    pub fn stop(&self) {
        self.running().stop();
    }

    /// Continues it after it was stopped.
    pub fn cont(&self) {
        self.running().cont();
    }

    /// Makes a standby a primary, which waits for no standby, and waits until it is.
    pub fn promote(&mut self) {
        self.configure("synchronous_standby_names = ''");
        run(self.command("pg_ctl").args(["promote", "--wait", "--pgdata"]).arg(self.data()));
    }

    /// Waits until it answers.
    pub fn wait_ready(&self) {
        eventually("PostgreSQL is ready", || self.try_query("SELECT 1"));
    }

    /// What `psql` prints for a statement.
    ///
    /// # Panics
    ///
    /// The statement fails.
    pub fn query(&self, statement: &str) -> String {
        self.try_query(statement).unwrap_or_else(|| panic!("{statement} fails: {}", self.log()))
    }

    /// The same; `None` if it fails.
    pub fn try_query(&self, statement: &str) -> Option<String> {
        self.ask(USER, statement)
    }

    fn ask(&self, database: &str, statement: &str) -> Option<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        let to = format!("{} port={} dbname={database} connect_timeout=2", source(&self.address), self.address.port());
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, "--dbname", &to]);
        let output = psql.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    }

    /// Writes the part of the configuration that is ours, with `more`.
    fn configure(&self, more: &str) {
        let (ip, port, path) = (self.address.ip(), self.address.port(), self.data().join("postgresql.conf"));
        let ours = format!(
            "listen_addresses = '{ip}'\nport = {port}\nunix_socket_directories = ''\nshared_buffers = 32MB\n\
             wal_keep_size = 512MB\nmax_connections = 50\nmax_wal_senders = 5\n{more}\n"
        );
        fs::write(&path, ours).unwrap();
        self.own(&path);
    }

    /// One of PostgreSQL's programs, as the user that runs the server, and on its host.
    fn command(&self, program: &str) -> Command {
        let mut command = Process::command(&self.programs.join(program), self.host.as_ref(), rights());
        command.current_dir("/");
        command
    }

    fn own(&self, path: &Path) {
        if geteuid().is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }
}

fn rights() -> &'static [&'static str] {
    if geteuid().is_root() { &AS_NOBODY } else { &[] }
}

/// Where a server is, for libpq.
fn source(address: &SocketAddr) -> String {
    format!("host={} user={USER} password={PASSWORD} application_name=standby", address.ip())
}
