//! In place of hashing, without the feature `passwords`: hashes that are there are kept, and nobody can log in with one.

use std::borrow::Cow;

use super::{HASH_BYTES, PasswordCost, SALT_BYTES};
use crate::error::Error;

pub(super) fn hash(_password: &str, _cost: PasswordCost, _salt: &[u8]) -> Result<String, Error> {
    Err(missing())
}

pub(super) fn verify(_password: &str, _phc: &str) -> Result<bool, Error> {
    Err(missing())
}

/// Never asked for, because no string has the parts.
pub(super) fn phc(_cost: PasswordCost, _salt: &[u8; SALT_BYTES], _hash: &[u8; HASH_BYTES]) -> String {
    String::new()
}

pub(super) fn salt_and_hash(_phc: &str) -> Option<([u8; SALT_BYTES], [u8; HASH_BYTES])> {
    None
}

pub(super) fn waste(_password: &str, _cost: PasswordCost) -> Result<(), Error> {
    Err(missing())
}

/// Some cost: it is never paid.
pub(super) fn cost(phc: &str) -> Result<PasswordCost, Error> {
    match phc.starts_with("$argon2id$") {
        true => Ok(PasswordCost::default()),
        false => Err(Error::Hashing("it is no Argon2id hash with a salt".to_owned())),
    }
}

pub(super) fn check(_cost: PasswordCost) -> Result<(), Error> {
    Ok(())
}

pub(super) fn composed(password: &str) -> Cow<'_, str> {
    Cow::Borrowed(password)
}

fn missing() -> Error {
    Error::Hashing("this program's chat-lib was built without the feature \"passwords\"".to_owned())
}
