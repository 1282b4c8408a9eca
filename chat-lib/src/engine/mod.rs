//! The rules of the chat. [`Chat`] takes commands and gives values, never bytes. It relies on a [`Store`] that keeps its
//! contract.
//!
//! A command is started within a [turn](turn), and is one [step or one job](step). What it does is in [`commands`].

mod authenticator;
mod budget;
mod commands;
mod event;
mod exchange;
mod health;
mod hub;
mod inbox;
mod invitations;
mod login;
mod notice;
mod operator;
mod origin;
mod own_sessions;
mod people;
mod reading;
mod refusal_log;
mod reload;
mod room_changes;
mod rooms;
mod sending;
mod step;
mod subscription;
#[cfg(feature = "sqlite")]
mod takeover;
mod throttle;
mod turn;
mod user_connections;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::authenticator::Calls;
pub use self::authenticator::{Authenticator, AuthenticatorError, Credentials, Identity};
pub(crate) use self::budget::{Budget, Share};
pub use self::exchange::Restored;
use self::hub::Hub;
pub(crate) use self::hub::{EventStream, Intake, Mailbox};
pub(crate) use self::inbox::Delivery;
pub use self::operator::{NewUser, UserInfo};
pub(crate) use self::origin::{Origin, next_connection};
use self::refusal_log::RefusalLog;
use self::reload::InEffect;
use self::room_changes::RoomChanges;
use self::sending::Typing;
pub(crate) use self::step::Step;
pub use self::step::{FinishedJob, Job};
use self::throttle::Throttle;
pub(crate) use self::turn::Turn;
use self::user_connections::UserConnections;
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::model::{PasswordCost, Registration};
use crate::protocol::{Reply, Request, line, rpc};
use crate::settings::Settings;
use crate::store::{Batch, Memory, Store};

/// A chat: users, their sessions and their conversations. Clones are handles to the same chat, and all
/// of them can be used from many threads at once.
///
/// ```
/// use chat_lib::{Chat, NewUser};
///
/// let chat = Chat::memory();
/// chat.add_user(NewUser { name: "messi", password: "surabaya", full_name: "Lionel Messi", country: "Argentina" })?;
/// assert!(chat.answer(b"auth messi surabaya").starts_with(b"{\"status\": \"OK\", \"tokenid\": "));
/// assert_eq!(chat.answer(b"halo"), b"{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n");
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

/// What all handles to a chat share.
struct Inner {
    /// Its settings are only the first ones: `settings` has those in effect.
    config: Config,
    settings: InEffect,
    throttle: Throttle,
    budget: Budget,
    /// What is held of requests.
    requests: Budget,
    authenticator_calls: Calls,
    hub: Hub,
    typing: Typing,
    user_connections: UserConnections,
    rules: Mutex<RoomChanges>,
    metrics: Metrics,
    refusal_log: RefusalLog,
    /// The epoch of the store, which cannot be asked within a turn.
    epoch: Mutex<Arc<str>>,
}

/// What a [`Chat`] stands on. The default keeps everything in memory.
pub struct Config {
    /// Where accounts, sessions and conversations are kept.
    pub store: Box<dyn Store>,
    /// What time it is; sessions expire by it.
    pub clock: Box<dyn Clock>,
    /// Where tokens and salts come from.
    pub entropy: Box<dyn Entropy>,
    /// The caps.
    pub limits: Limits,
    /// What it costs to hash a password. A user whose hash cost less gets a new one at their next login.
    pub password_cost: PasswordCost,
    /// Who may make an account with `register`. Nobody, if there is an authenticator.
    pub registration: Registration,
    /// What checks logins in place of the chat; `None` for the passwords that the chat has.
    pub authenticator: Option<Arc<dyn Authenticator>>,
}

/// Shows the settings.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limits, password_cost, registration, .. } = self;
        f.debug_struct("Config")
            .field("limits", limits)
            .field("password_cost", password_cost)
            .field("registration", registration)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// A configuration with `settings`, on a store that was opened with their
    /// [`store_options`](Settings::store_options), and with the system's clock and randomness.
    pub fn new(store: Box<dyn Store>, settings: &Settings) -> Self {
        let Settings { limits, registration, password_cost, .. } = settings.clone();
        Self { store, limits, registration, password_cost, ..Self::default() }
    }

    /// The settings that it has; those of the store are not among them.
    #[cfg_attr(not(feature = "sqlite"), allow(clippy::needless_update, reason = "there are no others then"))]
    fn settings(&self) -> Settings {
        let Self { limits, password_cost, registration, .. } = self;
        Settings {
            limits: limits.clone(),
            password_cost: *password_cost,
            registration: *registration,
            ..Settings::default()
        }
    }
}

