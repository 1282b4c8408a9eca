//! What several tests need: a chat whose time and chance they hold, and a server around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use chat_lib::clock::ManualClock;
use chat_lib::entropy::Entropy;
use chat_lib::limits::Limits;
use chat_lib::model::{Inbox, PasswordCost, SessionToken};
use chat_lib::protocol::{Command, Reply, reply};
use chat_lib::server::Handle;
use chat_lib::{Chat, Config, Error, Server};

/// Bytes that count up, so that two chats that do the same give the same tokens.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(0);
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let start = bytes.len() - number.len();
        bytes[start..].copy_from_slice(&number);
        Ok(())
    }
}

/// The least that a password can cost, for tests that are not about that.
pub(crate) fn cheap() -> PasswordCost {
    PasswordCost::new(8, 1, 1).unwrap()
}

/// A chat in memory with the demo users, on a clock that stands still.
pub(crate) fn demo_chat(limits: Limits) -> (Chat, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = Config {
        clock: Box::new(Arc::clone(&clock)),
        entropy: Box::new(Counting::default()),
        limits,
        password_cost: cheap(),
        ..Config::default()
    };
    let chat = Chat::new(config);
    chat.add_demo_users().unwrap();
    (chat, clock)
}

/// The tokens that a [`demo_chat`] gives out, in order.
pub(crate) fn tokens() -> impl Iterator<Item = SessionToken> {
    let entropy = Counting::default();
    let salts = 3;
    std::iter::repeat_with(move || SessionToken::random(&entropy).unwrap()).skip(salts)
}

/// Reads the answer to a line.
pub(crate) fn read_answer(line: &str, answer: &[u8]) -> Result<Reply, Error> {
    reply::read(&Command::parse(line.as_bytes())?, answer)
}

/// The token in the reply to a login.
pub(crate) fn token_of(reply: Reply) -> SessionToken {
    match reply {
        Reply::LoggedIn(token) => token,
        other => panic!("{other:?}"),
    }
}

/// The inbox in the reply to `inbox`.
pub(crate) fn inbox_of(reply: Reply) -> Inbox {
    match reply {
        Reply::Inbox(inbox) => inbox,
        other => panic!("{other:?}"),
    }
}

/// The inbox in an answer to `inbox`, whosever it is.
pub(crate) fn inbox_in(answer: &[u8]) -> Inbox {
    let token = tokens().next().unwrap();
    inbox_of(reply::read(&Command::Inbox { token }, answer).unwrap())
}

/// The names in the reply to `activeuser`.
pub(crate) fn users_of(reply: Reply) -> Vec<String> {
    match reply {
        Reply::ActiveUsers(users) => users.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// A server on a free port that runs until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) chat: Chat,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Running {
    pub(crate) fn new(chat: Chat) -> Self {
        Self::on("127.0.0.1:0", chat)
    }

    /// On an address of loopback that is the caller's own: once the server is gone, the port will not
    /// be another test's.
    pub(crate) fn on(address: &str, chat: Chat) -> Self {
        let server = Server::bind(chat.clone(), address).unwrap();
        let (address, handle) = (server.addresses()[0], server.handle());
        Self { address, handle, chat, thread: Some(thread::spawn(move || server.run())) }
    }

    /// Stops the server and waits until it has.
    pub(crate) fn stop(mut self) {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}
