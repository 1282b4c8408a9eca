//! Loads the index from the rows that an engine has written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::conversations::members_of_stream;
use super::deletions::Deletions;
use super::members::Membership;
use super::on_disk::{OnDisk, Rows};
use super::rooms::Room;
use super::sessions::Session;
use super::{
    AccountId, AccountRow, Index, KeysRow, Known, MemberRow, More, RoomRow, SessionRow, Stream, StreamRow, Summary,
    User,
};
use crate::model::{Account, Invitation, MessageId, MessageKey, Profile, UserName};
use crate::store::log::{Block, Entry, ProfileId, StreamId, Tail};

/// All rows but the log's and the summary.
#[derive(Debug, Default)]
pub(in crate::store) struct Tables {
    pub(in crate::store) profiles: Vec<(ProfileId, Profile)>,
    pub(in crate::store) accounts: Vec<AccountRow>,
    pub(in crate::store) streams: Vec<StreamRow>,
    /// In order of login.
    pub(in crate::store) sessions: Vec<SessionRow>,
    pub(in crate::store) invitations: Vec<Invitation>,
    pub(in crate::store) rooms: Vec<RoomRow>,
    pub(in crate::store) members: Vec<MemberRow>,
    /// Who takes no direct messages from whom.
    pub(in crate::store) blocks: Vec<(AccountId, AccountId)>,
    pub(in crate::store) deleted: Vec<MessageId>,
    /// In order.
    pub(in crate::store) keys: Vec<KeysRow>,
}

/// The rows that are read at the start in any case, with the names of those whom they belong to.
#[derive(Debug, Default)]
pub(in crate::store) struct Always {
    pub(in crate::store) rooms: Vec<RoomRow>,
    pub(in crate::store) members: Vec<(MemberRow, UserName)>,
    /// Who takes no direct messages from whom.
    pub(in crate::store) blocks: Vec<[(AccountId, UserName); 2]>,
    /// In order of login, with the profiles of their users.
    pub(in crate::store) sessions: Vec<(SessionRow, ProfileId, Profile)>,
    pub(in crate::store) invitations: Vec<Invitation>,
    pub(in crate::store) deleted: Vec<MessageId>,
    /// In order.
    pub(in crate::store) keys: Vec<KeysRow>,
}

impl Index {
    /// The index that was written down, without messages that stream rows do not know of: [`replay`](Self::replay) adds
    /// these. `last_message` is the last one in the log. An error says what is missing.
    pub(in crate::store) fn load(tables: Tables, summary: Summary, last_message: MessageId) -> Result<Self, String> {
        compare(&tables, &summary, last_message)?;
        let mut index = Self::new(true, summary);
        index.tail = Tail::new(last_message);
        for (id, profile) in tables.profiles {
            let profile = Arc::new(profile);
            index.profiles.put(id, profile);
        }
        let mut names = HashMap::new();
        for AccountRow { id, profile: profile_id, password, banned, since } in tables.accounts {
            let profile = index.profiles.by_id.get_mut().get(&profile_id);
            let profile = Arc::clone(profile.ok_or_else(|| format!("account {} has no profile", id.0))?);
            index.profiles.take(profile_id);
            index.revision += 1;
            let name = profile.user().clone();
            let account = Account { profile, password, banned, revision: index.revision };
            index.users.insert(User::new(id, profile_id, since, account));
            names.insert(id, name);
        }
        let since = index.users.values().map(|user| user.since).max().unwrap_or_default();
        let mut last = last_message.max(index.summary.indexed).max(index.summary.keyed).max(since);
        for row in tables.streams {
            last = last.max(row.state.head).max(row.state.cursor);
            index.insert_row(row, &names)?;
        }
        let members = tables.members.into_iter().map(|row| {
            let name = names.get(&row.account);
            let name = name.ok_or_else(|| format!("room {} has no account {}", row.room.0, row.account.0))?;
            Ok((row, name.clone()))
        });
        let members = members.collect::<Result<_, String>>()?;
        let blocks = tables.blocks.into_iter().map(|(user, blocked)| {
            let (Some(name), Some(blocked_name)) = (names.get(&user), names.get(&blocked)) else {
                return Err(format!("account {} or {} is missing, and a block is not", user.0, blocked.0));
            };
            Ok([(user, name.clone()), (blocked, blocked_name.clone())])
        });
        let blocks = blocks.collect::<Result<_, String>>()?;
        let sessions = tables.sessions.into_iter().map(|row| {
            let user = names.get(&row.account).and_then(|name| index.users.get(name));
            let user = user.ok_or_else(|| format!("session {} belongs to nobody", row.login.0))?;
            Ok((row, user.profile_id, Profile::clone(&user.profile)))
        });
        let sessions = sessions.collect::<Result<_, String>>()?;
        let Tables { rooms, invitations, deleted, keys, .. } = tables;
        let always = Always { rooms, members, blocks, sessions, invitations, deleted, keys };
        index.load_always(always, &names, last)?;
        Ok(index)
    }

