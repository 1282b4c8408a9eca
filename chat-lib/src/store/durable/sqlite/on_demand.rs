//! Rows that are read when they are needed, and not at the start: users, the streams of each, and profiles.

use std::path::PathBuf;
use std::sync::{Mutex, Weak};

use rusqlite::{Connection, Params, Row, ToSql};

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
    /// What `look` finds in each row that `sql` gives. Others wait for what is read here.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        look: impl FnMut(&Row<'_>) -> Sealed<T>,
    ) -> Result<Vec<T>, Error> {
        self.rows_with(|connections| &connections.loader, sql, params, look)
    }

    /// As [`rows`](Self::rows), with a connection that is not in the way of what others wait for.
    fn rows_beside<T>(
        &self,
        sql: &str,
        params: impl Params,
        look: impl FnMut(&Row<'_>) -> Sealed<T>,
    ) -> Result<Vec<T>, Error> {
        self.rows_with(|connections| &connections.reader, sql, params, look)
    }

    fn rows_with<T>(
        &self,
        connection: impl Fn(&Connections) -> &Mutex<Connection>,
        sql: &str,
        params: impl Params,
        mut look: impl FnMut(&Row<'_>) -> Sealed<T>,
    ) -> Result<Vec<T>, Error> {
        let connections = self.connections.upgrade().ok_or_else(|| failed(&self.database, &"it is closed"))?;
        let connection = get(connection(&connections));
        let mut found = Vec::new();
        let read = || {
            let mut statement = connection.prepare_cached(sql)?;
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

    /// The user that `sql` finds, with the streams.
    fn user_by<T: ToSql>(&self, sql: &str, key: T) -> Result<Option<UserRows>, Error> {
        let mut found = self.rows(sql, [key], account_and_profile)?;
        let Some((account, profile)) = found.pop() else { return Ok(None) };
        if !found.is_empty() {
            return Err(self.damage("two accounts have the same user name"));
        }
        let range = (account.id.0, account.id.0);
        let mut streams = self.rows(STREAMS_TO, range, stream_and_other)?;
        streams.append(&mut self.rows(STREAMS_FROM, range, stream_and_other)?);
        self.check_others(&streams)?;
        Ok(Some(UserRows { account, profile, streams }))
    }

    /// Detects streams of accounts that are missing.
    fn check_others(&self, streams: &[(StreamRow, Option<UserName>)]) -> Result<(), Error> {
        let is_known = |row: &StreamRow, other: &Option<UserName>| other.is_some() || row.writer.is_none();
        match streams.iter().find(|(row, other)| !is_known(row, other)) {
            Some((row, _)) => Err(self.damage(&format!("an account of stream {} is missing", row.id.0))),
            None => Ok(()),
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

    fn names_after(&self, name: &str, limit: usize) -> Result<Vec<UserName>, Error> {
        self.rows(NAMES_AFTER, (name, limit), |row| Ok(UserName::parse(&row.get::<_, String>(1)?).ok()))
    }

    fn accounts_after(&self, account: AccountId, limit: usize) -> Result<Vec<UserRows>, Error> {
        let found = self.rows_beside(ACCOUNTS_AFTER, (account.0, limit), account_and_profile)?;
        let (Some((first, _)), Some((last, _))) = (found.first(), found.last()) else { return Ok(Vec::new()) };
        let range = (first.id.0, last.id.0);
        let with_streams = |(account, profile)| UserRows { account, profile, streams: Vec::new() };
        let mut users: Vec<_> = found.into_iter().map(with_streams).collect();
        let (to, from) = (
            self.rows_beside(STREAMS_TO, range, stream_and_other)?,
            self.rows_beside(STREAMS_FROM, range, stream_and_other)?,
        );
        self.check_others(&to)?;
        self.check_others(&from)?;
        let owned = to.into_iter().map(|found| (found.0.reader, found));
        for (owner, found) in owned.chain(from.into_iter().filter_map(|found| Some((found.0.writer?, found)))) {
            // One who is not among them was added meanwhile, and is in memory.
            if let Ok(place) = users.binary_search_by_key(&owner, |user| user.account.id)
                && let Some(user) = users.get_mut(place)
            {
                user.streams.push(found);
            }
        }
        Ok(users)
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
        self.rows_beside(sql, (id.0, limit), profile)
    }
}

fn account_and_profile(row: &Row<'_>) -> Sealed<(AccountRow, Profile)> {
    Ok(account_at(row, 0)?.zip(profile_at(row, 6)?.map(|(_, profile)| profile)))
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

const NAMES_AFTER: &str = "SELECT a.id, p.user FROM profile AS p CROSS JOIN account AS a ON a.profile = p.id \
                           WHERE p.user > ? ORDER BY p.user LIMIT ?";

const USER_OF: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                       FROM account AS a CROSS JOIN profile AS p ON p.id = a.profile WHERE a.id = ?";

const ACCOUNTS_AFTER: &str = "SELECT a.id, a.profile, a.password, a.banned, a.since, a.seal, p.id, p.user, p.full_name, p.country, p.seal \
                              FROM account AS a CROSS JOIN profile AS p ON p.id = a.profile WHERE a.id > ? ORDER BY a.id LIMIT ?";

const STREAM: &str = "SELECT id, writer, reader, head, count, cursor, unread, bytes, seal FROM stream WHERE id = ?";

const STREAMS_TO: &str = "SELECT s.id, s.writer, s.reader, s.head, s.count, s.cursor, s.unread, s.bytes, s.seal, \
                          p.id, p.user, p.full_name, p.country, p.seal \
                          FROM stream AS s LEFT JOIN account AS a ON a.id = s.writer LEFT JOIN profile AS p ON p.id = a.profile \
                          WHERE s.reader BETWEEN ? AND ?";

/// Notes are among those to the user.
const STREAMS_FROM: &str = "SELECT s.id, s.writer, s.reader, s.head, s.count, s.cursor, s.unread, s.bytes, s.seal, \
                            p.id, p.user, p.full_name, p.country, p.seal \
                            FROM stream AS s LEFT JOIN account AS a ON a.id = s.reader LEFT JOIN profile AS p ON p.id = a.profile \
                            WHERE s.writer BETWEEN ? AND ? AND s.reader <> s.writer";

const SESSIONS: &str = "SELECT s.login, s.id, s.account, s.opened, s.used, s.until, s.origin, s.seal, \
                        p.id, p.user, p.full_name, p.country, p.seal \
                        FROM session AS s CROSS JOIN account AS a ON a.id = s.account CROSS JOIN profile AS p ON p.id = a.profile \
                        ORDER BY s.login";

const MEMBERS: &str = "SELECT m.room, m.account, m.standing, m.since, m.cursor, m.base, m.sent, m.seal, p.user \
                       FROM member AS m CROSS JOIN account AS a ON a.id = m.account CROSS JOIN profile AS p ON p.id = a.profile";

const BLOCKS: &str = "SELECT b.account, b.blocked, b.seal, p.user, q.user FROM block AS b \
                      CROSS JOIN account AS a ON a.id = b.account CROSS JOIN profile AS p ON p.id = a.profile \
                      CROSS JOIN account AS c ON c.id = b.blocked CROSS JOIN profile AS q ON q.id = c.profile";
