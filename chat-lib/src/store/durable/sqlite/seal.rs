//! A CRC-32 that is stored with each row, to detect rows that are not what was written.

use std::net::SocketAddr;

use crc32fast::Hasher;

use crate::model::{PasswordHash, Profile};
use crate::store::index::{AccountRow, SessionRow, StreamRow, StreamState, Summary};
use crate::store::log::{Block, ProfileId};

/// The sum of one row.
pub(super) struct Seal(Hasher);

impl Seal {
    pub(super) fn of_profile(id: ProfileId, profile: &Profile) -> u32 {
        let names = [profile.user().as_str(), profile.full_name(), profile.country()];
        names.into_iter().fold(Self::new(id.0), |seal, name| seal.with(name.as_bytes())).finish()
    }

    pub(super) fn of_account(row: &AccountRow) -> u32 {
        let password = row.password.as_ref().map(PasswordHash::to_phc).unwrap_or_default();
        Self::new(row.id.0).and(row.profile.0).with(password.as_bytes()).and(row.banned).finish()
    }

    pub(super) fn of_stream(row: &StreamRow) -> u32 {
        let StreamState { head, count, cursor, unread, bytes } = row.state;
        let ends = Self::new(row.id.0).and(row.writer.map_or(0, |writer| writer.0)).and(row.reader.0);
        ends.and(head.get()).and(count).and(cursor.get()).and(unread as u64).and(bytes as u64).finish()
    }

    pub(super) fn of_session(row: &SessionRow) -> u32 {
        let from = row.from.map(|from: SocketAddr| from.to_string()).unwrap_or_default();
        let times = Self::new(row.login.0).with(row.id.as_bytes()).and(row.account.0).and(row.opened.as_millis());
        times.and(row.used.as_millis()).and(row.until.as_millis()).with(from.as_bytes()).finish()
    }

    pub(super) fn of_block(block: &Block) -> u32 {
        Self::new(block.first.get()).and(block.last.get()).and(block.time.as_millis()).with(&block.body).finish()
    }

    pub(super) fn of_summary(summary: &Summary) -> u32 {
        let ids = Self::new(summary.indexed.get()).with(summary.epoch.as_bytes()).and(summary.last_message.get());
        let ids = ids.and(summary.last_account).and(summary.last_stream).and(summary.last_profile);
        let counts = ids.and(summary.accounts).and(summary.streams).and(summary.profiles).and(summary.sessions);
        counts.and(summary.restoring).and(summary.retention_time.as_millis()).and(summary.keep_read).finish()
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
