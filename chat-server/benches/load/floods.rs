//! The floods, as a table.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// What a flood sends, and from how many places.
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    /// How many addresses it comes from.
    pub(crate) addresses: u8,
    /// How many connections it tries to have from each.
    pub(crate) connections: usize,
    pub(crate) to: Place,
    /// What a new connection sends.
    pub(crate) first: fn() -> Vec<u8>,
    /// What it sends again and again; the number is another one each time.
    pub(crate) again: fn(usize) -> Vec<u8>,
    /// Whether it reads what the server sends.
    pub(crate) reads: bool,
    /// Whether it closes a connection as soon as the server has sent something.
    pub(crate) leaves: bool,
    /// Whether the server has to refuse a part of it, on a machine of any speed.
    pub(crate) is_refused: bool,
}

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Lines,
    Tls,
    Web,
}

/// Ten connections from four addresses that send nothing, and read.
const QUIET: Flood = Flood {
    name: "",
    addresses: 4,
    connections: 10,
    to: Place::Lines,
    first: Vec::new,
    again: |_| Vec::new(),
    reads: true,
    leaves: false,
    is_refused: false,
};

pub(crate) const FLOODS: [Flood; 13] = [
    // The password is right, so that each login has to be checked.
    Flood { name: "logins", connections: 50, again: |_| line("auth mallory correct-horse"), ..QUIET },
    Flood {
        name: "wrong passwords",
        connections: 50,
        again: |number| line(&format!("auth mallory {number}")),
        is_refused: true,
        ..QUIET
    },
    Flood { name: "connections", connections: 400, is_refused: true, ..QUIET },
    Flood { name: "garbage", again: garbage, is_refused: true, ..QUIET },
    Flood { name: "half lines", addresses: 20, connections: 100, first: || vec![b'a'; 60_000], ..QUIET },
    Flood { name: "slow readers", addresses: 9, connections: 100, first: many_histories, reads: false, ..QUIET },
    Flood { name: "subscriptions", connections: 50, first: login, again: subscriptions, ..QUIET },
    Flood { name: "rooms", first: login, again: rooms, ..QUIET },
    Flood { name: "half handshakes", addresses: 20, connections: 100, to: Place::Tls, first: half_a_hello, ..QUIET },
    Flood { name: "handshakes", connections: 50, to: Place::Tls, first: hello, leaves: true, ..QUIET },
    Flood { name: "pages", to: Place::Web, again: pages, ..QUIET },
    Flood { name: "pings", to: Place::Web, first: upgrade, again: |_| ping().repeat(1000), is_refused: true, ..QUIET },
    // A message of 64,000 bytes, of which most never come.
    Flood { name: "half messages", addresses: 20, connections: 100, to: Place::Web, first: half_a_message, ..QUIET },
];

/// The account that is attacked; its password is hashed at the usual cost.
pub(crate) fn register() -> Vec<u8> {
    line("register mallory correct-horse Mallory")
}

/// Two hundred messages that are long to read again.
pub(crate) fn notes() -> Vec<u8> {
    let text = "x".repeat(5_000);
    let params = format!(r#"{{"to":"lineker","text":"{text}"}}"#);
    [login(), request("send", &params).repeat(NOTES)].concat()
}

pub(crate) const NOTES: usize = 200;

fn login() -> Vec<u8> {
    request("login", r#"{"user":"lineker","password":"surabaya"}"#)
}

/// 10 MB of answers for 1 KB of requests.
fn many_histories() -> Vec<u8> {
    [login(), request("history", r#"{"with":"lineker","limit":1000}"#).repeat(10)].concat()
}

fn subscriptions(number: usize) -> Vec<u8> {
    if number.is_multiple_of(100) {
        return request("send", r#"{"to":"lineker","text":"to all of them"}"#);
    }
    [request("subscribe", r#"{"after":0}"#), request("unsubscribe", "{}")].concat()
}

fn rooms(number: usize) -> Vec<u8> {
    let params = format!(r##"{{"room":"#{number}-{}"}}"##, std::process::id());
    [request("room.create", &params), request("room.delete", &params)].concat()
}

/// 16 KiB of bytes without sense, in lines of some 256 bytes.
fn garbage(number: usize) -> Vec<u8> {
    let mut state = number as u64 | 1;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    bytes.take(16 * 1024).collect()
}

/// The first message of a TLS client.
fn hello() -> Vec<u8> {
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut bytes = Vec::new();
    ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

fn half_a_hello() -> Vec<u8> {
    let mut bytes = hello();
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn pages(_: usize) -> Vec<u8> {
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100)
}

fn upgrade() -> Vec<u8> {
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

fn ping() -> Vec<u8> {
    vec![0x89, 0x80, 1, 2, 3, 4]
}

fn half_a_message() -> Vec<u8> {
    [upgrade(), vec![0x81, 0xfe, 0xfa, 0x00, 1, 2, 3, 4], vec![b'a'; 60_000]].concat()
}

fn line(text: &str) -> Vec<u8> {
    format!("{text}\n").into_bytes()
}

fn request(method: &str, params: &str) -> Vec<u8> {
    line(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#))
}
