//! A reactor whose rounds the test counts, in one thread with its peers.

#![cfg(feature = "tls")]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;
use crate::server::builder::Listener;
use crate::server::identity::TlsIdentity;
use crate::server::listen::listen;

/// The first message of a client.
fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// All that had come at once was served before anybody was answered.
#[test]
fn handshakes_leave_room_for_others() {
    const PEERS: usize = 20;
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listening = listen(&[Listener::tls(any, identity)]).unwrap();
    let address = listening[0].socket.local_addr().unwrap();
    let mut reactor = Reactor::new(Chat::memory(), Arc::default(), JobQueues::new().0).unwrap();
    reactor.listen(Vec::new(), listening, vec![reactor.handle()]).unwrap();
    reactor.queue_time = Duration::ZERO;

    let hello = client_hello();
    let clients: Vec<TcpStream> = std::iter::repeat_with(|| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&hello).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    })
    .take(PEERS)
    .collect();
    let answered = || clients.iter().filter(|client| client.peek(&mut [0]).is_ok()).count();
    let mut events = Events::with_capacity(1024);
    let mut before = 0;
    for _ in 0..10_000 {
        reactor.round(&mut events, Some(reactor.now)).unwrap();
        reactor.acceptor.as_mut().unwrap().accept_if_due(reactor.now);
        let now = answered();
        assert!(now - before <= 1, "{} in one round", now - before);
        before = now;
    }
    assert_eq!(before, PEERS);
}
