//! The client over TLS, against servers that are rustls and little else: whom it trusts, and how a connection ends.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::client::Stream;
use chat_lib::limits::Limits;
use chat_lib::protocol::{CloseReason, Event};
use chat_lib::{Chat, Client, ClientOptions, Connection, Error, Events, Outbox, ServerAddress};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, PKCS_ED25519, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::certificates::{Authority, params, self_sign, self_signed_pair};
use super::{Running, demo_chat};
use crate::support::{self, tokens};

impl Authority {
    /// Those of a client that trusts this authority alone.
    fn options(&self) -> ClientOptions {
        trusting(&self.path("ca.pem"))
    }

    /// A server's side, with a certificate of this authority.
    fn localhost(&self) -> Arc<ServerConfig> {
        config(&self.pair(&["localhost", "127.0.0.1"]), &[&TLS13, &TLS12])
    }
}

fn config((certificate, key): &(String, String), versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap().with_no_client_auth();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn trusting(ca: &Path) -> ClientOptions {
    ClientOptions::new().ca_file(ca).unwrap()
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

fn accept(listener: &TcpListener, config: &Arc<ServerConfig>) -> Tls {
    StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), listener.accept().unwrap().0)
}

/// A server for connections one after the other, and its address.
fn serve(script: impl FnOnce(TcpListener) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("chats://localhost:{}", listener.local_addr().unwrap().port());
    (address, thread::spawn(move || script(listener)))
}

/// Serves one connection of a chat until it ends; returns how.
fn answer(chat: &Chat, peer: &mut Tls) -> Result<(), ErrorKind> {
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(chat));
    let mut chunk = [0; 4096];
    loop {
        let count = match peer.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(problem) => return Err(problem.kind()),
        };
        assert_eq!(connection.receive(&chunk[..count], &mut out), count);
        peer.write_all(&out.take()).unwrap();
        peer.flush().unwrap();
    }
}

#[test]
fn a_session_over_tls() {
    for version in [&TLS12, &TLS13] {
        let (authority, (chat, _)) = (Authority::new(), demo_chat(Limits::default()));
        let identity = config(&authority.pair(&["localhost"]), &[version]);
        let (address, server) = serve(move |listener| {
            let mut peer = accept(&listener, &identity);
            assert_eq!(answer(&chat, &mut peer), Ok(()), "the client says that it goes");
            assert_eq!(peer.conn.protocol_version(), Some(version.version));
        });
        let client = Client::connect_with(&address, &authority.options()).unwrap();
        let messi = client.login("messi", "surabaya").unwrap();
        let text = "x".repeat(40_000);
        messi.send("messi", &text).unwrap();
        assert_eq!(messi.inbox().unwrap().iter().next().unwrap().body(), text);
        drop((client, messi));
        server.join().unwrap();
    }
}

/// An address may be an IP address, and then the certificate has to be for that.
#[test]
fn a_certificate_for_an_ip_address() {
    let (authority, (chat, _)) = (Authority::new(), demo_chat(Limits::default()));
    let identity = authority.localhost();
    let (address, server) = serve(move |listener| answer(&chat, &mut accept(&listener, &identity)).unwrap());
    let address = address.replace("localhost", "127.0.0.1");
    Client::connect_with(address, &authority.options()).unwrap().login("messi", "surabaya").unwrap();
    server.join().unwrap();
}

/// A small server has a certificate that nobody but itself has signed; a client that has that one as its CA file trusts it.
#[test]
fn a_certificate_that_signs_itself() {
    let (pair, (chat, _)) = (self_signed_pair(), demo_chat(Limits::default()));
    let identity = config(&pair, &[&TLS13]);
    let (address, server) = serve(move |listener| answer(&chat, &mut accept(&listener, &identity)).unwrap());
    let ca = file(pair.0.as_bytes());
    Client::connect_with(address, &trusting(ca.path())).unwrap().login("messi", "surabaya").unwrap();
    server.join().unwrap();
}

/// What a client says of a server with this certificate.
fn refusal(identity: Arc<ServerConfig>, options: &ClientOptions) -> String {
    let (address, server) = serve(move |listener| {
        let mut peer = accept(&listener, &identity);
        assert!(peer.read(&mut [0; 16]).is_err(), "nothing is sent to a server that is not trusted");
    });
    let told = match Client::connect_with(address, options) {
        Err(Error::Tls(told)) => told,
        other => panic!("{other:?}"),
    };
    server.join().unwrap();
    told
}

