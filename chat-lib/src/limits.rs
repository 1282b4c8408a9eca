//! Every cap: its name, unit, default and reason. `docs/protocol.md` lists those that a peer can meet.

use std::time::Duration;

/// The caps that a program may set.
///
/// ```
/// use chat_lib::limits::Limits;
///
/// let limits = Limits { line_bytes: 1024, ..Limits::default() };
/// assert_eq!(limits.reply_bytes, 1024 * 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest line, in bytes, its end included. Default 65,536: room for any message a person
    /// writes, and the most that a connection has to remember of a line that is still to end.
    pub line_bytes: usize,
    /// How many bytes of answers may wait for a peer before no more of its requests are taken.
    /// Default 1,048,576: several times what a socket buffers, so that only a peer that has stopped
    /// reading meets it. One answer may go over it, for an `inbox` is answered whole.
    pub reply_bytes: usize,
    /// How long a line may take from its first byte to its end before the server closes the
    /// connection. Default 60 s: a full line at 1.1 KB/s.
    pub line_time: Duration,
    /// How long answers may wait without the peer taking any before the server closes the
    /// connection. Default 10 min: a suspended client can come back, a dead one gives up its memory.
    /// The system lets the server write again when much of its buffer is free, so a peer that takes
    /// less than some 2 KB/s may count as taking nothing.
    pub stall_time: Duration,
    /// How long a server that was told to stop waits for peers to take their answers. Default 3.5 s: of
    /// the five within which `chat-server` promises to be gone, the rest is for its log.
    pub shutdown_grace: Duration,
    /// How long a session lives without being used. Default 30 days: a client that is used monthly
    /// stays logged in.
    pub session_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 * 1024,
            reply_bytes: 1024 * 1024,
            line_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(10 * 60),
            shutdown_grace: Duration::from_millis(3500),
            session_idle: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// The longest user name, in characters (all are ASCII, so also in bytes). It is written in every
/// request and every answer, and fits a table's column.
pub const USER_NAME_CHARS: usize = 32;

/// The longest full name, in bytes of UTF-8. It is repeated with every message of an inbox.
pub const FULL_NAME_BYTES: usize = 256;

/// The longest country, in bytes of UTF-8. The longest official name of a country has 56.
pub const COUNTRY_BYTES: usize = 128;

/// The longest password, in bytes of UTF-8. No passphrase needs more, and hashing stays bounded.
pub const PASSWORD_BYTES: usize = 1024;

/// The live sessions of one user; a login past it ends that user's oldest one. It bounds what a
/// client that logs in and never out can take, and is far above any real number of devices.
pub const SESSIONS_PER_USER: usize = 10_000;

/// How many bytes the server reads from a connection at once: what a socket's buffer holds by
/// default, in one system call.
pub const READ_BYTES: usize = 64 * 1024;

/// How many lines of a connection are answered before the others have their turn. Logins with a
/// public password are the dearest, at some 20 µs: a peer that floods the server with them holds the
/// others up for some 3 ms.
pub const LINES_PER_TURN: usize = 128;

/// How many reads a connection gets before the others have their turn, whatever the lines in them:
/// with `READ_BYTES`, 1 MiB of a line that is too long.
pub const READS_PER_TURN: usize = 16;

/// How many bytes of answers a reactor's spare buffer may hold on to between connections. A larger
/// one, left by a full inbox, is given back.
pub const SPARE_BYTES: usize = 256 * 1024;

/// Logins that may wait for their password to be checked; one more is refused with `busy`. At the
/// default cost the last of them waits for some three seconds, as long as people do.
pub const LOGINS_WAITING: usize = 128;

/// How long the server waits before it accepts again after the system had no file descriptor or
/// memory for a connection: long enough not to spin, short enough not to be noticed.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(500);

/// How long an idle connection stays silent before TCP asks whether the peer still is there: well
/// under the hours after which routers forget a connection, and rare enough to cost nothing.
pub const KEEPALIVE: Duration = Duration::from_secs(5 * 60);

/// The longest answer that a client takes, in bytes. An inbox comes whole and may be large; one that
/// never ends must not fill the memory.
pub const CLIENT_ANSWER_BYTES: usize = 1024 * 1024 * 1024;

/// How long a client waits for a connection, and for each piece of an answer.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(30);
