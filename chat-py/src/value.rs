//! The macro that makes a frozen class of some fields, and the types that such fields have.

use chat_lib::clock::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Defines a frozen class that can be compared, hashed, copied, pickled and matched. Its repr shows all fields but texts.
macro_rules! value {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)+ }
    ) => {
        $(#[$meta])*
        #[pyo3::pyclass(frozen, eq, hash, get_all, from_py_object, module = "chat")]
        #[derive(Clone, Eq, Hash, PartialEq)]
        pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $kind,)+ }

        #[pyo3::pymethods]
        impl $name {
            #[new]
            #[pyo3(signature = (*, $($field),+))]
            #[allow(clippy::too_many_arguments, reason = "each has a name in Python")]
            fn new($($field: $kind),+) -> Self {
                Self { $($field),+ }
            }

            #[classattr]
            #[pyo3(name = "__match_args__")]
            fn match_args(py: pyo3::Python<'_>) -> pyo3::PyResult<pyo3::Bound<'_, pyo3::types::PyTuple>> {
                pyo3::types::PyTuple::new(py, [$(stringify!($field)),+])
            }

            /// For `copy` and `pickle`.
            fn __getnewargs_ex__<'py>(
                &self,
                py: pyo3::Python<'py>,
            ) -> pyo3::PyResult<(pyo3::Bound<'py, pyo3::types::PyTuple>, pyo3::Bound<'py, pyo3::types::PyDict>)> {
                use pyo3::types::PyDictMethods;
                let fields = pyo3::types::PyDict::new(py);
                $(fields.set_item(stringify!($field), self.$field.clone())?;)+
                Ok((pyo3::types::PyTuple::empty(py), fields))
            }

            fn __repr__(&self, py: pyo3::Python<'_>) -> pyo3::PyResult<String> {
                let fields = [$((stringify!($field), $crate::value::Shown::shown(&self.$field, py)?)),+];
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                Ok(format!("{}({})", stringify!($name), fields.join(", ")))
            }
        }

        impl $crate::value::Shown for $name {
            fn shown(&self, py: pyo3::Python<'_>) -> pyo3::PyResult<String> {
                self.__repr__(py)
            }
        }
    };
}

pub(crate) use value;

/// What a repr shows of a field.
pub(crate) trait Shown {
    fn shown(&self, py: Python<'_>) -> PyResult<String>;
}

impl Shown for String {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        Ok(PyString::new(py, self).repr()?.to_string())
    }
}

impl Shown for bool {
    fn shown(&self, _py: Python<'_>) -> PyResult<String> {
        Ok(if *self { "True" } else { "False" }.to_owned())
    }
}

impl Shown for u64 {
    fn shown(&self, _py: Python<'_>) -> PyResult<String> {
        Ok(self.to_string())
    }
}

impl Shown for usize {
    fn shown(&self, _py: Python<'_>) -> PyResult<String> {
        Ok(self.to_string())
    }
}

impl Shown for (String, u16) {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("({}, {})", self.0.shown(py)?, self.1))
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        self.as_ref().map_or_else(|| Ok("None".to_owned()), |value| value.shown(py))
    }
}

/// The text of a message, which is private.
#[derive(Clone, Eq, FromPyObject, Hash, IntoPyObject, PartialEq)]
#[pyo3(transparent)]
pub(crate) struct Text(pub(crate) String);

impl Shown for Text {
    fn shown(&self, _py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{} characters>", self.0.chars().count()))
    }
}

/// A moment, in Python an aware `datetime` in UTC. None after the year 9999 can be shown there: `OverflowError`.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Time(pub(crate) Timestamp);

impl<'py> IntoPyObject<'py> for Time {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let delta = py.import("datetime")?.getattr("timedelta")?.call1((0, 0, 0, self.0.as_millis()))?;
        epoch(py)?.add(delta)
    }
}

impl FromPyObject<'_, '_> for Time {
    type Error = PyErr;

    fn extract(time: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let py = time.py();
        let millisecond = py.import("datetime")?.getattr("timedelta")?.call1((0, 0, 0, 1))?;
        let millis: i64 = time.sub(epoch(py)?)?.floor_div(millisecond)?.extract()?;
        let millis = u64::try_from(millis).map_err(|_| PyValueError::new_err("the time is before 1970"))?;
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

impl Shown for Time {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("'{}'", self.into_pyobject(py)?.call_method0("isoformat")?))
    }
}

fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    datetime.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))
}
