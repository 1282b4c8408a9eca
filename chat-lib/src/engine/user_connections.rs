//! How many connections use sessions of each user. A connection counts for the user whose session it used last, until it is closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Chat, Origin};
use crate::error::Error;
use crate::model::UserName;

/// The count of each user who has a connection. Clones share it.
#[derive(Clone, Default)]
pub(super) struct UserConnections {
    counts: Arc<Mutex<HashMap<UserName, usize>>>,
}

/// One connection among those of its user, until it is dropped.
pub(super) struct Counted {
    user: UserName,
    all: UserConnections,
}

impl Chat {
    /// Refuses a connection that is to use a session of `user`, if there are too many already and it is none of them.
    pub(super) fn check_connections_of(&self, user: &str, origin: &Origin) -> Result<(), Error> {
        if !origin.is_limited || origin.counted.as_ref().is_some_and(|counted| counted.user.as_str() == user) {
            return Ok(());
        }
        let count = self.inner.user_connections.lock().get(user).copied().unwrap_or_default();
        if count < self.limits().connections_per_user { Ok(()) } else { Err(Error::TooManyConnections) }
    }

    /// Counts a connection that uses a session of `user`.
    pub(crate) fn count_connection(&self, user: &UserName, origin: &mut Origin) -> Result<(), Error> {
        if !origin.is_limited || origin.counted.as_ref().is_some_and(|counted| counted.user == *user) {
            return Ok(());
        }
        // It gives its place among another user's connections back first.
        origin.counted = None;
        let all = &self.inner.user_connections;
        let mut counts = all.lock();
        let count = counts.get(user).copied().unwrap_or_default();
        if count >= self.limits().connections_per_user {
            return Err(Error::TooManyConnections);
        }
        counts.insert(user.clone(), count + 1);
        drop(counts);
        origin.counted = Some(Box::new(Counted { user: user.clone(), all: all.clone() }));
        Ok(())
    }
}

impl UserConnections {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserName, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.all.lock();
        if let Some(count) = counts.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}
