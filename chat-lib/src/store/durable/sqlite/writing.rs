//! Transactions, and SQLite's write-ahead log that they go through.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, ffi};

use super::get;
use super::on_demand::INDEXES;

/// The connections and files for writing.
pub(super) struct Writing {
    pub(super) writer: Mutex<Connection>,
    /// For checkpoints beside the commits.
    pub(super) tidier: Mutex<Connection>,
    /// The write-ahead log.
    pub(super) log: File,
    /// What lies in the log from before was not brought into the database.
    pub(super) log_is_old: AtomicBool,
    /// A commit failed, but the disk may have it, and it would be found after a crash. The next commit overwrites it.
    pub(super) tainted: AtomicBool,
    /// Indexes could not be made. It takes long, so it is not tried again.
    pub(super) cannot_index: AtomicBool,
    /// The database. It is dropped last: closing it would take away the locks that SQLite has on it.
    pub(super) database: File,
}

impl Writing {
    /// Does all of `changes`, or none.
    pub(super) fn transact<T>(
        &self,
        changes: &[T],
        step: impl Fn(&Connection, &T) -> Result<(), rusqlite::Error>,
    ) -> Result<(), rusqlite::Error> {
        self.start_log_anew()?;
        let writer = get(&self.writer);
        let run = |sql| writer.prepare_cached(sql)?.execute([]).map(drop);
        let done = run("BEGIN IMMEDIATE")
            .and_then(|()| changes.iter().try_for_each(|change| step(&writer, change)))
            .and_then(|()| run("COMMIT"));
        self.tainted.store(done.is_err(), Ordering::Relaxed);
        if done.is_err() && !writer.is_autocommit() {
            run("ROLLBACK")?;
        }
        done
    }

    /// After a crash, SQLite goes on where the log breaks off, and older frames behind that point would look like commits
    /// behind damage. So nothing is written before the log is empty.
    pub(super) fn start_log_anew(&self) -> Result<(), rusqlite::Error> {
        if self.log_is_old.load(Ordering::Acquire) {
            self.empty_log()?;
            self.log_is_old.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Makes the indexes that users are found by.
    pub(super) fn make_indexes(&self) -> Result<(), rusqlite::Error> {
        self.start_log_anew()?;
        get(&self.writer).execute_batch(INDEXES)?;
        // They may be large, and a start after a crash reads the log.
        self.empty_log()
    }

    /// Brings what is committed into the database, while others commit.
    pub(super) fn checkpoint(&self) -> Result<(), rusqlite::Error> {
        get(&self.tidier).query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        // SQLite syncs once everything is there. Commits wait for that, and should wait for little.
        self.database
            .sync_data()
            .map_err(|_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None))
    }

    pub(super) fn empty_log(&self) -> Result<(), rusqlite::Error> {
        let busy = get(&self.tidier).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)) } else { Ok(()) }
    }
}
