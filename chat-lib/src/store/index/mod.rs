//! What an engine holds in memory: users, sessions, and for each stream of messages where it ends and how far it was
//! read; together with the end of the log. [`Memory`](super::Memory) keeps all of it here, and
//! [`Durable`](super::Durable) writes down what the [journal](journal) collects.

mod conversations;
mod hash;
mod journal;
mod load;
mod sessions;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) use self::hash::NumberHasher;
pub(super) use self::journal::{AccountId, AccountRow, Change, Journal, SessionRow, StreamRow, StreamState, Summary};
pub(super) use self::load::Tables;
pub(super) use self::sessions::Login;
use self::sessions::{SessionChange, Sessions};
use super::log::{ProfileId, StreamId, Tail};
use super::{NewSession, SessionInfo};
use crate::clock::Timestamp;
use crate::limits::INDEX_FLUSH_BYTES;
use crate::model::{Account, MessageId, Profile, SessionId, UserName};

/// Everything but what lies in the log.
pub(super) struct Index {
    users: HashMap<UserName, User>,
    streams: HashMap<StreamId, Stream, NumberHasher>,
    sessions: Sessions,
    profiles: Profiles,
    pub(super) tail: Tail,
    /// The last message that is committed.
    pub(super) committed: MessageId,
    pub(super) journal: Journal,
    /// How many bytes of the log stream rows may not know of.
    unindexed_bytes: usize,
    /// What concerns all of it. Its counts are only right in what [`sum_up`](Self::sum_up) returns.
    summary: Summary,
    /// The summary that is written, or will be with the last changes that were taken out.
    written_summary: Summary,
    /// The last revision that an account got.
    revision: u64,
    /// How many bytes of messages are unread by anybody.
    unread_bytes: usize,
}

/// A user.
struct User {
    id: AccountId,
    account: Arc<Account>,
    profile: ProfileId,
    /// The streams to this user by sender. The senders exist, and each has a stream from this user, too.
    incoming: HashMap<UserName, StreamId>,
    /// Streams to this user whose senders were removed, of which something may be unread.
    former: Vec<StreamId>,
    /// The streams to this user of which something is unread. There may be many others.
    unread_streams: HashSet<StreamId, NumberHasher>,
    /// How much is unread in all streams to this user.
    unread: usize,
    unread_bytes: usize,
}

/// The messages from one user to another.
struct Stream {
    reader: UserName,
    /// The profile that the last message was sent under, and its number.
    writer: Option<(Arc<Profile>, ProfileId)>,
    writer_id: Option<AccountId>,
    reader_id: AccountId,
    state: StreamState,
    lagging: bool,
    /// Messages up to this one may be gone: they were dropped, or had been read when the sender was removed.
    gone: MessageId,
}

/// Profiles, those of accounts and those that messages were sent under.
#[derive(Default)]
struct Profiles {
    by_id: HashMap<ProfileId, Arc<Profile>, NumberHasher>,
    ids: HashMap<Arc<Profile>, ProfileId>,
}

impl Index {
    /// An index of nothing. `journaling` collects changes.
    pub(super) fn new(journaling: bool, summary: Summary) -> Self {
        Self {
            users: HashMap::new(),
            streams: HashMap::default(),
            sessions: Sessions::default(),
            profiles: Profiles::default(),
            tail: Tail::new(summary.last_message),
            committed: summary.last_message,
            journal: Journal::new(journaling),
            unindexed_bytes: 0,
            written_summary: summary.clone(),
            summary,
            revision: 0,
            unread_bytes: 0,
        }
    }

    pub(super) fn account(&self, user: &str) -> Option<Arc<Account>> {
        self.users.get(user).map(|user| Arc::clone(&user.account))
    }

    /// All accounts, in order of user name.
    pub(super) fn accounts(&self) -> Vec<Arc<Account>> {
        let mut accounts: Vec<_> = self.users.values().map(|user| Arc::clone(&user.account)).collect();
        accounts.sort_by(|one, other| one.profile.user().cmp(other.profile.user()));
        accounts
    }

    pub(super) fn add_account(&mut self, mut account: Account) -> bool {
        let name = account.profile.user().clone();
        if self.users.contains_key(&name) {
            return false;
        }
        self.summary.last_account += 1;
        self.revision += 1;
        account.revision = self.revision;
        let id = AccountId(self.summary.last_account);
        let profile = self.write_account(id, &account);
        let user = User {
            id,
            account: Arc::new(account),
            profile,
            incoming: HashMap::new(),
            former: Vec::new(),
            unread_streams: HashSet::default(),
            unread: 0,
            unread_bytes: 0,
        };
        self.users.insert(name, user);
        true
    }

