use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Store;
use super::sessions::Sessions;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Inbox, Profile, SessionToken, UserName};

/// The engine that keeps everything in memory and forgets it with the process. It never fails.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

impl Memory {
    /// A store with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn add_account(&self, account: Account) -> Result<bool, Error> {
        let mut state = self.state();
        let user = account.profile.user().clone();
        if state.users.contains_key(&user) {
            return Ok(false);
        }
        let unread = Inbox::new(account.profile.full_name());
        state.users.insert(user, User { account: Arc::new(account), unread });
        Ok(true)
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.state().users.get(user).map(|user| Arc::clone(&user.account)))
    }

    fn open_session(&self, token: SessionToken, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
        let State { users, sessions } = &mut *self.state();
        Ok(users.get(user).is_some_and(|user| sessions.open(token, &user.account.profile, now, expires)))
    }

    fn use_session(
        &self,
        token: &SessionToken,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.state().sessions.touch(token, now, expires))
    }

    fn close_session(&self, token: &SessionToken, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.state().sessions.close(token, now))
    }

    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.state().sessions.active_users(now))
    }

    fn append(&self, to: &str, from: &Arc<Profile>, text: &str) -> Result<bool, Error> {
        let mut state = self.state();
        let Some(user) = state.users.get_mut(to) else { return Ok(false) };
        user.unread.push(from, text);
        Ok(true)
    }

    fn take_unread(&self, user: &str) -> Result<Inbox, Error> {
        let mut state = self.state();
        let Some(user) = state.users.get_mut(user) else { return Ok(Inbox::default()) };
        let empty = Inbox::new(user.account.profile.full_name());
        Ok(std::mem::replace(&mut user.unread, empty))
    }
}

#[derive(Default)]
struct State {
    users: HashMap<UserName, User>,
    sessions: Sessions,
}

struct User {
    account: Arc<Account>,
    /// The mailbox from the cursor on; what lies before it is not kept.
    unread: Inbox,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn keeps_the_contract() {
        contract::check(|| Box::new(Memory::new()));
    }
}
