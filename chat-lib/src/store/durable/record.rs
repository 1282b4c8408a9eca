//! What is written for one commit: changes to the index and blocks of messages, as values and as bytes, so that a record
//! can be stored, sent, and replayed elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use super::backend::Compaction;
use crate::clock::Timestamp;
use crate::model::{Invitation, InvitationId, MessageId, PasswordHash, Profile, RoomName, SessionId, UserName};
use crate::store::index::{
    AccountId, AccountRow, Change, KeysRow, Login, MemberRow, RoomRow, SessionRow, StreamRow, StreamState, Summary,
};
use crate::store::log::{Block, ProfileId, StreamId, read_number, write_number};
use crate::store::{RoomKeep, Standing};

/// The changes of one commit, in order.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) changes: Vec<Change>,
    /// The last message that there is once this is stored.
    pub(super) last_message: MessageId,
}

impl Record {
    /// About how many bytes a database has to write for it.
    pub(super) fn cost(&self) -> u64 {
        const PAGE: u64 = 4096;
        let cost = |change: &Change| match change {
            Change::Block(block) => PAGE + block.body.len() as u64,
            Change::Keys(keys) => PAGE + keys.body.len() as u64,
            _ => PAGE,
        };
        self.changes.iter().map(cost).sum()
    }

    /// Appends the record as bytes: a version, the last message, and each change as a tag and its fields. Numbers are LEB128,
    /// texts have their length in front.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        let mut to = Writer(std::mem::take(out));
        to.number(self.last_message.get());
        self.changes.iter().for_each(|change| to.change(change));
        *out = to.0;
    }

    /// The record that these bytes are; `None` if they are none of this version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes.strip_prefix(&[VERSION])?);
        let last_message = rest.message()?;
        let mut changes = Vec::new();
        while !rest.0.is_empty() {
            changes.push(rest.change()?);
        }
        Some(Self { changes, last_message })
    }
}

const VERSION: u8 = 1;

/// What a user is in a room, as a number.
pub(super) fn standing_number(standing: Standing) -> u8 {
    match standing {
        Standing::Invited => 0,
        Standing::Member => 1,
        Standing::Owner => 2,
    }
}

/// What [`standing_number`] gives this number for.
pub(super) fn standing_of(number: u8) -> Option<Standing> {
    [Standing::Invited, Standing::Member, Standing::Owner].get(usize::from(number)).copied()
}

