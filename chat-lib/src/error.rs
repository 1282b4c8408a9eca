//! The one error type. Every kind has a permanent code: the same in Rust, on the wire, in C and in
//! Python (`docs/protocol.md`, "Refusals" and "Errors that never travel").

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use std::{fmt, io};

use crate::limits;
use crate::model::UserName;

/// What went wrong, and through whose fault.
///
/// `Display` gives a sentence for people; [`Error::code`] is for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A login with a user name that no account has. The peer's.
    #[error("there is no such user")]
    NoSuchUser,
    /// A login with the wrong password. The peer's.
    #[error("the password is wrong")]
    WrongPassword,
    /// A login of a user who was banned. The operator's decision; the password was right.
    #[error("this user is banned; ask the operator")]
    Banned,
    /// A message to a user name that no account has. The peer's.
    #[error("there is no such recipient")]
    NoSuchRecipient,
    /// A token that opens no session: never given out, logged out, or expired. The peer's.
    #[error("there is no such session; log in again")]
    NoSuchSession,
    /// No such command, a word missing, or not UTF-8. The peer's.
    #[error("that is not a command, or a word is missing")]
    BadCommand,
    /// A line longer than the cap. The peer's; nothing of the line was done.
    #[error("the line is longer than {limit} bytes; send a shorter one")]
    LineTooLong {
        /// The cap in bytes, the line's end included.
        limit: usize,
    },
    /// The store could not read or write. The disk's; trying again later may work.
    #[error("the server could not store or read this; try again later")]
    Storage(#[source] Box<dyn StdError + Send + Sync>),
    /// The store cannot tell whether this was done. The store's; ask it what there is before you try again.
    #[error("it is not known whether this was done; look before you try again")]
    OutcomeUnknown(#[source] Box<dyn StdError + Send + Sync>),
    /// The system gave no randomness. The machine's; nothing was done.
    #[error("the system gives no randomness: {0}")]
    Entropy(String),
    /// The password could not be hashed. The machine's, most likely out of memory.
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
    /// Too many jobs wait, or too much is held for other peers' answers. Nobody's; trying again later will work.
    #[error("the server is busy; try again later")]
    Busy,
    /// The recipient's mailbox is full. Nobody's; it will have room when the recipient reads.
    #[error("the recipient's inbox is full; it has room again when they read it")]
    MailboxFull,
    /// Too many failed logins of that user or from that address. The peer's; later will work.
    #[error("too many failed attempts; try again in {} s", wait.as_secs_f64().ceil())]
    TooManyAttempts {
        /// How long to wait.
        wait: Duration,
    },
    /// Users cannot register themselves here. Nobody's.
    #[error("this server takes no registrations; ask its operator for an account")]
    RegistrationClosed,
    /// The data directory is open already, in another process or in this one. The caller's.
    #[error("{} is in use by {}", path.display(), holder(process.as_ref()))]
    DataInUse {
        /// The directory.
        path: PathBuf,
        /// Which process has it; `None` where the system does not tell.
        process: Option<Process>,
    },
    /// The data was written by a version whose format this one does not know. The caller's.
    #[error("{} has format {found}, and this version knows only format {known}; use the version that wrote it", path.display())]
    DataFormat {
        /// The database.
        path: PathBuf,
        /// The format that it has.
        found: i64,
        /// The format that this version writes.
        known: i64,
    },
    /// A dump was to be restored where there are users already. The caller's; nothing was done.
    #[error("there are users already; a dump is restored where there are none")]
    NotEmpty,
    /// A dump that cannot be taken back. Its author's.
    #[error("line {line} of the dump: {problem}")]
    BadDump {
        /// Which line, from 1 on.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// An account under that user name exists. The caller's.
    #[error("that user name is taken")]
    UserExists,
    /// Not a user name. The caller's.
    #[error(
        "a user name has 1 to {} letters, digits, '.', '_' or '-' of ASCII, and begins with a letter or digit",
        limits::USER_NAME_CHARS
    )]
    InvalidUserName,
    /// Not a full name. The caller's.
    #[error(
        "a full name has 1 to {} bytes, begins and ends with a visible character, and has no invisible ones but spaces",
        limits::FULL_NAME_BYTES
    )]
    InvalidFullName,
    /// Not a country. The caller's.
    #[error("a country has at most {} bytes, and no invisible characters but spaces within", limits::COUNTRY_BYTES)]
    InvalidCountry,
    /// Not a password. The caller's.
    #[error("a password has 1 to {} bytes and no white space", limits::PASSWORD_BYTES)]
    InvalidPassword,
    /// Not a session token. The caller's.
    #[error("a session token is a UUID of version 4 in lower case")]
    InvalidToken,
    /// A word with a space or a line end in it, or a text with a line end in it, handed to a
    /// client. The caller's; nothing was sent.
    #[error("{what} cannot travel in a request line")]
    InvalidRequest {
        /// What cannot: "this user name", "this password" or "this text".
        what: &'static str,
    },
    /// A refusal with a code that this version does not know, or with none. The server's.
    #[error("the server refused: {message}")]
    Refused {
        /// The wire code, empty if the server gave none.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// Not an answer of protocol 1. The server's.
    #[error("the server's answer makes no sense: {0}")]
    BadReply(String),
    /// The server closed the connection before it answered.
    #[error("the server closed the connection")]
    Disconnected,
    /// Nothing came within the time that was allowed.
    #[error("the server did not answer in time")]
    TimedOut,
    /// A user has a password that everybody knows, and was to be on a network. The caller's.
    #[error(
        "the user {user} has a public password, so {address} cannot be listened on, which is not loopback; \
         give them another password, or remove them"
    )]
    PublicPassword {
        /// The user.
        user: UserName,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// An address that cannot be listened on. The caller's, mostly.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Reading, writing or polling failed.
    #[error("{0}")]
    Io(#[source] io::Error),
}

/// A process, for people who look for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its name, shortened by the system and without control characters.
    pub name: String,
}

