//! The command line, as data.

mod cluster;
mod tasks;

use std::env;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use chat_lib::server::{Network, WebOrigin};
use clap::{Args as Arguments, ColorChoice, Command, CommandFactory, Parser, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

pub(crate) use self::cluster::{Cluster, EngineUrl};
use self::tasks::DATA;
pub(crate) use self::tasks::{ClusterTask, ConfigTask, Data, Invite, Keep, PasswordSource, Room, Task, User};
use crate::flags::Flags;
use crate::log::{Format, has_colours};

/// A chat server that netcat can speak to.
///
/// It runs until SIGINT or SIGTERM, then answers what it has read, closes, and exits with 0. SIGHUP reads the
/// configuration file and the certificate for TLS again: limits, registration, password_cost, log and the
/// certificate change at once, and the log says what needs a restart. SIGUSR1 and SIGUSR2 do nothing.
///
/// Each option can also be set by an environment variable (CHAT_LISTEN) or in the configuration file
/// (listen); a flag overrides the variable, which overrides the file.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Option<Task>,

    /// The configuration file, in TOML; CHAT_CONFIG can name it, too.
    ///
    /// "chat-server config default" prints one with every option. Tasks take from it only where the data is.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// How to serve.
#[derive(Arguments, Debug)]
pub(crate) struct Serve {
    /// Where to listen, as HOST:PORT; may be given more than once.
    ///
    /// HOST is an IP address or a name, and all addresses of a name are listened on; an IPv6 address stands in
    /// brackets. Port 0 takes a free port; the address that was bound is printed on stderr. Nothing is encrypted
    /// there, not even passwords, so only loopback addresses are taken unless --allow-cleartext is given. Sockets
    /// that systemd passes replace these addresses and those of --tls-listen, --web and --tls-web.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8889", value_parser = addresses)]
    pub(crate) listen: Vec<Addresses>,

    /// Where to listen for connections with TLS, in the same form; the usual port is 8890.
    #[arg(long, value_name = "ADDR", value_parser = addresses)]
    pub(crate) tls_listen: Vec<Addresses>,

    /// Where to serve browsers, in the same form: the page, and its WebSocket at /ws. The usual port is 8080.
    ///
    /// Nothing is encrypted there, so only loopback addresses are taken unless --allow-cleartext is given.
    #[arg(long, value_name = "ADDR", value_parser = addresses)]
    pub(crate) web: Vec<Addresses>,

    /// Where to serve browsers over TLS, in the same form; the usual port is 443.
    #[arg(long, value_name = "ADDR", value_parser = addresses)]
    pub(crate) tls_web: Vec<Addresses>,

    /// Let pages of other sites use the WebSocket: their origins, separated by commas.
    ///
    /// Those of the server's own address always can, and so can programs that are no browsers.
    #[arg(long, value_name = "https://HOST", value_delimiter = ',')]
    pub(crate) web_origin: Vec<WebOrigin>,

    /// A folder with another page, instead of the built-in one, or "none" for the WebSocket alone.
    ///
    /// Its files are read when the server starts, and held in memory.
    #[arg(long, value_name = "DIR")]
    pub(crate) web_page: Option<PathBuf>,

    /// The certificate for TLS, in PEM, followed by those that lead to its issuer.
    ///
    /// SIGHUP has it read again, with its key; connections go on.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// The certificate's private key, in PEM and not encrypted.
    ///
    /// Nobody else should be able to read the file.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let --listen take addresses that are not loopback, although anyone on the way can read passwords and
    /// messages then: for networks that are trusted or encrypted, such as a VPN.
    #[arg(long)]
    pub(crate) allow_cleartext: bool,

    /// Trust these proxies in front of the server: addresses or networks such as 10.0.0.0/8, separated by commas.
    ///
    /// Each connection from there must begin with a header of the PROXY protocol, version 1 or 2, and counts as
    /// one from the address in it, for limits and the log.
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) proxy: Vec<Network>,

    /// Where to keep users, sessions and messages.
    ///
    /// The directory is created if it does not exist, with access for its owner only. Only one server at a time
    /// can use it.
    #[arg(long, value_name = "DIR", default_value = DATA)]
    pub(crate) data: PathBuf,

    /// Keep everything in memory instead: it is gone when the server stops.
    #[arg(long, conflicts_with = "data")]
    pub(crate) memory: bool,

    /// Add the users messi, henderson and lineker with the password surabaya.
    ///
    /// As everybody knows the password, the server then listens on loopback addresses only.
    #[arg(long, conflicts_with = "cluster")]
    pub(crate) demo: bool,

    /// What to log: at info connections, logins, logouts and refusals; at debug also each send, inbox and
    /// activeuser.
    ///
    /// The lines about a connection and its requests have its number, as in conn=7. A slow reader of the log does
    /// not hold up the server: lines are dropped, and their number is logged at the end.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Level::Info)]
    pub(crate) log: Level,

    /// How to log, and where.
    ///
    /// On a terminal, text has colours unless NO_COLOR is set or TERM is dumb.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) log_format: Format,

    /// Where to serve metrics over HTTP, as IP:PORT; off by default.
    ///
    /// /metrics is in the text format of Prometheus, /healthz fails if a thread hangs, and /readyz fails if nothing
    /// can be stored or the server is stopping. Nothing is encrypted there, so only loopback addresses are taken
    /// unless --allow-cleartext is given.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) settings: Flags,

    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

impl Serve {
    /// Every address to listen on, with what it is for.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (Purpose, SocketAddr)> {
        let all = [
            (Purpose::Lines, &self.listen),
            (Purpose::TlsLines, &self.tls_listen),
            (Purpose::Web, &self.web),
            (Purpose::TlsWeb, &self.tls_web),
        ];
        let each = |(purpose, addresses): (Purpose, &Vec<Addresses>)| {
            let addresses: Vec<_> = addresses.iter().flat_map(|Addresses(found)| found).copied().collect();
            addresses.into_iter().map(move |address| (purpose, address))
        };
        all.into_iter().flat_map(each)
    }
}

