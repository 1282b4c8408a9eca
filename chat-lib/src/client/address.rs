//! Where a server is, in the forms in which people write it. It is parsed here and nowhere else.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::error::Error;

/// The address of a server: `HOST:PORT`, `chat://HOST:PORT`, or `chats://HOST:PORT` for an encrypted connection.
///
/// In a URL the port may be left out: it is [`PORT`](Self::PORT) for `chat` and [`TLS_PORT`](Self::TLS_PORT) for `chats`. An IPv6
/// address stands in brackets.
///
/// ```
/// use chat_lib::ServerAddress;
///
/// let address: ServerAddress = "chats://chat.example.org".parse()?;
/// assert_eq!((address.host(), address.port()), ("chat.example.org", 8890));
/// assert!(address.is_encrypted());
/// let address: ServerAddress = "[::1]:8889".parse()?;
/// assert_eq!((address.host(), address.port()), ("::1", 8889));
/// assert!("localhost".parse::<ServerAddress>().is_err(), "only a URL has a default port");
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServerAddress {
    host: String,
    port: u16,
    is_encrypted: bool,
}

impl ServerAddress {
    /// The port of a `chat` URL that names none.
    pub const PORT: u16 = 8889;

    /// The port of a `chats` URL that names none.
    pub const TLS_PORT: u16 = 8890;

    /// The address of a server that is spoken to in clear. `host` is a name or an IP address, without brackets.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if that cannot be a host.
    pub fn new(host: &str, port: u16) -> Result<Self, Error> {
        Self::of_parts(host, port, false).ok_or_else(invalid)
    }

    /// The name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted, with TLS.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The same host and port, over TLS.
    #[must_use]
    pub fn encrypted(self) -> Self {
        Self { is_encrypted: true, ..self }
    }

    /// The IP addresses that the host has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the reason of the system's resolver.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        Ok((self.host.as_str(), self.port).to_socket_addrs().map_err(Error::Io)?.collect())
    }

    fn of_parts(host: &str, port: u16, is_encrypted: bool) -> Option<Self> {
        let good = |c: char| !c.is_control() && !c.is_whitespace() && !"/?#@[]\\".contains(c);
        (!host.is_empty() && host.chars().all(good)).then(|| Self { host: host.to_owned(), port, is_encrypted })
    }

    fn parse(text: &str) -> Option<Self> {
        let (default_port, is_encrypted, place) = match text.split_once("://") {
            None => (None, false, text),
            Some((scheme, rest)) => {
                let place = rest.strip_suffix('/').unwrap_or(rest);
                match scheme {
                    _ if scheme.eq_ignore_ascii_case("chat") => (Some(Self::PORT), false, place),
                    _ if scheme.eq_ignore_ascii_case("chats") => (Some(Self::TLS_PORT), true, place),
                    _ => return None,
                }
            }
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => match rest.split_once(']')? {
                (host, "") => (host, None),
                (host, port) => (host, Some(port.strip_prefix(':')?)),
            },
            None => match place.split_once(':') {
                // Without brackets, nobody knows where an IPv6 address ends.
                Some((_, port)) if port.contains(':') => return None,
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            Some(_) => return None,
            None => default_port?,
        };
        Self::of_parts(host, port, is_encrypted)
    }
}

impl FromStr for ServerAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(invalid)
    }
}

pub(super) fn invalid() -> Error {
    let form = "an address is HOST:PORT, chat://HOST or chats://HOST, such as localhost:8889, [::1]:8889 or \
                chats://chat.example.org; commas separate several";
    Error::Io(io::Error::new(io::ErrorKind::InvalidInput, form))
}

impl TryFrom<&str> for ServerAddress {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for ServerAddress {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for ServerAddress {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

/// A server that is spoken to in clear.
impl From<SocketAddr> for ServerAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), is_encrypted: false }
    }
}

impl From<&Self> for ServerAddress {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

/// A URL, or `HOST:PORT` for a server that is spoken to in clear.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "chats://" } else { "" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}{}:{}", self.host, self.port),
        }
    }
}

/// For what is an address already, and needs no parsing.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an address without a port, it was said that it is an "invalid socket address".
    #[test]
    fn forms_of_an_address() {
        for (text, shown) in [
            ("127.0.0.1:8889", "127.0.0.1:8889"),
            ("localhost:1", "localhost:1"),
            ("[::1]:8889", "[::1]:8889"),
            ("[fe80::1%eth0]:8889", "[fe80::1%eth0]:8889"),
            ("chat://localhost", "localhost:8889"),
            ("chat://localhost/", "localhost:8889"),
            ("chat://localhost:7", "localhost:7"),
            ("chats://chat.example.org", "chats://chat.example.org:8890"),
            ("CHATS://chat.example.org:443/", "chats://chat.example.org:443"),
            ("chats://[::1]", "chats://[::1]:8890"),
        ] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse::<ServerAddress>().unwrap(), address);
        }
        for text in [
            "",
            "localhost",
            "8889",
            ":8889",
            "localhost:",
            "localhost:+80",
            "localhost:70000",
            "[::1]",
            "[::1]8889",
            "[]:8889",
            "::1:8889",
            "a b:1",
            "localhost/x:1",
            "http://localhost:1",
            "chat:localhost",
            "chat://",
            "chat://user@localhost",
            "chat://localhost/room",
            "chats://localhost:x",
        ] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn other_ways_to_an_address() {
        let address = ServerAddress::from(SocketAddr::from(([127, 0, 0, 1], 7)));
        assert_eq!(address, "127.0.0.1:7".parse().unwrap());
        assert_eq!(address, ServerAddress::new("127.0.0.1", 7).unwrap());
        assert_eq!(address.encrypted(), "chats://127.0.0.1:7".parse().unwrap());
        assert_eq!(ServerAddress::new("::1", 7).unwrap().to_string(), "[::1]:7");
        assert!(ServerAddress::new("[::1]", 7).is_err());
    }
}
