//! Caps of the server's sockets and reactors.

use std::time::Duration;

/// How many bytes the server reads from a connection at once: what a socket's buffer holds by
/// default, in one system call.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// How many reads a connection gets before the others have their turn, whatever the lines in them:
/// with `READ_BYTES`, 1 MiB of a line that is too long.
pub(crate) const READS_PER_TURN: usize = 16;

/// How long a reactor serves connections whose turns may take long before the others have theirs. To write a page of history
/// takes some 0.1 ms, and a handshake 0.2 ms, or 1 ms with an RSA key.
pub(crate) const QUEUE_TIME: Duration = Duration::from_micros(250);

/// How long events are delivered before the answers of a round are sent: those of an ordinary round, and a part of what a large room
/// hears.
pub(crate) const EVENTS_TIME: Duration = Duration::from_micros(250);

/// How many bytes of answers are held encrypted for a connection: the most that a record of TLS has. What waits beyond that
/// waits as it is, within [`reply_bytes`](crate::limits::Limits::reply_bytes).
#[cfg(feature = "tls")]
pub(crate) const TLS_BUFFER_BYTES: usize = 16 * 1024;

/// How many bytes a peer may send over TLS from which no data comes: a record has up to 16,640, and a handshake is a few thousand.
/// Without a bound, a peer could send key updates and empty records for ever, or have a handshake message of 64 KiB held.
#[cfg(feature = "tls")]
pub(crate) const TLS_BYTES_WITHOUT_DATA: usize = 20 * 1024;

/// How long a reactor goes on taking requests before it commits. A commit takes some 0.2 ms whatever its size, so
/// that collecting more requests for longer than that does not pay.
pub(crate) const COMMIT_DELAY: Duration = Duration::from_micros(200);

/// How many spare buffers a reactor holds on to: as many as peers whose answers usually wait for one
/// commit.
pub(crate) const SPARE_BUFFERS: usize = 64;

/// How many connections the system holds that the server has not accepted yet: a server that is busy for a moment turns
/// nobody away.
pub(crate) const LISTEN_BACKLOG: i32 = 1024;

/// How often the server looks for a port that is free on several addresses, each time another one.
pub(crate) const LISTEN_TRIES: usize = 16;

/// How long the server waits before it accepts again after the system had no file descriptor or
/// memory for a connection: long enough not to spin, short enough not to be noticed.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(500);

/// How many connections a listener accepts before the others' peers have their turn: a flood of connections must not hold them up.
pub(crate) const ACCEPTS_PER_ROUND: usize = 8;

/// How many connections at once are told that there are too many: a quarter of those that are served, but at most so many. One
/// more is closed without a word: telling takes a descriptor.
pub(crate) const REFUSED_CONNECTIONS: usize = 128;

/// How many are told at least.
pub(crate) const REFUSED_CONNECTIONS_FEWEST: usize = 8;

/// How long a connection that is refused has for its first line, whose protocol the refusal then has. Programs send one at
/// once.
pub(crate) const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

/// The longest header of the PROXY protocol: proxies are promised 536 bytes, and some add what they know of a certificate.
pub(crate) const PROXY_HEADER_BYTES: usize = 4096;

/// How often each connection is looked at, whether it has used up its time: that may have been made shorter meanwhile.
pub(crate) const DEADLINE_CHECK: Duration = Duration::from_secs(60);

/// How long a server waits before it tries again to go on with a subscription that another one had, if its store was busy: it may
/// not know yet that it is no longer the owner.
pub(crate) const RESTORE_RETRY: Duration = Duration::from_secs(1);

/// How many bytes a WebSocket takes apart at once, for which it holds a buffer: little, since most are idle.
#[cfg(feature = "web")]
pub(crate) const WEB_BUFFER_BYTES: usize = 1024;

/// How many bytes a WebSocket reads before others have their turn.
#[cfg(feature = "web")]
pub(crate) const WEB_READ_BYTES: usize = 8 * 1024;

/// How many bytes of frames are held for a WebSocket. A longer message is sent in more than one.
#[cfg(feature = "web")]
pub(crate) const WEB_FRAMES_BYTES: usize = 16 * 1024;

/// The longest request line and headers of HTTP together. Browsers send some 1,000 bytes, and proxies add to them.
#[cfg(feature = "web")]
pub(crate) const HTTP_HEAD_BYTES: usize = 8 * 1024;

/// How many headers a request of HTTP may have. Browsers send some twenty, and proxies add some.
#[cfg(feature = "web")]
pub(crate) const HTTP_HEADERS: usize = 64;

/// How many times the bytes of the longest message an unfinished message may take: fragments may have one byte each, but empty ones must
/// not go on for ever.
#[cfg(feature = "web")]
pub(crate) const WEB_FRAGMENTATION: usize = 8;

/// How many files a page may have: one that has more is a wrong folder.
#[cfg(feature = "web")]
pub(crate) const WEB_FILES: usize = 1000;
