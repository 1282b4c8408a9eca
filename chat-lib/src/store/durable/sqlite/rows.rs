//! How rows are written and read.

use std::net::SocketAddr;

use rusqlite::{Connection, Row, params};

use super::seal::Seal;
use crate::clock::Timestamp;
use crate::model::{Invitation, InvitationId, MessageId, PasswordHash, Profile, RoomName, SessionId, UserName};
use crate::store::RoomKeep;
use crate::store::durable::backend::Compaction;
use crate::store::durable::record::{standing_number, standing_of};
use crate::store::index::{
    AccountId, AccountRow, Change, KeysRow, Login, MemberRow, RoomRow, SessionRow, StreamRow, StreamState, Summary,
};
use crate::store::log::{Block, ProfileId, StreamId};

/// Writes a change of a record.
pub(super) fn write(to: &Connection, change: &Change) -> Result<(), rusqlite::Error> {
    match change {
        Change::Profile(id, profile) => to
            .prepare_cached(
                "INSERT OR REPLACE INTO profile (id, user, full_name, country, seal) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id.0,
                profile.user().as_str(),
                profile.full_name(),
                profile.country(),
                Seal::of_profile(*id, profile)
            ]),
        Change::DropProfile(id) => to.prepare_cached("DELETE FROM profile WHERE id = ?")?.execute([id.0]),
        Change::Account(row) => to
            .prepare_cached(
                "INSERT OR REPLACE INTO account (id, profile, password, banned, since, seal) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row.id.0,
                row.profile.0,
                row.password.as_ref().map(PasswordHash::to_phc),
                row.banned,
                row.since.get(),
                Seal::of_account(row)
            ]),
        Change::DropAccount(id) => to.prepare_cached("DELETE FROM account WHERE id = ?")?.execute([id.0]),
        Change::Stream(row) => {
            // Who writes and who reads stays as it is until a writer is removed: nothing is to be changed in indexes.
            let sql = match row.writer {
                Some(_) => {
                    "INSERT INTO stream VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET head = excluded.head, \
                     count = excluded.count, cursor = excluded.cursor, unread = excluded.unread, bytes = excluded.bytes, \
                     seal = excluded.seal"
                }
                None => "INSERT OR REPLACE INTO stream VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            };
            to.prepare_cached(sql)?.execute(params![
                row.id.0,
                row.writer.map(|writer| writer.0),
                row.reader.0,
                row.state.head.get(),
                row.state.count,
                row.state.cursor.get(),
                row.state.unread,
                row.state.bytes,
                Seal::of_stream(row)
            ])
        }
        Change::DropStream(id) => {
            to.prepare_cached("DELETE FROM mark WHERE stream = ?")?.execute([id.0])?;
            to.prepare_cached("DELETE FROM stream WHERE id = ?")?.execute([id.0])
        }
        Change::Session(row) => {
            to.prepare_cached("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
                row.login.0,
                row.id.as_bytes(),
                row.account.0,
                row.opened.as_millis(),
                row.used.as_millis(),
                row.until.as_millis(),
                row.from.map(|from| from.to_string()),
                Seal::of_session(row)
            ])
        }
        Change::DropSession(login) => to.prepare_cached("DELETE FROM session WHERE login = ?")?.execute([login.0]),
        Change::Invitation(row) => {
            to.prepare_cached("INSERT OR REPLACE INTO invitation VALUES (?, ?, ?, ?)")?.execute(params![
                row.id.as_bytes(),
                row.created.as_millis(),
                row.expires.as_millis(),
                Seal::of_invitation(row)
            ])
        }
        Change::DropInvitation(id) => {
            to.prepare_cached("DELETE FROM invitation WHERE id = ?")?.execute([id.as_bytes()])
        }
        Change::Block(block) => {
            to.prepare_cached("INSERT INTO log (first, last, time, body, seal) VALUES (?, ?, ?, ?, ?)")?.execute(
                params![block.first.get(), block.last.get(), block.time.as_millis(), block.body, Seal::of_block(block)],
            )
        }
        Change::Mark(stream, message) => to
            .prepare_cached("INSERT OR IGNORE INTO mark (stream, message) VALUES (?, ?)")?
            .execute([u64::from(stream.0), message.get()]),
        Change::Room(row) => {
            let [age, messages, bytes] = row.keep.numbers();
            to.prepare_cached("INSERT OR REPLACE INTO room VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
                row.id.0,
                row.name.as_str(),
                &*row.title,
                row.open,
                row.head.get(),
                row.count,
                row.gone.get(),
                age,
                messages,
                bytes,
                Seal::of_room(row)
            ])
        }
        Change::DropRoom(id) => {
            to.prepare_cached("DELETE FROM mark WHERE stream = ?")?.execute([id.0])?;
            to.prepare_cached("DELETE FROM member WHERE room = ?")?.execute([id.0])?;
            to.prepare_cached("DELETE FROM room WHERE id = ?")?.execute([id.0])
        }
        Change::Member(row) => {
            to.prepare_cached("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
                row.room.0,
                row.account.0,
                standing_number(row.standing),
                row.since.get(),
                row.cursor.get(),
                row.base,
                row.sent.get(),
                Seal::of_member(row)
            ])
        }
        Change::DropMember(room, account) => {
            to.prepare_cached("DELETE FROM member WHERE room = ? AND account = ?")?.execute([room.0, account.0])
        }
        Change::Blocked(user, other) => to.prepare_cached("INSERT OR REPLACE INTO block VALUES (?, ?, ?)")?.execute([
            user.0,
            other.0,
            Seal::of_block_of(*user, *other),
        ]),
        Change::Unblocked(user, other) => {
            to.prepare_cached("DELETE FROM block WHERE account = ? AND blocked = ?")?.execute([user.0, other.0])
        }
        Change::Deleted(message) => to
            .prepare_cached("INSERT OR REPLACE INTO deleted VALUES (?, ?)")?
            .execute(params![message.get(), Seal::of_deleted(*message)]),
        Change::DropDeleted(message) => {
            to.prepare_cached("DELETE FROM deleted WHERE message = ?")?.execute([message.get()])
        }
        Change::Keys(row) => to.prepare_cached("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)")?.execute(params![
            row.number,
            row.time.as_millis(),
            row.body,
            Seal::of_keys(row)
        ]),
        Change::DropKeys(number) => to.prepare_cached("DELETE FROM keys WHERE number = ?")?.execute([number]),
        Change::ClearLog => {
            to.prepare_cached("DELETE FROM mark")?.execute([])?;
            to.prepare_cached("DELETE FROM log")?.execute([])
        }
        Change::Summary(summary) => to
            .prepare_cached(
                "INSERT OR REPLACE INTO summary \
                 VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                summary.epoch,
                summary.indexed.get(),
                summary.last_message.get(),
                summary.last_account,
                summary.last_stream,
                summary.last_profile,
                summary.accounts,
                summary.streams,
                summary.profiles,
                summary.sessions,
                summary.invitations,
                summary.rooms,
                summary.members,
                summary.blocks,
                summary.deleted,
                summary.deletions,
                summary.key_rows,
                summary.last_key,
                summary.keyed.get(),
                summary.restoring,
                summary.retention_time.as_millis(),
                summary.keep_read,
                Seal::of_summary(summary)
            ]),
    }
    .map(drop)
}

