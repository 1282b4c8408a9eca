//! A server, and the client as a script and a person start it.

pub(crate) mod proxy;
pub(crate) mod terminal;
pub(crate) mod tmux;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use chat_lib::model::{PasswordCost, Registration};
use chat_lib::server::{Handle, Listener, TlsIdentity};
use chat_lib::{Chat, Config, Server};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_chat-cli");

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) chat: Chat,
    /// What it shows for TLS, if it speaks that.
    identity: Option<TlsIdentity>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
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
        Self::start_first(config, address, None)
    }

    /// A server that speaks TLS.
    pub(crate) fn encrypted(address: &str, identity: TlsIdentity) -> Self {
        Self::start_first(Config { registration: Registration::Open, ..Config::default() }, address, Some(identity))
    }

    fn start_first(config: Config, address: &str, identity: Option<TlsIdentity>) -> Self {
        let password_cost = PasswordCost::new(8, 1, 1).unwrap();
        let chat = Chat::new(Config { password_cost, ..config });
        chat.add_demo_users().unwrap();
        let server = bind(&chat, address.parse().unwrap(), identity.as_ref());
        let (address, handle) = (server.addresses()[0], server.handle());
        Self { address, chat, identity, handle, thread: Some(thread::spawn(move || server.run().unwrap())) }
    }

    /// Another server of the same chat.
    pub(crate) fn another(&self, address: &str) -> Self {
        let server = bind(&self.chat, address.parse().unwrap(), None);
        let (address, handle, chat) = (server.addresses()[0], server.handle(), self.chat.clone());
        Self { address, chat, identity: None, handle, thread: Some(thread::spawn(move || server.run().unwrap())) }
    }

    /// Serves the same chat again, after it was stopped.
    pub(crate) fn start_again(&mut self) {
        let server = bind(&self.chat, self.address, self.identity.as_ref());
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

fn bind(chat: &Chat, address: SocketAddr, identity: Option<&TlsIdentity>) -> Server {
    let listener = match identity {
        Some(identity) => Listener::tls(address, identity.clone()),
        None => Listener::tcp(address),
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
