//! What a server has to know to use NATS.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};

use super::creds;
use super::error::NatsError;
use crate::percent::decode;

/// Which NATS servers to use, and how.
#[derive(Clone)]
pub struct NatsOptions {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) cluster: String,
    login: Option<Login>,
    credentials: Option<PathBuf>,
    authority: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    tls: bool,
    pub(super) monitors: Vec<String>,
    pub(super) replicas: usize,
}

#[derive(Clone)]
enum Login {
    User { name: String, password: String },
    Token(String),
}

impl NatsOptions {
    /// The servers in `urls`, which is `nats://HOST:PORT,HOST:PORT,…`, or `tls://…` where TLS is a must. The port is 4222 unless it is there. Before the first
    /// host may stand `USER:PASSWORD@` or `TOKEN@`, percent-encoded. `cluster` is the name of the chat among those that
    /// use the same servers: 1 to 32 bytes of `a`–`z`, `0`–`9` and `-`.
    ///
    /// # Errors
    ///
    /// Either cannot be that. The text of the error has no password in it.
    pub fn new(urls: &str, cluster: &str) -> Result<Self, InvalidNatsOptions> {
        let named = cluster.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if cluster.is_empty() || cluster.len() > CLUSTER_NAME_BYTES || !named {
            return Err(InvalidNatsOptions::Cluster);
        }
        let (mut servers, mut login, mut tls) = (Vec::new(), None, false);
        for url in urls.split(',') {
            let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
            tls |= match scheme {
                "nats" => false,
                "tls" => true,
                _ => return Err(InvalidNatsOptions::Urls),
            };
            let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
            if let Some(user) = user {
                login = Some(Login::parse(user).ok_or(InvalidNatsOptions::Login)?);
            }
            let address = address.trim_end_matches('/');
            if address.is_empty() || address.contains(['/', '?', '#']) {
                return Err(InvalidNatsOptions::Urls);
            }
            servers.push(format!("{scheme}://{address}").parse().map_err(|_| InvalidNatsOptions::Urls)?);
        }
        Ok(Self {
            servers,
            cluster: cluster.to_owned(),
            login,
            credentials: None,
            authority: None,
            certificate: None,
            tls,
            monitors: Vec::new(),
            replicas: REPLICAS,
        })
    }

    /// Logs in with a file: a `.creds` file, or one that has the seed of an NKey (`SU…`).
    #[must_use]
    pub fn credentials(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials = Some(file.into());
        self
    }

    /// Uses TLS, and trusts the authorities in this PEM file, and no others.
    #[must_use]
    pub fn authority(mut self, file: impl Into<PathBuf>) -> Self {
        self.authority = Some(file.into());
        self.tls = true;
        self
    }

    /// Uses TLS, and shows a certificate: PEM files of its chain and of its key.
    #[must_use]
    pub fn certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((chain.into(), key.into()));
        self.tls = true;
        self
    }

    /// Adds the monitoring port of a NATS server, `http://HOST:PORT`. With these, [`Nats::connect`](super::Nats::connect) refuses servers that
    /// do not sync what they acknowledge.
    ///
    /// # Errors
    ///
    /// It is no such URL.
    pub fn monitor(mut self, url: &str) -> Result<Self, InvalidNatsOptions> {
        let address = url.strip_prefix("http://").ok_or(InvalidNatsOptions::Monitor)?.trim_end_matches('/');
        let port = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        if address.contains(['/', '@', ' ']) || port.is_none_or(|(host, _)| host.is_empty()) {
            return Err(InvalidNatsOptions::Monitor);
        }
        self.monitors.push(address.to_owned());
        Ok(self)
    }

    /// Keeps a single copy of everything. For tests: what is acknowledged is lost with its machine.
    #[doc(hidden)]
    #[must_use]
    pub fn allow_single(mut self) -> Self {
        self.replicas = 1;
        self
    }

    /// What the client is told.
    pub(super) fn connect_options(&self) -> Result<ConnectOptions, NatsError> {
        let mut options = ConnectOptions::new()
            .name(format!("chat {}", self.cluster))
            // An operator names the servers that can be reached from here. What they say of each other may not be.
            .ignore_discovered_servers()
            .ping_interval(PING_INTERVAL)
            .connection_timeout(CONNECT_PATIENCE)
            .client_capacity(COMMANDS)
            .reconnect_delay_callback(|attempts| if attempts <= 1 { Duration::ZERO } else { RECONNECT_PAUSE })
            .request_timeout(None)
            .require_tls(self.tls);
        options = match &self.login {
            Some(Login::User { name, password }) => options.user_and_password(name.clone(), password.clone()),
            Some(Login::Token(token)) => options.token(token.clone()),
            None => options,
        };
        if let Some(file) = &self.credentials {
            let unreadable = |cause| NatsError::Credentials { file: file.clone(), cause };
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            options = creds::log_in(options, &text).map_err(unreadable)?;
        }
        if let Some(file) = &self.authority {
            options = options.add_root_certificates(file.clone());
        }
        if let Some((chain, key)) = &self.certificate {
            options = options.add_client_certificate(chain.clone(), key.clone());
        }
        Ok(options)
    }
}

