//! What the engine does not start with.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use chat_cluster::{Nats, NatsOptions};
use chat_cluster_testing::{NatsCluster, NatsOptions as NodeOptions, free_ports};

use crate::options;

fn refusal(options: NatsOptions) -> String {
    Nats::connect(options).unwrap_err().to_string()
}

#[test]
fn a_single_copy_is_not_enough() {
    let nodes = NatsCluster::start(1);
    let text = refusal(options(&nodes, "single"));
    assert!(text.contains("cannot make the stream chat-single-log, which needs 3 servers"), "{text}");
    Nats::connect(options(&nodes, "test").allow_single()).unwrap();
    let text = refusal(options(&nodes, "test"));
    assert!(text.contains("chat-test-log in NATS keeps 1 copies, not 3 or more"), "{text}");
}

#[test]
fn servers_that_do_not_sync_are_refused() {
    let nodes = NatsCluster::start_with(1, NodeOptions { sync_always: false, ..NodeOptions::default() });
    let text = refusal(options(&nodes, "test").allow_single());
    assert!(text.contains("acknowledges before it has synced: set `sync_interval: always`"), "{text}");
    let unchecked = NatsOptions::new(&nodes.urls().join(","), "test").unwrap().allow_single();
    Nats::connect(unchecked.clone()).unwrap();
    let nobody = unchecked.monitor("http://127.0.0.1:1").unwrap();
    assert!(refusal(nobody).contains("none of the monitoring ports"));
}

#[test]
fn logins_are_needed_where_they_are() {
    let login = Some(("us:er".to_owned(), "p@ss".to_owned()));
    let nodes = NatsCluster::start_with(1, NodeOptions { login, ..NodeOptions::default() });
    let address = nodes.urls()[0].trim_start_matches("nats://").to_owned();
    let with = |user: &str| NatsOptions::new(&format!("nats://{user}{address}"), "test").unwrap().allow_single();
    Nats::connect(with("us%3Aer:p%40ss@")).unwrap();
    for user in ["", "us%3Aer:wrong@"] {
        let text = refusal(with(user));
        assert!(text.contains("authorization violation"), "{text}");
        assert!(!text.contains("wrong"), "{text}");
    }
}

#[test]
fn nobody_at_the_address_is_told() {
    let text = refusal(NatsOptions::new("nats://127.0.0.1:1", "test").unwrap());
    assert!(text.contains("none of the servers can be used"), "{text}");
}

#[test]
fn small_messages_are_not_enough() {
    let nodes =
        NatsCluster::start_with(1, NodeOptions { more: "max_payload: 500000".into(), ..NodeOptions::default() });
    let text = refusal(options(&nodes, "test").allow_single());
    assert!(text.contains("raise `max_payload`"), "{text}");
}

/// Debian 12 brings a version that has lost acknowledged messages.
#[test]
fn debians_old_server_is_refused() {
    let program = Path::new("/usr/sbin/nats-server");
    let version = Command::new(program).arg("--version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v2.9.")) {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_ports(1)[0].to_string());
    let mut command = Command::new(program);
    command.args(["-js", "-a", "127.0.0.1", "-p", &port, "-sd"]).arg(folder.path()).stderr(Stdio::null());
    let _server = Server(command.spawn().unwrap());
    chat_cluster_testing::eventually("it listens", || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).ok());
    let text = refusal(NatsOptions::new(&format!("nats://127.0.0.1:{port}"), "test").unwrap());
    assert!(text.contains("is version 2.9.10, and 2.15.1 or later is needed"), "{text}");
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