impl Inner {
    fn epoch(&self) -> Arc<str> {
        Arc::clone(&self.epoch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the epoch again. The thread must have no turn.
    fn refresh_epoch(&self) {
        let epoch = self.config.store.epoch().into();
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
    }
}

impl Chat {
    /// An empty chat that is kept in memory only.
    pub fn memory() -> Self {
        Self::new(Config::default())
    }

    #[cfg(feature = "sqlite")]
    /// The chat that is kept in a directory, which is created if it does not exist. Every call that changes
    /// something returns when that is safe on the disk.
    ///
    /// ```
    /// use chat_lib::{Chat, NewUser};
    ///
    /// # let directory = std::env::temp_dir().join(format!("chat-doc-{}", std::process::id()));
    /// let chat = Chat::open(&directory)?;
    /// chat.add_user(NewUser { name: "ana", password: "secret", full_name: "Ana Lima", country: "Brasil" })?;
    /// drop(chat);
    ///
    /// let chat = Chat::open(&directory)?;
    /// assert_eq!(chat.users()?[0].profile.full_name(), "Ana Lima");
    /// # std::fs::remove_dir_all(&directory).unwrap();
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Durable::open`](crate::store::Durable::open).
    pub fn open(directory: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        let store = crate::store::Durable::open(directory.as_ref(), crate::store::Options::default())?;
        Ok(Self::new(Config { store: Box::new(store), ..Config::default() }))
    }

    /// A chat that stands on `config`.
    pub fn new(config: Config) -> Self {
        let (throttle, budget, requests, authenticator_calls, hub, typing, user_connections, rules, refusal_log) =
            Default::default();
        let epoch = Mutex::new(config.store.epoch().into());
        let metrics = Metrics::new(&config.store.commits());
        let settings = InEffect::new(config.settings());
        let inner = Inner {
            config,
            settings,
            throttle,
            budget,
            requests,
            authenticator_calls,
            hub,
            typing,
            user_connections,
            rules,
            metrics,
            refusal_log,
            epoch,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Does what `request` says.
    ///
    /// # Errors
    ///
    /// What the command is refused with, as `docs/protocol-2.md` has it for each; [`Error::NoSuchSession`] for a token that opens
    /// none; [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine fails. Nothing was done then.
    /// [`Error::OutcomeUnknown`] if the store cannot tell whether it was done.
    pub fn execute(&self, request: &Request<'_>) -> Result<Reply, Error> {
        self.complete(|turn| self.start(request, &mut Origin::default(), turn))
    }

    /// Does what a request line says and gives the answer's bytes, whatever the line holds. The line
    /// may be without its end; what it may hold is `docs/protocol.md`.
    pub fn answer(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if !rpc::is_rpc(line) {
            let outcome = self.complete(|turn| self.start_line(line, &mut Origin::default(), turn));
            line::reply::write(&outcome, &mut out);
            return out;
        }
        let limit = self.limits().line_bytes;
        let (id, outcome) = match rpc::parse(line) {
            _ if line.len() > limit => (Some(rpc::Id::NULL), Err(Error::LineTooLong { limit })),
            Ok(rpc::Call { id, command, .. }) => (id, self.execute(&Request::new(command))),
            Err(rejected) => (rejected.id, Err(rejected.error)),
        };
        match (id, outcome) {
            (Some(id), Ok(reply)) => rpc::write_reply(&id, &reply, &mut out),
            (Some(id), Err(refusal)) => rpc::write_error(&id, &refusal, &mut out),
            (None, _) => {}
        }
        out
    }

    /// Runs a command to its end in this thread: its steps in a turn each, and its jobs between them.
    fn complete(&self, start: impl FnOnce(&mut Turn<'_>) -> Result<Step, Error>) -> Result<Reply, Error> {
        let mut turn = self.begin();
        let mut step = start(&mut turn);
        loop {
            turn.commit()?;
            let job = match step? {
                Step::Done(reply) => return Ok(reply),
                Step::Inbox(delivery) => return Ok(delivery.into_reply()),
                // Only a connection reads any.
                Step::Page(_) => return Ok(Reply::Done),
                Step::Job(job) => job.run_here(),
            };
            turn = self.begin();
            step = self.finish(job, &mut turn);
        }
    }

    /// The caps that this chat works under now.
    pub fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    /// Who may register now: nobody where a program with an [`Authenticator`] of its own has the accounts.
    pub fn registration(&self) -> Registration {
        match self.inner.config.authenticator {
            Some(_) => Registration::Closed,
            None => self.settings().registration,
        }
    }

    /// Runs steps in a batch of their own, and commits them.
    fn durably<T>(&self, steps: impl FnOnce(&mut dyn Batch) -> Result<T, Error>) -> Result<T, Error> {
        self.in_turn(|turn| steps(&mut *turn.batch))
    }

    /// As [`durably`](Self::durably), for steps that others have to be told of.
    fn in_turn<T>(&self, steps: impl FnOnce(&mut Turn<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut turn = self.begin();
        let outcome = steps(&mut turn);
        turn.commit()?;
        outcome
    }

    /// Keeps others out who change what rules look at, from the step that checks a rule to the step that relies on it: steps of
    /// other threads may come in between. It is taken within a turn, and never held longer. Nobody waits for anything else
    /// while they hold it. The changes of rooms are in it, so that their order is the one in which they were made.
    fn lock_rules(&self) -> MutexGuard<'_, RoomChanges> {
        self.inner.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("limits", self.limits()).finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: Box::new(Memory::new()),
            clock: Box::new(SystemClock),
            entropy: Box::new(OsEntropy),
            limits: Limits::default(),
            password_cost: PasswordCost::default(),
            registration: Registration::Closed,
            authenticator: None,
        }
    }
}
