//! The certificate that a server shows and the key that belongs to it. They can be replaced while the server runs.
//!
//! It relies on rustls for what a certificate and a key are, and for whether the two belong together.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::{CertificateError, RootCertStore, ServerConfig};

use crate::error::Error;
use crate::files::read_small_file;

/// A certificate with the chain that leads to its issuer, and its private key: what a server needs for TLS. All clones are the
/// same one, and change together.
///
/// ```no_run
/// use chat_lib::server::{Listener, TlsIdentity};
/// use chat_lib::{Chat, Error, Server};
///
/// let identity = TlsIdentity::from_files("fullchain.pem", "privkey.pem")?;
/// let listener = Listener::tls(([0, 0, 0, 0], 8890).into(), identity.clone());
/// let server = Server::builder(Chat::memory()).listen(listener).bind()?;
/// // Later, when the certificate was renewed:
/// identity.reload()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct TlsIdentity {
    shared: Arc<Shared>,
}

struct Shared {
    /// The certificate's file and the key's, if it came from files.
    files: Mutex<Option<(PathBuf, PathBuf)>>,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    expires: SystemTime,
}

impl TlsIdentity {
    /// Reads PEM files: the server's certificate followed by those that lead to its issuer, and the private key, not
    /// encrypted. Both may be in one file. Each must be a regular file of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`Error::BadCertificate`] if a file cannot be read or has nothing of its kind, or if the two do not belong together.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        let (certificate, key) = (certificate.into(), key.into());
        let current = read_files(&certificate, &key)?;
        Ok(Self::new(Some((certificate, key)), current))
    }

    /// The same from the contents of such files.
    ///
    /// # Errors
    ///
    /// [`Error::BadCertificate`] if there is nothing of its kind in one of them, or if the two do not belong together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        Ok(Self::new(None, Current::from_pem(certificate, key)?))
    }

    fn new(files: Option<(PathBuf, PathBuf)>, current: Current) -> Self {
        Self { shared: Arc::new(Shared { files: Mutex::new(files), current: RwLock::new(current) }) }
    }

    /// Reads the files again. Connections that are accepted from then on get what is in them; the others go on. If it came
    /// [from memory](Self::from_pem), nothing happens; [`replace`](Self::replace) is for that.
    ///
    /// # Errors
    ///
    /// Those of [`from_files`](Self::from_files); then the old certificate and key stay in use.
    pub fn reload(&self) -> Result<(), Error> {
        if let Some((certificate, key)) = &*self.files() {
            self.set(read_files(certificate, key)?);
        }
        Ok(())
    }

    /// Reads other files, as [`reload`](Self::reload) does from then on.
    ///
    /// # Errors
    ///
    /// Those of [`from_files`](Self::from_files); then the old certificate, key and files stay in use.
    pub fn reload_from(&self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<(), Error> {
        let (certificate, key) = (certificate.into(), key.into());
        let mut files = self.files();
        self.set(read_files(&certificate, &key)?);
        *files = Some((certificate, key));
        Ok(())
    }

    /// Replaces certificate and key, as [`reload`](Self::reload) does from files.
    ///
    /// # Errors
    ///
    /// Those of [`from_pem`](Self::from_pem); then the old certificate and key stay in use.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), Error> {
        self.set(Current::from_pem(certificate, key)?);
        Ok(())
    }

    /// When the server's certificate expires, or has expired: clients refuse it from then on.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).expires
    }

    /// What a new connection needs.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    fn files(&self) -> MutexGuard<'_, Option<(PathBuf, PathBuf)>> {
        self.shared.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, new: Current) {
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

/// Clones are equal.
impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for TlsIdentity {}

/// Without certificate and key.
impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("files", &*self.files()).finish_non_exhaustive()
    }
}

impl Current {
    fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = certificates(certificate).map_err(|problem| bad(format!("the certificate {problem}")))?;
        let key = private_key(key).map_err(|problem| bad(format!("the key {problem}")))?;
        Self::new(chain, key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, Error> {
        let expires = chain
            .first()
            .and_then(expires)
            .ok_or_else(|| bad("it is no certificate that TLS has a use for".to_owned()))?;
        let config = config(chain, key).map_err(|problem| match problem {
            rustls::Error::InconsistentKeys(_) => bad("the key does not match the certificate".to_owned()),
            rustls::Error::General(_) => {
                bad(format!("the key is damaged, or of a kind that is not supported; {KINDS} are"))
            }
            problem => bad(problem.to_string()),
        })?;
        Ok(Self { config: Arc::new(config), expires })
    }
}

fn read_files(certificate: &PathBuf, key: &PathBuf) -> Result<Current, Error> {
    let read = |path: &PathBuf| read_small_file(path).map_err(|problem| bad(format!("{}: {problem}", path.display())));
    let in_file = |path: &PathBuf, problem: &str| bad(format!("{} {problem}", path.display()));
    let chain = certificates(&read(certificate)?).map_err(|problem| in_file(certificate, problem))?;
    let private_key = private_key(&read(key)?).map_err(|problem| in_file(key, problem))?;
    Current::new(chain, private_key)
}

/// The certificates in a PEM text, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if chain.is_empty() => Err("has no certificate in it; it has to be PEM"),
        Ok(chain) => Ok(chain),
        // What is wrong may be a part of a key that stands in the same file.
        Err(_) => Err("is damaged PEM"),
    }
}

/// The first private key in a PEM text.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    use rustls::pki_types::pem::Error::NoItemsFound;
    PrivateKeyDer::from_pem_slice(pem).map_err(|problem| match problem {
        NoItemsFound => "has no private key in it; it has to be PEM, and not encrypted",
        // So is an encrypted key in the older form, which has lines of its own.
        _ => "is damaged PEM, or encrypted",
    })
}

/// The keys that ring can sign with.
const KINDS: &str = "RSA, ECDSA with P-256 or P-384, and Ed25519";

fn bad(problem: String) -> Error {
    Error::BadCertificate { problem }
}

/// TLS 1.2 and 1.3. Sessions are resumed by tickets, so that the server holds nothing for them. Their keys end with the
/// configuration: nobody resumes a session with a certificate that was replaced.
fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config =
        builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    config.ticketer = ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// When a certificate expires; `None` if it is none. Nothing tells but a verifier that is asked at a time when any
/// certificate has expired.
fn expires(certificate: &CertificateDer<'static>) -> Option<SystemTime> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX));
    match verifier.verify_server_cert(certificate, &[], &name, &[], end_of_time) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(not_after.as_secs()))
        }
        _ => None,
    }
}
