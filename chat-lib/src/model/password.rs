//! Passwords as they are stored, and what hashing one costs. How it is done is in the two files beside.

#[cfg(feature = "passwords")]
mod argon2id;
#[cfg(not(feature = "passwords"))]
#[path = "password/none.rs"]
mod argon2id;

use std::fmt;

use self::argon2id::composed;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::limits::{PASSWORD_BYTES, PASSWORD_WORK};

/// A password as it is kept: hashed with Argon2id. `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash(
    // They may be many, and all in memory.
    Box<Kept>,
);

#[derive(Clone, Eq, PartialEq)]
enum Kept {
    /// As they are made here.
    Own { cost: PasswordCost, salt: [u8; SALT_BYTES], hash: [u8; HASH_BYTES] },
    /// Of another length, or with parameters that are not used here.
    Other { cost: PasswordCost, phc: Box<str> },
}

impl PasswordHash {
    /// Hashes `password`. Takes tens of milliseconds at the default cost.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPassword`] if it is empty, longer than 1,024 bytes, or holds white space (a
    /// request's words are separated by it); [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// cannot, or if the feature `passwords` is not enabled.
    pub fn new(password: &str, cost: PasswordCost, entropy: &dyn Entropy) -> Result<Self, Error> {
        if Self::is_too_long(password) || password.is_empty() || password.contains(char::is_whitespace) {
            return Err(Error::InvalidPassword);
        }
        let password = &*composed(password);
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt)?;
        Self::from_phc(&argon2id::hash(password, cost, &salt)?)
    }

    /// Hashes a `password` that everybody knows, at the lowest cost that Argon2 has.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_public_password(password: &str, entropy: &dyn Entropy) -> Result<Self, Error> {
        Self::new(password, PasswordCost { memory_kib: 8, passes: 1, lanes: 1 }, entropy)
    }

    /// The hash as a PHC string, as a store keeps it.
    pub fn to_phc(&self) -> String {
        match &*self.0 {
            Kept::Own { cost, salt, hash } => argon2id::phc(*cost, salt, hash),
            Kept::Other { phc, .. } => phc.to_string(),
        }
    }

    /// Takes a PHC string of Argon2 for a hash.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if it is none.
    pub fn from_phc(phc: &str) -> Result<Self, Error> {
        let cost = argon2id::cost(phc)?;
        let own = argon2id::salt_and_hash(phc).filter(|(salt, hash)| argon2id::phc(cost, salt, hash) == phc);
        Ok(Self(Box::new(match own {
            Some((salt, hash)) => Kept::Own { cost, salt, hash },
            None => Kept::Other { cost, phc: phc.into() },
        })))
    }

    /// Whether it cost less than `cost`, and should be made anew. A public password's hash should not.
    pub(crate) fn is_cheaper_than(&self, cost: PasswordCost) -> bool {
        !self.is_quick() && self.cost().work() < cost.work()
    }

    /// Checks `password` against no hash at all, in the time that it takes to check one of `cost`.
    pub(crate) fn matches_none(password: &str, cost: PasswordCost) -> Result<(), Error> {
        argon2id::waste(if Self::is_too_long(password) { "" } else { password }, cost)
    }

    /// Whether a password is longer than any that has a hash.
    pub(crate) fn is_too_long(password: &str) -> bool {
        // Composing makes nothing shorter than a third.
        password.len() > 4 * PASSWORD_BYTES || composed(password).len() > PASSWORD_BYTES
    }

    /// Whether [`matches`](Self::matches) takes microseconds, as for a public password.
    pub(crate) fn is_quick(&self) -> bool {
        self.cost().work() <= QUICK_COST
    }

    fn cost(&self) -> PasswordCost {
        match *self.0 {
            Kept::Own { cost, .. } | Kept::Other { cost, .. } => cost,
        }
    }

    /// Whether `password` is the one. Takes as long as hashing did.
    ///
    /// # Errors
    ///
    /// [`Error::Hashing`] if the machine cannot tell, or if the feature `passwords` is not enabled.
    pub fn matches(&self, password: &str) -> Result<bool, Error> {
        if Self::is_too_long(password) {
            return Ok(false);
        }
        argon2id::verify(&composed(password), &self.to_phc())
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
        argon2id::check(cost).map(|()| cost)
    }

    /// KiB of memory.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// How often the memory is passed over.
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// In how many lanes.
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    /// KiB of memory times passes.
    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }
}

impl Default for PasswordCost {
    /// What OWASP asks for: 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// Of the hashes that are made here.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

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

    /// The seals of rows, and other programs, go by the text.
    #[test]
    fn the_text_stays_as_it_was() {
        let made = PasswordHash::of_public_password("surabaya", &OsEntropy).unwrap();
        assert!(matches!(*made.0, Kept::Own { .. }));
        let text = made.to_phc();
        assert!(text.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{text}");
        for (phc, is_own) in [
            (&*text, true),
            ("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI", true),
            ("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEB$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI", false),
            (
                "$argon2id$v=16$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
                false,
            ),
            ("$argon2id$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI", false),
            ("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAg", false),
        ] {
            let hash = PasswordHash::from_phc(phc).unwrap();
            assert_eq!(hash.to_phc(), phc);
            assert_eq!(matches!(*hash.0, Kept::Own { .. }), is_own, "{phc}");
        }
    }

    #[test]
    fn a_hash_takes_little() {
        assert!(size_of::<Kept>() <= 64 && size_of::<Option<PasswordHash>>() == 8);
    }

    #[test]
    fn what_no_request_could_carry_is_no_password() {
        for bad in ["", "two words", "tab\t", "line\n", "\u{a0}", &"x".repeat(PASSWORD_BYTES + 1)] {
            assert!(matches!(PasswordHash::of_public_password(bad, &OsEntropy), Err(Error::InvalidPassword)));
        }
        assert!(PasswordHash::of_public_password(&"x".repeat(PASSWORD_BYTES), &OsEntropy).is_ok());
    }
}
