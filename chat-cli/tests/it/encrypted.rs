//! The client over TLS, against real servers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chat_lib::server::TlsIdentity;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::common::terminal::Terminal;
use crate::common::{BINARY, Running, Transport, text, without_tokens};

/// A server whose certificate is for `name`, and is its own issuer.
pub(crate) struct Encrypted {
    server: Running,
    directory: TempDir,
}

impl Encrypted {
    pub(crate) fn new(name: &str) -> Self {
        Self::on("127.0.0.1:0", name)
    }

    fn on(address: &str, name: &str) -> Self {
        Self::over(Transport::Tls, address, name)
    }

    /// With another transport over TLS.
    pub(crate) fn over(transport: fn(TlsIdentity) -> Transport, address: &str, name: &str) -> Self {
        let (key, directory) = (KeyPair::generate().unwrap(), TempDir::new().unwrap());
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        std::fs::write(directory.path().join("ca.pem"), &certificate).unwrap();
        let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        Self { server: Running::over(transport(identity), address), directory }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

fn run(args: &[&str], ca: Option<&Path>) -> Output {
    let mut client = Command::new(BINARY);
    client.args(args).args(ca.map(|ca| format!("--ca={}", ca.display()))).stdin(Stdio::null());
    client.output().unwrap()
}

const LOGIN: [&str; 2] = ["-c", "auth messi surabaya"];

#[test]
fn a_conversation_over_tls() {
    let encrypted = Encrypted::new("localhost");
    let (url, place) = (format!("chats://localhost:{}", encrypted.port()), format!("localhost:{}", encrypted.port()));
    let logged_in = "username messi logged in, token TOKEN\n";
    let talk = [&[&*url], &LOGIN[..], &["-c", "send messi halo", "-c", "inbox"]].concat();
    let output = run(&talk, Some(&encrypted.ca()));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let inbox = r#"{"messi": [{"msg_from": "Lionel Messi", "msg_to": "Lionel Messi", "msg": " halo\r\n"}]}"#;
    assert_eq!(without_tokens(&output), format!("{logged_in}message sent to messi\n{inbox}\n"));
    let output = run(&[&[&*place, "--tls"], &LOGIN[..]].concat(), Some(&encrypted.ca()));
    assert_eq!(without_tokens(&output), logged_in);
    // An authority that the system trusts.
    let mut client = Command::new(BINARY);
    client.arg(&url).args(LOGIN).env("SSL_CERT_FILE", encrypted.ca()).env_remove("SSL_CERT_DIR");
    assert_eq!(without_tokens(&client.stdin(Stdio::null()).output().unwrap()), logged_in);
}

#[test]
fn a_server_that_is_not_trusted_is_told_with_its_reason() {
    let (encrypted, clear) = (Encrypted::new("localhost"), Running::new());
    let (port, ca) = (encrypted.port(), encrypted.ca());
    let refused = |address: &str, ca, reason: &str| {
        let output = run(&[&[address], &LOGIN[..]].concat(), ca);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.starts_with(&format!("chat-cli: cannot connect to {address}: {reason}")), "{stderr}");
        assert_eq!(text(&output.stdout), "");
    };
    let localhost = format!("chats://localhost:{port}");
    refused(&localhost, None, "the server's certificate was issued by an authority that is not trusted here; if ");
    let reason = "the server's certificate is for localhost, not for 127.0.0.1; connect to a name that it is for\n";
    refused(&format!("chats://127.0.0.1:{port}"), Some(&ca), reason);
    refused(&format!("chats://{}", clear.address), Some(&ca), "the other side does not speak TLS here");
    let in_clear = clear.address.to_string();
    refused(&in_clear, Some(&ca), "a CA file is for encrypted connections; the address has to be chats://");

    let output = run(&[&[&*localhost], &LOGIN[..]].concat(), Some(Path::new("/nowhere/ca.pem")));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("for '--ca <FILE>': /nowhere/ca.pem: No such file"), "{output:?}");
    let output = run(&[&[&*format!("localhost:{port}")], &LOGIN[..]].concat(), None);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stderr).ends_with(": it is TLS; the address has to be chats://HOST:PORT\n"), "{output:?}");
}

#[test]
fn transcripts_over_tls() {
    let encrypted = Encrypted::new("localhost");
    let output = run(&["conform", &format!("chats://localhost:{}", encrypted.port())], Some(&encrypted.ca()));
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report} {}", text(&output.stderr));
    assert!(report.ends_with(" passed, 0 failed, 0 skipped\n"), "{report}");
}

/// Both connections are made again, that of the events and that of the requests, which has to notice that it was closed.
#[test]
fn a_server_that_comes_back_is_talked_to_over_tls() {
    let mut encrypted = Encrypted::on("127.0.0.27:0", "127.0.0.27");
    let (address, ca) = (encrypted.address(), encrypted.ca());
    let mut terminal = Terminal::running("dumb", &format!("chats://{address} --ca {}", ca.display()));
    terminal.wait_for("User: ");
    terminal.type_in("messi\n");
    terminal.wait_for("Password: ");
    terminal.type_in("surabaya\n");
    terminal.wait_for("Hello, Lionel Messi.");
    encrypted.server.chat.open_session("henderson").unwrap().send("messi", "before").unwrap();
    terminal.wait_for("Jordan Henderson: before");
    encrypted.server.stop();
    terminal.wait_for("Connection lost; reconnecting.");
    encrypted.server.start_again();
    terminal.wait_for("Reconnected.");
    terminal.type_in("/msg henderson after\n");
    terminal.type_in("/to henderson\n");
    terminal.wait_for("Lionel Messi: after");
}
