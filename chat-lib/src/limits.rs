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
    /// reading meets it. One message may go over it: answers to `inbox` are written message by message.
    pub reply_bytes: usize,
    /// How many bytes may be held for the answers of all connections together: inboxes that are still to be
    /// written, and bytes that wait for their peers. Past it, an `inbox` is refused with `busy` and takes nothing,
    /// and other answers may wait for a peer only up to [`REPLY_BYTES_SHORT`]. If nothing is held, any inbox can be
    /// read. Default 268,435,456: four full mailboxes, and a small part of a server's memory.
    pub answers_bytes: usize,
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
    /// How many unread messages a mailbox holds. Default 100,000: years of being away, and an answer to
    /// `inbox` that a client can still take.
    pub mailbox_messages: usize,
    /// How many bytes the texts of a mailbox's unread messages have together. Default 67,108,864: they are
    /// held in memory while the answer to an `inbox` is written.
    pub mailbox_bytes: usize,
    /// How many logins of one user, or from one address, may fail before the next must wait. Default 5:
    /// people mistype a password two or three times.
    pub failed_logins: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 * 1024,
            reply_bytes: 1024 * 1024,
            answers_bytes: 256 * 1024 * 1024,
            line_time: Duration::from_secs(60),
            stall_time: Duration::from_secs(10 * 60),
            shutdown_grace: Duration::from_millis(3500),
            session_idle: Duration::from_secs(30 * 24 * 60 * 60),
            mailbox_messages: 100_000,
            mailbox_bytes: 64 * 1024 * 1024,
            failed_logins: 5,
        }
    }
}

/// How many bytes of answers may wait for a peer while as much is held for all as may be
/// ([`answers_bytes`](Limits::answers_bytes)): enough for a client that waits for each answer.
pub const REPLY_BYTES_SHORT: usize = 4 * 1024;

/// The longest user name, in characters (all are ASCII, so also in bytes). It is written in every
/// request and every answer, and fits a table's column.
pub const USER_NAME_CHARS: usize = 32;

/// The longest full name, in bytes of UTF-8. It is repeated with every message of an inbox.
pub const FULL_NAME_BYTES: usize = 256;

/// The longest country, in bytes of UTF-8. The longest official name of a country has 56.
pub const COUNTRY_BYTES: usize = 128;

/// The longest password, in bytes of UTF-8. No passphrase needs more, and hashing stays bounded.
pub const PASSWORD_BYTES: usize = 1024;

/// The most that hashing a password may cost, in KiB of memory times passes over it: some 15 s. A hash that
/// came from elsewhere could otherwise keep the server busy for ever.
pub const PASSWORD_WORK: u64 = 16 * 1024 * 1024;

/// The live sessions of one user; a login past it ends that user's oldest one. It bounds what a
/// client that logs in and never out can take, and is far above any real number of devices.
pub const SESSIONS_PER_USER: usize = 10_000;

/// How long a login waits after the first failure past
/// [`failed_logins`](Limits::failed_logins); it doubles with each further one. It makes guessing slow
/// and is hardly noticed by a person.
pub const LOGIN_DELAY: Duration = Duration::from_secs(1);

/// The longest that a login has to wait: a guesser gets four tries an hour in the end, and who was
/// locked out is back after a coffee.
pub const LOGIN_DELAY_MAX: Duration = Duration::from_secs(15 * 60);

/// How long failures are remembered after the last one: long enough that it does not pay to wait for it.
pub const FAILURES_FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many of the addresses that a user has logged in from are remembered: failures from elsewhere do not count
/// for them. People have a few, and some come from another one each day.
pub const KNOWN_ADDRESSES: usize = 16;

/// How many users and addresses with failed logins are remembered, the least recent being forgotten:
/// some 10 MB.
pub const FAILURES_REMEMBERED: usize = 100_000;

/// What part of a session's idle time it may live longer after a restart. Every use moves a session's
/// end; with this slack, the store has to write that only so many times in an idle time.
pub const SESSION_SLACK: u32 = 64;

