//! What a transport costs: processor time of the server for a request, and memory for a connection that is idle.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocket;
use tungstenite::{Message, client};

use crate::server::{PATIENCE, Server};

/// Connections that send requests at the same time.
const CLIENTS: usize = 64;

/// Connections that are idle, and how many of them before, for what the first ones have the server allocate.
const IDLE: usize = 4000;
const IDLE_BEFORE: usize = 1000;

/// Users and requests are not limited.
const OPTIONS: &[&str] =
    &["--memory", "--limit-loopback", "no", "--mailbox-messages", "1000000", "--mailbox-bytes", "1GiB"];

/// How often each is measured; the median counts.
const RUNS: usize = 5;

/// Prints a table; it is for comparing, so there is nothing that could fail.
pub(crate) fn run() -> bool {
    let server = Server::start(OPTIONS);
    println!("| transport | CPU µs per request, {CLIENTS} × 1 | {CLIENTS} × 32 | bytes of an idle connection |");
    println!("| --- | --- | --- | --- |");
    let transports = [Transport::Lines, Transport::WebSocket, Transport::Tls, Transport::TlsWebSocket];
    let mut figures = transports.map(|_| [Vec::new(), Vec::new(), Vec::new()]);
    for _ in 0..RUNS {
        for (transport, [single, pipelined, idle]) in transports.iter().zip(&mut figures) {
            single.push(cpu(&server, *transport, 1, 1000));
            pipelined.push(cpu(&server, *transport, 32, 100));
            idle.push(memory(*transport));
        }
    }
    for (transport, figures) in transports.iter().zip(&mut figures) {
        let [single, pipelined, idle] = figures.each_mut().map(|runs| {
            runs.sort_by(f64::total_cmp);
            runs[RUNS / 2]
        });
        println!("| {transport:?} | {single:.2} | {pipelined:.3} | {idle:.0} |");
    }
    true
}

#[derive(Clone, Copy, Debug)]
enum Transport {
    Lines,
    WebSocket,
    Tls,
    TlsWebSocket,
}

/// Microseconds of processor time that the server takes for a request.
fn cpu(server: &Server, transport: Transport, depth: usize, rounds: usize) -> f64 {
    let request =
        r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"henderson","text":"How are you all doing today?"}}"#;
    let connect = || {
        let mut wire = Wire::connect(server, transport);
        wire.ask(r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"messi","password":"surabaya"}}"#, 1);
        wire.ask(request, depth);
        wire
    };
    let mut clients: Vec<_> = std::iter::repeat_with(connect).take(CLIENTS).collect();
    let before = server.metric("process_cpu_seconds_total");
    thread::scope(|scope| {
        for wire in &mut clients {
            scope.spawn(|| (0..rounds).for_each(|_| wire.ask(request, depth)));
        }
    });
    let took = server.metric("process_cpu_seconds_total") - before;
    let mut reader = Wire::connect(server, Transport::Lines);
    reader.ask(r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"henderson","password":"surabaya"}}"#, 1);
    reader.ask(r#"{"jsonrpc":"2.0","id":1,"method":"read","params":{"with":"messi","upto":9007199254740991}}"#, 1);
    took * 1e6 / (CLIENTS * rounds * depth) as f64
}

/// Bytes that the server takes for a connection that has asked something and is idle.
fn memory(transport: Transport) -> f64 {
    // One that has had no others, whose memory it could use again.
    let server = Server::start(OPTIONS);
    let connect = |_| {
        let mut wire = Wire::connect(&server, transport);
        wire.ask(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, 1);
        wire
    };
    let _before: Vec<_> = (0..IDLE_BEFORE).map(connect).collect();
    let before = server.memory();
    let idle: Vec<_> = (0..IDLE).map(connect).collect();
    (server.memory() - before) / idle.len() as f64
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection over one of the transports.
enum Wire {
    Lines(BufReader<Box<dyn Stream>>),
    WebSocket(Box<WebSocket<Box<dyn Stream>>>),
}

impl Wire {
    fn connect(server: &Server, transport: Transport) -> Self {
        let (address, has_tls) = match transport {
            Transport::Lines => (server.clear, false),
            Transport::WebSocket => (server.web, false),
            Transport::Tls => (server.tls, true),
            Transport::TlsWebSocket => (server.tls_web, true),
        };
        let stream = stream(server, address, has_tls);
        match transport {
            Transport::Lines | Transport::Tls => Self::Lines(BufReader::new(stream)),
            Transport::WebSocket | Transport::TlsWebSocket => {
                let request = format!("ws://{address}/ws").into_client_request().unwrap();
                Self::WebSocket(Box::new(client(request, stream).unwrap().0))
            }
        }
    }

    /// Sends a request so many times at once, and reads as many answers.
    fn ask(&mut self, request: &str, times: usize) {
        match self {
            Self::Lines(lines) => {
                lines.get_mut().write_all(format!("{request}\n").repeat(times).as_bytes()).unwrap();
                for _ in 0..times {
                    let mut answer = String::new();
                    lines.read_line(&mut answer).unwrap();
                    assert!(answer.contains("\"result\""), "{answer}");
                }
            }
            Self::WebSocket(socket) => {
                (0..times).for_each(|_| socket.write(Message::text(request)).unwrap());
                socket.flush().unwrap();
                for _ in 0..times {
                    let answer = socket.read().unwrap().into_text().unwrap();
                    assert!(answer.contains("\"result\""), "{answer}");
                }
            }
        }
    }
}

fn stream(server: &Server, address: SocketAddr, has_tls: bool) -> Box<dyn Stream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    if !has_tls {
        return Box::new(stream);
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&fs::read(server.authority()).unwrap()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config =
        builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    Box::new(StreamOwned::new(session, stream))
}
