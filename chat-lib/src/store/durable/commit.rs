//! The commit protocol: state in memory that many threads change in batches, and a target that the changes are written to,
//! for all of them at once. It knows nothing of what is kept.
//!
//! - *Gate.* Every open batch holds it shared. Whoever takes changes out of the state holds it alone, so that a commit never
//!   splits a batch.
//! - *Group commit.* Of the threads that want to commit, the first one writes what all of them have changed.
//! - *Undo.* If a commit fails, the state is read back from the target. Everything that was changed since the last commit is
//!   undone with it, and the commits of all whose changes these were fail. The time from one such failure to the next is
//!   a [`Generation`].
//!
//! Lock order: `writing` → `gate` → `state`.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::Error;
use crate::store::CommitError;

/// State in memory whose changes can be taken out.
pub(super) trait State: Send {
    /// What is written for a commit.
    type Record;

    /// The number of changes so far.
    fn changes(&self) -> u64;

    /// Takes out what has changed since the last time. `complete` includes what could be written later.
    fn take(&mut self, complete: bool) -> Self::Record;

    /// Counts a change that there is not, so that a commit is made.
    fn promise(&mut self);

    /// Takes note that what was taken out is stored.
    fn stored(&mut self, record: &Self::Record);

    /// Takes the place of `old` after a commit has failed.
    fn replace(&mut self, old: &mut Self);
}

/// Where the changes go.
pub(super) trait Target: Send + Sync {
    type State: State;

    /// Stores all of a record or nothing.
    fn commit(&self, record: &<Self::State as State>::Record) -> Result<(), CommitError>;

    /// Fails if nothing can be committed now, whatever it is.
    fn check_open(&self) -> Result<(), Error>;

    /// Whether also those who have changed nothing may only go on once a commit was made that began after they came.
    fn proves_reads(&self) -> bool;

    /// What is stored, after a commit has failed. Fails as long as that is not known.
    fn load(&self) -> Result<Self::State, Error>;
}

/// State and target, and what keeps them together.
pub(super) struct GroupCommit<T: Target> {
    pub(super) target: T,
    /// Held by whoever writes to the target.
    writing: Mutex<()>,
    gate: RwLock<()>,
    state: Mutex<Current<T::State>>,
}

struct Current<S> {
    state: S,
    generation: Arc<Generation>,
}

/// A batch that is open.
#[must_use = "steps that are not committed are no promise"]
pub(super) struct Open<'a> {
    #[expect(dead_code, reason = "it is held, not read")]
    gate: RwLockReadGuard<'a, ()>,
    /// Something could be committed when it was begun. If that has changed, its commit will tell.
    pub(super) is_admitted: bool,
}

impl<T: Target> GroupCommit<T> {
    pub(super) fn new(target: T, state: T::State) -> Self {
        let state = Mutex::new(Current { state, generation: Arc::default() });
        Self { target, writing: Mutex::new(()), gate: RwLock::new(()), state }
    }

    /// The state, which nobody else changes meanwhile.
    pub(super) fn state(&self) -> impl DerefMut<Target = T::State> {
        StateGuard(self.current())
    }

