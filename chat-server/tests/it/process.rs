//! The real binary, started on a free port of loopback.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Longer than anything takes: a test that waits for this has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub(crate) struct Process {
    child: Child,
    stderr: Receiver<String>,
    /// The lines of stderr that were read on the way to one that was waited for.
    pub(crate) said: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// `chat-server --memory --demo --listen 127.0.0.1:0` and more arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(BINARY).args(ARGS).args(args))
    }

    /// `chat-server --demo --listen 127.0.0.1:0 --data …` and more arguments.
    pub(crate) fn start_on_data(directory: &Path, args: &[&str]) -> Self {
        let data = ["--demo", "--listen", "127.0.0.1:0", "--data"];
        Self::spawn(Command::new(BINARY).args(data).arg(directory).args(args))
    }

    /// The same, with files of no more than `blocks` half kilobytes, until the limit is raised. The signal that the
    /// system sends with such a limit is at its default, as in a shell.
    pub(crate) fn start_on_small_disk(directory: &Path, blocks: u32) -> Self {
        let (data, args) = (directory.display(), "--demo --log error --listen 127.0.0.1:0");
        let script = format!("ulimit -Sf {blocks}; exec {BINARY} {args} --data {data}");
        Self::spawn(Command::new("sh").args(["-c", &script]))
    }

    /// `chat-server --listen 127.0.0.1:0 --data …`, for which permissions hold even if root runs the test.
    pub(crate) fn start_without_rights(directory: &Path) -> Self {
        Self::spawn(without_rights().args(["--listen", "127.0.0.1:0", "--data"]).arg(directory))
    }

    /// The same as [`start`](Self::start), on an address of loopback that is the caller's own: once the server is gone, the
    /// port will not be another test's.
    pub(crate) fn start_on(address: &str) -> Self {
        Self::spawn(Command::new(BINARY).args(["--memory", "--demo", "--listen", address]))
    }

    /// `chat-server` without arguments.
    pub(crate) fn start_with_variables(variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(BINARY).envs(variables.iter().copied()))
    }

    /// `chat-server --demo --listen 127.0.0.1:0 --data …` and more arguments, with room for no more than `count` open files.
    pub(crate) fn start_with_files(count: u32, directory: &Path, args: &str) -> Self {
        let data = directory.display();
        let script = format!("ulimit -n {count}; exec {BINARY} --demo --listen 127.0.0.1:0 --data {data} {args}");
        Self::spawn(Command::new("sh").args(["-c", &script]))
    }

    /// `chat-server --demo --listen 127.0.0.1:0 --data …`, each of whose threads takes `stack` bytes of address space.
    pub(crate) fn start_with_stacks(directory: &Path, stack: u64) -> Self {
        let data = ["--demo", "--listen", "127.0.0.1:0", "--data"];
        Self::spawn(Command::new(BINARY).args(data).arg(directory).env("RUST_MIN_STACK", stack.to_string()))
    }

    /// `chat-server --memory --demo` as a service manager starts it, with variables and sockets that it listens on.
    /// The sockets have names: `first:second`.
    pub(crate) fn start_as_service(variables: &[(&str, &str)], names: &str, sockets: [TcpListener; 2]) -> Self {
        // Descriptors from 3 on cannot be passed to a child without unsafe code, and a shell can move others there.
        let script = format!("exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ exec {BINARY} --memory --demo");
        let [first, second] = sockets.map(OwnedFd::from);
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(first).stdout(second).envs(variables.iter().copied());
        Self::spawn(command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (sender, stderr) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut process = Self { child, stderr, said: Vec::new(), address: nowhere };
        // The line may be JSON.
        process.address = process.wait_for("listening on ").trim_end_matches("\"}").parse().unwrap();
        process
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Reads stderr up to a line with `text` in it; gives what follows it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {text:?} in {:#?}", self.said));
            self.said.push(line.clone());
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and gives all of stderr with it.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        // The log's end is the process's end: nobody else holds its stderr.
        let mut said = std::mem::take(&mut self.said);
        while let Ok(line) = self.stderr.recv_timeout(PATIENCE) {
            said.push(line);
        }
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The binary, for which permissions hold even if root runs the test.
pub(crate) fn without_rights() -> Command {
    if !geteuid().is_root() {
        return Command::new(BINARY);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", BINARY]);
    command
}

/// Runs `chat-server` with these words and the data directory: whether it went well, stdout, stderr.
pub(crate) fn task(words: &[&str], directory: &Path, input: &[u8]) -> (bool, String, String) {
    let mut command = Command::new(BINARY);
    command.args(words).arg("--data").arg(directory);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The same for what goes well: stdout.
pub(crate) fn done(words: &[&str], directory: &Path, input: &[u8]) -> String {
    let (success, stdout, stderr) = task(words, directory, input);
    assert!(success, "{words:?}: {stderr}");
    stdout
}

/// Sends a line and gives the answer without its end.
pub(crate) fn ask(stream: &mut TcpStream, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let answer = try_read_answer(stream).unwrap();
    answer.strip_suffix("\r\n\r\n").unwrap().to_owned()
}

/// Reads one answer byte by byte, so that nothing behind it is lost.
pub(crate) fn try_read_answer(stream: &mut TcpStream) -> Result<String, ErrorKind> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(|problem| problem.kind())?;
        answer.push(byte[0]);
    }
    Ok(String::from_utf8(answer).unwrap())
}

pub(crate) fn login(stream: &mut TcpStream, user: &str) -> String {
    let answer = ask(stream, &format!("auth {user} surabaya"));
    let (_, token) = answer.split_once("\"tokenid\": \"").unwrap();
    token.trim_end_matches("\"}").to_owned()
}

/// A number out of `/proc/PID/status`.
pub(crate) fn status(id: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// User and system time of the process so far, in ticks of 10 ms.
pub(crate) fn cpu_ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_chat-server");
const ARGS: [&str; 4] = ["--memory", "--demo", "--listen", "127.0.0.1:0"];
