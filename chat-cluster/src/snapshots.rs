//! Snapshots for servers that are new or were away for long, so that the log needs not be kept for ever.

use std::path::Path;
use std::time::{Duration, Instant};

use chat_lib::store::Replica;

use crate::directory::{COPY, private, remove};
use crate::{ClusterError, Engine, ServerCard, SnapshotName};

/// When the next snapshot is due, as one server sees it.
pub(crate) struct Snapshots {
    /// The last snapshot, and how much had come when it was seen.
    at: u64,
    bytes: u64,
    seen: Instant,
    /// When it was looked last.
    looked: Instant,
}

impl Snapshots {
    pub(crate) fn new(replica: &Replica, now: Instant) -> Self {
        Self { at: replica.reached(), bytes: replica.bytes(), seen: now, looked: now }
    }

    /// Whether to look for a snapshot, and make one if there is no newer one. `size` is how many bytes the data has.
    pub(crate) fn is_due(&mut self, replica: &Replica, size: u64, now: Instant) -> bool {
        let is_due = self.lateness(replica, size, now) >= 1.0;
        let looks = is_due && now.saturating_duration_since(self.looked) >= LOOK_INTERVAL;
        if looks {
            self.looked = now;
        }
        looks
    }

    /// Whether `own` is to make it: the owner has other work if there is anybody else, unless that server does not come to it.
    pub(crate) fn is_mine(
        &self,
        (replica, size, now): (&Replica, u64, Instant),
        own: &ServerCard,
        owner: Option<&ServerCard>,
        servers: &[ServerCard],
    ) -> bool {
        let is_owner = owner.is_some_and(|owner| owner.id == own.id);
        is_first(own, owner, servers) || is_owner && self.lateness(replica, size, now) >= 2.0
    }

    /// Takes note of a snapshot, whoever has made it. `false` if it is the one that was known.
    pub(crate) fn see(&mut self, newest: Option<&SnapshotName>, replica: &Replica, now: Instant) -> bool {
        let Some(name) = newest.filter(|name| name.at > self.at) else { return false };
        (self.at, self.bytes, self.seen) = (name.at, replica.bytes(), now);
        true
    }

    /// How many times as much, or as long, as it takes for the next snapshot.
    fn lateness(&self, replica: &Replica, size: u64, now: Instant) -> f64 {
        let come = replica.bytes().saturating_sub(self.bytes) as f64 / SNAPSHOT_BYTES.max(size) as f64;
        let time = now.saturating_duration_since(self.seen).as_secs_f64() / SNAPSHOT_INTERVAL.as_secs_f64();
        if replica.reached() > self.at { come.max(time) } else { 0.0 }
    }
}

/// Whether `own` comes first among those that are not the owner, or is alone.
fn is_first(own: &ServerCard, owner: Option<&ServerCard>, servers: &[ServerCard]) -> bool {
    let is_owner = |card: &&ServerCard| owner.is_some_and(|owner| owner.id == card.id);
    let standby = servers.iter().filter(|card| !is_owner(card)).min_by_key(|card| card.id);
    standby.map_or_else(|| is_owner(&own), |standby| standby.id == own.id)
}

/// Keeps the data as it is as a snapshot, unless there is one of the same place.
pub(crate) fn keep(engine: &dyn Engine, replica: &Replica, directory: &Path) -> Result<SnapshotName, ClusterError> {
    let copy = directory.join(COPY);
    remove(&copy)?;
    let place = replica.copy(&copy)?;
    private(&copy).map_err(|problem| ClusterError::directory(&copy, problem))?;
    let name = SnapshotName { at: place.at, hash: place.hash };
    let kept = match engine.snapshots()?.contains(&name) {
        true => Ok(()),
        false => engine.put_snapshot(&name, &copy),
    };
    remove(&copy)?;
    kept?;
    Ok(name)
}

/// Makes a snapshot. The log is then trimmed up to the one before, so that servers that are a little behind can go on.
pub(crate) fn make(engine: &dyn Engine, replica: &Replica, directory: &Path) -> Result<(), ClusterError> {
    let name = keep(engine, replica, directory)?;
    tracing::info!(snapshot = %name, "a snapshot was made");
    let snapshots = upto(engine.snapshots()?, name.at);
    if let Some(oldest) = snapshots.get(KEPT - 1) {
        engine.trim(oldest.at + 1)?;
    }
    for name in snapshots.iter().skip(KEPT) {
        engine.remove_snapshot(name)?;
    }
    Ok(())
}

/// Those that go no further than `at`, to which there is a whole one. What does may be of records that the log has lost, and would take the place
/// of one that is of use.
fn upto(mut snapshots: Vec<SnapshotName>, at: u64) -> Vec<SnapshotName> {
    snapshots.retain(|name| name.at <= at);
    snapshots
}

/// How often it is looked whether there is a newer snapshot, once one is due: making one may take minutes.
const LOOK_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How many snapshots are kept.
const KEPT: usize = 2;

/// After how many bytes of records a snapshot is made, unless the data has more: so the log and its snapshots take a few times as much as the data.
const SNAPSHOT_BYTES: u64 = 256 * 1024 * 1024;

/// After what time a snapshot is made, however little has come: texts that were deleted are in the log until it is trimmed.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

#[cfg(test)]
mod tests {
    use chat_lib::server::ServerId;

    use super::*;

    fn card(number: u8) -> ServerCard {
        ServerCard {
            id: ServerId::from_bytes([number; 16]),
            name: number.to_string(),
            address: None,
            version: String::new(),
            applied: 0,
            serves: true,
        }
    }

    #[test]
    fn a_snapshot_of_what_was_lost_takes_no_place() {
        let names =
            |places: &[u64]| -> Vec<_> { places.iter().map(|at| SnapshotName { at: *at, hash: [0; 32] }).collect() };
        assert_eq!(upto(names(&[1000, 990, 950, 900]), 950), names(&[950, 900]));
    }

    #[test]
    fn one_server_makes_a_snapshot_and_not_the_owner_if_there_is_another() {
        let all = [card(1), card(2), card(3)];
        let makers = |owner: &ServerCard, servers: &[ServerCard]| -> Vec<String> {
            let mine = servers.iter().filter(|own| is_first(own, Some(owner), servers));
            mine.map(|card| card.name.clone()).collect()
        };
        assert_eq!(makers(&card(1), &all), ["2"]);
        assert_eq!(makers(&card(3), &all), ["1"]);
        assert_eq!(makers(&card(1), &all[..1]), ["1"]);
        assert!(!is_first(&card(1), None, &[]), "nobody knows");
    }
}
