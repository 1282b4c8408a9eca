//! Links between servers of one process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use chat_cluster_testing::{PATIENCE, eventually};
use chat_lib::server::{Link, PACKET_BYTES, ServerId};

use super::channel::Channels;
use super::{LinkSecret, TlsLink};
use crate::engine::ServerCard;

type Packets = Receiver<(ServerId, Vec<u8>)>;

#[test]
fn packets_go_both_ways_in_order() {
    let (one, from_other) = link(1, SECRET, "127.0.0.1:0");
    let (other, from_one) = link(2, SECRET, "127.0.0.1:0");
    one.set_servers(&[card(1, one.address()), card(2, other.address())]);
    other.set_servers(&[card(1, one.address()), card(2, other.address())]);
    for number in 0..1000_u32 {
        one.send(id(2), number.to_be_bytes().to_vec());
        other.send(id(1), vec![]);
    }
    one.send(id(2), vec![9; PACKET_BYTES]);
    one.send(id(3), vec![1]);
    for number in 0..1000_u32 {
        assert_eq!(from_one.recv_timeout(PATIENCE).unwrap(), (id(1), number.to_be_bytes().to_vec()));
        assert_eq!(from_other.recv_timeout(PATIENCE).unwrap(), (id(2), vec![]));
    }
    assert_eq!(from_one.recv_timeout(PATIENCE).unwrap().1.len(), PACKET_BYTES);
}

#[test]
fn a_link_lasts_while_nothing_is_said() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let (other, from_one) = link(2, SECRET, "127.0.0.1:0");
    let (address, accepted) = count_connections(other.address());
    one.set_servers(&[card(2, address)]);
    one.send(id(2), vec![1]);
    from_one.recv_timeout(PATIENCE).unwrap();
    assert!(accepted.recv_timeout(PATIENCE).is_ok());
    // Longer than a silent one would.
    assert!(accepted.recv_timeout(Duration::from_secs(5)).is_err());
    one.send(id(2), vec![2]);
    assert_eq!(from_one.recv_timeout(PATIENCE).unwrap().1, [2]);
}

#[test]
fn it_connects_again() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let (other, from_one) = link(2, SECRET, "127.0.0.1:0");
    let address = other.address();
    one.set_servers(&[card(2, address)]);
    one.send(id(2), vec![1]);
    from_one.recv_timeout(PATIENCE).unwrap();
    drop(other);
    let (_other, from_one) = eventually("the port is free", || try_link(2, SECRET, &address.to_string()));
    eventually("it is connected again", || {
        one.send(id(2), vec![2]);
        from_one.recv_timeout(Duration::from_millis(50)).ok()
    });
    // A restarted server has a new number.
    drop((_other, from_one));
    let (_new, from_one) = eventually("the port is free", || try_link(3, SECRET, &address.to_string()));
    one.set_servers(&[card(3, address)]);
    eventually("it is connected to the new one", || {
        one.send(id(2), vec![2]);
        one.send(id(3), vec![3]);
        from_one.recv_timeout(Duration::from_millis(50)).ok().map(|(_, packet)| assert_eq!(packet, [3]))
    });
}

#[test]
fn nothing_goes_to_a_server_that_has_gone() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let (other, from_one) = link(2, SECRET, "127.0.0.1:0");
    let send_once_there = |packet: u8| {
        one.set_servers(&[card(2, other.address())]);
        one.send(id(2), vec![packet]);
        assert_eq!(from_one.recv_timeout(PATIENCE).unwrap().1, [packet]);
    };
    send_once_there(1);
    one.set_servers(&[]);
    one.send(id(2), vec![2]);
    send_once_there(3);
}

#[test]
fn another_secret_is_refused_by_both() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    assert_refused(connect(2, OTHER, 1, one.address()), "does not accept");
    // One that claims to know it is noticed, too.
    let (listener, address) = listen();
    let connecting = thread::spawn(move || connect(2, SECRET, 1, address));
    let accepted = block_on(async {
        let channels = Channels::new(id(1), LinkSecret::new(OTHER).unwrap()).unwrap();
        let mut stream = channels.accept_tls(tokio_stream(listener.accept().unwrap().0)).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[0; 32]).await.unwrap();
        stream
    });
    assert_refused(connecting.join().unwrap(), "does not know the secret");
    drop(accepted);
}

#[test]
fn another_server_is_refused() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    assert_refused(connect(2, SECRET, 3, one.address()), "restarted");
    connect(2, SECRET, 1, one.address()).unwrap();
}

