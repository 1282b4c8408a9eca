//! The release binary as a child, and a client of it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::fill::{self, Size};

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    began: Instant,
    address: SocketAddr,
}

impl Server {
    /// A server on that data, once it listens.
    pub(crate) fn start(data: &Path) -> Self {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("listening on ")?.1.parse().ok());
        let errors = lines.filter(|line| line.contains(" ERROR "));
        thread::spawn(move || errors.for_each(|line| eprintln!("{line}")));
        Self { child, began, address: address.expect("the server has not started") }
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Sends a message, and asks for an inbox.
    pub(crate) fn ask(&self, sender: &str, to: &str, reader: &str) {
        let mut stream = self.connect();
        for request in [format!("send {sender} {to} halo\r\n"), format!("inbox {reader}\r\n")] {
            stream.write_all(request.as_bytes()).unwrap();
            let answers = read_answers(&mut stream, 1);
            assert!(answers.starts_with(b"{\"status\": \"OK\""), "{}", String::from_utf8_lossy(&answers));
        }
    }

    /// Sends so many messages, from all sessions to all users.
    pub(crate) fn send(&self, tokens: &[String], count: usize, size: Size) {
        let mut stream = self.connect();
        for begin in (0..count).step_by(DEPTH) {
            let end = (begin + DEPTH).min(count);
            let request = |number: usize| {
                let to = fill::name(fill::scatter(number) % size.users);
                format!("send {} {to} I shall be there at about eight\r\n", tokens[number % tokens.len()])
            };
            let requests: String = (begin..end).map(request).collect();
            stream.write_all(requests.as_bytes()).unwrap();
            read_answers(&mut stream, end - begin);
        }
    }

    /// The memory that is resident, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }

    /// Waits until the server has nothing to do. Returns how long after its start that was.
    pub(crate) fn rest(&self) -> Duration {
        let mut used = (self.processor_ticks(), self.age());
        loop {
            thread::sleep(LOOK);
            let now = (self.processor_ticks(), self.age());
            // Its alarms take a little.
            if now.0 <= used.0 + 1 {
                return used.1;
            }
            used = now;
        }
    }

    fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads so many answers, each of which ends with an empty line.
fn read_answers(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let (mut found, mut piece) = (Vec::new(), [0; 1 << 16]);
    while found.windows(4).filter(|end| end == b"\r\n\r\n").count() < count {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the server has closed the connection");
        found.extend_from_slice(&piece[..length]);
    }
    found
}

/// How often to look whether the server has something to do.
const LOOK: Duration = Duration::from_millis(300);

/// How many requests are under way.
const DEPTH: usize = 256;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(600);
