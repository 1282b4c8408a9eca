//! The five commands as calls, for a program that is not a byte stream.

use super::Chat;
use crate::error::Error;
use crate::model::{Inbox, SessionToken, UserName};
use crate::protocol::{Command, Reply};

/// The same calls that a [`Client`](crate::Client) has. Each can fail as [`execute`](Chat::execute) says.
///
/// ```
/// use chat_lib::Chat;
///
/// let chat = Chat::memory();
/// chat.add_demo_users()?;
/// let messi = chat.login("messi", "surabaya")?;
/// chat.send(&messi, "messi", "a note to myself")?;
/// let inbox = chat.inbox(&messi)?;
/// assert_eq!(inbox.iter().next().unwrap().body(), "a note to myself");
/// chat.logout(&messi)?;
/// assert_eq!(chat.inbox(&messi).unwrap_err().code(), "no_such_session");
/// # Ok::<(), chat_lib::Error>(())
/// ```
impl Chat {
    /// Logs in, which opens a session. Takes tens of milliseconds, for the password is checked.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::WrongPassword`] or [`Error::TooManyAttempts`].
    pub fn login(&self, user: &str, password: &str) -> Result<SessionToken, Error> {
        match self.execute(&Command::Auth { user, password })? {
            Reply::LoggedIn(token) => Ok(token),
            _ => unreachable!("a login gives a token"),
        }
    }

    /// Makes an account and opens its first session, if the chat takes registrations. Takes tens of
    /// milliseconds, because the password is hashed.
    ///
    /// # Errors
    ///
    /// [`Error::RegistrationClosed`], [`Error::UserExists`], [`Error::InvalidUserName`],
    /// [`Error::InvalidPassword`], [`Error::InvalidFullName`] or [`Error::TooManyAttempts`].
    pub fn register(&self, user: &str, password: &str, full_name: &str) -> Result<SessionToken, Error> {
        match self.execute(&Command::Register { user, password, full_name })? {
            Reply::Registered(token) => Ok(token),
            _ => unreachable!("a registration gives a token"),
        }
    }

    /// Puts a message into the mailbox of `to`, as if the line with it had come from a client: it reads
    /// back with a space in front and a line end behind, which
    /// [`Message::body`](crate::model::Message::body) takes off.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`], [`Error::NoSuchRecipient`] or [`Error::MailboxFull`];
    /// [`Error::LineTooLong`] if `text` is longer than a line may be.
    pub fn send(&self, token: &SessionToken, to: &str, text: &str) -> Result<(), Error> {
        let limit = self.limits().line_bytes;
        if text.len() > limit {
            return Err(Error::LineTooLong { limit });
        }
        self.execute(&Command::Send { token: *token, to, text: &format!(" {text}\r\n") }).map(drop)
    }

    /// Takes all unread messages out: nobody will get them again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`].
    pub fn inbox(&self, token: &SessionToken) -> Result<Inbox, Error> {
        match self.execute(&Command::Inbox { token: *token })? {
            Reply::Inbox(inbox) => Ok(inbox),
            _ => unreachable!("an inbox gives messages"),
        }
    }

    /// Names each user with a live session once, in order of login.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`].
    pub fn active_users(&self, token: &SessionToken) -> Result<Vec<UserName>, Error> {
        match self.execute(&Command::ActiveUser { token: *token })? {
            Reply::ActiveUsers(users) => Ok(users),
            _ => unreachable!("it gives users"),
        }
    }

    /// Ends the session.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`].
    pub fn logout(&self, token: &SessionToken) -> Result<(), Error> {
        self.execute(&Command::Logout { token: *token }).map(drop)
    }
}
