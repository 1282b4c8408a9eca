//! Rust errors as Python exceptions, and the wrapper around every call.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::{Error, printable};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

/// Does `work` without the GIL. An error becomes the exception for its code, and a panic an `InternalError`.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    match py.detach(|| panic::catch_unwind(AssertUnwindSafe(work))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(exception(py, &error)),
        Err(payload) => Err(panicked(py, payload)),
    }
}

/// Polls `done` until it returns a value, letting other threads run meanwhile. Ends early if a Python signal handler raises;
/// returns `None` after `patience`.
pub(crate) fn wait<T>(
    py: Python<'_>,
    patience: Option<Duration>,
    mut done: impl FnMut() -> Option<T>,
) -> PyResult<Option<T>> {
    let began = Instant::now();
    let mut tick = Duration::from_millis(1);
    loop {
        if let Some(value) = done() {
            return Ok(Some(value));
        }
        py.check_signals()?;
        if patience.is_some_and(|patience| began.elapsed() >= patience) {
            return Ok(None);
        }
        py.detach(|| thread::sleep(tick));
        tick = (tick * 2).min(LONGEST_TICK);
    }
}

/// The longest time between two polls.
const LONGEST_TICK: Duration = Duration::from_millis(50);

/// A time-out in seconds.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(PyValueError::new_err("a time-out is a number of seconds, and not negative"));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The exception for an error. `chat.errors` knows the class for each code.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let exception = of_code(py, error.code(), &error.with_reasons(), matches!(error, Error::Refused { .. }));
    let Error::Storage(reason) = error else { return exception };
    // An authenticator of the program's may have raised it.
    match reason.downcast_ref::<PyErr>() {
        None => exception,
        Some(raised) if raised.is_instance_of::<PyException>(py) => {
            exception.set_cause(py, Some(raised.clone_ref(py)));
            exception
        }
        // Ctrl-C, for example.
        Some(raised) => raised.clone_ref(py),
    }
}

/// The exception for a panic.
pub(crate) fn panicked(py: Python<'_>, payload: Box<dyn Any + Send>) -> PyErr {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref().map(String::as_str));
    let exception = of_code(py, "internal", &format!("chat panicked: {}", text.unwrap_or("?")), false);
    // Dropping what somebody panicked with could panic again.
    std::mem::forget(payload);
    exception
}

/// The exception for the use of something closed.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    of_code(py, "closed", "it is closed", false)
}

pub(crate) fn of_code(py: Python<'_>, code: &str, message: &str, refused: bool) -> PyErr {
    let keywords = [("refused", refused)].into_py_dict(py);
    // A server may have written it, and whoever does not catch it has it on the terminal.
    let message = printable(message);
    let made = py
        .import("chat.errors")
        .and_then(|errors| errors.getattr("from_code")?.call((code, message), Some(&keywords?)));
    made.map_or_else(|problem| problem, PyErr::from_value)
}

/// Panic in Rust, for a test.
#[pyfunction]
#[pyo3(name = "_panic_for_test")]
#[expect(clippy::panic, reason = "it is there for that")]
pub(crate) fn panic_for_test(py: Python<'_>) -> PyResult<()> {
    run(py, || panic!("as told"))
}
