//! A server, and the client as a script and a person start it.

pub(crate) mod liar;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod terminal;
pub(crate) mod tmux;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use chat_lib::model::{PasswordCost, Registration};
use chat_lib::server::{Handle, Listener, TlsIdentity, WebSite};
use chat_lib::{Chat, Config, Server};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_chat-cli");

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) chat: Chat,
    transport: Transport,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// What carries the connections to a server.
pub(crate) enum Transport {
    Tcp,
    Tls(TlsIdentity),
    WebSocket,
    TlsWebSocket(TlsIdentity),
}

impl Running {
    pub(crate) fn new() -> Self {
        Self::on("127.0.0.1:0")
    }

    /// On an address of loopback that is the caller's own: once the server is gone, the port will not
    /// be another test's.
    pub(crate) fn on(address: &str) -> Self {
        Self::serve(Config { registration: Registration::Open, ..Config::default() }, address)
    }

    /// Another chat than usual, with the demo users.
    pub(crate) fn serve(config: Config, address: &str) -> Self {
        Self::start_first(config, address, Transport::Tcp)
    }

    /// A server with another transport.
    pub(crate) fn over(transport: Transport, address: &str) -> Self {
        Self::start_first(Config { registration: Registration::Open, ..Config::default() }, address, transport)
    }

    fn start_first(config: Config, address: &str, transport: Transport) -> Self {
        let password_cost = PasswordCost::new(8, 1, 1).unwrap();
        let chat = Chat::new(Config { password_cost, ..config });
        chat.add_demo_users().unwrap();
        let server = bind(&chat, address.parse().unwrap(), &transport);
        let (address, handle) = (server.addresses()[0], server.handle());
        Self { address, chat, transport, handle, thread: Some(thread::spawn(move || server.run().unwrap())) }
    }

    /// Another server of the same chat.
    pub(crate) fn another(&self, address: &str) -> Self {
        let server = bind(&self.chat, address.parse().unwrap(), &Transport::Tcp);
        let (address, handle, chat) = (server.addresses()[0], server.handle(), self.chat.clone());
        let thread = Some(thread::spawn(move || server.run().unwrap()));
        Self { address, chat, transport: Transport::Tcp, handle, thread }
    }

    /// Serves the same chat again, after it was stopped.
    pub(crate) fn start_again(&mut self) {
        let server = bind(&self.chat, self.address, &self.transport);
        self.handle = server.handle();
        self.thread = Some(thread::spawn(move || server.run().unwrap()));
    }

    /// What stops the server from elsewhere.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(crate) fn stop(&mut self) {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap();
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        Command::new(BINARY)
            .args([&self.address.to_string()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = self.start(args);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

fn bind(chat: &Chat, address: SocketAddr, transport: &Transport) -> Server {
    let listener = match transport {
        Transport::Tcp => Listener::tcp(address),
        Transport::Tls(identity) => Listener::tls(address, identity.clone()),
        Transport::WebSocket => Listener::web(address, WebSite::new()),
        Transport::TlsWebSocket(identity) => Listener::web_tls(address, WebSite::new(), identity.clone()),
    };
    Server::builder(chat.clone()).listen(listener).bind().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The output with every token replaced.
pub(crate) fn without_tokens(output: &Output) -> String {
    let text = text(&output.stdout);
    let words = text.split_inclusive([' ', '\n']).map(|word| match word.trim_end() {
        token if token.len() == 36 && token.matches('-').count() == 4 => word.replace(token, "TOKEN"),
        _ => word.to_owned(),
    });
    words.collect()
}
