//! What browsers get: the files of the page, and which origins may use the WebSocket.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::files::read_small_file;
use crate::limits::WEB_FILES;

/// What a server shows to browsers: the files of a page, by default those of the library, and the origins whose pages may use its WebSocket.
///
/// ```
/// use chat_lib::server::{Listener, WebSite};
/// use chat_lib::{Chat, Error, Server};
///
/// let site = WebSite::new().allow_origin("https://example.org".parse().expect("an origin"));
/// let listener = Listener::web(([127, 0, 0, 1], 0).into(), site);
/// let server = Server::builder(Chat::memory()).listen(listener).bind()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct WebSite {
    files: Arc<HashMap<Cow<'static, str>, Arc<File>>>,
    origins: Arc<[WebOrigin]>,
}

/// A file of a page.
pub(super) struct File {
    pub(super) body: Cow<'static, [u8]>,
    pub(super) content_type: &'static str,
    pub(super) etag: String,
}

impl WebSite {
    /// The library's own page.
    #[must_use]
    pub fn new() -> Self {
        let files = chat_web::FILES.iter().map(|(name, body)| file(Cow::Borrowed(name), Cow::Borrowed(body)));
        Self { files: Arc::new(files.collect()), ..Self::without_page() }
    }

    /// The WebSocket alone.
    #[must_use]
    pub fn without_page() -> Self {
        Self { files: Arc::default(), origins: Arc::default() }
    }

    /// All files in a folder and in its folders, by their paths in it; `index.html` is also at `/`. They are read now, and held in memory. Hidden
    /// ones, whose names begin with a dot, are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if one cannot be read, is not a regular file or has more than 1 MiB, or if there are more than 1,000.
    pub fn folder(path: impl AsRef<Path>) -> Result<Self, Error> {
        let mut files = HashMap::new();
        read_folder(path.as_ref(), "", &mut files)?;
        Ok(Self { files: Arc::new(files), ..Self::without_page() })
    }

    /// Allows pages of another origin to use the WebSocket. Those of the server's own always may, and so may programs that are no browsers.
    #[must_use]
    pub fn allow_origin(mut self, origin: WebOrigin) -> Self {
        self.origins = self.origins.iter().cloned().chain([origin]).collect();
        self
    }

    /// The file at a path such as `/page.css`.
    pub(super) fn file(&self, path: &str) -> Option<Arc<File>> {
        let name = path.strip_prefix('/')?;
        self.files.get(if name.is_empty() { "index.html" } else { name }).cloned()
    }

    /// Whether a page of `origin` may use the WebSocket, which it has asked for at `host`.
    pub(super) fn allows(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        let Ok(origin) = origin.parse::<WebOrigin>() else { return false };
        // What encrypts may be a proxy that passes the host on, so that the origin alone tells.
        WebOrigin::new(origin.is_secure, host).is_some_and(|own| own == origin) || self.origins.contains(&origin)
    }
}

impl Default for WebSite {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSite").field("files", &self.files.len()).field("origins", &self.origins).finish()
    }
}

/// Sites are the same if they were made as one.
impl PartialEq for WebSite {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.files, &other.files) && self.origins == other.origins
    }
}

impl Eq for WebSite {}

fn file(name: Cow<'static, str>, body: Cow<'static, [u8]>) -> (Cow<'static, str>, Arc<File>) {
    let mut etag = String::from("\"");
    for byte in Sha256::digest(&body).iter().take(ETAG_BYTES) {
        // Writing to memory does not fail.
        write!(etag, "{byte:02x}").ok();
    }
    etag.push('"');
    let content_type = content_type(&name);
    (name, Arc::new(File { body, content_type, etag }))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn read_folder(folder: &Path, before: &str, files: &mut HashMap<Cow<'static, str>, Arc<File>>) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(|problem| unreadable(folder, &problem))? {
        let entry = entry.map_err(|problem| unreadable(folder, &problem))?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let name = format!("{before}{name}");
        if path.is_dir() {
            read_folder(&path, &format!("{name}/"), files)?;
            continue;
        }
        let body = read_small_file(&path).map_err(|problem| unreadable(&path, &problem))?;
        if files.len() == WEB_FILES {
            return Err(unreadable(folder, &io::Error::other(format!("there are more than {WEB_FILES} files"))));
        }
        files.extend([file(name.into(), body.into())]);
    }
    Ok(())
}

