//! Proxies in front of a server, which say whom a connection is from.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::server::Handle;
use chat_lib::{Chat, Server};
use socket2::{Domain, Socket, Type};

use crate::support::demo_chat;

/// The addresses of loopback that the server takes for a proxy's.
const PROXIES: &str = "127.1.0.0/16";
const PROXY: &str = "127.1.2.3";

/// A server that trusts proxies, until it is dropped.
struct Running {
    address: SocketAddr,
    handle: Handle,
    chat: Chat,
}

impl Running {
    fn new(limits: Limits) -> Self {
        let chat = demo_chat(limits).0;
        let builder = Server::builder(chat.clone()).trust_proxies(["192.0.2.1", PROXIES].map(|it| it.parse().unwrap()));
        let server = builder.listen(SocketAddr::from(([127, 0, 0, 1], 0))).bind().unwrap();
        let (address, handle) = (server.addresses()[0], server.handle());
        thread::spawn(move || server.run().unwrap());
        Self { address, handle, chat }
    }

    fn connect_from(&self, host: &str) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(host.parse().unwrap(), 0).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Where messi's last session was opened from.
    fn last_login(&self) -> Option<SocketAddr> {
        self.chat.sessions().unwrap().iter().max_by_key(|session| session.opened).unwrap().from
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

/// Reads one answer; what came of it if the server closes.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => answer.push(byte[0]),
            Err(problem) => {
                assert_eq!(problem.kind(), ErrorKind::ConnectionReset);
                break;
            }
        }
    }
    String::from_utf8(answer).unwrap()
}

/// A header of version 2 with addresses, and something that is no address behind them.
fn version_2(command: u8, family: u8, source: &[u8], port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    let extra = [0x04, 0, 2, b'x', b'y'];
    let length = u16::try_from(2 * source.len() + 4 + extra.len()).unwrap();
    header.extend([0x20 | command, family]);
    header.extend(length.to_be_bytes());
    header.extend(source);
    header.extend(vec![0; source.len()]);
    header.extend(port.to_be_bytes());
    header.extend(443_u16.to_be_bytes());
    header.extend(extra);
    header
}

const LOGIN: &[u8] = b"auth messi surabaya\r\n";

#[test]
fn both_versions_say_whom_a_connection_is_from() {
    let server = Running::new(Limits::default());
    let ipv6 = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
    for (header, source) in [
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n".to_vec(), Some("192.0.2.7:5000")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 5001 443\r\n".to_vec(), Some("[2001:db8::7]:5001")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (version_2(1, 0x11, &[192, 0, 2, 7], 5002), Some("192.0.2.7:5002")),
        (version_2(1, 0x21, &ipv6, 5003), Some("[2001:db8::7]:5003")),
        // What looks whether the server is there.
        (version_2(0, 0x11, &[192, 0, 2, 7], 5004), None),
    ] {
        for in_pieces in [false, true] {
            let mut stream = server.connect_from(PROXY);
            let source = source.map_or(stream.local_addr().unwrap(), |source| source.parse().unwrap());
            let bytes = [&header[..], LOGIN].concat();
            let size = if in_pieces { 1 } else { bytes.len() };
            bytes.chunks(size).for_each(|piece| stream.write_all(piece).unwrap());
            let answer = read_answer(&mut stream);
            assert!(answer.contains("tokenid"), "{answer} to {}", header.escape_ascii());
            assert_eq!(server.last_login(), Some(source), "{}", header.escape_ascii());
            let token = answer.split('"').nth(7).unwrap();
            stream.write_all(format!("logout {token}\r\n").as_bytes()).unwrap();
            read_answer(&mut stream);
        }
    }
}

#[test]
fn only_a_proxy_can_say_it_and_has_to() {
    let server = Running::new(Limits { line_time: Duration::from_millis(50), ..Limits::default() });
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n";
    let mut peer = server.connect_from("127.0.0.1");
    peer.write_all(&[header, LOGIN].concat()).unwrap();
    assert!(read_answer(&mut peer).contains("Command tidak benar"), "from anybody else it is garbage");
    assert!(read_answer(&mut peer).contains("tokenid"));
    assert_eq!(server.last_login(), Some(peer.local_addr().unwrap()));

    // The third is longer than a header may be.
    for bad in [LOGIN, b"PROXY TCP4 192.0.2.7 no 1 2\r\n", &version_2(1, 0x11, &[1; 4000], 1), b"PROXY TCP4 192.0", b""]
    {
        let mut stream = server.connect_from(PROXY);
        stream.write_all(bad).unwrap();
        assert_eq!(read_answer(&mut stream), "", "{}", bad.escape_ascii());
    }
}

#[test]
fn limits_are_those_of_the_address_behind_the_proxy() {
    let server = Running::new(Limits { connections_per_address: 1, requests_burst: 1, ..Limits::default() });
    let connect = |source: &str| {
        let mut stream = server.connect_from(PROXY);
        stream.write_all(format!("PROXY TCP4 {source} 192.0.2.1 5000 443\r\nhalo\r\n").as_bytes()).unwrap();
        (read_answer(&mut stream), stream)
    };
    let (answer, mut first) = connect("192.0.2.7");
    assert!(answer.contains("Command tidak benar"), "{answer}");
    assert!(connect("192.0.2.7").0.contains("too_many_connections"));
    assert!(connect("192.0.2.8").0.contains("Command tidak benar"));
    first.write_all(b"halo\r\n").unwrap();
    assert!(read_answer(&mut first).contains("rate_limited"));
}
