//! The release binary as a child, and what can be seen of it from outside: its metrics, memory and descriptors.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use tempfile::TempDir;

use crate::certificates::Authority;

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const MIB: f64 = 1024.0 * 1024.0;

/// A running server on a directory of its own; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) clear: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) web: SocketAddr,
    pub(crate) tls_web: SocketAddr,
    metrics: SocketAddr,
    authority: Authority,
    _data: TempDir,
}

impl Server {
    /// A server with the demo users, TLS and metrics, whose limits apply to loopback, too.
    pub(crate) fn start(args: &[&str]) -> Self {
        let (data, authority) = (TempDir::new().unwrap(), Authority::new());
        let (certificate, key) = authority.write(&authority.pair(&["localhost", "127.0.0.1"]));
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["--demo", "--metrics", "127.0.0.1:0"]);
        if !args.contains(&"--limit-loopback") {
            command.args(["--limit-loopback", "yes"]);
        }
        command.args(["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]).args(args);
        command.args(["--web", "127.0.0.1:0", "--tls-web", "127.0.0.1:0"]);
        if !args.contains(&"--memory") {
            command.arg("--data").arg(data.path());
        }
        command.arg("--tls-certificate").arg(certificate).arg("--tls-key").arg(key);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let prefixes = [
            "listening on ",
            "listening with TLS on ",
            "open http://",
            "browsers with TLS on ",
            "metrics are at http://",
        ];
        let mut addresses = prefixes.map(|_| None);
        while addresses.contains(&None) {
            let line = lines.next().expect("the server has not started");
            for (address, prefix) in addresses.iter_mut().zip(prefixes) {
                let rest = line.split_once(prefix).map(|(_, rest)| rest.split('/').next().unwrap());
                *address = address.or(rest.and_then(|rest| rest.parse::<SocketAddr>().ok()));
            }
        }
        let errors = lines.filter(|line| line.contains(" ERROR "));
        thread::spawn(move || errors.for_each(|line| eprintln!("{line}")));
        let [clear, tls, web, tls_web, metrics] = addresses.map(Option::unwrap);
        Self { child, clear, tls, web, tls_web, metrics, authority, _data: data }
    }

    /// The certificate of the authority that signed the server's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.authority.path("ca.pem")
    }

    /// Has it run only when nothing else wants to.
    pub(crate) fn give_way(&self) {
        give_way(&["--all-tasks"], Pid::from_child(&self.child));
    }

    /// The sum of a metric over its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let values = text.lines().filter_map(|line| line.rsplit_once(' '));
        let matching = values.filter(|(key, _)| key.split('{').next() == Some(name));
        matching.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    }

    /// How many requests, connections and handshakes were refused, given up or cut off.
    pub(crate) fn refusals(&self) -> f64 {
        ["chat_refusals_total", "chat_connections_refused_total", "chat_tls_handshakes_failed_total"]
            .iter()
            .map(|name| self.metric(name))
            .sum()
    }

    /// The most memory that was resident so far, in bytes.
    pub(crate) fn peak(&self) -> f64 {
        self.status("VmHWM:")
    }

    /// The memory that is resident, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    fn status(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }

    /// How many descriptors are open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

/// Has a thread run only when nothing else wants to.
pub(crate) fn give_way(options: &[&str], thread: Pid) {
    let mut command = Command::new("chrt");
    command.arg("--idle").args(options).args(["--pid", "0"]).arg(thread.as_raw_nonzero().to_string());
    assert!(command.status().expect("chrt is in util-linux").success());
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