/// Does a step of a compaction.
pub(super) fn compact(to: &Connection, change: &Compaction) -> Result<(), rusqlite::Error> {
    match change {
        Compaction::Thin(block) => to
            .prepare_cached("UPDATE log SET body = ?3, seal = ?4 WHERE first = ?1 AND last = ?2")?
            .execute(params![block.first.get(), block.last.get(), block.body, Seal::of_block(block)]),
        Compaction::Drop(first) => to.prepare_cached("DELETE FROM log WHERE first = ?")?.execute([first.get()]),
        Compaction::DropMarks(stream, upto) => to
            .prepare_cached("DELETE FROM mark WHERE stream = ? AND message <= ?")?
            .execute([u64::from(stream.0), upto.get()]),
    }
    .map(drop)
}

/// `None` if the row is not what was written.
pub(super) type Sealed<T> = Result<Option<T>, rusqlite::Error>;

pub(super) fn profile(row: &Row<'_>) -> Sealed<(ProfileId, Profile)> {
    profile_at(row, 0)
}

/// As [`profile`], whose columns begin at that one.
pub(super) fn profile_at(row: &Row<'_>, first: usize) -> Sealed<(ProfileId, Profile)> {
    let text = |column: usize| row.get_ref(first + column)?.as_str().map_err(rusqlite::Error::from);
    let (id, user) = (ProfileId(row.get(first)?), text(1)?);
    let (full_name, country) = (text(2)?, text(3)?);
    let profile = UserName::parse(user).and_then(|user| Profile::kept(user, full_name, country)).ok();
    let seal: u32 = row.get(first + 4)?;
    Ok(profile.filter(|profile| seal == Seal::of_profile(id, profile)).map(|profile| (id, profile)))
}

