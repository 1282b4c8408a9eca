//! Users, their streams and profiles that are in the database and not in memory. Each is read when it is first needed, so that a start
//! takes no longer for a million users than for a thousand, and users who do not come take no memory.
//!
//! - A user is read together with all streams from and to them. Whatever changes a user or a stream to them reads the user first, so a
//!   row of a user who is not in memory is as it was written.
//! - What is read stays in memory.
//! - If a row cannot be read, nothing that was done since the last commit counts: see [`fault`](Index::fault).

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::{AccountId, AccountRow, Index, More, Stream, StreamRow, User};
use crate::error::Error;
use crate::model::{Account, Profile, UserName};
use crate::store::hash::NumberHasher;
use crate::store::log::{ProfileId, StreamId};

/// The rows of users, as they are committed.
pub(in crate::store) trait Rows: Send + Sync {
    /// The user of that name.
    fn user(&self, name: &str) -> Result<Option<UserRows>, Error>;

    /// The user with that account.
    fn user_of(&self, account: AccountId) -> Result<Option<UserRows>, Error>;

    /// The first users after a name, in order of name.
    fn users_after(&self, name: &str, limit: usize) -> Result<Vec<UserRows>, Error>;

    /// The first users after an account, in order of account.
    fn accounts_after(&self, account: AccountId, limit: usize) -> Result<Vec<UserRows>, Error>;

    /// The stream with that number.
    fn stream(&self, id: StreamId) -> Result<Option<StreamRow>, Error>;

    /// The profile with that number.
    fn profile(&self, id: ProfileId) -> Result<Option<Profile>, Error>;

    /// All profiles of a user name.
    fn profiles_of(&self, user: &str) -> Result<Vec<(ProfileId, Profile)>, Error>;

    /// The first profiles after one, in order of number.
    fn profiles_after(&self, id: ProfileId, limit: usize) -> Result<Vec<(ProfileId, Profile)>, Error>;
}

/// A user and all streams from and to them.
#[derive(Debug)]
pub(in crate::store) struct UserRows {
    pub(in crate::store) account: AccountRow,
    pub(in crate::store) profile: Profile,
    /// Each with the name of the other user; `None` if that one was removed.
    pub(in crate::store) streams: Vec<(StreamRow, Option<UserName>)>,
}

/// What is not in memory.
pub(super) struct Absent {
    rows: Arc<dyn Rows>,
    /// How many of each are not in memory.
    pub(super) accounts: u64,
    pub(super) streams: u64,
    pub(super) profiles: Cell<u64>,
    /// The rooms, blocks and keys of users who are not in memory. These are always read at the start.
    pub(super) more: HashMap<AccountId, Box<More>, NumberHasher>,
    /// What was removed and may still be in the database, and what of it will not be after the commit that is under way.
    removed: Removed,
    leaving: Removed,
    /// How far everything was read in.
    last_account: AccountId,
    last_profile: ProfileId,
    fault: OnceLock<String>,
}

#[derive(Default)]
struct Removed {
    users: HashSet<UserName>,
    streams: HashSet<StreamId, NumberHasher>,
}

impl Absent {
    pub(super) fn new(rows: Arc<dyn Rows>, [accounts, streams, profiles]: [u64; 3]) -> Self {
        Self {
            rows,
            accounts,
            streams,
            profiles: Cell::new(profiles),
            more: HashMap::default(),
            removed: Removed::default(),
            leaving: Removed::default(),
            last_account: AccountId(0),
            last_profile: ProfileId(0),
            fault: OnceLock::new(),
        }
    }

    fn is_removed(&self, user: &str) -> bool {
        self.removed.users.contains(user) || self.leaving.users.contains(user)
    }

    /// What was read, or nothing and a fault.
    fn sound<T: Default>(&self, read: Result<T, Error>) -> T {
        read.unwrap_or_else(|problem| {
            let reason = std::error::Error::source(&problem).map(ToString::to_string);
            self.fault.set(reason.unwrap_or_else(|| problem.to_string())).ok();
            T::default()
        })
    }
}

impl Index {
    /// Why something could not be read; the index is not to be used any more.
    pub(in crate::store) fn fault(&self) -> Option<Error> {
        let what = self.absent.as_ref()?.fault.get()?;
        Some(Error::Storage(what.as_str().into()))
    }

