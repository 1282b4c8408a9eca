//! What the durable engine holds in memory: everything but texts, and the changes that are still to be
//! written.

mod load;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::KeepRead;
use super::disk::{AccountRow, Mailbox, MailboxRow, SessionRow, Summary, Write};
use super::epoch::Epoch;
use super::group::{MailboxId, MessageGroup, OpenGroup, ProfileId};
use super::recent::Recent;
use super::taken::Receipts;
use crate::clock::Timestamp;
use crate::limits::INDEX_FLUSH_BYTES;
use crate::model::{Account, Profile, SessionId, UserName};
use crate::store::sessions::{Change, Sessions};
use crate::store::{Appended, NewMessage, Room};

pub(super) struct State {
    /// It lasts as long as this state.
    pub(super) epoch: Arc<Epoch>,
    users: HashMap<UserName, User>,
    sessions: Sessions,
    profiles: HashMap<ProfileId, Arc<Profile>>,
    profile_ids: HashMap<Arc<Profile>, ProfileId>,
    open: OpenGroup,
    recent: Recent,
    /// What no batch has taken, but for the messages in `open`.
    writes: Vec<Write>,
    /// How many writes and messages there were before.
    taken: u64,
    appended: u64,
    /// Users whose mailbox row does not know of all their messages.
    lagging: Vec<UserName>,
    /// The bytes of the groups that mailbox rows may not know of.
    unaccounted: usize,
    /// Mailbox rows know of all groups up to this one.
    accounted: u64,
    last_mailbox: u32,
    last_profile: u32,
    /// Nothing is being restored.
    whole: bool,
    /// The time that messages age by. It is written with what else the summary says.
    pub(super) retention_time: Timestamp,
    /// How long messages are kept that were read, in milliseconds.
    keep_read: u64,
    /// What the disk has, or will have with the last batch.
    summary: Summary,
    pub(super) receipts: Receipts,
}

#[derive(Clone)]
pub(super) struct User {
    pub(super) id: MailboxId,
    pub(super) account: Arc<Account>,
    pub(super) mailbox: Mailbox,
    /// The number of the account's profile; others may have the same names.
    profile: ProfileId,
    lagging: bool,
}

/// Changes to be written in one go.
pub(super) struct Batch {
    pub(super) writes: Vec<Write>,
    /// All changes up to this one are in it or in an earlier batch.
    pub(super) changes: u64,
    /// The last group that is in it or in an earlier batch.
    pub(super) last_group: u64,
    /// About how much it will write.
    pub(super) bytes: u64,
}