pub(super) fn account(row: &Row<'_>) -> Sealed<AccountRow> {
    account_at(row, 0)
}

/// As [`account`], whose columns begin at that one.
pub(super) fn account_at(row: &Row<'_>, first: usize) -> Sealed<AccountRow> {
    let password: Option<String> = row.get(first + 2)?;
    let Ok(password) = password.map(|phc| PasswordHash::from_phc(&phc)).transpose() else { return Ok(None) };
    let (id, profile, banned) = (AccountId(row.get(first)?), ProfileId(row.get(first + 1)?), row.get(first + 3)?);
    let Some(since) = message(row, first + 4)? else { return Ok(None) };
    let account = AccountRow { id, profile, password, banned, since };
    let seal: u32 = row.get(first + 5)?;
    Ok(Some(account).filter(|account| seal == Seal::of_account(account)))
}

pub(super) fn stream(row: &Row<'_>) -> Sealed<StreamRow> {
    let (Some(head), Some(cursor)) = (message(row, 3)?, message(row, 5)?) else { return Ok(None) };
    let state = StreamState { head, count: row.get(4)?, cursor, unread: row.get(6)?, bytes: row.get(7)? };
    let (writer, reader) = (row.get::<_, Option<u32>>(1)?.map(AccountId), AccountId(row.get(2)?));
    let stream = StreamRow { id: StreamId(row.get(0)?), writer, reader, state };
    let seal: u32 = row.get(8)?;
    Ok(Some(stream).filter(|stream| seal == Seal::of_stream(stream)))
}

pub(super) fn room(row: &Row<'_>) -> Sealed<RoomRow> {
    let (name, title): (String, String) = (row.get(1)?, row.get(2)?);
    let (Ok(name), Some(head), Some(gone)) = (RoomName::parse(&name), message(row, 4)?, message(row, 6)?) else {
        return Ok(None);
    };
    let (id, open, count) = (StreamId(row.get(0)?), row.get(3)?, row.get(5)?);
    let keep = RoomKeep::from_numbers([row.get(7)?, row.get(8)?, row.get(9)?]);
    let room = RoomRow { id, name, title: title.into(), open, head, count, gone, keep };
    let seal: u32 = row.get(10)?;
    Ok(Some(room).filter(|room| seal == Seal::of_room(room)))
}

pub(super) fn member(row: &Row<'_>) -> Sealed<MemberRow> {
    let (room, account, base) = (StreamId(row.get(0)?), AccountId(row.get(1)?), row.get(5)?);
    let (Some(standing), Some(since), Some(cursor), Some(sent)) =
        (standing_of(row.get(2)?), message(row, 3)?, message(row, 4)?, message(row, 6)?)
    else {
        return Ok(None);
    };
    let member = MemberRow { room, account, standing, since, cursor, base, sent };
    let seal: u32 = row.get(7)?;
    Ok(Some(member).filter(|member| seal == Seal::of_member(member)))
}