    pub(super) fn replace_account(&mut self, mut account: Account) -> bool {
        let name = account.profile.user();
        let user = self.users.get(name).filter(|user| user.account.revision == account.revision);
        let Some(id) = user.map(|user| user.id) else { return false };
        self.revision += 1;
        account.revision = self.revision;
        self.sessions.set_profile(&account.profile);
        let profile = self.write_account(id, &account);
        if let Some(user) = self.users.get_mut(account.profile.user()) {
            (user.account, user.profile) = (Arc::new(account), profile);
        }
        true
    }

    /// Returns how many bytes of messages nobody can read now.
    pub(super) fn remove_account(&mut self, name: &str) -> Option<usize> {
        self.close_sessions(name);
        let user = self.users.remove(name)?;
        let mut bytes = user.unread_bytes;
        self.unread_bytes = self.unread_bytes.saturating_sub(user.unread_bytes);
        self.journal.push(|| Change::DropAccount(user.id));
        user.incoming.values().chain(&user.former).for_each(|stream| self.drop_stream(*stream));
        for reader in user.incoming.keys().filter(|reader| reader.as_str() != name) {
            let Some(reader) = self.users.get_mut(reader) else { continue };
            let Some(id) = reader.incoming.remove(name) else { continue };
            let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.state.unread > 0) else {
                self.drop_stream(id);
                continue;
            };
            stream.writer_id = None;
            stream.gone = stream.state.cursor;
            bytes += stream.state.bytes;
            reader.former.push(id);
            let row = stream.row(id);
            self.journal.push(|| Change::Stream(row));
        }
        Some(bytes)
    }

    fn drop_stream(&mut self, id: StreamId) {
        if self.streams.remove(&id).is_some() {
            self.journal.push(|| Change::DropStream(id));
        }
    }

    fn write_account(&mut self, id: AccountId, account: &Account) -> ProfileId {
        let profile = self.profile_id(&account.profile);
        let Account { password, banned, .. } = account;
        self.journal.push(|| Change::Account(AccountRow { id, profile, password: password.clone(), banned: *banned }));
        profile
    }

    fn profile_id(&mut self, profile: &Arc<Profile>) -> ProfileId {
        if let Some(&id) = self.profiles.ids.get(profile) {
            return id;
        }
        self.summary.last_profile += 1;
        let id = ProfileId(self.summary.last_profile);
        self.profiles.by_id.insert(id, Arc::clone(profile));
        self.profiles.ids.insert(Arc::clone(profile), id);
        self.journal.push(|| Change::Profile(id, Arc::clone(profile)));
        id
    }

    pub(super) fn profile(&self, id: ProfileId) -> Option<&Arc<Profile>> {
        self.profiles.by_id.get(&id)
    }

    /// Profiles that are no account's now. From here on, no message is sent under them.
    pub(super) fn retire_profiles(&mut self) -> HashSet<ProfileId> {
        let current: HashSet<_> = self.users.values().map(|user| user.profile).collect();
        let retired: HashSet<_> = self.profiles.by_id.keys().filter(|id| !current.contains(id)).copied().collect();
        self.profiles.ids.retain(|_, id| !retired.contains(id));
        for stream in self.streams.values_mut() {
            stream.writer = stream.writer.take().filter(|(_, id)| !retired.contains(id));
        }
        retired
    }

    /// Drops retired profiles that no message has.
    pub(super) fn drop_profiles(&mut self, unused: &HashSet<ProfileId>) {
        let Profiles { by_id, ids } = &mut self.profiles;
        for &id in unused {
            // Undoing a commit takes them out of retirement.
            let retired = by_id.get(&id).is_some_and(|profile| ids.get(profile) != Some(&id));
            if retired && by_id.remove(&id).is_some() {
                self.journal.push(|| Change::DropProfile(id));
            }
        }
    }

    pub(super) fn open_session(&mut self, session: &NewSession<'_>) -> bool {
        let (users, journal) = (&self.users, &mut self.journal);
        let Some(user) = users.get(session.user) else { return false };
        self.sessions.open(session, &user.account.profile, &mut |change| note(users, journal, &change))
    }

    pub(super) fn use_session(&mut self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Option<Arc<Profile>> {
        let (users, journal) = (&self.users, &mut self.journal);
        self.sessions.touch(id, now, expires, &mut |change| note(users, journal, &change)).cloned()
    }

    pub(super) fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Option<Arc<Profile>> {
        let (users, journal) = (&self.users, &mut self.journal);
        self.sessions.close(id, now, &mut |change| note(users, journal, &change))
    }

    pub(super) fn close_sessions(&mut self, user: &str) -> usize {
        let (users, journal) = (&self.users, &mut self.journal);
        self.sessions.close_all(user, &mut |change| note(users, journal, &change))
    }

    pub(super) fn active_users(&mut self, now: Timestamp) -> Vec<UserName> {
        let (users, journal) = (&self.users, &mut self.journal);
        self.sessions.active_users(now, &mut |change| note(users, journal, &change))
    }

    pub(super) fn live_sessions(&mut self, now: Timestamp) -> Vec<SessionInfo> {
        let (users, journal) = (&self.users, &mut self.journal);
        self.sessions.live(now, &mut |change| note(users, journal, &change))
    }

    /// The epoch, and what else concerns all of it.
    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Changes what concerns all of it, and has that written.
    pub(super) fn set_summary(&mut self, set: impl FnOnce(&mut Summary)) {
        let before = self.summary.clone();
        set(&mut self.summary);
        if self.summary != before {
            self.write_summary();
        }
    }

    /// Changes the time that messages age by, which is written with the next summary.
    pub(super) fn set_retention_time(&mut self, time: Timestamp) {
        self.summary.retention_time = time;
    }

    /// Has the summary written as it is now.
    pub(super) fn write_summary(&mut self) {
        self.written_summary = self.sum_up();
        self.journal.push(|| Change::Summary(self.written_summary.clone()));
    }

    fn sum_up(&self) -> Summary {
        Summary {
            last_message: self.tail.last_message(),
            accounts: self.users.len() as u64,
            streams: self.streams.len() as u64,
            profiles: self.profiles.by_id.len() as u64,
            sessions: self.sessions.len() as u64,
            ..self.summary.clone()
        }
    }

    /// Takes out all changes since the last time, with a summary if it has changed or is `wanted` in any case. Gives also
    /// the last message that they contain.
    pub(super) fn take_changes(&mut self, summary_wanted: bool) -> (Vec<Change>, MessageId) {
        self.close_block();
        if self.unindexed_bytes >= INDEX_FLUSH_BYTES {
            self.flush_streams();
        }
        let summary = self.sum_up();
        let Summary { last_message, retention_time, .. } = self.written_summary;
        // These two may lag behind.
        let known = Summary { last_message, retention_time, ..summary.clone() } == self.written_summary;
        if summary_wanted || !known {
            self.write_summary();
        }
        (self.journal.take(), self.tail.last())
    }

    /// Ends the block that messages go into.
    pub(super) fn close_block(&mut self) {
        if let Some(block) = self.tail.close() {
            self.unindexed_bytes += block.body.len();
            self.journal.push(|| Change::Block(block));
        }
    }

    /// Has the rows of all streams written that do not know of their last messages, so that a start needs not read the
    /// log.
    pub(super) fn flush_streams(&mut self) {
        self.close_block();
        for id in std::mem::take(&mut self.journal.lagging) {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.lagging = false;
                let row = stream.row(id);
                self.journal.push(|| Change::Stream(row));
            }
        }
        self.summary.indexed = self.tail.last();
        self.unindexed_bytes = 0;
    }

    /// Takes note that all messages up to this one are committed.
    pub(super) fn written(&mut self, last: MessageId) {
        self.committed = last;
        self.tail.shrink(last);
    }
}

/// Writes down what has become of a session.
fn note(users: &HashMap<UserName, User>, journal: &mut Journal, change: &SessionChange<'_>) {
    match *change {
        SessionChange::Lives(id, session) => {
            let Some(account) = users.get(session.user.user()).map(|user| user.id) else { return };
            journal.push(|| {
                Change::Session(SessionRow {
                    login: session.login,
                    id: *id,
                    account,
                    opened: session.opened,
                    used: session.used,
                    until: session.written,
                    from: session.from,
                })
            });
        }
        SessionChange::Ended(login) => journal.push(|| Change::DropSession(login)),
    }
}

impl Stream {
    fn row(&self, id: StreamId) -> StreamRow {
        StreamRow { id, writer: self.writer_id, reader: self.reader_id, state: self.state }
    }
}
