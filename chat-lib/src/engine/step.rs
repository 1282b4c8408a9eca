//! A command is one step or one job. A [`Step`] runs in a [turn](super::turn) and must not block; a [`Job`] may, and runs
//! between two turns: on a pool of threads beside a server's reactors, or in the thread of a caller that has no server.
//!
//! ```text
//! Chat::start ──▶ Step::Done, Step::Inbox: answered, once the turn is committed
//!             └─▶ Step::Job ──▶ (the turn is committed) ──▶ Job::run ──▶ Chat::finish ──▶ another step
//! ```

use std::fmt;
use std::time::Instant;

use super::authenticator::{Authenticated, Authentication};
use super::event::Caller;
use super::inbox::{Delivery, InboxRead, ReadInbox};
use super::login::{CheckPassword, CheckedPassword};
use super::reading::{ReadDone, ReadJob};
use super::subscription::{Replay, Subscribing};
use crate::error::Error;
use crate::metrics;
use crate::model::MessageId;
use crate::protocol::{CommandKind, Reply};
use crate::store::SyncPage;

/// How far a command has come, unless it was refused.
pub(crate) enum Step {
    /// It is done.
    Done(Reply),
    /// An `inbox` or `inboxgroup` is done, and this is to be delivered.
    Inbox(Box<Delivery>),
    /// A page of messages for a subscription was read.
    Page(SyncPage),
    /// Something that may block comes first.
    Job(Job),
}

/// The part of a command that may block: checking or hashing a password takes tens of milliseconds, asking an
/// [`Authenticator`](crate::Authenticator) up to its patience, and reading messages as long as the disk needs. It can be run on any thread.
///
/// Its connection waits for it: [finish](crate::Connection::finish_job) what it gives.
#[must_use = "its connection waits for it"]
pub struct Job(Box<JobParts>);

struct JobParts {
    caller: Caller,
    began: Instant,
    work: Work,
}

pub(super) enum Work {
    Password(CheckPassword),
    Authentication(Authentication),
    Inbox(ReadInbox),
    Subscription(Subscribing),
    Replay(Replay),
    Read(Box<ReadJob>),
}

impl Work {
    fn waited_for(&self) -> metrics::Work {
        match self {
            Self::Password(_) => metrics::Work::Password,
            Self::Authentication(_) => metrics::Work::Authenticator,
            Self::Inbox(_) | Self::Subscription(_) | Self::Replay(_) | Self::Read(_) => metrics::Work::Reading,
        }
    }
}

impl Job {
    pub(super) fn new(caller: &Caller, work: Work) -> Self {
        Self(Box::new(JobParts { caller: caller.clone(), began: Instant::now(), work }))
    }

    /// Does it. The turn that gave it must have been committed, and the thread must have none. An
    /// [`Authenticator`](crate::Authenticator) is waited for only so long.
    pub fn run(self) -> FinishedJob {
        self.run_with(Authentication::run)
    }

    /// As [`run`](Self::run), for a caller who waits for an authenticator as long as it takes.
    pub(super) fn run_here(self) -> FinishedJob {
        self.run_with(Authentication::run_here)
    }

    fn run_with(self, authenticate: impl FnOnce(Authentication) -> Authenticated) -> FinishedJob {
        let JobParts { caller, began, work } = *self.0;
        let waited_for = work.waited_for();
        let result = match work {
            Work::Password(check) => JobResult::Password(check.run()),
            Work::Authentication(authentication) => JobResult::Authentication(authenticate(authentication)),
            Work::Inbox(read) => JobResult::Inbox(read.run()),
            Work::Subscription(subscribing) => JobResult::Subscription(subscribing.run()),
            Work::Replay(replay) => JobResult::Replay(replay.run()),
            Work::Read(read) => JobResult::Read(read.run()),
        };
        FinishedJob(Box::new(FinishedParts { caller, began, waited_for, result }))
    }

    /// Whether it waits for a disk, and hardly uses a processor. Such jobs should have other threads than passwords, so that
    /// neither kind waits for the other.
    pub fn is_io_bound(&self) -> bool {
        !matches!(self.0.work, Work::Password(_) | Work::Authentication(_))
    }

    /// Whether it takes a subscription on, or reads a page for it.
    #[cfg(feature = "server")]
    pub(crate) fn is_for_subscription(&self) -> bool {
        matches!(self.0.work, Work::Subscription(_) | Work::Replay(_))
    }

    /// Whether it asks an [`Authenticator`](crate::Authenticator). Such jobs should have more threads than there are cores
    /// ([`AUTHENTICATOR_THREADS`](crate::limits::AUTHENTICATOR_THREADS)), so that one that hangs does not hold up the others.
    pub fn asks_authenticator(&self) -> bool {
        matches!(self.0.work, Work::Authentication(_))
    }

    /// Has its command refused with `busy`, because too many jobs wait ([`JOBS_WAITING`](crate::limits::JOBS_WAITING)).
    pub fn refuse_busy(self) -> FinishedJob {
        let JobParts { caller, began, work } = *self.0;
        let (waited_for, result) = (work.waited_for(), JobResult::Refused(Error::Busy));
        FinishedJob(Box::new(FinishedParts { caller, began, waited_for, result }))
    }
}

/// Keeps the password out.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("command", &self.0.caller.command.map(CommandKind::name)).finish_non_exhaustive()
    }
}

/// What came out of a [`Job`]. Its command is not done yet.
#[must_use = "its connection waits for it"]
pub struct FinishedJob(Box<FinishedParts>);

pub(super) struct FinishedParts {
    pub(super) caller: Caller,
    pub(super) began: Instant,
    pub(super) waited_for: metrics::Work,
    pub(super) result: JobResult,
}

pub(super) enum JobResult {
    Password(CheckedPassword),
    Authentication(Authenticated),
    Inbox(InboxRead),
    Subscription(Result<MessageId, Error>),
    Replay(Result<SyncPage, Error>),
    Read(ReadDone),
    Refused(Error),
}

impl FinishedJob {
    pub(super) fn into_parts(self) -> FinishedParts {
        *self.0
    }
}

impl fmt::Debug for FinishedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedJob")
            .field("command", &self.0.caller.command.map(CommandKind::name))
            .finish_non_exhaustive()
    }
}
