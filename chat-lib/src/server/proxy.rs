//! Proxies in front of the server, which say whom a connection is from with a header of the PROXY protocol, version 1 or 2. It
//! comes before all else, also before a TLS handshake, and is taken off the socket to the byte.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use proxy_header::{Error, ParseConfig, ProxyHeader};

use super::socket::Socket;
use crate::limits::PROXY_HEADER_BYTES;

/// An address, or a network of addresses, such as `192.0.2.7` or `2001:db8::/32`.
///
/// ```
/// use chat_lib::server::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains([10, 1, 2, 3].into()));
/// assert!("10.0.0.0/33".parse::<Network>().is_err());
/// # Ok::<(), chat_lib::server::InvalidNetwork>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network(IpNet);

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an IP address, or a network such as 10.0.0.0/8")]
#[non_exhaustive]
pub struct InvalidNetwork;

impl Network {
    /// Whether an address is in it. An IPv4 address may be written as one of IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().into(),
            Err(_) => text.parse().map_err(|_| InvalidNetwork)?,
        };
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether what comes first is no header. It is as long as too little has come to tell, which
/// [`read_header`] waits for.
#[cfg(feature = "web")]
pub(super) fn is_without_header(socket: &mut Socket) -> io::Result<bool> {
    let mut bytes = [0; SIGNATURES[1].len()];
    let count = socket.peek(&mut bytes)?;
    let received = bytes.get(..count).unwrap_or_default();
    let begins = |signature: &[u8]| received.iter().zip(signature).all(|(byte, wanted)| byte == wanted);
    Ok(!SIGNATURES.into_iter().any(begins))
}

/// How headers of version 1 and 2 begin.
#[cfg(feature = "web")]
const SIGNATURES: [&[u8]; 2] = [b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"];

/// Reads the header of a connection from a proxy. Returns whom the connection is from; `None` if it is from the proxy itself,
/// which may look whether the server is there, or if the proxy does not know.
///
/// # Errors
///
/// [`WouldBlock`](ErrorKind::WouldBlock) if the header has not come whole, which has to be read again then.
pub(super) fn read_header(socket: &mut Socket) -> io::Result<Option<SocketAddr>> {
    let mut bytes = [0; PROXY_HEADER_BYTES];
    let count = socket.peek(&mut bytes)?;
    let received = bytes.get(..count).unwrap_or_default();
    if received.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match ProxyHeader::parse(received, ParseConfig { include_tlvs: false, ..ParseConfig::default() }) {
        Ok((header, length)) => {
            let source = header.proxied_address().map(|address| address.source);
            socket.read_exact(bytes.get_mut(..length).unwrap_or_default())?;
            Ok(source)
        }
        Err(Error::BufferTooShort) if count < PROXY_HEADER_BYTES => {
            socket.await_more();
            Err(ErrorKind::WouldBlock.into())
        }
        Err(_) => Err(io::Error::new(ErrorKind::InvalidData, "its proxy sent no correct header of the PROXY protocol")),
    }
}
