//! Users, their streams and profiles that are in the database and not in memory yet. A start with many of them answers at once: each is
//! read when it is first needed, and all that are left, one [page](super::rest) after the other.
//!
//! - A user is read together with all streams from and to them. Whatever changes a user or a stream to them reads the user first, so a
//!   row of a user who is not in memory is as it was written.
//! - What is read stays in memory.
//! - If a row cannot be read or is missing, there is a [`fault`](Index::fault): what was done since the last commit is to be undone, and
//!   nothing more can be read or changed, as if the start had failed.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{AccountId, AccountRow, Index, More, Stream, StreamRow, Summary, User};
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

    /// The names of the first users after a name, in order.
    fn names_after(&self, name: &str, limit: usize) -> Result<Vec<UserName>, Error>;

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
pub(super) struct OnDisk {
    pub(super) rows: Arc<dyn Rows>,
    /// How many of each are not in memory.
    pub(super) accounts: Cell<u64>,
    pub(super) streams: Cell<u64>,
    pub(super) profiles: Cell<u64>,
    /// The rooms, blocks and keys of users who are not in memory. These are always read at the start.
    pub(super) more: HashMap<AccountId, Box<More>, NumberHasher>,
    /// What was removed and may still be in the database, and what of it will not be after the commit that is under way.
    removed: Removed,
    committing: Removed,
    /// Streams that are not in the database any more; there may be messages of theirs.
    dropped: HashSet<StreamId, NumberHasher>,
    /// How many commits have removed something.
    pub(super) removals: u64,
    /// Up to where everything was read.
    pub(super) last_account: AccountId,
    pub(super) last_profile: ProfileId,
}

#[derive(Default)]
struct Removed {
    users: HashSet<UserName>,
    streams: HashSet<StreamId, NumberHasher>,
}

impl OnDisk {
    pub(super) fn new(rows: Arc<dyn Rows>, [accounts, streams, profiles]: [u64; 3]) -> Self {
        Self {
            rows,
            accounts: Cell::new(accounts),
            streams: Cell::new(streams),
            profiles: Cell::new(profiles),
            more: HashMap::default(),
            removed: Removed::default(),
            committing: Removed::default(),
            dropped: HashSet::default(),
            removals: 0,
            last_account: AccountId(0),
            last_profile: ProfileId(0),
        }
    }

    fn is_removed(&self, user: &str) -> bool {
        self.removed.users.contains(user) || self.committing.users.contains(user)
    }

    fn is_stream_removed(&self, stream: StreamId) -> bool {
        [&self.removed.streams, &self.committing.streams, &self.dropped].iter().any(|gone| gone.contains(&stream))
    }
}

impl Index {
    /// Why something could not be read. Once there is a fault, it stays.
    pub(in crate::store) fn fault(&self) -> Option<Error> {
        self.fault.get().map(|what| Error::Storage(what.as_str().into()))
    }

    /// What was read, or nothing and a fault.
    pub(super) fn or_fault<T: Default>(&self, read: Result<T, Error>) -> T {
        read.unwrap_or_else(|problem| {
            let reason = std::error::Error::source(&problem).map(ToString::to_string);
            self.fault.set(reason.unwrap_or_else(|| problem.to_string())).ok();
            T::default()
        })
    }

    /// Has the user in memory, if there is one.
    pub(super) fn load_user(&mut self, name: &str) {
        let Some(on_disk) = &self.on_disk else { return };
        // A room is not a user.
        if !name.starts_with('#') && !self.users.contains_key(name) && !on_disk.is_removed(name) {
            let found = self.or_fault(on_disk.rows.user(name));
            found.into_iter().for_each(|rows| self.take_in(rows));
        }
    }

    /// Has the first users after a name in memory.
    pub(super) fn load_users_after(&mut self, name: &str, limit: usize) {
        let (mut after, mut found) = (name.to_owned(), 0);
        while let Some(on_disk) = self.on_disk.as_ref().filter(|_| found < limit) {
            let page = self.or_fault(on_disk.rows.names_after(&after, limit.min(NAMES)));
            let Some(last) = page.last() else { return };
            last.as_str().clone_into(&mut after);
            // Some may have been removed.
            found += page.iter().filter(|user| !on_disk.is_removed(user.as_str())).count();
            page.iter().for_each(|user| self.load_user(user.as_str()));
        }
    }

    /// Has a stream in memory, if there is one, and its reader.
    pub(super) fn load_reader(&mut self, id: StreamId) {
        self.load_stream(id);
        let Some(on_disk) = &self.on_disk else { return };
        let Some(stream) = self.streams.get(&id) else { return };
        match &stream.reader {
            Some(reader) => {
                let reader = reader.clone();
                self.load_user(reader.as_str());
            }
            None => {
                let found = self.or_fault(on_disk.rows.user_of(stream.reader_id));
                found.into_iter().for_each(|rows| self.take_in(rows));
            }
        }
    }

    /// Has a stream in memory, if there is one.
    pub(super) fn load_stream(&mut self, id: StreamId) {
        let Some(on_disk) = &self.on_disk else { return };
        if on_disk.is_stream_removed(id) || self.streams.contains_key(&id) || self.rooms.contains_key(&id) {
            return;
        }
        match self.or_fault(on_disk.rows.stream(id)) {
            Some(row) => self.put_stream(&row),
            // The log may have many messages of it.
            None => self.on_disk.iter_mut().for_each(|on_disk| on_disk.dropped.extend([id])),
        }
    }

