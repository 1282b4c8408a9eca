//! From rows into memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::sessions::Session;
use super::{AccountId, AccountRow, Index, SessionRow, Stream, StreamRow, Summary, User};
use crate::model::{Account, MessageId, Profile};
use crate::store::log::{Block, ProfileId, StreamId, Tail};

/// All rows but the log's and the summary.
#[derive(Debug, Default)]
pub(in crate::store) struct Tables {
    pub(in crate::store) profiles: Vec<(ProfileId, Profile)>,
    pub(in crate::store) accounts: Vec<AccountRow>,
    pub(in crate::store) streams: Vec<StreamRow>,
    /// In order of login.
    pub(in crate::store) sessions: Vec<SessionRow>,
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
            index.profiles.by_id.insert(id, Arc::clone(&profile));
            index.profiles.ids.insert(profile, id);
        }
        let mut names = HashMap::new();
        for AccountRow { id, profile: profile_id, password, banned } in tables.accounts {
            let profile = index.profiles.by_id.get(&profile_id);
            let profile = Arc::clone(profile.ok_or_else(|| format!("account {} has no profile", id.0))?);
            index.profiles.ids.insert(Arc::clone(&profile), profile_id);
            index.revision += 1;
            names.insert(id, profile.user().clone());
            let account = Account { profile, password, banned, revision: index.revision };
            let user = User {
                id,
                profile: profile_id,
                incoming: HashMap::new(),
                former: Vec::new(),
                unread_streams: HashSet::default(),
                unread: 0,
                unread_bytes: 0,
                account: Arc::new(account),
            };
            index.users.insert(user.account.profile.user().clone(), user);
        }
        let mut last = last_message.max(index.summary.indexed);
        for row in tables.streams {
            last = last.max(row.state.head).max(row.state.cursor);
            index.insert_row(row, &names)?;
        }
        for row in tables.sessions {
            let SessionRow { login, id, account, opened, used, until, from } = row;
            let user = names.get(&account).and_then(|name| index.users.get(name));
            let user = user.ok_or_else(|| format!("session {} belongs to nobody", login.0))?;
            let user = Arc::clone(&user.account.profile);
            let session = Session { id, login, user, opened, used, from, expires: until, check: until, written: until };
            index.sessions.insert(session).ok_or("there are more sessions than can be opened")?;
        }
        index.tail.skip_to(last);
        index.committed = last;
        Ok(index)
    }

    /// Takes the place of an index whose last changes were undone: no revision is used twice, and what was dropped stays
    /// dropped.
    pub(in crate::store) fn continue_from(&mut self, before: &Self) {
        for (id, stream) in &mut self.streams {
            if let Some(before) = before.streams.get(id) {
                stream.gone = before.gone;
            }
        }
        let offset = before.revision;
        for user in self.users.values_mut() {
            let mut account = (*user.account).clone();
            account.revision += offset;
            user.account = Arc::new(account);
        }
        self.revision += offset;
    }

    fn insert_row(&mut self, row: StreamRow, names: &HashMap<AccountId, crate::model::UserName>) -> Result<(), String> {
        let StreamRow { id, writer, reader, state } = row;
        let name = |account: AccountId| {
            names.get(&account).ok_or_else(|| format!("stream {} has no account {}", id.0, account.0))
        };
        let reader_name = name(reader)?;
        let writer_name = writer.map(name).transpose()?;
        let Some(user) = self.users.get_mut(reader_name) else { return Ok(()) };
        if state.unread > 0 {
            user.unread_streams.insert(id);
        }
        user.unread += state.unread;
        user.unread_bytes += state.bytes;
        self.unread_bytes += state.bytes;
        match writer_name {
            Some(writer_name) => {
                user.incoming.insert(writer_name.clone(), id);
            }
            None => user.former.push(id),
        }
        let stream = Stream {
            reader: reader_name.clone(),
            writer: None,
            writer_id: writer,
            reader_id: reader,
            state,
            lagging: false,
            gone: if writer.is_some() { MessageId::NONE } else { state.cursor },
        };
        self.streams.insert(id, stream);
        Ok(())
    }

    /// Takes account of a block's messages in streams whose rows do not know them.
    pub(in crate::store) fn replay(&mut self, block: &Block) -> Result<(), String> {
        self.unindexed_bytes += block.body.len();
        for entry in block.entries() {
            let entry = entry.ok_or_else(|| format!("block {} cannot be parsed", block.first))?;
            let stream = self.streams.get_mut(&entry.stream).filter(|stream| stream.state.head < entry.id);
            let Some(stream) = stream else { continue };
            if entry.before != stream.state.head {
                return Err(format!("a message of stream {} before block {} is missing", entry.stream.0, block.first));
            }
            stream.state.head = entry.id;
            stream.state.count += 1;
            if entry.id > stream.state.cursor {
                stream.state.unread += 1;
                stream.state.bytes += entry.len();
                self.unread_bytes += entry.len();
                if let Some(user) = self.users.get_mut(&stream.reader) {
                    user.unread_streams.insert(entry.stream);
                    user.unread += 1;
                    user.unread_bytes += entry.len();
                }
            }
            if !stream.lagging {
                stream.lagging = true;
                self.journal.lagging.push(entry.stream);
            }
        }
        Ok(())
    }
}

/// Detects rows that are missing, and numbers that were not given out.
fn compare(tables: &Tables, summary: &Summary, last_message: MessageId) -> Result<(), String> {
    let Tables { profiles, accounts, streams, sessions } = tables;
    for (what, found, wanted) in [
        ("accounts", accounts.len(), summary.accounts),
        ("streams", streams.len(), summary.streams),
        ("profiles", profiles.len(), summary.profiles),
        ("sessions", sessions.len(), summary.sessions),
    ] {
        if found as u64 != wanted {
            return Err(format!("there are {found} {what}, and there must be {wanted}"));
        }
    }
    if last_message < summary.last_message {
        return Err(format!("messages up to {} are missing", summary.last_message));
    }
    let greatest = |ids: &mut dyn Iterator<Item = u32>| ids.max().unwrap_or(0);
    let known = greatest(&mut accounts.iter().map(|row| row.id.0)) <= summary.last_account
        && greatest(&mut streams.iter().map(|row| row.id.0)) <= summary.last_stream
        && greatest(&mut profiles.iter().map(|(id, _)| id.0)) <= summary.last_profile;
    let unique: HashSet<StreamId> = streams.iter().map(|row| row.id).collect();
    match known && unique.len() == streams.len() {
        true => Ok(()),
        false => Err("an account, a stream or a profile has a number that was never given out".into()),
    }
}