impl Error {
    /// The permanent code: a lower-case word that never changes its meaning.
    pub fn code(&self) -> &str {
        match self {
            Self::NoSuchUser => "no_such_user",
            Self::WrongPassword => "wrong_password",
            Self::Banned => "banned",
            Self::NoSuchRecipient => "no_such_recipient",
            Self::NoSuchSession => "no_such_session",
            Self::BadCommand => "bad_command",
            Self::LineTooLong { .. } => "line_too_long",
            Self::Storage(_) => "storage",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::Entropy(_) => "entropy",
            Self::Hashing(_) => "hashing",
            Self::Busy => "busy",
            Self::MailboxFull => "mailbox_full",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::RegistrationClosed => "registration_closed",
            Self::DataInUse { .. } => "data_in_use",
            Self::DataFormat { .. } => "data_format",
            Self::NotEmpty => "not_empty",
            Self::BadDump { .. } => "bad_dump",
            Self::UserExists => "user_exists",
            Self::InvalidUserName => "invalid_user_name",
            Self::InvalidFullName => "invalid_full_name",
            Self::InvalidCountry => "invalid_country",
            Self::InvalidPassword => "invalid_password",
            Self::InvalidToken => "invalid_token",
            Self::InvalidRequest { .. } => "invalid_request",
            Self::Refused { code, .. } if code.is_empty() => "refused",
            Self::Refused { code, .. } => code,
            Self::BadReply(_) => "bad_reply",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed_out",
            Self::PublicPassword { .. } => "public_password",
            Self::Listen { .. } => "listen",
            Self::Io(_) => "io",
        }
    }

    /// This error's fixed text in protocol 1; `None` if it has none, so that its `Display` text and its code are sent instead.
    pub fn wire_message(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSuchUser => "User Tidak Ada",
            Self::WrongPassword => "Password Salah",
            Self::NoSuchRecipient => "User tidak ditemukan",
            Self::NoSuchSession => "Informasi tidak ditemukan",
            Self::BadCommand => "Command tidak benar",
            _ => return None,
        })
    }

    /// The `message` of this error on the wire: [`wire_message`](Self::wire_message), or a sentence.
    pub fn message(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| match (self.wire_message(), self) {
            (Some(words), _) => f.write_str(words),
            (None, Self::Refused { message, .. }) => f.write_str(message),
            (None, error) => write!(f, "{error}"),
        })
    }

    /// The sentence with its reasons, for people who can do something about them.
    pub fn with_reasons(&self) -> String {
        let mut told = self.to_string();
        let mut next = self.source();
        while let Some(reason) = next {
            let reason_text = reason.to_string();
            if !told.contains(&reason_text) {
                told = format!("{told}: {reason_text}");
            }
            next = reason.source();
        }
        told
    }

    /// The error for a thread that the system has refused.
    pub fn no_thread(problem: &io::Error) -> Self {
        Self::Io(io::Error::new(problem.kind(), format!("the system has no thread left: {problem}")))
    }

    /// The error that a refusal read off the wire stands for: the one that the server had, where this version knows its
    /// code, else [`Refused`](Self::Refused). A code that no server refuses with is not trusted: "disconnected" would be
    /// taken for a failure of the connection.
    pub(crate) fn from_wire(message: &str, code: Option<&str>) -> Self {
        let fixed =
            [Self::NoSuchUser, Self::WrongPassword, Self::NoSuchRecipient, Self::NoSuchSession, Self::BadCommand];
        if let Some(error) = fixed.into_iter().find(|error| error.wire_message() == Some(message)) {
            return error;
        }
        let known = match code.unwrap_or_default() {
            "line_too_long" => number_in(message).map(|limit| Self::LineTooLong { limit }),
            "too_many_attempts" => {
                number_in(message).map(|wait| Self::TooManyAttempts { wait: Duration::from_secs(wait) })
            }
            "mailbox_full" => Some(Self::MailboxFull),
            "banned" => Some(Self::Banned),
            "registration_closed" => Some(Self::RegistrationClosed),
            "busy" => Some(Self::Busy),
            "storage" => Some(Self::Storage(message.into())),
            "entropy" => Some(Self::Entropy(reason(message, "the system gives no randomness: "))),
            "hashing" => Some(Self::Hashing(reason(message, "the password could not be hashed: "))),
            "user_exists" => Some(Self::UserExists),
            "invalid_user_name" => Some(Self::InvalidUserName),
            "invalid_full_name" => Some(Self::InvalidFullName),
            "invalid_password" => Some(Self::InvalidPassword),
            _ => None,
        };
        known
            .unwrap_or_else(|| Self::Refused { code: code.unwrap_or_default().to_owned(), message: message.to_owned() })
    }
}

