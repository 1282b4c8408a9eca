//! Caps that cannot be set: name, unit, value and reason. Those that can be set are in [`settings`](crate::settings).
//!
//! `docs/protocol.md` lists those that a peer can meet. What is public here is promised there, or concerns programs
//! that use the library; the others are in a file for each part of the library.

mod engine;
#[cfg(feature = "server")]
mod server;
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "most are for stores on a disk"))]
mod store;

use std::time::Duration;

pub(crate) use self::engine::*;
#[cfg(feature = "server")]
pub(crate) use self::server::*;
pub(crate) use self::store::*;
pub use crate::settings::Limits;

/// How many bytes of answers may wait for a peer while as much is held for all as may be
/// ([`answers_bytes`](Limits::answers_bytes)): enough for a client that waits for each answer.
pub const REPLY_BYTES_SHORT: usize = 4 * 1024;

/// How many bytes may be held of requests that have not come whole, or wait for their turn, for all connections together. Beyond
/// that, a line that is longer than [`REQUEST_BYTES_SHORT`] is refused with `busy`. A thousand clients in the middle of the longest line
/// stay below it.
pub const REQUESTS_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes of requests a connection may hold while as many are held for all as may be: enough for what people write.
pub const REQUEST_BYTES_SHORT: usize = 4 * 1024;

/// How many bytes of events may wait for all subscribers together; one that many wait for counts once. Beyond that,
/// [`EVENTS_BYTES_SHORT`] may wait for each. It is as much as may wait of [answers](Limits::answers_bytes).
pub const ALL_EVENTS_BYTES: usize = 256 * 1024 * 1024;

/// How many bytes of events may wait for a subscriber while as many wait for all as may: enough for one that reads.
pub const EVENTS_BYTES_SHORT: usize = 4 * 1024;

/// The longest user name, in characters (all are ASCII, so also in bytes). It is written in every
/// request and every answer, and fits a table's column.
pub const USER_NAME_CHARS: usize = 32;

/// The longest full name, in bytes of UTF-8. It is repeated with every message of an inbox.
pub const FULL_NAME_BYTES: usize = 256;

/// The longest country, in bytes of UTF-8. The longest official name of a country has 56.
pub const COUNTRY_BYTES: usize = 128;

/// The longest key of a message, in bytes of UTF-8. A UUID has 36, and a digest in hexadecimal 64.
pub const MESSAGE_KEY_BYTES: usize = 64;

/// How long a sender's key is remembered, so that the message is not stored again: a client that has not heard within a day
/// whether its message arrived will rather ask.
pub const KEY_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many keys of a sender are remembered; the oldest are forgotten first. A client retries few messages, and its latest.
pub const KEYS_PER_USER: usize = 10_000;

/// The longest [announcement](crate::Chat::announce), in bytes of UTF-8: a screen of text.
pub const ANNOUNCEMENT_BYTES: usize = 4 * 1024;

/// The longest title of a room, in bytes of UTF-8: a line of a list.
pub const ROOM_TITLE_BYTES: usize = 256;

/// Members of a room up to which `typing` is passed on. In a larger one somebody always types.
pub const TYPING_MEMBERS: usize = 100;

/// How often a user's `typing` is passed on in a conversation: clients repeat it with each key that is pressed.
pub const TYPING_INTERVAL: Duration = Duration::from_secs(3);

/// Entries of a list that are answered if a request does not say how many it wants.
pub const LIST_DEFAULT: usize = 100;

/// The most entries of a list that are answered.
pub const LIST_MAX: usize = 1_000;

/// The longest password, in bytes of UTF-8. No passphrase needs more, and hashing stays bounded.
pub const PASSWORD_BYTES: usize = 1024;

/// The most that hashing a password may cost, in KiB of memory times passes over it: some 15 s. A hash that
/// came from elsewhere could otherwise keep the server busy for ever.
pub const PASSWORD_WORK: u64 = 16 * 1024 * 1024;

/// How long an invitation is valid. It is sent to somebody who reads their mail once a week.
pub const INVITATION_TIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

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

/// Jobs of one kind that may wait for a thread: passwords to be checked, or inboxes to be read from the disk. One more is
/// refused with `busy`. The last of so many passwords waits for some three seconds at the default cost, as long as people do.
pub const JOBS_WAITING: usize = 128;

/// How long a login over the wire waits for a program's [`Authenticator`](crate::Authenticator): no person waits longer, and
/// a database that hangs must not hold logins for ever.
pub const AUTHENTICATOR_PATIENCE: Duration = Duration::from_secs(10);

/// Calls of an [`Authenticator`](crate::Authenticator) that may run at once for logins over the wire; one more is refused with
/// `busy`. Each has a thread, also one that was given up and hangs. So many run only if something is wrong: it is four times
/// [`AUTHENTICATOR_THREADS`].
pub const AUTHENTICATOR_CALLS: usize = 64;

/// About how many logins at once a server asks an [`Authenticator`](crate::Authenticator). They wait for a database, and hardly
/// use a processor, and one that hangs must not keep the others waiting.
pub const AUTHENTICATOR_THREADS: usize = 16;

/// How many lines of a connection are answered before the others have their turn. Logins with a
/// public password are the dearest, at some 20 µs: a peer that floods the server with them holds the
/// others up for some 3 ms.
///
/// A line that has more to do counts as several: one more for each 20 µs or so.
pub const LINES_PER_TURN: usize = 128;

/// How many bytes of the latest messages the durable store keeps in memory, for those who read soon.
pub const TAIL_BYTES: usize = 16 * 1024 * 1024;

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

/// How long a client hears nothing before it asks whether the server still is there: a connection can be lost without either side
/// being told. Routers forget one that is silent for minutes.
pub const CLIENT_PING_INTERVAL: Duration = Duration::from_secs(60);

/// How long [`Events`](crate::Events) wait before they connect again; it doubles with each time that it does not work. A server that
/// is started again is back in less than a second.
pub const RECONNECT_DELAY: Duration = Duration::from_millis(100);

/// The longest that [`Events`](crate::Events) wait before they connect again: a person hardly notices it, and the server hardly
/// notices thousands who try.
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(10);

/// How long a client that knows several servers goes on trying before a call fails. A cluster of which all machines went down is back
/// within it.
pub const FAILOVER_PATIENCE: Duration = Duration::from_secs(15);

/// How long a client that knows several servers waits for one to connect, and then for its first answer, before it tries the next
/// one: a lost packet is repeated after a second, and a machine that is gone answers nothing.
pub const FAILOVER_CONNECT: Duration = Duration::from_secs(3);

/// The longest that a client that knows several servers waits before it tries again. It begins with [`RECONNECT_DELAY`], and half
/// of it is random.
pub const FAILOVER_DELAY_MAX: Duration = Duration::from_secs(1);

/// How long [`Events`](crate::Events) that know several servers hear nothing before they ask whether theirs still is there. A machine
/// that loses its power says nothing, and another one has the events.
pub const FAILOVER_PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long they wait for the answer then. It leaves a server that has much to do enough time.
pub const FAILOVER_PING_PATIENCE: Duration = Duration::from_secs(5);
