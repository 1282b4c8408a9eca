//! A connection whose passwords are checked elsewhere, for a server that must not wait for them.

use std::fmt;

use super::Connection;
use crate::engine::{CheckedCredentials, Credentials};
use crate::limits::LINES_PER_TURN;
use crate::outbox::Outbox;

impl Connection {
    /// As [`receive`](Self::receive), but stops where a password has to be checked that takes long, and returns it
    /// as a [`Login`]; hand in nothing more until it is [finished](Self::finish_login). Answers
    /// [`LINES_PER_TURN`] lines at most, so that others can have their turn: hand in the rest then.
    ///
    /// ```
    /// use chat_lib::{Chat, Connection, NewUser, Outbox};
    ///
    /// let chat = Chat::memory();
    /// chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "Brasil" })?;
    /// let mut out = Outbox::new(&chat);
    /// let mut connection = Connection::new(chat);
    /// let received = b"auth ana secret\r\nhalo\r\n";
    ///
    /// let step = connection.step(received, &mut out);
    /// let login = step.login.expect("a password takes long to check");
    /// assert_eq!(&received[step.taken..], b"halo\r\n");
    /// // Anywhere, and on any thread:
    /// let checked = login.check();
    /// connection.finish_login(checked, &mut out);
    /// assert!(out.output().starts_with(b"{\"status\": \"OK\", \"tokenid\": "));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    pub fn step(&mut self, bytes: &[u8], out: &mut Outbox) -> Step {
        let (mut rest, mut lines) = (bytes, LINES_PER_TURN);
        let chat = self.chat.clone();
        let group = chat.begin();
        let credentials = self.advance(&mut rest, &mut lines, out);
        self.settle(chat.commit(group), out);
        out.account();
        Step { taken: bytes.len() - rest.len(), login: credentials.map(Login) }
    }

    /// Appends the answer to the command that a [`step`](Self::step) stopped at.
    pub fn finish_login(&mut self, checked: CheckedLogin, out: &mut Outbox) {
        let chat = self.chat.clone();
        let group = chat.begin();
        self.finish(checked.0, out);
        self.settle(chat.commit(group), out);
        out.account();
    }
}

/// What became of a [`step`](Connection::step).
#[derive(Debug)]
#[must_use = "bytes that were not taken must be handed in again, and a login finished"]
pub struct Step {
    /// How many of the bytes were taken.
    pub taken: usize,
    /// The login or registration that it stopped at.
    pub login: Option<Login>,
}

/// A password that came with a command. Checking or hashing it takes tens of milliseconds, and can be done on
/// another thread.
#[must_use = "its connection waits for it"]
pub struct Login(Credentials);

impl Login {
    /// Checks or hashes the password.
    pub fn check(self) -> CheckedLogin {
        CheckedLogin(self.0.check())
    }

    /// Refuses it with `busy`, unchecked, because too many wait
    /// ([`LOGINS_WAITING`](crate::limits::LOGINS_WAITING)).
    pub fn refuse_busy(self) -> CheckedLogin {
        CheckedLogin(self.0.turn_away())
    }
}

/// Keeps the password out.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// A [`Login`] after its check. Nothing is done with it yet.
#[must_use = "its connection waits for it"]
pub struct CheckedLogin(CheckedCredentials);

impl fmt::Debug for CheckedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedLogin").finish_non_exhaustive()
    }
}