    /// As [`load`](Self::load), with users who are read from `rows` when they are needed.
    pub(in crate::store) fn load_on_demand(
        always: Always,
        rows: Arc<dyn Rows>,
        partners: u64,
        summary: Summary,
        last_message: MessageId,
    ) -> Result<Self, String> {
        let Always { sessions, invitations, rooms, members, blocks, deleted, keys } = &always;
        let found = [sessions.len(), invitations.len(), members.len(), blocks.len(), deleted.len(), keys.len()];
        compare_always(found, rooms, &summary, last_message)?;
        let counts = [summary.accounts, summary.streams, summary.profiles];
        // Whatever numbers rows have, these two are not less: numbers are skipped only by what has all rows of streams written.
        let last = last_message.max(summary.indexed).max(summary.keyed);
        let mut index = Self::new(true, summary);
        index.tail = Tail::new(last_message);
        index.partners = partners;
        index.on_disk = Some(Box::new(OnDisk::new(rows, counts)));
        index.load_always(always, &HashMap::new(), last)?;
        Ok(index)
    }

    /// Takes in what is in memory from the start. `names` has those of users who are.
    fn load_always(
        &mut self,
        always: Always,
        names: &HashMap<AccountId, UserName>,
        mut last: MessageId,
    ) -> Result<(), String> {
        let index = self;
        let last_message = index.tail.last_message();
        for row in always.rooms {
            last = last.max(row.head).max(row.gone);
            index.insert_room(row);
        }
        for (row, name) in always.members {
            last = last.max(row.cursor).max(row.since);
            index.insert_member(row, name)?;
        }
        for [(user, name), (other, other_name)] in always.blocks {
            index.put_more(&name, user, |more| more.blocked.extend([other_name.clone()]));
            index.put_more(&other_name, other, |more| more.blocked_by.extend([name]));
            index.blocks += 1;
        }
        always.keys.iter().try_for_each(|row| index.load_keys(row, names))?;
        index.deletions = Deletions::load(always.deleted, index.summary.deletions);
        if index.summary.restoring {
            index.rooms.values_mut().for_each(Room::wait);
        }
        for (row, profile_id, profile) in always.sessions {
            let SessionRow { login, id, account, opened, used, until, from } = row;
            let user = index.take_in_profile(profile_id, profile);
            let session =
                Session { id, login, account, user, opened, used, from, expires: until, check: until, written: until };
            index.sessions.insert(session).ok_or("there are more sessions than can be opened")?;
        }
        index.invitations = always.invitations.into_iter().map(|invitation| (invitation.id, invitation)).collect();
        // While a dump is being restored, cursors are ahead of messages that are still to come.
        if index.summary.restoring {
            index.tail = Tail::new(last_message);
        } else {
            index.tail.skip_to(last);
        }
        index.committed = last_message;
        Ok(())
    }

    /// Takes the place of an index whose last changes were undone: no revision is used twice, and what was dropped stays
    /// dropped.
    pub(in crate::store) fn continue_from(&mut self, before: &mut Self) {
        // A dump may come again with the same ids.
        if !self.summary.restoring {
            self.tail.skip_to(before.tail.last());
        }
        self.tail.appended = before.tail.appended;
        self.fault = std::mem::take(&mut before.fault);
        self.deletions.continue_from(&mut before.deletions);
        for (id, room) in &mut self.rooms {
            // Whatever was dropped meanwhile, moves that were made out before are made out again.
            room.gone_at = before.rooms.get(id).map_or(0, |before| before.gone_at);
        }
        self.gone.extend(std::mem::take(&mut before.gone));
        let offset = before.revision;
        for user in self.users.values_mut() {
            user.revision += offset;
        }
        self.revision += offset;
    }

