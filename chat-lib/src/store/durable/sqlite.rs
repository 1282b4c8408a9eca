//! The disk as a SQLite database in a directory of its own.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::disk::{AccountRow, Disk, Mailbox, MailboxRow, SessionRow, Tables, Write};
use super::group::{Address, MailboxId, MessageGroup, ProfileId};
use super::seal::Seal;
use super::wal;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{PasswordHash, Profile, SessionToken, UserName};
use crate::store::sessions::Login;

/// A directory with the database, and a lock that keeps other processes out.
pub(super) struct Sqlite {
    database: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// For checkpoints beside the commits.
    tidier: Mutex<Connection>,
    /// Held for as long as the directory is in use.
    _lock: File,
}

impl Sqlite {
    /// Opens the directory, and makes it if it is not there. `synced` has each commit wait until it
    /// outlasts a loss of power.
    pub(super) fn open(directory: &Path, synced: bool) -> Result<Self, Error> {
        create_directory(directory).map_err(|problem| failed(directory, &problem))?;
        let lock = lock(directory)?;
        let database = directory.join("chat.db");
        // SQLite gives the files that it puts beside it the same mode.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&database);
        file.map_err(|problem| failed(&database, &problem))?;
        look_at_log(&database, synced)?;
        let connect = || connect(&database, synced).map_err(|problem| failed(&database, &problem));
        let mut writer = connect()?;
        prepare(&mut writer, &database)?;
        let (reader, tidier) = (Mutex::new(connect()?), Mutex::new(connect()?));
        Ok(Self { database, writer: Mutex::new(writer), reader, tidier, _lock: lock })
    }

    fn failed(&self, problem: &rusqlite::Error) -> Error {
        failed(&self.database, problem)
    }

    /// What `look` finds in each row that `sql` gives.
    fn rows<T>(
        &self,
        sql: &str,
        param: u64,
        mut look: impl FnMut(&Row<'_>) -> Result<Option<T>, rusqlite::Error>,
    ) -> Result<Vec<T>, Error> {
        let reader = get(&self.reader);
        let mut found = Vec::new();
        let mut read = || {
            let mut statement = reader.prepare_cached(sql)?;
            let mut rows = statement.query([param])?;
            while let Some(row) = rows.next()? {
                found.push((row.get::<_, i64>(0)?, look(row)?));
            }
            Ok(())
        };
        read().map_err(|problem| self.failed(&problem))?;
        let whole = |(key, row): (i64, Option<T>)| {
            row.ok_or_else(|| self.damage(&format!("row {key} of `{sql}` is not what was written")))
        };
        found.into_iter().map(whole).collect()
    }

    fn number(&self, sql: &str) -> Result<u64, Error> {
        let reader = get(&self.reader);
        let mut statement = reader.prepare_cached(sql).map_err(|problem| self.failed(&problem))?;
        let number = statement.query_row([], |row| row.get(0)).optional().map_err(|problem| self.failed(&problem))?;
        Ok(number.unwrap_or(0))
    }
}

impl Disk for Sqlite {
    fn commit(&self, writes: &[Write]) -> Result<(), Error> {
        let writer = get(&self.writer);
        let run = |sql| writer.prepare_cached(sql)?.execute([]).map(drop);
        let done = run("BEGIN IMMEDIATE")
            .and_then(|()| writes.iter().try_for_each(|change| write(&writer, change)))
            .and_then(|()| run("COMMIT"));
        if done.is_err() && !writer.is_autocommit() {
            run("ROLLBACK").map_err(|problem| self.failed(&problem))?;
        }
        done.map_err(|problem| self.failed(&problem))
    }

    fn sync(&self) -> Result<(), Error> {
        let log = self.database.with_extension("db-wal");
        let synced = File::open(&log).and_then(|log| log.sync_data());
        synced.map_err(|problem| failed(&log, &problem))
    }