    /// Begins a batch. If the last commit failed and cannot be undone even now, this batch's will fail, too.
    pub(super) fn begin(&self) -> Open<'_> {
        if self.current().generation.is_over() && self.target.check_open().is_ok() {
            self.recover().ok();
        }
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        Open { gate, is_admitted: self.target.check_open().is_ok() }
    }

    /// Ends a batch that has done steps, and waits until what it has changed and seen is stored.
    pub(super) fn commit(&self, batch: Open<'_>) -> Result<(), CommitError> {
        if self.target.proves_reads() {
            self.current().state.promise();
        }
        self.commit_changes(batch)
    }

    /// Ends a batch that has told nobody anything.
    fn commit_changes(&self, batch: Open<'_>) -> Result<(), CommitError> {
        let (generation, changes) = {
            let Current { state, generation } = &*self.current();
            (Arc::clone(generation), state.changes())
        };
        drop(batch);
        if generation.has(changes) {
            return Ok(());
        }
        let outcome = {
            let _writing = self.writing();
            match generation {
                generation if generation.has(changes) => return Ok(()),
                generation if generation.is_over() => Err(generation.loss(changes)),
                _ => self.write(false),
            }
        };
        outcome.map_err(|problem| {
            // If this fails, the next batch tries again.
            self.recover().ok();
            match (problem, self.target.check_open()) {
                (CommitError::Undone(_), Err(closed)) => CommitError::Undone(closed),
                (problem, _) => problem,
            }
        })
    }

    /// Stores all changes that there are.
    pub(super) fn flush(&self) -> Result<(), CommitError> {
        self.commit_changes(self.begin())
    }

    /// Calls `look` with the state while no batch is open and everything is stored. Changes that cannot be stored are undone,
    /// so that what is on a full disk can still be read.
    pub(super) fn freeze<R>(&self, look: impl FnOnce(&mut T::State) -> R) -> Result<R, Error> {
        let _writing = self.writing();
        let _gate = self.close_gate();
        self.reload_if_over()?;
        let (generation, changes, record) = self.take(false)?;
        if let Err(problem) = self.put(&generation, changes, &record) {
            // The threads that made these changes learn only that they were undone.
            let reason: &dyn std::error::Error = &problem;
            tracing::error!(reason, "changes could not be stored");
            self.reload_if_over()?;
        }
        Ok(look(&mut self.current().state))
    }

    /// Stores everything, also what could be written later, and then works on the target while nobody else writes to it.
    pub(super) fn settle(&self, work: impl FnOnce(&T) -> Result<(), Error>) -> Result<(), Error> {
        let _writing = self.writing();
        self.write(true)?;
        work(&self.target)
    }

    /// Reads back what is stored, if that has to be done.
    pub(super) fn reopen(&self) -> Result<(), Error> {
        self.recover()
    }

    /// If `work` says so, undoes what is not stored, and all that follows until the target is open again. `work` is done while
    /// nobody writes to the target.
    pub(super) fn close_if(&self, work: impl FnOnce(&T) -> bool) {
        let _writing = self.writing();
        if !work(&self.target) {
            return;
        }
        let Current { state, generation } = &*self.current();
        if !generation.is_over() {
            generation.end(state.changes(), false);
        }
    }

    /// Undoes what is not stored, as after a failed commit.
    pub(super) fn fail(&self) {
        let Current { state, generation } = &*self.current();
        if !generation.is_over() {
            generation.end(state.changes(), false);
        }
    }

    /// Works on the target while nobody else writes to it.
    pub(super) fn beside<R>(&self, work: impl FnOnce(&T) -> R) -> R {
        let _writing = self.writing();
        work(&self.target)
    }

    fn current(&self) -> MutexGuard<'_, Current<T::State>> {
        // Nothing in it panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no batch is open, and keeps it so.
    fn close_gate(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// `writing` must be held.
    fn write(&self, complete: bool) -> Result<(), CommitError> {
        let (generation, changes, record) = {
            let _gate = self.close_gate();
            self.take(complete).map_err(CommitError::Undone)?
        };
        self.put(&generation, changes, &record)
    }

    fn take(&self, complete: bool) -> Result<(Arc<Generation>, u64, Record<T>), Error> {
        let Current { state, generation } = &mut *self.current();
        if generation.is_over() {
            return Err(lost());
        }
        let record = state.take(complete);
        Ok((Arc::clone(generation), state.changes(), record))
    }

    fn put(&self, generation: &Generation, changes: u64, record: &Record<T>) -> Result<(), CommitError> {
        match self.target.commit(record) {
            Ok(()) => {
                self.current().state.stored(record);
                generation.reach(changes);
                Ok(())
            }
            Err(problem) => {
                generation.end(changes, matches!(problem, CommitError::Unknown(_)));
                Err(problem)
            }
        }
    }

    /// Reads back what is stored, once no batch is open.
    fn recover(&self) -> Result<(), Error> {
        let _writing = self.writing();
        let _gate = self.close_gate();
        self.reload_if_over()
    }

    /// `writing` and the gate must be held.
    fn reload_if_over(&self) -> Result<(), Error> {
        if self.current().generation.is_over() {
            let mut loaded = self.target.load()?;
            let mut current = self.current();
            loaded.replace(&mut current.state);
            *current = Current { state: loaded, generation: Arc::default() };
        }
        Ok(())
    }
}

type Record<T> = <<T as Target>::State as State>::Record;

struct StateGuard<'a, S>(MutexGuard<'a, Current<S>>);

impl<S> Deref for StateGuard<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> DerefMut for StateGuard<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0.state
    }
}

/// The time from one failed commit to the next.
#[derive(Default)]
struct Generation {
    /// All changes up to this one are stored.
    stored: AtomicU64,
    /// All changes up to this one were in the commit that failed.
    tried: AtomicU64,
    end: AtomicU8,
}

impl Generation {
    fn has(&self, changes: u64) -> bool {
        self.stored.load(Ordering::Acquire) >= changes
    }

