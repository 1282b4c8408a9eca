//! Group commit: whoever comes first writes what all have changed, and a commit that fails is undone
//! for all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use super::disk::{Disk, Write};
use super::epoch::Epoch;
use super::state::{Batch, State};
use crate::error::Error;
use crate::store::Group;

/// A disk, and what is held in memory of it.
///
/// Lock order: `sweeping` → `writing` → `gate` → `state`.
pub(super) struct Shared {
    pub(super) disk: Box<dyn Disk>,
    /// Held shared by whoever reads the log from end to end and needs it to stay, for as long as a dump's reader may
    /// take; and alone by who thins it, who does not wait for it.
    pub(super) sweeping: RwLock<()>,
    /// Held by who writes to the disk.
    writing: Mutex<()>,
    /// Held shared by every group of steps, and alone by who must see no group half done.
    gate: RwLock<()>,
    state: Mutex<State>,
    /// The disk may have what it failed to sync, and would find it after a crash; what is written next takes its place.
    tainted: AtomicBool,
    /// About how many bytes were written to the disk, and how many of them since it was tidied.
    pub(super) written: AtomicU64,
    pub(super) untidied: AtomicU64,
}

impl Shared {
    pub(super) fn new(disk: Box<dyn Disk>) -> Result<Self, Error> {
        let state = State::load(&*disk)?;
        if !state.is_whole() {
            let what = "a dump was being restored into it and that was not finished; remove it and restore again";
            return Err(disk.damage(what));
        }
        Ok(Self {
            disk,
            sweeping: RwLock::new(()),
            writing: Mutex::new(()),
            gate: RwLock::new(()),
            state: Mutex::new(state),
            tainted: AtomicBool::new(false),
            written: AtomicU64::new(0),
            untidied: AtomicU64::new(0),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If the last commit failed and cannot be undone even now, this group's will fail, too.
    pub(super) fn begin(&self) -> Group<'_> {
        if self.state().epoch.is_over() {
            self.recover().ok();
        }
        Group(Some(self.gate.read().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn commit(&self, group: Group<'_>) -> Result<(), Error> {
        let (epoch, changes) = {
            let state = self.state();
            (Arc::clone(&state.epoch), state.changes())
        };
        drop(group);
        let outcome = {
            let _writing = self.writing();
            match epoch {
                epoch if epoch.has(changes) => return Ok(()),
                epoch if epoch.is_over() => Err(lost()),
                _ => self.write(false),
            }
        };
        if outcome.is_err() {
            // If this fails, it is tried again by the next who begins.
            self.recover().ok();
        }
        outcome
    }

    /// Writes all changes that there are, whosever they are.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.commit(self.begin())
    }

    /// Shows the state at a moment when no group is half done and all is on the disk. What cannot be written is undone:
    /// a full disk can still be read.
    pub(super) fn freeze<T>(&self, look: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let _writing = self.writing();
        let _gate = self.no_group();
        self.reload_if_over()?;
        if !self.disk.is_read_only() {
            let (epoch, batch) = self.take(false)?;
            if self.put(&epoch, batch).is_err() {
                self.reload_if_over()?;
            }
        }
        Ok(look(&mut self.state()))
    }

    /// Writes over what the disk failed to sync, if that was not done at once.
    pub(super) fn clean(&self) -> Result<(), Error> {
        if !self.tainted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _writing = self.writing();
        self.overwrite()
    }

    /// Writes changes to the disk that are none of the state's.
    pub(super) fn write_beside(&self, writes: &[Write]) -> Result<(), Error> {
        let _writing = self.writing();
        self.disk.commit(writes)
    }

    /// Has the disk tidy up, beside the commits; and then what came meanwhile, while there are none. Only
    /// then can SQLite's write-ahead log start anew, instead of growing. With the log go the sums that
    /// SQLite keeps in it, so what it held is summed up before.
    pub(super) fn tidy(&self) -> Result<(), Error> {
        let untidied = self.untidied.swap(0, Ordering::Relaxed);
        let outcome = self.disk.tidy().and_then(|()| {
            let _writing = self.writing();
            self.write(true)?;
            self.disk.tidy()
        });
        if outcome.is_err() {
            self.untidied.fetch_add(untidied, Ordering::Relaxed);
        }
        outcome
    }

    /// Writes down where mailboxes end, and brings all into the database: the next start has nothing to do.
    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.disk.is_read_only() {
            return Ok(());
        }
        self.freeze(|state| state.account())?;
        self.flush()?;
        self.tidy()
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_group(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what there is, and a summary if need be or if it is `summed_up`. `writing` must be held.
    fn write(&self, summed_up: bool) -> Result<(), Error> {
        let (epoch, batch) = {
            // A commit never splits a group: one half would stay if the commit of the other half failed.
            let _gate = self.no_group();
            self.take(summed_up)?
        };
        self.put(&epoch, batch)
    }

    fn take(&self, summed_up: bool) -> Result<(Arc<Epoch>, Batch), Error> {
        let mut state = self.state();
        if state.epoch.is_over() {
            return Err(lost());
        }
        Ok((Arc::clone(&state.epoch), state.take_batch(summed_up)))
    }

    fn put(&self, epoch: &Epoch, batch: Batch) -> Result<(), Error> {
        let Batch { writes, changes, last_group, bytes } = batch;
        if let Err(problem) = self.disk.commit(&writes) {
            let reason: &dyn std::error::Error = &problem;
            tracing::error!(reason, "nothing since the last commit could be written; it is undone and refused");
            epoch.end();
            return Err(problem);
        }
        epoch.reach(changes);
        if !writes.is_empty() {
            self.tainted.store(false, Ordering::Relaxed);
        }
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.untidied.fetch_add(bytes, Ordering::Relaxed);
        self.state().committed(last_group);
        Ok(())
    }

    /// Goes back to what the disk holds, once no group is under way.
    fn recover(&self) -> Result<(), Error> {
        let _writing = self.writing();
        let _gate = self.no_group();
        self.reload_if_over()
    }

    /// `writing` and the gate must be held.
    fn reload_if_over(&self) -> Result<(), Error> {
        if self.state().epoch.is_over() {
            self.tainted.store(!self.disk.is_read_only(), Ordering::Relaxed);
            // A disk that cannot be written to can still be read.
            self.overwrite().ok();
            let mut loaded = State::load(&*self.disk)?;
            let mut state = self.state();
            loaded.receipts = std::mem::take(&mut state.receipts);
            *state = loaded;
        }
        Ok(())
    }

    fn overwrite(&self) -> Result<(), Error> {
        if self.tainted.load(Ordering::Relaxed) {
            self.disk.commit(&[Write::Summary(self.disk.summary()?)])?;
            self.tainted.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn lost() -> Error {
    Error::Storage("a commit failed, and this was undone with it".into())
}
