//! Rows that are read when they are needed, and not at the start: users, the streams of each, and profiles.

use std::path::PathBuf;
use std::sync::Weak;

use rusqlite::{Connection, Params, Row};

use super::rows::{Sealed, account_at, blocked, member, profile, profile_at, session, stream};
use super::{Connections, failed, get};
use crate::error::Error;
use crate::model::{Profile, UserName};
use crate::store::index::{AccountId, AccountRow, Always, Rows, StreamRow, UserRows};
use crate::store::log::{ProfileId, StreamId};

/// Reads rows with a connection of its own, as long as the database is open.
pub(super) struct OnDemand {
    pub(super) database: PathBuf,
    pub(super) connections: Weak<Connections>,
}

/// What finds the rows of a user. Databases of earlier versions get them when they are opened; nothing else depends on them.
pub(super) const INDEXES: &str = include_str!("indexes.sql");

/// Whether the indexes are there.
pub(super) fn has_indexes(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name IN \
               ('profile_user', 'account_profile', 'stream_reader', 'stream_writer', 'stream_notes')";
    connection.query_row(sql, [], |row| row.get(0)).map(|count: u32| count == 5)
}

impl OnDemand {
    /// What `look` finds in each row that `sql` gives.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut look: impl FnMut(&Row<'_>) -> Sealed<T>,
    ) -> Result<Vec<T>, Error> {
        let connections = self.connections.upgrade().ok_or_else(|| failed(&self.database, &"it is closed"))?;
        let loader = get(&connections.loader);
        let mut found = Vec::new();
        let read = || {
            let mut statement = loader.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                found.push((row.get::<_, i64>(0)?, look(row)?));
            }
            Ok(())
        };
        read().map_err(|problem: rusqlite::Error| failed(&self.database, &problem))?;
        let whole = |(key, row): (i64, Option<T>)| {
            row.ok_or_else(|| self.damage(&format!("row {key} of `{sql}` is not what was written")))
        };
        found.into_iter().map(whole).collect()
    }

    fn damage(&self, what: &str) -> Error {
        failed(&self.database, &format!("the data is damaged: {what}"))
    }

    /// The users that `sql` finds, each with the streams.
    fn users(&self, sql: &str, params: impl Params) -> Result<Vec<UserRows>, Error> {
        let found = self.rows(sql, params, |row| {
            let (profile, account) = (profile_at(row, 6)?, account_at(row, 0)?);
            Ok(profile.zip(account).map(|((_, profile), account)| (account, profile)))
        })?;
        let whole = |(account, profile): (AccountRow, Profile)| {
            let mut streams = self.rows(STREAMS_TO, [account.id.0], stream_and_other)?;
            streams.append(&mut self.rows(STREAMS_FROM, [account.id.0], stream_and_other)?);
            let known = |row: &StreamRow, other: &Option<UserName>| other.is_some() || row.writer.is_none();
            match streams.iter().find(|(row, other)| !known(row, other)) {
                Some((row, _)) => Err(self.damage(&format!("an account of stream {} is missing", row.id.0))),
                None => Ok(UserRows { account, profile, streams }),
            }
        };
        found.into_iter().map(whole).collect()
    }

    fn user_by<T: rusqlite::ToSql>(&self, sql: &str, key: T) -> Result<Option<UserRows>, Error> {
        let mut found = self.users(sql, [key])?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(self.damage("two accounts have the same user name")),
        }
    }

    /// The rows that are read at the start all the same: rooms, invitations, deletions and keys are in `rest`.
    pub(super) fn always(&self, rest: Always) -> Result<Always, Error> {
        let sessions = self.rows(SESSIONS, [], |row| {
            let (session, profile) = (session(row)?, profile_at(row, 8)?);
            Ok(session.zip(profile).map(|(session, (id, profile))| (session, id, profile)))
        })?;
        let name =
            |row: &Row<'_>, column| Ok::<_, rusqlite::Error>(UserName::parse(&row.get::<_, String>(column)?).ok());
        let members = self.rows(MEMBERS, [], |row| Ok(member(row)?.zip(name(row, 8)?)))?;
        let blocks = self.rows(BLOCKS, [], |row| {
            let names = name(row, 3)?.zip(name(row, 4)?);
            Ok(blocked(row)?.zip(names).map(|((user, other), (name, other_name))| [(user, name), (other, other_name)]))
        })?;
        Ok(Always { sessions, members, blocks, ..rest })
    }

    /// How many members all direct conversations have; notes to oneself count as two.
    pub(super) fn partners(&self, streams: u64) -> Result<u64, Error> {
        let count =
            |sql| self.rows(sql, [], |row| row.get(0).map(Some)).map(|counts: Vec<u64>| counts.iter().sum::<u64>());
        let former = count("SELECT count(*) FROM stream INDEXED BY stream_writer WHERE writer IS NULL")?;
        Ok((streams + count("SELECT count(*) FROM stream INDEXED BY stream_notes WHERE writer = reader")?)
            .saturating_sub(former))
    }
}