    fn tables(&self) -> Result<Tables, Error> {
        Ok(Tables {
            profiles: self.rows("SELECT id, user, full_name, country, seal FROM profile WHERE id > ?", 0, profile)?,
            accounts: self.rows("SELECT id, profile, password, seal FROM account WHERE id > ?", 0, account)?,
            mailboxes: self.rows(
                "SELECT id, cursor, head, unread, bytes, seal FROM mailbox WHERE id > ?",
                0,
                mailbox,
            )?,
            sessions: self.rows(
                "SELECT login, token, account, until, seal FROM session WHERE login >= ? ORDER BY login",
                0,
                session,
            )?,
            accounted: self.rows("SELECT number, seal FROM accounted WHERE id = ?", 1, accounted)?.pop().unwrap_or(0),
            last_mailbox: self
                .number("SELECT seq FROM sqlite_sequence WHERE name = 'account'")?
                .try_into()
                .unwrap_or(u32::MAX),
            last_profile: self
                .number("SELECT seq FROM sqlite_sequence WHERE name = 'profile'")?
                .try_into()
                .unwrap_or(u32::MAX),
        })
    }

    fn group(&self, number: u64) -> Result<Option<MessageGroup>, Error> {
        let found = self.rows("SELECT number, time, body, seal FROM log WHERE number = ?", number, group)?;
        Ok(found.into_iter().next())
    }

    fn groups_behind(&self, number: u64) -> Result<Vec<MessageGroup>, Error> {
        self.rows("SELECT number, time, body, seal FROM log WHERE number > ? ORDER BY number LIMIT 64", number, group)
    }

    fn last_group(&self) -> Result<u64, Error> {
        self.number("SELECT max(number) FROM log HAVING max(number) IS NOT NULL")
    }

    fn tidy(&self) -> Result<(), Error> {
        let tidier = get(&self.tidier);
        let checkpoint = tidier.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        checkpoint.map_err(|problem| self.failed(&problem))
    }

    fn check(&self) -> Result<(), Error> {
        // On a connection of its own: it takes long, and others want to read meanwhile.
        let verdict: String = Connection::open(&self.database)
            .and_then(|own| own.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)))
            .map_err(|problem| self.failed(&problem))?;
        if verdict == "ok" { Ok(()) } else { Err(self.damage(&verdict)) }
    }

    fn damage(&self, what: &str) -> Error {
        failed(&self.database, &format!("the data is damaged: {what}"))
    }
}

fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // A loss of power must not take the directory itself.
    match directory.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|problem| failed(&path, &problem))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::DataInUse { path: directory.to_owned() }),
        Err(TryLockError::Error(problem)) => Err(failed(&path, &problem)),
    }
}

/// Looks whether the write-ahead log lost something on the way here. Without a sync at each commit, a loss
/// of power may do that to the last second, and the rest must still be had.
fn look_at_log(database: &Path, synced: bool) -> Result<(), Error> {
    let log = database.with_extension("db-wal");
    let Some(frame) = wal::damaged_frame(&log).map_err(|problem| failed(&log, &problem))? else { return Ok(()) };
    let problem = format!("the data is damaged: what was committed from frame {frame} of this file on cannot be read");
    if synced {
        let way_out = "to go on without it, open it with `--sync never` once";
        return Err(failed(&log, &format!("{problem}; {way_out}")));
    }
    tracing::error!(log = %log.display(), problem, "it is left out");
    Ok(())
}

fn connect(database: &Path, synced: bool) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(database)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Makes the tables, or sees that they are ours.
fn prepare(connection: &mut Connection, database: &Path) -> Result<(), Error> {
    let failed = |problem: rusqlite::Error| failed(database, &problem);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    match (pragma("application_id")?, pragma("user_version")?, tables) {
        (0, 0, 0) => {
            let setup = connection.transaction().map_err(failed)?;
            setup.execute_batch(SCHEMA).map_err(failed)?;
            setup.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            setup.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
            setup.commit().map_err(failed)
        }
        (APPLICATION, FORMAT, _) => Ok(()),
        (APPLICATION, found, _) => Err(Error::DataFormat { path: database.to_owned(), found, known: FORMAT }),
        _ => Err(self::failed(database, &"it is another program's database")),
    }
}

