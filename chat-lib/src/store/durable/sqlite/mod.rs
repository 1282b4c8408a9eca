//! The backend that is a SQLite database in a directory of its own.

mod directory;
mod holder;
mod on_demand;
mod open;
mod replica;
mod rows;
mod seal;
pub(super) mod wal;
mod writing;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use self::directory::Directory;
use self::on_demand::{OnDemand, has_indexes};
use self::open::{Kind, connect, connect_read_only, exists, log_of, look_at_log, make, only_writing_fails, open_log};
pub(super) use self::replica::Step;
use self::rows::{
    Sealed, account, block, block_head, blocked, compact, deleted, invitation, keys, member, profile, room, session,
    stream, summary, write,
};
use self::writing::Writing;
use super::backend::{Backend, Compaction, OnDemandTables};
use super::record::Record;
use crate::error::Error;
use crate::limits::SCAN_BYTES;
use crate::model::{Invitation, MessageId};
use crate::store::CommitError;
use crate::store::index::{Always, Change, KeysRow, RoomRow, Summary, Tables};
use crate::store::log::{Block, StreamId};

/// A directory with the database, and a lock that keeps others out, or from writing.
///
/// All that is ever needed is opened at once: what a path leads to may be something else later.
pub(super) struct Sqlite {
    database: PathBuf,
    connections: Arc<Connections>,
    directory: Directory,
}

struct Connections {
    reader: Mutex<Connection>,
    /// For checks, which take long while others want to read.
    checker: Mutex<Connection>,
    /// For rows that are read when they are needed, by somebody who has others wait.
    loader: Mutex<Connection>,
    /// `None` if the disk can only be read.
    writing: Option<Writing>,
}

impl Sqlite {
    /// Opens the directory, and makes it if it is not there. `synced` has each commit wait until it
    /// outlasts a loss of power. Where data is and nothing can be written, it is opened for reading.
    pub(super) fn open(directory: &Path, synced: bool) -> Result<Self, Error> {
        Self::open_as(Kind::Alone, directory, synced)
    }

    /// As [`open`](Self::open), for a view of a shared log, or to make it one. No commit waits for the disk: what a loss of power undoes
    /// is in the shared log.
    pub(super) fn open_replica(directory: &Path) -> Result<Self, Error> {
        Self::open_as(Kind::Any, directory, false)
    }

    fn open_as(kind: Kind, directory: &Path, synced: bool) -> Result<Self, Error> {
        let directory = Directory::create(directory)?;
        let database = directory.path().join(DATABASE);
        make(&directory, &database)?;
        look_at_log(&database, synced)?;
        match open_log(&directory, &database) {
            Ok(log) => Self::for_writing(kind, directory, database, log, synced),
            Err(problem) if only_writing_fails(&problem) => {
                directory.share()?;
                let store = Self::for_reading(directory, database)?;
                let path = store.database.display();
                tracing::warn!(%path, %problem, "the data can only be read; whatever changes it will be refused");
                Ok(store)
            }
            Err(problem) => Err(failed(&database, &problem)),
        }
    }

    /// Opens the directory, which must be there, and writes nothing.
    pub(super) fn open_read_only(directory: &Path, synced: bool) -> Result<Self, Error> {
        let directory = Directory::open_to_read(directory)?;
        let database = directory.path().join(DATABASE);
        if !exists(&database)? {
            return Err(failed(&database, &"there is no such file, and so no chat data"));
        }
        look_at_log(&database, synced)?;
        Self::for_reading(directory, database)
    }

