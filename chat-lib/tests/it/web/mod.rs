//! HTTP and WebSocket of a server, with a client that nobody here wrote, and byte for byte where such a client would not break
//! a rule.

mod http;
mod websocket;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::server::{Handle, Listener, WebSite};
use chat_lib::{Chat, Server};

use crate::support::demo_chat;

/// A server with a page and for lines, until it is dropped.
struct Running {
    web: SocketAddr,
    lines: SocketAddr,
    handle: Handle,
    chat: Chat,
}

impl Running {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::behind(limits, &[])
    }

    /// One that trusts proxies.
    fn behind(limits: Limits, proxies: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), PAGE).unwrap();
        std::fs::write(folder.path().join("large.png"), vec![b'x'; LARGE]).unwrap();
        let site = WebSite::folder(folder.path()).unwrap().allow_origin("https://example.org".parse().unwrap());
        let chat = demo_chat(limits).0;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::builder(chat.clone())
            .trust_proxies(proxies.iter().map(|it| it.parse().unwrap()))
            .listen(any)
            .listen(Listener::web(any, site))
            .bind()
            .unwrap();
        let (handle, &[lines, web]) = (server.handle(), server.addresses()) else { panic!("two addresses") };
        thread::spawn(move || server.run().unwrap());
        Self { web, lines, handle, chat }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.web).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

/// Sends bytes over a connection of their own, and reads until the server closes.
fn exchange(server: &Running, bytes: &[u8]) -> String {
    let mut stream = server.connect();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

const PAGE: &str = "<!doctype html><title>A page</title>";
const LARGE: usize = 900_000;
const PATIENCE: Duration = Duration::from_secs(30);
