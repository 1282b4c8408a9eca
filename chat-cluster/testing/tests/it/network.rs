//! Hosts that are cut off do not reach each other until that ends.

use chat_cluster_testing::{NatsCluster, NatsOptions, Network, eventually};

#[test]
fn a_node_that_is_cut_off_loses_its_cluster() {
    let network = Network::start(3);
    let hosts = network.hosts();
    let cluster = NatsCluster::on_hosts(hosts, NatsOptions::default());
    let leader_for = |index| {
        cluster.ask(index, "/jsz")?.pointer("/meta_cluster/leader").map(|leader| leader.as_str().unwrap().to_owned())
    };
    let leader = eventually("a leader", || leader_for(0));
    let leader: usize = leader.trim_start_matches('n').parse().unwrap();
    let (cut, others): (Vec<_>, Vec<_>) = hosts.iter().cloned().partition(|host| *host == hosts[leader]);
    network.partition(&cut, &others);
    let other = (leader + 1) % 3;
    eventually("the others have another leader", || leader_for(other).filter(|name| *name != format!("n{leader}")));
    // The monitor still answers from here.
    assert!(cluster.ask(leader, "/varz").is_some());
    network.heal();
    eventually("all have the same leader", || (leader_for(leader)? == leader_for(other)?).then_some(()));
    cluster.wait_ready();
}
