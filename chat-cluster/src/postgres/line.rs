//! A connection that is reopened when it is lost.

use std::sync::Arc;

use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::fault::Fault;
use super::session::{Commits, Session};
use super::target::Target;

/// One [`Session`] at a time, for one caller at a time.
pub(super) struct Line {
    target: Arc<Target>,
    schema: String,
    commits: Commits,
    standby_optional: bool,
    session: Mutex<Option<Session>>,
}

impl Line {
    pub(super) fn new(target: Arc<Target>, schema: &str, commits: Commits, standby_optional: bool) -> Self {
        Self { target, schema: schema.to_owned(), commits, standby_optional, session: Mutex::new(None) }
    }

    /// The session, in turn. It is a new one if the last is closed or has been left without its answer. What was sent on
    /// that one may still be done.
    pub(super) async fn session(&self) -> Result<MappedMutexGuard<'_, Session>, Fault> {
        let mut slot = self.session.lock().await;
        if !slot.as_ref().is_some_and(Session::is_usable) {
            *slot = None;
            *slot = Some(Session::open(&self.target, &self.schema, self.commits, self.standby_optional).await?);
        }
        MutexGuard::try_map(slot, Option::as_mut).map_err(|_| Fault::Unreachable("no session".to_owned()))
    }
}