/// Writes values as bytes.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn compaction(&mut self, change: &Compaction) {
        match change {
            Compaction::Thin(block) => {
                self.number(0);
                self.block(block);
            }
            Compaction::Drop(first) => self.numbers(&[1, first.get()]),
            Compaction::DropMarks(stream, upto) => self.numbers(&[2, stream.0.into(), upto.get()]),
        }
    }

    fn block(&mut self, block: &Block) {
        self.numbers(&[block.first.get(), block.last.get(), block.time.as_millis()]);
        self.bytes(&block.body);
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Profile(id, profile) => {
                self.numbers(&[0, id.0.into()]);
                let names = [profile.user().as_str(), profile.full_name(), profile.country()];
                names.iter().for_each(|name| self.bytes(name.as_bytes()));
            }
            Change::DropProfile(id) => self.numbers(&[1, id.0.into()]),
            Change::Account(AccountRow { id, profile, password, banned, since }) => {
                self.numbers(&[2, id.0.into(), profile.0.into(), (*banned).into(), since.get()]);
                self.optional(password.as_ref().map(|hash| hash.to_phc()).as_deref());
            }
            Change::DropAccount(id) => self.numbers(&[3, id.0.into()]),
            Change::Stream(StreamRow { id, writer, reader, state }) => {
                let StreamState { head, count, cursor, unread, bytes } = *state;
                // Accounts are counted from 1.
                let writer = writer.map_or(0, |writer| writer.0);
                self.numbers(&[4, id.0.into(), writer.into(), reader.0.into()]);
                self.numbers(&[head.get(), count, cursor.get(), unread as u64, bytes as u64]);
            }
            Change::DropStream(id) => self.numbers(&[5, id.0.into()]),
            Change::Session(SessionRow { login, id, account, opened, used, until, from }) => {
                self.numbers(&[6, login.0, account.0.into()]);
                self.bytes(id.as_bytes());
                self.numbers(&[opened, used, until].map(|time| time.as_millis()));
                self.optional(from.map(|from| from.to_string()).as_deref());
            }
            Change::DropSession(login) => self.numbers(&[7, login.0]),
            Change::Invitation(Invitation { id, created, expires }) => {
                self.number(22);
                self.bytes(id.as_bytes());
                self.numbers(&[created, expires].map(|time| time.as_millis()));
            }
            Change::DropInvitation(id) => {
                self.number(23);
                self.bytes(id.as_bytes());
            }
            Change::Block(block) => {
                self.number(8);
                self.block(block);
            }
            Change::Mark(stream, message) => self.numbers(&[9, stream.0.into(), message.get()]),
            Change::ClearLog => self.number(11),
            Change::Room(RoomRow { id, name, title, open, head, count, gone, keep }) => {
                self.numbers(&[12, id.0.into(), (*open).into(), head.get(), *count, gone.get()]);
                for limit in keep.numbers() {
                    self.number(limit.is_some().into());
                    limit.into_iter().for_each(|limit| self.number(limit));
                }
                [name.as_str(), title].iter().for_each(|text| self.bytes(text.as_bytes()));
            }
            Change::DropRoom(id) => self.numbers(&[13, id.0.into()]),
            Change::Member(MemberRow { room, account, standing, since, cursor, base, sent }) => {
                self.numbers(&[14, room.0.into(), account.0.into(), standing_number(*standing).into()]);
                self.numbers(&[since.get(), cursor.get(), *base, sent.get()]);
            }
            Change::DropMember(room, account) => self.numbers(&[15, room.0.into(), account.0.into()]),
            Change::Blocked(user, other) => self.numbers(&[16, user.0.into(), other.0.into()]),
            Change::Unblocked(user, other) => self.numbers(&[17, user.0.into(), other.0.into()]),
            Change::Deleted(message) => self.numbers(&[18, message.get()]),
            Change::DropDeleted(message) => self.numbers(&[19, message.get()]),
            Change::Keys(KeysRow { number, time, body }) => {
                self.numbers(&[20, *number, time.as_millis()]);
                self.bytes(body);
            }
            Change::DropKeys(number) => self.numbers(&[21, *number]),
            Change::Summary(summary) => {
                self.number(10);
                self.bytes(summary.epoch.as_bytes());
                self.numbers(&[summary.indexed, summary.last_message].map(MessageId::get));
                self.numbers(&[summary.last_account, summary.last_stream, summary.last_profile].map(u64::from));
                self.numbers(&[summary.accounts, summary.streams, summary.profiles, summary.sessions]);
                self.number(summary.invitations);
                self.numbers(&[summary.rooms, summary.members, summary.blocks, summary.deleted]);
                self.number(summary.deletions.into());
                self.numbers(&[summary.key_rows, summary.last_key, summary.keyed.get()]);
                self.numbers(&[summary.restoring.into(), summary.retention_time.as_millis(), summary.keep_read]);
            }
        }
    }

    fn number(&mut self, number: u64) {
        write_number(&mut self.0, number);
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.number(*number));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(text.is_some().into());
        text.into_iter().for_each(|text| self.bytes(text.as_bytes()));
    }
}