impl State {
    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(name)
    }

    pub(super) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    pub(super) fn profile(&self, id: ProfileId) -> Option<&Arc<Profile>> {
        self.profiles.get(&id)
    }

    /// The last group that is closed, and so the last one that is on the disk after a commit.
    pub(super) fn last_group(&self) -> u64 {
        self.open.group().number - 1
    }

    /// A group that needs not be read from the disk.
    pub(super) fn recent(&self, number: u64) -> Option<&MessageGroup> {
        let open = self.open.group();
        if open.number == number { Some(open) } else { self.recent.group(number).map(|group| &**group) }
    }

    pub(super) fn add_account(&mut self, account: Account) -> bool {
        let user = account.profile.user().clone();
        if self.users.contains_key(&user) {
            return false;
        }
        self.last_mailbox += 1;
        let (id, mailbox) = (MailboxId(self.last_mailbox), Mailbox::default());
        let profile = self.write_account(id, &account);
        self.writes.push(Write::Mailbox(MailboxRow { id, mailbox }));
        self.users.insert(user, User { id, account: Arc::new(account), mailbox, profile, lagging: false });
        true
    }

    pub(super) fn replace_account(&mut self, old: &Arc<Account>, new: Account) -> bool {
        let user = self.users.get_mut(old.profile.user()).filter(|user| Arc::ptr_eq(&user.account, old));
        let Some(user) = user.filter(|_| new.profile.user() == old.profile.user()) else { return false };
        let (id, account) = (user.id, Arc::new(new));
        user.account = Arc::clone(&account);
        self.sessions.set_profile(&account.profile);
        let profile = self.write_account(id, &account);
        if let Some(user) = self.users.get_mut(account.profile.user()) {
            user.profile = profile;
        }
        true
    }

    /// Gives the mailbox that the account had.
    pub(super) fn remove_account(&mut self, user: &str) -> Option<Mailbox> {
        self.close_sessions(user);
        let user = self.users.remove(user)?;
        self.writes.push(Write::DropAccount(user.id));
        Some(user.mailbox)
    }

    fn write_account(&mut self, id: MailboxId, account: &Account) -> ProfileId {
        let profile = self.profile_id(&account.profile);
        self.writes.push(Write::Account(AccountRow { id, profile, password: account.password.clone() }));
        profile
    }

    pub(super) fn open_session(&mut self, id: SessionId, user: &str, now: Timestamp, expires: Timestamp) -> bool {
        let (users, writes) = (&self.users, &mut self.writes);
        let Some(user) = users.get(user) else { return false };
        self.sessions.open(id, &user.account.profile, now, expires, &mut |change| note(users, writes, change))
    }

    pub(super) fn use_session(&mut self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Option<Arc<Profile>> {
        let (users, writes) = (&self.users, &mut self.writes);
        self.sessions.touch(id, now, expires, &mut |change| note(users, writes, change))
    }

    pub(super) fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Option<Arc<Profile>> {
        let (users, writes) = (&self.users, &mut self.writes);
        self.sessions.close(id, now, &mut |change| note(users, writes, change))
    }

    pub(super) fn close_sessions(&mut self, user: &str) {
        let (users, writes) = (&self.users, &mut self.writes);
        self.sessions.close_all(user, &mut |change| note(users, writes, change));
    }

    pub(super) fn active_users(&mut self, now: Timestamp) -> Vec<UserName> {
        let (users, writes) = (&self.users, &mut self.writes);
        self.sessions.active_users(now, &mut |change| note(users, writes, change))
    }

    pub(super) fn live_sessions(&mut self, now: Timestamp) -> Vec<(SessionId, Arc<Profile>)> {
        let (users, writes) = (&self.users, &mut self.writes);
        self.sessions.live(now, &mut |change| note(users, writes, change))
    }

    pub(super) fn append(&mut self, message: NewMessage<'_>, room: Room) -> Appended {
        let NewMessage { to, from, text, time } = message;
        let Some(user) = self.users.get(to) else { return Appended::NoSuchUser };
        if !room.takes(user.mailbox.unread, user.mailbox.bytes, text) {
            return Appended::Full;
        }
        let sender = self.profile_id(from);
        if !self.open.has_room() {
            self.close_group();
        }
        let Some(user) = self.users.get_mut(to) else { return Appended::NoSuchUser };
        let mailbox = &mut user.mailbox;
        mailbox.head = self.open.push(user.id, sender, mailbox.head, text, time);
        mailbox.unread += 1;
        mailbox.bytes += text.len();
        if !user.lagging {
            user.lagging = true;
            self.lagging.push(user.account.profile.user().clone());
        }
        self.appended += 1;
        Appended::Done
    }

    /// Appends a message that keeps its time, whatever the time of the one before.
    pub(super) fn restore(&mut self, message: NewMessage<'_>, read: bool) -> bool {
        if self.open.group().time != message.time {
            self.close_group();
        }
        let done = self.append(message, Room::ANY) == Appended::Done;
        if read && let Some(user) = self.users.get(message.to).cloned() {
            self.move_cursor(message.to, &user);
        }
        done
    }

    /// Moves the cursor of a mailbox that has still the cursor of `seen` to the head of `seen`.
    pub(super) fn move_cursor(&mut self, name: &str, seen: &User) -> bool {
        let user = self.users.get_mut(name).filter(|user| user.id == seen.id);
        let Some(user) = user.filter(|user| user.mailbox.cursor == seen.mailbox.cursor) else { return false };
        user.mailbox.cursor = seen.mailbox.head;
        user.mailbox.unread = user.mailbox.unread.saturating_sub(seen.mailbox.unread);
        user.mailbox.bytes = user.mailbox.bytes.saturating_sub(seen.mailbox.bytes);
        self.writes.push(Write::Mailbox(MailboxRow { id: user.id, mailbox: user.mailbox }));
        true
    }

    /// The number of changes so far.
    pub(super) fn changes(&self) -> u64 {
        self.taken + self.appended + self.writes.len() as u64
    }

    /// What the data says of messages that were read.
    pub(super) fn keep_read(&self) -> KeepRead {
        match self.keep_read {
            0 => KeepRead::No,
            millis => KeepRead::For(Duration::from_millis(millis)),
        }
    }

    pub(super) fn set_keep_read(&mut self, keep_read: KeepRead) {
        let millis = match keep_read {
            KeepRead::No => 0,
            // As a moment, it is one that a database can hold.
            KeepRead::For(keep) => Timestamp::EPOCH.after(keep).as_millis(),
            KeepRead::Everything => return,
        };
        if self.keep_read != millis {
            self.keep_read = millis;
            self.writes.push(Write::Summary(self.sum_up()));
        }
    }

    /// Takes note that a restore has begun or ended.
    pub(super) fn set_whole(&mut self, whole: bool) {
        self.whole = whole;
        self.write_summary();
    }

    pub(super) fn write_summary(&mut self) {
        self.writes.push(Write::Summary(self.sum_up()));
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes out all that is to be written, with a summary if that has changed or the disk is to be
    /// `summed_up` in any case.
    pub(super) fn take_batch(&mut self, summed_up: bool) -> Batch {
        self.close_group();
        if self.unaccounted >= INDEX_FLUSH_BYTES {
            self.account();
        }
        let summary = self.sum_up();
        let Summary { last_group, retention_time, .. } = self.summary;
        if summed_up || (Summary { last_group, retention_time, ..summary }) != self.summary {
            self.summary = summary;
            self.writes.push(Write::Summary(summary));
        }
        let changes = self.changes();
        let writes = std::mem::take(&mut self.writes);
        self.taken += writes.len() as u64;
        let bytes = writes.iter().map(Write::bytes).sum();
        Batch { writes, changes, last_group: self.last_group(), bytes }
    }

    /// Has the next batch write down where every mailbox ends, so that a start needs not read the log.
    pub(super) fn account(&mut self) {
        self.close_group();
        if self.unaccounted == 0 {
            return;
        }
        for name in std::mem::take(&mut self.lagging) {
            if let Some(user) = self.users.get_mut(&name) {
                user.lagging = false;
                self.writes.push(Write::Mailbox(MailboxRow { id: user.id, mailbox: user.mailbox }));
            }
        }
        self.accounted = self.last_group();
        self.unaccounted = 0;
    }

    fn sum_up(&self) -> Summary {
        Summary {
            accounted: self.accounted,
            last_group: self.last_group(),
            last_mailbox: self.last_mailbox,
            last_profile: self.last_profile,
            accounts: self.users.len() as u64,
            profiles: self.profiles.len() as u64,
            sessions: self.sessions.len() as u64,
            whole: self.whole,
            retention_time: self.retention_time,
            keep_read: self.keep_read,
        }
    }

    /// Takes note that a batch was written.
    pub(super) fn committed(&mut self, last_group: u64) {
        self.recent.committed(last_group);
    }

    /// Profiles that are no account's now. From here on, no message is sent under them.
    pub(super) fn retire_profiles(&mut self) -> HashSet<ProfileId> {
        let current: HashSet<_> = self.users.values().map(|user| user.profile).collect();
        let retired: HashSet<_> = self.profiles.keys().filter(|id| !current.contains(id)).copied().collect();
        self.profile_ids.retain(|_, id| !retired.contains(id));
        retired
    }

    /// Drops retired profiles that no message has.
    pub(super) fn drop_profiles(&mut self, unused: &HashSet<ProfileId>) {
        for id in unused {
            // Undoing a commit takes them out of retirement.
            let retired = self.profiles.get(id).is_some_and(|profile| self.profile_ids.get(profile) != Some(id));
            if retired && self.profiles.remove(id).is_some() {
                self.writes.push(Write::DropProfile(*id));
            }
        }
    }

    fn close_group(&mut self) {
        if let Some(group) = self.open.close() {
            self.unaccounted += group.body.len();
            let group = Arc::new(group);
            self.recent.push(Arc::clone(&group));
            self.writes.push(Write::Group(group));
        }
    }

    fn profile_id(&mut self, profile: &Arc<Profile>) -> ProfileId {
        if let Some(&id) = self.profile_ids.get(profile) {
            return id;
        }
        self.last_profile += 1;
        let id = ProfileId(self.last_profile);
        self.profiles.insert(id, Arc::clone(profile));
        self.profile_ids.insert(Arc::clone(profile), id);
        self.writes.push(Write::Profile(id, Arc::clone(profile)));
        id
    }
}

fn note(users: &HashMap<UserName, User>, writes: &mut Vec<Write>, change: Change) {
    writes.extend(match change {
        Change::Lives { login, id, user, until } => {
            users.get(user.user()).map(|user| Write::Session(SessionRow { login, id, account: user.id, until }))
        }
        Change::Ended { login } => Some(Write::DropSession(login)),
    });
}
