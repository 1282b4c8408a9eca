//! The thread that has a server take part in its cluster. It asks the engine a few times a second who the owner is, follows the log,
//! and takes over when there is no owner.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::Chat;
use chat_lib::server::Relay;
use chat_lib::store::{Replica, ReplicaError};

use crate::snapshots::{self, Snapshots};
use crate::{ClusterError, ClusterStatus, Engine, EngineError, OWNER_PATIENCE, Role, ServerCard};

/// What is known of a server, and whether it is to stop.
pub(crate) struct Shared {
    status: Mutex<ClusterStatus>,
    stopping: AtomicBool,
    wake: Condvar,
}

impl Shared {
    pub(crate) fn new(own: ServerCard) -> Self {
        let status = ClusterStatus {
            own,
            role: Role::Waiting,
            owner: None,
            servers: Vec::new(),
            last: 0,
            takeovers: 0,
            reaches_owner: true,
            problem: None,
        };
        Self { status: Mutex::new(status), stopping: AtomicBool::new(false), wake: Condvar::new() }
    }

    /// Has the thread stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake.notify_all();
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, ClusterStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits, unless it is to stop.
    fn pause(&self, time: Duration) {
        let status = self.status();
        if !self.is_stopping() {
            drop(self.wake.wait_timeout(status, time).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// What the thread works with.
pub(crate) struct Control {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) replica: Replica,
    pub(crate) chat: Chat,
    pub(crate) relay: Relay,
    pub(crate) directory: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) makes_snapshot: Arc<AtomicBool>,
}

impl Control {
    pub(crate) fn run(&self, meet: &dyn Fn(&[ServerCard])) -> Result<(), ClusterError> {
        let mut snapshots = Snapshots::new(&self.replica, Instant::now());
        let mut announced: Option<Instant> = None;
        while !self.shared.is_stopping() {
            let began = Instant::now();
            let mut asked = self.settle_owner();
            if asked.is_ok() && announced.is_none_or(|at| at.elapsed() >= ANNOUNCE_INTERVAL) {
                announced = Some(began);
                let met = self.meet_others(meet).and_then(|()| self.snapshot_if_due(&mut snapshots));
                asked = met.map_err(ClusterError::from);
            }
            match asked.and_then(|()| self.follow_until(began + TICK)) {
                Ok(()) => self.note(None),
                Err(problem) if problem.is_for_good() => {
                    self.relay.set_owner(None);
                    return Err(problem);
                }
                Err(problem) => {
                    self.note(Some(&problem));
                    // The others have their turn, if it is only this server that fails.
                    self.shared.pause(TICK);
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Finds out who the owner is, and takes over if there is none.
    fn settle_owner(&self) -> Result<(), ClusterError> {
        let card = self.card();
        let was_owner = card.serves && self.replica.is_owner();
        // The owner says again that it is; the others look before they try.
        let other = if was_owner { None } else { self.engine.owner()? };
        let owner = match other {
            Some(owner) if owner.id != card.id => owner,
            _ => self.engine.claim(&card)?,
        };
        if owner.id != card.id {
            if self.replica.is_owner() {
                tracing::warn!("another server is the owner now");
                self.replica.step_down();
            }
            self.set_role(if owner.serves { Role::Standby } else { Role::Waiting }, Some(owner));
            return Ok(());
        }
        if self.replica.is_owner() {
            self.set_role(Role::Owner, Some(owner));
            return Ok(());
        }
        self.set_role(Role::Waiting, None);
        if let Err(problem) = self.take_over(&card) {
            self.engine.release(card.id)?;
            return Err(problem.into());
        }
        self.chat.after_takeover();
        self.shared.status().takeovers += 1;
        tracing::info!(record = self.replica.reached(), "this server is the owner now");
        self.set_role(Role::Owner, Some(owner));
        // The others are to know at once.
        self.engine.claim(&self.card())?;
        Ok(())
    }

    /// Takes over, and goes on saying that this is the owner meanwhile: reading what there is of many users takes its time.
    fn take_over(&self, card: &ServerCard) -> Result<(), ReplicaError> {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    if let Err(problem) = self.engine.claim(card) {
                        let reason: &dyn std::error::Error = &problem;
                        tracing::warn!(reason, "the other servers could not be told that this one takes over");
                    }
                }
            });
            let outcome = self.replica.take_over();
            drop(done);
            outcome
        })
    }

    /// Follows the log, or as the owner waits, until then.
    fn follow_until(&self, until: Instant) -> Result<(), ClusterError> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.is_stopping() {
                return Ok(());
            }
            if self.shared.status().role == Role::Owner {
                if !self.replica.is_owner() {
                    self.set_role(Role::Waiting, None);
                    return Ok(());
                }
                self.shared.pause(left.min(OWNER_CHECK));
                continue;
            }
            self.replica.follow(left)?;
        }
    }

    fn meet_others(&self, meet: &dyn Fn(&[ServerCard])) -> Result<(), EngineError> {
        self.engine.announce(&self.card())?;
        let servers = self.engine.servers()?;
        meet(&servers);
        let reached = self.replica.reached();
        let last = self.engine.last().map_err(EngineError::new)?;
        let is_owner = {
            let mut status = self.shared.status();
            (status.servers, status.last) = (servers, last);
            status.role == Role::Owner
        };
        // An owner finds out when it appends, and puts back what it can.
        match last < reached && !is_owner {
            true => {
                Err(EngineError::new(format!("the log has {last} records, and this server has had {reached} of it")))
            }
            false => Ok(()),
        }
    }

    fn snapshot_if_due(&self, snapshots: &mut Snapshots) -> Result<(), EngineError> {
        let now = Instant::now();
        let size = std::fs::metadata(self.directory.join("chat.db")).map_or(0, |file| file.len());
        let is_busy = self.makes_snapshot.load(Ordering::Acquire);
        if is_busy || !snapshots.is_due(&self.replica, size, now) {
            return Ok(());
        }
        if snapshots.see(self.engine.snapshots()?.first(), &self.replica, now) {
            return Ok(());
        }
        let is_mine = {
            let ClusterStatus { own, owner, servers, .. } = &*self.shared.status();
            snapshots.is_mine((&self.replica, size, now), own, owner.as_ref(), servers)
        };
        if is_mine {
            self.start_snapshot();
        }
        Ok(())
    }

    fn start_snapshot(&self) {
        // It takes as long as it takes to send the data, and the owner has to be asked for meanwhile.
        self.makes_snapshot.store(true, Ordering::Release);
        let (engine, replica, directory) = (Arc::clone(&self.engine), self.replica.clone(), self.directory.clone());
        let makes_snapshot = Arc::clone(&self.makes_snapshot);
        let spawned = thread::Builder::new().name("snapshot".to_owned()).spawn(move || {
            if let Err(problem) = snapshots::make(&*engine, &replica, &directory) {
                let reason: &dyn std::error::Error = &problem;
                tracing::error!(reason, "no snapshot could be made; the log is not trimmed");
            }
            makes_snapshot.store(false, Ordering::Release);
        });
        if let Err(problem) = spawned {
            self.makes_snapshot.store(false, Ordering::Release);
            tracing::error!(%problem, "the system has no thread for a snapshot");
        }
    }

    /// The server as it is now.
    fn card(&self) -> ServerCard {
        let reaches_owner = self.relay.reaches_owner();
        let mut status = self.shared.status();
        status.reaches_owner = reaches_owner;
        let serves = status.role == Role::Owner;
        status.own.applied = self.replica.reached();
        status.own.serves = serves;
        status.own.clone()
    }

    fn set_role(&self, role: Role, owner: Option<ServerCard>) {
        let serving = owner.as_ref().filter(|_| role != Role::Waiting).map(|owner| owner.id);
        {
            let mut status = self.shared.status();
            status.own.applied = self.replica.reached();
            (status.role, status.owner) = (role, owner);
        }
        self.relay.set_owner(serving);
    }

    fn note(&self, problem: Option<&ClusterError>) {
        let problem = problem.map(|problem| chat_lib::with_reasons(problem));
        let mut status = self.shared.status();
        if status.problem != problem {
            match &problem {
                Some(problem) => tracing::warn!(problem, "the server cannot take its part in the cluster for now"),
                None => tracing::info!("the server takes its part in the cluster again"),
            }
            status.problem = problem;
        }
    }

    /// Lets another server be the owner.
    fn leave(&self) {
        self.relay.set_owner(None);
        self.replica.step_down();
        let id = self.shared.status().own.id;
        if let Err(problem) = self.engine.release(id) {
            let reason: &dyn std::error::Error = &problem;
            tracing::warn!(reason, "the other servers could not be told that this one stops");
        }
    }
}

/// How often it is asked who is the owner.
const TICK: Duration = Duration::from_millis(500);

/// How often an owner looks whether it still is, as far as its store knows.
const OWNER_CHECK: Duration = Duration::from_millis(50);

/// How often a server says that it is there: three times before it is forgotten.
const ANNOUNCE_INTERVAL: Duration = OWNER_PATIENCE;

#[cfg(test)]
mod tests;
