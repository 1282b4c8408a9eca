//! Accounts, and what others may see of their users. A field that is here has passed its rule.

use std::fmt;
use std::sync::Arc;

use super::{PasswordHash, UserName};
use crate::error::Error;
use crate::limits::{COUNTRY_BYTES, FULL_NAME_BYTES};
use crate::printable::is_hidden;

/// A user as the server knows them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// The user's names, shared with the messages that they send.
    pub profile: Arc<Profile>,
    /// What the user's logins are checked against; without it, nobody can log in with a password.
    pub password: Option<PasswordHash>,
    /// Whether the user must not log in.
    pub banned: bool,
    /// The number of this version of the account. A store gives each version a number of its own when it takes it in,
    /// and replaces only the version that the caller has seen.
    pub revision: u64,
}

impl Account {
    /// A new user.
    pub fn new(profile: Arc<Profile>, password: Option<PasswordHash>) -> Self {
        Self { profile, password, banned: false, revision: 0 }
    }
}

/// What others may see of a user.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Profile {
    user: UserName,
    /// The full name, [`BETWEEN`] and the country: profiles may be many, and each allocation takes memory of its own.
    names: Box<str>,
}

impl Profile {
    /// Puts a profile together.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFullName`] or [`Error::InvalidCountry`] if `full_name` is longer than 256 bytes or `country` than
    /// 128, or if they are not such as `docs/protocol.md` has them under "Names".
    pub fn new(user: UserName, full_name: &str, country: &str) -> Result<Self, Error> {
        check_new(Some(full_name), Some(country))?;
        Self::kept(user, full_name, country)
    }

    /// The profile with another full name or country, or both. Only what is new has to meet today's rules.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(crate) fn edited(&self, full_name: Option<&str>, country: Option<&str>) -> Result<Self, Error> {
        check_new(full_name, country)?;
        let (old_name, old_country) = self.names();
        let (full_name, country) = (full_name.unwrap_or(old_name), country.unwrap_or(old_country));
        Self::kept(self.user.clone(), full_name, country)
    }

    /// Puts a profile together that was made under earlier rules, or by another server: only lengths and control
    /// characters count.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn kept(user: UserName, full_name: &str, country: &str) -> Result<Self, Error> {
        if full_name.is_empty() || full_name.len() > FULL_NAME_BYTES || full_name.contains(char::is_control) {
            return Err(Error::InvalidFullName);
        }
        if country.len() > COUNTRY_BYTES || country.contains(char::is_control) {
            return Err(Error::InvalidCountry);
        }
        Ok(Self::put_together(user, full_name, country))
    }

    /// What is left of it when the names are to be forgotten: the user name, also as the full name, and no country.
    pub(crate) fn without_names(&self) -> Self {
        Self::put_together(self.user.clone(), self.user.as_str(), "")
    }

    /// The name that the user logs in with and is written to under.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// The name that others are shown.
    pub fn full_name(&self) -> &str {
        self.names().0
    }

    /// Where the user is from; may be empty.
    pub fn country(&self) -> &str {
        self.names().1
    }

    fn put_together(user: UserName, full_name: &str, country: &str) -> Self {
        let names = [full_name, country].join(BETWEEN).into_boxed_str();
        Self { user, names }
    }

    fn names(&self) -> (&str, &str) {
        self.names.split_once(BETWEEN).unwrap_or((&self.names, ""))
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((full_name, country), user) = (self.names(), &self.user);
        f.debug_struct("Profile").field("user", user).field("full_name", &full_name).field("country", &country).finish()
    }
}

/// A control character, which no name has.
const BETWEEN: &str = "\0";

/// Checks the fields that are given, but for their lengths, which [`Profile::kept`] checks.
fn check_new(full_name: Option<&str>, country: Option<&str>) -> Result<(), Error> {
    if full_name.is_some_and(|name| !is_presentable(name)) {
        return Err(Error::InvalidFullName);
    }
    if country.is_some_and(|country| !country.is_empty() && !is_presentable(country)) {
        return Err(Error::InvalidCountry);
    }
    Ok(())
}

/// Whether a text is what it looks like: it begins and ends with something visible, and nothing in it is invisible or
/// changes the direction of text. Joiners and variation selectors are part of scripts and emoji, between what they join.
pub(super) fn is_presentable(text: &str) -> bool {
    let is_joiner = |c: char| matches!(c, '\u{200c}' | '\u{200d}') || is_variation_selector(c);
    let is_visible = |c: char| !c.is_whitespace() && !is_hidden(c) && !is_joiner(c);
    // An emoji may end with a selector; behind a letter, one would be an invisible difference.
    let body = text.strip_suffix(is_variation_selector).filter(|body| !body.ends_with(char::is_alphanumeric));
    let body = body.unwrap_or(text);
    let (mut before, mut joiners) = (' ', 0);
    for c in body.chars() {
        if is_hidden(c) {
            return false;
        }
        if is_joiner(c) {
            joiners += 1;
            continue;
        }
        // Emoji have a selector and a joiner in a row.
        if joiners > 2 || joiners > 0 && (before.is_whitespace() || c.is_whitespace()) {
            return false;
        }
        (before, joiners) = (c, 0);
    }
    body.starts_with(is_visible) && body.ends_with(is_visible)
}

/// Unicode's property of that name: Mongolian has selectors of its own.
fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
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
        // People could have names that nobody could tell from others', or that turned the text around them.
        for bad in [
            " ",
            "\u{3000}",
            " Ana",
            "Ana ",
            "Ana\u{a0}",
            "\u{202e}anA",
            "A\u{200b}na",
            "\u{3164}",
            "\u{feff}Ana",
            "\u{200d}",
            "Ana\u{200d}",
            "\u{200c}Ana",
            "A \u{200d}na",
            "A\u{200d} na",
            "Ana\u{fe0f}",
            "Ana\u{180b}",
            "\u{180f}Ana",
            "\u{fe0f}",
            "A\u{200d}\u{200d}\u{200d}na",
            "A\u{2066}na",
            "A\u{e0041}na",
        ] {
            assert!(matches!(profile(bad, ""), Err(Error::InvalidFullName)), "{bad:?}");
            assert!(matches!(profile("x", bad), Err(Error::InvalidCountry)), "{bad:?}");
        }
        for good in [
            "Ana Lima",
            "O'Neil-Smith, Jr.",
            "王小明",
            "نیما می\u{200c}خواهم",
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "Ana ❤\u{fe0f}",
            "山田\u{3000}太郎",
            "葛\u{e0100}城",
        ] {
            assert!(profile(good, good).is_ok(), "{good:?}");
        }
        for bad in ["a\u{7f}", &format!("{longest_country}c")] {
            assert!(matches!(profile("x", bad), Err(Error::InvalidCountry)));
        }
    }

    /// A user whose name was given under older rules could be given no other country.
    #[test]
    fn an_edit_checks_only_what_is_new() {
        let old = Profile::kept(UserName::parse("ana").unwrap(), " Ana", "").unwrap();
        let edited = old.edited(None, Some("Brasil")).unwrap();
        assert_eq!((edited.full_name(), edited.country()), (" Ana", "Brasil"));
        assert!(matches!(old.edited(Some(" Ana"), None), Err(Error::InvalidFullName)));
        assert!(matches!(old.edited(None, Some(" Brasil")), Err(Error::InvalidCountry)));
    }
}
