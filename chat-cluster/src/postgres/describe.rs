//! What an operator wants to know of PostgreSQL.

use super::fault::Fault;
use super::line::Line;

pub(super) async fn describe(line: &Line) -> Result<Vec<String>, Fault> {
    let mut session = line.session().await?;
    let rows = session.rows(SERVER, &[]).await?;
    let row = rows.first().ok_or_else(|| Fault::Damaged("settings without a row".to_owned()))?;
    let (version, standbys): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    let (records, bytes): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
    let mut lines = vec![
        format!("PostgreSQL {version}, primary at {}", session.address()),
        format!("log: {records} records, {bytes} bytes on disk"),
        if standbys.trim().is_empty() {
            "synchronous_standby_names is empty: what is acknowledged is lost with the primary".to_owned()
        } else {
            format!("synchronous_standby_names: {standbys}")
        },
    ];
    for row in session.rows(STANDBYS, &[]).await? {
        let (name, address): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let (state, sync): (Option<&str>, Option<&str>) = (row.try_get(2)?, row.try_get(3)?);
        let lag: Option<i64> = row.try_get(4)?;
        lines.push(match (state, sync, lag) {
            (Some(state), Some(sync), Some(lag)) => {
                format!("standby {name} at {address}: {state}, {sync}, {lag} bytes behind")
            }
            (Some(state), Some(sync), None) => format!("standby {name} at {address}: {state}, {sync}"),
            // PostgreSQL shows them to members of this role.
            _ => format!("standby {name}: grant pg_monitor to see its state"),
        });
    }
    Ok(lines)
}

const SERVER: &str = "SELECT current_setting('server_version'), current_setting('synchronous_standby_names'), \
                      (SELECT max(at) - min(at) FROM log), pg_total_relation_size('log')";

const STANDBYS: &str = "SELECT application_name, coalesce(host(client_addr) || ':' || client_port, 'a socket'), state, sync_state, \
                        pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)::bigint FROM pg_stat_replication ORDER BY 1, 2";
