//! How a server listens: the options of `chat_server_start`.

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::{mem, ptr};

use chat_lib::server::{TlsIdentity, WebOrigin, WebSite};

use crate::argument::{optional_text, texts};
use crate::error::Failure;
use crate::options::{path, sized};

/// How a server listens. Begin with CHAT_SERVER_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for the defaults.
/// Later versions add fields at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct chat_server_options {
    /// sizeof(chat_server_options).
    pub size: usize,
    /// A PEM file with the server's certificate, followed by those that lead to its issuer: connections are then encrypted with
    /// TLS, those of browsers, too. Any path, UTF-8 or not. NULL is for clear text.
    pub certificate_file: *const c_char,
    /// A PEM file with the certificate's private key, not encrypted. Both files are set, or none.
    pub key_file: *const c_char,
    /// Whether to listen in clear text on an address that is not loopback, where others can read passwords: 0 or 1.
    pub allow_cleartext: i32,
    /// Where to serve browsers, such as "127.0.0.1:8080": the web page, and its WebSocket at /ws. Port 0 takes a free one;
    /// chat_server_web_port() tells which. NULL is for no browsers, and the fields below are then NULL and 0.
    pub web_address: *const c_char,
    /// A folder whose files are served instead of the library's page; they are read when the server starts. Any path, UTF-8 or
    /// not. "none" serves only the WebSocket. NULL is the library's page.
    pub web_page: *const c_char,
    /// Other sites whose pages may use the WebSocket, by their origins, such as "https://example.org". Pages from the server's
    /// own address can always use it, as can programs other than browsers. NULL if there are no such sites.
    #[allow(rustdoc::bare_urls, reason = "in a header, there are no links")]
    pub web_origins: *const *const c_char,
    /// The number of origins.
    pub web_origins_count: usize,
}

/// The same, read.
pub(super) struct Options {
    pub(super) identity: Option<TlsIdentity>,
    pub(super) allow_cleartext: bool,
    pub(super) web: Option<Web>,
}

/// Where browsers are served, and what they are shown.
pub(super) struct Web {
    pub(super) address: String,
    pub(super) site: WebSite,
}

impl chat_server_options {
    /// # Safety
    ///
    /// `options` is NULL or points to as many bytes as its first field says, and its pointers are what their fields say.
    pub(super) unsafe fn read(options: *const Self) -> Result<Options, Failure> {
        let expected = "sizeof(chat_server_options); begin with CHAT_SERVER_OPTIONS_INIT";
        // SAFETY: the size comes first, every bit pattern is one of the fields, and the rest is this function's condition.
        let own = unsafe { sized(options, Self::default(), FIRST_SIZE, expected)? };
        let allow_cleartext = match own.allow_cleartext {
            0 => false,
            1 => true,
            _ => return Err(Failure::argument("options.allow_cleartext is neither 0 nor 1")),
        };
        // SAFETY: this function's condition.
        let (identity, web) = unsafe { (own.identity()?, own.web()?) };
        Ok(Options { identity, allow_cleartext, web })
    }

    /// # Safety
    ///
    /// The files are NULL or text that ends with NUL.
    unsafe fn identity(&self) -> Result<Option<TlsIdentity>, Failure> {
        match (self.certificate_file.is_null(), self.key_file.is_null()) {
            (true, true) => Ok(None),
            (false, false) => {
                // SAFETY: neither is NULL, and the rest is this function's condition.
                let [certificate, key] =
                    unsafe { [self.certificate_file, self.key_file].map(|file| CStr::from_ptr(file)) };
                Ok(Some(TlsIdentity::from_files(path(certificate), path(key))?))
            }
            _ => Err(Failure::argument("of options.certificate_file and options.key_file, one is NULL")),
        }
    }

    /// # Safety
    ///
    /// Address and page are NULL or text that ends with NUL, and the origins are NULL or as many such texts as they are said to be.
    unsafe fn web(&self) -> Result<Option<Web>, Failure> {
        // SAFETY: this function's condition.
        let (address, origins) = unsafe {
            let address = optional_text(self.web_address, "options.web_address")?;
            (address, texts(self.web_origins, self.web_origins_count, "options.web_origins")?)
        };
        let Some(address) = address else {
            return match self.web_page.is_null() && origins.is_empty() {
                true => Ok(None),
                false => Err(Failure::argument(
                    "options.web_page or options.web_origins is set, but options.web_address is NULL",
                )),
            };
        };
        // SAFETY: if it is not NULL, it is text, which is this function's condition.
        let page = (!self.web_page.is_null()).then(|| unsafe { path(CStr::from_ptr(self.web_page)) });
        let mut site = match page {
            None => WebSite::new(),
            Some(page) if page == Path::new("none") => WebSite::without_page(),
            Some(page) if page == Path::new("") => return Err(Failure::argument("options.web_page is empty")),
            Some(page) => WebSite::folder(page)?,
        };
        for origin in origins {
            let origin: WebOrigin = origin
                .parse()
                .map_err(|problem| Failure::argument(format!("options.web_origins has \"{origin}\": {problem}")))?;
            site = site.allow_origin(origin);
        }
        Ok(Some(Web { address: address.to_owned(), site }))
    }
}

impl Default for chat_server_options {
    fn default() -> Self {
        Self {
            size: size_of::<Self>(),
            certificate_file: ptr::null(),
            key_file: ptr::null(),
            allow_cleartext: 0,
            web_address: ptr::null(),
            web_page: ptr::null(),
            web_origins: ptr::null(),
            web_origins_count: 0,
        }
    }
}

/// What the struct had in version 0.1: programs that were compiled for it pass that.
const FIRST_SIZE: usize = mem::offset_of!(chat_server_options, allow_cleartext) + size_of::<i32>();
