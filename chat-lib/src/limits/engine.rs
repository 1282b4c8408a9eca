//! Caps of the engine and of outboxes.

use std::time::Duration;

/// How many users and addresses with failed logins are remembered, the least recent being forgotten:
/// some 10 MB.
pub(crate) const FAILURES_REMEMBERED: usize = 100_000;

/// How many bytes of memory a reactor's spare buffer for answers may hold on to between connections. A
/// larger one, left by a full inbox, is given back.
pub(crate) const SPARE_BYTES: usize = 256 * 1024;

/// Of how many users who are away it is remembered when they were last there. It is some 100 bytes for each.
pub(crate) const LAST_SEEN_USERS: usize = 100_000;

/// About how many bytes a message takes beside its text, in a queue of events or in an answer: ids, times and names.
pub(crate) const MESSAGE_OVERHEAD: usize = 192;

/// How many bytes the messages of one request may take together, with [`MESSAGE_OVERHEAD`] for each. Others wait while they are stored, for some
/// 30 ms.
pub(crate) const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// About how many bytes the messages of a page take in an answer, unless a single one takes more. Others wait while a page is written and
/// sent, for some 0.5 ms.
pub(crate) const PAGE_BYTES: usize = 128 * 1024;

/// How many times within [`session_idle`](super::Limits::session_idle) it is looked whether the sessions of connections still
/// live, and those of subscribers are used: so few that it costs nothing, and some may fail.
pub(crate) const SESSION_CHECKS: u32 = 4;

/// The shortest time between two such looks, in which each connection has a turn.
pub(crate) const SESSION_CHECK_MIN: Duration = Duration::from_secs(1);

/// How many messages of a subscription's replay are read at once: few enough that other subscribers have their turn.
pub(crate) const REPLAY_MESSAGES: usize = 100;

/// How many bytes of events may be written for a peer before it has taken some: what a socket takes at once, and little enough
/// for thousands of peers that take nothing. A page of a replay, of up to [`PAGE_BYTES`], is not begun when there are more.
pub(crate) const EVENTS_UNSENT_BYTES: usize = 64 * 1024;

/// How many messages of a user who is erased are deleted in one commit: few enough that a store remembers all of them as deleted
/// just now, and that nobody waits long.
pub(crate) const ERASED_AT_ONCE: usize = 1000;

/// How many refusals are logged in a second: enough to see who floods a server and with what. With `--log debug`, all are.
pub(crate) const REFUSALS_LOGGED_PER_SECOND: u64 = 100;

/// So many bytes of an answer count as one more line of a turn.
pub(crate) const ANSWER_BYTES_PER_LINE: usize = 4096;

/// How much lower the priority of threads is that work beside those that serve, as of the system's `nice`: they get a quarter of a
/// processor that both want.
#[cfg(all(target_os = "linux", any(feature = "server", feature = "sqlite")))]
pub(crate) const BESIDE_NICE: i32 = 5;
