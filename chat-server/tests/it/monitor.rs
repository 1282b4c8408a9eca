//! Metrics, health and status of the real server, also as Prometheus sees them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::process::{PATIENCE, Process, ask, done, login, task};

/// A server with metrics, and where they are.
fn start(args: &[&str]) -> (Process, SocketAddr) {
    let mut process = Process::start(&[&["--metrics", "127.0.0.1:0"], args].concat());
    let address = metrics_of(&mut process);
    (process, address)
}

pub(crate) fn metrics_of(process: &mut Process) -> SocketAddr {
    process.wait_for("metrics are at http://").strip_suffix("/metrics").unwrap().parse().unwrap()
}

/// The status line and the body of an answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> (String, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

fn request(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn metrics_and_health_are_served_over_http() {
    let (process, address) = start(&[]);
    let mut peer = process.connect();
    let token = login(&mut peer, "messi");
    ask(&mut peer, &format!("send {token} henderson halo"));
    let (status, metrics) = get(address, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    for line in [
        "chat_requests_total{command=\"send\",outcome=\"done\"} 1",
        "chat_messages_total 1",
        "chat_connections 1",
        "chat_users 3",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}"));
        line.trim().parse::<f64>().unwrap()
    };
    for name in ["process_cpu_seconds_total", "process_virtual_memory_bytes", "process_max_fds"] {
        assert!(value(name) >= 0.0, "{name}");
    }
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 5.0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - value("process_start_time_seconds")).abs() < 600.0);
    assert!(!metrics.contains(&token) && !metrics.contains("messi"));
    assert_eq!(get(address, "/healthz"), ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    assert_eq!(get(address, "/readyz?verbose"), ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()));
    assert_eq!(get(address, "/").0, "HTTP/1.1 404 Not Found");
    assert_eq!(request(address, "HEAD /metrics HTTP/1.1\r\n\r\n"), ("HTTP/1.1 200 OK".to_owned(), String::new()));
    assert_eq!(request(address, "POST /metrics HTTP/1.1\r\n\r\n").0, "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(request(address, "halo\r\n\r\n").0, "HTTP/1.1 400 Bad Request");
}

#[test]
fn a_server_that_stops_is_not_ready() {
    let (mut process, address) = start(&["--shutdown-grace", "1min"]);
    // Its answer is not taken, so the server waits for it.
    let mut peer = process.connect();
    let token = login(&mut peer, "messi");
    let text = "\u{1}".repeat(60_000);
    for _ in 0..60 {
        ask(&mut peer, &format!("send {token} messi {text}"));
    }
    // Six bytes for each character: more than the system takes for a peer that does not read.
    peer.write_all(format!("inbox {token}\r\n").as_bytes()).unwrap();
    peer.peek(&mut [0]).unwrap();
    process.signal(Signal::TERM);
    process.wait_for("stopping");
    // It says so just before.
    let began = Instant::now();
    while get(address, "/readyz").1 != "the server is stopping\n" {
        assert!(began.elapsed() < PATIENCE, "it never said so");
    }
    assert_eq!(get(address, "/healthz").0, "HTTP/1.1 200 OK");
    process.signal(Signal::TERM);
    process.wait();
}

#[test]
fn a_full_disk_is_not_ready_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start_on_data(directory.path(), &["--metrics", "127.0.0.1:0"]);
    let address = metrics_of(&mut process);
    let id = Pid::from_raw(process.id().try_into().unwrap());
    let limit_files = |current| prlimit(id, Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    let mut peer = process.connect();
    let token = login(&mut peer, "messi");
    assert_eq!(get(address, "/readyz").0, "HTTP/1.1 200 OK");
    limit_files(Some(0));
    let refusal = ask(&mut peer, &format!("send {token} henderson halo"));
    assert!(refusal.contains("\"code\": \"storage\""), "{refusal}");
    let (status, why) = get(address, "/readyz");
    assert_eq!((&*status, &*why), ("HTTP/1.1 503 Service Unavailable", "changes cannot be stored\n"));
    assert!(get(address, "/metrics").1.contains("\nchat_refusals_total{code=\"storage\"} 1\n"));
    let status = done(&["status"], directory.path(), b"");
    assert!(status.contains("\nwarning           changes cannot be stored: "), "{status}");
    limit_files(None);
    assert_eq!(get(address, "/readyz").0, "HTTP/1.1 200 OK");
}