    fn put_stream(&mut self, row: &StreamRow) {
        self.on_disk.iter().for_each(|on_disk| self.count_read(&on_disk.streams, "streams"));
        self.check_known(&[("stream", row.id.0, self.summary.last_stream)]);
        if self.rooms.contains_key(&row.id) {
            self.set_damage(format!("stream {} and a room have the same number", row.id.0));
        }
        self.tail.skip_to(row.state.head.max(row.state.cursor));
        if row.writer.is_none() {
            let gone = self.gone.entry(row.id).or_default();
            *gone = row.state.cursor.max(*gone);
        }
        self.streams.insert(Stream::of(row, None));
    }

    /// Detects numbers that were never given out: what a number is, the number, and the last one that was.
    fn check_known(&self, numbers: &[(&str, u32, u32)]) {
        for (what, number, _) in numbers.iter().filter(|(_, number, last)| number > last) {
            self.set_damage(format!("{what} {number} has a number that was never given out"));
        }
    }

    /// Takes one from a count of what is not in memory.
    fn count_read(&self, count: &Cell<u64>, what: &str) {
        match count.get().checked_sub(1) {
            Some(left) => count.set(left),
            None => self.set_damage(format!("there are more {what} than there must be")),
        }
    }

    pub(super) fn set_damage(&self, what: String) {
        self.fault.set(format!("the data is damaged: {what}")).ok();
    }

    /// Has all profiles of a user name in memory.
    pub(super) fn load_profiles_of(&mut self, user: &str) {
        let Some(on_disk) = &self.on_disk else { return };
        let found = self.or_fault(on_disk.rows.profiles_of(user));
        found.into_iter().for_each(|(id, profile)| drop(self.take_in_profile(id, profile)));
    }

    /// The profile with that number, from the database.
    pub(super) fn profile_on_disk(&self, id: ProfileId) -> Option<Arc<Profile>> {
        let on_disk = self.on_disk.as_ref()?;
        let profile = Arc::new(self.or_fault(on_disk.rows.profile(id))?);
        self.count_read(&on_disk.profiles, "profiles");
        self.profiles.by_id.borrow_mut().insert(id, Arc::clone(&profile));
        Some(profile)
    }

    /// Whether everything is in memory.
    pub(in crate::store) fn is_whole(&self) -> bool {
        self.on_disk.is_none() && self.fault.get().is_none()
    }

    /// Takes note that a user was removed, whose rows will be with the next commit.
    pub(super) fn note_removed(&mut self, user: &UserName) {
        self.on_disk.iter_mut().for_each(|on_disk| on_disk.removed.users.extend([user.clone()]));
    }

    pub(super) fn note_removed_stream(&mut self, stream: StreamId) {
        self.on_disk.iter_mut().for_each(|on_disk| on_disk.removed.streams.extend([stream]));
    }

    /// Takes note that the changes so far are being committed.
    pub(super) fn note_committing(&mut self) {
        let Some(on_disk) = &mut self.on_disk else { return };
        on_disk.committing.users.extend(on_disk.removed.users.drain());
        on_disk.committing.streams.extend(on_disk.removed.streams.drain());
    }

    /// Takes note that these changes are committed.
    pub(super) fn note_committed(&mut self) {
        let Some(on_disk) = &mut self.on_disk else { return };
        let Removed { users, streams } = std::mem::take(&mut on_disk.committing);
        on_disk.removals += u64::from(!users.is_empty() || !streams.is_empty());
    }

    /// The rooms, blocks and keys of a user, in memory or not.
    pub(super) fn more_of(&mut self, user: &str, account: AccountId) -> Option<&mut More> {
        match (self.users.get_mut(user), &mut self.on_disk) {
            (Some(user), _) => user.more.as_deref_mut(),
            (None, Some(on_disk)) => on_disk.more.get_mut(&account).map(|more| &mut **more),
            (None, None) => None,
        }
    }

    /// Has a user in memory who was not.
    pub(super) fn take_in(&mut self, rows: UserRows) {
        let UserRows { account: AccountRow { id, profile: profile_id, password, banned, since }, profile, streams } =
            rows;
        let name = profile.user().clone();
        let Summary { last_account, last_profile, .. } = self.summary;
        self.check_known(&[("account", id.0, last_account), ("profile", profile_id.0, last_profile)]);
        let Some(on_disk) = self.on_disk.as_mut().filter(|on_disk| !on_disk.is_removed(name.as_str())) else { return };
        if self.users.contains_key(name.as_str()) {
            return;
        }
        let more = on_disk.more.remove(&id);
        self.revision += 1;
        self.tail.skip_to(since);
        // It may be here already, as that of a session or a message.
        let known = self.profiles.take(profile_id);
        if let Some(on_disk) = &self.on_disk {
            self.count_read(&on_disk.accounts, "accounts");
            if known.is_none() {
                self.count_read(&on_disk.profiles, "profiles");
            }
        }
        let profile = known.unwrap_or_else(|| Arc::new(profile));
        let account = Account { profile, password, banned, revision: self.revision };
        let mut user = User::new(id, profile_id, since, account);
        user.more = more;
        for (row, other) in streams {
            if self.on_disk.as_ref().is_some_and(|on_disk| on_disk.is_stream_removed(row.id)) {
                continue;
            }
            let reader = if row.reader == id { Some(&name) } else { other.as_ref() };
            if !self.streams.contains_key(&row.id) {
                self.put_stream(&row);
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
            self.on_disk.iter().for_each(|on_disk| self.count_read(&on_disk.profiles, "profiles"));
            self.profiles.put(id, Arc::clone(&profile));
        }
        profile
    }
}

/// How many names are read at once.
const NAMES: usize = 1024;
