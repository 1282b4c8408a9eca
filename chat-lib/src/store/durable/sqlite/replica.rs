//! A database that is the view of a shared log: how far in the log it is, and the last records, in case that the log loses them.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::open::{REPLICA_FORMAT, SCHEMA_REPLICA};
use super::rows::{compact, write};
use super::{Sqlite, failed, get};
use crate::error::Error;
use crate::store::LogEntry;
use crate::store::durable::backend::{Backend, Compaction};
use crate::store::durable::replicated::Place;
use crate::store::index::Change;

/// One of the things that are done together for some records of the log.
pub(in crate::store::durable) enum Step<'a> {
    Change(&'a Change),
    Compact(&'a Compaction),
    /// Keeps a record.
    Keep(&'a LogEntry),
    /// Drops the records that are kept before a place.
    Forget(u64),
    /// All up to this place is done.
    Reach(&'a Place),
}

impl Sqlite {
    /// How far it is; `None` if it is no view of a log.
    pub(in crate::store::durable) fn place(&self) -> Result<Option<Place>, Error> {
        if !self.is_replica()? {
            return Ok(None);
        }
        place(&get(&self.connections.reader)).map_err(|problem| self.failed(&problem))
    }

    /// Makes it the view of a log, as of that place.
    pub(in crate::store::durable) fn become_replica(&self, place: &Place) -> Result<(), Error> {
        self.transact(&[()], |to, ()| {
            to.execute_batch(SCHEMA_REPLICA)?;
            to.pragma_update(None, "user_version", REPLICA_FORMAT)?;
            step(to, &Step::Reach(place))
        })
    }

    /// Does all of `steps`, or none.
    pub(in crate::store::durable) fn step(&self, steps: &[Step<'_>]) -> Result<(), Error> {
        self.transact(steps, step)
    }

    /// The record at a place, if it is kept.
    pub(in crate::store::durable) fn kept(&self, at: u64) -> Result<Option<Vec<u8>>, Error> {
        let reader = get(&self.connections.reader);
        let find = || {
            let mut statement = reader.prepare_cached("SELECT record FROM kept WHERE at = ?")?;
            statement.query_row([at], |row| row.get(0)).optional()
        };
        find().map_err(|problem: rusqlite::Error| self.failed(&problem))
    }

    /// The places of all records that are kept, and how long these are.
    pub(in crate::store::durable) fn kept_places(&self) -> Result<Vec<(u64, usize)>, Error> {
        let reader = get(&self.connections.reader);
        let find = || -> Result<Vec<_>, rusqlite::Error> {
            let mut statement = reader.prepare_cached("SELECT at, length(record) FROM kept ORDER BY at")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        find().map_err(|problem| self.failed(&problem))
    }

    /// Writes a copy of the database, as it is at one moment, to a new file, and returns how far that is.
    pub(in crate::store::durable) fn copy(&self, to: &Path) -> Result<Place, Error> {
        let path = to.to_str().ok_or_else(|| failed(to, &"SQLite takes only paths that are UTF-8"))?;
        get(&self.connections.checker).execute("VACUUM INTO ?", [path]).map_err(|problem| failed(to, &problem))?;
        let copy = Connection::open(to).map_err(|problem| failed(to, &problem))?;
        let place = place(&copy).map_err(|problem| failed(to, &problem))?;
        place.ok_or_else(|| self.damage("it does not say how far in the shared log it is"))
    }

    fn is_replica(&self) -> Result<bool, Error> {
        let reader = get(&self.connections.reader);
        let format = reader.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        format.map(|format| format == REPLICA_FORMAT).map_err(|problem| self.failed(&problem))
    }
}

fn place(database: &Connection) -> Result<Option<Place>, rusqlite::Error> {
    let mut statement = database.prepare("SELECT at, hash FROM replica")?;
    statement.query_row([], |row| Ok(Place { at: row.get(0)?, hash: row.get(1)? })).optional()
}

fn step(to: &Connection, step: &Step<'_>) -> Result<(), rusqlite::Error> {
    match step {
        Step::Change(change) => write(to, change),
        Step::Compact(change) => compact(to, change),
        Step::Keep(LogEntry { at, record }) => {
            to.prepare_cached("INSERT OR REPLACE INTO kept VALUES (?, ?)")?.execute(params![at, record]).map(drop)
        }
        Step::Forget(before) => to.prepare_cached("DELETE FROM kept WHERE at < ?")?.execute([before]).map(drop),
        Step::Reach(place) => to
            .prepare_cached("INSERT OR REPLACE INTO replica VALUES (1, ?, ?)")?
            .execute(params![place.at, place.hash])
            .map(drop),
    }
}
