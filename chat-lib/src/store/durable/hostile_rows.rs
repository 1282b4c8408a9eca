//! The rows of the hostile backend, one by one. Reading these does not fail.

use std::sync::Arc;

use super::backend::OnDemandTables;
use super::hostile::{Content, Hostile};
use crate::error::Error;
use crate::model::{Profile, UserName};
use crate::store::index::{AccountId, AccountRow, Always, Rows, StreamRow, UserRows};
use crate::store::log::{ProfileId, StreamId};

impl Content {
    fn profile(&self, account: AccountId) -> &Profile {
        &self.profiles[&self.accounts[&account.0].profile.0]
    }

    fn name(&self, account: AccountId) -> UserName {
        self.profile(account).user().clone()
    }

    fn user(&self, account: &AccountRow) -> UserRows {
        let id = account.id;
        let streams = self.streams.values().filter(|row| row.reader == id || row.writer == Some(id));
        let with_other = |row: &StreamRow| {
            let other = if row.reader == id { row.writer } else { Some(row.reader) };
            (*row, other.map(|other| self.name(other)))
        };
        let streams = streams.map(with_other).collect();
        UserRows { account: account.clone(), profile: self.profile(id).clone(), streams }
    }

    pub(super) fn on_demand(&self, rows: Hostile) -> OnDemandTables {
        let name = |account: AccountId| (account, self.name(account));
        let sessions = self.sessions.values().cloned().map(|row| {
            let (profile, user) = (self.accounts[&row.account.0].profile, self.profile(row.account).clone());
            (row, profile, user)
        });
        let always = Always {
            rooms: self.rooms.values().cloned().collect(),
            members: self.members.values().map(|row| (*row, self.name(row.account))).collect(),
            blocks: self.blocks.iter().map(|(user, other)| [name(*user), name(*other)]).collect(),
            sessions: sessions.collect(),
            invitations: self.invitations.values().cloned().collect(),
            deleted: self.deleted.iter().copied().collect(),
            keys: self.keys.values().cloned().collect(),
        };
        let of_notes = |row: &&StreamRow| row.writer == Some(row.reader);
        let partners = self.streams.values().filter(|row| row.writer.is_some()).count()
            + self.streams.values().filter(of_notes).count();
        OnDemandTables { always, partners: partners as u64, rows: Arc::new(rows) }
    }
}

impl Rows for Hostile {
    fn user(&self, name: &str) -> Result<Option<UserRows>, Error> {
        let now = self.now();
        let found = now.accounts.values().find(|row| now.profile(row.id).user().as_str() == name);
        Ok(found.map(|row| now.user(row)))
    }

    fn user_of(&self, account: AccountId) -> Result<Option<UserRows>, Error> {
        let now = self.now();
        Ok(now.accounts.get(&account.0).map(|row| now.user(row)))
    }

    fn names_after(&self, name: &str, limit: usize) -> Result<Vec<UserName>, Error> {
        let now = self.now();
        let mut names: Vec<_> = now.accounts.values().map(|row| now.name(row.id)).collect();
        names.retain(|user| user.as_str() > name);
        names.sort();
        names.truncate(limit);
        Ok(names)
    }

    fn accounts_after(&self, account: AccountId, limit: usize) -> Result<Vec<UserRows>, Error> {
        let now = self.now();
        Ok(now.accounts.range(account.0 + 1..).take(limit).map(|(_, row)| now.user(row)).collect())
    }

    fn stream(&self, id: StreamId) -> Result<Option<StreamRow>, Error> {
        Ok(self.now().streams.get(&id.0).cloned())
    }

    fn profile(&self, id: ProfileId) -> Result<Option<Profile>, Error> {
        Ok(self.now().profiles.get(&id.0).cloned())
    }

    fn profiles_of(&self, user: &str) -> Result<Vec<(ProfileId, Profile)>, Error> {
        let profiles = self.now().profiles.into_iter().filter(|(_, profile)| profile.user().as_str() == user);
        Ok(profiles.map(|(id, profile)| (ProfileId(id), profile)).collect())
    }

    fn profiles_after(&self, id: ProfileId, limit: usize) -> Result<Vec<(ProfileId, Profile)>, Error> {
        let profiles = self.now().profiles.into_iter().filter(|(other, _)| *other > id.0);
        Ok(profiles.take(limit).map(|(id, profile)| (ProfileId(id), profile)).collect())
    }
}
