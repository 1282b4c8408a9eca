//! `Message`: what an inbox holds.

use chat_lib::model::Inbox;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// A message, as its reader gets it.
#[pyclass(frozen, eq, hash, get_all, module = "chat")]
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct Message {
    /// The sender's user name.
    sender: String,
    /// The reader's user name.
    recipient: String,
    /// The sender's full name at the time of sending.
    sender_name: String,
    /// The reader's full name.
    recipient_name: String,
    /// The text as it was sent.
    text: String,
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (*, sender, recipient, sender_name, recipient_name, text))]
    fn new(sender: String, recipient: String, sender_name: String, recipient_name: String, text: String) -> Self {
        Self { sender, recipient, sender_name, recipient_name, text }
    }

    /// For `copy` and `pickle`.
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let fields = PyDict::new(py);
        fields.set_item("sender", &self.sender)?;
        fields.set_item("recipient", &self.recipient)?;
        fields.set_item("sender_name", &self.sender_name)?;
        fields.set_item("recipient_name", &self.recipient_name)?;
        fields.set_item("text", &self.text)?;
        Ok((PyTuple::empty(py), fields))
    }

    /// Without the text, which is private.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let sender = PyString::new(py, &self.sender).repr()?;
        let recipient = PyString::new(py, &self.recipient).repr()?;
        let length = self.text.chars().count();
        Ok(format!("Message(sender={sender}, recipient={recipient}, text=<{length} characters>)"))
    }
}

impl Message {
    /// The messages of the inbox of the user `recipient`.
    pub(crate) fn all(inbox: &Inbox, recipient: &str) -> Vec<Self> {
        let message = |message: chat_lib::model::Message<'_>| Self {
            sender: message.from.user().to_string(),
            recipient: recipient.to_owned(),
            sender_name: message.from.full_name().to_owned(),
            recipient_name: inbox.to().to_owned(),
            text: message.body().to_owned(),
        };
        inbox.iter().map(message).collect()
    }
}
