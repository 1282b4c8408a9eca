//! Logins that the program checks itself: a callable as an `Authenticator`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chat_lib::limits::AUTHENTICATOR_PATIENCE;
use chat_lib::{Authenticator, AuthenticatorError, Credentials, Identity};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBool, PyMapping};

use crate::errors::wait;

/// A callable of the program.
pub(crate) struct Callable(Py<PyAny>);

impl Callable {
    pub(crate) fn new(callable: Bound<'_, PyAny>) -> PyResult<Self> {
        if !callable.is_callable() {
            return Err(PyTypeError::new_err("argument 'authenticate': it is not callable"));
        }
        Ok(Self(callable.unbind()))
    }

    fn ask(&self, py: Python<'_>, login: &Credentials) -> PyResult<Option<Identity>> {
        identity(self.0.bind(py).call1((login.user.as_str(), &login.password))?)
    }
}

impl Authenticator for Callable {
    fn authenticate(&self, login: &Credentials) -> Result<Option<Identity>, AuthenticatorError> {
        let _call = Call::begin();
        if ENDING.load(Ordering::SeqCst) {
            return Err(ENDED.into());
        }
        let answer = Python::try_attach(|py| self.ask(py, login).inspect_err(|raised| log(py, raised)));
        Ok(answer.ok_or(ENDED)??)
    }
}

/// A call that is running.
struct Call;

impl Call {
    fn begin() -> Self {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A child of fork() may end a call that its parent has begun.
        RUNNING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |running| running.checked_sub(1)).ok();
    }
}

/// Begin no more calls, and wait for those that are running, for as long as a login would. When Python ends, it ends all
/// threads that are in it, and one of Rust's cannot be ended so without ending the process.
#[pyfunction]
#[pyo3(name = "_before_exit")]
pub(crate) fn before_exit(py: Python<'_>) -> PyResult<()> {
    ENDING.store(true, Ordering::SeqCst);
    wait(py, Some(AUTHENTICATOR_PATIENCE), || (RUNNING.load(Ordering::SeqCst) == 0).then_some(())).map(drop)
}

/// A child of fork() has none of its parent's calls, and must not wait for them.
pub(crate) fn after_fork() {
    RUNNING.store(0, Ordering::SeqCst);
}

static RUNNING: AtomicUsize = AtomicUsize::new(0);

static ENDING: AtomicBool = AtomicBool::new(false);

const ENDED: &str = "Python is shutting down";

/// What a callable's answer says. Anything that it may have returned by mistake is an exception, and no login.
fn identity(answer: Bound<'_, PyAny>) -> PyResult<Option<Identity>> {
    if answer.is_none() {
        return Ok(None);
    }
    if let Ok(accepted) = answer.cast_exact::<PyBool>() {
        return Ok(accepted.is_true().then(Identity::default));
    }
    let (full_name, country) = match answer.cast::<PyMapping>() {
        Ok(fields) => (fields.get_item("full_name")?, fields.call_method1("get", ("country",))?),
        Err(_) => (answer.getattr("full_name")?, answer.getattr_opt("country")?.into_pyobject(answer.py())?),
    };
    let identity = Identity::default().full_name(full_name.extract::<String>()?);
    Ok(Some(match country.extract::<Option<String>>()? {
        Some(country) => identity.country(country),
        None => identity,
    }))
}

/// Over the wire, nobody else is told.
fn log(py: Python<'_>, raised: &PyErr) {
    let log = || -> PyResult<()> {
        let logger = py.import("logging")?.call_method1("getLogger", ("chat",))?;
        let keywords = [("exc_info", raised.value(py))].into_py_dict(py)?;
        logger.call_method("error", ("authenticate has failed; the login is refused",), Some(&keywords))?;
        Ok(())
    };
    if let Err(problem) = log() {
        problem.write_unraisable(py, None);
    }
}
