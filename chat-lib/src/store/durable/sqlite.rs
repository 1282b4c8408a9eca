//! The disk as a SQLite database in a directory of its own.

mod rows;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};

use self::rows::{Sealed, account, group, mailbox, profile, session, summary, write};
use super::disk::{Disk, Summary, Tables, Write};
use super::group::MessageGroup;
use super::wal;
use crate::error::Error;

/// A directory with the database, and a lock that keeps other processes out.
pub(super) struct Sqlite {
    database: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// For checkpoints beside the commits.
    tidier: Mutex<Connection>,
    /// The directory, locked for as long as it is in use.
    _lock: File,
}

impl Sqlite {
    /// Opens the directory, and makes it if it is not there. `synced` has each commit wait until it
    /// outlasts a loss of power.
    pub(super) fn open(directory: &Path, synced: bool) -> Result<Self, Error> {
        create_directory(directory).map_err(|problem| failed(directory, &problem))?;
        let lock = lock(directory)?;
        let database = directory.join("chat.db");
        make(directory, &database)?;
        look_at_log(&database, synced)?;
        let connect = || connect(&database, synced).map_err(|problem| failed(&database, &problem)).map(Mutex::new);
        let (writer, reader, tidier) = (connect()?, connect()?, connect()?);
        see_that_it_is_ours(&get(&writer), &database)?;
        start_log_anew(&get(&writer)).map_err(|problem| failed(&database, &problem))?;
        Ok(Self { database, writer, reader, tidier, _lock: lock })
    }

    fn failed(&self, problem: &rusqlite::Error) -> Error {
        failed(&self.database, problem)
    }

    /// What `look` finds in each row that `sql` gives.
    fn rows<T>(&self, sql: &str, param: u64, mut look: impl FnMut(&Row<'_>) -> Sealed<T>) -> Result<Vec<T>, Error> {
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
                "SELECT login, id, account, until, seal FROM session WHERE login >= ? ORDER BY login",
                0,
                session,
            )?,
        })
    }

    fn summary(&self) -> Result<Summary, Error> {
        let found = self.rows(
            "SELECT id, accounted, last_group, last_mailbox, last_profile, accounts, profiles, sessions, whole, seal \
             FROM summary WHERE id = ?",
            1,
            summary,
        )?;
        found.into_iter().next().ok_or_else(|| self.damage("the summary is missing"))
    }

    fn group(&self, number: u64) -> Result<Option<MessageGroup>, Error> {
        let found = self.rows("SELECT number, time, body, seal FROM log WHERE number = ?", number, group)?;
        Ok(found.into_iter().next())
    }

    fn groups_behind(&self, number: u64) -> Result<Vec<MessageGroup>, Error> {
        let sql = "SELECT number, time, body, seal FROM log WHERE number > ? ORDER BY number LIMIT 64";
        let groups = self.rows(sql, number, group)?;
        // A page that leads to the wrong one would have who goes through the log go round in it.
        let numbers = [number].into_iter().chain(groups.iter().map(|group| group.number));
        if numbers.is_sorted_by(|one, next| one < next) {
            Ok(groups)
        } else {
            Err(self.damage("the log is out of order"))
        }
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

/// Locks the directory itself: a file in it could be removed, and then another process would lock a new one.
fn lock(directory: &Path) -> Result<File, Error> {
    let failed = |problem| failed(directory, &problem);
    let file = File::open(directory).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::DataInUse { path: directory.to_owned() }),
        Err(TryLockError::Error(problem)) => Err(failed(problem)),
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

/// After a crash, SQLite goes on where the log breaks off, and what stands behind it from before would look
/// like commits behind damage.
fn start_log_anew(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn connect(database: &Path, synced: bool) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(database)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Makes the database if there is none. It gets its name when it is whole, so one that is empty, or gone while
/// its log is there, is one that was lost.
fn make(directory: &Path, database: &Path) -> Result<(), Error> {
    let damaged = |what| Err(failed(database, &format!("the data is damaged: {what}")));
    match database.metadata() {
        Ok(file) if file.len() == 0 => return damaged("this file is empty"),
        Ok(_) => return Ok(()),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
        Err(problem) => return Err(failed(database, &problem)),
    }
    if database.with_extension("db-wal").exists() {
        return damaged("this file is missing, and its write-ahead log is not");
    }
    let draft = database.with_extension("new");
    let file = || -> io::Result<()> {
        match std::fs::remove_file(&draft) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
            _ => {}
        }
        // SQLite gives the files that it puts beside it the same mode.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map(drop)
    };
    file().map_err(|problem| failed(&draft, &problem))?;
    let fill = || -> Result<(), rusqlite::Error> {
        let mut connection = Connection::open(&draft)?;
        let setup = connection.transaction()?;
        setup.execute_batch(SCHEMA)?;
        setup.pragma_update(None, "application_id", APPLICATION)?;
        setup.pragma_update(None, "user_version", FORMAT)?;
        write(&setup, &Write::Summary(Summary::EMPTY))?;
        setup.commit()?;
        connection.close().map_err(|(_, problem)| problem)
    };
    fill().map_err(|problem| failed(&draft, &problem))?;
    let named = std::fs::rename(&draft, database).and_then(|()| File::open(directory)?.sync_all());
    named.map_err(|problem| failed(database, &problem))
}

fn see_that_it_is_ours(connection: &Connection, database: &Path) -> Result<(), Error> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let number = |name| pragma(name).map_err(|problem| failed(database, &problem));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, FORMAT) => Ok(()),
        (APPLICATION, found) => Err(Error::DataFormat { path: database.to_owned(), found, known: FORMAT }),
        _ => Err(failed(database, &"it is another program's database")),
    }
}

/// "chat".
const APPLICATION: i64 = 0x6368_6174;

/// The version of [`SCHEMA`] and of what the rows hold.
const FORMAT: i64 = 3;

const SCHEMA: &str = include_str!("schema.sql");

fn get(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that a panic has left open is rolled back by the next one's failure to begin.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Storage(format!("{}: {problem}", path.display()).into())
}
