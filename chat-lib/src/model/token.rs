use std::fmt;
use std::hash::{Hash, Hasher};

use subtle::ConstantTimeEq;
use uuid::{Uuid, Variant};

use crate::entropy::Entropy;
use crate::error::Error;

/// What opens a session: a UUID of version 4, written in lower case with hyphens. Who has it may
/// act as its user, so `Debug` does not show it and comparing two takes the same time always.
#[derive(Clone, Copy)]
pub struct SessionToken([u8; 16]);

impl SessionToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] when `entropy` has nothing to give.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()))
    }

    /// The 16 bytes that a store keeps.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// What [`as_bytes`](Self::as_bytes) gave.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
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
            (4, Variant::RFC4122) => Ok(Self(uuid.into_bytes())),
            _ => Err(Error::InvalidToken),
        }
    }
}

impl PartialEq for SessionToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionToken {}

impl Hash for SessionToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        f.write_str(Uuid::from_bytes(self.0).hyphenated().encode_lower(&mut text))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
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