/// The reason behind the beginning of a sentence of ours; the whole of another one.
fn reason(message: &str, beginning: &str) -> String {
    message.strip_prefix(beginning).unwrap_or(message).to_owned()
}

/// The first number in a server's sentence. A limit and a waiting time are nowhere else in a refusal.
fn number_in<N: FromStr>(message: &str) -> Option<N> {
    message.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

fn holder(process: Option<&Process>) -> String {
    match process {
        None => "another process, or by this one".to_owned(),
        Some(process) if process.id == std::process::id() => "this process".to_owned(),
        Some(Process { id, name }) => format!("process {id} ({name})"),
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Disconnected,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    const PROTOCOL: &str = include_str!("../../docs/protocol.md");

    /// One of each kind. The match below does not compile when a kind is missing here.
    fn all() -> Vec<Error> {
        let io = || io::Error::other("reason");
        let all = vec![
            Error::NoSuchUser,
            Error::WrongPassword,
            Error::NoSuchRecipient,
            Error::NoSuchSession,
            Error::BadCommand,
            Error::LineTooLong { limit: 8 },
            Error::Storage("reason".into()),
            Error::Entropy("reason".to_owned()),
            Error::Hashing("reason".to_owned()),
            Error::UserExists,
            Error::InvalidUserName,
            Error::InvalidFullName,
            Error::InvalidCountry,
            Error::InvalidPassword,
            Error::InvalidToken,
            Error::InvalidRequest { what: "this text" },
            Error::Refused { code: String::new(), message: "reason".to_owned() },
            Error::BadReply("reason".to_owned()),
            Error::Disconnected,
            Error::TimedOut,
            Error::Listen { address: ([127, 0, 0, 1], 1).into(), source: io() },
            Error::Io(io()),
            Error::Busy,
            Error::MailboxFull,
            Error::TooManyAttempts { wait: Duration::from_millis(1500) },
            Error::RegistrationClosed,
            Error::DataInUse { path: "chat-data".into(), process: None },
            Error::DataFormat { path: "chat-data/chat.db".into(), found: 2, known: 1 },
            Error::BadDump { line: 3, problem: "reason".to_owned() },
            Error::NotEmpty,
            Error::PublicPassword { user: UserName::parse("messi").unwrap(), address: ([192, 0, 2, 1], 1).into() },
            Error::Banned,
            Error::OutcomeUnknown("reason".into()),
        ];
        for (place, error) in all.iter().enumerate() {
            let kind = match error {
                Error::NoSuchUser => 0,
                Error::WrongPassword => 1,
                Error::NoSuchRecipient => 2,
                Error::NoSuchSession => 3,
                Error::BadCommand => 4,
                Error::LineTooLong { .. } => 5,
                Error::Storage(_) => 6,
                Error::Entropy(_) => 7,
                Error::Hashing(_) => 8,
                Error::UserExists => 9,
                Error::InvalidUserName => 10,
                Error::InvalidFullName => 11,
                Error::InvalidCountry => 12,
                Error::InvalidPassword => 13,
                Error::InvalidToken => 14,
                Error::InvalidRequest { .. } => 15,
                Error::Refused { .. } => 16,
                Error::BadReply(_) => 17,
                Error::Disconnected => 18,
                Error::TimedOut => 19,
                Error::Listen { .. } => 20,
                Error::Io(_) => 21,
                Error::Busy => 22,
                Error::MailboxFull => 23,
                Error::TooManyAttempts { .. } => 24,
                Error::RegistrationClosed => 25,
                Error::DataInUse { .. } => 26,
                Error::DataFormat { .. } => 27,
                Error::BadDump { .. } => 28,
                Error::NotEmpty => 29,
                Error::PublicPassword { .. } => 30,
                Error::Banned => 31,
                Error::OutcomeUnknown(_) => 32,
            };
            assert_eq!(kind, place);
        }
        all
    }

    #[test]
    fn every_code_is_permanent_and_in_the_contract() {
        let mut codes: Vec<String> = all().iter().map(|error| error.code().to_owned()).collect();
        for code in &codes {
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
            assert!(PROTOCOL.contains(&format!("`{code}`")), "{code} is not in docs/protocol.md");
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), all().len(), "two kinds have one code");
    }

    #[test]
    fn every_refusal_reads_back_as_itself() {
        for error in all() {
            let message = error.message().to_string();
            if let Some(words) = error.wire_message() {
                assert_eq!(message, words);
                assert!(PROTOCOL.contains(&format!("| `{words}` | `{}` |", error.code())));
            }
            let code = error.wire_message().is_none().then(|| error.code());
            assert_eq!(Error::from_wire(&message, code).code(), error.code());
            assert_eq!(Error::from_wire(&message, code).message().to_string(), message);
        }
    }

    /// A full mailbox was `MailboxFull` in the process, and `Refused` over a connection.
    #[test]
    fn a_refusal_has_the_same_variant_on_both_sides() {
        let travels = ["no_such_", "wrong_", "bad_command", "line_", "storage", "entropy", "hashing", "user_exists"];
        let travels = [&travels[..], &["invalid_user_name", "invalid_full_name", "invalid_password", "busy"]].concat();
        let travels = [&travels[..], &["mailbox_full", "too_many_attempts", "registration_closed", "banned"]].concat();
        for error in all() {
            let read = Error::from_wire(&error.message().to_string(), Some(error.code()));
            match travels.iter().any(|code| error.code().starts_with(code)) {
                true => assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&error), "{error:?}"),
                false => assert!(matches!(read, Error::Refused { .. }), "{error:?}"),
            }
        }
        let read = Error::from_wire("too many failed attempts; try again in 2 s", Some("too_many_attempts"));
        assert!(matches!(read, Error::TooManyAttempts { wait } if wait == Duration::from_secs(2)));
        // Servers of other versions have other sentences.
        let read = Error::from_wire("wait", Some("too_many_attempts"));
        assert!(
            matches!(read, Error::Refused { code, message } if (&*code, &*message) == ("too_many_attempts", "wait"))
        );
        assert!(matches!(Error::from_wire("full", Some("mailbox_full")), Error::MailboxFull));
    }

    #[test]
    fn the_contract_names_the_defaults() {
        let limits = Limits::default();
        let grouped = |number: usize| match (number / 1_000_000, number / 1000 % 1000, number % 1000) {
            (0, 0, ones) => ones.to_string(),
            (0, thousands, ones) => format!("{thousands},{ones:03}"),
            (millions, thousands, ones) => format!("{millions},{thousands:03},{ones:03}"),
        };
        for row in [
            format!("| a line, its end included | {} bytes |", grouped(limits.line_bytes)),
            format!("with `line_too_long` to its end | {} s,", limits.line_time.as_secs()),
            format!("does not read them | {} bytes", grouped(limits.reply_bytes)),
            format!("still to be written into them | {} bytes |", grouped(limits.answers_bytes)),
            format!("of other answers, {} bytes may wait", grouped(limits::REPLY_BYTES_SHORT)),
            format!("2 KB/s | {} min |", limits.stall_time.as_secs() / 60),
            format!("not used | {} days |", limits.session_idle.as_secs() / 86_400),
            format!("| live sessions of a user | {} |", grouped(limits::SESSIONS_PER_USER)),
            format!("| unread messages of a user | {} |", grouped(limits.mailbox_messages)),
            format!("texts together | {} |", grouped(limits.mailbox_bytes)),
            format!("from an address | {} |", limits.failed_logins),
            format!("of all peers | {} |", limits::JOBS_WAITING),
            format!("must wait: {} second,", limits::LOGIN_DELAY.as_secs()),
            format!("one of the last {} addresses", limits::KNOWN_ADDRESSES),
            format!("up to {} minutes.", limits::LOGIN_DELAY_MAX.as_secs() / 60),
            format!("| user name | 1 to {} of", limits::USER_NAME_CHARS),
            format!("| full name | 1 to {} bytes", limits::FULL_NAME_BYTES),
            format!("| country | at most {} bytes", limits::COUNTRY_BYTES),
            format!("| password | 1 to {} bytes", grouped(limits::PASSWORD_BYTES)),
        ] {
            assert!(PROTOCOL.contains(&row), "{row} is not in docs/protocol.md");
        }
    }
}
