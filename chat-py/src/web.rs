//! What `Server` takes for browsers: where they are served, and what they are shown.

use std::io;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

use chat_lib::Error;
use chat_lib::server::{Listener, TlsIdentity, WebOrigin, WebSite};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};

/// Where browsers are served, and what they are shown.
pub(crate) struct Web {
    place: Place,
    page: Page,
    origins: Vec<WebOrigin>,
}

/// The argument `web`.
pub(crate) enum Place {
    Nowhere,
    Pair(String, u16),
    Text(String),
}

/// The argument `web_page`.
pub(crate) enum Page {
    Library,
    Nothing,
    Folder(PathBuf),
}

impl Web {
    /// Reads the arguments of `Server`; `None` if browsers are not served.
    pub(crate) fn read(place: Place, page: Page, origins: &[String]) -> PyResult<Option<Self>> {
        if matches!(place, Place::Nowhere) {
            return match matches!(page, Page::Library) && origins.is_empty() {
                true => Ok(None),
                false => Err(PyValueError::new_err("web_page or web_origins is given, but not web")),
            };
        }
        let origins = origins.iter().map(|origin| {
            origin.parse().map_err(|problem| PyValueError::new_err(format!("web_origins has '{origin}': {problem}")))
        });
        Ok(Some(Self { place, page, origins: origins.collect::<PyResult<_>>()? }))
    }

    /// Reads the files of the page, and resolves the address.
    pub(crate) fn listeners(&self, identity: Option<&TlsIdentity>) -> Result<Vec<Listener>, Error> {
        let site = match &self.page {
            Page::Library => WebSite::new(),
            Page::Nothing => WebSite::without_page(),
            Page::Folder(folder) => WebSite::folder(folder)?,
        };
        let site = self.origins.iter().cloned().fold(site, WebSite::allow_origin);
        let addresses = self.place.parts()?.to_socket_addrs()?;
        Ok(addresses
            .map(|address| match identity {
                Some(identity) => Listener::web_tls(address, site.clone(), identity.clone()),
                None => Listener::web(address, site.clone()),
            })
            .collect())
    }
}

impl Place {
    fn parts(&self) -> Result<(&str, u16), Error> {
        let parts = match self {
            Self::Nowhere => None,
            Self::Pair(host, port) => Some((host.as_str(), *port)),
            Self::Text(text) => parts(text),
        };
        let form = "web is HOST:PORT, such as 127.0.0.1:8080, localhost:8080 or [::1]:8080";
        parts.ok_or_else(|| Error::Io(io::Error::new(io::ErrorKind::InvalidInput, form)))
    }
}

fn parts(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    // Without brackets, nobody knows where an IPv6 address ends.
    let host = in_brackets.or_else(|| Some(host).filter(|host| !host.contains(':')))?;
    Some((host, port.parse().ok()?))
}

impl<'py> FromPyObject<'_, 'py> for Place {
    type Error = PyErr;

    fn extract(web: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if web.is_none() {
            return Ok(Self::Nowhere);
        }
        if let Ok(wanted) = web.cast::<PyBool>() {
            return Ok(if wanted.is_true() { Self::Pair("127.0.0.1".to_owned(), 0) } else { Self::Nowhere });
        }
        if let Ok(text) = web.extract() {
            return Ok(Self::Text(text));
        }
        let pair = web.cast::<PyTuple>();
        let pair = pair.map_err(|_| PyTypeError::new_err("web is a bool, 'HOST:PORT' or (host, port)"))?;
        let (host, port) = pair.extract()?;
        Ok(Self::Pair(host, port))
    }
}

impl<'py> FromPyObject<'_, 'py> for Page {
    type Error = PyErr;

    fn extract(page: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if page.is_none() {
            return Ok(Self::Nothing);
        }
        if let Ok(wanted) = page.cast::<PyBool>() {
            return Ok(if wanted.is_true() { Self::Library } else { Self::Nothing });
        }
        match page.extract::<PathBuf>() {
            Ok(folder) if folder.as_os_str().is_empty() => Err(PyValueError::new_err("web_page is empty")),
            Ok(folder) => Ok(Self::Folder(folder)),
            Err(_) => Err(PyTypeError::new_err("web_page is a folder, a bool or None")),
        }
    }
}
