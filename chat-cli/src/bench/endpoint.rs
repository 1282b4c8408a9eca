//! Where a server is measured: at an address of lines, or at the WebSocket that browsers use.

use std::fmt;
use std::str::FromStr;

use chat_lib::{Error, ServerAddress, ServerAddresses};

/// The address of a server, and what carries the requests there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) address: ServerAddress,
    /// The path of the WebSocket, or `None` for lines.
    pub(super) websocket: Option<String>,
}

impl Endpoint {
    /// The same place, over TLS.
    pub(super) fn encrypted(self) -> Self {
        Self { address: self.address.encrypted(), ..self }
    }

    fn parse_websocket(is_encrypted: bool, rest: &str) -> Result<Self, Error> {
        let (place, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let port = if is_encrypted { WSS_PORT } else { WS_PORT };
        // An IPv6 address has colons of its own, in brackets.
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let place = if has_port { place.to_owned() } else { format!("{place}:{port}") };
        let address: ServerAddress = place.parse()?;
        let path = if matches!(path, "" | "/") { DEFAULT_PATH } else { path };
        let address = if is_encrypted { address.encrypted() } else { address };
        Ok(Self { address, websocket: Some(path.to_owned()) })
    }
}

/// One or more servers of a chat, as one word of the command line names them.
#[derive(Clone, Debug)]
pub(super) struct Endpoints(pub(super) Vec<Endpoint>);

impl FromStr for Endpoints {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let scheme = |name: &str| {
            let (scheme, rest) = text.split_once("://")?;
            scheme.eq_ignore_ascii_case(name).then_some(rest)
        };
        let endpoints = match (scheme("ws"), scheme("wss")) {
            (Some(rest), _) => vec![Endpoint::parse_websocket(false, rest)?],
            (_, Some(rest)) => vec![Endpoint::parse_websocket(true, rest)?],
            (None, None) => {
                let addresses: ServerAddresses = text.parse()?;
                addresses.iter().map(|address| Endpoint { address: address.clone(), websocket: None }).collect()
            }
        };
        Ok(Self(endpoints))
    }
}

/// Shows a text that can be parsed again.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.to_string();
        let Some(path) = &self.websocket else { return f.write_str(&address) };
        let scheme = if self.address.is_encrypted() { "wss" } else { "ws" };
        let place = address.split_once("://").map_or(&*address, |(_, place)| place);
        write!(f, "{scheme}://{place}{path}")
    }
}

/// Where chat-server has its WebSocket.
const DEFAULT_PATH: &str = "/ws";

/// The port of a `ws` URL that names none.
const WS_PORT: u16 = 80;

/// The port of a `wss` URL that names none.
const WSS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_an_endpoint() {
        for (text, shown) in [
            ("localhost:1", &["localhost:1"][..]),
            ("one:1,two:2", &["one:1", "two:2"]),
            ("chats://one,two", &["chats://one:8890", "chats://two:8890"]),
            ("ws://localhost:8080", &["ws://localhost:8080/ws"]),
            ("WS://[::1]:8080/", &["ws://[::1]:8080/ws"]),
            ("ws://[::1]/chat", &["ws://[::1]:80/chat"]),
            ("wss://chat.example.org", &["wss://chat.example.org:443/ws"]),
        ] {
            let Endpoints(read) = text.parse().unwrap();
            assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), shown, "{text}");
            for shown in shown {
                assert_eq!(shown.parse::<Endpoints>().unwrap().0[0].to_string(), *shown);
            }
        }
        for bad in ["localhost", "ws://", "ws://one:1,two:2", "http://localhost:1", "ws://localhost:x"] {
            assert!(bad.parse::<Endpoints>().is_err(), "{bad}");
        }
    }
}
