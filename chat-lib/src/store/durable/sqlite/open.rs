//! The files in the data directory: how they are made, looked at and opened.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::directory::Directory;
use super::rows::write;
use super::{failed, wal};
use crate::error::Error;
use crate::store::durable::KeepRead;
use crate::store::index::{Change, Summary};
use crate::store::new_epoch;

/// Creates the database if it does not exist. It gets its name only once it is complete, so a database that is
/// empty, or missing while its log exists, has been lost.
pub(super) fn make(directory: &Directory, database: &Path) -> Result<(), Error> {
    if exists(database)? {
        return Ok(());
    }
    let draft = database.with_extension("new");
    let file = || -> io::Result<()> {
        match std::fs::remove_file(&draft) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
            _ => {}
        }
        // SQLite gives the files that it puts beside it the same mode and owner.
        let draft = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        directory.adopt(&draft)
    };
    file().map_err(|problem| failed(&draft, &problem))?;
    let fill = || -> Result<(), rusqlite::Error> {
        let mut connection = Connection::open_with_flags(&draft, READ_WRITE)?;
        let setup = connection.transaction()?;
        setup.execute_batch(SCHEMA)?;
        setup.pragma_update(None, "application_id", APPLICATION)?;
        setup.pragma_update(None, "user_version", FORMAT)?;
        write(&setup, &Change::Summary(Summary::empty(new_epoch(), KeepRead::Forever.as_millis())))?;
        setup.commit()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, problem)| problem)
    };
    fill().map_err(|problem| failed(&draft, &problem))?;
    let named = std::fs::rename(&draft, database).and_then(|()| directory.sync());
    named.map_err(|problem| failed(database, &problem))
}

/// Whether there is a database.
pub(super) fn exists(database: &Path) -> Result<bool, Error> {
    let damaged = |what| Err(failed(database, &format!("the data is damaged: {what}")));
    match database.metadata() {
        Ok(file) if file.len() == 0 => damaged("this file is empty"),
        Ok(_) => Ok(true),
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(failed(database, &problem)),
        Err(_) if log_of(database).exists() => damaged("this file is missing, and its write-ahead log is not"),
        Err(_) => Ok(false),
    }
}

/// SQLite's write-ahead log.
pub(super) fn log_of(database: &Path) -> PathBuf {
    database.with_extension("db-wal")
}

/// Looks whether the write-ahead log lost something on the way here. Without a sync at each commit, a loss
/// of power may do that to the last second, and the rest must still be had.
pub(super) fn look_at_log(database: &Path, synced: bool) -> Result<(), Error> {
    let log = log_of(database);
    let Some(frame) = wal::damaged_frame(&log).map_err(|problem| failed(&log, &problem))? else { return Ok(()) };
    let problem = format!("the data is damaged: what was committed from frame {frame} of this file on cannot be read");
    if synced {
        let way_out = "to go on without it, open it with `--sync never` once";
        return Err(failed(&log, &format!("{problem}; {way_out}")));
    }
    tracing::error!(log = %log.display(), problem, "it is left out");
    Ok(())
}

/// Opens the files for writing, before SQLite does, and gives the write-ahead log. There is always one, if only an
/// empty one: where no more files can be made, one that is there can still be used.
pub(super) fn open_log(directory: &Directory, database: &Path) -> io::Result<File> {
    let writable = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
    writable(database)?;
    let log = log_of(database);
    match writable(&log) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&log)?;
    directory.adopt(&made)?;
    directory.sync()?;
    Ok(made)
}

/// Whether this problem leaves reading as the only thing that can be done.
pub(super) fn only_writing_fails(problem: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(problem.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Connects to a database of which this process has all connections.
pub(super) fn connect(kind: Kind, database: &Path, synced: bool) -> Result<Connection, Error> {
    let failed = |problem: rusqlite::Error| failed(database, &problem);
    // SQLite then has its index of the log in memory: no file is needed that a full disk has no room for.
    let connection = Connection::open_with_flags_and_vfs(database, READ_WRITE, "unix-excl").map_err(failed)?;
    check_format(kind, &connection, database)?;
    let set_up = || -> Result<(), rusqlite::Error> {
        connection.set_prepared_statement_cache_capacity(32);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // Texts that were deleted are not to stay in what is unused of the file.
        connection.pragma_update(None, "secure_delete", true)?;
        // Otherwise SQLite may prepare a statement again for each bound value, to look for a better plan.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        keep_log(&connection)
    };
    set_up().map_err(failed)?;
    Ok(connection)
}

/// Connects to a database that nobody writes to, and writes nothing, not even a file of SQLite's own.
pub(super) fn connect_read_only(database: &Path) -> Result<Connection, Error> {
    let failed = |problem: rusqlite::Error| failed(database, &problem);
    let no_log = log_of(database).metadata().map_or(true, |log| log.len() == 0);
    let open = || -> Result<Connection, rusqlite::Error> {
        if no_log {
            return Connection::open_with_flags(immutable(database), READ_ONLY | OpenFlags::SQLITE_OPEN_URI);
        }
        // In this mode the index of the log is in memory; locks would have to be written, and the directory's will do.
        let connection = Connection::open_with_flags_and_vfs(database, READ_ONLY, "unix-none")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Ok(connection)
    };
    let connection = open().map_err(failed)?;
    check_format(Kind::Any, &connection, database)?;
    keep_log(&connection).map_err(failed)?;
    Ok(connection)
}

/// SQLite would remove the log by its path, where another directory may be by then.
fn keep_log(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// The URI of a database that nothing else changes, and that has no log.
fn immutable(database: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in database.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

/// Also has SQLite open the log, which it does at the first look into the database.
fn check_format(kind: Kind, connection: &Connection, database: &Path) -> Result<(), Error> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let number = |name| pragma(name).map_err(|problem| failed(database, &problem));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, FORMAT) => Ok(()),
        (APPLICATION, REPLICA_FORMAT) if kind == Kind::Any => Ok(()),
        (APPLICATION, REPLICA_FORMAT) => {
            let what = "the data is a server's view of what a cluster keeps, and alone it can only be read";
            Err(failed(
                database,
                &format!("{what}; start the server with --cluster, or restore a dump of it elsewhere"),
            ))
        }
        (APPLICATION, found) => Err(Error::DataFormat { path: database.to_owned(), found, known: FORMAT }),
        _ => Err(failed(database, &"it is another program's database")),
    }
}

/// A database is made in [`make`] and nowhere else.
const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Which databases are opened.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Kind {
    /// Those that have all there is.
    Alone,
    /// Also the views of a shared log.
    Any,
}

/// "chat".
const APPLICATION: i64 = 0x6368_6174;

/// The version of [`SCHEMA`] and of what the rows hold.
const FORMAT: i64 = 7;

/// [`FORMAT`] of a database that is the view of a shared log: it has [`SCHEMA_REPLICA`], too.
pub(super) const REPLICA_FORMAT: i64 = 100 + FORMAT;

const SCHEMA: &str = include_str!("schema.sql");

pub(super) const SCHEMA_REPLICA: &str = include_str!("replica.sql");
