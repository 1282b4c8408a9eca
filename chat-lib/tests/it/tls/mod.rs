//! TLS, with clients that nobody here wrote: OpenSSL's `s_client` and Python's `ssl`, which is OpenSSL, too, but
//! is not forgiving.

pub(crate) mod certificates;
mod client;
mod identity;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::server::{Handle, Listener, TlsIdentity};
use chat_lib::{Chat, Server};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use self::certificates::{Authority, self_signed_pair};
use crate::support::demo_chat;

/// The client's side of TLS with `localhost`, whose certificate is from that authority.
pub(crate) fn client_session(authority: &Authority) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_file_iter(authority.path("ca.pem")).unwrap().flatten());
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config.with_no_client_auth()), name).unwrap()
}

/// A server that speaks TLS until it is dropped.
struct Running {
    authority: Authority,
    identity: TlsIdentity,
    address: SocketAddr,
    handle: Handle,
    chat: Chat,
}

impl Running {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let authority = Authority::new();
        let identity = authority.identity();
        let chat = demo_chat(limits).0;
        let listener = Listener::tls(([127, 0, 0, 1], 0).into(), identity.clone());
        let builder = Server::builder(chat.clone()).trust_proxies(["127.0.0.9".parse().unwrap()]);
        let server = builder.listen(listener).bind().unwrap();
        let (address, handle) = (server.addresses()[0], server.handle());
        assert_eq!(server.cleartext_addresses(), []);
        thread::spawn(move || server.run().unwrap());
        Self { authority, identity, address, handle, chat }
    }

    /// Starts a Python program, which finds `connect` and `ask` as in [`PRELUDE`].
    fn spawn_python(&self, script: &str) -> Child {
        let mut python = Command::new("python3");
        python.args(["-c", &format!("{PRELUDE}{script}")]).arg(self.authority.path("ca.pem"));
        python.arg(self.address.port().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        python.spawn().unwrap()
    }

    /// Runs a Python program that has to succeed: what it printed.
    fn python(&self, script: &str) -> String {
        printed(self.spawn_python(script))
    }

    /// Runs `openssl s_client` with more arguments, and asks one thing, if it gets as far: what it printed, on both outputs.
    fn s_client(&self, args: &[&str]) -> String {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address.to_string(), "-servername", "localhost", "-CAfile"]);
        command.arg(self.authority.path("ca.pem")).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended without reading.
        child.stdin.as_mut().unwrap().write_all(b"halo\n").ok();
        let mut printed = Vec::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        while stdout.read_until(b'\n', &mut printed).unwrap() > 0 && !printed.ends_with(REFUSED) {}
        drop(child.stdin.take());
        stdout.read_to_end(&mut printed).unwrap();
        printed.extend(child.wait_with_output().unwrap().stderr);
        String::from_utf8_lossy(&printed).into_owned()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Checks that others are served.
    fn assert_alive(&self) {
        assert!(self.python("print(ask(connect(), 'halo'))").contains("Command tidak benar"));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

/// Waits for a program that has to succeed: what it printed.
fn printed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const REFUSED: &[u8] = b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n";

const PRELUDE: &str = "
import os, socket, ssl, sys, threading, traceback

# A program ends with its first thread that fails.
threading.excepthook = lambda failed: (traceback.print_exception(failed.exc_value), os._exit(1))

def context(version=None):
    context = ssl.create_default_context(cafile=sys.argv[1])
    if version:
        context.minimum_version = context.maximum_version = version
    return context

def connect(context=context(), name='localhost', **options):
    raw = socket.create_connection(('127.0.0.1', int(sys.argv[2])), timeout=30)
    return context.wrap_socket(raw, server_hostname=name, suppress_ragged_eofs=False, **options)

def read(tls, count=1):
    answers = b''
    while answers.count(b'\\r\\n\\r\\n') < count:
        piece = tls.recv(65536)
        assert piece, answers
        answers += piece
    return answers.decode()

def ask(tls, line):
    tls.sendall(line.encode() + b'\\r\\n')
    return read(tls)

def login(tls, user):
    return ask(tls, f'auth {user} surabaya').split('\"')[7]

V2, V3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
";

#[test]
fn versions() {
    let server = Running::new();
    let said = server.python("[print(tls.version()) for tls in map(connect, map(context, (None, V2, V3)))]");
    assert_eq!(said, "TLSv1.3\nTLSv1.2\nTLSv1.3\n");
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = server.s_client(&[version, "-verify_return_error"]);
        assert!(said.contains(&format!("New, {name}")) && said.contains("Verification: OK"), "{said}");
    }
    // At this level OpenSSL itself offers what is not secure.
    for version in ["-tls1", "-tls1_1"] {
        let said = server.s_client(&[version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        assert!(said.contains("SSL alert") && said.contains("Cipher is (NONE)"), "{said}");
    }
}

#[test]
fn sessions_are_resumed() {
    let server = Running::new();
    for version in ["V2", "V3"] {
        let script = format!(
            "
c = context({version})
first = connect(c)
ask(first, 'halo')
second = connect(c, session=first.session)
ask(second, 'halo')
print(first.session_reused, second.session_reused)
"
        );
        assert_eq!(server.python(&script), "False True\n", "{version}");
    }
    let saved = server.authority.path("session.pem");
    let saved = saved.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let said = server.s_client(&[version, "-sess_out", saved]);
        assert!(said.contains("New, TLS"), "{said}");
        let said = server.s_client(&[version, "-sess_in", saved]);
        assert!(said.contains("Reused, TLS"), "{said}");
    }
}

/// Requests in pieces of many sizes, and an inbox that is much more than is held encrypted.
#[test]
fn requests_and_answers_are_whole() {
    let server = Running::new();
    let said = server.python(
        "
tls = connect()
token = login(tls, 'messi')
line = f'send {token} messi {\"x\" * 30000}\\r\\n'.encode()
sizes = 7, 4095, 16384, len(line)
for size in sizes:
    for at in range(0, len(line), size):
        tls.sendall(line[at:at + size])
    assert 'Message Sent' in read(tls)
tls.sendall(line * 100)
print(read(tls, 100).count('Message Sent'))
print(len(ask(tls, f'inbox {token}')) > 104 * 30000)
",
    );
    assert_eq!(said, "100\nTrue\n");
}

/// As over TCP. OpenSSL's programs do not read on after they have sent close_notify, so this is rustls itself.
#[test]
fn a_peer_that_half_closes_gets_its_answers_first() {
    let server = Running::new();
    let mut stream = StreamOwned::new(client_session(&server.authority), server.connect());
    stream.write_all(&b"halo\r\n".repeat(1000)).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    assert_eq!(String::from_utf8(answers).unwrap().matches("Command tidak benar").count(), 1000);
}

#[test]
fn a_stop_says_goodbye() {
    let server = Running::new();
    let mut python = server.spawn_python(
        "
tls = connect()
ask(tls, 'halo')
print('connected', flush=True)
print(tls.recv(1))
",
    );
    let mut line = [0; 10];
    python.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    server.handle.stop();
    // An end without close_notify would be an exception.
    assert_eq!(printed(python), "b''\n");
}

/// What a client thinks of the certificate is its business; the server serves the next one.
#[test]
fn clients_refuse_certificates_that_prove_nothing() {
    let server = Running::new();
    let refusal = "
try:
    ask(connect(name=NAME), 'halo')
    print('accepted')
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
";
    let refusal_of = |name: &str| server.python(&refusal.replace("NAME", &format!("{name:?}")));
    assert_eq!(refusal_of("localhost"), "accepted\n");
    assert!(refusal_of("example.org").contains("Hostname mismatch"));
    let said = server.s_client(&["-verify_hostname", "example.org", "-verify_return_error"]);
    assert!(said.contains("hostname mismatch"), "{said}");

    let (certificate, key) = server.authority.expired_pair(&["localhost"]);
    server.identity.replace(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert!(refusal_of("localhost").contains("certificate has expired"));
    let (certificate, key) = self_signed_pair();
    server.identity.replace(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert!(refusal_of("localhost").contains("self-signed certificate"));

    server.identity.reload().unwrap();
    assert_eq!(refusal_of("localhost"), "accepted\n");
}

#[test]
fn a_reload_under_load_loses_nobody() {
    let server = Running::new();
    let mut python = server.spawn_python(
        "
over = threading.Event()
counts = []

def talk():
    tls = connect()
    token = login(tls, 'messi')
    print(end='.', flush=True)
    count = 0
    while not over.is_set():
        assert 'Message Sent' in ask(tls, f'send {token} henderson halo')
        count += 1
    counts.append(count)

def come_and_go():
    serials = {connect().getpeercert()['serialNumber']}
    print(end='.', flush=True)
    while not over.is_set():
        serials.add(connect().getpeercert()['serialNumber'])
    counts.append(len(serials))

threads = [threading.Thread(target=it) for it in [talk] * 4 + [come_and_go]]
for thread in threads:
    thread.start()
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(len(counts), min(counts[:4]) > 0, max(counts) > 0)
",
    );
    let mut dots = [0; 5];
    python.stdout.as_mut().unwrap().read_exact(&mut dots).unwrap();
    let serial = || server.python("print(connect().getpeercert()['serialNumber'])");
    let mut seen = vec![serial()];
    for _ in 0..5 {
        server.authority.write(&server.authority.pair(&["localhost"]));
        server.identity.reload().unwrap();
        seen.push(serial());
    }
    seen.dedup();
    assert_eq!(seen.len(), 6, "each connection has the newest certificate");
    drop(python.stdin.take());
    assert_eq!(printed(python), "5 True True\n");
}

/// A session is not resumed when the certificate that opened it was replaced.
#[test]
fn a_reload_ends_the_tickets_of_before() {
    let server = Running::new();
    let mut python = server.spawn_python(
        "
c = context()
first = connect(c)
ask(first, 'halo')
print('connected', flush=True)
sys.stdin.read()
second = connect(c, session=first.session)
ask(second, 'halo')
print(second.session_reused, 'refused' in ask(first, 'halo'))
",
    );
    let mut line = [0; 10];
    python.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    server.identity.reload().unwrap();
    drop(python.stdin.take());
    assert_eq!(printed(python), "False False\n");
}

/// Long enough for the handshake of a Python that waits for its turn on a busy machine.
const SOON: Duration = Duration::from_millis(1500);

/// A half handshake, none at all, and a record that never ends: each has as long as a line.
#[test]
fn what_is_not_completed_ends_and_an_idle_peer_does_not() {
    let server = Running::with(Limits { line_time: SOON, ..Limits::default() });
    let mut idle = server.spawn_python(
        "
tls = connect()
ask(tls, 'halo')
print('connected', flush=True)
sys.stdin.read()
print('Command tidak benar' in ask(tls, 'halo'))
",
    );
    let mut line = [0; 10];
    idle.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    // The beginning of a ClientHello of 512 bytes.
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut stream = server.connect();
        stream.write_all(begun).unwrap();
        match stream.read(&mut [0; 100]) {
            Ok(count) => assert_eq!(count, 0, "{begun:?}"),
            Err(problem) => assert_eq!(problem.kind(), ErrorKind::ConnectionReset, "{begun:?}"),
        }
    }
    let said = server.python(
        "
tls = connect()
ask(tls, 'halo')
socket.socket.sendall(tls, b'\\x17\\x03\\x03\\x40\\x00' + b'x' * 1000)
try:
    print(tls.recv(1))
except (ssl.SSLEOFError, ConnectionError):
    print('closed')
",
    );
    assert_eq!(said, "b''\n");
    // All of that took longer than `line_time`, at least four times.
    drop(idle.stdin.take());
    assert_eq!(printed(idle), "True\n");
}

/// It was held until its time was over, and a peer without an account could have any number of key updates taken in at once.
#[test]
fn a_handshake_without_end_is_not_taken_in() {
    let server = Running::new();
    let mut stream = server.connect();
    // A ClientHello of 65,000 bytes, in records of 4,096.
    let hello = [&[1, 0, 0xfd, 0xe8][..], &[3; 64_000]].concat();
    for fragment in hello.chunks(4096) {
        let header = [&[22, 3, 1][..], &(fragment.len() as u16).to_be_bytes()].concat();
        // It is closed before the end.
        if stream.write_all(&[&header, fragment].concat()).is_err() {
            break;
        }
    }
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(problem) => assert_eq!(problem.kind(), ErrorKind::ConnectionReset),
    }
    server.assert_alive();
    let metrics = server.chat.metrics();
    assert!(metrics.contains("\nchat_tls_handshakes_failed_total 1\n"), "{metrics}");
}

/// Whoever can cut a connection must not be able to shorten a message.
#[test]
fn a_line_that_is_cut_off_is_not_done() {
    let server = Running::new();
    server.python(
        "
tls = connect()
token = login(tls, 'messi')
tls.sendall(f'send {token} henderson whole\\r\\nsend {token} henderson cut'.encode())
# The end of the stream, without close_notify.
socket.socket.shutdown(tls, socket.SHUT_WR)
assert 'Message Sent' in read(tls)
assert tls.recv(1) == b''
",
    );
    let inbox = server.chat.open_session("henderson").unwrap().inbox().unwrap();
    assert_eq!(inbox.iter().map(|message| message.body()).collect::<Vec<_>>(), ["whole"]);
}

#[test]
fn what_is_not_tls_is_told_so_and_harms_nobody() {
    let server = Running::new();
    for bytes in [&b"auth messi surabaya\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", &[0x16; 70_000], &[0xff; 70_000], &[0; 5]]
    {
        let mut stream = server.connect();
        // The server may have closed before it is all written.
        stream.write_all(bytes).ok();
        stream.shutdown(Shutdown::Write).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        // An alert, if it was not lost with what was sent behind it.
        assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
    }
    server.assert_alive();
    let metrics = server.chat.metrics();
    assert!(metrics.contains("\nchat_tls_handshakes_failed_total 5\n"), "{metrics}");
}

/// The header of a proxy comes before the handshake.
#[test]
fn behind_a_proxy() {
    let server = Running::new();
    let said = server.python(
        "
raw = socket.create_connection(('127.0.0.1', int(sys.argv[2])), timeout=30, source_address=('127.0.0.9', 0))
raw.sendall(b'PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\\r')
raw.sendall(b'\\n')
print(len(login(context().wrap_socket(raw, server_hostname='localhost'), 'messi')))
",
    );
    assert_eq!(said, "36\n");
    assert_eq!(server.chat.sessions().unwrap()[0].from, Some(([192, 0, 2, 7], 5000).into()));
}
