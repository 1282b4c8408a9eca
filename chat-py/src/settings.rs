//! Settings as keywords: each row of the table is one, with a type of Python in place of its text form.

use std::time::Duration;

use chat_lib::settings::{Kind, Scope, Settings};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The names of all settings.
pub(crate) fn names() -> Vec<&'static str> {
    Settings::ALL.iter().map(|setting| setting.name).collect()
}

/// The settings of a chat, in a directory or in memory, from its keywords. `None` stands for the default.
pub(crate) fn read(keywords: Option<&Bound<'_, PyDict>>, in_directory: bool) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (name, value) in keywords.into_iter().flatten() {
        let name: String = name.extract()?;
        let setting = Settings::find(&name)
            .ok_or_else(|| PyTypeError::new_err(format!("Chat got an unexpected keyword argument '{name}'")))?;
        if setting.scope == Scope::Directory && !in_directory {
            return Err(PyTypeError::new_err(format!("'{name}' is for a chat in a directory")));
        }
        if value.is_none() {
            continue;
        }
        let text = text(setting.kind, &value).map_err(|problem| of_argument(value.py(), &name, &problem))?;
        settings.set(&name, &text).map_err(|problem| PyValueError::new_err(problem.to_string()))?;
    }
    Ok(settings)
}

fn text(kind: Kind, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match kind {
        Kind::Bytes | Kind::Count => Ok(value.extract::<u64>()?.to_string()),
        Kind::Duration | Kind::DurationOr(_) => {
            let duration: Duration = value.extract()?;
            Ok(format!("{}s {}us", duration.as_secs(), duration.subsec_micros()))
        }
        Kind::Switch { off, on } => Ok(if value.extract()? { on } else { off }.to_owned()),
        Kind::PasswordCost => {
            let (memory, passes, lanes): (u32, u32, u32) = value.extract()?;
            Ok(format!("{memory},{passes},{lanes}"))
        }
        _ => value.extract(),
    }
}

/// The same exception, with the name in front, as functions with a keyword of that name have it.
fn of_argument(py: Python<'_>, name: &str, problem: &PyErr) -> PyErr {
    PyErr::from_type(problem.get_type(py), format!("argument '{name}': {}", problem.value(py)))
}
