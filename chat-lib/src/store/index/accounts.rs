//! Users and their profiles: who is added, changed and removed, and what becomes of what they had.

use std::collections::HashSet;
use std::sync::Arc;

use super::{AccountId, AccountRow, Change, Index, Profiles, User};
use crate::model::{Account, MessageId, Profile, UserName};
use crate::store::log::{ProfileId, StreamId};

impl Index {
    pub(in crate::store) fn account(&mut self, user: &str) -> Option<Arc<Account>> {
        self.load_user(user);
        self.users.get(user).map(|user| Arc::new(user.account()))
    }

    /// The first accounts after a user name, in order of user name.
    pub(in crate::store) fn accounts(&mut self, after: &str, limit: usize) -> Vec<Arc<Account>> {
        self.load_users_after(after, limit);
        self.users.after(after).take(limit).map(|user| Arc::new(user.account())).collect()
    }

    /// How many there are.
    pub(super) fn account_count(&self) -> u64 {
        self.users.len() as u64 + self.on_disk.as_ref().map_or(0, |on_disk| on_disk.accounts.get())
    }

    pub(in crate::store) fn add_account(&mut self, mut account: Account) -> bool {
        let name = account.profile.user().clone();
        self.load_user(name.as_str());
        if self.users.contains_key(name.as_str()) {
            return false;
        }
        self.summary.last_account += 1;
        self.revision += 1;
        account.revision = self.revision;
        let id = AccountId(self.summary.last_account);
        let since = self.tail.last();
        let profile = self.write_account(id, since, &account);
        self.profiles.take(profile);
        self.users.insert(User::new(id, profile, since, account))
    }

    pub(in crate::store) fn replace_account(&mut self, mut account: Account) -> bool {
        let name = account.profile.user().clone();
        self.load_user(name.as_str());
        let user = self.users.get(name.as_str()).filter(|user| user.revision == account.revision);
        let Some((id, since)) = user.map(|user| (user.id, user.since)) else { return false };
        self.revision += 1;
        account.revision = self.revision;
        self.sessions.set_profile(&account.profile);
        let profile = self.write_account(id, since, &account);
        let Some(user) = self.users.get_mut(name.as_str()) else { return false };
        (user.password, user.banned, user.revision) = (account.password, account.banned, account.revision);
        if user.profile_id == profile {
            user.profile = account.profile;
        } else {
            let before = (user.profile_id, Arc::clone(&user.profile));
            self.users.set_profile(name.as_str(), profile, account.profile);
            self.profiles.take(profile);
            self.profiles.put(before.0, before.1);
        }
        true
    }

