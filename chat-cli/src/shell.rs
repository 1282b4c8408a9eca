//! The commands of the client: a typed line in, what to print out.

use std::fmt;

use chat_lib::client::dial;
use chat_lib::limits::CLIENT_PATIENCE;
use chat_lib::model::SessionToken;
use chat_lib::protocol::reply::{messages_object, user_list};
use chat_lib::{Client, Error, Session, printable};

use crate::trace::Traced;

pub(crate) const HELP: &str = "\
auth USER [PASSWORD]                  log in; a password that is left out is asked for
register USER [PASSWORD FULL NAME]    make an account and log in, if the server allows it;
                                      what is left out is asked for
send USER TEXT                        send a message
inbox                                 take out all unread messages
activeuser                            name everyone who is logged in
logout                                log out
help                                  this list
quit                                  leave; so does the end of input";

/// Asks for what a command leaves out.
pub(crate) trait Ask {
    /// The password of an account.
    fn password(&mut self) -> Result<String, Failure>;

    /// The password of an account that is to be made.
    fn new_password(&mut self) -> Result<String, Failure>;

    /// The full name of an account that is to be made.
    fn full_name(&mut self) -> Result<String, Failure>;
}

/// A client with at most one session.
pub(crate) struct Shell {
    server: String,
    trace: bool,
    /// `None` after the connection broke; the next command makes a new one, because a session outlives
    /// its connection.
    client: Option<Client<Traced>>,
    /// User name and token.
    session: Option<(String, SessionToken)>,
    /// Whether the server has ever been reached. Before, nothing is refused that needs no server to be refused.
    reached: bool,
}

impl Shell {
    /// A client that connects to `server` when it first has to.
    pub(crate) fn new(server: &str, trace: bool) -> Self {
        Self { server: server.to_owned(), trace, client: None, session: None, reached: false }
    }

    /// Connects, if it never has.
    pub(crate) fn reach(&mut self) -> Result<(), Failure> {
        if self.reached { Ok(()) } else { self.request(|_| Ok(())) }
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
            None => ask.password()?,
        };
        let session = self.request(|client| client.login(user, &password))?;
        Ok(self.logged_in(&session))
    }

    fn register(&mut self, rest: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
        let mut words = rest.splitn(3, ' ');
        let user = words.next().filter(|user| !user.is_empty()).ok_or_else(Failure::bad_command)?;
        let password = match words.next() {
            Some(password) => password.trim().to_owned(),
            None => ask.new_password()?,
        };
        let full_name = match words.next() {
            Some(full_name) => full_name.trim().to_owned(),
            None => ask.full_name()?,
        };
        let session = self.request(|client| client.register(user, &password, &full_name))?;
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
        let session = self.session.clone();
        let (user, token) = session.ok_or_else(|| Failure::Refused("not authorized".to_owned()))?;
        self.request(|client| ask(&client.session_of(&user, token)))
    }

    fn request<T>(&mut self, ask: impl FnOnce(&Client<Traced>) -> Result<T, Error>) -> Result<T, Failure> {
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                let stream = dial(&self.server, CLIENT_PATIENCE)
                    .map_err(|error| Failure::Lost(format!("cannot connect to {}: {error}", self.server)))?;
                self.reached = true;
                none.insert(Client::over(Traced { stream, shown: self.trace }))
            }
        };
        ask(client).map_err(|error| match error {
            Error::Disconnected | Error::TimedOut | Error::BadReply(_) | Error::Io(_) => {
                self.client = None;
                Failure::Lost(format!("{}: {error}", self.server))
            }
            refusal => Failure::Refused(refusal.message().to_string()),
        })
    }
}

/// Why a command did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused, by the server or before it was sent: the `M` of `Error, M`.
    Refused(String),
    /// The server is out of reach; whether the command was done is not known.
    Lost(String),
}

impl Failure {
    pub(crate) fn bad_command() -> Self {
        Self::Refused(Error::BadCommand.message().to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) | Self::Lost(problem) => f.write_str(problem),
        }
    }
}
