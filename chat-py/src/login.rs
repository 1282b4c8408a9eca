use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::errors::{closed, run};

/// A login whose password is still to be checked, for `chat.aio`. It can be used once.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct Login {
    login: Mutex<Option<chat_lib::Login>>,
}

/// A login after its check. It can be used once.
#[pyclass(frozen, module = "chat._chat")]
pub(crate) struct CheckedLogin {
    checked: Mutex<Option<chat_lib::CheckedLogin>>,
}

impl Login {
    pub(crate) fn new(login: chat_lib::Login) -> Self {
        Self { login: Mutex::new(Some(login)) }
    }

    fn take(&self, py: Python<'_>) -> PyResult<chat_lib::Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| closed(py))
    }
}

impl CheckedLogin {
    fn new(checked: chat_lib::CheckedLogin) -> Self {
        Self { checked: Mutex::new(Some(checked)) }
    }

    pub(crate) fn take(&self, py: Python<'_>) -> PyResult<chat_lib::CheckedLogin> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| closed(py))
    }
}

#[pymethods]
impl Login {
    /// Check the password, which takes long.
    fn check(&self, py: Python<'_>) -> PyResult<CheckedLogin> {
        let login = self.take(py)?;
        run(py, || Ok(login.check())).map(CheckedLogin::new)
    }

    /// Refuse the login with `busy`.
    fn refuse_busy(&self, py: Python<'_>) -> PyResult<CheckedLogin> {
        self.take(py).map(|login| CheckedLogin::new(login.refuse_busy()))
    }
}
