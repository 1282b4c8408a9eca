use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::entropy::Entropy;
use crate::error::Error;
use crate::limits::PASSWORD_BYTES;

/// A password as it is kept: hashed with Argon2id. `Debug` does not show it.
#[derive(Clone)]
pub struct PasswordHash(phc::PasswordHash);

impl PasswordHash {
    /// Hashes `password` at the cost that OWASP asks for: 19 MiB, 2 passes. Takes tens of
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPassword`] if it is empty, longer than 1,024 bytes, or holds white space (a
    /// request's words are parted by it); [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// cannot.
    pub fn new(password: &str, entropy: &dyn Entropy) -> Result<Self, Error> {
        Self::hash(password, Params::DEFAULT, entropy)
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

    /// Whether [`matches`](Self::matches) takes microseconds, as for a public password.
    pub(crate) fn is_quick(&self) -> bool {
        Params::try_from(&self.0).is_ok_and(|cost| cost.m_cost() * cost.t_cost() <= QUICK_COST)
    }

    /// Whether `password` is the one. Takes as long as hashing did.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if the machine cannot tell.
    pub fn matches(&self, password: &str) -> Result<bool, Error> {
        if password.len() > PASSWORD_BYTES {
            return Ok(false);
        }
        match Argon2::default().verify_password(password.as_bytes(), &self.0) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(problem) => Err(Error::Hashing(problem.to_string())),
        }
    }

    fn hash(password: &str, cost: Params, entropy: &dyn Entropy) -> Result<Self, Error> {
        if password.is_empty() || password.len() > PASSWORD_BYTES || password.contains(char::is_whitespace) {
            return Err(Error::InvalidPassword);
        }
        let mut salt = [0; 16];
        entropy.fill(&mut salt)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(Self)
            .map_err(|problem| Error::Hashing(problem.to_string()))
    }
}

/// In KiB times passes: about 10 µs.
const QUICK_COST: u32 = 8;

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
        for hash in
            [PasswordHash::new("surabaya", &OsEntropy), PasswordHash::of_public_password("surabaya", &OsEntropy)]
        {
            let hash = hash.unwrap();
            assert!(hash.matches("surabaya").unwrap());
            for wrong in ["", "Surabaya", "surabaya ", &"x".repeat(100_000)] {
                assert!(!hash.matches(wrong).unwrap());
            }
            assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        }
    }

    #[test]
    fn what_no_request_could_carry_is_no_password() {
        for bad in ["", "two words", "tab\t", "line\n", "\u{a0}", &"x".repeat(PASSWORD_BYTES + 1)] {
            assert!(matches!(PasswordHash::of_public_password(bad, &OsEntropy), Err(Error::InvalidPassword)));
        }
        assert!(PasswordHash::of_public_password(&"x".repeat(PASSWORD_BYTES), &OsEntropy).is_ok());
    }
}