    fn for_writing(
        kind: Kind,
        directory: Directory,
        database: PathBuf,
        log: File,
        synced: bool,
    ) -> Result<Self, Error> {
        let connect = || connect(kind, &database, synced).map(Mutex::new);
        let (writer, reader, tidier, checker, loader) = (connect()?, connect()?, connect()?, connect()?, connect()?);
        let file = File::open(&database).map_err(|problem| failed(&database, &problem))?;
        let (log_is_old, tainted, cannot_index) = (true.into(), false.into(), false.into());
        let writing = Writing { writer, tidier, log, log_is_old, tainted, cannot_index, database: file };
        match writing.start_log_anew() {
            Err(problem) if only_writing_failed(&problem) => {
                tracing::warn!(path = %database.display(), %problem, "nothing can be written yet");
            }
            outcome => outcome.map_err(|problem| failed(&database, &problem))?,
        }
        let connections = Connections { reader, checker, loader, writing: Some(writing) };
        Ok(Self { database, connections: Arc::new(connections), directory })
    }

    fn for_reading(directory: Directory, database: PathBuf) -> Result<Self, Error> {
        // SQLite would not say why it cannot be opened.
        File::open(&database).map_err(|problem| failed(&database, &problem))?;
        let connect = || connect_read_only(&database).map(Mutex::new);
        let (reader, checker, loader) = (connect()?, connect()?, connect()?);
        let connections = Connections { reader, checker, loader, writing: None };
        Ok(Self { database, connections: Arc::new(connections), directory })
    }

    /// The connections and files for writing.
    fn to_write(&self) -> Result<&Writing, Error> {
        if !self.directory.is_ours() {
            return Err(failed(&self.database, &"a fork of the process that opened this cannot write to it"));
        }
        self.connections.writing.as_ref().ok_or_else(|| failed(&self.database, &"it was opened for reading only"))
    }

    fn failed(&self, problem: &rusqlite::Error) -> Error {
        failed(&self.database, problem)
    }

