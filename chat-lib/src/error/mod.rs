//! The one error type. Every kind has a permanent code and number: the same in Rust, on the wire, in C and in Python
//! (`docs/protocol.md`, "Refusals" and "Errors that never travel"; `docs/protocol-2.md`, "Errors").

mod code;
mod refusal;
#[cfg(feature = "tls")]
mod tls;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// A token that opens no session (never given out, logged out or expired), or no session bound to the connection. The peer's.
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
    /// The peer sends requests faster than it may. The peer's; nothing was done, and later will work.
    #[error("too many requests; send the next one in {} s", wait.as_secs_f64().ceil())]
    RateLimited {
        /// How long to wait.
        wait: Duration,
    },
    /// There are as many connections as allowed: to the server, from the peer's address, or of the user. Nobody's; it works
    /// again when some of them are closed.
    #[error(
        "there are too many connections to this server, from this address or of this user; close some, or try again later"
    )]
    TooManyConnections,
    /// Users cannot register themselves here. Nobody's.
    #[error("this server takes no registrations; ask its operator for an account")]
    RegistrationClosed,
    /// Users can register only with an invitation. The peer's.
    #[error("this server takes registrations with an invitation only; ask its operator for one")]
    InvitationRequired,
    /// An invitation that was never given out, was used or revoked, or has expired. The peer's.
    #[error("there is no such invitation, or it was used or has expired; ask the operator for a new one")]
    NoSuchInvitation,
    /// A text that is too long for so many recipients; there is a limit for both together, as others wait while it is stored. The
    /// peer's.
    #[error("this text is too long for so many recipients; send it to fewer at a time, or to a room")]
    TooManyRecipients,
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
    /// Not the name of a room. The caller's.
    #[error(
        "a room name is '#' followed by 1 to {} letters, digits, '.', '_' or '-' of ASCII, the first a letter or digit",
        limits::USER_NAME_CHARS
    )]
    InvalidRoomName,
    /// Not the title of a room. The caller's.
    #[error("a title has at most {} bytes and no invisible characters except spaces", limits::ROOM_TITLE_BYTES)]
    InvalidTitle,
    /// Not a key of a message. The caller's.
    #[error("a key has 1 to {} bytes", limits::MESSAGE_KEY_BYTES)]
    InvalidKey,
    /// The sender has used the key for a message to somebody else. The caller's; nothing was sent.
    #[error("this key was used for a message to another recipient; use a new one")]
    KeyReused,
    /// A conversation that the user has no part in. The peer's.
    #[error("there is no such conversation")]
    NoSuchConversation,
    /// A room that does not exist, or that the user may not know of. The peer's.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room of that name exists. The peer's.
    #[error("that room name is taken")]
    RoomExists,
    /// The user, or the one whom the request names, is not a member of the room. The peer's.
    #[error("not a member of this room")]
    NotAMember,
    /// Only an owner may do this. The peer's.
    #[error("only an owner of the room can do this")]
    NotAnOwner,
    /// The room would be left without an owner. The peer's.
    #[error("a room needs an owner; make another member an owner first, or delete the room")]
    LastOwner,
    /// The room has as many members and invitations as it may have. Nobody's.
    #[error("this room is full")]
    RoomFull,
    /// The user is in as many rooms as allowed. The peer's.
    #[error("you are in too many rooms; leave one first")]
    TooManyRooms,
    /// The recipient has blocked the sender. The recipient's decision.
    #[error("this user does not take messages from you")]
    Blocked,
    /// A message that does not exist, or that the user cannot see. The peer's.
    #[error("there is no such message")]
    NoSuchMessage,
    /// Somebody else's message. The peer's.
    #[error("only the sender, or an owner of the room, can delete a message")]
    NotYourMessage,
    /// A line that is not JSON. The peer's.
    #[error("this line is not JSON: {0}")]
    BadJson(String),
    /// JSON that is not a JSON-RPC 2.0 request. The peer's.
    #[error("this is not a JSON-RPC 2.0 request: {0}")]
    BadRequest(String),
    /// A method that does not exist. The peer's.
    #[error("there is no such method")]
    NoSuchMethod,
    /// A parameter that is missing or of the wrong type. The peer's.
    #[error("invalid parameters: {0}")]
    BadParameters(String),
    /// Not a full name. The caller's.
    #[error(
        "a full name has 1 to {} bytes, begins and ends with a visible character, and has no invisible ones except spaces",
        limits::FULL_NAME_BYTES
    )]
    InvalidFullName,
    /// Not a country. The caller's.
    #[error("a country has at most {} bytes and no invisible characters except spaces inside", limits::COUNTRY_BYTES)]
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
    /// Not an answer that a server gives. The server's.
    #[error("the server's answer makes no sense: {0}")]
    BadReply(String),
    /// The server closed the connection before it answered.
    #[error("the server closed the connection")]
    Disconnected,
    /// Nothing came within the time that was allowed.
    #[error("the server did not answer in time")]
    TimedOut,
    /// No encrypted connection came about that can be trusted: the server has not proven to be the one that was meant, or does not
    /// speak TLS. The server's, or the caller's who has named another address or other authorities.
    #[error("{0}")]
    Tls(String),
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
    /// Connections would cross a network without encryption. The caller's.
    #[error(
        "connections to {address} would not be encrypted, and it is not loopback; use TLS, or allow it if something else \
         encrypts them"
    )]
    Cleartext {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// A certificate or its private key that cannot be used. The caller's.
    #[error("the TLS certificate or its key cannot be used: {problem}")]
    BadCertificate {
        /// What is wrong with it.
        problem: String,
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
        with_reasons(self)
    }

    /// The error for a thread that the system has refused.
    pub fn no_thread(problem: &io::Error) -> Self {
        Self::Io(io::Error::new(problem.kind(), format!("the system has no thread left: {problem}")))
    }
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
        #[cfg(feature = "tls")]
        if let Some(reason) = error.get_ref().and_then(|reason| reason.downcast_ref::<rustls::Error>()) {
            return reason.clone().into();
        }
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
pub(crate) use self::tests::samples;

#[cfg(test)]
mod tests;

/// An error's sentence and those of what has led to it, each once.
pub fn with_reasons(error: &(dyn StdError + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(reason) = next {
        let reason_text = reason.to_string();
        if !told.contains(&reason_text) {
            told = format!("{told}: {reason_text}");
        }
        next = reason.source();
    }
    told
}
