//! Where the servers of one chat are: one address, or several that are tried in turn.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::address::{ServerAddress, invalid};
use crate::error::Error;

/// One or more [addresses](ServerAddress) of servers of the same chat, of which any will do. In a text, commas separate them.
///
/// A scheme also holds for the addresses after it, up to the next one: what follows a `chats://` is never spoken to in clear by
/// mistake.
///
/// ```
/// use chat_lib::ServerAddresses;
///
/// let servers: ServerAddresses = "chats://one.example.org,two.example.org:9000".parse()?;
/// let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
/// assert_eq!(servers, ["chats://one.example.org:8890", "chats://two.example.org:9000"]);
/// assert!("one:8889,,two:8889".parse::<ServerAddresses>().is_err());
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServerAddresses {
    first: ServerAddress,
    others: Vec<ServerAddress>,
}

impl ServerAddresses {
    /// All of them, in the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = &ServerAddress> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The address, if there is only one.
    pub fn single(&self) -> Option<&ServerAddress> {
        self.others.is_empty().then_some(&self.first)
    }

    /// The same servers, over TLS.
    #[must_use]
    pub fn encrypted(self) -> Self {
        Self { first: self.first.encrypted(), others: self.others.into_iter().map(ServerAddress::encrypted).collect() }
    }
}

impl FromStr for ServerAddresses {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scheme = None;
        let addresses = text.split(',').map(|part| match (part.split_once("://"), scheme) {
            (Some((own, _)), _) => {
                scheme = Some(own);
                part.parse()
            }
            (None, Some(scheme)) => format!("{scheme}://{part}").parse(),
            (None, None) => part.parse(),
        });
        addresses.collect::<Result<Vec<_>, _>>()?.try_into()
    }
}

/// Shows a text that can be parsed again.
impl fmt::Display for ServerAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        let mut scheme = self.first.is_encrypted();
        for address in &self.others {
            // Without a scheme of its own, it would be taken for encrypted.
            let clear = if scheme && !address.is_encrypted() { "chat://" } else { "" };
            write!(f, ",{clear}{address}")?;
            scheme = address.is_encrypted();
        }
        Ok(())
    }
}

impl From<ServerAddress> for ServerAddresses {
    fn from(first: ServerAddress) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl From<&ServerAddress> for ServerAddresses {
    fn from(address: &ServerAddress) -> Self {
        address.clone().into()
    }
}

/// A server that is spoken to in clear.
impl From<SocketAddr> for ServerAddresses {
    fn from(address: SocketAddr) -> Self {
        ServerAddress::from(address).into()
    }
}

impl From<&Self> for ServerAddresses {
    fn from(addresses: &Self) -> Self {
        addresses.clone()
    }
}

/// Fails if there is none.
impl TryFrom<Vec<ServerAddress>> for ServerAddresses {
    type Error = Error;

    fn try_from(mut addresses: Vec<ServerAddress>) -> Result<Self, Error> {
        match addresses.is_empty() {
            true => Err(invalid()),
            false => Ok(Self { first: addresses.remove(0), others: addresses }),
        }
    }
}

impl TryFrom<&str> for ServerAddresses {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for ServerAddresses {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for ServerAddresses {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_several_addresses() {
        for (text, shown) in [
            ("one:1", "one:1"),
            ("one:1,[::1]:2", "one:1,[::1]:2"),
            ("chat://one,two", "one:8889,two:8889"),
            ("chats://one,two:9", "chats://one:8890,chats://two:9"),
            ("one:1,chats://two,three/", "one:1,chats://two:8890,chats://three:8890"),
            ("chats://one,chat://two", "chats://one:8890,chat://two:8889"),
            ("chats://one,chat://two,three", "chats://one:8890,chat://two:8889,three:8889"),
        ] {
            let parsed: ServerAddresses = text.parse().unwrap();
            assert_eq!(parsed.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<ServerAddresses>().unwrap(), parsed, "{text}");
        }
        for bad in ["", ",", "one:1,", ",one:1", "one:1,two", "one:1, two:2", "http://one:1,two:2"] {
            assert!(bad.parse::<ServerAddresses>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_address_of_a_single_server_is_known() {
        let address: ServerAddress = "one:1".parse().unwrap();
        assert_eq!(ServerAddresses::from(&address).single(), Some(&address));
        assert_eq!("one:1,two:2".parse::<ServerAddresses>().unwrap().single(), None);
        assert!(ServerAddresses::try_from(Vec::new()).is_err());
    }
}
