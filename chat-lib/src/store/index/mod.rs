//! What an engine holds in memory: users, rooms, sessions, and for each stream of messages where it ends and how far it was
//! read; together with the end of the log. [`Memory`](super::Memory) keeps all of it here, and
//! [`Durable`](super::Durable) writes down what the [journal](journal) collects.

mod accounts;
mod blocks;
mod changes;
mod conversations;
mod cursors;
mod deletions;
mod invitations;
mod journal;
mod keys;
mod load;
mod members;
mod on_disk;
mod partners;
mod reading;
mod rest;
mod restore;
mod retention;
mod rooms;
mod sessions;
mod streams;
mod users;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use self::deletions::Deletions;
pub(super) use self::deletions::{conversation, stream_of};
pub(super) use self::journal::{
    AccountId, AccountRow, Change, Journal, MemberRow, RoomRow, SessionRow, StreamRow, StreamState, Summary,
};
use self::keys::Keys;
pub(super) use self::keys::{KeysRow, Known};
pub(super) use self::load::{Always, Tables};
use self::on_disk::OnDisk;
pub(super) use self::on_disk::{Rows, UserRows};
use self::partners::Partners;
pub(super) use self::reading::View;
pub(super) use self::retention::RoomMessages;
use self::rooms::Room;
pub(super) use self::sessions::Login;
use self::sessions::{SessionChange, Sessions};
use self::streams::Streams;
use self::users::Users;
use super::hash::NumberHasher;
use super::log::{ProfileId, StreamId, Tail};
use super::{Counts, NewSession, SessionInfo, SessionOpened};
use crate::clock::Timestamp;
use crate::model::{
    Account, Invitation, InvitationId, MessageId, MessageKey, PasswordHash, Profile, RoomName, SessionId, UserName,
};

/// Everything but what lies in the log.
pub(super) struct Index {
    users: Users,
    streams: Streams,
    rooms: HashMap<StreamId, Room, NumberHasher>,
    room_ids: HashMap<RoomName, StreamId>,
    /// The names of all rooms, and of those that are open, for lists of them.
    room_names: BTreeSet<RoomName>,
    open_rooms: BTreeSet<RoomName>,
    sessions: Sessions,
    invitations: BTreeMap<InvitationId, Invitation>,
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
    /// How many people there are in all rooms, members and invited.
    memberships: u64,
    /// How many rooms have limits of their own.
    limited_rooms: usize,
    /// How many users are blocked by others, each counted as often.
    blocks: u64,
    /// How many members all direct conversations have; notes to oneself count as two.
    partners: u64,
    deletions: Deletions,
    /// Keys that are remembered and in no row.
    unwritten_keys: Vec<(AccountId, MessageKey, Known)>,
    /// The rows with keys, by number, and the time of the latest message of each.
    key_rows: VecDeque<(u64, Timestamp)>,
    /// Messages of each stream up to this one may be gone: they were dropped, or had been read when the sender was removed.
    gone: HashMap<StreamId, MessageId, NumberHasher>,
    /// What is not in memory yet; `None` if everything is.
    on_disk: Option<Box<OnDisk>>,
    /// Why something that is not in memory could not be read.
    fault: OnceLock<String>,
}

/// A user.
struct User {
    id: AccountId,
    profile_id: ProfileId,
    profile: Arc<Profile>,
    password: Option<PasswordHash>,
    banned: bool,
    /// As [`Account`] has it.
    revision: u64,
    /// Messages up to this one that were sent under this name are another account's.
    since: MessageId,
    /// The users with whom this one has conversations, who exist, and the streams of each.
    partners: Partners,
    /// `None` if nothing was unread so far.
    mail: Option<Box<Mail>>,
    more: Option<Box<More>>,
}

/// What a user has not read.
#[derive(Default)]
struct Mail {
    /// How much is unread in all streams to this user.
    unread: usize,
    bytes: usize,
    /// The streams to this user of which something is unread. There may be many others.
    streams: HashSet<StreamId, NumberHasher>,
}

/// What most users do not have.
#[derive(Default)]
struct More {
    /// The rooms that the user is a member of or is invited to.
    rooms: BTreeMap<RoomName, StreamId>,
    blocked: BTreeSet<UserName>,
    /// The users who have blocked this one.
    blocked_by: BTreeSet<UserName>,
    keys: Keys,
    /// Streams to this user whose senders were removed, of which something may be unread.
    former: Vec<StreamId>,
}

/// The messages from one user to another.
struct Stream {
    id: StreamId,
    /// `None` if only the stream is in memory.
    reader: Option<UserName>,
    /// The profile that the last message was sent under, and its number.
    writer: Option<(Arc<Profile>, ProfileId)>,
    writer_id: Option<AccountId>,
    reader_id: AccountId,
    state: StreamState,
    lagging: bool,
}

/// Profiles that messages were sent under and that are no account's now; those of accounts are with the users.
#[derive(Default)]
struct Profiles {
    /// Those that are only read are put in, too.
    by_id: RefCell<HashMap<ProfileId, Arc<Profile>, NumberHasher>>,
    ids: HashMap<Arc<Profile>, ProfileId>,
}

