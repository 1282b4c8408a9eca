//! Session tokens, and the digests that stores know sessions by.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::{Uuid, Variant};

use crate::entropy::Entropy;
use crate::error::Error;

/// What opens a session: a UUID of version 4, written in lower case with hyphens. Who has it may
/// act as its user, so `Debug` does not show it and comparing two takes the same time always.
#[derive(Clone, Copy)]
pub struct SessionToken(
    // One number: sixteen bytes that nothing aligns are slow to copy and to compare, and each request of protocol 1 has them.
    u128,
);

impl SessionToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] when `entropy` has nothing to give.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid().as_u128()))
    }

    /// What a store knows the session by. Computing it takes a digest: some 100 ns.
    pub fn id(&self) -> SessionId {
        SessionId(Sha256::digest(self.0.to_be_bytes()).into())
    }

    /// Takes `text` for a token. Only the one spelling that the server gives out is one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidToken`] for everything else.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, Error> {
        let text = text.as_ref();
        // Every request has a token, and looking at all bytes takes less than stopping at one.
        let upper_case = text.iter().fold(false, |found, byte| found | byte.is_ascii_uppercase());
        if text.len() != uuid::fmt::Hyphenated::LENGTH || upper_case {
            return Err(Error::InvalidToken);
        }
        let uuid = Uuid::try_parse_ascii(text).map_err(|_| Error::InvalidToken)?;
        match (uuid.get_version_num(), uuid.get_variant()) {
            (4, Variant::RFC4122) => Ok(Self(uuid.as_u128())),
            _ => Err(Error::InvalidToken),
        }
    }
}

impl FromStr for SessionToken {
    type Err = Error;

    /// As [`parse`](Self::parse).
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl PartialEq for SessionToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionToken {}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        f.write_str(Uuid::from_u128(self.0).hyphenated().encode_lower(&mut text))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Names a session without opening it: the SHA-256 of its token, displayed in hexadecimal. A store keeps this, and
/// never the token, so that a copied database opens no session.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The 32 bytes that a store keeps.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A part of it. It is a digest, and so as good as random.
    pub(crate) fn prefix(&self) -> u64 {
        let (part, _) = self.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        u64::from_le_bytes(*part)
    }

    /// What [`as_bytes`](Self::as_bytes) gave.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::write(&self.0, f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn a_random_token_is_a_uuid_of_version_4_and_reads_back() {
        let token = SessionToken::random(&OsEntropy).unwrap();
        let text = token.to_string();
        let uuid = Uuid::parse_str(&text).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, Variant::RFC4122));
        assert_eq!(SessionToken::parse(&text).unwrap(), token);
        assert_ne!(SessionToken::random(&OsEntropy).unwrap(), token);
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }

    /// `printf 609107b09f494d748195f66446cd56e5 | xxd -r -p | sha256sum`
    #[test]
    fn an_id_is_the_digest_of_the_token() {
        let id = SessionToken::parse("609107b0-9f49-4d74-8195-f66446cd56e5").unwrap().id();
        assert_eq!(id.to_string(), "e0b0c559210742b3b8efdd8b63aa2ea9721829ae0fbb6185c2bea8a977df83ad");
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn other_spellings_open_nothing() {
        let text = "609107b0-9f49-4d74-8195-f66446cd56e5";
        assert!(SessionToken::parse(text).is_ok());
        for other in [
            "",
            "609107B0-9F49-4D74-8195-F66446CD56E5",
            "609107b09f494d748195f66446cd56e5",
            "{609107b0-9f49-4d74-8195-f66446cd56e5}",
            "609107b0-9f49-4d74-8195-f66446cd56e",
            "609107b0-9f49-4d74-8195-f66446cd56eé",
            "00000000-0000-0000-0000-000000000000",
            "609107b0-9f49-1d74-8195-f66446cd56e5",
            "609107b0-9f49-4d74-c195-f66446cd56e5",
        ] {
            assert!(matches!(SessionToken::parse(other), Err(Error::InvalidToken)), "{other}");
        }
    }
}
