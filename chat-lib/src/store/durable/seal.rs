use crc32fast::Hasher;

use super::disk::{AccountRow, Mailbox, MailboxRow, SessionRow, Summary};
use super::group::{MessageGroup, ProfileId};
use crate::model::{PasswordHash, Profile};

/// A CRC-32 of a row, kept with it: what the disk gives back is what was written, or it is found out.
pub(super) struct Seal(Hasher);

impl Seal {
    pub(super) fn of_profile(id: ProfileId, profile: &Profile) -> u32 {
        let names = [profile.user().as_str(), profile.full_name(), profile.country()];
        names.into_iter().fold(Self::new(id.0), |seal, name| seal.with(name.as_bytes())).finish()
    }

    pub(super) fn of_account(row: &AccountRow) -> u32 {
        let password = row.password.as_ref().map(PasswordHash::to_phc).unwrap_or_default();
        Self::new(row.id.0).and(row.profile.0).with(password.as_bytes()).finish()
    }

    pub(super) fn of_mailbox(row: &MailboxRow) -> u32 {
        let Mailbox { cursor, head, unread, bytes } = row.mailbox;
        Self::new(row.id.0).and(cursor.0).and(head.0).and(unread as u64).and(bytes as u64).finish()
    }

    pub(super) fn of_session(row: &SessionRow) -> u32 {
        Self::new(row.login.0).with(row.id.as_bytes()).and(row.account.0).and(row.until.as_millis()).finish()
    }

    pub(super) fn of_group(group: &MessageGroup) -> u32 {
        Self::new(group.number).and(group.time.as_millis()).with(&group.body).finish()
    }

    pub(super) fn of_summary(summary: &Summary) -> u32 {
        let Summary { accounted, last_group, last_mailbox, last_profile, .. } = *summary;
        let Summary { accounts, profiles, sessions, whole, retention_time, keep_read, .. } = *summary;
        let ids = Self::new(accounted).and(last_group).and(last_mailbox).and(last_profile);
        let counts = ids.and(accounts).and(profiles).and(sessions).and(whole);
        counts.and(retention_time.as_millis()).and(keep_read).finish()
    }

    fn new(key: impl Into<u64>) -> Self {
        Self(Hasher::new()).and(key)
    }

    fn and(mut self, number: impl Into<u64>) -> Self {
        self.0.update(&number.into().to_le_bytes());
        self
    }

    fn with(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn finish(self) -> u32 {
        self.0.finalize()
    }
}
