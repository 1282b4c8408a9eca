//! Python's binary files as streams of Rust, for dumps.

use std::io::{self, BufReader, BufWriter, Read, Write};

use chat_lib::Error;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::errors::run;

/// Lets `work` write to `file`. An exception of the file's takes the place of the error that it causes.
pub(crate) fn write<T: Send>(
    py: Python<'_>,
    file: Py<PyAny>,
    work: impl FnOnce(&mut dyn Write) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut file = PyFile { file, raised: None };
    let outcome = run(py, || {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut file);
        let outcome = work(&mut out)?;
        out.flush().map_err(Error::Io)?;
        Ok(outcome)
    });
    file.raised.map_or(outcome, Err)
}

/// Lets `work` read from `file`. An exception of the file's takes the place of the error that it causes.
pub(crate) fn read<T: Send>(
    py: Python<'_>,
    file: Py<PyAny>,
    work: impl FnOnce(&mut BufReader<&mut PyFile>) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut file = PyFile { file, raised: None };
    let outcome = run(py, || work(&mut BufReader::with_capacity(BUFFER_BYTES, &mut file)));
    file.raised.map_or(outcome, Err)
}

/// A binary file of Python's, and the exception that it has raised.
pub(crate) struct PyFile {
    file: Py<PyAny>,
    raised: Option<PyErr>,
}

impl PyFile {
    fn call<T>(&mut self, call: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<T>) -> io::Result<T> {
        let failed = || io::Error::other("the file has raised an exception");
        if self.raised.is_some() {
            // A `BufWriter` tries once more when it is dropped.
            return Err(failed());
        }
        Python::attach(|py| call(py, self.file.bind(py))).map_err(|raised| {
            self.raised = Some(raised);
            failed()
        })
    }
}

impl Write for PyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|py, file| {
            // A raw file may take less; files that are not from `io` may return nothing.
            let taken = file.call_method1("write", (PyBytes::new(py, bytes),))?;
            Ok(taken.extract().unwrap_or(bytes.len()).min(bytes.len()))
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for PyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.call(|_, file| {
            let bytes: PyBackedBytes = file.call_method1("read", (buffer.len(),))?.extract()?;
            let count = bytes.len().min(buffer.len());
            buffer.iter_mut().zip(&*bytes).for_each(|(place, byte)| *place = *byte);
            Ok(count)
        })
    }
}

const BUFFER_BYTES: usize = 64 * 1024;
