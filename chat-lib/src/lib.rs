//! A chat server that a program contains.
//!
//! It is to chat what SQLite is to databases: no daemon, no runtime, and no socket unless you want
//! one. What it does **not** do: start threads (only [`Server::run`] has some, until it returns, a
//! chat in a directory has one, until it is dropped, and an [`Authenticator`] is called in one for each login over the wire), read the clock or the system's randomness behind
//! your back ([`Config`] takes both, and [`store::Options`] the clock that a directory's messages age by), or
//! know what carries its bytes.
//!
//! ```text
//! bytes ─▶ protocol::Frames ─▶ protocol::Command ─▶ Chat ─▶ store::Store
//! bytes ◀─ Outbox ◀─ protocol::reply ◀─ Reply ───────┘
//!          └────────────── Connection (no I/O) ─────────────┘
//! └──────────── server (sockets, threads) │ your own loop ─────────────┘
//! ```
//!
//! There are three ways in, each an example in the repository:
//!
//! - [`Chat`] answers a line or does a [`Command`](protocol::Command): `examples/embedded.rs`;
//! - [`Connection`] takes received bytes and appends answers: `examples/own_loop.rs`;
//! - [`Server`] listens, and serves until its [`Handle`](server::Handle) stops it: `examples/serve.rs`.
//!
//! [`Client`] speaks to a server from the other side. The wire is described in `docs/protocol.md`.
//!
//! # Features
//!
//! All but `conformance` are on by default. Without any, what is left is the protocol, the rules, [`Connection`] and a store in memory, which
//! compiles in seconds.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `client` | [`Client`] |
//! | `conformance` | `conformance`, the suite that a [`Store`](store::Store) of your own has to pass |
//! | `passwords` | users with passwords (Argon2id); without it, no login with a password works |
//! | `server` | [`Server`] |
//! | `sqlite` | [`Chat::open`] and [`Durable`](store::Durable). It contains SQLite; a program that links another one goes without |
//! | `tls` | encrypted connections (rustls) |
//! | `web` | the web page, and WebSocket for browsers (tungstenite, httparse) |
//!
//! # Faster commits
//!
//! SQLite syncs with `fsync`, which also writes a file's times, unless it is compiled with a promise that the system's
//! `fdatasync` works. No crate can give it that promise for your program; Cargo only reads it from a
//! `.cargo/config.toml` of yours. On Linux these two lines about halve what a commit costs, and change nothing else:
//!
//! ```toml
//! [env]
//! LIBSQLITE3_FLAGS = "-DHAVE_FDATASYNC=1"
//! ```

#[cfg(feature = "client")]
pub mod client;
pub mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod connection;
mod engine;
pub mod entropy;
mod error;
mod events;
#[cfg(any(feature = "tls", feature = "web"))]
mod files;
pub mod hex;
pub mod limits;
pub mod metrics;
pub mod model;
mod outbox;
mod printable;
#[cfg(any(feature = "server", feature = "sqlite"))]
mod priority;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
mod session;
pub mod settings;
mod source;
pub mod store;

#[cfg(feature = "client")]
pub use self::client::{Client, ClientOptions, ServerAddress, ServerAddresses};
pub use self::connection::{Connection, Received};
pub use self::engine::{
    Authenticator, AuthenticatorError, Chat, Config, Credentials, FinishedJob, Identity, Job, NewUser, Restored,
    UserInfo,
};
pub use self::error::{Error, Process, with_reasons};
pub use self::events::{Events, EventsStopper};
#[cfg(any(feature = "tls", feature = "web"))]
pub use self::files::read_small_file;
pub use self::outbox::Outbox;
pub use self::printable::printable;
#[cfg(feature = "server")]
pub use self::server::Server;
pub use self::session::{RoomUpdate, Sent, Session};

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
