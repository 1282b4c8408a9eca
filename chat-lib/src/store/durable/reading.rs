//! Reading the log: a mailbox's unread messages, a dump of all, a check.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::commit::Shared;
use super::disk::Mailbox;
use super::group::{Address, Entry, MailboxId, MessageGroup};
use super::state::{State, User};
use crate::error::Error;
use crate::model::{Inbox, Profile};
use crate::store::{NewMessage, Record, Show, Taken};

impl Shared {
    pub(super) fn take_unread(&self, name: &str, most: usize) -> Result<Option<Taken>, Error> {
        loop {
            let Some(user) = self.state().user(name).cloned() else { return Ok(Some(Taken::default())) };
            if Inbox::footprint(user.mailbox.unread, user.mailbox.bytes) > most {
                return Ok(None);
            }
            let unread = self.unread(&user);
            // Whoever was quicker has moved the cursor, and what was being read may be gone by now.
            let mut state = self.state();
            if state.user(name).is_none_or(|now| now.id != user.id || now.mailbox.cursor != user.mailbox.cursor) {
                continue;
            }
            let mut inbox = unread?;
            inbox.set_to(user.account.profile.full_name());
            let receipt = if inbox.is_empty() { None } else { state.take(name, &user) };
            return Ok(Some(Taken { inbox, receipt }));
        }
    }

    /// Goes from the last message back to the cursor, group by group.
    fn unread(&self, user: &User) -> Result<Inbox, Error> {
        let Mailbox { cursor, mut head, .. } = user.mailbox;
        let mut pieces = Vec::new();
        while head > cursor {
            let recent = {
                let state = self.state();
                state.recent(head.group()).map(|group| piece(group, user.id, cursor, head, &state))
            };
            let piece = match recent {
                Some(piece) => piece,
                None => {
                    let missing = || self.disk.damage(&format!("message group {} is missing", head.group()));
                    let group = self.disk.group(head.group())?.ok_or_else(missing)?;
                    piece(&group, user.id, cursor, head, &self.state())
                }
            };
            let (messages, before) = piece.map_err(|what| self.disk.damage(&what))?;
            if before >= head {
                return Err(self.disk.damage(&format!("group {} leads back to itself", head.group())));
            }
            head = before;
            pieces.push(messages);
        }
        let mut inbox = Inbox::default();
        pieces.into_iter().rev().for_each(|piece| inbox.append(piece));
        if inbox.len() != user.mailbox.unread {
            return Err(self.disk.damage(&format!("mailbox {} lacks messages", user.id.0)));
        }
        Ok(inbox)
    }

    pub(super) fn dump(&self, keeps: impl FnMut(&MessageGroup) -> bool, show: &mut Show<'_>) -> Result<(), Error> {
        let _log_stays = self.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        let (users, last) = self.freeze(|state| (users(state), state.last_group()))?;
        let mut accounts: Vec<_> = users.values().map(|user| &user.account).collect();
        accounts.sort_by(|one, other| one.profile.user().cmp(other.profile.user()));
        accounts.into_iter().try_for_each(|account| show(Record::Account(account)))?;
        self.each_message(&users, last, keeps, |group, kept, entry, user| {
            let read = entry.address <= user.mailbox.cursor;
            if read && !kept {
                return Ok(());
            }
            let from = &self.sender(entry)?;
            let (to, text, time) = (user.account.profile.user().as_str(), entry.text, group.time);
            show(Record::Message { message: NewMessage { to, from, text, time }, read })
        })
    }

    /// Reads all, and compares what mailboxes say with what the log has.
    pub(super) fn check(&self) -> Result<(), Error> {
        let _log_stays = self.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        let (users, last) = self.freeze(|state| (users(state), state.last_group()))?;
        self.disk.check()?;
        self.disk.tables()?;
        self.each_message(&users, last, |_| true, |_, _, entry, _| self.sender(entry).map(drop))
    }

    /// Shows all messages in groups up to the one with the number `last`, with what `keeps` says of the group. Fails if a
    /// message that is unread as of `users` is missing.
    fn each_message(
        &self,
        users: &HashMap<MailboxId, User>,
        last: u64,
        mut keeps: impl FnMut(&MessageGroup) -> bool,
        mut show: impl FnMut(&MessageGroup, bool, &Entry<'_>, &User) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let none = |user: &User| Mailbox { head: user.mailbox.cursor, unread: 0, bytes: 0, ..user.mailbox };
        let mut found: HashMap<MailboxId, Mailbox> = HashMap::new();
        self.each_group(last, |group| {
            let kept = keeps(group);
            for entry in group.entries() {
                let what = || self.disk.damage(&format!("message group {} cannot be parsed", group.number));
                let entry = entry.ok_or_else(what)?;
                let Some(user) = users.get(&entry.mailbox) else { continue };
                if entry.address > user.mailbox.cursor {
                    let seen = found.entry(user.id).or_insert_with(|| none(user));
                    if entry.before != seen.head {
                        let what = format!("what mailbox {} has before group {} is missing", user.id.0, group.number);
                        return Err(self.disk.damage(&what));
                    }
                    seen.head = entry.address;
                    seen.unread += 1;
                    seen.bytes += entry.text.len();
                }
                show(group, kept, &entry, user)?;
            }
            Ok(())
        })?;
        for user in users.values() {
            let seen = found.remove(&user.id).unwrap_or_else(|| none(user));
            // What the cursor has passed may be gone, and then the head is not found either.
            if seen != user.mailbox {
                return Err(self.disk.damage(&format!("mailbox {} says {:?}, not {seen:?}", user.id.0, user.mailbox)));
            }
        }
        Ok(())
    }

    fn sender(&self, entry: &Entry<'_>) -> Result<Arc<Profile>, Error> {
        let profile = self.state().profile(entry.sender).cloned();
        profile.ok_or_else(|| self.disk.damage(&format!("profile {} is missing", entry.sender.0)))
    }

    /// Shows all groups up to the one with the number `last`.
    pub(super) fn each_group(
        &self,
        last: u64,
        mut show: impl FnMut(&MessageGroup) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut number = 0;
        loop {
            let groups = self.disk.groups_behind(number)?;
            for group in groups.iter().filter(|group| group.number <= last) {
                show(group)?;
            }
            match groups.last() {
                Some(group) if group.number < last => number = group.number,
                _ => return Ok(()),
            }
        }
    }
}

/// A group's messages of one mailbox, behind `cursor` and up to `head`; and the address of the one
/// before them.
fn piece(
    group: &MessageGroup,
    mailbox: MailboxId,
    cursor: Address,
    head: Address,
    state: &State,
) -> Result<(Inbox, Address), String> {
    let mut messages = Inbox::default();
    let mut before = None;
    for entry in group.entries() {
        let entry = entry.ok_or_else(|| format!("message group {} cannot be parsed", group.number))?;
        if entry.mailbox != mailbox || entry.address <= cursor || entry.address > head {
            continue;
        }
        before.get_or_insert(entry.before);
        let sender = state.profile(entry.sender);
        messages.push(sender.ok_or_else(|| format!("profile {} is missing", entry.sender.0))?, entry.text);
    }
    Ok((messages, before.ok_or_else(|| format!("message {} is missing", head.0))?))
}

fn users(state: &State) -> HashMap<MailboxId, User> {
    state.users().map(|user| (user.id, user.clone())).collect()
}
