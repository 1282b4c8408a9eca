//! The log in a table.
//!
//! # Why an append is safe
//!
//! Rows are only ever added behind the last one (an insertion needs its predecessor, in the same statement), and only ever deleted from the
//! front, never the last. Hence no place is skipped, and a place whose predecessor is there is either free or still in the table:
//! the primary key decides who gets it. Two writers at one place: the second waits until the first has committed or failed, and
//! finds the place taken or free. A writer whose statement comes late, from a connection that was given up long ago, meets the same two conditions
//! then. A record's insertion needs its predecessor to be visible, that is, committed: so a reader, who sees all that had been
//! committed at one moment, never sees a gap.
//!
//! # Why `Done` outlasts the primary
//!
//! The commit of an insertion returns after the synchronous standbys have flushed it. If that wait is cancelled, the server warns and
//! [`Session::rows`] fails. The record is visible then, and so it is after a crash of the primary between its flush and the standby's. Whoever asks
//! again finds the place taken by that very record, but does not say so before [`prove`] has committed something: a standby
//! that has flushed that has flushed all that precedes it in the write-ahead log, and what was visible precedes it.
//!
//! The same proof comes before *any* answer that was read instead of written. Otherwise a deposed primary, which nobody has told of
//! its successor, might call a place taken or the log short: it cannot commit, for its standby follows it no more.

use std::time::Duration;

use chat_lib::store::{LogEntry, Placed, RECORD_BYTES};
use tokio::time::Instant;

use super::fault::Fault;
use super::line::Line;
use super::session::Session;

pub(super) async fn append(line: &Line, at: u64, record: &[u8], standby_optional: bool) -> Result<Placed, Fault> {
    let place = place(at)?;
    if at == 0 {
        return Err(Fault::Place(at));
    }
    if record.is_empty() || record.len() > RECORD_BYTES {
        return Err(Fault::Record(record.len()));
    }
    let mut session = line.session().await?;
    if !session.rows(APPEND, &[&place, &record, &standby_optional]).await?.is_empty() {
        return Ok(Placed::Done);
    }
    let rows = session.rows(COMPARE, &[&place, &record]).await?;
    prove(&mut session, standby_optional).await?;
    let row = rows.first().ok_or_else(no_row)?;
    let last = last_of(row)?;
    let (trimmed, same): (Option<bool>, Option<bool>) = (row.try_get(1)?, row.try_get(2)?);
    match (trimmed, same) {
        (Some(false), Some(true)) => Ok(Placed::Done),
        // What was trimmed stays taken.
        _ if at <= last => Ok(Placed::Taken),
        // It has become free, or the server has become safe, in between.
        _ if at == last.saturating_add(1) => Err(Fault::Changing),
        _ => Ok(Placed::Short { last }),
    }
}

/// Commits something, which only a primary can that its synchronous standbys follow.
async fn prove(session: &mut Session, standby_optional: bool) -> Result<(), Fault> {
    if session.rows(PROVE, &[&standby_optional]).await?.is_empty() {
        return Err(Fault::Unsafe(
            "runs without fsync, full_page_writes or synchronous_standby_names since a moment ago".to_owned(),
        ));
    }
    Ok(())
}

pub(super) async fn last(line: &Line, standby_optional: bool) -> Result<u64, Fault> {
    let mut session = line.session().await?;
    let rows = session.rows("SELECT max(at) FROM log", &[]).await?;
    prove(&mut session, standby_optional).await?;
    last_of(rows.first().ok_or_else(no_row)?)
}

pub(super) async fn read(line: &Line, from: u64, wait: Duration) -> Result<Vec<LogEntry>, Fault> {
    let from = place(from)?;
    let end = Instant::now() + wait;
    loop {
        let rows = line.session().await?.rows(READ, &[&from]).await?;
        if !rows.is_empty() || Instant::now() >= end {
            return rows
                .iter()
                .map(|row| Ok(LogEntry { at: unsigned(row.try_get(0)?)?, record: row.try_get(1)? }))
                .collect();
        }
        tokio::time::sleep_until(end.min(Instant::now() + POLL)).await;
    }
}

/// Drops some of the records before the place `before`; `false` if none of them is left.
pub(super) async fn trim_some(line: &Line, before: u64) -> Result<bool, Fault> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let mut session = line.session().await?;
    if !session.rows(TRIM, &[&before]).await?.is_empty() {
        return Ok(true);
    }
    session.rows(TRIM_LAST, &[&before]).await?;
    Ok(false)
}

fn last_of(row: &tokio_postgres::Row) -> Result<u64, Fault> {
    let last: Option<i64> = row.try_get(0)?;
    unsigned(last.ok_or_else(no_row)?)
}

fn no_row() -> Fault {
    Fault::Damaged("the log has lost its last row".to_owned())
}

fn place(at: u64) -> Result<i64, Fault> {
    i64::try_from(at).map_err(|_| Fault::Place(at))
}

fn unsigned(at: i64) -> Result<u64, Fault> {
    u64::try_from(at).map_err(|_| Fault::Damaged(format!("the place {at}")))
}

/// How often is looked for new records. Notifications would come sooner, but all transactions of the database that notify
/// commit one after another, waiting for the standby included.
const POLL: Duration = Duration::from_millis(25);

/// The settings are asked for in each append: operators, and programs that manage standbys, change them while the server runs.
const APPEND: &str = "INSERT INTO log (at, record) SELECT $1::bigint, $2::bytea \
                      WHERE EXISTS (SELECT FROM log WHERE at = $1 - 1) \
                      AND current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' \
                      AND ($3::bool OR current_setting('synchronous_standby_names') <> '') \
                      ON CONFLICT DO NOTHING RETURNING at";

const COMPARE: &str = "SELECT (SELECT max(at) FROM log), octet_length(record) = 0, record = $2::bytea \
                       FROM (SELECT) AS one LEFT JOIN log ON at = $1::bigint";

const PROVE: &str = "UPDATE proof SET count = count + 1 \
                     WHERE current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' \
                     AND ($1::bool OR current_setting('synchronous_standby_names') <> '') RETURNING count";

/// At most 4 MiB, or one record.
const READ: &str = "SELECT at, record FROM (\
                        SELECT at, record, sum(octet_length(record)) OVER (ORDER BY at) - octet_length(record) AS ahead FROM (\
                            SELECT at, record FROM log WHERE at >= $1 AND octet_length(record) > 0 ORDER BY at LIMIT 1024\
                        ) AS many\
                    ) AS counted WHERE ahead <= 4194304 - 524288 ORDER BY at";

/// Up to some 16 MiB from the front, which takes a fraction of a second. The row before `$1` is left for [`TRIM_LAST`].
const TRIM: &str = "DELETE FROM log WHERE at < least($1::bigint - 1, (SELECT max(at) FROM log)) AND at IN (\
                        SELECT at FROM (\
                            SELECT at, sum(octet_length(record)) OVER (ORDER BY at) - octet_length(record) AS ahead FROM (\
                                SELECT at, record FROM log ORDER BY at LIMIT 8192\
                            ) AS many\
                        ) AS counted WHERE ahead <= 16777216\
                    ) RETURNING at";

/// What is before `$1` is one row at most. It loses its record, and stays, in case it is the last.
const TRIM_LAST: &str = "UPDATE log SET record = '' \
                         WHERE at = least($1::bigint - 1, (SELECT max(at) FROM log)) AND octet_length(record) > 0";