    /// Returns how many bytes of messages nobody can read now.
    pub(in crate::store) fn remove_account(&mut self, name: &str) -> Option<usize> {
        self.load_user(name);
        for partner in self.partners(name) {
            self.load_user(partner.as_str());
        }
        self.close_sessions(name);
        self.drop_blocks(name);
        // Found in the log, those of this user would be taken for those of a later one, and those of others lack a recipient.
        self.flush_keys();
        let user = self.users.remove(name)?;
        let (_, unread_bytes) = user.unread();
        self.note_removed(user.name());
        self.profiles.put(user.profile_id, Arc::clone(&user.profile));
        for id in user.more.iter().flat_map(|more| more.rooms.values()) {
            if self.rooms.get_mut(id).is_some_and(|room| room.remove(name).is_some()) {
                self.memberships -= 1;
                self.journal.push(|| Change::DropMember(*id, user.id));
            }
        }
        self.partners = self.partners.saturating_sub(2 * user.partners.len() as u64);
        let mut bytes = unread_bytes;
        self.unread_bytes = self.unread_bytes.saturating_sub(unread_bytes);
        self.journal.push(|| Change::DropAccount(user.id));
        let incoming = user.partners.iter().filter_map(|(_, pair)| pair.incoming());
        incoming.chain(user.former().iter().copied()).for_each(|stream| self.drop_stream(stream));
        for reader in user.partners.keys().filter(|reader| reader.as_str() != name) {
            let Some(reader) = self.users.get_mut(reader.as_str()) else { continue };
            let Some(id) = reader.partners.remove(name).and_then(|pair| pair.incoming()) else { continue };
            let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.state.unread > 0) else {
                self.drop_stream(id);
                continue;
            };
            stream.writer_id = None;
            self.gone.insert(id, stream.state.cursor);
            bytes += stream.state.bytes;
            reader.more().former.push(id);
            let row = stream.row();
            self.journal.push(|| Change::Stream(row));
        }
        Some(bytes)
    }

    /// Forgets the names in profiles of a user who was removed. `false` if there is such a user.
    pub(in crate::store) fn forget_names(&mut self, user: &str) -> bool {
        self.load_user(user);
        self.load_profiles_of(user);
        if self.users.contains_key(user) {
            return false;
        }
        let Profiles { by_id, ids } = &mut self.profiles;
        for (&id, profile) in by_id.get_mut().iter_mut().filter(|(_, profile)| profile.user().as_str() == user) {
            let nameless = Arc::new(profile.without_names());
            ids.remove(&std::mem::replace(profile, Arc::clone(&nameless)));
            self.journal.push(|| Change::Profile(id, nameless));
        }
        self.note_erased();
        true
    }

    pub(super) fn drop_stream(&mut self, id: StreamId) {
        self.gone.remove(&id);
        if self.streams.remove(&id).is_some() {
            self.note_removed_stream(id);
            self.journal.push(|| Change::DropStream(id));
        }
    }

    pub(super) fn write_account(&mut self, id: AccountId, since: MessageId, account: &Account) -> ProfileId {
        let profile = self.profile_id(&account.profile);
        let Account { password, banned, .. } = account;
        let (password, banned) = (password.clone(), *banned);
        self.journal.push(|| Change::Account(AccountRow { id, profile, password, banned, since }));
        profile
    }

    /// The user who has sent a message under this profile; `None` if they were removed since.
    pub(in crate::store) fn sender(&mut self, profile: &Profile, id: MessageId) -> Option<&UserName> {
        self.load_user(profile.user().as_str());
        let (name, user) = self.users.get_key_value(profile.user().as_str())?;
        (id > user.since).then_some(name)
    }

    pub(super) fn profile_id(&mut self, profile: &Arc<Profile>) -> ProfileId {
        if let Some(user) = self.users.get(profile.user().as_str()).filter(|user| user.profile == *profile) {
            return user.profile_id;
        }
        if let Some(&id) = self.profiles.ids.get(profile) {
            return id;
        }
        self.summary.last_profile += 1;
        let id = ProfileId(self.summary.last_profile);
        self.profiles.put(id, Arc::clone(profile));
        self.journal.push(|| Change::Profile(id, Arc::clone(profile)));
        id
    }

    pub(in crate::store) fn profile(&self, id: ProfileId) -> Option<Arc<Profile>> {
        let current = self.users.of_profile(id).map(|user| Arc::clone(&user.profile));
        let known = current.or_else(|| self.profiles.by_id.borrow().get(&id).cloned());
        known.or_else(|| self.profile_on_disk(id))
    }

    /// How many profiles there are.
    pub(super) fn profile_count(&self) -> u64 {
        // Each user has one.
        (self.users.len() + self.profiles.by_id.borrow().len()) as u64
            + self.on_disk.as_ref().map_or(0, |on_disk| on_disk.profiles.get())
    }

    /// Profiles that are no account's now. From here on, no message is sent under them.
    pub(in crate::store) fn retire_profiles(&mut self) -> HashSet<ProfileId> {
        let retired: HashSet<_> = self.profiles.by_id.get_mut().keys().copied().collect();
        self.profiles.ids.clear();
        for stream in self.streams.values_mut() {
            stream.writer = stream.writer.take().filter(|(_, id)| !retired.contains(id));
        }
        retired
    }

    /// Drops retired profiles that no message has.
    pub(in crate::store) fn drop_profiles(&mut self, unused: &HashSet<ProfileId>) {
        if !self.is_whole() {
            return;
        }
        let Profiles { by_id, ids } = &mut self.profiles;
        for &id in unused {
            // Undoing a commit takes them out of retirement.
            let by_id = by_id.get_mut();
            let retired = by_id.get(&id).is_some_and(|profile| ids.get(profile) != Some(&id));
            if retired && by_id.remove(&id).is_some() {
                self.journal.push(|| Change::DropProfile(id));
            }
        }
    }
}

impl Profiles {
    /// Puts a profile in that is no account's.
    pub(super) fn put(&mut self, id: ProfileId, profile: Arc<Profile>) {
        self.by_id.get_mut().insert(id, Arc::clone(&profile));
        self.ids.insert(profile, id);
    }

    /// Takes a profile out that is an account's now.
    pub(super) fn take(&mut self, id: ProfileId) -> Option<Arc<Profile>> {
        let profile = self.by_id.get_mut().remove(&id)?;
        if self.ids.get(&profile) == Some(&id) {
            self.ids.remove(&profile);
        }
        Some(profile)
    }
}