impl Args {
    /// The definition, with colours where they are wanted.
    pub(crate) fn definition() -> Command {
        // Left to itself, clap colours its help on any terminal where CI is set.
        let color = if has_colours(|name| env::var_os(name)) { ColorChoice::Auto } else { ColorChoice::Never };
        Self::command().color(color)
    }

    /// Says what is wrong with options that are right one by one.
    pub(crate) fn check(&self) -> Result<(), String> {
        let serve = &self.serve;
        let is_public = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        for (purpose, address) in serve.addresses().filter(|(_, address)| is_public(address)) {
            if serve.demo {
                return Err(format!(
                    "--demo has a public password and cannot listen on {address}, which is not loopback"
                ));
            }
            if !purpose.has_tls() && !serve.allow_cleartext {
                let (option, safe_option) = (purpose.option(), purpose.with_tls().option());
                return Err(format!(
                    "{option} {address} is not loopback, and nothing is encrypted there; use {safe_option}, or add \
                     --allow-cleartext if the network is trusted"
                ));
            }
        }
        if let Some(address) = serve.metrics.filter(is_public).filter(|_| !serve.allow_cleartext) {
            return Err(format!(
                "--metrics {address} is not loopback, and nothing is encrypted there; use 127.0.0.1 and let a proxy pass them \
                 on, or add --allow-cleartext if the network is trusted"
            ));
        }
        match (&serve.tls_certificate, &serve.tls_key) {
            (Some(_), None) => Err("--tls-certificate needs --tls-key".to_owned()),
            (None, Some(_)) => Err("--tls-key needs --tls-certificate".to_owned()),
            (None, None) => match serve.addresses().find(|(purpose, _)| purpose.has_tls()) {
                Some((purpose, _)) => {
                    let option = purpose.option();
                    Err(format!("{option} needs a certificate; add --tls-certificate and --tls-key"))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// What an address is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Lines,
    TlsLines,
    Web,
    TlsWeb,
}

impl Purpose {
    pub(crate) fn has_tls(self) -> bool {
        matches!(self, Self::TlsLines | Self::TlsWeb)
    }

    pub(crate) fn is_web(self) -> bool {
        matches!(self, Self::Web | Self::TlsWeb)
    }

    fn with_tls(self) -> Self {
        if self.is_web() { Self::TlsWeb } else { Self::TlsLines }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Lines => "--listen",
            Self::TlsLines => "--tls-listen",
            Self::Web => "--web",
            Self::TlsWeb => "--tls-web",
        }
    }
}

/// The addresses that a HOST:PORT stands for.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(Vec<SocketAddr>);

fn addresses(text: &str) -> Result<Addresses, String> {
    let form = || "it is HOST:PORT, such as 127.0.0.1:8889, localhost:8889 or [::1]:8889".to_owned();
    if let Ok(address) = text.parse() {
        return Ok(Addresses(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
    if host.is_empty() || host.contains([':', '[', ']']) {
        return Err(form());
    }
    let port: u16 = port.parse().map_err(|_| form())?;
    let found = (host, port).to_socket_addrs().map_err(|problem| format!("{host} has no address: {problem}"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() { Err(format!("{host} has no address")) } else { Ok(Addresses(addresses)) }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn addresses_are_host_and_port() {
        for (good, wanted) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:8889", "[::1]:8889")] {
            assert_eq!(addresses(good).unwrap().0, [wanted.parse().unwrap()]);
        }
        let Addresses(localhost) = addresses("localhost:8890").unwrap();
        assert!(localhost.iter().all(|address| address.ip().is_loopback() && address.port() == 8890), "{localhost:?}");
        for bad in ["", "8889", ":8889", "localhost", "127.0.0.1", "::1:8889", "[::1]", "localhost:", "localhost:70000"]
        {
            assert!(addresses(bad).unwrap_err().starts_with("it is HOST:PORT"), "{bad}");
        }
    }
}
