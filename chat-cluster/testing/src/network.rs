//! Hosts with addresses of their own on one machine, which can be cut off from each other. Needs root.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::install::run;

/// How the network namespaces and bridges of tests are called; the number of the tests' process and a dash follow.
const PREFIX: &str = "cht";

/// A hardware address that nobody has.
const NOWHERE: &str = "02:00:00:00:00:01";

/// Hosts that are network namespaces, on a bridge that this machine is on, too. What is cut off from another host still reaches this
/// machine, and is reached by it.
#[derive(Debug)]
pub struct Network {
    name: String,
    hosts: Vec<Host>,
}

/// A host of a [`Network`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    name: String,
    ip: Ipv4Addr,
}

impl Host {
    /// Its address, which this machine and the other hosts reach it at.
    pub fn ip(&self) -> IpAddr {
        self.ip.into()
    }

    /// The words before a command that is to run on this host.
    pub(crate) fn enter(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Whether its packets to `other` reach anybody.
    fn reach(&self, other: &Host, reaches: bool) {
        let Self { name, .. } = self;
        let other = other.ip;
        // Packets to nobody vanish without a word, as they do on a cable that is cut.
        ip(&if reaches {
            format!("-n {name} neigh flush to {other} dev eth0 nud all")
        } else {
            format!("-n {name} neigh replace {other} lladdr {NOWHERE} nud permanent dev eth0")
        });
    }
}

impl Network {
    /// A network of so many hosts. What tests that were killed have left behind is removed first.
    ///
    /// # Panics
    ///
    /// The caller is not root, or the system has no network namespaces.
    pub fn start(hosts: usize) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        clean_up();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}", process::id());
        ip(&format!("link add {name}b type bridge"));
        // From here on it is removed when dropped.
        let mut network = Self { name, hosts: Vec::new() };
        let [first, second, third] = network.take_addresses();
        for number in 0..hosts {
            let host = format!("{}h{number}", network.name);
            let address = Ipv4Addr::new(first, second, third, u8::try_from(number + 2).unwrap());
            network.add(Host { name: host, ip: address });
        }
        network
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Cuts all hosts of one group off from all of the other.
    pub fn partition(&self, group: &[Host], other_group: &[Host]) {
        self.set(group, other_group, false);
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        self.set(&self.hosts, &self.hosts, true);
    }

    fn set(&self, group: &[Host], other_group: &[Host], reaches: bool) {
        for host in group {
            for other in other_group.iter().filter(|other| *other != host) {
                host.reach(other, reaches);
                other.reach(host, reaches);
            }
        }
    }

    /// Gives this machine an address on the bridge: the first that is free of those that are set aside for tests of networks
    /// (RFC 2544). The hosts have the ones after it.
    fn take_addresses(&self) -> [u8; 3] {
        let start = process::id() % 512;
        let nets = (start..start + 512).map(|net| net % 512);
        let taken = run(Command::new("ip").args(["-4", "addr"]));
        let net = |net: u32| [198, if net < 256 { 18 } else { 19 }, u8::try_from(net % 256).unwrap()];
        let is_free = |[first, second, third]: &[u8; 3]| !taken.contains(&format!("{first}.{second}.{third}."));
        let [first, second, third] = nets.map(net).find(is_free).expect("a free network");
        let name = &self.name;
        ip(&format!("addr add {first}.{second}.{third}.1/24 dev {name}b"));
        ip(&format!("link set {name}b up"));
        [first, second, third]
    }

    fn add(&mut self, host: Host) {
        let (bridge, Host { name, ip: address }) = (&self.name, &host);
        ip(&format!("netns add {name}"));
        ip(&format!("link add {name} type veth peer name eth0 netns {name}"));
        ip(&format!("link set {name} master {bridge}b up"));
        ip(&format!("-n {name} addr add {address}/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("-n {name} link set lo up"));
        self.hosts.push(host);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        ["h", "b"].iter().for_each(|kind| remove(&format!("{}{kind}", self.name)));
    }
}

/// Removes the networks of tests that do not run any more.
fn clean_up() {
    for name in ours("/sys/class/net").into_iter().chain(ours("/run/netns")) {
        let id = name.trim_start_matches(PREFIX).split('-').next().unwrap();
        if !Path::new("/proc").join(id).exists() {
            remove(&name);
        }
    }
}

/// Removes the namespaces and links whose names begin so. Somebody else may do the same.
fn remove(name: &str) {
    let remove = |kind: &str, name: &str| Command::new("ip").args([kind, "delete", name]).output().unwrap();
    for namespace in ours("/run/netns").iter().filter(|other| other.starts_with(name)) {
        remove("netns", namespace);
    }
    for link in ours("/sys/class/net").iter().filter(|other| other.starts_with(name)) {
        remove("link", link);
    }
}

/// What is in a folder, and called as tests call it.
fn ours(folder: &str) -> Vec<String> {
    let names =
        fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(PREFIX)).collect()
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}
