use std::sync::Arc;

use crate::error::Error;
use crate::model::Account;

/// A login whose password is still to be checked. That can take tens of milliseconds and needs
/// nothing of the chat, so it can be done on another thread.
pub(crate) struct Login {
    account: Arc<Account>,
    password: String,
}

impl Login {
    pub(super) fn new(account: Arc<Account>, password: &str) -> Self {
        Self { account, password: password.to_owned() }
    }

    /// Whether checking takes no longer than other commands do.
    pub(crate) fn is_quick(&self) -> bool {
        self.account.password.is_quick()
    }

    pub(crate) fn check(self) -> CheckedLogin {
        let verdict = match self.account.password.matches(&self.password) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::WrongPassword),
            Err(error) => Err(error),
        };
        CheckedLogin { account: self.account, verdict }
    }

    /// The login without a check, because there are too many to be checked.
    pub(crate) fn turn_away(self) -> CheckedLogin {
        CheckedLogin { account: self.account, verdict: Err(Error::Busy) }
    }
}

/// What became of a [`Login`]; no session is open yet.
pub(crate) struct CheckedLogin {
    pub(super) account: Arc<Account>,
    pub(super) verdict: Result<(), Error>,
}