    /// Has the user in memory, if there is one.
    pub(super) fn load_user(&mut self, name: &str) {
        let Some(absent) = &self.absent else { return };
        // A room is not a user.
        if !name.starts_with('#') && !self.users.contains_key(name) && !absent.is_removed(name) {
            let found = absent.sound(absent.rows.user(name));
            found.into_iter().for_each(|rows| self.take_in(rows));
        }
    }

    /// Has the first users after a name in memory.
    pub(super) fn load_users_after(&mut self, name: &str, limit: usize) {
        let mut after = name.to_owned();
        while let Some(absent) = &self.absent {
            // Some may have been removed.
            let page = absent.sound(absent.rows.users_after(&after, limit.min(PAGE)));
            let Some(last) = page.last() else { return };
            last.profile.user().as_str().clone_into(&mut after);
            page.into_iter().for_each(|rows| self.take_in(rows));
            let loaded = self.users.after(name).take_while(|user| user.name().as_str() <= after.as_str());
            if loaded.take(limit).count() >= limit {
                return;
            }
        }
    }

    /// Has a stream in memory, if there is one, and its reader.
    pub(super) fn load_reader(&mut self, id: StreamId) {
        self.load_stream(id);
        let Some(absent) = &self.absent else { return };
        let Some(stream) = self.streams.get(&id) else { return };
        match &stream.reader {
            Some(reader) => {
                let reader = reader.clone();
                self.load_user(reader.as_str());
            }
            None => {
                let found = absent.sound(absent.rows.user_of(stream.reader_id));
                found.into_iter().for_each(|rows| self.take_in(rows));
            }
        }
    }

    /// Has a stream in memory, if there is one.
    pub(super) fn load_stream(&mut self, id: StreamId) {
        let Some(absent) = &mut self.absent else { return };
        let is_removed = absent.removed.streams.contains(&id) || absent.leaving.streams.contains(&id);
        if is_removed || self.streams.contains_key(&id) || self.rooms.contains_key(&id) {
            return;
        }
        if let Some(row) = absent.sound(absent.rows.stream(id)) {
            absent.streams = absent.streams.saturating_sub(1);
            self.tail.skip_to(row.state.head.max(row.state.cursor));
            self.streams.insert(Stream::of(&row, None));
        }
    }

    /// Has all profiles of a user name in memory.
    pub(super) fn load_profiles_of(&mut self, user: &str) {
        let Some(absent) = &self.absent else { return };
        let found = absent.sound(absent.rows.profiles_of(user));
        found.into_iter().for_each(|(id, profile)| drop(self.take_in_profile(id, profile)));
    }

    /// The profile with that number, from the database.
    pub(super) fn absent_profile(&self, id: ProfileId) -> Option<Arc<Profile>> {
        let absent = self.absent.as_ref()?;
        let profile = Arc::new(absent.sound(absent.rows.profile(id))?);
        absent.profiles.set(absent.profiles.get().saturating_sub(1));
        self.profiles.by_id.borrow_mut().insert(id, Arc::clone(&profile));
        Some(profile)
    }

    /// Whether not everything is in memory.
    pub(in crate::store) fn is_on_demand(&self) -> bool {
        self.absent.is_some()
    }

    /// Has everything in memory.
    pub(in crate::store) fn load_all(&mut self) {
        while self.load_some() {}
    }

    /// Has some more of everything in memory. `false` if that is all, or there is a [`fault`](Self::fault).
    pub(in crate::store) fn load_some(&mut self) -> bool {
        let Some(absent) = self.absent.as_mut().filter(|absent| absent.fault.get().is_none()) else { return false };
        let users = absent.sound(absent.rows.accounts_after(absent.last_account, PAGE));
        if let Some(last) = users.last() {
            absent.last_account = last.account.id;
            users.into_iter().for_each(|rows| self.take_in(rows));
            return true;
        }
        let profiles = absent.sound(absent.rows.profiles_after(absent.last_profile, PAGE));
        if let Some((last, _)) = profiles.last() {
            absent.last_profile = *last;
            profiles.into_iter().for_each(|(id, profile)| drop(self.take_in_profile(id, profile)));
            return true;
        }
        match (absent.fault.get(), absent.accounts, absent.streams, absent.profiles.get()) {
            (None, 0, 0, 0) => self.absent = None,
            (_, accounts, streams, profiles) => {
                let what = format!("{accounts} accounts, {streams} streams and {profiles} profiles are missing");
                absent.fault.set(what).ok();
            }
        }
        false
    }

