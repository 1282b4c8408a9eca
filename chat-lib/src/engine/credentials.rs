use std::sync::Arc;

use super::{Chat, Config};
use crate::error::Error;
use crate::model::{Account, PasswordHash, Profile};

/// A name and a password that came with a command, the password still to be checked or hashed. That
/// takes tens of milliseconds, and can be done on another thread.
pub(crate) struct Credentials {
    pub(super) config: Arc<Config>,
    pub(super) whose: Whose,
    pub(super) password: String,
}

/// Whose password it is.
pub(super) enum Whose {
    /// Of the user of this account, as they say.
    Account(Arc<Account>),
    /// Of nobody: no account has that name.
    Nobody,
    /// Of a user who is to have an account.
    Newcomer(Arc<Profile>),
}

impl Credentials {
    /// Whether checking takes no longer than other commands do.
    pub(crate) fn is_quick(&self) -> bool {
        match &self.whose {
            Whose::Account(account) => account.password.as_ref().is_some_and(PasswordHash::is_quick),
            Whose::Nobody | Whose::Newcomer(_) => false,
        }
    }

    pub(crate) fn check(self) -> CheckedCredentials {
        let verdict = self.verdict();
        CheckedCredentials { whose: self.whose, verdict }
    }

    /// They are not looked at, because there are too many.
    pub(crate) fn turn_away(self) -> CheckedCredentials {
        CheckedCredentials { whose: self.whose, verdict: Err(Error::Busy) }
    }

    fn verdict(&self) -> Result<Option<PasswordHash>, Error> {
        let Config { password_cost: cost, entropy, .. } = &*self.config;
        let hash = || PasswordHash::new(&self.password, *cost, &**entropy);
        let hashed = match &self.whose {
            Whose::Newcomer(_) => return hash().map(Some),
            Whose::Account(account) => account.password.as_ref(),
            Whose::Nobody => None,
        };
        match (hashed, &self.whose) {
            (Some(hashed), _) if !hashed.matches(&self.password)? => {
                // A refusal takes as long for a user that there is as for one that there is not.
                if hashed.is_cheaper_than(*cost) || PasswordHash::is_too_long(&self.password) {
                    PasswordHash::matches_none(&self.password, *cost)?;
                }
                Err(Error::WrongPassword)
            }
            (Some(hashed), _) if hashed.is_cheaper_than(*cost) => hash().map(Some),
            (Some(_), _) => Ok(None),
            (None, whose) => {
                PasswordHash::matches_none(&self.password, *cost)?;
                Err(if matches!(whose, Whose::Nobody) { Error::NoSuchUser } else { Error::WrongPassword })
            }
        }
    }
}

impl Chat {
    pub(super) fn credentials(&self, whose: Whose, password: &str) -> Credentials {
        Credentials { config: Arc::clone(&self.config), whose, password: password.to_owned() }
    }
}

/// What became of [`Credentials`]; nothing is done with them yet.
pub(crate) struct CheckedCredentials {
    pub(super) whose: Whose,
    /// A hash that is to be kept, if there is one.
    pub(super) verdict: Result<Option<PasswordHash>, Error>,
}
