//! Hashing with Argon2id.

use std::borrow::Cow;

use argon2::password_hash::phc::{self, Output, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{HASH_BYTES, PasswordCost, SALT_BYTES};
use crate::error::Error;

/// The PHC string of a password.
pub(super) fn hash(password: &str, cost: PasswordCost, salt: &[u8]) -> Result<String, Error> {
    let hashed = hasher(cost)?.hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(failed)
}

/// Whether the password is that of the PHC string.
pub(super) fn verify(password: &str, phc: &str) -> Result<bool, Error> {
    let hash = phc::PasswordHash::new(phc).map_err(failed)?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(problem) => Err(failed(problem)),
    }
}

/// The PHC string with these parts.
pub(super) fn phc(cost: PasswordCost, salt: &[u8; SALT_BYTES], hash: &[u8; HASH_BYTES]) -> String {
    let PasswordCost { memory_kib, passes, lanes } = cost;
    let parts = Salt::new(salt).and_then(|salt| Ok((salt, Output::new(hash)?)));
    // Their lengths are such as these two can have.
    parts.map_or_else(
        |_| String::new(),
        |(salt, hash)| format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"),
    )
}

/// The salt and the hash of a PHC string, if they are as long as those that are made here.
pub(super) fn salt_and_hash(phc: &str) -> Option<([u8; SALT_BYTES], [u8; HASH_BYTES])> {
    let hash = phc::PasswordHash::new(phc).ok()?;
    Some(((*hash.salt?).try_into().ok()?, hash.hash?.as_bytes().try_into().ok()?))
}

/// Hashes a password to nothing.
pub(super) fn waste(password: &str, cost: PasswordCost) -> Result<(), Error> {
    let hashed = hasher(cost)?.hash_password_into(password.as_bytes(), &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN]);
    hashed.map_err(failed)
}

/// What it cost to make a PHC string, if it is one of Argon2id with a salt.
pub(super) fn cost(phc: &str) -> Result<PasswordCost, Error> {
    let hash = phc::PasswordHash::new(phc).map_err(failed)?;
    let params = Params::try_from(&hash).map_err(failed)?;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.salt.is_none() || hash.hash.is_none() {
        return Err(Error::Hashing("it is no Argon2id hash with a salt".to_owned()));
    }
    PasswordCost::new(params.m_cost(), params.t_cost(), params.p_cost())
}

/// Whether Argon2 can work at that cost.
pub(super) fn check(cost: PasswordCost) -> Result<(), Error> {
    params(cost).map(drop)
}

/// A password as it is hashed: in Unicode's normalization form C, as PRECIS's OpaqueString (RFC 8265) has it. Of an é, one keyboard makes
/// one character, and another one two.
pub(super) fn composed(password: &str) -> Cow<'_, str> {
    match is_nfc_quick(password.chars()) {
        IsNormalized::Yes => Cow::Borrowed(password),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(password.nfc().collect()),
    }
}

fn hasher(cost: PasswordCost) -> Result<Argon2<'static>, Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params(cost)?))
}

fn params(cost: PasswordCost) -> Result<Params, Error> {
    Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(failed)
}

fn failed(problem: impl std::fmt::Display) -> Error {
    Error::Hashing(problem.to_string())
}