    /// What `look` finds in each row that `sql` gives.
    fn rows<T>(&self, sql: &str, param: u64, look: impl FnMut(&Row<'_>) -> Sealed<T>) -> Result<Vec<T>, Error> {
        self.rows_while(sql, param, look, |_| true)
    }

    /// As [`rows`](Self::rows), until `goes_on` says of a row that it is enough.
    fn rows_while<T>(
        &self,
        sql: &str,
        param: u64,
        mut look: impl FnMut(&Row<'_>) -> Sealed<T>,
        mut goes_on: impl FnMut(&T) -> bool,
    ) -> Result<Vec<T>, Error> {
        let reader = get(&self.connections.reader);
        let mut found = Vec::new();
        let mut read = || {
            let mut statement = reader.prepare_cached(sql)?;
            let mut rows = statement.query([param])?;
            while let Some(row) = rows.next()? {
                let one = look(row)?;
                let is_enough = one.as_ref().is_some_and(|one| !goes_on(one));
                found.push((row.get::<_, i64>(0)?, one));
                if is_enough {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|problem| self.failed(&problem))?;
        let whole = |(key, row): (i64, Option<T>)| {
            row.ok_or_else(|| self.damage(&format!("row {key} of `{sql}` is not what was written")))
        };
        found.into_iter().map(whole).collect()
    }

    /// The blocks, if they come after `after` and each after the one before.
    fn in_order(&self, after: MessageId, blocks: Vec<Block>) -> Result<Vec<Block>, Error> {
        // A damaged page could otherwise have a reader of the log go round in circles.
        let ids = [after].into_iter().chain(blocks.iter().map(|block| block.first));
        if ids.is_sorted_by(|one, next| one < next) { Ok(blocks) } else { Err(self.out_of_order()) }
    }

    fn out_of_order(&self) -> Error {
        self.damage("the log is out of order")
    }

    /// The blocks that `sql` gives, and not many more bytes than [`SCAN_BYTES`]: blocks of long messages are large.
    fn blocks(&self, sql: &str, message: MessageId) -> Result<Vec<Block>, Error> {
        let mut bytes = 0;
        let goes_on = |block: &Block| {
            bytes += block.body.len();
            bytes < SCAN_BYTES
        };
        self.rows_while(sql, message.get(), block, goes_on)
    }

    fn invitations(&self) -> Result<Vec<Invitation>, Error> {
        self.rows("SELECT created, id, expires, seal FROM invitation WHERE created >= ?", 0, invitation)
    }

    fn rooms(&self) -> Result<Vec<RoomRow>, Error> {
        self.rows("SELECT id, name, title, open, head, count, gone, keep_for, keep_messages, keep_bytes, seal FROM room WHERE id > ?", 0, room)
    }

    fn deleted(&self) -> Result<Vec<MessageId>, Error> {
        self.rows("SELECT message, seal FROM deleted WHERE message > ?", 0, deleted)
    }

    fn keys(&self) -> Result<Vec<KeysRow>, Error> {
        self.rows("SELECT number, time, body, seal FROM keys WHERE number >= ? ORDER BY number", 0, keys)
    }

    /// The one number that `sql` finds, if it finds one.
    fn number(&self, sql: &str, params: impl rusqlite::Params) -> Result<Option<MessageId>, Error> {
        let reader = get(&self.connections.reader);
        let mut statement = reader.prepare_cached(sql).map_err(|problem| self.failed(&problem))?;
        let number =
            statement.query_row(params, |row| row.get(0)).optional().map_err(|problem| self.failed(&problem))?;
        let message = |number| MessageId::new(number).ok_or_else(|| self.damage("a message has a number past all"));
        number.map(message).transpose()
    }

    /// Does all of `changes` in one transaction, or none.
    fn transact<T>(
        &self,
        changes: &[T],
        step: impl Fn(&Connection, &T) -> Result<(), rusqlite::Error>,
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        self.to_write()?.transact(changes, step).map_err(|problem| self.failed(&problem))
    }
}

impl Backend for Sqlite {
    fn is_read_only(&self) -> bool {
        self.connections.writing.is_none()
    }

    fn commit(&self, record: &Record) -> Result<(), CommitError> {
        // What SQLite has failed to commit is not in the database, whatever the reason.
        self.transact(&record.changes, write).map_err(CommitError::Undone)
    }

    fn recover(&self) -> Result<(), Error> {
        match &self.connections.writing {
            Some(writing) if writing.tainted.load(Ordering::Relaxed) => {
                self.transact(&[Change::Summary(self.summary()?)], write)
            }
            _ => Ok(()),
        }
    }

    fn compact(&self, changes: &[Compaction]) -> Result<(), Error> {
        self.transact(changes, compact)
    }

    fn sync(&self) -> Result<(), Error> {
        self.to_write()?.log.sync_data().map_err(|problem| failed(&self.database, &problem))
    }

    fn tables(&self) -> Result<Tables, Error> {
        Ok(Tables {
            profiles: self.rows("SELECT id, user, full_name, country, seal FROM profile WHERE id > ?", 0, profile)?,
            accounts: self.rows("SELECT id, profile, password, banned, since, seal FROM account WHERE id > ?", 0, account)?,
            streams: self.rows(
                "SELECT id, writer, reader, head, count, cursor, unread, bytes, seal FROM stream WHERE id > ?",
                0,
                stream,
            )?,
            sessions: self.rows(
                "SELECT login, id, account, opened, used, until, origin, seal FROM session WHERE login >= ? ORDER BY login",
                0,
                session,
            )?,
            invitations: self.invitations()?,
            rooms: self.rooms()?,
            members: self.rows(
                "SELECT room, account, standing, since, cursor, base, sent, seal FROM member WHERE room > ?",
                0,
                member,
            )?,
            blocks: self.rows("SELECT account, blocked, seal FROM block WHERE account > ?", 0, blocked)?,
            deleted: self.deleted()?,
            keys: self.keys()?,
        })
    }

    fn on_demand(&self) -> Result<Option<OnDemandTables>, Error> {
        let is_indexed = has_indexes(&get(&self.connections.reader)).map_err(|problem| self.failed(&problem))?;
        if !is_indexed {
            let Ok(writing) = self.to_write() else { return Ok(None) };
            if writing.cannot_index.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Err(problem) = writing.make_indexes() {
                tracing::warn!(path = %self.database.display(), %problem, "without indexes, everything is read at the start");
                writing.cannot_index.store(true, Ordering::Relaxed);
                return Ok(None);
            }
        }
        let rows = OnDemand { database: self.database.clone(), connections: Arc::downgrade(&self.connections) };
        let rest = Always {
            rooms: self.rooms()?,
            invitations: self.invitations()?,
            deleted: self.deleted()?,
            keys: self.keys()?,
            ..Always::default()
        };
        let (always, partners) = (rows.always(rest)?, rows.partners(self.summary()?.streams)?);
        Ok(Some(OnDemandTables { always, partners, rows: Arc::new(rows) }))
    }

    fn summary(&self) -> Result<Summary, Error> {
        let found = self.rows(
            "SELECT id, epoch, indexed, last_message, last_account, last_stream, last_profile, accounts, streams, \
             profiles, sessions, invitations, rooms, members, blocks, deleted, deletions, key_rows, last_key, keyed, restoring, retention_time, keep_read, seal FROM summary WHERE id = ?",
            1,
            summary,
        )?;
        found.into_iter().next().ok_or_else(|| self.damage("the summary is missing"))
    }

    fn block(&self, message: MessageId) -> Result<Option<Block>, Error> {
        let sql = "SELECT first, last, time, body, seal FROM log WHERE first <= ? ORDER BY first DESC LIMIT 1";
        let found = self.rows(sql, message.get(), block)?;
        Ok(found.into_iter().next().filter(|block| message <= block.last))
    }

    fn blocks_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        let sql = "SELECT first, last, time, body, seal FROM log WHERE first > ? ORDER BY first LIMIT 64";
        self.in_order(message, self.blocks(sql, message)?)
    }

    fn blocks_before(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        let sql = "SELECT first, last, time, body, seal FROM log WHERE first < ? ORDER BY first DESC LIMIT 64";
        let blocks = self.blocks(sql, message)?;
        let ids = [message].into_iter().chain(blocks.iter().map(|block| block.first));
        if ids.is_sorted_by(|one, next| one > next) { Ok(blocks) } else { Err(self.out_of_order()) }
    }

    fn block_heads_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        let sql = "SELECT first, last, time FROM log WHERE first > ? ORDER BY first LIMIT 4096";
        self.in_order(message, self.rows(sql, message.get(), block_head)?)
    }

    fn last_message(&self) -> Result<MessageId, Error> {
        Ok(self.number("SELECT last FROM log ORDER BY first DESC LIMIT 1", [])?.unwrap_or_default())
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        let sql = "SELECT message FROM mark WHERE stream = ? AND message > ? ORDER BY message LIMIT 1 OFFSET ?";
        self.number(sql, [u64::from(stream.0), after.get(), nth as u64])
    }

    fn erase(&self) -> Result<(), Error> {
        self.to_write()?.empty_log().map_err(|problem| self.failed(&problem))
    }

    fn tidy(&self) -> Result<(), Error> {
        self.to_write()?.checkpoint().map_err(|problem| self.failed(&problem))
    }

    fn size(&self) -> u64 {
        let files = [self.database.clone(), log_of(&self.database)];
        files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
    }

    fn check(&self) -> Result<(), Error> {
        let verdict: String = get(&self.connections.checker)
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|problem| self.failed(&problem))?;
        if verdict == "ok" { Ok(()) } else { Err(self.damage(&verdict)) }
    }

    fn damage(&self, what: &str) -> Error {
        failed(&self.database, &format!("the data is damaged: {what}"))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if !self.directory.is_ours() {
            // They are the other process's; closing them here would change files under it.
            std::mem::forget(Arc::clone(&self.connections));
        } else if let Some(writing) = &self.connections.writing {
            // The next start does it if this fails.
            writing.empty_log().ok();
        }
    }
}

/// Whether this problem leaves reading as the only thing that can be done for now.
fn only_writing_failed(problem: &rusqlite::Error) -> bool {
    let code = problem.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly))
}

const DATABASE: &str = "chat.db";

fn get(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that a panic has left open is rolled back by the next one's failure to begin.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Storage(format!("{}: {problem}", path.display()).into())
}
