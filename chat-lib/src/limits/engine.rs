//! Caps of the engine and of outboxes.

/// How many users and addresses with failed logins are remembered, the least recent being forgotten:
/// some 10 MB.
pub(crate) const FAILURES_REMEMBERED: usize = 100_000;

/// How many bytes of memory a reactor's spare buffer for answers may hold on to between connections. A
/// larger one, left by a full inbox, is given back.
pub(crate) const SPARE_BYTES: usize = 256 * 1024;
