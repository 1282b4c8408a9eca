//! Other users, and the user's own account and sessions.

use std::sync::Arc;

use super::{Session, unexpected};
use crate::error::Error;
use crate::model::{Profile, UserName};
use crate::protocol::{Command, List, Reply, SessionView, UserView};

impl Session {
    /// The users of the chat in order of user name: at most `limit`, which are at most [`LIST_MAX`](crate::limits::LIST_MAX), whose
    /// names come after `after`. The empty name comes before all.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// let list = messi.users("", 2)?;
    /// assert_eq!(list.entries[0].profile.full_name(), "Jordan Henderson");
    /// let last = list.entries[1].profile.user().as_str();
    /// assert!(list.more && messi.users(last, 2)?.entries.len() == 1);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn users(&self, after: &str, limit: usize) -> Result<List<UserView>, Error> {
        let Reply::Users(list) = self.execute(Command::Users { after: after.into(), limit })? else { unexpected() };
        Ok(list)
    }

    /// Names each user with a live session once, in order of login.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn active_users(&self) -> Result<Vec<UserName>, Error> {
        let Reply::ActiveUsers(users) = self.execute(Command::ActiveUser)? else { unexpected() };
        Ok(users)
    }

    /// Takes no more direct messages from a user, and hides from them whether this user is there or types. Rooms stay as they
    /// are. Blocking a user twice is the same as once.
    ///
    /// ```
    /// use chat_lib::{Chat, Error};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (messi, lineker) = (chat.login("messi", "surabaya")?, chat.login("lineker", "surabaya")?);
    /// messi.block("lineker")?;
    /// assert!(matches!(lineker.send("messi", "halo"), Err(Error::Blocked)));
    /// messi.unblock("lineker")?;
    /// lineker.send("messi", "halo")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; or as for every method.
    pub fn block(&self, user: &str) -> Result<(), Error> {
        self.perform(Command::Block { user: user.into() })
    }

    /// Takes direct messages from a user again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; or as for every method.
    pub fn unblock(&self, user: &str) -> Result<(), Error> {
        self.perform(Command::Unblock { user: user.into() })
    }

    /// The users whom this user has [blocked](Self::block), in order of user name.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn blocks(&self) -> Result<Vec<Arc<Profile>>, Error> {
        let Reply::Blocks(users) = self.execute(Command::Blocks)? else { unexpected() };
        Ok(users)
    }

    /// Changes the user's full name, country or both; `None` leaves one as it is. Messages keep the name under which they were
    /// sent.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// chat.login("messi", "surabaya")?.set_profile(Some("Leo Messi"), None)?;
    /// assert!(chat.users()?.iter().any(|user| user.profile.full_name() == "Leo Messi"));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFullName`] or [`Error::InvalidCountry`]; or as for every method.
    pub fn set_profile(&self, full_name: Option<&str>, country: Option<&str>) -> Result<(), Error> {
        let (full_name, country) = (full_name.map(Into::into), country.map(Into::into));
        self.perform(Command::SetProfile { full_name, country })
    }

    /// Changes the user's password, and ends the user's other sessions. Takes tens of milliseconds, because passwords are checked
    /// and hashed.
    ///
    /// ```
    /// use chat_lib::{Chat, Error};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// assert!(matches!(messi.set_password("jakarta", "secret"), Err(Error::WrongPassword)));
    /// messi.set_password("surabaya", "secret")?;
    /// chat.login("messi", "secret")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongPassword`], also where users have no passwords in the chat, because the program that contains it checks
    /// logins; [`Error::InvalidPassword`]; [`Error::TooManyAttempts`]; [`Error::Busy`] if too many passwords wait to be checked, or
    /// it was changed meanwhile; or as for every method.
    pub fn set_password(&self, old: &str, new: &str) -> Result<(), Error> {
        self.perform(Command::SetPassword { old: old.into(), new: new.into() })
    }

    /// The user's live sessions, in order of login.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (lost, messi) = (chat.login("messi", "surabaya")?, chat.login("messi", "surabaya")?);
    /// for session in messi.sessions()? {
    ///     if !session.current {
    ///         messi.end_session(&session.session)?;
    ///     }
    /// }
    /// assert_eq!(lost.inbox().unwrap_err().code(), "no_such_session");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn sessions(&self) -> Result<Vec<SessionView>, Error> {
        let Reply::Sessions(sessions) = self.execute(Command::Sessions)? else { unexpected() };
        Ok(sessions)
    }

    /// Ends a session of the user's, by what [`sessions`](Self::sessions) calls it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`] if the user has no such session; or as for every method.
    pub fn end_session(&self, session: &str) -> Result<(), Error> {
        self.perform(Command::EndSession { session: session.into() })
    }

    /// Ends this session, and no other of the user's.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn logout(&self) -> Result<(), Error> {
        self.perform(Command::Logout)
    }
}
