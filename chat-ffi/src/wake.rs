//! Callbacks that tell a program's loop that there is something to do.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

/// A callback that tells a program's own loop to look again. It should only signal that: write to a pipe or an eventfd, post a
/// semaphore, set a flag.
///
/// - `user_data`: the pointer that was set with the callback.
///
/// Thread: it is called from whichever thread makes something happen: one that uses the library, a thread of a server of the
/// library, or the one that sets it. For one handle it is called from one thread at a time. The library may hold locks: it must
/// not call the library, nor wait for a thread that might, and must return normally, without longjmp() or an exception.
#[allow(non_camel_case_types)]
pub type chat_wake_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Calls the callback that is set, if there is one.
#[derive(Default)]
pub(crate) struct Alarm(Mutex<Option<Callback>>);

struct Callback {
    wake: unsafe extern "C" fn(*mut c_void),
    user_data: *mut c_void,
}

// SAFETY: `user_data` is passed on and never looked at; the header says from which threads it is.
unsafe impl Send for Callback {}

impl Alarm {
    /// Sets the callback, and calls it, since something may have happened already. The one before is not running any more when
    /// this returns.
    pub(crate) fn set(&self, wake: chat_wake_fn, user_data: *mut c_void) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = wake.map(|wake| Callback { wake, user_data });
        self.ring();
    }

    /// Calls no callback from now on.
    pub(crate) fn disarm(&self) {
        self.set(None, std::ptr::null_mut());
    }

    fn ring(&self) {
        if let Some(Callback { wake, user_data }) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: the host has promised that it can be called so, with this `user_data`.
            unsafe { wake(*user_data) }
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
