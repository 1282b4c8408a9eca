//! The background thread: checkpoints, a sync once a second, compaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::KeepRead;
use super::core::Core;
use super::retention::Retention;
use crate::error::Error;
use crate::limits::{CHECKPOINT_BYTES, PURGE_INTERVAL, SWEEP_BYTES, SWEEP_INTERVAL, UPKEEP_INTERVAL};
use crate::priority::give_way;

/// The background thread. When it is dropped, it leaves everything tidy.
pub(super) struct Upkeep {
    core: Arc<Core>,
    /// How many bytes of messages were read since the last sweep.
    read: Arc<AtomicUsize>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread; a fork of it has not.
    process: u32,
}

impl Upkeep {
    /// `syncs` has it sync in every interval.
    pub(super) fn start(core: Arc<Core>, retention: Arc<Retention>, syncs: bool) -> Result<Self, Error> {
        let (wake, wakes) = sync_channel(1);
        let work = Work::new(Arc::clone(&core), retention, syncs, Instant::now());
        let read = Arc::clone(&work.read);
        let thread = thread::Builder::new()
            .name("chat-upkeep".to_owned())
            .spawn(move || work.run(&wakes))
            .map_err(|problem| Error::no_thread(&problem))?;
        Ok(Self { core, read, wake: Some(wake), thread: Some(thread), process: std::process::id() })
    }

    /// Takes note that so many bytes of messages were read.
    pub(super) fn read(&self, bytes: usize) {
        // A message without text takes room, too.
        self.read.fetch_add(bytes + 1, Ordering::Relaxed);
    }

    /// Takes note of a commit.
    pub(super) fn committed(&self) {
        if self.core.disk().untidied.load(Ordering::Relaxed) >= CHECKPOINT_BYTES
            && let Some(wake) = &self.wake
        {
            // If it is awake already, that will do.
            wake.try_send(()).ok();
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget((self.wake.take(), self.thread.take()));
            return;
        }
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's upkeep has panicked");
        }
    }
}

/// What the thread does, whatever time it is.
pub(super) struct Work {
    core: Arc<Core>,
    retention: Arc<Retention>,
    syncs: bool,
    read: Arc<AtomicUsize>,
    /// What was written when the last sync began.
    synced: u64,
    /// The bytes of messages that the last sweep left.
    left: usize,
    swept: Instant,
    /// How much was written by then.
    swept_written: u64,
    purged: Instant,
    /// Whether what was not read at the start is read now.
    loads: bool,
}

impl Work {
    pub(super) fn new(core: Arc<Core>, retention: Arc<Retention>, syncs: bool, now: Instant) -> Self {
        // What was read before the last stop is to be swept, too.
        let read = Arc::new(AtomicUsize::new(1));
        Self {
            core,
            retention,
            syncs,
            read,
            synced: 0,
            left: 0,
            swept: now,
            swept_written: 0,
            purged: now,
            loads: loads(),
        }
    }

    fn run(mut self, wakes: &Receiver<()>) {
        give_way();
        let mut next = Instant::now() + UPKEEP_INTERVAL;
        loop {
            let wait = if self.load_more() { Duration::ZERO } else { next.saturating_duration_since(Instant::now()) };
            let woken = wakes.recv_timeout(wait);
            let (now, over) = (Instant::now(), woken == Err(RecvTimeoutError::Disconnected));
            if woken.is_err() && !over && now < next {
                continue;
            }
            next = now + UPKEEP_INTERVAL;
            let outcome = if over { self.core.finish() } else { self.turn(now) };
            // It is another server's work by now.
            if let Err(problem) = outcome
                && !matches!(problem, Error::Busy)
            {
                let reason: &dyn std::error::Error = &problem;
                tracing::error!(reason, "the store could not look after its files");
            }
            if over {
                return;
            }
        }
    }

    /// Has some more in memory of what was not read at the start. Returns whether there may be more.
    fn load_more(&mut self) -> bool {
        if !self.loads {
            return false;
        }
        let outcome = self.core.load_more();
        if let Err(problem) = &outcome {
            let reason: &dyn std::error::Error = problem;
            tracing::error!(reason, "the data cannot be read, so nothing can be done with it any more");
            self.loads = false;
        }
        outcome.unwrap_or(false)
    }

    pub(super) fn turn(&mut self, now: Instant) -> Result<(), Error> {
        if self.core.backend().check_open().is_err() {
            // Another server looks after the data, and this one after its files.
            return if self.core.disk().untidied.load(Ordering::Relaxed) >= CHECKPOINT_BYTES {
                self.core.disk().untidied.store(0, Ordering::Relaxed);
                self.core.group.beside(|disk| disk.backend.tidy())
            } else {
                Ok(())
            };
        }
        self.core.state().index.set_retention_time(self.retention.time(now));
        // Nobody waits for changes that are left uncommitted this long, but they should become durable at some point.
        let flush = || self.core.group.flush().map_err(Error::from);
        if let Err(problem) = self.core.group.beside(|disk| disk.backend.recover()).and_then(|()| flush()) {
            // On a full disk, the log may find room in itself once it was brought into the database.
            self.core.backend().tidy()?;
            return Err(problem);
        }
        let written = self.core.disk().written.load(Ordering::Relaxed);
        if self.syncs && written != self.synced {
            if self.core.backend().sync().is_err() {
                // The system takes what it could not write for written; copying it writes it again.
                self.core.tidy()?;
            }
            self.synced = written;
        }
        if self.core.disk().untidied.load(Ordering::Relaxed) >= CHECKPOINT_BYTES {
            self.core.tidy()?;
        }
        if now.saturating_duration_since(self.purged) >= PURGE_INTERVAL && self.core.needs_purge() {
            self.core.purge()?;
            self.purged = now;
        }
        let read = self.read.load(Ordering::Relaxed);
        let keep = self.retention.keep;
        let is_limited = keep.is_limited() || self.core.state().index.has_limited_rooms();
        let due = match self.retention.keep_read {
            KeepRead::Everything => return Ok(()),
            KeepRead::Forever if !is_limited => return Ok(()),
            KeepRead::Forever => true,
            KeepRead::No => read > 0 || is_limited || self.core.state().index.has_room_messages(),
            KeepRead::For(_) => true,
        };
        let overdue = due && now.saturating_duration_since(self.swept) >= SWEEP_INTERVAL;
        let much = SWEEP_BYTES.max(self.left);
        let has_grown = is_limited && written - self.swept_written >= much as u64;
        if !(overdue || has_grown || read >= much) {
            return Ok(());
        }
        if let Some(left) = self.core.compact(now, keep, self.retention.keeps(now))? {
            self.read.fetch_sub(read, Ordering::Relaxed);
            (self.swept, self.swept_written) = (now, written);
            self.left = left;
        }
        Ok(())
    }
}

/// Always, unless a test wants what has not been read yet.
fn loads() -> bool {
    #[cfg(test)]
    return super::tests::READING.get() != super::tests::Reading::WhenNeeded;
    #[cfg(not(test))]
    true
}
