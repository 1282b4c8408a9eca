//! Packets through NATS.

use std::sync::{Arc, mpsc};

use chat_cluster::{NatsLink, Receive};
use chat_cluster_testing::PATIENCE;
use chat_lib::server::{Link, PACKET_BYTES, ServerId};

use crate::{card, connect};

type Packet = (ServerId, Vec<u8>);

fn open(name: &str, number: u8) -> (NatsLink, mpsc::Receiver<Packet>) {
    let (sender, receiver) = mpsc::channel();
    let receive: Receive = Arc::new(move |from, packet: &[u8]| {
        let _ = sender.send((from, packet.to_vec()));
    });
    (NatsLink::open(&connect(name), card(number).id, receive).unwrap(), receiver)
}

#[test]
fn packets_arrive_in_order() {
    let (one, to_one) = open("link", 1);
    let (two, to_two) = open("link", 2);
    for number in 0..1000_u32 {
        one.send(card(2).id, number.to_be_bytes().to_vec());
        two.send(card(1).id, number.to_le_bytes().to_vec());
    }
    for number in 0..1000_u32 {
        assert_eq!(to_two.recv_timeout(PATIENCE).unwrap(), (card(1).id, number.to_be_bytes().to_vec()));
        assert_eq!(to_one.recv_timeout(PATIENCE).unwrap(), (card(2).id, number.to_le_bytes().to_vec()));
    }
    one.send(card(3).id, b"nobody".to_vec());
    one.send(card(2).id, vec![5; PACKET_BYTES + 1]);
    one.send(card(2).id, vec![5; PACKET_BYTES]);
    assert_eq!(to_two.recv_timeout(PATIENCE).unwrap(), (card(1).id, vec![5; PACKET_BYTES]));
    one.send(card(1).id, b"to oneself".to_vec());
    assert_eq!(to_one.recv_timeout(PATIENCE).unwrap(), (card(1).id, b"to oneself".to_vec()));
}

#[test]
fn too_much_is_dropped_without_waiting() {
    let (one, _) = open("flood", 1);
    let (_two, to_two) = open("flood", 2);
    for number in 0..200_u32 {
        let mut packet = vec![0; PACKET_BYTES];
        packet[..4].copy_from_slice(&number.to_be_bytes());
        one.send(card(2).id, packet);
    }
    let mut last = None;
    let mut received = 0;
    while let Ok((_, packet)) = to_two.recv_timeout(std::time::Duration::from_secs(2)) {
        assert!(last.replace(packet.clone()) < Some(packet));
        received += 1;
    }
    assert!((10..200).contains(&received), "{received}");
}
