use std::borrow::Cow;
use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::entropy::Entropy;
use crate::error::Error;
use crate::limits::{PASSWORD_BYTES, PASSWORD_WORK};

/// A password as it is kept: hashed with Argon2id. `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash(Box<phc::PasswordHash>);

impl PasswordHash {
    /// Hashes `password`. Takes tens of milliseconds at the default cost.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPassword`] if it is empty, longer than 1,024 bytes, or holds white space (a
    /// request's words are parted by it); [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// cannot.
    pub fn new(password: &str, cost: PasswordCost, entropy: &dyn Entropy) -> Result<Self, Error> {
        Self::hash(password, cost.params()?, entropy)
    }

    /// Hashes a `password` that everybody knows, at the lowest cost that Argon2 has.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_public_password(password: &str, entropy: &dyn Entropy) -> Result<Self, Error> {
        let cheapest = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None);
        Self::hash(password, cheapest.map_err(|problem| Error::Hashing(problem.to_string()))?, entropy)
    }

    /// The hash as a PHC string, as a store keeps it.
    pub fn to_phc(&self) -> String {
        self.0.to_string()
    }

    /// Takes a PHC string of Argon2 for a hash.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if it is none.
    pub fn from_phc(phc: &str) -> Result<Self, Error> {
        let hash = phc::PasswordHash::new(phc).map_err(|problem| Error::Hashing(problem.to_string()))?;
        let cost = Params::try_from(&hash).map_err(|problem| Error::Hashing(problem.to_string()))?;
        PasswordCost::new(cost.m_cost(), cost.t_cost(), cost.p_cost())?;
        let argon2id = hash.algorithm.as_str() == Algorithm::Argon2id.as_str();
        if !argon2id || hash.salt.is_none() || hash.hash.is_none() {
            return Err(Error::Hashing("it is no Argon2id hash with a salt".to_owned()));
        }
        Ok(Self(Box::new(hash)))
    }

    /// Whether it cost less than `cost`, and should be made anew. A public password's hash should not.
    pub(crate) fn is_cheaper_than(&self, cost: PasswordCost) -> bool {
        !self.is_quick() && self.work() < u64::from(cost.memory_kib) * u64::from(cost.passes)
    }

    /// KiB of memory times passes.
    fn work(&self) -> u64 {
        Params::try_from(&*self.0).map_or(0, |cost| u64::from(cost.m_cost()) * u64::from(cost.t_cost()))
    }

    /// Checks `password` against no hash at all, in the time that it takes to check one of `cost`.
    pub(crate) fn matches_none(password: &str, cost: PasswordCost) -> Result<(), Error> {
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?);
        let password = &*composed(password);
        let password = password.get(..PASSWORD_BYTES).unwrap_or(password);
        let hashed = hasher.hash_password_into(password.as_bytes(), &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN]);
        hashed.map_err(|problem| Error::Hashing(problem.to_string()))
    }

    /// Whether a password is longer than any that has a hash.
    pub(crate) fn is_too_long(password: &str) -> bool {
        composed(password).len() > PASSWORD_BYTES
    }

    /// Whether [`matches`](Self::matches) takes microseconds, as for a public password.
    pub(crate) fn is_quick(&self) -> bool {
        self.work() <= QUICK_COST
    }

    /// Whether `password` is the one. Takes as long as hashing did.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if the machine cannot tell.
    pub fn matches(&self, password: &str) -> Result<bool, Error> {
        let password = &*composed(password);
        if password.len() > PASSWORD_BYTES {
            return Ok(false);
        }
        match Argon2::default().verify_password(password.as_bytes(), &*self.0) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(problem) => Err(Error::Hashing(problem.to_string())),
        }
    }

    fn hash(password: &str, cost: Params, entropy: &dyn Entropy) -> Result<Self, Error> {
        let password = &*composed(password);
        if password.is_empty() || password.len() > PASSWORD_BYTES || password.contains(char::is_whitespace) {
            return Err(Error::InvalidPassword);
        }
        let mut salt = [0; 16];
        entropy.fill(&mut salt)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| Self(Box::new(hash)))
            .map_err(|problem| Error::Hashing(problem.to_string()))
    }
}

/// A password as it is hashed: in Unicode's normalization form C, as PRECIS's OpaqueString (RFC 8265) has it. Of an é, one
/// keyboard makes one character, and another one two.
fn composed(password: &str) -> Cow<'_, str> {
    match is_nfc_quick(password.chars()) {
        IsNormalized::Yes => Cow::Borrowed(password),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(password.nfc().collect()),
    }
}

/// What hashing a password costs: Argon2id's parameters.
///
/// ```
/// use chat_lib::model::PasswordCost;
///
/// assert!(PasswordCost::new(64 * 1024, 3, 1).is_ok());
/// assert!(PasswordCost::new(0, 3, 1).is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PasswordCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PasswordCost {
    /// Memory in KiB, how often it is passed over, and in how many lanes.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if Argon2 does not work so, or if memory times passes is more than
    /// [`PASSWORD_WORK`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        if u64::from(memory_kib) * u64::from(passes) > PASSWORD_WORK {
            return Err(Error::Hashing(format!("more than {PASSWORD_WORK} KiB times passes are too many")));
        }
        let cost = Self { memory_kib, passes, lanes };
        cost.params().map(|_| cost)
    }

    fn params(self) -> Result<Params, Error> {
        Params::new(self.memory_kib, self.passes, self.lanes, None)
            .map_err(|problem| Error::Hashing(problem.to_string()))
    }
}

impl Default for PasswordCost {
    /// What OWASP asks for: 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// In KiB times passes: about 10 µs.
const QUICK_COST: u64 = 8;

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn only_the_password_matches() {
        for hash in [
            PasswordHash::new("surabaya", PasswordCost::default(), &OsEntropy),
            PasswordHash::of_public_password("surabaya", &OsEntropy),
        ] {
            let hash = hash.unwrap();
            assert!(hash.matches("surabaya").unwrap());
            for wrong in ["", "Surabaya", "surabaya ", &"x".repeat(100_000)] {
                assert!(!hash.matches(wrong).unwrap());
            }
            assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        }
    }

    /// A password that was set on one machine was wrong on another, whose keyboard makes two characters of an é.
    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        for (set, typed) in [("caf\u{e9}", "cafe\u{301}"), ("cafe\u{301}", "caf\u{e9}"), ("\u{212b}", "\u{c5}")] {
            assert!(PasswordHash::of_public_password(set, &OsEntropy).unwrap().matches(typed).unwrap());
        }
        assert!(!PasswordHash::of_public_password("cafe", &OsEntropy).unwrap().matches("caf\u{e9}").unwrap());
        let (longest, typed) = ("\u{e9}".repeat(PASSWORD_BYTES / 2), "e\u{301}".repeat(PASSWORD_BYTES / 2));
        assert!(PasswordHash::of_public_password(&longest, &OsEntropy).unwrap().matches(&typed).unwrap());
    }

    #[test]
    fn what_no_request_could_carry_is_no_password() {
        for bad in ["", "two words", "tab\t", "line\n", "\u{a0}", &"x".repeat(PASSWORD_BYTES + 1)] {
            assert!(matches!(PasswordHash::of_public_password(bad, &OsEntropy), Err(Error::InvalidPassword)));
        }
        assert!(PasswordHash::of_public_password(&"x".repeat(PASSWORD_BYTES), &OsEntropy).is_ok());
    }
}
