//! Where PostgreSQL is, and how to log in there: what a `postgres://` URL says.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chat_lib::with_reasons;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use crate::percent;

/// The servers that may be the primary, each with all that it takes to connect to it.
#[derive(Clone)]
pub(super) struct Target {
    /// In the order of the URL.
    pub(super) hosts: Vec<Config>,
    pub(super) tls: MakeRustlsConnect,
}

impl Target {
    /// Reads a URL as `psql` understands it. `password` is for a URL without one.
    pub(super) fn parse(url: &str, password: Option<&str>, application: &str) -> Result<Self, Fault> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Fault::Url("it does not begin with postgres://".to_owned()));
        }
        let (url, files) = TlsFiles::take_from(url)?;
        let config = Config::from_str(&url).map_err(|error| Fault::Url(with_reasons(&error)))?;
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        if count == 0 {
            return Err(Fault::Url("it names no host".to_owned()));
        }
        let hosts = (0..count).map(|index| one_host(&config, index, password, application)).collect();
        let tls = files.client_config(config.get_ssl_mode())?;
        Ok(Self { hosts, tls: MakeRustlsConnect::new(tls) })
    }
}

/// Hosts and ports only.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.hosts.iter().map(address)).finish()
    }
}

/// What operators call that server.
pub(super) fn address(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(PORT);
    match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Tcp(host)), _) => format!("{host}:{port}"),
        (Some(Host::Unix(path)), _) => path.join(format!(".s.PGSQL.{port}")).display().to_string(),
        (None, Some(address)) => format!("{address}:{port}"),
        (None, None) => String::new(),
    }
}

/// The part of `config` that is for one of its hosts. The client would try them in turn by itself, but its time limit ends with the TCP
/// handshake, which a stopped server still answers: it would never get to the next.
fn one_host(config: &Config, index: usize, password: Option<&str>, application: &str) -> Config {
    let mut one = Config::new();
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password().or(password.map(str::as_bytes)) {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    match config.get_hosts().get(index) {
        Some(Host::Tcp(host)) => {
            one.host(host);
        }
        Some(Host::Unix(path)) => {
            one.host_path(path);
        }
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(index) {
        one.hostaddr(*address);
    }
    if let Some(port) = config.get_ports().get(index).or(config.get_ports().first()) {
        one.port(*port);
    }
    one.application_name(config.get_application_name().unwrap_or(application))
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        // Whatever the URL says: a standby may not know yet what is done.
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(PEER_TIMEOUT)
        .keepalives_idle(Duration::from_secs(1))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(2);
    one
}

/// The parameters of a URL that `psql` knows and the client does not.
#[derive(Default)]
struct TlsFiles {
    roots: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsFiles {
    /// The URL without them.
    fn take_from(url: &str) -> Result<(String, Self), Fault> {
        let mut files = Self::default();
        let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), files)) };
        let mut rest = Vec::new();
        let mut verified = false;
        for parameter in query.split('&') {
            match parameter.split_once('=') {
                Some(("sslrootcert", value)) => files.roots = Some(decode(value)?.into()),
                Some(("sslcert", value)) => files.certificate = Some(decode(value)?.into()),
                Some(("sslkey", value)) => files.key = Some(decode(value)?.into()),
                // Certificates and names are always verified here.
                Some(("sslmode", "verify-full" | "verify-ca" | "require")) => verified = true,
                _ => rest.push(parameter),
            }
        }
        if verified || files.roots.is_some() && !rest.iter().any(|parameter| parameter.starts_with("sslmode=")) {
            rest.push("sslmode=require");
        }
        Ok((format!("{base}?{}", rest.join("&")), files))
    }

    fn client_config(self, mode: SslMode) -> Result<rustls::ClientConfig, Fault> {
        let mut roots = rustls::RootCertStore::empty();
        if let Some(path) = &self.roots {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unreadable(path, &error))?;
            }
        } else if mode != SslMode::Disable {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::Url(error.to_string()))?
            .with_root_certificates(roots);
        match (self.certificate, self.key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => {
                let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| unreadable(&key, &error))?;
                builder
                    .with_client_auth_cert(certificates(&certificate)?, private)
                    .map_err(|error| unreadable(&certificate, &error))
            }
            _ => Err(Fault::Url("sslcert and sslkey come together".to_owned())),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(unreadable(path, &"it has no certificate")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &dyn fmt::Display) -> Fault {
    Fault::Url(format!("{}: {error}", path.display()))
}

fn decode(text: &str) -> Result<String, Fault> {
    let wrong = "a % is not followed by two hexadecimal digits, or what is encoded is not UTF-8";
    percent::decode(text).ok_or_else(|| Fault::Url(wrong.to_owned()))
}

const PORT: u16 = 5432;

/// How long one server may take to accept a TCP connection. The others are tried then.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a machine may leave sent bytes unacknowledged before it counts as lost.
const PEER_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, Fault> {
        Target::parse(url, Some("from elsewhere"), "chat")
    }

    #[test]
    fn each_host_is_tried_by_itself() {
        let target = parse("postgres://user:secret@one,two:6000/db?target_session_attrs=any").unwrap();
        assert_eq!(format!("{target:?}"), r#"["one:5432", "two:6000"]"#);
        for host in &target.hosts {
            assert_eq!(host.get_user(), Some("user"));
            assert_eq!(host.get_password(), Some(b"secret".as_slice()));
            assert_eq!(host.get_dbname(), Some("db"));
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(host.get_hosts().len(), 1);
        }
    }

    #[test]
    fn a_password_may_come_from_elsewhere() {
        let target = parse("postgres://user@one/db").unwrap();
        assert_eq!(target.hosts[0].get_password(), Some(b"from elsewhere".as_slice()));
    }

    #[test]
    fn a_root_certificate_requires_tls() {
        let (url, files) = TlsFiles::take_from("postgres://h/db?sslrootcert=%2Fa%20b.pem&application_name=x").unwrap();
        assert_eq!(url, "postgres://h/db?application_name=x&sslmode=require");
        assert_eq!(files.roots.as_deref(), Some(Path::new("/a b.pem")));
        let (url, _) = TlsFiles::take_from("postgres://h/db?sslmode=verify-full").unwrap();
        assert_eq!(url, "postgres://h/db?sslmode=require");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, said) in [
            ("nats://h", "does not begin with postgres://"),
            ("postgres:///db", "names no host"),
            ("postgres://h/db?nonsense=1", "nonsense"),
            ("postgres://h/db?sslrootcert=%2", "hexadecimal"),
            ("postgres://h/db?sslrootcert=/no/such/file", "/no/such/file"),
            ("postgres://h/db?sslmode=disable&sslcert=/x", "come together"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