#[test]
fn a_certificate_that_is_not_accepted_is_told_with_its_reason() {
    let (authority, versions) = (Authority::new(), [&TLS13]);
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = params(&["localhost"]);
        change(&mut params);
        config(&authority.sign(params), &versions)
    };
    let options = authority.options();
    let told = refusal(with(|params| params.not_after = date_time_ymd(2020, 2, 1)), &options);
    assert!(told.starts_with("the server's certificate expired at 2020-02-01T00:00:00Z; its operator has"), "{told}");
    let told = refusal(with(|params| params.not_before = date_time_ymd(3000, 1, 1)), &options);
    assert!(told.starts_with("the server's certificate is not valid before 3000-01-01T00:00:00Z"), "{told}");
    let told = refusal(config(&authority.pair(&["chat.example.org", "192.0.2.1"]), &versions), &options);
    let expected = "the server's certificate is for chat.example.org and 192.0.2.1, not for localhost; ";
    assert!(told.starts_with(expected), "{told}");
    let told =
        refusal(config(&authority.pair(&["a.example", "b.example", "c.example", "d.example"]), &versions), &options);
    let expected =
        "the server's certificate is for a.example and b.example and c.example and others, not for localhost; ";
    assert!(told.starts_with(expected), "{told}");
    let told = refusal(authority.localhost(), &Authority::new().options());
    assert!(
        told.contains("an authority that is not trusted here; if the server has an authority of its own"),
        "{told}"
    );
    // An authority that has the same name, and a key of another kind.
    let mut params_of_other = params(&[]);
    params_of_other.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params_of_other.distinguished_name.push(DnType::CommonName, "an authority");
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let other = file(params_of_other.self_signed(&key).unwrap().pem().as_bytes());
    let told = refusal(authority.localhost(), &trusting(other.path()));
    assert!(told.contains("an authority that is not trusted here"), "{told}");
    // The system has authorities, or it has none; in either case not this one.
    let told = refusal(authority.localhost(), &ClientOptions::new());
    assert!(told.contains("an authority that is not trusted here"), "{told}");
    let mut params = params(&["localhost"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = self_sign(params);
    let ca = file(pair.0.as_bytes());
    let told = refusal(config(&pair, &versions), &trusting(ca.path()));
    assert!(told.contains("that of an authority (CA:TRUE)"), "{told}");
}

#[test]
fn a_ca_file_that_is_none() {
    let refused = |content: &[u8]| match ClientOptions::new().ca_file(file(content).path()) {
        Err(Error::Tls(told)) => told,
        other => panic!("{other:?}"),
    };
    assert!(refused(b"").starts_with("there is no certificate in "));
    assert!(
        refused(KeyPair::generate().unwrap().serialize_pem().as_bytes()).starts_with("there is no certificate in ")
    );
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(pem).contains(" has a damaged certificate: "));
    let error = ClientOptions::new().ca_file("/nowhere/ca.pem").unwrap_err();
    assert!(matches!(&error, Error::Io(problem) if problem.kind() == ErrorKind::NotFound), "{error:?}");
    assert!(error.to_string().starts_with("/nowhere/ca.pem: "), "{error}");
    let server = support::Running::new(Chat::memory());
    let Err(Error::Tls(told)) = Client::connect_with(server.address, &Authority::new().options()) else { panic!() };
    assert_eq!(
        told,
        format!("a CA file is for encrypted connections; the address has to be chats://{}", server.address)
    );
}

/// Each side is told what the other one speaks, rather than that its answer makes no sense.
#[test]
fn tls_and_clear_text_are_told_apart() {
    let server = support::Running::new(Chat::memory());
    let address = ServerAddress::from(server.address).encrypted();
    let Err(Error::Tls(told)) = Client::connect_with(address, &Authority::new().options()) else { panic!() };
    assert!(told.starts_with("the other side does not speak TLS here"), "{told}");

    let server = Running::new();
    let client = Client::connect(server.address).unwrap();
    let Err(Error::BadReply(told)) = client.login("messi", "surabaya") else { panic!() };
    assert_eq!(told, "it is TLS; the address has to be chats://HOST:PORT");
}

/// Nothing that has come is left in a buffer, where no descriptor tells of it.
#[test]
fn a_session_and_its_events_on_a_server_of_ours() {
    let server = Running::new();
    let address = format!("chats://localhost:{}", server.address.port());
    let client = Client::connect_with(&address, &server.authority.options()).unwrap();
    let (messi, lineker) = (client.login("messi", "surabaya").unwrap(), client.login("lineker", "surabaya").unwrap());
    let mut events = lineker.events().unwrap();
    let texts: Vec<_> = (0..50).map(|number| format!("{number}{}", "x".repeat(10_000))).collect();
    for text in &texts {
        messi.send("lineker", text).unwrap();
    }
    let mut heard = Vec::new();
    while heard.len() < texts.len() {
        if let Event::Message(message) = events.next().unwrap().unwrap() {
            heard.push(message.text);
        }
    }
    assert_eq!(heard, texts);
}

/// Later handshakes are cheaper, if the same options are used.
#[test]
fn a_session_of_tls_is_resumed() {
    let (authority, (chat, _)) = (Authority::new(), demo_chat(Limits::default()));
    let identity = authority.localhost();
    let (address, server) = serve(move |listener| {
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut peer = accept(&listener, &identity);
            answer(&chat, &mut peer).unwrap();
            assert_eq!(peer.conn.handshake_kind(), Some(kind));
        }
    });
    let options = authority.options();
    for _ in 0..2 {
        Client::connect_with(&address, &options.clone()).unwrap().login("messi", "surabaya").unwrap();
    }
    server.join().unwrap();
}

