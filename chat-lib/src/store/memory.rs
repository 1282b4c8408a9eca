use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sessions::{Change, Sessions};
use super::{Appended, NewMessage, Record, Room, Show, Store, Taken};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Inbox, Profile, SessionId, UserName};

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
        Ok(self.state().add_account(account))
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.state().users.get(user).map(|user| Arc::clone(&user.account)))
    }

    fn accounts(&self) -> Result<Vec<Arc<Account>>, Error> {
        let state = self.state();
        let mut accounts: Vec<_> = state.users.values().map(|user| Arc::clone(&user.account)).collect();
        accounts.sort_by(|one, other| one.profile.user().cmp(other.profile.user()));
        Ok(accounts)
    }

    fn replace_account(&self, old: &Arc<Account>, new: Account) -> Result<bool, Error> {
        let State { users, sessions, .. } = &mut *self.state();
        let user = users.get_mut(old.profile.user()).filter(|user| Arc::ptr_eq(&user.account, old));
        let Some(user) = user.filter(|_| new.profile.user() == old.profile.user()) else { return Ok(false) };
        sessions.set_profile(&new.profile);
        user.account = Arc::new(new);
        Ok(true)
    }

    fn remove_account(&self, user: &str) -> Result<bool, Error> {
        let State { users, sessions, .. } = &mut *self.state();
        sessions.close_all(user, &mut forget);
        Ok(users.remove(user).is_some())
    }

    fn open_session(&self, id: SessionId, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
        let State { users, sessions, .. } = &mut *self.state();
        let user = users.get(user);
        Ok(user.is_some_and(|user| sessions.open(id, &user.account.profile, now, expires, &mut forget)))
    }

    fn use_session(&self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.state().sessions.touch(id, now, expires, &mut forget))
    }

    fn close_session(&self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.state().sessions.close(id, now, &mut forget))
    }

    fn close_sessions(&self, user: &str) -> Result<(), Error> {
        self.state().sessions.close_all(user, &mut forget);
        Ok(())
    }

    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.state().sessions.active_users(now, &mut forget))
    }

    fn sessions(&self, now: Timestamp) -> Result<Vec<(SessionId, Arc<Profile>)>, Error> {
        Ok(self.state().sessions.live(now, &mut forget))
    }

    fn append(&self, message: NewMessage<'_>, room: Room) -> Result<Appended, Error> {
        Ok(self.state().append(message, room))
    }

    fn take_unread(&self, user: &str, most: usize) -> Result<Option<Taken>, Error> {
        Ok(self.state().take_unread(user, most))
    }

    fn put_back(&self, user: &str, taken: Taken) -> Result<bool, Error> {
        Ok(self.state().put_back(user, taken))
    }

    fn dump(&self, show: &mut Show<'_>) -> Result<(), Error> {
        let accounts = self.accounts()?;
        let state = self.state();
        for account in &accounts {
            show(Record::Account(account))?;
        }
        let mailboxes = state.users.values().flat_map(|user| {
            let to = user.account.profile.user().as_str();
            let messages = user.arrivals.iter().zip(user.unread.with_senders());
            messages.map(move |(at, (from, text))| (at.number, NewMessage { to, from, text, time: at.time }))
        });
        let messages: BTreeMap<u64, NewMessage<'_>> = mailboxes.collect();
        messages.into_values().try_for_each(|message| show(Record::Message { message, read: false }))
    }

    fn restore(&self, record: Record<'_>) -> Result<bool, Error> {
        let mut state = self.state();
        Ok(match record {
            Record::Account(account) => state.add_account(account.clone()),
            Record::Message { message, read: true } => state.users.contains_key(message.to),
            Record::Message { message, read: false } => state.append(message, Room::ANY) == Appended::Done,
        })
    }
}

/// Nothing is written down here.
fn forget(_: Change) {}

#[derive(Default)]
struct State {
    users: HashMap<UserName, User>,
    sessions: Sessions,
    appended: u64,
    takes: u64,
}

impl State {
    fn add_account(&mut self, account: Account) -> bool {
        let user = account.profile.user().clone();
        let free = !self.users.contains_key(&user);
        if free {
            self.users.insert(
                user,
                User { account: Arc::new(account), unread: Inbox::default(), arrivals: Vec::new(), take: 0 },
            );
        }
        free
    }

    fn append(&mut self, message: NewMessage<'_>, room: Room) -> Appended {
        let Some(user) = self.users.get_mut(message.to) else { return Appended::NoSuchUser };
        if !room.takes(user.unread.len(), user.unread.bytes(), message.text) {
            return Appended::Full;
        }
        user.unread.push(message.from, message.text);
        user.arrivals.push(Arrival { number: self.appended, time: message.time });
        self.appended += 1;
        Appended::Done
    }

    fn take_unread(&mut self, user: &str, most: usize) -> Option<Taken> {
        let Some(user) = self.users.get_mut(user) else { return Some(Taken::default()) };
        if Inbox::footprint(user.unread.len(), user.unread.bytes()) > most {
            return None;
        }
        let mut inbox = std::mem::take(&mut user.unread);
        inbox.set_to(user.account.profile.full_name());
        if inbox.is_empty() {
            return Some(Taken { inbox, receipt: None });
        }
        self.takes += 1;
        let before = std::mem::replace(&mut user.take, self.takes);
        let receipt = Receipt { take: self.takes, before, arrivals: std::mem::take(&mut user.arrivals) };
        Some(Taken { inbox, receipt: Some(Box::new(receipt)) })
    }

    fn put_back(&mut self, user: &str, taken: Taken) -> bool {
        let receipt = taken.receipt.and_then(|receipt| receipt.downcast::<Receipt>().ok());
        let (Some(receipt), Some(user)) = (receipt, self.users.get_mut(user)) else { return false };
        let Receipt { take, before, mut arrivals } = *receipt;
        if user.take != take {
            return false;
        }
        let mut unread = taken.inbox;
        unread.append(std::mem::take(&mut user.unread));
        arrivals.append(&mut user.arrivals);
        (user.unread, user.arrivals, user.take) = (unread, arrivals, before);
        true
    }
}

struct User {
    account: Arc<Account>,
    /// The mailbox from the cursor on; what lies before it is not kept.
    unread: Inbox,
    /// Of each message in `unread`.
    arrivals: Vec<Arrival>,
    /// The last take that was not put back; no two takes have one number.
    take: u64,
}

struct Receipt {
    take: u64,
    /// The one before it in the same mailbox.
    before: u64,
    arrivals: Vec<Arrival>,
}

#[derive(Clone, Copy)]
struct Arrival {
    /// Its place among all messages.
    number: u64,
    time: Timestamp,
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
