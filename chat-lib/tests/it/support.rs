//! What several tests need: a chat whose time and chance they hold, and a server around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use chat_lib::clock::ManualClock;
use chat_lib::entropy::Entropy;
use chat_lib::limits::Limits;
use chat_lib::model::{Framing, Inbox, MessageId, PasswordCost, SessionToken};
use chat_lib::protocol::{Command, Reply, Request, line};
use chat_lib::server::Handle;
use chat_lib::store::Position;
use chat_lib::{Chat, Config, Error, NewUser, Server};

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

/// A chat in memory whose passwords cost little.
pub(crate) fn config() -> Config {
    Config { password_cost: cheap(), ..Config::default() }
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

/// Somebody who is logged in, for commands of any protocol.
pub(crate) struct Person {
    pub(crate) chat: Chat,
    pub(crate) token: SessionToken,
}

impl Person {
    /// Logs a user in, who is added if there is no such user.
    pub(crate) fn new(chat: &Chat, name: &str) -> Self {
        let user = NewUser { name, password: "surabaya", full_name: name, country: "" };
        match chat.add_user(user) {
            Ok(()) | Err(Error::UserExists) => {}
            Err(problem) => panic!("{problem}"),
        }
        Self { chat: chat.clone(), token: chat.open_session(name).unwrap().token() }
    }

    pub(crate) fn run(&self, command: Command<'_>) -> Result<Reply, Error> {
        self.chat.execute(&Request::with_token(self.token, command))
    }

    /// Runs a command that has to work.
    pub(crate) fn does(&self, command: Command<'_>) -> Reply {
        let name = command.name();
        self.run(command).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
    }

    /// The code of the refusal of a command, which has to be refused.
    pub(crate) fn refused(&self, command: Command<'_>) -> String {
        let name = command.name();
        match self.run(command) {
            Err(refusal) => refusal.code().to_owned(),
            Ok(reply) => panic!("{name} worked: {reply:?}"),
        }
    }

    pub(crate) fn sends(&self, to: &str, text: &str) -> MessageId {
        match self.does(send(to, text)) {
            Reply::Sent { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    /// The texts of the last messages of a conversation.
    pub(crate) fn history(&self, with: &str) -> Vec<String> {
        match self.does(history(with)) {
            Reply::History(page) => page.entries.into_iter().map(|message| message.text).collect(),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn send<'a>(to: &'a str, text: &'a str) -> Command<'a> {
    Command::Send { to: to.into(), text: text.into(), framing: Framing::DEFAULT, key: None }
}

pub(crate) fn history(with: &str) -> Command<'_> {
    Command::History { with: with.into(), position: Position::Before(MessageId::MAX), limit: 100 }
}

/// Reads the answer to a line.
pub(crate) fn read_answer(line: &str, answer: &[u8]) -> Result<Reply, Error> {
    line::reply::read(&line::parse(line.as_bytes())?.command, answer)
}

/// The token in the reply to a login.
pub(crate) fn token_of(reply: Reply) -> SessionToken {
    match reply {
        Reply::LoggedIn(login) => login.token,
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
    inbox_of(line::reply::read(&Command::Inbox, answer).unwrap())
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