#[test]
fn connections_past_the_bound_are_closed() {
    let (process, address) = start(&[]);
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    for mut stream in idle.iter().skip(16) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match stream.read(&mut [0]) {
            Ok(0) => {}
            Err(problem) if problem.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
    // Those that ask nothing do not keep their places for long.
    let start = Instant::now();
    for mut stream in idle {
        stream.read_to_end(&mut Vec::new()).ok();
    }
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(get(address, "/healthz").0, "HTTP/1.1 200 OK");
    drop(process);
}

#[test]
fn metrics_stay_on_loopback() {
    let refused = Command::new(crate::process::BINARY)
        .args(["--memory", "--listen", "127.0.0.1:0", "--metrics", "0.0.0.0:0"])
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("--metrics 0.0.0.0:0 is not loopback"), "{said}");
}

#[test]
fn promtool_is_content() {
    let (process, address) = start(&[]);
    let mut peer = process.connect();
    login(&mut peer, "messi");
    ask(&mut peer, "what");
    let (_, metrics) = get(address, "/metrics");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus, is installed");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// Killed when dropped.
struct Prometheus(Child);

impl Prometheus {
    /// Starts it on a port that was free a moment ago: it does not say which one it has taken.
    fn start(directory: &Path, target: SocketAddr) -> (Self, SocketAddr) {
        let config = directory.join("prometheus.yml");
        let scrape = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: chat\n    static_configs:\n      - targets: \
             ['{target}']\n"
        );
        fs::write(&config, scrape).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={free}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus, of Debian's package of that name, is installed");
        (Self(child), free)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn prometheus_scrapes_them() {
    let (process, address) = start(&[]);
    let token = login(&mut process.connect(), "messi");
    ask(&mut process.connect(), &format!("send {token} henderson halo"));
    let directory = tempfile::tempdir().unwrap();
    let (_prometheus, at) = Prometheus::start(directory.path(), address);
    let query = "/api/v1/query?query=chat_requests_total%7Bcommand%3D%22send%22%2Coutcome%3D%22done%22%7D";
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "it has not scraped anything");
        let answer = TcpStream::connect(at).ok().and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
            stream.write_all(format!("GET {query} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            Some(answer)
        });
        if answer.is_some_and(|answer| answer.contains("\"outcome\":\"done\"") && answer.contains(",\"1\"]")) {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn status_shows_what_an_operator_asks_first() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start_on_data(directory.path(), &["--metrics", "127.0.0.1:0"]);
    let metrics = metrics_of(&mut process);
    let mut peer = process.connect();
    let token = login(&mut peer, "messi");
    ask(&mut peer, &format!("send {token} henderson halo"));
    let status = done(&["status"], directory.path(), b"");
    let value = |name: &str| {
        let values: Vec<_> = status.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim).collect();
        assert_eq!(values.len(), 1, "{name} in {status}");
        values[0].to_owned()
    };
    assert_eq!(value("version"), env!("CARGO_PKG_VERSION"));
    assert!(value("running for").ends_with(" s"));
    assert_eq!(value("listening on"), process.address.to_string());
    assert_eq!(
        (value("users"), value("sessions"), value("connections")),
        ("0 online of 3".into(), "1".into(), "1".into())
    );
    assert!(value("data").contains(&format!(" in {}, ", directory.path().display())));
    assert!(value("data").contains(" free of "));
    assert_eq!(value("last dump"), "never");
    // The machine may have others.
    assert!(status.contains("\nwarning           there is no backup"), "{status}");
    assert!(!status.contains(&token));

    done(&["dump"], directory.path(), b"");
    let status = done(&["status"], directory.path(), b"");
    assert!(status.contains(" s ago\n") && !status.contains("there is no backup"), "{status}");
    let metrics = get(metrics, "/metrics").1;
    let gauge = |name: &str| {
        let found = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}"));
        found.trim().parse::<u64>().unwrap()
    };
    assert!(gauge("chat_disk_free_bytes") <= gauge("chat_disk_size_bytes"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!((now - 600..=now).contains(&gauge("chat_last_dump_timestamp_seconds")));
    drop(process);
    let (success, _, said) = task(&["status"], directory.path(), b"");
    assert!(!success && said.contains("no server is running on"), "{said}");
}