    /// Outdates all cursor moves that were computed before, because others have changed the data since: they are computed again, and cannot
    /// be put back.
    pub(in crate::store) fn outdate_moves(&mut self) {
        let last = self.deletions.last.max(self.summary.deletions) + 1;
        self.deletions.outdate(last);
    }

    fn insert_row(&mut self, row: StreamRow, names: &HashMap<AccountId, UserName>) -> Result<(), String> {
        let StreamRow { id, writer, reader, state } = row;
        let name = |account: AccountId| {
            names.get(&account).ok_or_else(|| format!("stream {} has no account {}", id.0, account.0))
        };
        let reader_name = name(reader)?;
        let writer_name = writer.map(name).transpose()?;
        let stream = Stream::of(&row, Some(reader_name.clone()));
        self.unread_bytes += state.bytes;
        match writer_name {
            Some(writer_name) => {
                self.partners += members_of_stream(reader_name.as_str(), writer_name);
                if let Some(writer) = self.users.get_mut(writer_name).filter(|_| writer_name != reader_name) {
                    writer.join(id, &stream, Some(reader_name));
                }
            }
            None => drop(self.gone.insert(id, state.cursor)),
        }
        if let Some(user) = self.users.get_mut(reader_name) {
            user.join(id, &stream, writer_name);
        }
        self.streams.insert(stream);
        Ok(())
    }

    fn insert_room(&mut self, row: RoomRow) {
        let RoomRow { id, name, title, open, head, count, gone, keep } = row;
        self.limited_rooms += usize::from(keep.is_limited());
        self.room_ids.insert(name.clone(), id);
        self.list_room(&name, open);
        self.rooms.insert(id, Room { head, count, gone, keep, ..Room::new(name, title, open) });
    }

    /// Has something put in that a user has, who may not be in memory.
    fn put_more(&mut self, user: &UserName, account: AccountId, put: impl FnOnce(&mut More)) {
        match (self.users.get_mut(user), &mut self.on_disk) {
            (Some(user), _) => put(user.more()),
            (None, Some(on_disk)) => put(on_disk.more.entry(account).or_default()),
            (None, None) => {}
        }
    }

    fn insert_member(&mut self, row: MemberRow, name: UserName) -> Result<(), String> {
        let MemberRow { room: id, account, standing, since, cursor, base, sent } = row;
        let room = self.rooms.get_mut(&id).ok_or_else(|| format!("room {} is missing, and has members", id.0))?;
        room.insert(name.clone(), Membership { account, standing, since, cursor, base, sent, lagging: false });
        let room = room.name.clone();
        self.memberships += 1;
        self.put_more(&name, account, |more| more.rooms.extend([(room, id)]));
        Ok(())
    }

    /// Takes account of a message in a room whose row does not know it.
    fn replay_in_room(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        if !self.rooms.contains_key(&entry.stream) {
            return Ok(());
        }
        let profile = self.profile(entry.sender);
        let Self { rooms, journal, .. } = self;
        let Some(room) = rooms.get_mut(&entry.stream).filter(|room| room.head < entry.id) else { return Ok(()) };
        if entry.before != room.head {
            return Err(format!("a message of room {} before {} is missing", entry.stream.0, entry.id));
        }
        let sender = profile.as_ref().map_or("", |profile| profile.user().as_str());
        room.count(entry.id, sender, entry.deleted, |user| journal.member_lags(entry.stream, user));
        journal.lags(entry.stream, &mut room.lagging);
        Ok(())
    }

    /// Remembers the key of a message that is in no row.
    fn replay_key(&mut self, entry: &Entry<'_>) {
        let Some(key) = entry.key.and_then(|key| MessageKey::parse(key).ok()) else { return };
        if entry.id <= self.summary.keyed || self.summary.restoring {
            return;
        }
        let sender = self.profile(entry.sender).map(|profile| profile.user().clone());
        if let (Some(sender), Some(to)) = (sender, self.recipient_of(entry)) {
            self.load_user(sender.as_str());
            self.remember(sender.as_str(), &key, Known { id: entry.id, time: entry.time, to });
        }
    }

