//! `Server`: a server in threads of its own, which ends with Ctrl-C and waits without the GIL.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use chat_lib::Error;
use chat_lib::server::{Handle, Listener, TlsIdentity};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::chat::Chat;
use crate::errors::{exception, of_code, panicked, run, seconds, wait};
use crate::process::Process;
use crate::session::unmasked;
use crate::web::{Page, Place, Web};

/// A server in threads of its own. It listens from its creation until it is stopped.
///
/// `tls` are the paths of two PEM files: the certificate, followed by those that lead to its issuer, and its private key. Without
/// it, nothing is encrypted, and an address that is not loopback raises `Cleartext` unless `allow_cleartext` is true.
///
/// `web` is where browsers find the web page, and its WebSocket at ``/ws``: an address, as ``"HOST:PORT"`` or ``(host, port)``, or True for a
/// free port of 127.0.0.1. With `tls`, they are served over TLS. `web_page` is a folder whose files are served instead of the page, and are
/// read now; None or False serves only the WebSocket. `web_origins` are other sites whose pages may use it, such as
/// ``https://example.org``.
#[pyclass(frozen, module = "chat")]
pub(crate) struct Server {
    address: SocketAddr,
    web_address: Option<SocketAddr>,
    identity: Option<TlsIdentity>,
    handle: Handle,
    process: Process,
    thread: Mutex<Option<JoinHandle<Result<(), Error>>>>,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(
        signature = (
            chat, host="127.0.0.1", port=0, *,
            tls=None, allow_cleartext=false, web=Place::Nowhere, web_page=Page::Library, web_origins=Vec::new(),
        ),
        text_signature = "(chat, host='127.0.0.1', port=0, *, tls=None, allow_cleartext=False, web=None, web_page=True, \
            web_origins=())",
    )]
    #[allow(clippy::too_many_arguments, reason = "each has a name in Python")]
    fn new(
        py: Python<'_>,
        chat: &Bound<'_, Chat>,
        host: &str,
        port: u16,
        tls: Option<(PathBuf, PathBuf)>,
        allow_cleartext: bool,
        web: Place,
        web_page: Page,
        web_origins: Vec<String>,
    ) -> PyResult<Self> {
        let chat = chat.get().get(py)?;
        let web = Web::read(web, web_page, &web_origins)?;
        run(py, || {
            let identity = tls.map(|(certificate, key)| TlsIdentity::from_files(certificate, key)).transpose()?;
            let mut builder = chat_lib::Server::builder(chat);
            if allow_cleartext {
                builder = builder.allow_cleartext();
            }
            for address in (host, port).to_socket_addrs()? {
                builder = builder.listen(match &identity {
                    Some(identity) => Listener::tls(address, identity.clone()),
                    None => Listener::tcp(address),
                });
            }
            for listener in web.map_or(Ok(Vec::new()), |web| web.listeners(identity.as_ref()))? {
                builder = builder.listen(listener);
            }
            let server = builder.bind()?;
            let address = server.addresses().first().copied().ok_or(Error::Disconnected)?;
            let web_address = server.web_addresses().first().copied();
            let handle = server.handle();
            let thread = thread::Builder::new().name("chat-server".to_owned()).spawn(move || server.run());
            let thread = thread.map_err(|problem| Error::no_thread(&problem))?;
            let thread = Mutex::new(Some(thread));
            Ok(Self { address, web_address, identity, handle, process: Process::this(), thread })
        })
    }

    /// The host and port that the server listens on.
    #[getter]
    fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// The host and port on which browsers are served; None without `web`.
    #[getter]
    fn web_address(&self) -> Option<(String, u16)> {
        self.web_address.map(|address| (address.ip().to_string(), address.port()))
    }

    /// What to open in a browser, such as ``http://127.0.0.1:8080/``; None without `web`. With `tls`, replace the host by a
    /// name that is in the certificate.
    #[getter]
    fn web_url(&self) -> Option<String> {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        self.web_address.map(|address| format!("{scheme}://{address}/"))
    }

    /// Read the files of `tls` again, when the certificate was renewed: connections that are opened from then on get the new
    /// one, and the others go on. Raises `BadCertificate` if it cannot be used; the old one then stays in use.
    fn reload_certificate(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.identity.as_ref().map_or(Ok(()), TlsIdentity::reload))
    }

    /// Ask the server to stop, without waiting for it.
    fn stop(&self) {
        if self.process.is_this() {
            self.handle.stop();
        }
    }

    /// Wait until the server has stopped, for at most `timeout` seconds; raises `TimedOut` if it is still running.
    #[pyo3(signature = (timeout=None))]
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let patience = timeout.map(seconds).transpose()?;
        if !self.process.is_this() {
            return Ok(());
        }
        let finished = || {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            let finished = thread.as_ref().is_none_or(JoinHandle::is_finished);
            finished.then(|| thread.take())
        };
        match wait(py, patience, finished)? {
            None => Err(of_code(py, Error::TimedOut.code(), "the server is still running", false)),
            Some(None) => Ok(()),
            Some(Some(thread)) => match py.detach(|| thread.join()) {
                Ok(outcome) => outcome.map_err(|error| exception(py, &error)),
                Err(payload) => Err(panicked(py, payload)),
            },
        }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Stop the server and wait until it has stopped.
    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.stop();
        unmasked(py, exception, self.join(py, None))
    }

    fn __repr__(&self) -> String {
        format!("Server(address='{}')", self.address)
    }
}

impl Drop for Server {
    /// Otherwise a server without references would run for ever.
    fn drop(&mut self) {
        self.stop();
        if !self.process.is_this() {
            std::mem::forget(self.thread.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}