impl Index {
    /// An index of nothing. `journaling` collects changes.
    pub(super) fn new(journaling: bool, summary: Summary) -> Self {
        Self {
            users: Users::default(),
            streams: Streams::default(),
            rooms: HashMap::default(),
            room_ids: HashMap::new(),
            room_names: BTreeSet::new(),
            open_rooms: BTreeSet::new(),
            sessions: Sessions::default(),
            invitations: BTreeMap::new(),
            profiles: Profiles::default(),
            tail: Tail::new(summary.last_message),
            committed: summary.last_message,
            journal: Journal::new(journaling),
            unindexed_bytes: 0,
            written_summary: summary.clone(),
            summary,
            revision: 0,
            unread_bytes: 0,
            memberships: 0,
            limited_rooms: 0,
            blocks: 0,
            partners: 0,
            deletions: Deletions::default(),
            unwritten_keys: Vec::new(),
            key_rows: VecDeque::new(),
            gone: HashMap::default(),
            on_disk: None,
            fault: OnceLock::new(),
        }
    }

    pub(super) fn open_session(&mut self, session: &NewSession<'_>) -> SessionOpened {
        self.load_user(session.user);
        let Some(user) = self.users.get(session.user) else { return SessionOpened::Refused };
        self.sessions.open(session, user.id, &user.profile, &mut |change| note(&mut self.journal, &change))
    }

    pub(super) fn use_session(&mut self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Option<Arc<Profile>> {
        let journal = &mut self.journal;
        self.sessions.touch(id, now, expires, &mut |change| note(journal, &change)).cloned()
    }

    pub(super) fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Option<Arc<Profile>> {
        let journal = &mut self.journal;
        self.sessions.close(id, now, &mut |change| note(journal, &change))
    }

    pub(super) fn close_sessions(&mut self, user: &str) -> usize {
        let journal = &mut self.journal;
        self.sessions.close_all(user, &mut |change| note(journal, &change))
    }

    pub(super) fn active_users(&mut self, now: Timestamp) -> Vec<UserName> {
        let journal = &mut self.journal;
        self.sessions.active_users(now, &mut |change| note(journal, &change))
    }

    pub(super) fn live_sessions(&mut self, now: Timestamp) -> Vec<SessionInfo> {
        let journal = &mut self.journal;
        self.sessions.live(now, &mut |change| note(journal, &change))
    }

    pub(super) fn counts(&mut self, now: Timestamp) -> Counts {
        let journal = &mut self.journal;
        let sessions = self.sessions.count(now, &mut |change| note(journal, &change));
        let (messages, message_bytes) = self.tail.appended;
        Counts {
            users: self.account_count(),
            sessions: sessions as u64,
            direct_conversations: self.partners / 2,
            rooms: self.rooms.len() as u64,
            messages,
            message_bytes,
        }
    }

    pub(super) fn sessions_of(&mut self, user: &str, now: Timestamp) -> Vec<SessionInfo> {
        let journal = &mut self.journal;
        self.sessions.live_of(user, now, &mut |change| note(journal, &change))
    }
}

/// The part of a list of names after a name.
fn past(after: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Excluded(after), Bound::Unbounded)
}

/// Writes down what has become of a session.
fn note(journal: &mut Journal, change: &SessionChange<'_>) {
    match *change {
        SessionChange::Lives(session) => journal.push(|| {
            Change::Session(SessionRow {
                login: session.login,
                id: session.id,
                account: session.account,
                opened: session.opened,
                used: session.used,
                until: session.written,
                from: session.from,
            })
        }),
        SessionChange::Ended(login) => journal.push(|| Change::DropSession(login)),
    }
}

impl User {
    /// A user without anything.
    fn new(id: AccountId, profile_id: ProfileId, since: MessageId, account: Account) -> Self {
        let Account { profile, password, banned, revision, .. } = account;
        let (partners, mail, more) = (Partners::NONE, None, None);
        Self { id, profile_id, profile, password, banned, revision, since, partners, mail, more }
    }

    fn name(&self) -> &UserName {
        self.profile.user()
    }

    fn account(&self) -> Account {
        let Self { profile, password, banned, revision, .. } = self;
        Account { profile: Arc::clone(profile), password: password.clone(), banned: *banned, revision: *revision }
    }

    /// How much is unread: messages, and their bytes.
    fn unread(&self) -> (usize, usize) {
        self.mail.as_ref().map_or((0, 0), |mail| (mail.unread, mail.bytes))
    }

    fn former(&self) -> &[StreamId] {
        self.more.as_ref().map_or(&[], |more| &more.former)
    }

    fn mail(&mut self) -> &mut Mail {
        self.mail.get_or_insert_default()
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

impl Stream {
    /// The stream of a row.
    fn of(row: &StreamRow, reader: Option<UserName>) -> Self {
        let StreamRow { id, writer, reader: reader_id, state } = *row;
        Self { id, reader, writer: None, writer_id: writer, reader_id, state, lagging: false }
    }

    fn row(&self) -> StreamRow {
        StreamRow { id: self.id, writer: self.writer_id, reader: self.reader_id, state: self.state }
    }
}
