//! From the disk into memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::disk::{AccountRow, Disk, Mailbox, SessionRow, Summary, Tables};
use super::super::group::{MailboxId, MessageGroup, OpenGroup};
use super::super::recent::Recent;
use super::super::taken::Receipts;
use super::{State, User};
use crate::error::Error;
use crate::model::Account;
use crate::store::sessions::Sessions;

impl State {
    /// What the disk holds.
    pub(in super::super) fn load(disk: &dyn Disk) -> Result<Self, Error> {
        let (tables, summary) = (disk.tables()?, disk.summary()?);
        compare(&tables, &summary, disk.last_group()?).map_err(|what| disk.damage(&what))?;
        let profiles: HashMap<_, _> =
            tables.profiles.into_iter().map(|(id, profile)| (id, Arc::new(profile))).collect();
        let mut mailboxes: HashMap<_, _> = tables.mailboxes.iter().map(|row| (row.id, row.mailbox)).collect();
        let mut last_group = disk.last_group()?.max(summary.accounted);
        last_group = mailboxes.values().map(|mailbox| mailbox.head.group()).fold(last_group, u64::max);

        let mut lagging = HashSet::new();
        let (mut number, mut unaccounted) = (summary.accounted, 0);
        loop {
            let groups = disk.groups_behind(number)?;
            let Some(last) = groups.last() else { break };
            number = last.number;
            for group in &groups {
                unaccounted += group.body.len();
                replay(group, &mut mailboxes, &mut lagging).map_err(|what| disk.damage(&what))?;
            }
        }

        let mut users = HashMap::new();
        let mut names = HashMap::new();
        let mut profile_ids: HashMap<_, _> = profiles.iter().map(|(&id, profile)| (Arc::clone(profile), id)).collect();
        for AccountRow { id, profile: profile_id, password } in tables.accounts {
            let missing = |what| disk.damage(&format!("account {} has no {what}", id.0));
            let profile = Arc::clone(profiles.get(&profile_id).ok_or_else(|| missing("profile"))?);
            profile_ids.insert(Arc::clone(&profile), profile_id);
            let mailbox = *mailboxes.get(&id).ok_or_else(|| missing("mailbox"))?;
            let user = profile.user().clone();
            names.insert(id, user.clone());
            let account = Arc::new(Account { profile, password });
            let lagging = lagging.contains(&id);
            users.insert(user, User { id, account, mailbox, profile: profile_id, lagging });
        }
        let mut sessions = Sessions::default();
        for SessionRow { login, id, account, until } in tables.sessions {
            let user = names.get(&account).and_then(|name| users.get(name));
            let user = user.ok_or_else(|| disk.damage(&format!("session {} is nobody's", login.0)))?;
            sessions.restore(login, id, &user.account.profile, until, until);
        }
        Ok(Self {
            epoch: Arc::default(),
            lagging: lagging.iter().filter_map(|id| names.get(id).cloned()).collect(),
            users,
            sessions,
            profile_ids,
            profiles,
            open: OpenGroup::new(last_group + 1),
            recent: Recent::default(),
            writes: Vec::new(),
            taken: 0,
            appended: 0,
            unaccounted,
            accounted: summary.accounted,
            last_mailbox: summary.last_mailbox,
            last_profile: summary.last_profile,
            whole: summary.whole,
            retention_time: summary.retention_time,
            keep_read: summary.keep_read,
            summary,
            receipts: Receipts::default(),
        })
    }
}

/// Misses rows that are not there, and numbers that were not given out.
fn compare(tables: &Tables, summary: &Summary, last_group: u64) -> Result<(), String> {
    let Tables { profiles, accounts, mailboxes, sessions } = tables;
    for (what, found, wanted) in [
        ("accounts", accounts.len(), summary.accounts),
        ("mailboxes", mailboxes.len(), summary.accounts),
        ("profiles", profiles.len(), summary.profiles),
        ("sessions", sessions.len(), summary.sessions),
    ] {
        if found as u64 != wanted {
            return Err(format!("there are {found} {what}, and there must be {wanted}"));
        }
    }
    if last_group < summary.last_group {
        return Err(format!("message groups up to {} are missing", summary.last_group));
    }
    let ids = accounts.iter().map(|row| row.id).chain(mailboxes.iter().map(|row| row.id));
    let known = ids.map(|id| id.0).max().unwrap_or(0) <= summary.last_mailbox
        && profiles.iter().map(|(id, _)| id.0).max().unwrap_or(0) <= summary.last_profile;
    if known { Ok(()) } else { Err("an account or a profile has a number that was never given out".into()) }
}

/// Takes account of a group's messages in mailboxes that do not know them.
fn replay(
    group: &MessageGroup,
    mailboxes: &mut HashMap<MailboxId, Mailbox>,
    lagging: &mut HashSet<MailboxId>,
) -> Result<(), String> {
    for entry in group.entries() {
        let entry = entry.ok_or_else(|| format!("message group {} cannot be parsed", group.number))?;
        let Some(mailbox) = mailboxes.get_mut(&entry.mailbox).filter(|mailbox| mailbox.head < entry.address) else {
            continue;
        };
        if entry.before != mailbox.head {
            return Err(format!("a message of mailbox {} before group {} is missing", entry.mailbox.0, group.number));
        }
        mailbox.head = entry.address;
        mailbox.unread += 1;
        mailbox.bytes += entry.text.len();
        lagging.insert(entry.mailbox);
    }
    Ok(())
}