/// Where it connects to, without any secret.
impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(|server| (server.host(), server.port())).collect();
        f.debug_struct("NatsOptions")
            .field("servers", &servers)
            .field("cluster", &self.cluster)
            .field("tls", &self.tls)
            .field("monitors", &self.monitors)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// `USER:PASSWORD` or `TOKEN`.
    fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            Some((name, password)) => Self::User { name: decode(name)?, password: decode(password)? },
            None => Self::Token(decode(text)?),
        })
    }
}

/// Options that cannot be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidNatsOptions {
    /// The servers.
    #[error("NATS servers are given as nats://HOST:PORT,HOST:PORT,… or tls://HOST:PORT,…")]
    Urls,
    /// The user.
    #[error("before the first NATS server may stand USER:PASSWORD@ or TOKEN@, percent-encoded UTF-8")]
    Login,
    /// The name of the cluster.
    #[error("a cluster's name has 1 to {CLUSTER_NAME_BYTES} characters out of a-z, 0-9 and -")]
    Cluster,
    /// A monitoring port.
    #[error("a monitoring port of NATS is given as http://HOST:PORT")]
    Monitor,
}

/// The longest name of a cluster, in bytes: it is part of the names of streams, which are names of folders.
const CLUSTER_NAME_BYTES: usize = 32;

/// On how many machines everything is kept.
const REPLICAS: usize = 3;

/// How often the client asks its server whether it is there; at the third time without an answer it turns to another.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long a server may take to answer a new connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// The pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// How many messages wait for the connection: few, as they may be as long as a record.
const COMMANDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(urls: &str) -> Vec<String> {
        let options = NatsOptions::new(urls, "chat").unwrap();
        options.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect()
    }

    #[test]
    fn servers_are_a_list() {
        assert_eq!(addresses("nats://a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(addresses("nats://a,nats://b:2/"), ["a:4222", "b:2"]);
        assert_eq!(addresses("10.0.0.1:4"), ["10.0.0.1:4"]);
        assert_eq!(addresses("nats://[::1]:5"), ["::1:5"]);
        for urls in ["", "nats://", "nats://a,", "http://a:1", "nats://a:x", "nats://a:1/x", "nats://a:1?x"] {
            assert_eq!(NatsOptions::new(urls, "chat").unwrap_err(), InvalidNatsOptions::Urls, "{urls:?}");
        }
    }

    #[test]
    fn logins_are_decoded_and_never_shown() {
        let options = NatsOptions::new("nats://us%40er:p%3Ass@a:1,b:2", "chat").unwrap();
        assert!(
            matches!(&options.login, Some(Login::User { name, password }) if name == "us@er" && password == "p:ss")
        );
        assert_eq!(
            format!("{options:?}"),
            r#"NatsOptions { servers: [("a", 1), ("b", 2)], cluster: "chat", tls: false, monitors: [], .. }"#
        );
        let options = NatsOptions::new("tls://t%20k@a:1", "chat").unwrap();
        assert!(matches!(&options.login, Some(Login::Token(token)) if token == "t k"));
        assert!(options.tls);
        for urls in ["nats://%@a", "nats://%4@a", "nats://a:%ff@a", "nats://%zz@a"] {
            assert_eq!(NatsOptions::new(urls, "chat").unwrap_err(), InvalidNatsOptions::Login, "{urls:?}");
        }
    }

    #[test]
    fn names_of_clusters_are_plain() {
        for name in ["", "A", "a.b", "a*", "a b", "ä", &"a".repeat(33)] {
            assert_eq!(NatsOptions::new("a", name).unwrap_err(), InvalidNatsOptions::Cluster, "{name:?}");
        }
        assert_eq!(NatsOptions::new("a", &"a".repeat(32)).unwrap().cluster.len(), 32);
    }

    #[test]
    fn monitoring_ports_are_plain_http() {
        let options = NatsOptions::new("a", "chat").unwrap();
        assert_eq!(options.clone().monitor("http://a:8222/").unwrap().monitors, ["a:8222"]);
        for url in ["a:1", "https://a:1", "http://a", "http://:1", "http://a:1/x", "http://u@a:1", "http://a:70000"] {
            assert_eq!(options.clone().monitor(url).unwrap_err(), InvalidNatsOptions::Monitor, "{url:?}");
        }
    }
}
