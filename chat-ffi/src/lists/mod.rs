//! Lists that a program in C goes through, a file for each kind of element.

pub mod conversations;
pub mod history;
pub mod inbox;
pub mod invitations;
pub mod rooms;
pub mod sessions;
pub mod users;

use std::sync::{Mutex, PoisonError};
use std::vec;

use crate::argument::Out;
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{Kind, get};
use crate::status::chat_status;

/// A list and the element that was given last, to which the caller has pointers.
pub struct List<T> {
    rest: vec::IntoIter<T>,
    current: Option<T>,
}

impl<T> List<T> {
    fn next(&mut self) -> Result<&T, Failure> {
        self.current = self.rest.next();
        self.current.as_ref().ok_or_else(Failure::end)
    }
}

/// An element of a list, as the list keeps it.
pub(crate) trait Element {
    /// What C sees, which has pointers to the element.
    type View;

    fn view(&self) -> Self::View;
}

/// What stands behind a handle to a list.
pub(crate) fn list<T, E: Into<T>>(elements: impl IntoIterator<Item = E>) -> Mutex<List<T>> {
    let elements: Vec<T> = elements.into_iter().map(Into::into).collect();
    Mutex::new(List { rest: elements.into_iter(), current: None })
}

/// Gives the next element of a list.
///
/// # Safety
///
/// `out` is NULL or can be written to.
unsafe fn next<K, T>(list: *mut K, out: *mut T::View, what: &str) -> chat_status
where
    K: Kind<Target = Mutex<List<T>>>,
    T: Element,
{
    boundary(|| {
        // SAFETY: this function's condition.
        let out = unsafe { Out::new(out, what)? };
        out.set(get(list)?.lock().unwrap_or_else(PoisonError::into_inner).next()?.view());
        Ok(())
    })
}
