//! What a failure of TLS means to somebody who wants to connect, and what to do about it.

use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::Error;

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(sentence(&error))
    }
}

fn sentence(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(problem) => certificate(problem),
        TlsError::NoCertificatesPresented => "the server has shown no certificate".to_owned(),
        TlsError::InvalidMessage(_) => {
            "the other side does not speak TLS here; a server has another port for it, or none".to_owned()
        }
        TlsError::PeerIncompatible(_) | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            format!("the other side speaks no version of TLS that is safe: {error}")
        }
        TlsError::AlertReceived(_) => format!("the other side has ended the TLS connection: {error}"),
        error => format!("the TLS connection cannot be used: {error}"),
    }
}

/// What is wrong with a server's certificate.
fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "the server's certificate expired at {}; its operator has to renew it, unless this machine's clock is wrong",
            shown(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is not valid before {}; this machine's clock may be wrong",
            shown(*not_before)
        ),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let mut names: Vec<_> = presented.iter().take(NAMES_SHOWN).map(|name| bare(name)).collect();
            names.extend((presented.len() > NAMES_SHOWN).then_some("others"));
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(" and ") };
            format!(
                "the server's certificate is for {names}, not for {}; connect to a name that it is for",
                expected.to_str()
            )
        }
        // The signature is bad, or made by another kind of key, if an authority of the same name is trusted, such as an earlier one
        // of the same operator.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => "the server's certificate was issued by an authority that is not trusted here; \
             if the server has an authority of its own, name that one's certificate as the CA file"
            .to_owned(),
        // The certificate that `openssl req -x509` makes by itself.
        CertificateError::Other(reason) if reason.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is that of an authority (CA:TRUE), which no server may use; its operator needs one with \
             CA:FALSE, which may be its own issuer"
                .to_owned()
        }
        CertificateError::InvalidPurposeContext { .. } => "the server's certificate is not meant for servers".to_owned(),
        other => format!("the server's certificate cannot be accepted: {}", TlsError::InvalidCertificate(other.clone())),
    }
}

/// So many of a certificate's names are shown. Those of hosters have a hundred.
const NAMES_SHOWN: usize = 3;

/// Without what says of what kind the name is: `DnsName("chat.example.org")`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn shown(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    time.map_or_else(|| "a time far away".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}
