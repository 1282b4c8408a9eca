//! The table of what handles stand for. Each process has its own: a child of `fork()` starts with an empty one, so that it
//! neither frees what belongs to its parent, nor waits for a lock that was held by a thread that it does not have.

use std::ffi::c_int;
use std::ptr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use slotmap::{DefaultKey, SlotMap};

use crate::handle::Object;

/// What the handles of a process stand for.
#[derive(Default)]
pub(crate) struct Table {
    /// How many forks there were since the first process that used the library.
    pub(crate) generation: u64,
    pub(crate) objects: RwLock<SlotMap<DefaultKey, Object>>,
}

/// The table of this process.
// In line, with `handle::get`.
#[inline(always)]
pub(crate) fn table() -> &'static Table {
    // SAFETY: it is NULL or a table, and a table is never freed.
    match unsafe { TABLE.load(Ordering::Acquire).as_ref() } {
        Some(table) => table,
        None => make(),
    }
}

#[cold]
fn make() -> &'static Table {
    let generation = GENERATION.load(Ordering::Relaxed);
    if generation == 0 {
        // A child has its parent's handler. That two threads may come here, and register it twice, does no harm; and
        // when the system has no memory for it, handles are as invalid in a child as they would be anyway, only not
        // found out. SAFETY: the function does nothing but store atomics.
        unsafe { pthread_atfork(None, None, Some(begin_anew)) };
    }
    let made = Box::into_raw(Box::new(Table { generation, ..Table::default() }));
    let table = match TABLE.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => made,
        Err(others) => {
            // SAFETY: it was made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(made) });
            others
        }
    };
    // SAFETY: as in `table`.
    unsafe { &*table }
}

/// Leaves the parent's table behind, in a child of `fork()`.
extern "C" fn begin_anew() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    PARENTS.store(TABLE.swap(ptr::null_mut(), Ordering::AcqRel), Ordering::Relaxed);
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

/// Kept only so that a leak checker finds it.
static PARENTS: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

static GENERATION: AtomicU64 = AtomicU64::new(0);

type Handler = Option<extern "C" fn()>;

unsafe extern "C" {
    fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
}
