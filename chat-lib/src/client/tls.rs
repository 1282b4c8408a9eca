//! Whom a client trusts. A server proves with its certificate that it is the one that the address names; rustls checks that.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::error::Error;
use crate::files::read_small_file;

/// The authorities whose certificates count. Clones share them, and the sessions that can be resumed.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    /// Those of the system are read when they are needed first.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
    /// Whether the caller has named them.
    pub(super) is_chosen: bool,
}

impl Trust {
    /// Trusts the certificates in a PEM file alone.
    pub(crate) fn in_file(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let pem = read_small_file(path)
            .map_err(|problem| Error::Io(std::io::Error::new(problem.kind(), format!("{shown}: {problem}"))))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let damaged =
                |problem: &dyn fmt::Display| Error::Tls(format!("{shown} has a damaged certificate: {problem}"));
            let certificate = certificate.map_err(|problem| damaged(&problem))?;
            roots.add(certificate).map_err(|problem| damaged(&problem))?;
        }
        if roots.is_empty() {
            return Err(Error::Tls(format!("there is no certificate in {shown}; it has to be a PEM file")));
        }
        Ok(Self { config: Arc::new(OnceLock::from(Arc::new(config(roots)?))), is_chosen: true })
    }

    /// The client's side of a TLS connection to a host.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Tls(format!("{host:?} is not a name that a certificate can be for")))?;
        Ok(ClientConnection::new(self.config()?, name)?)
    }

    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let found = Arc::new(config(system_roots()?)?);
        Ok(Arc::clone(self.config.get_or_init(|| found)))
    }
}

/// The authorities that the system trusts. One whose certificate cannot be read is not worth refusing the others.
fn system_roots() -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    match roots.is_empty() {
        false => Ok(roots),
        true => Err(Error::Tls(
            "the system has no certificates of authorities to check the server's with; install them (on Debian, the package \
             ca-certificates), or name a CA file"
                .to_owned(),
        )),
    }
}

fn config(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}