fn unreadable(path: &Path, problem: &io::Error) -> Error {
    Error::Io(io::Error::new(problem.kind(), format!("{}: {problem}", path.display())))
}

/// Long enough that two files do not have the same one by chance.
const ETAG_BYTES: usize = 16;

/// The origin of web pages, such as `https://chat.example.org` or `http://localhost:8080`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebOrigin {
    is_secure: bool,
    /// In lower case, without the port that is usual.
    host: String,
}

/// A text that is no origin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an origin such as https://chat.example.org")]
#[non_exhaustive]
pub struct InvalidOrigin;

impl WebOrigin {
    fn new(is_secure: bool, host: &str) -> Option<Self> {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        let host = host.strip_suffix(if is_secure { ":443" } else { ":80" }).unwrap_or(host);
        let is_valid = !host.is_empty() && host.bytes().all(is_host);
        is_valid.then(|| Self { is_secure, host: host.to_ascii_lowercase() })
    }
}

impl FromStr for WebOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (is_secure, host) = match text.split_once("://") {
            Some(("https", host)) => (true, host),
            Some(("http", host)) => (false, host),
            _ => return Err(InvalidOrigin),
        };
        Self::new(is_secure, host).ok_or(InvalidOrigin)
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_secure { "https" } else { "http" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_servers_own_origin_and_of_those_allowed_may_connect() {
        let site = WebSite::without_page().allow_origin("https://Chat.example.org:443".parse().unwrap());
        let allowed = [
            (None, "anything"),
            (Some("http://localhost:8080"), "localhost:8080"),
            (Some("https://localhost"), "localhost:443"),
            (Some("http://[::1]:8080"), "[::1]:8080"),
            (Some("https://example.net"), "EXAMPLE.net"),
            (Some("https://chat.example.org"), "10.0.0.1:8080"),
        ];
        for (origin, host) in allowed {
            assert!(site.allows(origin, host), "{origin:?} at {host}");
        }
        let refused = [
            (Some("http://localhost:8081"), "localhost:8080"),
            (Some("https://example.org"), "example.net"),
            (Some("http://chat.example.org"), "10.0.0.1:8080"),
            (Some("null"), "null"),
            (Some(""), ""),
            (Some("http://"), ""),
            (Some("file://x"), "x"),
            (Some("https://a/b"), "a/b"),
            (Some("https://localhost"), "localhost:80"),
        ];
        for (origin, host) in refused {
            assert!(!site.allows(origin, host), "{origin:?} at {host}");
        }
    }

    #[test]
    fn a_folder_is_a_page() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("images")).unwrap();
        for name in ["index.html", "images/a.svg", ".secret"] {
            std::fs::write(directory.path().join(name), name).unwrap();
        }
        let site = WebSite::folder(directory.path()).unwrap();
        let body = |path| site.file(path).map(|file| String::from_utf8(file.body.to_vec()).unwrap());
        assert_eq!(body("/").as_deref(), Some("index.html"));
        assert_eq!(body("/images/a.svg").as_deref(), Some("images/a.svg"));
        for path in ["/.secret", "/images", "/images/", "/../index.html", "index.html", ""] {
            assert_eq!(body(path), None, "{path}");
        }
        std::fs::write(directory.path().join("large"), vec![0; 2 << 20]).unwrap();
        assert!(matches!(WebSite::folder(directory.path()), Err(Error::Io(_))));
        assert!(matches!(WebSite::folder(directory.path().join("missing")), Err(Error::Io(_))));
    }
}