    /// Takes note that a user was removed, whose rows will be with the next commit.
    pub(super) fn note_removed(&mut self, user: &UserName) {
        self.absent.iter_mut().for_each(|absent| absent.removed.users.extend([user.clone()]));
    }

    pub(super) fn note_removed_stream(&mut self, stream: StreamId) {
        self.absent.iter_mut().for_each(|absent| absent.removed.streams.extend([stream]));
    }

    /// Takes note that the changes so far are being committed.
    pub(super) fn note_leaving(&mut self) {
        let Some(absent) = &mut self.absent else { return };
        absent.leaving.users.extend(absent.removed.users.drain());
        absent.leaving.streams.extend(absent.removed.streams.drain());
    }

    /// Takes note that these changes are committed.
    pub(super) fn note_left(&mut self) {
        self.absent.iter_mut().for_each(|absent| absent.leaving = Removed::default());
    }

    /// The rooms, blocks and keys of a user, in memory or not.
    pub(super) fn more_of(&mut self, user: &str, account: AccountId) -> Option<&mut More> {
        match (self.users.get_mut(user), &mut self.absent) {
            (Some(user), _) => user.more.as_deref_mut(),
            (None, Some(absent)) => absent.more.get_mut(&account).map(|more| &mut **more),
            (None, None) => None,
        }
    }

    fn take_in(&mut self, rows: UserRows) {
        let UserRows { account: AccountRow { id, profile: profile_id, password, banned, since }, profile, streams } =
            rows;
        let name = profile.user().clone();
        let Some(absent) = self.absent.as_mut().filter(|absent| !absent.is_removed(name.as_str())) else { return };
        if self.users.contains_key(name.as_str()) {
            return;
        }
        absent.accounts = absent.accounts.saturating_sub(1);
        let more = absent.more.remove(&id);
        self.revision += 1;
        self.tail.skip_to(since);
        // It may be here already, as that of a session or a message.
        let profile = self.profiles.settle(profile_id).unwrap_or_else(|| {
            absent.profiles.set(absent.profiles.get().saturating_sub(1));
            Arc::new(profile)
        });
        let account = Account { profile, password, banned, revision: self.revision };
        let mut user = User::new(id, profile_id, since, account);
        user.more = more;
        for (row, other) in streams {
            if absent.removed.streams.contains(&row.id) || absent.leaving.streams.contains(&row.id) {
                continue;
            }
            let reader = if row.reader == id { Some(&name) } else { other.as_ref() };
            if !self.streams.contains_key(&row.id) {
                absent.streams = absent.streams.saturating_sub(1);
                self.tail.skip_to(row.state.head.max(row.state.cursor));
                self.streams.insert(Stream::of(&row, None));
            }
            let Some(stream) = self.streams.get_mut(&row.id) else { continue };
            stream.reader = stream.reader.take().or_else(|| reader.cloned());
            user.join(row.id, stream, other.as_ref());
        }
        self.unread_bytes += user.unread().1;
        self.users.insert(user);
    }

    /// The profile that is in memory, which is this one if there was none.
    pub(super) fn take_in_profile(&mut self, id: ProfileId, profile: Profile) -> Arc<Profile> {
        let current = self.users.of_profile(id).map(|user| Arc::clone(&user.profile));
        let known = current.or_else(|| self.profiles.by_id.get_mut().get(&id).cloned());
        let is_new = known.is_none();
        let profile = known.unwrap_or_else(|| Arc::new(profile));
        if is_new {
            let absent = self.absent.iter().map(|absent| &absent.profiles);
            absent.for_each(|count| count.set(count.get().saturating_sub(1)));
            self.profiles.put(id, Arc::clone(&profile));
        }
        profile
    }
}

/// How many are read at once.
const PAGE: usize = 64;
