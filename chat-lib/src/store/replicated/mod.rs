//! What a replicated store needs from outside: a [log](ReplicatedLog) that several servers share, and of which each keeps a view in
//! its own directory ([`Durable::replicated`](super::Durable::replicated)).

mod log;

pub use self::log::{LogEntry, LogError, Placed, RECORD_BYTES, ReplicatedLog};
