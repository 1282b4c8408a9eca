//! A login of protocol 1 over TLS, for what an idle connection costs the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::options::Options;

/// What a server must show: the certificate in the file `trusted`, or one that it has signed.
pub fn config(trusted: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).with_context(|| format!("reading {}", trusted.display()))?)?;
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// The socket of a connection that is logged in. What TLS has agreed on is forgotten: nothing more will be said.
pub fn login(options: &Options, config: &Arc<ClientConfig>, user: &str) -> Result<TcpStream> {
    let name = ServerName::from(options.addr.ip());
    let socket = TcpStream::connect(options.addr).context("connecting")?;
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(config), name)?, socket);
    write!(stream, "auth {user} {}\r\n", options.password)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut part = [0; 512];
        match stream.read(&mut part)? {
            0 => bail!("the server closed the connection"),
            count => answer.extend_from_slice(&part[..count]),
        }
    }
    if !answer.starts_with(b"{\"status\": \"OK\"") {
        bail!("auth answered by {}", String::from_utf8_lossy(&answer));
    }
    Ok(stream.sock)
}