impl Rows for OnDemand {
    fn user(&self, name: &str) -> Result<Option<UserRows>, Error> {
        self.user_by(USER, name)
    }

    fn user_of(&self, account: AccountId) -> Result<Option<UserRows>, Error> {
        self.user_by(USER_OF, account.0)
    }

    fn users_after(&self, name: &str, limit: usize) -> Result<Vec<UserRows>, Error> {
        self.users(USERS_AFTER, (name, limit))
    }

    fn accounts_after(&self, account: AccountId, limit: usize) -> Result<Vec<UserRows>, Error> {
        self.users(ACCOUNTS_AFTER, (account.0, limit))
    }

    fn stream(&self, id: StreamId) -> Result<Option<StreamRow>, Error> {
        Ok(self.rows(STREAM, [id.0], stream)?.pop())
    }

    fn profile(&self, id: ProfileId) -> Result<Option<Profile>, Error> {
        let sql = "SELECT id, user, full_name, country, seal FROM profile WHERE id = ?";
        Ok(self.rows(sql, [id.0], profile)?.pop().map(|(_, profile)| profile))
    }

    fn profiles_of(&self, user: &str) -> Result<Vec<(ProfileId, Profile)>, Error> {
        self.rows("SELECT id, user, full_name, country, seal FROM profile WHERE user = ?", [user], profile)
    }

    fn profiles_after(&self, id: ProfileId, limit: usize) -> Result<Vec<(ProfileId, Profile)>, Error> {
        let sql = "SELECT id, user, full_name, country, seal FROM profile WHERE id > ? ORDER BY id LIMIT ?";
        self.rows(sql, (id.0, limit), profile)
    }
}

/// A stream, and the other user's name behind it.
fn stream_and_other(row: &Row<'_>) -> Sealed<(StreamRow, Option<UserName>)> {
    let other = match row.get::<_, Option<i64>>(9)? {
        None => None,
        Some(_) => match profile_at(row, 9)? {
            Some((_, profile)) => Some(profile.user().clone()),
            None => return Ok(None),
        },
    };
    Ok(stream(row)?.map(|stream| (stream, other)))
}

/// `CROSS JOIN` has SQLite look tables up in this order.
const USER: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                    FROM profile AS p CROSS JOIN account AS a ON a.profile = p.id WHERE p.user = ?";

const USERS_AFTER: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                           FROM profile AS p CROSS JOIN account AS a ON a.profile = p.id WHERE p.user > ? ORDER BY p.user LIMIT ?";

const USER_OF: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                       FROM account AS a CROSS JOIN profile AS p ON p.id = a.profile WHERE a.id = ?";

const ACCOUNTS_AFTER: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                              FROM account AS a CROSS JOIN profile AS p ON p.id = a.profile WHERE a.id > ? ORDER BY a.id LIMIT ?";

const STREAM: &str = "SELECT id, writer, reader, head, count, cursor, unread, bytes, seal FROM stream WHERE id = ?";

const STREAMS_TO: &str = "SELECT s.id, s.writer, s.reader, s.head, s.count, s.cursor, s.unread, s.bytes, s.seal, \
                          p.id, p.user, p.full_name, p.country, p.seal \
                          FROM stream AS s LEFT JOIN account AS a ON a.id = s.writer LEFT JOIN profile AS p ON p.id = a.profile \
                          WHERE s.reader = ?";

/// Notes are among those to the user.
const STREAMS_FROM: &str = "SELECT s.id, s.writer, s.reader, s.head, s.count, s.cursor, s.unread, s.bytes, s.seal, \
                            p.id, p.user, p.full_name, p.country, p.seal \
                            FROM stream AS s LEFT JOIN account AS a ON a.id = s.reader LEFT JOIN profile AS p ON p.id = a.profile \
                            WHERE s.writer = ? AND s.reader <> s.writer";

const SESSIONS: &str = "SELECT s.login, s.id, s.account, s.opened, s.used, s.until, s.origin, s.seal, \
                        p.id, p.user, p.full_name, p.country, p.seal \
                        FROM session AS s CROSS JOIN account AS a ON a.id = s.account CROSS JOIN profile AS p ON p.id = a.profile \
                        ORDER BY s.login";

const MEMBERS: &str = "SELECT m.room, m.account, m.standing, m.since, m.cursor, m.base, m.sent, m.seal, p.user \
                       FROM member AS m CROSS JOIN account AS a ON a.id = m.account CROSS JOIN profile AS p ON p.id = a.profile";

const BLOCKS: &str = "SELECT b.account, b.blocked, b.seal, p.user, q.user FROM block AS b \
                      CROSS JOIN account AS a ON a.id = b.account CROSS JOIN profile AS p ON p.id = a.profile \
                      CROSS JOIN account AS c ON c.id = b.blocked CROSS JOIN profile AS q ON q.id = c.profile";
