//! What those do with accounts who may do anything: the program that contains the chat, its operator.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Chat;
use crate::error::Error;
use crate::model::{Account, Inbox, PasswordHash, Profile, SessionId, SessionToken, UserName};

/// A user to be added. The rules for each field are in `docs/protocol.md`, "Names".
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// The name to log in with.
    pub name: &'a str,
    /// The password; only a hash of it is kept.
    pub password: &'a str,
    /// The name that others are shown.
    pub full_name: &'a str,
    /// Where the user is from; may be empty.
    pub country: &'a str,
}

impl Chat {
    /// Adds a user with an empty mailbox. Takes tens of milliseconds, for the password is hashed.
    ///
    /// # Errors
    ///
    /// [`Error::UserExists`] if the name is taken; [`Error::InvalidUserName`],
    /// [`Error::InvalidPassword`], [`Error::InvalidFullName`] or [`Error::InvalidCountry`] if a field
    /// breaks its rule; [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// fails.
    pub fn add_user(&self, user: NewUser<'_>) -> Result<(), Error> {
        let profile = user.profile()?;
        self.add(profile, self.hash(user.password)?)
    }

    /// Adds the three users that the protocol's first description logs in: `messi`, `henderson` and
    /// `lineker`. Their password is public, and hashed at the lowest cost: never on a network. Existing
    /// users are left unchanged.
    ///
    /// # Errors
    ///
    /// As [`add_user`](Self::add_user).
    pub fn add_demo_users(&self) -> Result<(), Error> {
        for (name, full_name, country) in DEMO_USERS {
            let user = NewUser { name, password: "surabaya", full_name, country };
            let password = PasswordHash::of_public_password(user.password, &*self.config.entropy)?;
            match self.add(user.profile()?, password) {
                Err(Error::UserExists) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// All users, in order of user name.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn users(&self) -> Result<Vec<Arc<Profile>>, Error> {
        let accounts = self.durably(|| self.config.store.accounts())?;
        Ok(accounts.iter().map(|account| Arc::clone(&account.profile)).collect())
    }

    /// All live sessions with their users, in order of login. Their tokens are kept nowhere; a token's session is
    /// found by its [`id`](SessionToken::id).
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn sessions(&self) -> Result<Vec<(SessionId, Arc<Profile>)>, Error> {
        self.durably(|| self.config.store.sessions(self.config.clock.now()))
    }

    /// Whose session that is, which looking does not prolong; `None` if it is not live.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn session(&self, token: &SessionToken) -> Result<Option<Arc<Profile>>, Error> {
        let now = self.config.clock.now();
        self.durably(|| self.config.store.use_session(&token.id(), now, now))
    }

    /// Takes all unread messages out of a user's mailbox, without a session. Without such a user, there are
    /// none.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn inbox_of(&self, user: &str) -> Result<Inbox, Error> {
        let taken = self.durably(|| self.config.store.take_unread(user, usize::MAX))?;
        Ok(taken.unwrap_or_default().inbox)
    }

    /// Users that [`add_demo_users`](Self::add_demo_users) has added and whose password is still the
    /// public one: they must not be on a network.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn users_with_public_password(&self) -> Result<Vec<UserName>, Error> {
        let accounts = self.durably(|| self.config.store.accounts())?;
        let public = accounts.iter().filter(|account| account.password.as_ref().is_some_and(PasswordHash::is_quick));
        Ok(public.map(|account| account.profile.user().clone()).collect())
    }

    /// Whether a server may listen there: users that were added for a demonstration stay in the data, and must
    /// not come onto a network later. Whoever has a server of their own asks first.
    ///
    /// # Errors
    ///
    /// [`Error::PublicPassword`] if the address is not loopback and a user has a public password;
    /// [`Error::Storage`] if the machine fails.
    pub fn may_listen(&self, address: SocketAddr) -> Result<(), Error> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        match self.users_with_public_password()?.into_iter().next() {
            Some(user) => Err(Error::PublicPassword { user, address }),
            None => Ok(()),
        }
    }

    /// Reads all that is kept, and compares what can be compared. Others may go on using the chat.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`], with the reason as its source, if something is damaged or cannot be read.
    pub fn check(&self) -> Result<(), Error> {
        self.config.store.check()
    }

    /// Makes the next start quick, as dropping the last handle to the chat does: for a process that ends while
    /// other threads still have one. Others may go on using the chat.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn tidy(&self) -> Result<(), Error> {
        self.config.store.tidy()
    }

    /// Gives a user another password, ends the user's sessions, so that whoever knew the old one is out, and forgets
    /// failed logins.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::InvalidPassword`], or as the machine fails.
    pub fn set_password(&self, user: &str, password: &str) -> Result<(), Error> {
        let hash = self.hash(password)?;
        self.durably(|| {
            self.change(user, |account| Ok(Account { password: Some(hash.clone()), ..account.clone() }))?;
            self.config.store.close_sessions(user)
        })?;
        self.throttle.clear(user);
        Ok(())
    }

    /// Changes a user's full name or country, or both. Messages that were sent before keep the name that
    /// they were sent under.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::InvalidFullName`], [`Error::InvalidCountry`], or as the machine
    /// fails.
    pub fn edit_user(&self, user: &str, full_name: Option<&str>, country: Option<&str>) -> Result<(), Error> {
        self.durably(|| {
            self.change(user, |account| {
                let profile = Arc::new(account.profile.edited(full_name, country)?);
                Ok(Account { profile, ..account.clone() })
            })
        })
    }

    /// Removes a user, with sessions and mailbox. What the user has sent to others stays.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], or as the machine fails.
    pub fn remove_user(&self, user: &str) -> Result<(), Error> {
        match self.durably(|| self.config.store.remove_account(user))? {
            true => {
                self.throttle.remove(user);
                Ok(())
            }
            false => Err(Error::NoSuchUser),
        }
    }

    pub(super) fn add(&self, profile: Profile, password: PasswordHash) -> Result<(), Error> {
        let account = Account { profile: Arc::new(profile), password: Some(password) };
        match self.durably(|| self.config.store.add_account(account))? {
            true => Ok(()),
            false => Err(Error::UserExists),
        }
    }

    fn hash(&self, password: &str) -> Result<PasswordHash, Error> {
        PasswordHash::new(password, self.config.password_cost, &*self.config.entropy)
    }

    /// Replaces an account; once more if somebody else was quicker.
    fn change(&self, user: &str, new: impl Fn(&Account) -> Result<Account, Error>) -> Result<(), Error> {
        loop {
            let old = self.config.store.account(user)?.ok_or(Error::NoSuchUser)?;
            if self.config.store.replace_account(&old, new(&old)?)? {
                return Ok(());
            }
        }
    }
}

impl NewUser<'_> {
    fn profile(&self) -> Result<Profile, Error> {
        Profile::new(UserName::parse(self.name)?, self.full_name, self.country)
    }
}

/// Shows everything but the password.
impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, full_name, country, password: _ } = self;
        write!(f, "NewUser {{ name: {name:?}, full_name: {full_name:?}, country: {country:?}, .. }}")
    }
}

const DEMO_USERS: [(&str, &str, &str); 3] = [
    ("messi", "Lionel Messi", "Argentina"),
    ("henderson", "Jordan Henderson", "Inggris"),
    ("lineker", "Gary Lineker", "Inggris"),
];