/// How many bytes of messages a store puts into one block, if they come at once. Larger blocks cost less to write,
/// smaller ones less to read for one message in them.
pub const BLOCK_BYTES: usize = 16 * 1024;

/// How many bytes of the latest messages the durable store keeps in memory, for those who read soon.
pub const TAIL_BYTES: usize = 16 * 1024 * 1024;

/// Every how many messages of a stream the place of one is noted, to page forwards from. A page reads that many messages
/// more than it shows at most; a note takes some 20 bytes.
pub const MARK_INTERVAL: u64 = 64;

/// How many bytes of unread messages are read within a step. More are read by a job, beside the steps of others.
pub const UNREAD_STEP_BYTES: usize = 64 * 1024;

/// How many bytes of read messages a chat in memory keeps as history.
pub const MEMORY_HISTORY_BYTES: usize = 64 * 1024 * 1024;

/// After how many bytes of messages the durable store writes its index of where mailboxes end. Messages that came
/// later are read at the next start after a crash, which takes some 0.1 s.
pub const INDEX_FLUSH_BYTES: usize = 32 * 1024 * 1024;

/// After how many written bytes the durable store's write-ahead log is brought into the database, beside
/// the commits. It is read at the next start after a crash.
pub const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// After how many bytes of read messages the durable store drops what may be dropped, if more was not
/// left of the last time: so each byte is looked at a few times at most.
pub const SWEEP_BYTES: usize = 16 * 1024 * 1024;

/// The longest that the durable store waits until it drops what may be dropped.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How many times as fast as time passes the clock that messages age by catches up with the system's. A clock that
/// is wrong for an hour ages them by a day at most; a machine that was off for a month is a little more than a day behind.
pub const RETENTION_CATCH_UP: u32 = 24;

/// How long messages that were read are spared from being dropped, because the answer with them may still wait to be sent.
/// After twice the time that a peer may take nothing ([`stall_time`](Limits::stall_time)), the peer is gone.
pub const PUT_BACK_TIME: Duration = Duration::from_secs(20 * 60);

/// How often the durable store syncs under `SyncMode::EverySecond`, and looks after itself.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

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

/// How many bytes of memory a reactor's spare buffer for answers may hold on to between connections. A
/// larger one, left by a full inbox, is given back.
pub const SPARE_BYTES: usize = 256 * 1024;

/// How long a reactor goes on taking requests before it commits. A commit takes some 0.2 ms whatever its size, so
/// that collecting more requests for longer than that does not pay.
pub const COMMIT_DELAY: Duration = Duration::from_micros(200);

/// How many spare buffers a reactor holds on to: as many as peers whose answers usually wait for one
/// commit.
pub const SPARE_BUFFERS: usize = 64;

/// Logins that may wait for their password to be checked; one more is refused with `busy`. At the
/// default cost the last of them waits for some three seconds, as long as people do.
pub const LOGINS_WAITING: usize = 128;

/// How many connections the system holds that the server has not accepted yet: a server that is busy for a moment turns
/// nobody away.
pub const LISTEN_BACKLOG: i32 = 1024;

/// How often the server looks for a port that is free on several addresses, each time another one.
pub const LISTEN_TRIES: usize = 16;

/// How long the server waits before it accepts again after the system had no file descriptor or
/// memory for a connection: long enough not to spin, short enough not to be noticed.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(500);

/// How long a server that stops waits for a peer that has sent nothing to close, too. A peer that was just
/// between two requests would lose answers if its next one came to a closed socket.
pub const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// How long an idle connection stays silent before TCP asks whether the peer still is there: well
/// under the hours after which routers forget a connection, and rare enough to cost nothing.
pub const KEEPALIVE: Duration = Duration::from_secs(5 * 60);

/// The longest answer that a client takes, in bytes. An inbox comes whole and may be large; one that
/// never ends must not fill the memory.
pub const CLIENT_ANSWER_BYTES: usize = 1024 * 1024 * 1024;

/// How long a client waits for a connection, and for each piece of an answer.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(30);
