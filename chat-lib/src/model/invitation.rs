//! Who may register, and invitations: codes that let one person each do so, and the digests that stores know them by.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hex;

/// Who may create an account with `register`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Registration {
    /// Nobody.
    #[default]
    Closed,
    /// Anyone who can connect.
    Open,
    /// Whoever has an [invitation](crate::Chat::invite).
    Invite,
}

/// What somebody registers with where registration needs an invitation: 128 random bits, displayed as 32 hexadecimal digits.
/// Anyone who has it can use it, so `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct InvitationCode(u128);

impl InvitationCode {
    /// A new code.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] when `entropy` has nothing to give.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// What a store knows the invitation by.
    pub fn id(&self) -> InvitationId {
        InvitationId(Sha256::digest(self.0.to_be_bytes()).into())
    }

    /// Reads a code. People copy it by hand, so its digits may be upper or lower case.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInvitation`] for what cannot be one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // The standard library would take a sign, too.
        let is_code = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_code);
        number.map(Self).ok_or(Error::NoSuchInvitation)
    }
}

impl fmt::Display for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.0, width = DIGITS)
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationCode(…)")
    }
}

/// Names an invitation without being of use to register: the SHA-256 of its code, displayed in hexadecimal. A store keeps
/// this and never the code, so a copied database lets nobody in.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InvitationId([u8; 32]);

impl InvitationId {
    /// The 32 bytes that a store keeps.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What [`as_bytes`](Self::as_bytes) gave.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInvitation`] for what cannot be one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        hex::parse(text).map(Self).ok_or(Error::NoSuchInvitation)
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationId({self})")
    }
}

/// An invitation that was not used yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Invitation {
    /// The digest of its code. The code itself is kept nowhere.
    pub id: InvitationId,
    /// When it was created.
    pub created: Timestamp,
    /// When it ends unless it is used before.
    pub expires: Timestamp,
}

impl Invitation {
    /// An invitation that is valid from `created` until `expires`.
    pub fn new(id: InvitationId, created: Timestamp, expires: Timestamp) -> Self {
        Self { id, created, expires }
    }
}

/// The length of a code in hexadecimal digits.
const DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn a_code_reads_back_in_either_case() {
        let code = InvitationCode::random(&OsEntropy).unwrap();
        let text = code.to_string();
        assert_eq!(text.len(), DIGITS);
        assert_eq!(InvitationCode::parse(&text).unwrap().id(), code.id());
        assert_eq!(InvitationCode::parse(&text.to_uppercase()).unwrap().id(), code.id());
        assert_ne!(InvitationCode::random(&OsEntropy).unwrap().id(), code.id());
        assert_eq!(format!("{code:?}"), "InvitationCode(…)");
        let short = text.get(1..).unwrap();
        for bad in ["", "0", short, &format!("{text}0"), &format!("+{short}"), &"é".repeat(16)] {
            assert!(matches!(InvitationCode::parse(bad), Err(Error::NoSuchInvitation)), "{bad}");
        }
        assert_eq!(InvitationCode::parse(&format!("{:032x}", 7)).unwrap().to_string(), format!("{:032x}", 7));
    }

    /// `printf 609107b09f494d748195f66446cd56e5 | xxd -r -p | sha256sum`
    #[test]
    fn an_id_is_the_digest_of_the_code() {
        let id = InvitationCode::parse("609107b09f494d748195f66446cd56e5").unwrap().id();
        let text = "e0b0c559210742b3b8efdd8b63aa2ea9721829ae0fbb6185c2bea8a977df83ad";
        assert_eq!(id.to_string(), text);
        assert_eq!((InvitationId::from_bytes(*id.as_bytes()), InvitationId::parse(text).unwrap()), (id, id));
        for bad in ["", "e0", text.get(1..).unwrap(), &format!("{text}00"), &text.replace('e', "g"), &"é".repeat(32)] {
            assert!(matches!(InvitationId::parse(bad), Err(Error::NoSuchInvitation)), "{bad}");
        }
    }
}
