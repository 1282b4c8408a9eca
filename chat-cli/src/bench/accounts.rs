//! The accounts that messages are sent between: those that were given, or new ones of the run's own.

use std::io;
use std::thread;
use std::time::Duration;

use chat_lib::entropy::{Entropy, OsEntropy};
use chat_lib::model::{MessageId, SessionToken};
use chat_lib::protocol::{Command, Reply};
use chat_lib::{ClientOptions, Error};

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::pipe::Protocol;
use crate::Stop;

/// An account, with a session and a connection of its own, over which its messages are read back.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) token: SessionToken,
    pub(super) connection: Connection,
    /// The last message that was read back, in protocol 2.
    pub(super) read_upto: MessageId,
}

impl Account {
    /// Makes a request, and again after a while if the server has too much to do, as it may have under load.
    pub(super) fn ask_patiently(&mut self, command: &Command<'_>) -> Result<Reply, Error> {
        for _ in 0..BUSY_TRIES {
            match self.connection.ask(Some(self.token), command) {
                Err(Error::Busy) => thread::sleep(BUSY_PAUSE),
                Err(Error::RateLimited { wait }) => thread::sleep(wait.min(BUSY_PAUSE)),
                outcome => return outcome,
            }
        }
        Err(Error::Busy)
    }
}

/// How often a request is made while the server is busy, and how long to wait between two of them: 10 s in all.
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Who the accounts are.
pub(super) enum Who {
    /// Users, with their passwords.
    Given(Vec<(String, String)>),
    /// So many new ones.
    New(usize),
}

/// Logs in, or registers. `run` makes the names of new accounts unique.
pub(super) fn open(
    who: &Who,
    run: &str,
    endpoint: &Endpoint,
    options: &ClientOptions,
    protocol: Protocol,
) -> Result<Vec<Account>, Stop> {
    let open = |name: &str, command: Command<'_>| {
        let connection = Connection::connect(endpoint, options, protocol);
        let mut connection = connection.map_err(|error| unreached(endpoint, &error))?;
        match connection.ask(None, &command) {
            Ok(Reply::LoggedIn(login) | Reply::Registered(login)) => {
                Ok(Account { name: name.to_owned(), token: login.token, connection, read_upto: MessageId::NONE })
            }
            Ok(_) => Err(lost(endpoint, &Error::BadReply("it has no token".to_owned()))),
            Err(error) => Err(refused(endpoint, name, &error)),
        }
    };
    match who {
        Who::Given(users) => {
            let log_in = |(user, password): &(String, String)| {
                open(user, Command::Auth { user: user.into(), password: password.into() })
            };
            users.iter().map(log_in).collect()
        }
        Who::New(count) => {
            let register = |number: usize| {
                let (name, password) = (format!("bench-{run}-{number}"), random(16)?);
                let (user, full_name) = (name.as_str().into(), format!("Benchmark {number}").into());
                open(&name, Command::Register { user, password: password.into(), full_name, invitation: None })
            };
            (1..=*count).map(register).collect()
        }
    }
}

/// What to say of a server that cannot be reached.
pub(super) fn unreached(endpoint: &Endpoint, error: &Error) -> Stop {
    Stop::ServerLost(format!("cannot connect to {endpoint}: {error}"))
}

/// What to say of a server that does not go on.
pub(super) fn lost(endpoint: &Endpoint, error: &Error) -> Stop {
    Stop::ServerLost(format!("{endpoint}: {error}"))
}

fn refused(endpoint: &Endpoint, name: &str, error: &Error) -> Stop {
    match error {
        Error::RegistrationClosed | Error::InvitationRequired => refusal(
            "the server does not let everybody register; name accounts with --user, or start it with --registration open"
                .to_owned(),
        ),
        Error::Disconnected | Error::TimedOut | Error::BadReply(_) | Error::Tls(_) | Error::Io(_) => lost(endpoint, error),
        error => refusal(format!("the account {name} cannot be used: {error}")),
    }
}

fn refusal(text: String) -> Stop {
    Stop::Local(io::Error::other(text))
}

/// So many random bytes, in hexadecimal digits.
pub(super) fn random(bytes: usize) -> Result<String, Stop> {
    let mut random = vec![0; bytes];
    OsEntropy.fill(&mut random).map_err(|error| refusal(error.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
