//! The binary as an operator sees it: arguments, log, signals, and the limits of the machine.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit, setrlimit};

use crate::monitor::{get, metrics_of};
use crate::player::{Wire, play_all};
use crate::process::{BINARY, PATIENCE, Process, ask, cpu_ticks, done, login, status, task, try_read_answer};

struct Sized {
    stream: TcpStream,
    size: usize,
}

impl Wire for Sized {
    fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.size) {
            self.stream.write_all(piece).unwrap();
        }
    }

    fn receive(&mut self) -> Vec<u8> {
        try_read_answer(&mut self.stream).unwrap().into_bytes()
    }
}

#[test]
fn transcripts_whole_byte_by_byte_and_pipelined() {
    for (size, pipelined) in [(usize::MAX, false), (1, false), (usize::MAX, true)] {
        let mut server: Option<(String, Process)> = None;
        play_all(pipelined, |name| {
            if server.as_ref().is_none_or(|(played, _)| played != name) {
                server = Some((name.to_owned(), Process::start(&[])));
            }
            Sized { stream: server.as_ref().unwrap().1.connect(), size }
        });
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    for (args, wanted) in [
        (&["--demo", "--listen", "0.0.0.0:0"][..], "--demo has a public password and cannot listen on 0.0.0.0:0"),
        (&["--demo", "--listen", "127.0.0.1:0", "--listen", "[::]:0"], "cannot listen on [::]:0"),
        (&["--demo", "--tls-listen", "0.0.0.0:0"], "cannot listen on 0.0.0.0:0"),
        (&["--listen", "0.0.0.0:0"], "add --allow-cleartext"),
        (&["--tls-listen", "0.0.0.0:0"], "add --tls-certificate and --tls-key"),
        (&["--tls-certificate", "cert.pem"], "needs --tls-key"),
        (&["--tls-key", "key.pem"], "needs --tls-certificate"),
        (&["--listen", "nonsense"], "invalid value 'nonsense' for '--listen <ADDR>'"),
        (&["--log", "loud"], "invalid value 'loud' for '--log <LEVEL>'"),
        (&["--nonsense"], "unexpected argument '--nonsense'"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(wanted), "{args:?}: {}", stderr(&output));
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // With so few connections, the limits of the machine do not matter.
    let output = run(&["--memory", "--listen", &address, "--connections", "100"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!("chat-server: cannot listen on {address}: Address already in use (os error 98)\n")
    );
}

#[test]
fn help_and_version() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    let settings = ["--line-bytes <BYTES>", "[default: 64KiB]", "--keep-read <DURATION>", "- everysec:"];
    let own = ["--listen <ADDR>", "--memory", "--demo", "--log <LEVEL>", "--version", "[default: 127.0.0.1:8889]"];
    for option in own.into_iter().chain(settings) {
        assert!(help.contains(option), "{option} is not in {help}");
    }
    let version = run(&["--version"]);
    assert_eq!(String::from_utf8(version.stdout).unwrap(), concat!("chat-server ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Only two of the limits could be set from the command line.
#[test]
fn limits_are_set_by_flags() {
    let server = Process::start(&["--line-bytes", "1KiB", "--mailbox-messages", "1", "--log", "off"]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let send = format!("send {token} henderson hi\r\n");
    for (line, wanted) in [(&"x".repeat(1100), "line_too_long"), (&send, "Message Sent"), (&send, "mailbox_full")] {
        let answer = ask(&mut stream, line.trim_end());
        assert!(answer.contains(wanted), "{answer}");
    }
}

#[test]
fn it_says_where_it_listens_and_what_it_forgets() {
    let mut server = Process::start(&["--listen", "127.0.0.2:0", "--log", "off"]);
    let second = server.wait_for("listening on ");
    assert!(second.starts_with("127.0.0.2:") && !second.ends_with(":0"));
    assert!(server.said.iter().any(|line| line.contains("kept in memory and gone when the server stops")));
    login(&mut TcpStream::connect(second).unwrap(), "messi");
    login(&mut server.connect(), "messi");
}

#[test]
fn signals_stop_it_with_all_answered() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Process::start_on("127.0.0.23:0");
        let mut idle = server.connect();
        let mut busy = server.connect();
        login(&mut idle, "messi");
        let token = login(&mut busy, "messi");
        busy.write_all(format!("send {token} messi halo\r\n").repeat(1000).as_bytes()).unwrap();
        let address = server.address;
        let asked = Instant::now();
        server.signal(signal);
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(5));
        let mut answers = String::new();
        busy.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("Message Sent").count(), 1000);
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_peer_that_reads_nothing_does_not_hold_up_the_end() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    while stream.write_all(&b"halo\n".repeat(1000)).is_ok() {}
    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[test]
fn one_line_per_event_and_no_secrets() {
    let mut server = Process::start(&["--log", "debug", "--connections", "100"]);
    let mut stream = server.connect();
    let peer = stream.local_addr().unwrap();
    let token = login(&mut stream, "messi");
    for line in [
        "auth messi sekret-1",
        "auth sekret-2 sekret-3",
        &format!("send {token} henderson sekret-4"),
        &format!("send {token} sekret-5 sekret-6"),
        &format!("inbox {token}"),
        "inbox sekret-7",
        &format!("activeuser {token}"),
        "sekret-8",
        &format!("logout {token}"),
    ] {
        ask(&mut stream, line);
    }
    drop(stream);
    server.wait_for("INFO disconnection");
    server.signal(Signal::TERM);
    let (_, said) = server.wait();
    let log: Vec<_> = said.iter().filter_map(|line| Some(line.split_once("Z ")?.1.trim_start())).collect();
    let wanted = [
        "INFO connection conn=1 peer=PEER",
        "INFO login conn=1 peer=PEER user=\"messi\"",
        "INFO refusal conn=1 peer=PEER user=\"messi\" command=\"login\" code=\"wrong_password\"",
        "INFO refusal conn=1 peer=PEER command=\"login\" code=\"no_such_user\"",
        "DEBUG send conn=1 peer=PEER user=\"messi\" to=\"henderson\"",
        "INFO refusal conn=1 peer=PEER user=\"messi\" command=\"send\" code=\"no_such_recipient\"",
        "DEBUG inbox conn=1 peer=PEER user=\"messi\" messages=0",
        "INFO refusal conn=1 peer=PEER code=\"no_such_session\"",
        "DEBUG activeuser conn=1 peer=PEER user=\"messi\"",
        "INFO refusal conn=1 peer=PEER code=\"bad_command\"",
        "INFO logout conn=1 peer=PEER user=\"messi\"",
        "INFO disconnection conn=1 peer=PEER",
    ];
    for (line, wanted) in log.iter().zip(wanted) {
        assert!(line.starts_with(&wanted.replace("PEER", &peer.to_string())), "wanted {wanted}, got {line}");
    }
    assert!(log.len() >= wanted.len());
    let all = said.join("\n");
    assert!(!all.contains("sekret") && !all.contains("surabaya") && !all.contains(&token), "{all}");
}

/// A server whose log is not read, with more of it than the 16,384 lines that may wait.
fn unread_log() -> (Child, ChildStderr) {
    let mut child = Command::new(BINARY)
        .args(["--memory", "--demo", "--listen", "127.0.0.1:0", "--log", "debug"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut said = String::new();
    while !said.ends_with('\n') || !said.contains("listening on ") {
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    let address = said.trim_end().rsplit_once(' ').unwrap().1;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut flood = stream.try_clone().unwrap();
    let flooding = std::thread::spawn(move || flood.write_all(&b"halo\n".repeat(20_000)).unwrap());
    let answer = "{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n";
    stream.read_exact(&mut vec![0; 20_000 * answer.len()]).unwrap();
    flooding.join().unwrap();
    (child, stderr)
}

#[test]
fn a_log_that_is_read_too_late_says_what_it_lost() {
    let (mut child, mut stderr) = unread_log();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(" lines of the log were lost, because stderr was read too slowly\n"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A peer without an account had the server write 24 MB for half a megabyte that it had sent.
#[test]
fn refusals_do_not_fill_the_log() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    let began = Instant::now();
    let flood = b"halo\n".repeat(5_000);
    let mut sender = stream.try_clone().unwrap();
    let flooding = std::thread::spawn(move || sender.write_all(&flood).unwrap());
    let answer = "{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n";
    stream.read_exact(&mut vec![0; 5_000 * answer.len()]).unwrap();
    flooding.join().unwrap();
    let seconds = began.elapsed().as_secs() as usize + 2;
    server.signal(Signal::TERM);
    let (_, said) = server.wait();
    let refusals = said.iter().filter(|line| line.contains("refusal")).count();
    assert!((100..=100 * seconds).contains(&refusals), "{refusals} in {seconds} s");
}

/// It once waited for ever to say how much of the log was lost.
#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let (mut child, stderr) = unread_log();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let (ended, ending) = channel();
    std::thread::spawn(move || ended.send(child.wait().unwrap().code()));
    assert_eq!(ending.recv_timeout(Duration::from_secs(5)), Ok(Some(0)));
    drop(stderr);
}

#[test]
fn without_file_descriptors_it_waits_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::start_on_data(directory.path(), &[]);
    // When it started, there were enough.
    let files = Rlimit { current: Some(40), ..getrlimit(Resource::Nofile) };
    prlimit(Pid::from_raw(server.id().try_into().unwrap()), Resource::Nofile, files).unwrap();
    let mut first = server.connect();
    let token = login(&mut first, "messi");
    // The system completes all of these; the server can take in only some.
    let mut others: Vec<TcpStream> = (0..60).map(|_| server.connect()).collect();
    server.wait_for("cannot accept connections; they wait until it works again");
    let _asks = UnixStream::connect(directory.path().join("control")).unwrap();
    server.wait_for("the control socket cannot accept; requests wait until it works again");
    let (id, mut starved) = (server.id(), others.pop().unwrap());
    let before = cpu_ticks(id);
    starved.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    starved.write_all(b"halo\n").unwrap();
    assert_eq!(try_read_answer(&mut starved), Err(ErrorKind::WouldBlock));
    assert!(cpu_ticks(id) - before < 20, "it used the processor while it waited");
    assert!(ask(&mut first, &format!("send {token} messi halo")).contains("Message Sent"));
    drop(others);
    starved.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(try_read_answer(&mut starved).unwrap().contains("Command tidak benar"));
    login(&mut server.connect(), "henderson");
    done(&["status"], directory.path(), b"");
    server.wait_for("accepting connections again");
    for line in ["cannot accept connections", "the control socket cannot accept"] {
        let count = server.said.iter().filter(|said| said.contains(line)).count();
        assert_eq!(count, 1, "{line:?} once, and not for each attempt");
    }
}

/// Connections took all descriptors that there were, and the operator could not even ban the one who had them.
#[test]
fn connections_leave_descriptors_for_the_operator() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::start_with_files(100, directory.path(), "--metrics 127.0.0.1:0");
    let metrics = metrics_of(&mut server);
    let warning = "the system allows too few open files for so many connections";
    if !server.said.iter().any(|line| line.contains(warning)) {
        server.wait_for(warning);
    }
    let mut others: Vec<TcpStream> = (0..150).map(|_| server.connect()).collect();
    let refused = |stream: &mut TcpStream| match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(problem) => assert_eq!(problem.kind(), ErrorKind::ConnectionReset),
    };
    refused(others.last_mut().unwrap());
    let operate = || {
        assert!(done(&["status"], directory.path(), b"").contains("\nconnections "));
        done(&["user", "ban", "messi"], directory.path(), b"");
        assert_eq!(get(metrics, "/healthz").0, "HTTP/1.1 200 OK");
    };
    operate();
    server.signal(Signal::HUP);
    server.wait_for("configuration reloaded");
    others.extend((0..150).map(|_| server.connect()));
    refused(others.last_mut().unwrap());
    operate();
    server.signal(Signal::TERM);
    let said = server.wait().1;
    assert!(!said.iter().any(|line| line.contains("cannot accept")), "{said:#?}");
}

/// A thread that the system refused was a panic of the control socket, and all later requests found it closed.
#[test]
fn without_threads_requests_are_refused_and_it_goes_on() {
    const STACK: u64 = 256 << 20;
    let directory = tempfile::tempdir().unwrap();
    let mut server = Process::start_with_stacks(directory.path(), STACK);
    // It has all its threads when it answers.
    login(&mut server.connect(), "messi");
    let id = Pid::from_raw(server.id().try_into().unwrap());
    // Unlike a limit of processes, one of memory holds for root, too.
    let limit = |room: Option<u64>| {
        let current = room.map(|room| status(server.id(), "VmSize") * 1024 + room);
        prlimit(id, Resource::As, Rlimit { current, maximum: None }).unwrap();
    };
    limit(Some(STACK / 2));
    for _ in 0..3 {
        let (success, _, stderr) = task(&["user", "list"], directory.path(), b"");
        assert!(!success && stderr.contains("the system has no thread for this request; try again later"), "{stderr}");
    }
    login(&mut server.connect(), "messi");
    limit(None);
    assert!(done(&["user", "list"], directory.path(), b"").contains("messi"));
    server.wait_for("a request on the control socket is refused");
    server.signal(Signal::TERM);
    let (status, said) = server.wait();
    assert!(status.success() && !said.join("\n").contains("panicked"), "{said:#?}");
}

/// The log's thread, too: the server panicked before it had begun.
#[test]
fn without_threads_it_does_not_start_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().display();
    done(&["user", "add", "ana", "--full-name", "Ana", "--password-stdin"], directory.path(), b"secret\n");
    for args in [format!("--listen 127.0.0.1:0 --data {data}"), format!("user edit ana --country Peru --data {data}")] {
        let script = format!("ulimit -v 4000000; exec {BINARY} {args}");
        let output = Command::new("sh").args(["-c", &script]).env("RUST_MIN_STACK", (8_u64 << 30).to_string()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}: {output:?}");
        assert!(stderr(&output).starts_with("chat-server: "), "{args}: {output:?}");
        assert!(stderr(&output).contains(": Resource temporarily unavailable"), "{args}: {output:?}");
    }
}

/// SIGHUP, which a terminal sends when it is closed, and others that servers are told to reopen files with ended the server without a
/// word.
#[test]
fn signals_that_it_has_no_use_for_are_ignored() {
    let mut server = Process::start(&[]);
    for signal in [Signal::USR1, Signal::USR2] {
        server.signal(signal);
        server.wait_for("INFO ignored; there is nothing to reopen");
    }
    server.signal(Signal::HUP);
    server.wait_for("INFO configuration reloaded changed=0 waiting=0");
    login(&mut server.connect(), "messi");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0), "the first signal that stops it is not taken for a second one");
}

#[test]
fn ten_thousand_idle_connections() {
    const COUNT: u64 = 10_000;
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Other tests have files open, too.
    assert!(maximum.is_none_or(|maximum| maximum > COUNT + 1000), "this test needs 11,000 open files, not {maximum:?}");
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();

    let server = Process::start(&["--log", "warn"]);
    login(&mut server.connect(), "messi");
    let (memory, threads) = (status(server.id(), "VmRSS"), status(server.id(), "Threads"));
    // One after the other: a burst would have to wait for the system to try again.
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..COUNT {
        let mut stream = server.connect();
        login(&mut stream, "messi");
        idle.push(stream);
    }
    let each = (status(server.id(), "VmRSS") - memory) * 1024 / COUNT;
    assert!(each <= 4096, "{each} bytes for each");
    assert_eq!(status(server.id(), "Threads"), threads);
    assert!(ask(&mut idle[9_999], "halo").contains("Command tidak benar"));
}
