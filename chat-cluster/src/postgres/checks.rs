//! Whether a server keeps what it promises.

use tracing::warn;

use super::fault::Fault;
use super::session::Session;

/// Refuses a server whose commits may be lost.
pub(super) async fn check(session: &mut Session, standby_optional: bool) -> Result<(), Fault> {
    let rows = session.rows(SETTINGS, &[]).await?;
    let row = rows.first().ok_or_else(|| Fault::Damaged("settings without a row".to_owned()))?;
    let settings = Settings {
        version: row.try_get(0)?,
        fsync: row.try_get(1)?,
        full_page_writes: row.try_get(2)?,
        synchronous_commit: row.try_get(3)?,
        standbys: row.try_get(4)?,
    };
    settings.judge(standby_optional).map_err(Fault::Unsafe)?;
    if !settings.has_standbys() {
        warn!("PostgreSQL has no synchronous standby: what is acknowledged is lost with its machine");
    }
    Ok(())
}

struct Settings {
    version: i32,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    standbys: String,
}

impl Settings {
    fn has_standbys(&self) -> bool {
        !self.standbys.trim().is_empty()
    }

    fn judge(&self, standby_optional: bool) -> Result<(), String> {
        if self.version < OLDEST {
            return Err(format!("is version {}: it must be 15 or later", self.version / 10_000));
        }
        if self.fsync != "on" {
            return Err("runs with fsync=off: a power failure destroys its data. Set fsync=on".to_owned());
        }
        if self.full_page_writes != "on" {
            return Err("runs with full_page_writes=off: a power failure may tear its pages. Set it to on".to_owned());
        }
        if !matches!(self.synchronous_commit.as_str(), "on" | "remote_apply" | "local") {
            return Err(format!("insists on synchronous_commit={}: set it to on", self.synchronous_commit));
        }
        if !standby_optional && !self.has_standbys() {
            return Err(
                "has no synchronous standby, so that what is acknowledged would be lost with its machine. Set \
                        synchronous_standby_names"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// `15.0`, as PostgreSQL counts.
const OLDEST: i32 = 150_000;

const SETTINGS: &str = "SELECT current_setting('server_version_num')::int, current_setting('fsync'), \
                        current_setting('full_page_writes'), current_setting('synchronous_commit'), \
                        current_setting('synchronous_standby_names')";

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        let on = || "on".to_owned();
        Settings {
            version: 150_004,
            fsync: on(),
            full_page_writes: on(),
            synchronous_commit: on(),
            standbys: "ANY 1 (a, b)".to_owned(),
        }
    }

    #[test]
    fn what_may_lose_commits_is_refused() {
        assert_eq!(good().judge(false), Ok(()));
        let off = || "off".to_owned();
        for (settings, said) in [
            (Settings { version: 140_010, ..good() }, "is version 14"),
            (Settings { fsync: off(), ..good() }, "fsync=off"),
            (Settings { full_page_writes: off(), ..good() }, "full_page_writes=off"),
            (Settings { synchronous_commit: off(), ..good() }, "synchronous_commit=off"),
            (Settings { standbys: " ".to_owned(), ..good() }, "no synchronous standby"),
        ] {
            let said_so = settings.judge(false).unwrap_err();
            assert!(said_so.contains(said), "{said_so}");
        }
        assert_eq!(Settings { standbys: String::new(), ..good() }.judge(true), Ok(()));
    }
}
