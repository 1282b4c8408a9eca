//! A CRC-32 that is stored with each row, to detect rows that are not what was written.

use std::net::SocketAddr;

use crc32fast::Hasher;

use crate::model::{Invitation, MessageId, PasswordHash, Profile};
use crate::store::durable::record::standing_number;
use crate::store::index::{
    AccountId, AccountRow, KeysRow, MemberRow, RoomRow, SessionRow, StreamRow, StreamState, Summary,
};
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
        let account = Self::new(row.id.0).and(row.profile.0).with(password.as_bytes()).and(row.banned);
        account.and(row.since.get()).finish()
    }

    pub(super) fn of_stream(row: &StreamRow) -> u32 {
        let StreamState { head, count, cursor, unread, bytes } = row.state;
        let ends = Self::new(row.id.0).and(row.writer.map_or(0, |writer| writer.0)).and(row.reader.0);
        ends.and(head.get()).and(count).and(cursor.get()).and(unread as u64).and(bytes as u64).finish()
    }

    pub(super) fn of_room(row: &RoomRow) -> u32 {
        let names = Self::new(row.id.0).with(row.name.as_str().as_bytes()).with(row.title.as_bytes()).and(row.open);
        let ends = names.and(row.head.get()).and(row.count).and(row.gone.get());
        // Nothing is set is 0, and what is set one more.
        row.keep.numbers().into_iter().fold(ends, |seal, limit| seal.and(limit.map_or(0, |limit| limit + 1))).finish()
    }

    pub(super) fn of_member(row: &MemberRow) -> u32 {
        let who = Self::new(row.room.0).and(row.account.0).and(standing_number(row.standing));
        who.and(row.since.get()).and(row.cursor.get()).and(row.base).and(row.sent.get()).finish()
    }

    pub(super) fn of_block_of(user: AccountId, other: AccountId) -> u32 {
        Self::new(user.0).and(other.0).finish()
    }

    pub(super) fn of_deleted(message: MessageId) -> u32 {
        Self::new(message.get()).finish()
    }

    pub(super) fn of_keys(row: &KeysRow) -> u32 {
        Self::new(row.number).and(row.time.as_millis()).with(&row.body).finish()
    }

    pub(super) fn of_session(row: &SessionRow) -> u32 {
        let from = row.from.map(|from: SocketAddr| from.to_string()).unwrap_or_default();
        let times = Self::new(row.login.0).with(row.id.as_bytes()).and(row.account.0).and(row.opened.as_millis());
        times.and(row.used.as_millis()).and(row.until.as_millis()).with(from.as_bytes()).finish()
    }

    pub(super) fn of_invitation(invitation: &Invitation) -> u32 {
        let Invitation { id, created, expires } = invitation;
        Self::new(created.as_millis()).with(id.as_bytes()).and(expires.as_millis()).finish()
    }

    pub(super) fn of_block(block: &Block) -> u32 {
        Self::new(block.first.get()).and(block.last.get()).and(block.time.as_millis()).with(&block.body).finish()
    }

    pub(super) fn of_summary(summary: &Summary) -> u32 {
        let ids = Self::new(summary.indexed.get()).with(summary.epoch.as_bytes()).and(summary.last_message.get());
        let ids = ids.and(summary.last_account).and(summary.last_stream).and(summary.last_profile);
        let counts = ids.and(summary.accounts).and(summary.streams).and(summary.profiles).and(summary.sessions);
        let counts = counts.and(summary.invitations);
        let counts = counts.and(summary.rooms).and(summary.members).and(summary.blocks).and(summary.deleted);
        let counts = counts.and(summary.deletions);
        let counts = counts.and(summary.key_rows).and(summary.last_key).and(summary.keyed.get());
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
