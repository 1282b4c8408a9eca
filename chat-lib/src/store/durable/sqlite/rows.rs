//! How rows are written and read.

use rusqlite::{Connection, Row, params};

use super::super::disk::{AccountRow, Mailbox, MailboxRow, SessionRow, Summary, Write};
use super::super::group::{Address, MailboxId, MessageGroup, ProfileId};
use super::super::seal::Seal;
use crate::clock::Timestamp;
use crate::model::{PasswordHash, Profile, SessionId, UserName};
use crate::store::sessions::Login;

pub(super) fn write(to: &Connection, change: &Write) -> Result<(), rusqlite::Error> {
    match change {
        Write::Profile(id, profile) => to
            .prepare_cached("INSERT INTO profile (id, user, full_name, country, seal) VALUES (?, ?, ?, ?, ?)")?
            .execute(params![
                id.0,
                profile.user().as_str(),
                profile.full_name(),
                profile.country(),
                Seal::of_profile(*id, profile)
            ]),
        Write::DropProfile(id) => to.prepare_cached("DELETE FROM profile WHERE id = ?")?.execute([id.0]),
        Write::Account(row) => to
            .prepare_cached("INSERT OR REPLACE INTO account (id, profile, password, seal) VALUES (?, ?, ?, ?)")?
            .execute(params![
                row.id.0,
                row.profile.0,
                row.password.as_ref().map(PasswordHash::to_phc),
                Seal::of_account(row)
            ]),
        Write::DropAccount(id) => {
            to.prepare_cached("DELETE FROM account WHERE id = ?")?.execute([id.0])?;
            to.prepare_cached("DELETE FROM mailbox WHERE id = ?")?.execute([id.0])
        }
        Write::Mailbox(row) => to
            .prepare_cached(
                "INSERT OR REPLACE INTO mailbox (id, cursor, head, unread, bytes, seal) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row.id.0,
                row.mailbox.cursor.0,
                row.mailbox.head.0,
                row.mailbox.unread,
                row.mailbox.bytes,
                Seal::of_mailbox(row)
            ]),
        Write::Session(row) => to
            .prepare_cached("INSERT OR REPLACE INTO session (login, id, account, until, seal) VALUES (?, ?, ?, ?, ?)")?
            .execute(params![
                row.login.0,
                row.id.as_bytes(),
                row.account.0,
                row.until.as_millis(),
                Seal::of_session(row)
            ]),
        Write::DropSession(login) => to.prepare_cached("DELETE FROM session WHERE login = ?")?.execute([login.0]),
        Write::Group(group) => to
            .prepare_cached("INSERT INTO log (number, time, body, seal) VALUES (?, ?, ?, ?)")?
            .execute(params![group.number, group.time.as_millis(), group.body, Seal::of_group(group)]),
        Write::ThinGroup(group) => to
            .prepare_cached("UPDATE log SET body = ?3, seal = ?4 WHERE number = ?1 AND time = ?2")?
            .execute(params![group.number, group.time.as_millis(), group.body, Seal::of_group(group)]),
        Write::DropGroup(number) => to.prepare_cached("DELETE FROM log WHERE number = ?")?.execute([number]),
        Write::Summary(summary) => to
            .prepare_cached("INSERT OR REPLACE INTO summary VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                summary.accounted,
                summary.last_group,
                summary.last_mailbox,
                summary.last_profile,
                summary.accounts,
                summary.profiles,
                summary.sessions,
                summary.whole,
                summary.retention_time.as_millis(),
                summary.keep_read,
                Seal::of_summary(summary)
            ]),
    }
    .map(drop)
}

/// `None` if the row is not what was written.
pub(super) type Sealed<T> = Result<Option<T>, rusqlite::Error>;

pub(super) fn profile(row: &Row<'_>) -> Sealed<(ProfileId, Profile)> {
    let (id, user): (_, String) = (ProfileId(row.get(0)?), row.get(1)?);
    let (full_name, country): (String, String) = (row.get(2)?, row.get(3)?);
    let profile = UserName::parse(&user).and_then(|user| Profile::kept(user, &full_name, &country)).ok();
    let seal: u32 = row.get(4)?;
    Ok(profile.filter(|profile| seal == Seal::of_profile(id, profile)).map(|profile| (id, profile)))
}

pub(super) fn account(row: &Row<'_>) -> Sealed<AccountRow> {
    let password: Option<String> = row.get(2)?;
    let Ok(password) = password.map(|phc| PasswordHash::from_phc(&phc)).transpose() else { return Ok(None) };
    let account = AccountRow { id: MailboxId(row.get(0)?), profile: ProfileId(row.get(1)?), password };
    let seal: u32 = row.get(3)?;
    Ok(Some(account).filter(|account| seal == Seal::of_account(account)))
}

pub(super) fn mailbox(row: &Row<'_>) -> Sealed<MailboxRow> {
    let (cursor, head) = (Address(row.get(1)?), Address(row.get(2)?));
    let mailbox = Mailbox { cursor, head, unread: row.get(3)?, bytes: row.get(4)? };
    let mailbox = MailboxRow { id: MailboxId(row.get(0)?), mailbox };
    let seal: u32 = row.get(5)?;
    Ok(Some(mailbox).filter(|mailbox| seal == Seal::of_mailbox(mailbox)))
}

pub(super) fn session(row: &Row<'_>) -> Sealed<SessionRow> {
    let (id, until) = (SessionId::from_bytes(row.get(1)?), Timestamp::from_millis(row.get(3)?));
    let session = SessionRow { login: Login(row.get(0)?), id, account: MailboxId(row.get(2)?), until };
    let seal: u32 = row.get(4)?;
    Ok(Some(session).filter(|session| seal == Seal::of_session(session)))
}

pub(super) fn group(row: &Row<'_>) -> Sealed<MessageGroup> {
    let group = MessageGroup { number: row.get(0)?, time: Timestamp::from_millis(row.get(1)?), body: row.get(2)? };
    let seal: u32 = row.get(3)?;
    Ok(Some(group).filter(|group| seal == Seal::of_group(group)))
}

pub(super) fn summary(row: &Row<'_>) -> Sealed<Summary> {
    let summary = Summary {
        accounted: row.get(1)?,
        last_group: row.get(2)?,
        last_mailbox: row.get(3)?,
        last_profile: row.get(4)?,
        accounts: row.get(5)?,
        profiles: row.get(6)?,
        sessions: row.get(7)?,
        whole: row.get(8)?,
        retention_time: Timestamp::from_millis(row.get(9)?),
        keep_read: row.get(10)?,
    };
    let seal: u32 = row.get(11)?;
    Ok(Some(summary).filter(|summary| seal == Seal::of_summary(summary)))
}
