//! TLS as an operator sets it up: certificate files, SIGHUP, and what an idle connection costs.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};
use std::{fs, iter};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::certificates::{Authority, params};
use crate::monitor::{get, metrics_of};
use crate::process::{BINARY, Process, done, login, status};

/// Arguments for a server with the certificate of `authority`.
fn args(authority: &Authority) -> Vec<String> {
    let (certificate, key) = (authority.path("cert.pem"), authority.path("key.pem"));
    let files = ["--tls-certificate".to_owned(), text(certificate), "--tls-key".to_owned(), text(key)];
    ["--tls-listen".to_owned(), "127.0.0.1:0".to_owned()].into_iter().chain(files).collect()
}

fn text(path: std::path::PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

fn start(authority: &Authority) -> (Process, String) {
    let args = args(authority);
    let mut server = Process::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let address = server.wait_for("listening with TLS on ");
    (server, address)
}

/// Python, with a connection that asks a question for each line of its input and says the answer's first 100 bytes and the
/// certificate's number.
struct Peer {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

const SCRIPT: &str = "
import socket, ssl, sys
host, port = sys.argv[2].split(':')
context = ssl.create_default_context(cafile=sys.argv[1])
def connect():
    return context.wrap_socket(socket.create_connection((host, port), timeout=30), server_hostname='localhost')
peers = [connect() for _ in range(int(sys.argv[3]))]
for line in sys.stdin:
    for tls in peers:
        tls.sendall(line.encode())
        answer = tls.recv(100)
    print(answer, peers[-1].getpeercert()['serialNumber'], flush=True)
";

impl Peer {
    fn connect(authority: &Authority, address: &str) -> Self {
        Self::connect_many(authority, address, 1)
    }

    fn connect_many(authority: &Authority, address: &str, count: usize) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).arg(authority.path("ca.pem")).args([address, &count.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Has all connections ask; gives the certificate's number.
    fn ask(&mut self) -> String {
        self.child.stdin.as_mut().unwrap().write_all(b"halo\n").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(line.contains("Command tidak benar"), "{line}");
        line.split(' ').next_back().unwrap().trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

#[test]
fn sighup_takes_a_new_certificate_and_drops_nobody() {
    let authority = Authority::new();
    authority.write(&authority.pair(&["localhost"]));
    let (mut server, address) = start(&authority);
    let mut first = Peer::connect(&authority, &address);
    let old = first.ask();

    authority.write(&authority.pair(&["localhost"]));
    server.signal(Signal::HUP);
    server.wait_for("configuration reloaded");
    let new = Peer::connect(&authority, &address).ask();
    assert_ne!(new, old);

    fs::write(authority.path("key.pem"), "nothing").unwrap();
    server.signal(Signal::HUP);
    server.wait_for("the old one and its certificate stay in effect");
    assert_eq!(Peer::connect(&authority, &address).ask(), new);

    authority.write(&authority.expired_pair(&["localhost"]));
    server.signal(Signal::HUP);
    server.wait_for("the TLS certificate has expired; clients refuse it");
    assert_eq!(first.ask(), old);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn status_warns_of_a_certificate_that_expires() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let mut params = params(&["localhost"]);
    // The half day is for a test that takes long.
    params.not_after = (SystemTime::now() + Duration::from_secs(5 * 86_400 + 43_200)).into();
    let expires = params.not_after.unix_timestamp();
    authority.write(&authority.sign(params));
    let mut args = args(&authority);
    args.extend(["--metrics", "127.0.0.1:0"].map(str::to_owned));
    let mut server = Process::start_on_data(directory.path(), &args.iter().map(String::as_str).collect::<Vec<_>>());
    let metrics = get(metrics_of(&mut server), "/metrics").1;
    assert!(metrics.contains(&format!("\nchat_certificate_expiry_timestamp_seconds {expires}\n")), "{metrics}");
    let status = || done(&["status"], directory.path(), b"");
    let warning = "\nwarning           the TLS certificate ";
    assert!(status().contains(&format!("{warning}expires in 5 days; renew it\n")), "{}", status());

    authority.write(&authority.expired_pair(&["localhost"]));
    server.signal(Signal::HUP);
    server.wait_for("the TLS certificate has expired");
    server.wait_for("configuration reloaded");
    assert!(status().contains(&format!("{warning}has expired; clients refuse it\n")), "{}", status());

    authority.write(&authority.pair(&["localhost"]));
    server.signal(Signal::HUP);
    server.wait_for("configuration reloaded");
    assert!(!status().contains(warning), "{}", status());
}

#[test]
fn a_certificate_that_is_a_pipe_or_endless_is_refused() {
    let authority = Authority::new();
    authority.write(&authority.pair(&["localhost"]));
    let (mut server, address) = start(&authority);
    for name in ["cert.pem", "key.pem"] {
        let path = authority.path(name);
        for special in ["pipe", "/dev/zero"] {
            fs::remove_file(&path).unwrap();
            match special {
                "pipe" => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap(),
                device => symlink(device, &path).unwrap(),
            }
            server.signal(Signal::HUP);
            server.wait_for(&format!("{name}: it is not a regular file"));
        }
        fs::remove_file(&path).unwrap();
        authority.write(&authority.pair(&["localhost"]));
    }
    server.signal(Signal::HUP);
    server.wait_for("configuration reloaded");
    Peer::connect(&authority, &address).ask();
}

#[test]
fn files_that_are_open_to_others_are_warned_of() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.write(&authority.pair(&["localhost"]));
    let (key, data) = (authority.path("key.pem"), directory.path().join("data"));
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(&data).unwrap();
    let of_key = format!("{}: its mode lets every user of this machine read the TLS key", key.display());
    let of_data = format!("{}: its mode lets every user of this machine write to the data directory", data.display());
    let check = || {
        let mut command = Command::new(BINARY);
        command.args(["config", "check"]).env("CHAT_TLS_LISTEN", "127.0.0.1:0").env("CHAT_DATA", &data);
        command.env("CHAT_TLS_CERTIFICATE", authority.path("cert.pem")).env("CHAT_TLS_KEY", &key);
        let checked = command.output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
        String::from_utf8(checked.stderr).unwrap()
    };
    allow(&key, 0o640);
    allow(&data, 0o775);
    assert_eq!(check(), "");
    allow(&key, 0o644);
    allow(&data, 0o777);
    let said = check();
    assert!(said.lines().count() == 2 && said.contains(&of_key) && said.contains(&of_data), "{said}");

    let args = args(&authority);
    let server = Process::start_on_data(&data, &args.iter().map(String::as_str).collect::<Vec<_>>());
    login(&mut server.connect(), "messi");
    server.signal(Signal::TERM);
    let said = server.wait().1;
    for warning in [of_key, of_data] {
        assert_eq!(said.iter().filter(|line| line.contains(&format!("WARN {warning}"))).count(), 1, "{said:#?}");
    }
}

/// The files were moved, and the server looked for them where they had been.
#[test]
fn sighup_takes_a_certificate_from_elsewhere() {
    let (authority, other) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.write(&authority.pair(&["localhost"]));
    let at = |directory: &Path| {
        let file = |name: &str| format!("'{}'", directory.join(name).display());
        format!(
            "listen = '127.0.0.1:0'\nmemory = true\ntls_listen = '127.0.0.1:0'\ntls_certificate = {}\ntls_key = {}\n",
            file("cert.pem"),
            file("key.pem")
        )
    };
    let file = other.path().join("chat-server.toml");
    let here = authority.path("cert.pem").parent().unwrap().to_owned();
    fs::write(&file, at(&here)).unwrap();
    let name = file.to_str().unwrap();
    let mut server = Process::start_with_variables(&[("CHAT_CONFIG", name)]);
    let address = server.wait_for("listening with TLS on ");
    let old = Peer::connect(&authority, &address).ask();
    authority.write(&authority.pair(&["localhost"]));
    for pem in ["cert.pem", "key.pem"] {
        fs::rename(authority.path(pem), other.path().join(pem)).unwrap();
    }

    let check = || Command::new(BINARY).args(["config", "check", name]).output().unwrap();
    let checked = check();
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(said.contains(&format!("{name}:4: ")) && said.contains("cert.pem: No such file"), "{said}");
    fs::write(&file, at(other.path())).unwrap();
    assert!(check().status.success());
    server.signal(Signal::HUP);
    server.wait_for("INFO configuration reloaded changed=2 waiting=0");
    assert_ne!(Peer::connect(&authority, &address).ask(), old);
}

#[test]
fn of_the_sockets_that_are_passed_the_one_with_that_name_is_encrypted() {
    let authority = Authority::new();
    let (certificate, key) = authority.write(&authority.pair(&["localhost"]));
    let files = [("CHAT_TLS_CERTIFICATE", text(certificate)), ("CHAT_TLS_KEY", text(key))];
    let variables = files.each_ref().map(|(name, path)| (*name, path.as_str()));
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [clear, encrypted] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let mut server = Process::start_as_service(&variables, "chat:tls", sockets);
    assert_eq!((server.address, server.wait_for("listening with TLS on ")), (clear, encrypted.to_string()));
    login(&mut server.connect(), "messi");
    Peer::connect(&authority, &encrypted.to_string()).ask();
}

#[test]
fn a_server_without_its_certificate_does_not_start() {
    let authority = Authority::new();
    let run = || {
        let output = Command::new(BINARY).arg("--memory").args(args(&authority)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run();
    assert_eq!(code, Some(1));
    assert!(said.contains("cert.pem: No such file or directory"), "{said}");
    let (certificate, _) = authority.pair(&["localhost"]);
    let (_, key) = authority.pair(&["localhost"]);
    authority.write(&(certificate, key.clone()));
    let (code, said) = run();
    assert_eq!(code, Some(1));
    assert!(said.contains("the key does not match the certificate"), "{said}");
    assert!(key.lines().skip(1).all(|line| line.starts_with('-') || !said.contains(line)), "{said}");
}

#[test]
fn an_idle_connection_costs_little() {
    const COUNT: usize = 1000;
    let authority = Authority::new();
    authority.write(&authority.pair(&["localhost"]));
    let (server, address) = start(&authority);
    // What each thread of the server needs once.
    let mut peers: Vec<Peer> = iter::repeat_with(|| Peer::connect(&authority, &address)).take(8).collect();
    peers.iter_mut().for_each(|peer| _ = peer.ask());
    let before = status(server.id(), "VmRSS");
    let mut idle = Peer::connect_many(&authority, &address, COUNT);
    idle.ask();
    let each = (status(server.id(), "VmRSS") - before) * 1024 / COUNT as u64;
    assert!(each <= 16 * 1024, "{each} bytes for each");
}
