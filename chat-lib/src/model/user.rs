//! User names: the one rule that they follow.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;
use crate::limits::USER_NAME_CHARS;

/// The name of an account, unique and compared byte by byte. Clones share one allocation.
///
/// The rule is in `docs/protocol.md`, "Names": 1 to 32 ASCII letters, digits, `.`, `_` and `-`, the
/// first one a letter or digit.
///
/// ```
/// use chat_lib::Error;
/// use chat_lib::model::UserName;
///
/// assert_eq!(UserName::parse("messi")?.as_str(), "messi");
/// assert!(matches!(UserName::parse("lionel messi"), Err(Error::InvalidUserName)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Takes `name` for a user name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUserName`] if it breaks the rule.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        match name.as_bytes() {
            [first, ..]
                if first.is_ascii_alphanumeric() && name.len() <= USER_NAME_CHARS && name.bytes().all(plain) =>
            {
                Ok(Self(name.into()))
            }
            _ => Err(Error::InvalidUserName),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = Error;

    /// As [`parse`](Self::parse).
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

impl AsRef<str> for UserName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_at_its_edges() {
        let longest = "a".repeat(USER_NAME_CHARS);
        for good in ["a", "0", "a.b_c-d", "Messi10", &longest] {
            assert_eq!(UserName::parse(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(USER_NAME_CHARS + 1);
        for bad in ["", ".a", "-a", "_a", "a b", "a,b", "a\n", "é", "a\0", &too_long] {
            assert!(matches!(UserName::parse(bad), Err(Error::InvalidUserName)), "{bad:?}");
        }
    }
}
