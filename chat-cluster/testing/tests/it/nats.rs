//! The NATS servers that tests start do what they are told.

use std::net::TcpStream;

use chat_cluster_testing::{NatsCluster, eventually};

#[test]
fn nodes_are_killed_stopped_and_come_back() {
    let mut cluster = NatsCluster::start(3);
    let settings = cluster.ask(0, "/varz").unwrap();
    assert_eq!(
        settings.pointer("/jetstream/config/sync_always").and_then(|value| value.as_bool()),
        Some(true),
        "{settings}"
    );
    let leader = |cluster: &NatsCluster, of: usize| {
        let jsz = cluster.ask(of, "/jsz")?;
        jsz.pointer("/meta_cluster/leader")?.as_str()?.strip_prefix('n')?.parse::<usize>().ok()
    };
    let first = eventually("a leader", || leader(&cluster, 0));
    cluster.kill(first);
    let other = (first + 1) % 3;
    let second = eventually("another leader", || leader(&cluster, other).filter(|leader| *leader != first));
    cluster.restart(first);
    cluster.wait_ready();
    cluster.stop(second);
    eventually("a third leader", || leader(&cluster, first).filter(|leader| *leader != second));
    cluster.cont(second);
    cluster.wait_ready();
}

#[test]
fn one_node_is_enough_for_most() {
    let cluster = NatsCluster::start(1);
    assert_eq!(cluster.leader_of("nothing"), None);
    let address = cluster.urls().first().unwrap().trim_start_matches("nats://").to_owned();
    TcpStream::connect(&address).unwrap();
    drop(cluster);
    assert!(TcpStream::connect(&address).is_err());
}
