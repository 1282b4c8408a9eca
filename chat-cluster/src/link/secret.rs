//! What the servers of a cluster know, and nobody else.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that the servers of a cluster share.
#[derive(Clone)]
pub struct LinkSecret(Hmac<Sha256>);

impl LinkSecret {
    /// The secret that a file has. White space around it does not count.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the secret is too short.
    pub fn read(path: &Path) -> Result<Self, LinkSecretError> {
        Self::new(fs::read(path)?.trim_ascii())
    }

    /// That secret: random bytes, at least 32.
    ///
    /// # Errors
    ///
    /// If it is too short.
    pub fn new(secret: &[u8]) -> Result<Self, LinkSecretError> {
        if secret.len() < SECRET_BYTES {
            return Err(LinkSecretError::Short);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| LinkSecretError::Short)
    }

    /// Proves that one knows it to somebody who knows it, too, and has the same `parts`, each of a fixed length.
    pub(super) fn proof(&self, parts: &[&[u8]]) -> [u8; PROOF_BYTES] {
        self.mac(parts).finalize().into_bytes().into()
    }

    /// Whether that is the proof, in a time that does not depend on how much of it is right.
    pub(super) fn proves(&self, parts: &[&[u8]], proof: &[u8; PROOF_BYTES]) -> bool {
        self.mac(parts).verify_slice(proof).is_ok()
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

/// A file that has no [`LinkSecret`].
#[derive(Debug, thiserror::Error)]
pub enum LinkSecretError {
    /// It cannot be read.
    #[error("the secret's file: {0}")]
    File(#[from] io::Error),
    /// It could be guessed.
    #[error("the secret has fewer than {SECRET_BYTES} bytes: make one with `openssl rand -hex 32`")]
    Short,
}

/// Who listens to one handshake may guess as often as they like: nothing shorter can be kept.
const SECRET_BYTES: usize = 32;

/// The bytes of a proof.
pub(super) const PROOF_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, format!("  {}\n\n", "s".repeat(31))).unwrap();
        assert!(matches!(LinkSecret::read(file.path()), Err(LinkSecretError::Short)));
        fs::write(&file, format!("  {}\n\n", "s".repeat(32))).unwrap();
        let secret = LinkSecret::read(file.path()).unwrap();
        assert_eq!(secret.proof(&[b"x"]), LinkSecret::new(&[b's'; 32]).unwrap().proof(&[b"x"]));
        assert!(!format!("{secret:?}").contains('s'));
    }

    #[test]
    fn only_the_same_parts_prove_it() {
        let secret = LinkSecret::new(&[7; 40]).unwrap();
        let proof = secret.proof(&[b"one", b"two"]);
        assert!(secret.proves(&[b"one", b"two"], &proof));
        assert!(!secret.proves(&[b"one", b"too"], &proof));
        assert!(!LinkSecret::new(&[8; 40]).unwrap().proves(&[b"one", b"two"], &proof));
    }
}