/// Reads what a [`Writer`] has written.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn compaction(&mut self) -> Option<Compaction> {
        Some(match self.number()? {
            0 => Compaction::Thin(self.block()?),
            1 => Compaction::Drop(self.message()?),
            2 => Compaction::DropMarks(StreamId(self.small()?), self.message()?),
            _ => return None,
        })
    }

    fn block(&mut self) -> Option<Block> {
        let (first, last, time) = (self.message()?, self.message()?, self.time()?);
        Some(Block { first, last, time, body: self.bytes()?.to_vec() })
    }

    fn change(&mut self) -> Option<Change> {
        Some(match self.number()? {
            0 => {
                let id = ProfileId(self.small()?);
                let user = UserName::parse(self.text()?).ok()?;
                Change::Profile(id, Arc::new(Profile::kept(user, self.text()?, self.text()?).ok()?))
            }
            1 => Change::DropProfile(ProfileId(self.small()?)),
            2 => {
                let (id, profile, banned) = (AccountId(self.small()?), ProfileId(self.small()?), self.switch()?);
                let since = self.message()?;
                let password = match self.switch()? {
                    true => Some(PasswordHash::from_phc(self.text()?).ok()?),
                    false => None,
                };
                Change::Account(AccountRow { id, profile, password, banned, since })
            }
            3 => Change::DropAccount(AccountId(self.small()?)),
            4 => {
                let id = StreamId(self.small()?);
                let writer = Some(self.small()?).filter(|writer| *writer > 0).map(AccountId);
                let reader = AccountId(self.small()?);
                let (head, count, cursor) = (self.message()?, self.number()?, self.message()?);
                let (unread, bytes) = (self.number()?.try_into().ok()?, self.number()?.try_into().ok()?);
                Change::Stream(StreamRow {
                    id,
                    writer,
                    reader,
                    state: StreamState { head, count, cursor, unread, bytes },
                })
            }
            5 => Change::DropStream(StreamId(self.small()?)),
            6 => {
                let (login, account) = (Login(self.number()?), AccountId(self.small()?));
                let id = SessionId::from_bytes(self.bytes()?.try_into().ok()?);
                let (opened, used, until) = (self.time()?, self.time()?, self.time()?);
                let from: Option<SocketAddr> = match self.switch()? {
                    true => Some(self.text()?.parse().ok()?),
                    false => None,
                };
                Change::Session(SessionRow { login, id, account, opened, used, until, from })
            }
            7 => Change::DropSession(Login(self.number()?)),
            8 => Change::Block(Arc::new(self.block()?)),
            9 => Change::Mark(StreamId(self.small()?), self.message()?),
            10 => Change::Summary(Summary {
                epoch: self.text()?.to_owned(),
                indexed: self.message()?,
                last_message: self.message()?,
                last_account: self.small()?,
                last_stream: self.small()?,
                last_profile: self.small()?,
                accounts: self.number()?,
                streams: self.number()?,
                profiles: self.number()?,
                sessions: self.number()?,
                invitations: self.number()?,
                rooms: self.number()?,
                members: self.number()?,
                blocks: self.number()?,
                deleted: self.number()?,
                deletions: self.small()?,
                key_rows: self.number()?,
                last_key: self.number()?,
                keyed: self.message()?,
                restoring: self.switch()?,
                retention_time: self.time()?,
                keep_read: self.number()?,
            }),
            11 => Change::ClearLog,
            12 => {
                let (id, open, head) = (StreamId(self.small()?), self.switch()?, self.message()?);
                let (count, gone) = (self.number()?, self.message()?);
                let keep = RoomKeep::from_numbers([self.limit()?, self.limit()?, self.limit()?]);
                let (name, title) = (RoomName::parse(self.text()?).ok()?, self.text()?.into());
                Change::Room(RoomRow { id, name, title, open, head, count, gone, keep })
            }
            13 => Change::DropRoom(StreamId(self.small()?)),
            14 => {
                let (room, account) = (StreamId(self.small()?), AccountId(self.small()?));
                let standing = standing_of(self.number()?.try_into().ok()?)?;
                let (since, cursor) = (self.message()?, self.message()?);
                let (base, sent) = (self.number()?, self.message()?);
                Change::Member(MemberRow { room, account, standing, since, cursor, base, sent })
            }
            15 => Change::DropMember(StreamId(self.small()?), AccountId(self.small()?)),
            16 => Change::Blocked(AccountId(self.small()?), AccountId(self.small()?)),
            17 => Change::Unblocked(AccountId(self.small()?), AccountId(self.small()?)),
            18 => Change::Deleted(self.message()?),
            19 => Change::DropDeleted(self.message()?),
            20 => {
                let (number, time) = (self.number()?, self.time()?);
                Change::Keys(KeysRow { number, time, body: self.bytes()?.to_vec() })
            }
            21 => Change::DropKeys(self.number()?),
            22 => Change::Invitation(Invitation::new(self.invitation()?, self.time()?, self.time()?)),
            23 => Change::DropInvitation(self.invitation()?),
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<u64> {
        read_number(&mut self.0)
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn switch(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn limit(&mut self) -> Option<Option<u64>> {
        Some(if self.switch()? { Some(self.number()?) } else { None })
    }

    fn message(&mut self) -> Option<MessageId> {
        MessageId::new(self.number()?)
    }

    fn invitation(&mut self) -> Option<InvitationId> {
        Some(InvitationId::from_bytes(self.bytes()?.try_into().ok()?))
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_millis)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?.try_into().ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}