    /// Takes account of a block's messages in streams whose rows do not know them.
    pub(in crate::store) fn replay(&mut self, block: &Block) -> Result<(), String> {
        self.unindexed_bytes += block.body.len();
        for entry in block.entries() {
            let entry = entry.ok_or_else(|| format!("block {} cannot be parsed", block.first))?;
            self.replay_key(&entry);
            self.replay_in_room(&entry)?;
            self.load_stream(entry.stream);
            let stream = self.streams.get_mut(&entry.stream).filter(|stream| stream.state.head < entry.id);
            let Some(stream) = stream else { continue };
            if entry.before != stream.state.head {
                return Err(format!("a message of stream {} before block {} is missing", entry.stream.0, block.first));
            }
            stream.state.head = entry.id;
            stream.state.count += 1;
            if entry.id > stream.state.cursor && !entry.deleted {
                stream.state.unread += 1;
                stream.state.bytes += entry.len();
                // Whoever is not in memory is read together with what this stream has by then.
                if let Some(user) = stream.reader.as_ref().and_then(|reader| self.users.get_mut(reader)) {
                    self.unread_bytes += entry.len();
                    let mail = user.mail();
                    mail.streams.insert(entry.stream);
                    mail.unread += 1;
                    mail.bytes += entry.len();
                }
            }
            self.journal.lags(entry.stream, &mut stream.lagging);
        }
        Ok(())
    }
}

/// Detects rows that are missing, and numbers that were not given out.
fn compare(tables: &Tables, summary: &Summary, last_message: MessageId) -> Result<(), String> {
    let Tables { profiles, accounts, streams, sessions, invitations, rooms, members, blocks, deleted, keys } = tables;
    compare_counts(&[
        ("accounts", accounts.len(), summary.accounts),
        ("streams", streams.len(), summary.streams),
        ("profiles", profiles.len(), summary.profiles),
    ])?;
    let found = [sessions.len(), invitations.len(), members.len(), blocks.len(), deleted.len(), keys.len()];
    compare_always(found, rooms, summary, last_message)?;
    let greatest = |ids: &mut dyn Iterator<Item = u32>| ids.max().unwrap_or(0);
    let known = greatest(&mut accounts.iter().map(|row| row.id.0)) <= summary.last_account
        && greatest(&mut streams.iter().map(|row| row.id.0)) <= summary.last_stream
        && greatest(&mut profiles.iter().map(|(id, _)| id.0)) <= summary.last_profile;
    let ids = streams.iter().map(|row| row.id).chain(rooms.iter().map(|row| row.id));
    let unique: HashSet<StreamId> = ids.collect();
    match known && unique.len() == streams.len() + rooms.len() {
        true => Ok(()),
        false => Err("an account, a stream or a profile has a number that was never given out".into()),
    }
}

/// The part of [`compare`] for rows that are read at the start even if those of users are not: how many there are of sessions,
/// invitations, members, blocks, deleted messages and keys, and the rooms.
fn compare_always(
    found: [usize; 6],
    rooms: &[RoomRow],
    summary: &Summary,
    last_message: MessageId,
) -> Result<(), String> {
    let [sessions, invitations, members, blocks, deleted, keys] = found;
    compare_counts(&[
        ("sessions", sessions, summary.sessions),
        ("invitations", invitations, summary.invitations),
        ("rooms", rooms.len(), summary.rooms),
        ("members of rooms", members, summary.members),
        ("blocks", blocks, summary.blocks),
        ("deleted messages", deleted, summary.deleted),
        ("rows of keys", keys, summary.key_rows),
    ])?;
    if last_message < summary.last_message {
        return Err(format!("messages up to {} are missing", summary.last_message));
    }
    match rooms.iter().all(|row| row.id.0 <= summary.last_stream) {
        true => Ok(()),
        false => Err("a room has a number that was never given out".into()),
    }
}

fn compare_counts(counts: &[(&str, usize, u64)]) -> Result<(), String> {
    let differs = counts.iter().find(|(_, found, wanted)| *found as u64 != *wanted);
    differs.map_or(Ok(()), |(what, found, wanted)| Err(format!("there are {found} {what}, and there must be {wanted}")))
}
