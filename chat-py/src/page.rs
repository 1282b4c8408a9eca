//! `Page` and `SyncPage`: parts of lists that may be long.

use chat_lib::protocol::List;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use crate::message::Message;

/// A part of a list: it has a length, and entries by index and in a loop.
#[pyclass(frozen, generic, subclass, module = "chat")]
pub(crate) struct Page {
    entries: Py<PyTuple>,
    /// Whether there is more of the list. That may be so although the page has less than was asked for.
    #[pyo3(get)]
    more: bool,
}

impl Page {
    fn new<V, T>(py: Python<'_>, entries: Vec<V>, more: bool) -> PyResult<Self>
    where
        T: From<V> + for<'py> IntoPyObject<'py>,
    {
        let entries: Vec<T> = entries.into_iter().map(T::from).collect();
        Ok(Self { entries: PyTuple::new(py, entries)?.unbind(), more })
    }

    /// The page with these entries, each of them as a `T`.
    pub(crate) fn of<V, T>(py: Python<'_>, List { entries, more }: List<V>) -> PyResult<Py<Self>>
    where
        T: From<V> + for<'py> IntoPyObject<'py>,
    {
        Py::new(py, Self::new::<V, T>(py, entries, more)?)
    }
}

#[pymethods]
impl Page {
    fn __len__(&self, py: Python<'_>) -> usize {
        self.entries.bind(py).len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.entries.bind(index.py()).as_any().get_item(index)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.entries.bind(py).try_iter()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let more = if self.more { "True" } else { "False" };
        format!("Page({} entries, more={more})", self.entries.bind(py).len())
    }
}

/// Messages of all of a user's conversations.
#[pyclass(frozen, extends = Page, module = "chat")]
pub(crate) struct SyncPage {
    /// What `after` has to be to get the next page, now or later.
    #[pyo3(get)]
    next: u64,
}

impl SyncPage {
    pub(crate) fn of(py: Python<'_>, page: chat_lib::store::SyncPage) -> PyResult<Py<Self>> {
        let base = Page::new::<_, Message>(py, page.messages, page.more)?;
        Py::new(py, PyClassInitializer::from(base).add_subclass(Self { next: page.next.get() }))
    }
}

#[pymethods]
impl SyncPage {
    fn __repr__(slf: PyRef<'_, Self>) -> String {
        let (count, more) = (slf.as_super().__len__(slf.py()), slf.as_super().more);
        format!("SyncPage({count} messages, next={}, more={})", slf.next, if more { "True" } else { "False" })
    }
}
