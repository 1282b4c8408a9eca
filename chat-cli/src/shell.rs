//! The commands of the first client: a typed line in, what that client printed out.

use std::fmt;

use chat_lib::model::SessionToken;
use chat_lib::protocol::line::reply::{messages_object, user_list};
use chat_lib::{Client, Error, Session, printable};

use crate::link::{Link, Trouble};
use crate::trace::Traced;

pub(crate) const HELP: &str = "\
auth USER [PASSWORD]                  log in; a password that is left out is asked for
register USER [PASSWORD FULL NAME]    make an account and log in, if the server allows it;
                                      what is left out is asked for, and so is the code of
                                      an invitation if the server wants one
send USER TEXT                        send a message
inbox                                 take out all unread messages
activeuser                            name everyone who is logged in
logout                                log out
help                                  this list
quit                                  leave; so does the end of input";

/// Asks for what a command leaves out.
pub(crate) trait Ask {
    /// The password of an account. A person sees `prompt`.
    fn password(&mut self, prompt: &str) -> Result<String, Failure>;

    /// A password that an account is to have. A person sees `prompt`, and is asked twice.
    fn new_password(&mut self, prompt: &str) -> Result<String, Failure>;

    /// The full name of an account that is to be made.
    fn full_name(&mut self) -> Result<String, Failure>;

    /// The code of an invitation.
    fn invitation(&mut self) -> Result<String, Failure>;
}

/// A client with at most one session.
pub(crate) struct Shell {
    pub(crate) link: Link,
    /// User name and token.
    session: Option<(String, SessionToken)>,
}

impl Shell {
    /// A client that uses `link` when it first has to.
    pub(crate) fn new(link: Link) -> Self {
        Self { link, session: None }
    }

    /// Connects, if it never has. Before, nothing is refused that needs no server to be refused.
    pub(crate) fn reach(&mut self) -> Result<(), Failure> {
        Ok(self.link.reach()?)
    }

    /// The user and the token of the session, if there is one.
    pub(crate) fn session(&self) -> Option<(&str, SessionToken)> {
        self.session.as_ref().map(|(user, token)| (user.as_str(), *token))
    }

    /// Goes on without the session, which has ended.
    pub(crate) fn forget_session(&mut self) {
        self.session = None;
    }

    pub(crate) fn prompt(&self) -> String {
        format!("Command {}:", self.session.as_ref().map(|(_, token)| token.to_string()).unwrap_or_default())
    }

    /// Does what `line` says; gives what is to be printed, without a line end. `None` stands for a line that is not
    /// text.
    pub(crate) fn execute(&mut self, line: Option<&str>, ask: &mut dyn Ask) -> Result<String, Failure> {
        let (name, rest) = line.map_or(("", ""), |line| line.split_once(' ').unwrap_or((line, "")));
        if name.trim() == "help" {
            return Ok(HELP.to_owned());
        }
        self.reach()?;
        match name.trim() {
            "auth" => self.auth(rest.trim(), ask),
            "register" => self.register(rest.trim(), ask),
            "send" => self.send(rest),
            "inbox" => Ok(messages_object(&self.with_session(Session::inbox)?)),
            "activeuser" => {
                let users = self.with_session(Session::active_users)?;
                Ok(format!("Active User: \"{}\"", user_list(&users)))
            }
            "logout" => {
                self.with_session(Session::logout)?;
                self.session = None;
                Ok("Logout success!".to_owned())
            }
            _ => Err(Failure::bad_command()),
        }
    }

    fn auth(&mut self, rest: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
        let mut words = rest.split(' ');
        let user = words.next().filter(|user| !user.is_empty()).ok_or_else(Failure::bad_command)?;
        let password = match words.next() {
            Some(password) => password.trim().to_owned(),
            None => ask.password("Password: ")?,
        };
        let session = self.request(|client| client.login(user, &password))?;
        Ok(self.logged_in(&session))
    }

    fn register(&mut self, rest: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
        let mut words = rest.splitn(3, ' ');
        let user = words.next().filter(|user| !user.is_empty()).ok_or_else(Failure::bad_command)?;
        let password = match words.next() {
            Some(password) => password.trim().to_owned(),
            None => ask.new_password("Password: ")?,
        };
        let full_name = match words.next() {
            Some(full_name) => full_name.trim().to_owned(),
            None => ask.full_name()?,
        };
        let register = |shell: &mut Self, code: Option<&str>| {
            shell.request(|client| client.register(user, &password, &full_name, code))
        };
        let session = match register(self, None) {
            Err(Failure::Refused(Error::InvitationRequired)) => register(self, Some(ask.invitation()?.trim()))?,
            outcome => outcome?,
        };
        Ok(self.logged_in(&session))
    }

    fn logged_in(&mut self, session: &Session) -> String {
        let (user, token) = (session.user(), session.token());
        self.session = Some((user.to_owned(), token));
        format!("username {} logged in, token {token}", printable(user))
    }

    fn send(&mut self, rest: &str) -> Result<String, Failure> {
        let (to, text) = rest.split_once(' ').filter(|(to, _)| !to.is_empty()).ok_or_else(Failure::bad_command)?;
        self.with_session(|session| session.send(to, text))?;
        Ok(format!("message sent to {}", printable(to)))
    }

    fn with_session<T>(&mut self, ask: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, Failure> {
        if self.session.is_none() {
            return Err(Failure::Misused("not authorized".to_owned()));
        }
        Ok(self.ask(ask)?)
    }

    /// Makes a request of the session.
    pub(crate) fn ask<T>(&mut self, ask: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, Trouble> {
        let (user, token) = self.session.clone().ok_or(Trouble::Refused(Error::NoSuchSession))?;
        self.link.request(|client| ask(&client.session_of(&user, token)))
    }

    fn request<T>(&mut self, ask: impl FnOnce(&Client<Traced>) -> Result<T, Error>) -> Result<T, Failure> {
        Ok(self.link.request(ask)?)
    }
}

/// Why a command did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server has refused it.
    Refused(Error),
    /// It was refused before it was sent.
    Misused(String),
    /// The server is out of reach; whether the command was done is not known.
    Lost(String),
}

impl Failure {
    pub(crate) fn bad_command() -> Self {
        Self::Refused(Error::BadCommand)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(error) => Self::Refused(error),
            Trouble::Lost(problem) => Self::Lost(problem),
        }
    }
}

/// As the first client says it: the `M` of `Error, M`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.message().fmt(f),
            Self::Misused(problem) | Self::Lost(problem) => f.write_str(problem),
        }
    }
}
