//! Certificates for tests: an authority of our own, and what it signs.

use std::fs;
use std::path::PathBuf;

use chat_lib::server::TlsIdentity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// An authority whose certificate is in a file, beside those that it has signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, directory: TempDir::new().unwrap() };
        fs::write(authority.path("ca.pem"), authority.issuer.pem()).unwrap();
        authority
    }

    /// A file in the authority's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The PEM texts of a certificate and its key.
    pub(crate) fn pair(&self, names: &[&str]) -> (String, String) {
        self.sign(params(names))
    }

    /// The same, expired long ago.
    pub(crate) fn expired_pair(&self, names: &[&str]) -> (String, String) {
        let mut params = params(names);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    /// The PEM texts of a certificate with anything in it, and its key.
    pub(crate) fn sign(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Writes a pair to files, in place of those that are there, and returns their paths.
    pub(crate) fn write(&self, (certificate, key): &(String, String)) -> (PathBuf, PathBuf) {
        let paths = (self.path("cert.pem"), self.path("key.pem"));
        fs::write(&paths.0, certificate).unwrap();
        fs::write(&paths.1, key).unwrap();
        paths
    }

    /// An identity for `localhost`, from files.
    pub(crate) fn identity(&self) -> TlsIdentity {
        let (certificate, key) = self.write(&self.pair(&["localhost"]));
        TlsIdentity::from_files(certificate, key).unwrap()
    }
}

/// A certificate that nobody else has signed, and its key.
pub(crate) fn self_signed_pair() -> (String, String) {
    self_sign(params(&["localhost"]))
}

pub(crate) fn self_sign(params: CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

pub(crate) fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap()
}