    fn reach(&self, changes: u64) {
        self.stored.store(changes, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        self.end.load(Ordering::Acquire) != LIVE
    }

    fn end(&self, tried: u64, unknown: bool) {
        self.tried.store(tried, Ordering::Relaxed);
        self.end.store(if unknown { UNKNOWN } else { UNDONE }, Ordering::Release);
    }

    /// Why changes up to this one cannot be promised. They are not known to be stored.
    fn loss(&self, changes: u64) -> CommitError {
        let unknown = self.end.load(Ordering::Acquire) == UNKNOWN && changes <= self.tried.load(Ordering::Relaxed);
        if unknown { CommitError::Unknown(lost()) } else { CommitError::Undone(lost()) }
    }
}

const LIVE: u8 = 0;
const UNDONE: u8 = 1;
const UNKNOWN: u8 = 2;

fn lost() -> Error {
    Error::Storage("the commit of another thread failed, and this was part of it or came after it".into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// A list of numbers.
    #[derive(Default)]
    struct Numbers {
        all: Vec<u32>,
        new: Vec<u32>,
    }

    impl Numbers {
        fn push(&mut self, number: u32) {
            self.all.push(number);
            self.new.push(number);
        }
    }

    impl State for Numbers {
        type Record = Vec<u32>;

        fn changes(&self) -> u64 {
            self.all.len() as u64
        }

        fn take(&mut self, _complete: bool) -> Vec<u32> {
            std::mem::take(&mut self.new)
        }

        fn promise(&mut self) {}

        fn stored(&mut self, _record: &Vec<u32>) {}

        fn replace(&mut self, _old: &mut Self) {}
    }

    #[derive(Default)]
    struct Paper {
        written: Mutex<Vec<Vec<u32>>>,
        fails: AtomicBool,
        unknown: AtomicBool,
    }

    impl Target for Paper {
        type State = Numbers;

        fn commit(&self, record: &Vec<u32>) -> Result<(), CommitError> {
            if self.fails.load(Ordering::Relaxed) {
                return Err(CommitError::Undone(Error::Busy));
            }
            self.written.lock().unwrap().push(record.clone());
            match self.unknown.swap(false, Ordering::Relaxed) {
                true => Err(CommitError::Unknown(Error::Busy)),
                false => Ok(()),
            }
        }

        fn check_open(&self) -> Result<(), Error> {
            Ok(())
        }

        fn proves_reads(&self) -> bool {
            false
        }

        fn load(&self) -> Result<Numbers, Error> {
            Ok(Numbers { all: self.written.lock().unwrap().concat(), new: Vec::new() })
        }
    }

    fn group() -> GroupCommit<Paper> {
        GroupCommit::new(Paper::default(), Numbers::default())
    }

    #[test]
    fn one_commit_takes_what_all_ended_batches_have_changed() {
        let group = group();
        let (one, other) = (group.begin(), group.begin());
        group.state().push(1);
        drop(one);
        group.state().push(2);
        group.commit(other).unwrap();
        assert_eq!(*group.target.written.lock().unwrap(), [[1, 2]]);
        group.flush().unwrap();
        assert_eq!(group.target.written.lock().unwrap().len(), 1, "nothing has changed");
    }

    #[test]
    fn a_commit_waits_for_batches_that_are_open() {
        let group = group();
        let open = group.begin();
        group.state().push(1);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let batch = group.begin();
                group.state().push(2);
                group.commit(batch)
            });
            // Long enough for it to commit what it must not.
            (0..100_000).for_each(|_| std::thread::yield_now());
            group.state().push(3);
            group.commit(open).unwrap();
            other.join().unwrap().unwrap();
        });
        let written = group.target.written.lock().unwrap().concat();
        assert_eq!(written.len(), 3);
        assert!(group.target.written.lock().unwrap().iter().all(|record| !record.is_empty()));
    }

    #[test]
    fn a_failed_commit_undoes_what_came_since_the_last_one() {
        let group = group();
        let batch = group.begin();
        group.state().push(1);
        group.commit(batch).unwrap();
        group.target.fails.store(true, Ordering::Relaxed);
        let batch = group.begin();
        group.state().push(2);
        assert!(matches!(group.commit(batch), Err(CommitError::Undone(_))));
        assert_eq!(group.state().all, [1]);
        group.target.fails.store(false, Ordering::Relaxed);
        let batch = group.begin();
        group.state().push(3);
        group.commit(batch).unwrap();
        assert_eq!(group.target.written.lock().unwrap().concat(), [1, 3]);
    }

    #[test]
    fn after_an_unknown_outcome_the_state_is_what_is_stored() {
        let group = group();
        group.target.unknown.store(true, Ordering::Relaxed);
        let batch = group.begin();
        group.state().push(1);
        assert!(matches!(group.commit(batch), Err(CommitError::Unknown(_))));
        assert_eq!(group.state().all, [1]);
    }

    #[test]
    fn only_what_was_in_the_lost_record_is_unknown() {
        let generation = Generation::default();
        generation.end(5, true);
        assert!(matches!(generation.loss(5), CommitError::Unknown(_)));
        assert!(matches!(generation.loss(6), CommitError::Undone(_)));
    }

    #[test]
    fn what_is_frozen_is_stored_or_undone() {
        let group = group();
        group.state().push(1);
        assert_eq!(group.freeze(|state| state.all.clone()).unwrap(), [1]);
        assert_eq!(group.target.written.lock().unwrap().concat(), [1]);
        group.state().push(2);
        group.target.fails.store(true, Ordering::Relaxed);
        assert_eq!(group.freeze(|state| state.all.clone()).unwrap(), [1]);
    }

    /// A thread whose changes another one had committed was told so before readers could see them.
    #[test]
    fn readers_see_what_is_committed_before_anybody_is_told() {
        let group = group();
        group.state().push(1);
        let (generation, changes, record) = group.take(false).unwrap();
        let state = group.state();
        std::thread::scope(|scope| {
            let put = scope.spawn(|| group.put(&generation, changes, &record));
            // Long enough for it to tell what it must not.
            for _ in 0..100_000 {
                assert!(!generation.has(changes));
                std::thread::yield_now();
            }
            drop(state);
            put.join().unwrap().unwrap();
        });
        assert!(generation.has(changes));
    }
}