/// "chat".
const APPLICATION: i64 = 0x6368_6174;

/// The version of [`SCHEMA`] and of what the rows hold.
const FORMAT: i64 = 1;

const SCHEMA: &str = include_str!("schema.sql");

fn write(to: &Connection, change: &Write) -> Result<(), rusqlite::Error> {
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
            .prepare_cached(
                "INSERT OR REPLACE INTO session (login, token, account, until, seal) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row.login.0,
                row.token.as_bytes(),
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
        Write::Accounted(number) => to
            .prepare_cached("INSERT OR REPLACE INTO accounted (id, number, seal) VALUES (1, ?, ?)")?
            .execute(params![number, Seal::of_accounted(*number)]),
    }
    .map(drop)
}

type Sealed<T> = Result<Option<T>, rusqlite::Error>;

fn profile(row: &Row<'_>) -> Sealed<(ProfileId, Profile)> {
    let (id, user): (_, String) = (ProfileId(row.get(0)?), row.get(1)?);
    let (full_name, country): (String, String) = (row.get(2)?, row.get(3)?);
    let profile = UserName::parse(&user).and_then(|user| Profile::new(user, &full_name, &country)).ok();
    let seal: u32 = row.get(4)?;
    Ok(profile.filter(|profile| seal == Seal::of_profile(id, profile)).map(|profile| (id, profile)))
}

fn account(row: &Row<'_>) -> Sealed<AccountRow> {
    let password: Option<String> = row.get(2)?;
    let Ok(password) = password.map(|phc| PasswordHash::from_phc(&phc)).transpose() else { return Ok(None) };
    let account = AccountRow { id: MailboxId(row.get(0)?), profile: ProfileId(row.get(1)?), password };
    let seal: u32 = row.get(3)?;
    Ok(Some(account).filter(|account| seal == Seal::of_account(account)))
}

fn mailbox(row: &Row<'_>) -> Sealed<MailboxRow> {
    let (cursor, head) = (Address(row.get(1)?), Address(row.get(2)?));
    let mailbox = Mailbox { cursor, head, unread: row.get(3)?, bytes: row.get(4)? };
    let mailbox = MailboxRow { id: MailboxId(row.get(0)?), mailbox };
    let seal: u32 = row.get(5)?;
    Ok(Some(mailbox).filter(|mailbox| seal == Seal::of_mailbox(mailbox)))
}

fn session(row: &Row<'_>) -> Sealed<SessionRow> {
    let (token, until) = (SessionToken::from_bytes(row.get(1)?), Timestamp::from_millis(row.get(3)?));
    let session = SessionRow { login: Login(row.get(0)?), token, account: MailboxId(row.get(2)?), until };
    let seal: u32 = row.get(4)?;
    Ok(Some(session).filter(|session| seal == Seal::of_session(session)))
}

fn group(row: &Row<'_>) -> Sealed<MessageGroup> {
    let group = MessageGroup { number: row.get(0)?, time: Timestamp::from_millis(row.get(1)?), body: row.get(2)? };
    let seal: u32 = row.get(3)?;
    Ok(Some(group).filter(|group| seal == Seal::of_group(group)))
}

fn accounted(row: &Row<'_>) -> Sealed<u64> {
    let (number, seal): (_, u32) = (row.get(0)?, row.get(1)?);
    Ok(Some(number).filter(|&number| seal == Seal::of_accounted(number)))
}

fn get(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that a panic has left open is rolled back by the next one's failure to begin.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Storage(format!("{}: {problem}", path.display()).into())
}
