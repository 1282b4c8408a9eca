//! Encrypted connections whose both ends know the secret.
//!
//! Whoever is in between could hold a TLS session with either side, since any certificate will do. But the two sessions would not have the same
//! keys: each side proves the secret together with a value that TLS derives from the session's keys (RFC 8446, 7.5), the
//! direction, and both servers' numbers. Such a proof is worth nothing in another session, and nothing to send back.
//!
//! The side that connects sends `MAGIC`, its number, the number of the server that it wants, and its proof. The other answers with its own, or closes
//! the connection.

use std::io;
use std::sync::Arc;

use chat_lib::server::ServerId;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::secret::{LinkSecret, PROOF_BYTES};

/// Makes connections for one server.
pub(super) struct Channels {
    own: ServerId,
    secret: LinkSecret,
    connector: TlsConnector,
    acceptor: TlsAcceptor,
}

impl Channels {
    pub(super) fn new(own: ServerId, secret: LinkSecret) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let provider = Arc::new(ring::default_provider());
        let versions = [&rustls::version::TLS13];
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(Arc::clone(&provider))))
            .with_no_client_auth();
        client.enable_sni = false;
        client.resumption = Resumption::disabled();
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.into()], key)?;
        server.send_tls13_tickets = 0;
        Ok(Self {
            own,
            secret,
            connector: TlsConnector::from(Arc::new(client)),
            acceptor: TlsAcceptor::from(Arc::new(server)),
        })
    }

    pub(super) fn own(&self) -> ServerId {
        self.own
    }

    /// Connects to the server `to`, and makes sure that it is one of ours.
    pub(super) async fn connect(&self, to: ServerId, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let mut stream = self.connect_tls(stream).await?;
        let keys = stream.get_ref().1.export_keying_material([0; KEYS_BYTES], LABEL, None).map_err(io::Error::other)?;
        let parts = |direction| [direction, keys.as_slice(), self.own.as_bytes(), to.as_bytes()];
        let mut hello = Vec::with_capacity(MAGIC.len() + 2 * ID_BYTES + PROOF_BYTES);
        hello.extend_from_slice(MAGIC);
        hello.extend_from_slice(self.own.as_bytes());
        hello.extend_from_slice(to.as_bytes());
        hello.extend_from_slice(&self.secret.proof(&parts(CONNECTS)));
        stream.write_all(&hello).await?;
        stream.flush().await?;
        let mut proof = [0; PROOF_BYTES];
        stream.read_exact(&mut proof).await.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                refused("it does not accept this server: another secret, or it has been restarted")
            }
            _ => error,
        })?;
        if !self.secret.proves(&parts(ACCEPTS), &proof) {
            return Err(refused("it does not know the secret"));
        }
        Ok(stream)
    }

    /// Makes sure that the other side is one of ours, and who it is.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(ServerId, server::TlsStream<TcpStream>)> {
        let mut stream = self.accept_tls(stream).await?;
        let keys = stream.get_ref().1.export_keying_material([0; KEYS_BYTES], LABEL, None).map_err(io::Error::other)?;
        let (mut magic, mut from, mut to) = ([0; MAGIC.len()], [0; ID_BYTES], [0; ID_BYTES]);
        let mut proof = [0; PROOF_BYTES];
        stream.read_exact(&mut magic).await?;
        if magic != *MAGIC {
            return Err(refused("it is no server of the same version"));
        }
        stream.read_exact(&mut from).await?;
        stream.read_exact(&mut to).await?;
        stream.read_exact(&mut proof).await?;
        let parts = |direction| [direction, keys.as_slice(), from.as_slice(), to.as_slice()];
        if !self.secret.proves(&parts(CONNECTS), &proof) {
            return Err(refused("it does not know the secret"));
        }
        if to != *self.own.as_bytes() {
            return Err(refused("it wants another server, such as this one before it was restarted"));
        }
        stream.write_all(&self.secret.proof(&parts(ACCEPTS))).await?;
        stream.flush().await?;
        Ok((ServerId::from_bytes(from), stream))
    }

    /// Connects to anybody.
    pub(super) async fn connect_tls(&self, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        stream.set_nodelay(true)?;
        self.connector.connect(ServerName::try_from(NAME).map_err(io::Error::other)?, stream).await
    }

    /// Accepts anybody.
    pub(super) async fn accept_tls(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        stream.set_nodelay(true)?;
        self.acceptor.accept(stream).await
    }
}

fn refused(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

/// Takes any certificate. Its owner must have the key to it, as ever, but who it is the secret tells.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not used".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The last digit is the version of all that is sent over a link.
const MAGIC: &[u8; 8] = b"chatlnk1";

/// For both sides, since nobody looks at names.
const NAME: &str = "chat-cluster";

const LABEL: &[u8] = b"EXPORTER-chat-cluster-link";
const KEYS_BYTES: usize = 32;
const ID_BYTES: usize = 16;

/// The directions of proofs, of the same length.
const CONNECTS: &[u8] = b"connects";
const ACCEPTS: &[u8] = b"accepts ";