/// Who has blocked whom.
pub(super) fn blocked(row: &Row<'_>) -> Sealed<(AccountId, AccountId)> {
    let (user, other) = (AccountId(row.get(0)?), AccountId(row.get(1)?));
    let seal: u32 = row.get(2)?;
    Ok((seal == Seal::of_block_of(user, other)).then_some((user, other)))
}

pub(super) fn deleted(row: &Row<'_>) -> Sealed<MessageId> {
    let seal: u32 = row.get(1)?;
    Ok(message(row, 0)?.filter(|message| seal == Seal::of_deleted(*message)))
}

pub(super) fn keys(row: &Row<'_>) -> Sealed<KeysRow> {
    let keys = KeysRow { number: row.get(0)?, time: time(row, 1)?, body: row.get(2)? };
    let seal: u32 = row.get(3)?;
    Ok(Some(keys).filter(|keys| seal == Seal::of_keys(keys)))
}

pub(super) fn session(row: &Row<'_>) -> Sealed<SessionRow> {
    let (login, id, account) = (Login(row.get(0)?), SessionId::from_bytes(row.get(1)?), AccountId(row.get(2)?));
    let (opened, used, until) = (time(row, 3)?, time(row, 4)?, time(row, 5)?);
    let from: Option<String> = row.get(6)?;
    let Ok(from) = from.map(|from| from.parse::<SocketAddr>()).transpose() else { return Ok(None) };
    let session = SessionRow { login, id, account, opened, used, until, from };
    let seal: u32 = row.get(7)?;
    Ok(Some(session).filter(|session| seal == Seal::of_session(session)))
}

pub(super) fn invitation(row: &Row<'_>) -> Sealed<Invitation> {
    let id = InvitationId::from_bytes(row.get(1)?);
    let invitation = Invitation::new(id, time(row, 0)?, time(row, 2)?);
    let seal: u32 = row.get(3)?;
    Ok(Some(invitation).filter(|invitation| seal == Seal::of_invitation(invitation)))
}

pub(super) fn block(row: &Row<'_>) -> Sealed<Block> {
    let (Some(first), Some(last)) = (message(row, 0)?, message(row, 1)?) else { return Ok(None) };
    let block = Block { first, last, time: time(row, 2)?, body: row.get(3)? };
    let seal: u32 = row.get(4)?;
    Ok(Some(block).filter(|block| seal == Seal::of_block(block)))
}

/// A block without its body, and so without a seal that could be checked.
pub(super) fn block_head(row: &Row<'_>) -> Sealed<Block> {
    let (Some(first), Some(last)) = (message(row, 0)?, message(row, 1)?) else { return Ok(None) };
    Ok(Some(Block { first, last, time: time(row, 2)?, body: Vec::new() }))
}

pub(super) fn summary(row: &Row<'_>) -> Sealed<Summary> {
    let (Some(indexed), Some(last_message), Some(keyed)) = (message(row, 2)?, message(row, 3)?, message(row, 19)?)
    else {
        return Ok(None);
    };
    let summary = Summary {
        epoch: row.get(1)?,
        indexed,
        last_message,
        last_account: row.get(4)?,
        last_stream: row.get(5)?,
        last_profile: row.get(6)?,
        accounts: row.get(7)?,
        streams: row.get(8)?,
        profiles: row.get(9)?,
        sessions: row.get(10)?,
        invitations: row.get(11)?,
        rooms: row.get(12)?,
        members: row.get(13)?,
        blocks: row.get(14)?,
        deleted: row.get(15)?,
        deletions: row.get(16)?,
        key_rows: row.get(17)?,
        last_key: row.get(18)?,
        keyed,
        restoring: row.get(20)?,
        retention_time: time(row, 21)?,
        keep_read: row.get(22)?,
    };
    let seal: u32 = row.get(23)?;
    Ok(Some(summary).filter(|summary| seal == Seal::of_summary(summary)))
}

fn message(row: &Row<'_>, column: usize) -> Sealed<MessageId> {
    row.get(column).map(MessageId::new)
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, rusqlite::Error> {
    row.get(column).map(Timestamp::from_millis)
}
