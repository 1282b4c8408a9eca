use std::sync::Arc;

use super::{PasswordHash, UserName};
use crate::error::Error;
use crate::limits::{COUNTRY_BYTES, FULL_NAME_BYTES};

/// A user as the server knows them.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who it is; shared with the messages that they send.
    pub profile: Arc<Profile>,
    /// What the user's logins are checked against; without it, nobody can log in.
    pub password: Option<PasswordHash>,
}

/// What others may see of a user.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Profile {
    user: UserName,
    full_name: String,
    country: String,
}

impl Profile {
    /// Puts a profile together.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFullName`] if `full_name` is empty, longer than 256 bytes or has control
    /// characters; [`Error::InvalidCountry`] if `country` is longer than 128 bytes or has them.
    pub fn new(user: UserName, full_name: &str, country: &str) -> Result<Self, Error> {
        if full_name.is_empty() || full_name.len() > FULL_NAME_BYTES || full_name.contains(char::is_control) {
            return Err(Error::InvalidFullName);
        }
        if country.len() > COUNTRY_BYTES || country.contains(char::is_control) {
            return Err(Error::InvalidCountry);
        }
        Ok(Self { user, full_name: full_name.to_owned(), country: country.to_owned() })
    }

    /// The name that the user logs in with and is written to under.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// The name that others are shown.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// Where the user is from; may be empty.
    pub fn country(&self) -> &str {
        &self.country
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_and_countries_at_their_edges() {
        let profile =
            |full_name: &str, country: &str| Profile::new(UserName::parse("messi").unwrap(), full_name, country);
        let (longest_name, longest_country) = ("n".repeat(FULL_NAME_BYTES), "c".repeat(COUNTRY_BYTES));
        assert!(profile("Lionel Messi", "").is_ok());
        assert!(profile(&longest_name, &longest_country).is_ok());
        for bad in ["", "a\nb", &format!("{longest_name}n")] {
            assert!(matches!(profile(bad, ""), Err(Error::InvalidFullName)));
        }
        for bad in ["a\u{7f}", &format!("{longest_country}c")] {
            assert!(matches!(profile("x", bad), Err(Error::InvalidCountry)));
        }
    }
}
