//! The tables of a cluster, in a schema of its own.

use super::fault::Fault;
use super::session::Session;

/// The schema of the cluster with that name.
pub(super) fn schema_of(name: &str) -> Result<String, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(allowed) {
        return Err(Fault::Name(name.to_owned()));
    }
    Ok(format!("chat_{name}"))
}

/// Creates what is not there yet. `schema` must be the session's.
pub(super) async fn create(session: &mut Session, schema: &str) -> Result<(), Fault> {
    // To ask for a schema that is there takes the right to create one.
    let there = session.rows("SELECT to_regclass('snapshot_piece') IS NOT NULL", &[]).await?;
    if there.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
        return Ok(());
    }
    session.run(&tables(schema)).await
}

/// `log` has a row for each record, and none is missing between the first and the last. The last stays forever, because the next is
/// put behind it: trimming leaves it without its record. So does the row 0 of a new log.
fn tables(schema: &str) -> String {
    format!(
        "SELECT pg_advisory_xact_lock(hashtext('{schema}'));
         CREATE SCHEMA IF NOT EXISTS \"{schema}\";
         CREATE TABLE IF NOT EXISTS log (at bigint PRIMARY KEY, record bytea NOT NULL);
         ALTER TABLE log ALTER COLUMN record SET STORAGE EXTERNAL;
         INSERT INTO log SELECT 0, '' WHERE NOT EXISTS (SELECT FROM log);
         CREATE TABLE IF NOT EXISTS proof (one bool PRIMARY KEY CHECK (one), count bigint NOT NULL) WITH (fillfactor = 10);
         INSERT INTO proof VALUES (true, 0) ON CONFLICT DO NOTHING;
         CREATE TABLE IF NOT EXISTS lease (one bool PRIMARY KEY CHECK (one), server text NOT NULL, card text NOT NULL,
             expires timestamptz NOT NULL) WITH (fillfactor = 10);
         CREATE TABLE IF NOT EXISTS server (id text PRIMARY KEY, name text NOT NULL, card text NOT NULL,
             expires timestamptz NOT NULL);
         CREATE TABLE IF NOT EXISTS snapshot (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
             size bigint, digest bytea, touched timestamptz NOT NULL);
         CREATE UNIQUE INDEX IF NOT EXISTS snapshot_whole ON snapshot (name) WHERE digest IS NOT NULL;
         CREATE TABLE IF NOT EXISTS snapshot_piece (snapshot bigint REFERENCES snapshot ON DELETE CASCADE, piece int,
             bytes bytea NOT NULL, PRIMARY KEY (snapshot, piece));
         ALTER TABLE snapshot_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;"
    )
}

/// PostgreSQL cuts names after 63 bytes.
const NAME_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_quoting() {
        assert_eq!(schema_of("chat-1_A").unwrap(), "chat_chat-1_A");
        for name in ["", "a\"b", "a'b", "a b", "é", &"a".repeat(41)] {
            assert!(schema_of(name).is_err(), "{name}");
        }
    }
}
