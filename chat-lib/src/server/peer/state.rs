//! What a peer waits for, who serves it, and what a reactor is to do with it.

use crate::engine::{FinishedJob, Job};
use crate::server::disconnect::Disconnect;
use crate::server::relay::Remote;

/// Who does what a peer asks for.
pub(super) enum Service {
    /// This server.
    Here,
    /// This server, until the connection is settled; then another one.
    Leaving,
    /// Another server, or none.
    Elsewhere(Box<Remote>),
}

/// Whether the connection waits for a job.
#[derive(Default)]
pub(super) enum JobState {
    #[default]
    None,
    /// It waits for this one, which the reactor is to take.
    Found(Job),
    /// It waits for the one that the reactor has taken.
    Running,
    /// Its request can go on.
    Finished(FinishedJob),
}

/// What a reactor is to do with a peer after its turn.
pub(in crate::server) enum Next {
    /// Nothing until an event.
    Wait,
    /// Give it another turn, after the others': there is more to read.
    Again,
    /// Nothing until some of the answers are sent.
    Full,
    /// Nothing but sending its answers; then the connection is finished.
    Finish,
    /// Have this job run once the turn is committed, and nothing until it is finished.
    Run(Job),
    Close(Disconnect),
}