/// Whoever can cut a connection must not be able to end an answer.
#[test]
fn a_connection_that_was_cut_has_ended_no_answer() {
    let authority = Authority::new();
    let identity = authority.localhost();
    let (address, server) = serve(move |listener| {
        let mut peer = accept(&listener, &identity);
        assert!(peer.read(&mut [0; 1024]).unwrap() > 0);
        peer.write_all(b"{\"status\": \"OK\"").unwrap();
        peer.flush().unwrap();
        peer.sock.shutdown(Shutdown::Both).unwrap();
    });
    let client = Client::connect_with(&address, &authority.options()).unwrap();
    assert!(matches!(client.login("messi", "surabaya"), Err(Error::Disconnected)));
    server.join().unwrap();
}

/// Tickets that come unasked made a connection look closed, or a closed one open.
#[test]
fn whether_a_connection_is_closed_is_known_without_waiting() {
    for says_so in [true, false] {
        let authority = Authority::new();
        let identity = authority.localhost();
        let (address, server) = serve(move |listener| {
            let mut peer = accept(&listener, &identity);
            assert_eq!(peer.read(&mut [0; 1]).unwrap(), 1);
            peer.write_all(b"b").unwrap();
            peer.flush().unwrap();
            assert_eq!(peer.read(&mut [0; 1]).unwrap(), 1);
            if says_so {
                peer.conn.send_close_notify();
                peer.flush().unwrap();
            } else {
                peer.sock.shutdown(Shutdown::Write).unwrap();
            }
            // The client has seen it.
            assert!(!matches!(peer.sock.read(&mut [0; 1024]), Ok(1..)));
        });
        let mut stream = Stream::connect(&address.parse().unwrap(), &authority.options()).unwrap();
        stream.write_all(b"a").unwrap();
        // What has come is still to be read.
        let mut peeked = [0];
        while stream.socket().peek(&mut peeked).unwrap() == 0 {}
        assert!(!stream.is_closed());
        assert_eq!(stream.read(&mut peeked).unwrap(), 1);
        assert!(!stream.is_closed());
        stream.write_all(b"c").unwrap();
        stream.socket().set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.socket().peek(&mut peeked).unwrap();
        assert!(stream.is_closed());
        drop(stream);
        server.join().unwrap();
    }
}

/// The events' connection waits for nothing, and is made again over TLS, too.
#[test]
fn events_come_over_tls_and_are_connected_again() {
    let authority = Authority::new();
    let (identity, other) = (authority.localhost(), Authority::new().localhost());
    let (address, server) = serve(move |listener| {
        let mut peer = Script::accept(&listener, &identity);
        peer.begin(3);
        peer.message(4);
        // It is cut without a word.
        peer.lines.get_ref().sock.shutdown(Shutdown::Both).unwrap();
        // For a while, somebody else answers.
        assert!(accept(&listener, &other).read(&mut [0; 16]).is_err());
        let mut peer = Script::accept(&listener, &identity);
        peer.begin(4);
        for id in 5..2000 {
            peer.message(id);
        }
        peer.say(&json!({"jsonrpc": "2.0", "method": "closed", "params": {"reason": "session_ended"}}));
    });
    let token = tokens().next().unwrap();
    let events = Events::connect(&address, &authority.options(), token, None).unwrap();
    let mut ids = 4..2000;
    for event in events {
        match event.unwrap() {
            Event::Message(message) => assert_eq!(Some(message.id.get()), ids.next()),
            Event::Lagged => assert_eq!(ids.start, 5),
            Event::Closed { reason: CloseReason::Ended } => assert!(ids.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    assert!(ids.is_empty());
    server.join().unwrap();
}

#[test]
fn events_of_a_server_that_is_not_trusted() {
    let identity = Authority::new().localhost();
    let (address, server) = serve(move |listener| assert!(accept(&listener, &identity).read(&mut [0; 16]).is_err()));
    let token = tokens().next().unwrap();
    let outcome = Events::connect(&address, &Authority::new().options(), token, None);
    assert!(matches!(outcome, Err(Error::Tls(_))), "{outcome:?}");
    server.join().unwrap();
}

/// A connection of a server that follows a script.
struct Script {
    lines: BufReader<Tls>,
}

impl Script {
    fn accept(listener: &TcpListener, config: &Arc<ServerConfig>) -> Self {
        Self { lines: BufReader::new(accept(listener, config)) }
    }

    fn say(&mut self, line: &Value) {
        self.lines.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        self.lines.get_mut().flush().unwrap();
    }

    fn message(&mut self, id: u64) {
        let message =
            json!({"id": id, "with": "ana", "from": "ana", "name": "Ana", "text": "x".repeat(300), "time": 1});
        self.say(&json!({"jsonrpc": "2.0", "method": "message", "params": message}));
    }

    /// Opens the session and the subscription.
    fn begin(&mut self, next: u64) {
        for method in ["resume", "subscribe"] {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            let request: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(request["method"], method);
            let login = json!({"token": request["params"]["token"], "user": "messi", "name": "Messi", "epoch": "x"});
            let result = if method == "resume" { login } else { json!({"next": next}) };
            self.say(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
        }
    }
}