/// Who is in between, and has a TLS session with either side, passes on what they say.
#[test]
fn a_man_in_the_middle_is_refused() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let (listener, address) = listen();
    let to = one.address();
    let middle = thread::spawn(move || {
        block_on(async {
            let own = Channels::new(id(9), LinkSecret::new(OTHER).unwrap()).unwrap();
            let mut left = own.accept_tls(tokio_stream(listener.accept().unwrap().0)).await.unwrap();
            let mut right = own.connect_tls(tokio::net::TcpStream::connect(to).await.unwrap()).await.unwrap();
            tokio::io::copy_bidirectional(&mut left, &mut right).await.map_or(0, |(_, answered)| answered)
        })
    });
    assert_refused(connect(2, SECRET, 1, address), "does not accept");
    assert_eq!(middle.join().unwrap(), 0, "it got no answer");
}

#[test]
fn a_packet_that_is_too_long_ends_the_connection() {
    let (one, packets) = link(1, SECRET, "127.0.0.1:0");
    block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let channels = Channels::new(id(2), LinkSecret::new(SECRET).unwrap()).unwrap();
        let stream = tokio::net::TcpStream::connect(one.address()).await.unwrap();
        let mut stream = channels.connect(id(1), stream).await.unwrap();
        stream.write_all(&[0, 0, 0, 1, 7]).await.unwrap();
        stream.write_all(&u32::try_from(PACKET_BYTES + 1).unwrap().to_be_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.len() <= 8, "signs of life at most");
    });
    assert_eq!(packets.recv_timeout(PATIENCE).unwrap().1, [7]);
    assert!(packets.try_recv().is_err());
}

#[test]
fn strangers_are_sent_away_in_time() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let began = Instant::now();
    let mut strangers: Vec<_> = (0..100).map(|_| TcpStream::connect(one.address()).unwrap()).collect();
    strangers[0].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    for stranger in &mut strangers {
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stranger.read_to_end(&mut Vec::new());
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    connect(2, SECRET, 1, one.address()).unwrap();
}

/// The network swallows everything from some moment on, in both directions.
#[test]
fn a_server_that_is_cut_off_is_noticed() {
    let (one, _packets) = link(1, SECRET, "127.0.0.1:0");
    let (other, from_one) = link(2, SECRET, "127.0.0.1:0");
    let (listener, address) = listen();
    let to = other.address();
    one.set_servers(&[card(2, address)]);
    let mut near = listener.accept().unwrap().0;
    let mut far = TcpStream::connect(to).unwrap();
    let (mut back_far, mut back_near) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    back_far.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (cut, is_cut) = mpsc::channel::<()>();
    let back = thread::spawn(move || {
        let mut bytes = [0; 4096];
        while is_cut.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
            if let Ok(length) = back_far.read(&mut bytes) {
                back_near.write_all(&bytes[..length]).unwrap();
            }
        }
    });
    one.send(id(2), vec![1]);
    near.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut bytes = [0; 4096];
    while from_one.try_recv().is_err() {
        if let Ok(length) = near.read(&mut bytes) {
            far.write_all(&bytes[..length]).unwrap();
        }
    }
    drop(cut);
    back.join().unwrap();
    let began = Instant::now();
    listener.accept().unwrap();
    let noticed = began.elapsed();
    assert!(noticed > Duration::from_millis(1500) && noticed < Duration::from_secs(6), "{noticed:?}");
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    while far.read(&mut bytes).is_ok_and(|length| length > 0) {}
    assert!(began.elapsed() < Duration::from_secs(8), "the other side notices, too");
}

fn link(own: u8, secret: &[u8], listen: &str) -> (TlsLink, Packets) {
    try_link(own, secret, listen).unwrap()
}

fn try_link(own: u8, secret: &[u8], listen: &str) -> Option<(TlsLink, Packets)> {
    let (sender, packets) = mpsc::channel();
    let receive = move |from, packet: &[u8]| drop(sender.send((from, packet.to_vec())));
    let link = TlsLink::start(id(own), listen, LinkSecret::new(secret).unwrap(), Arc::new(receive)).ok()?;
    Some((link, packets))
}

fn connect(own: u8, secret: &[u8], to: u8, address: SocketAddr) -> std::io::Result<()> {
    block_on(async {
        let channels = Channels::new(id(own), LinkSecret::new(secret).unwrap()).unwrap();
        channels.connect(id(to), tokio::net::TcpStream::connect(address).await?).await.map(drop)
    })
}

fn assert_refused(result: std::io::Result<()>, part: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

/// An address that forwards its connections to `to`, and a channel that reports each of them.
fn count_connections(to: SocketAddr) -> (SocketAddr, Receiver<()>) {
    let (listener, address) = listen();
    let (sender, accepted) = mpsc::channel();
    thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(to).unwrap());
            let _ = sender.send(());
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    (address, accepted)
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn tokio_stream(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.unwrap() })
}

fn id(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

fn card(number: u8, address: SocketAddr) -> ServerCard {
    ServerCard {
        id: id(number),
        name: format!("server {number}"),
        address: Some(address.to_string()),
        version: "1".to_owned(),
        applied: 0,
        serves: true,
    }
}

const SECRET: &[u8] = &[7; 32];
const OTHER: &[u8] = &[8; 32];
